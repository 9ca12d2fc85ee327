"""Recurrent layers: a state that each step of a sequence changes. Shapes and state-dict names are torch.nn's."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.backends import fusion
from autograd.errors import ShapeError
from autograd.nn import functional as F
from autograd.nn import init
from autograd.nn.linear import empty
from autograd.nn.module import Module
from autograd.nn.utils.rnn import PackedSequence, pack_padded_sequence, unpack
from autograd.ops.join import stack
from autograd.ops.linalg import tensor_of
from autograd.ops.recurrent import gru, gru_step, lstm, lstm_step
from autograd.tensor import Tensor

Layer = Callable[[Tensor, Any, Tensor, "Tensor | None"], "tuple[Tensor, ...]"]
Step = Callable[[Tensor, Any, Tensor, "Tensor | None"], Any]


def _plain(activate: Callable[[Tensor], Tensor], gates: Tensor, h: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
    """h' = activate(W x + b + W_h h + b_h)"""
    return activate(gates + F.linear(h, w, b))


PLAIN: dict[str, Step] = {name: functools.partial(_plain, getattr(F, name)) for name in ("tanh", "relu")}


def _lstm(gates: Tensor, state: tuple[Tensor, Tensor], u: Tensor, b: Tensor | None) -> tuple[Tensor, ...]:
    """All steps of LSTM: every h, and every c."""
    length = gates.shape[0]
    states = lstm(gates, *state, u, b)
    return states[:length], states[length:]


def _gru(gates: Tensor, state: Tensor, u: Tensor, b: Tensor | None) -> tuple[Tensor, ...]:
    """All steps of GRU: every h."""
    return (gru(gates, state, u, b),)


def _projected(gates: Tensor, state: tuple[Tensor, Tensor], w: Tensor, b: Tensor | None, p: Tensor) -> Any:
    """lstm_step whose h' is multiplied by p. Sak et al., arXiv:1402.1128."""
    h, c = lstm_step(gates, state, w, b)
    return F.linear(h, p), c


def _backwards(x: Tensor, lengths: np.ndarray | None) -> Tensor:
    """Every sequence of (L, N, *) from its end to its start; what lies beyond its end stays."""
    if lengths is None:
        return x.flip(0)
    t = np.arange(x.shape[0])[:, None]
    return x[np.where(t < lengths, lengths - 1 - t, t), np.arange(len(lengths))]


