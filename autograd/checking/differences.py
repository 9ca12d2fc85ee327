"""A function of tensors at a point: its results, its gradients from the tape, and finite differences."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd.errors import DTypeError, GraphError
from autograd.grad_mode import enable_grad
from autograd.sweep import sweep
from autograd.tensor import Tensor


class Point:
    """A function and the point where it is checked. Calls get copies, so that fn cannot move the point."""

    def __init__(self, fn: Callable, inputs: Any):
        self.fn = fn
        record = getattr(fn, "record", None)
        self.name = record.name if record is not None else getattr(fn, "__name__", type(fn).__name__)
        given = [inputs] if isinstance(inputs, (Tensor, np.ndarray)) else list(inputs)
        self.inputs = [Tensor(x, requires_grad=True) if _is_float_array(x) else x for x in given]
        self.checked = [i for i, x in enumerate(self.inputs) if isinstance(x, Tensor) and x.requires_grad]
        self.names = _names(fn, len(self.inputs))
        if not self.checked:
            raise GraphError("gradcheck: no input requires gradients")
        for i in self.checked:
            if self.inputs[i].dtype != np.float64:
                raise DTypeError(
                    f"gradcheck: input {i} ({self.names[i]}) has dtype {self.inputs[i].dtype}; finite differences need "
                    "float64: use x.double(), or Tensor(array.astype('float64'), requires_grad=True)"
                )
        self.arrays: list[Any] = [x.array.copy() if isinstance(x, Tensor) else x for x in self.inputs]

    def leaves(self, arrays: Sequence[Any]) -> list[Any]:
        return [
            Tensor(a, requires_grad=i in self.checked) if isinstance(self.inputs[i], Tensor) else a
            for i, a in enumerate(arrays)
        ]

    @enable_grad()
    def evaluate(self, arrays: Sequence[Any] | None = None) -> list[Tensor]:
        """The floating-point results of fn."""
        return tensors(self.fn(*self.leaves(self.arrays if arrays is None else arrays)))

    def flat(self, arrays: Sequence[Any] | None = None) -> np.ndarray:
        """All results in one row."""
        results = self.evaluate(arrays)
        return np.concatenate([np.asarray(y.array, np.float64).ravel() for y in results] or [np.zeros(0)])

    @enable_grad()
    def backward(self, arrays: Sequence[Any], cotangents: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray]:
        """For each checked input the matrix of its gradients, one row per set of cotangents."""
        leaves = self.leaves(arrays)
        results = tensors(self.fn(*leaves))
        wanted = [leaves[i].node for i in self.checked]
        rows: list[list[np.ndarray]] = [[] for _ in wanted]
        for vs in cotangents:
            pairs = [(y, v) for y, v in zip(results, vs) if y.node is not None and (v.any() or not v.size)]
            found: list[Any] = [None] * len(wanted)
            if pairs:
                seeds = [Tensor(v.astype(y.dtype).reshape(y.shape)) for y, v in pairs]
                found = sweep([y.node for y, _ in pairs], seeds, wanted, True, False)
            for row, i, g in zip(rows, self.checked, found):
                row.append(np.zeros(self.arrays[i].size) if g is None else g.array.ravel().astype(np.float64))
        return [np.array(row).reshape(len(cotangents), self.arrays[i].size) for row, i in zip(rows, self.checked)]

    def split(self, row: np.ndarray, shapes: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
        """A row over all results as one array per result."""
        ends = np.cumsum([int(np.prod(s)) for s in shapes])[:-1]
        return [part.reshape(s) for part, s in zip(np.split(row, ends), shapes)]

    def difference(self, arrays: list[Any], i: int, j: int, eps: float, sides: str = "both") -> np.ndarray:
        """d(results) / d(element j of input i), from both sides, the "left" or the "right"."""
        array = arrays[i]
        flat = array.reshape(-1)
        x = flat[j]
        high = x + eps if sides != "left" else x
        low = x - eps if sides != "right" else x
        try:
            flat[j] = high
            above = self.flat(arrays)
            flat[j] = low
            return (above - self.flat(arrays)) / (high - low)
        finally:
            flat[j] = x


def tensors(results: Any) -> list[Tensor]:
    """The floating-point tensors among the results of a function."""
    found = [results] if isinstance(results, Tensor) else list(results)
    for y in found:
        if not isinstance(y, (Tensor, np.ndarray)):
            raise DTypeError(f"gradcheck: the function returned a {type(y).__name__}, expected a tensor or several")
    return [y for y in found if isinstance(y, Tensor) and y.dtype.kind == "f"]


def _is_float_array(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def _names(fn: Callable, count: int) -> list[str]:
    """Names of the inputs, from the op's declaration or the function's signature."""
    names: list[str] = list(getattr(fn, "names", ()))
    if not names:
        try:
            names = [p.name for p in inspect.signature(fn).parameters.values() if p.kind is not p.VAR_POSITIONAL]
        except (TypeError, ValueError):
            names = []
    return [*names, *(f"inputs[{i}]" for i in range(len(names), count))][:count]
