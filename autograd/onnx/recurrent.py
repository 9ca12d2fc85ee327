"""RNN, GRU and LSTM as loops over time, each gate by the ops of the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import autograd as ag
from autograd.onnx.elementwise import TABLE as ELEMENTWISE
from autograd.onnx.values import array, tensor
from autograd.tensor import Tensor

ACTIVATIONS = {"Affine": lambda x, *, alpha=1.0, beta=0.0: alpha * x + beta, **ELEMENTWISE}


def _activations(
    names: Any, alphas: Any, betas: Any, defaults: list[str], directions: int
) -> list[Callable[[Any], Any]]:
    """The functions of all gates and directions, with their parameters taken in order."""
    alphas, betas = list(alphas or ()), list(betas or ())
    found: list[Any] = []
    spelling = {name.lower(): name for name in ACTIVATIONS}
    for name in names or defaults * directions:
        function = ACTIVATIONS[spelling[name.lower()]]
        asks = getattr(function, "__kwdefaults__", None) or {}
        fixed = {"alpha": alphas.pop(0)} if "alpha" in asks and alphas else {}
        fixed |= {"beta": betas.pop(0)} if "beta" in asks and betas else {}
        found.append(lambda x, f=function, k=fixed: f(x, **k))
    return found


def _directions(direction: str) -> list[bool]:
    """Whether each direction runs backwards."""
    return {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[direction]


def _run(
    cell: Callable[..., Any], x: Tensor, lengths: Any, state: tuple[Any, ...], backwards: bool
) -> tuple[Tensor, tuple]:
    """All steps of one direction: outputs (T, N, H) and the state after each sequence's last element."""
    steps = range(x.shape[0])
    n = None if lengths is None else array(lengths).reshape(-1, 1)
    outputs: list[Any] = [None] * x.shape[0]
    for t in reversed(steps) if backwards else steps:
        new = cell(x[t], *state)
        if n is not None:  # beyond its end a sequence keeps its state and gives zeros
            inside = t < n
            new = tuple(ag.where(inside, a, b) for a, b in zip(new, state))
            outputs[t] = ag.where(inside, new[0], new[0] * 0)
        else:
            outputs[t] = new[0]
        state = new
    return ag.stack(*outputs), state


def _recurrent(gates: int, states: int, make_cell: Callable[..., Any], defaults: list[str]) -> Callable[..., Any]:
    def call(
        x, w, r, b=None, lengths=None, *initial, activation_alpha=None, activation_beta=None, activations=None,
        clip=None, direction="forward", hidden_size=None, layout=0, linear_before_reset=0, input_forget=0,
    ):  # fmt: skip
        backwards = _directions(direction)
        hidden = r.shape[-1]
        x = x.permute(1, 0, 2) if layout else x
        starts = [s.permute(1, 0, 2) if layout and s is not None and s.ndim == 3 else s for s in initial]
        starts += [None] * (3 - len(starts))
        functions = _activations(activations, activation_alpha, activation_beta, defaults, len(backwards))
        outputs, finals = [], []
        for d, reverse in enumerate(backwards):
            zero = tensor(np.zeros((x.shape[1], hidden), x.dtype))
            bias = tensor(np.zeros(2 * gates * hidden, x.dtype)) if b is None else b[d]
            peephole = starts[2][d] if starts[2] is not None else None
            own = functions[d * len(defaults) : (d + 1) * len(defaults)]
            limit = (lambda v: v) if not clip else lambda v: ag.clip(v, -clip, clip)
            cell = make_cell(w[d], r[d], bias, own, hidden, limit, linear_before_reset, input_forget, peephole)
            state = tuple(zero if starts[i] is None else starts[i][d] for i in range(states))
            y, last = _run(cell, x, lengths, state, reverse)
            outputs.append(y)
            finals.append(last)
        y = ag.stack(*outputs, axis=1)  # (T, D, N, H)
        ends = [ag.stack(*parts) for parts in zip(*finals)]
        if layout:
            y, ends = y.permute(2, 0, 1, 3), [v.permute(1, 0, 2) for v in ends]
        return (y, *ends)

    return call


def _rnn_cell(w, r, b, functions, hidden, limit, linear_before_reset, input_forget, peephole):
    """h' = f(x W + h R + b)"""
    bias = b[:hidden] + b[hidden:]

    def cell(x, h):
        return (functions[0](limit(x @ w.mT + h @ r.mT + bias)),)

    return cell


def _gru_cell(w, r, b, functions, hidden, limit, linear_before_reset, input_forget, peephole):
    """z, r = f(...); n = g(x W + r (h R)); h' = (1 - z) n + z h   (gates in the order z, r, h)"""
    wb, rb = b[: 3 * hidden], b[3 * hidden :]

    def cell(x, h):
        xs, last = x @ w.mT + wb, slice(2 * hidden, None)
        both = functions[0](limit(xs[:, : 2 * hidden] + h @ r[: 2 * hidden].mT + rb[: 2 * hidden]))
        update, reset = both[:, :hidden], both[:, hidden:]
        if linear_before_reset:
            inner = reset * (h @ r[last].mT + rb[last])
        else:
            inner = (reset * h) @ r[last].mT + rb[last]
        new = functions[1](limit(xs[:, last] + inner))
        return ((1 - update) * new + update * h,)

    return cell


def _lstm_cell(w, r, b, functions, hidden, limit, linear_before_reset, input_forget, peephole):
    """c' = f c + i g; h' = o tanh(c')   (gates in the order i, o, f, c; peepholes i, o, f)"""
    bias = b[: 4 * hidden] + b[4 * hidden :]
    parts = [None] * 3 if peephole is None else [peephole[i * hidden : (i + 1) * hidden] for i in range(3)]

    def cell(x, h, c):
        z = x @ w.mT + h @ r.mT + bias
        i, o, f, g = (z[:, k * hidden : (k + 1) * hidden] for k in range(4))
        i = functions[0](limit(i if parts[0] is None else i + parts[0] * c))
        f = 1 - i if input_forget else functions[0](limit(f if parts[2] is None else f + parts[2] * c))
        c = f * c + i * functions[1](limit(g))
        o = functions[0](limit(o if parts[1] is None else o + parts[1] * c))
        return o * functions[2](c), c

    return cell


TABLE: dict[str, Callable[..., Any]] = {
    "RNN": _recurrent(1, 1, _rnn_cell, ["Tanh"]),
    "GRU": _recurrent(3, 1, _gru_cell, ["Sigmoid", "Tanh"]),
    "LSTM": _recurrent(4, 2, _lstm_cell, ["Sigmoid", "Tanh", "Tanh"]),
}
