"""LSTM and GRU over a whole sequence as one op each: the steps are native, the weight's gradient is one product."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import kernels
from autograd.op import op
from autograd.ops.activation import sigmoid, tanh
from autograd.ops.join import chunk, stack
from autograd.ops.linalg import linear, tensor_of
from autograd.sampling import Case, Sampler
from autograd.tensor import Tensor
from autograd.value import array_of


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def _samples(s: Sampler, blocks: int, states: int) -> Case:
    """Gates, states, weight and bias of a short sequence."""
    length, n, size = s.integer(1, 3), s.integer(1, 2), s.integer(1, 3) if s.boolean() else s.lanes() + 1
    first = [s.array((n, size)) for _ in range(states)]
    b = s.array((blocks * size,)) if s.boolean() else None
    return s.case(s.array((length, n, blocks * size)), *first, s.array((blocks * size, size)), b)


# ---------------------------------------------------------------------------------------------- LSTM


def lstm_step(gates: Tensor, state: tuple[Any, Any], w: Any, b: Any) -> tuple[Tensor, Tensor]:
    """c' = f c + i g, h' = o tanh(c'), with i, f, g, o from four blocks of rows. Hochreiter, Schmidhuber, 1997."""
    h, c = state
    i, f, g, o = chunk(gates + linear(h, w, b), 4, -1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


def _lstm_reference(gates, h, c, u, b=None):
    hs: list[Any] = []
    cs: list[Any] = []
    active: list[Any] = []
    for x in gates:
        blocks = x + h @ u.T + (0 if b is None else b)
        i, f, g, o = (np.tanh(a) if k == 2 else _sigmoid(a) for k, a in enumerate(np.split(blocks, 4, -1)))
        c = f * c + i * g
        h = o * np.tanh(c)
        hs, cs, active = [*hs, h], [*cs, c], [*active, np.concatenate([i, f, g, o], -1)]
    return np.array([*hs, *cs]), np.array(active)


def _lstm_twin(gates, h, c, u, b=None):
    states = [(h, c)]
    for x in tensor_of(gates):
        states.append(lstm_step(x, states[-1], u, b))
    hs, cs = zip(*states[1:])
    return stack([*hs, *cs], 0)


@op(
    reference=_lstm_reference,
    samples=lambda s: _samples(s, 4, 2),
    extras=("active",),
    twin=_lstm_twin,
    flops=lambda out, gates, h, *_: gates[0] * gates[1] * gates[2] * (2 * h[1] + 8),
)
def lstm(gates, h, c, u, b=None):
    """All steps of a layer: gates (L, N, 4 H) of the input, h and c (N, H), u (4 H, H), b (4 H,) -> (2 L, N, H)

    The result holds every h, then every c; the extra `active` the activations of the gates.
    """
    return kernels.lstm(gates, h, c, u, b)


lstm.grads(
    parts=lambda g, out, active, h, c, u: kernels.lstm_grad(
        g.array, array_of(out), active, array_of(h), array_of(c), array_of(u)
    ),
    gates=lambda parts: parts[0],
    h=lambda parts: parts[1],
    c=lambda parts: parts[2],
    u=lambda parts: parts[3],
    b=lambda parts: parts[4],
)


# ---------------------------------------------------------------------------------------------- GRU


def gru_step(gates: Tensor, h: Any, w: Any, b: Any) -> Tensor:
    """h' = z h + (1 - z) tanh(x_n + r h_n), with r, z, n from three blocks of rows. Cho et al., arXiv:1406.1078."""
    xr, xz, xn = chunk(gates, 3, -1)
    hr, hz, hn = chunk(linear(h, w, b), 3, -1)
    z = sigmoid(xz + hz)
    return z * h + (1 - z) * tanh(xn + sigmoid(xr + hr) * hn)


def _gru_reference(gates, h, u, b=None):
    hs: list[Any] = []
    active: list[Any] = []
    for x in gates:
        (xr, xz, xn), (hr, hz, hn) = np.split(x, 3, -1), np.split(h @ u.T + (0 if b is None else b), 3, -1)
        r, z = _sigmoid(xr + hr), _sigmoid(xz + hz)
        n = np.tanh(xn + r * hn)
        h = z * h + (1 - z) * n
        hs, active = [*hs, h], [*active, np.concatenate([r, z, n, hn], -1)]
    return np.array(hs), np.array(active)


def _gru_twin(gates, h, u, b=None):
    hs = [h]
    for x in tensor_of(gates):
        hs.append(gru_step(x, hs[-1], u, b))
    return stack(hs[1:], 0)


@op(
    reference=_gru_reference,
    samples=lambda s: _samples(s, 3, 1),
    extras=("active",),
    twin=_gru_twin,
    flops=lambda out, gates, h, *_: gates[0] * gates[1] * gates[2] * (2 * h[1] + 8),
)
def gru(gates, h, u, b=None):
    """All steps of a layer: gates (L, N, 3 H) of the input, h (N, H), u (3 H, H), b (3 H,) -> every h (L, N, H)

    The extra `active` holds r, z, n and u's part of n.
    """
    return kernels.gru(gates, h, u, b)


gru.grads(
    parts=lambda g, out, active, h, u: kernels.gru_grad(g.array, array_of(out), active, array_of(h), array_of(u)),
    gates=lambda parts: parts[0],
    h=lambda parts: parts[1],
    u=lambda parts: parts[2],
    b=lambda parts: parts[3],
)