def _each(state: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The state, h or (h, c) or None, with each part changed."""
    return tuple(change(h) for h in state) if isinstance(state, tuple) else state if state is None else change(state)


class _Recurrent(Module):
    """Layers of one kind of cell, one or two directions."""

    blocks = 1  # of hidden_size rows in every weight
    step: Step
    layer: Layer | None = None  # all steps in one op
    cell_state = False

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        for name, flag in (("bias", bias), ("batch_first", batch_first)):
            if not isinstance(flag, bool):
                raise TypeError(f"{type(self).__name__}: {name} must be True or False, got {flag!r}")
        if proj_size and (not self.cell_state or not 0 < proj_size < hidden_size):
            raise ValueError(
                f"{type(self).__name__}: proj_size={proj_size} must be 0"
                + (f" or below hidden_size={hidden_size}" if self.cell_state else "; only LSTM has projections")
            )
        if input_size < 1 or hidden_size < 1 or num_layers < 1:
            fault = f"input_size={input_size}, hidden_size={hidden_size} and num_layers={num_layers} must be above 0"
            raise ShapeError(f"{type(self).__name__}: {fault}")
        self.input_size, self.hidden_size, self.num_layers, self.bias = input_size, hidden_size, num_layers, bias
        self.batch_first, self.dropout, self.bidirectional = batch_first, dropout, bidirectional
        self.proj_size = proj_size
        for name, shape in self._shapes():
            self.register_parameter(name, empty(*shape, dtype=dtype))
        self.reset_parameters()

    def _shapes(self) -> list[tuple[str, tuple[int, ...]]]:
        rows, out = self.blocks * self.hidden_size, self.proj_size or self.hidden_size
        found: list[tuple[str, tuple[int, ...]]] = []
        for layer in range(self.num_layers):
            width = self.input_size if layer == 0 else out * (1 + self.bidirectional)
            for direction in range(1 + self.bidirectional):
                tail = f"l{layer}" + "_reverse" * direction
                found += [(f"weight_ih_{tail}", (rows, width)), (f"weight_hh_{tail}", (rows, out))]
                found += [(f"bias_ih_{tail}", (rows,)), (f"bias_hh_{tail}", (rows,))] if self.bias else []
                found += [(f"weight_hr_{tail}", (out, self.hidden_size))] if self.proj_size else []
        return found

    def reset_parameters(self) -> None:
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _start(self, given: Any, batch: int, dtype: Any) -> list[Any]:
        """The first state of every layer and direction."""
        count = self.num_layers * (1 + self.bidirectional)
        shapes = [(count, batch, n) for n in (self.proj_size or self.hidden_size, self.hidden_size)]
        shapes = shapes[: 1 + self.cell_state]
        parts = given if isinstance(given, tuple) else (given,)
        if given is None:
            parts = tuple(Tensor(np.zeros(shape, dtype)) for shape in shapes)
        found = [tuple(p.shape) for p in parts]
        if found != shapes:
            raise ShapeError(f"{type(self).__name__}: the first state must have shape {shapes}, got {found}")
        return [tuple(p[i] for p in parts) if self.cell_state else parts[0][i] for i in range(count)]

    def _run(self, x: Tensor, state: Any, tail: str) -> tuple[Tensor, ...]:
        """All states of one layer in one direction, h (and c); the input's part of the gates is one product."""
        w, u = getattr(self, f"weight_ih_{tail}"), getattr(self, f"weight_hh_{tail}")
        b, d = (getattr(self, f"bias_{part}_{tail}") if self.bias else None for part in ("ih", "hh"))
        gates = F.linear(x, w, b)
        if self.layer is not None and fusion.enabled and not self.proj_size:
            return self.layer(gates, state, u, d)
        step: Any = self.step
        if self.proj_size:
            step = functools.partial(_projected, p=getattr(self, f"weight_hr_{tail}"))
        found = []
        for t in range(gates.shape[0]):
            state = step(gates[t], state, u, d)
            found.append(state if self.cell_state else (state,))
        return tuple(stack(parts, 0) for parts in zip(*found))

    def _layers(self, x: Tensor, hx: Any, lengths: np.ndarray | None) -> tuple[Tensor, Any]:
        """All layers over (L, N, C), sequence n only over its first lengths[n] steps: every h, and the last states."""
        starts, ends = self._start(hx, x.shape[1], x.dtype), []
        last: Any = x.shape[0] - 1 if lengths is None else (lengths - 1, np.arange(len(lengths)))
        for layer in range(self.num_layers):
            passes = []
            for direction in range(1 + self.bidirectional):
                tail = f"l{layer}" + "_reverse" * direction
                first = starts[layer * (1 + self.bidirectional) + direction]
                found = self._run(_backwards(x, lengths) if direction else x, first, tail)
                passes.append(_backwards(found[0], lengths) if direction else found[0])
                ends.append([states[last] for states in found])
            x = F.cat(passes, -1) if self.bidirectional else passes[0]
            if self.dropout and self.training and layer < self.num_layers - 1:
                x = F.dropout(x, p=self.dropout)
        states = tuple(stack(parts, 0) for parts in zip(*ends))
        return x, states if self.cell_state else states[0]

    def forward(self, x: Any, hx: Any = None) -> tuple[Any, Any]:
        if isinstance(x, PackedSequence):
            return self._packed(x, hx)
        x = tensor_of(x)
        if x.ndim not in (2, 3) or x.shape[-1] != self.input_size:
            order = "(N, L, C)" if self.batch_first else "(L, N, C)"
            fault = f"expected x {order} or (L, C) with C={self.input_size}, got {x.shape}"
            raise ShapeError(f"{type(self).__name__}: {fault}")
        single = x.ndim == 2
        if single:
            x, hx = x.unsqueeze(1), _each(hx, lambda h: h.unsqueeze(1))
        elif self.batch_first:
            x = x.transpose(0, 1)
        if not x.shape[0]:
            raise ShapeError(f"{type(self).__name__}: the sequence is empty  [x: {x.shape}]")
        y, state = self._layers(x, hx, None)
        if single:
            return y.squeeze(1), _each(state, lambda h: h.squeeze(1))
        return y.transpose(0, 1) if self.batch_first else y, state

    def _packed(self, x: PackedSequence, hx: Any) -> tuple[PackedSequence, Any]:
        """Of sequences of different lengths."""
        padded, lengths = unpack(x)
        if padded.ndim != 3 or padded.shape[-1] != self.input_size:
            fault = f"expected packed sequences of {self.input_size} features, got {x.data.shape}"
            raise ShapeError(f"{type(self).__name__}: {fault}")
        if x.sorted_indices is not None:
            order, back = x.sorted_indices.array, x.unsorted_indices.array  # type: ignore[union-attr]
            y, state = self._layers(padded, _each(hx, lambda h: h[:, order]), lengths)
            state = _each(state, lambda h: h[:, back])
        else:
            y, state = self._layers(padded, hx, lengths)
        return x._replace(data=pack_padded_sequence(y, lengths).data), state

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        return text + (f", num_layers={self.num_layers}" if self.num_layers != 1 else "")


class RNN(_Recurrent):
    """h[t] = tanh(W x[t] + b + W_h h[t - 1] + b_h)   (L, N, C) -> (L, N, K), and the last state (layers, N, K)

    nonlinearity may be "relu". batch_first: (N, L, C). Weights start uniform in +-1/sqrt(hidden_size).
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh", **kw: Any):
        if nonlinearity not in PLAIN:
            raise ValueError(f"RNN: nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")
        super().__init__(input_size, hidden_size, num_layers, **kw)
        self.nonlinearity = nonlinearity
        self.step = PLAIN[nonlinearity]  # type: ignore[misc]


class LSTM(_Recurrent):
    """Long short-term memory   (L, N, C) -> (L, N, K), and the last (h, c), each (layers, N, K)

    Rows of the weights: input, forget, cell and output gates. Source: Hochreiter and Schmidhuber, 1997.
    proj_size: h is multiplied by a matrix (proj_size, hidden_size).
    """

    blocks, cell_state = 4, True
    step, layer = staticmethod(lstm_step), staticmethod(_lstm)


class GRU(_Recurrent):
    """Gated recurrent unit   (L, N, C) -> (L, N, K), and the last state (layers, N, K)

    Rows of the weights: reset, update and new gates. Source: Cho et al., arXiv:1406.1078.
    """

    blocks = 3
    step, layer = staticmethod(gru_step), staticmethod(_gru)


class _Cell(Module):
    """One step of one layer."""

    blocks = 1
    cell_state = False
    step: Step

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        rows = self.blocks * hidden_size
        self.weight_ih, self.weight_hh = empty(rows, input_size, dtype=dtype), empty(rows, hidden_size, dtype=dtype)
        self.register_parameter("bias_ih", empty(rows, dtype=dtype) if bias else None)
        self.register_parameter("bias_hh", empty(rows, dtype=dtype) if bias else None)
        for parameter in self.parameters():
            init.uniform_(parameter, -1 / math.sqrt(hidden_size), 1 / math.sqrt(hidden_size))

    def forward(self, x: Any, hx: Any = None) -> Any:
        x = tensor_of(x)
        if x.ndim not in (1, 2) or x.shape[-1] != self.input_size:
            raise ShapeError(f"{type(self).__name__}: expected x (N, {self.input_size}), got {x.shape}")
        shape = (*x.shape[:-1], self.hidden_size)
        if hx is None:
            zero = Tensor(np.zeros(shape, x.dtype))
            hx = (zero, zero) if self.cell_state else zero
        found = [tuple(h.shape) for h in (hx if self.cell_state else (hx,))]
        if found != [shape] * len(found):
            raise ShapeError(f"{type(self).__name__}: the state must have shape {shape}, got {found}")
        gates = F.linear(x, self.weight_ih, self.bias_ih)
        return self.step(gates, hx, self.weight_hh, self.bias_hh)

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}"


class RNNCell(_Cell):
    """tanh(W x + b + W_h h + b_h): (N, C), (N, K) -> (N, K); or relu in place of tanh"""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        if nonlinearity not in PLAIN:
            raise ValueError(f"RNNCell: nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.nonlinearity = nonlinearity
        self.step = PLAIN[nonlinearity]  # type: ignore[misc]


class LSTMCell(_Cell):
    """One step of LSTM: (N, C), (h, c) -> (h, c)"""

    blocks, cell_state = 4, True
    step = staticmethod(lstm_step)


class GRUCell(_Cell):
    """One step of GRU: (N, C), (N, K) -> (N, K)"""

    blocks = 3
    step = staticmethod(gru_step)
