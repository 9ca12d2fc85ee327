"""One sample call of an op as a function of its arrays, and the same arrays in every memory layout."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from autograd.op import Record
from autograd.sampling import Case
from autograd.sweep import sweep
from autograd.tensor import Tensor


class CheckFailed(AssertionError):
    """What a check of an op found."""


class OpCall:
    """A case: `call(*arrays)` runs the op with the case's attributes, with its arrays replaced by others."""

    def __init__(self, record: Record, case: Case):
        self.record = record
        self.case = case
        self.arrays: list[np.ndarray] = []
        self.names: list[str] = []
        names = list(record.signature.parameters)
        for position, arg in enumerate(case.args):
            name = record.inputs[0] if record.variadic else names[min(position, len(names) - 1)]
            parts = arg if isinstance(arg, (list, tuple)) else [arg]
            for k, part in enumerate(parts):
                if isinstance(part, np.ndarray):
                    self.arrays.append(part)
                    many = record.variadic or isinstance(arg, (list, tuple))
                    self.names.append(f"{name}[{position if parts[0] is arg else k}]" if many else name)
        self.__name__ = record.name

    def __str__(self) -> str:
        parts = [f"{n}: {a.dtype}{list(a.shape)}" for n, a in zip(self.names, self.arrays)]
        parts += [repr(a) for a in self.case.args if not isinstance(a, (np.ndarray, list, tuple))]
        parts += [f"{n}={v if not isinstance(v, np.ndarray) else v.tolist()}" for n, v in self.case.attrs.items()]
        return f"{self.record.name}({', '.join(parts)})"

    def place(self, arrays: Sequence[Any]) -> list[Any]:
        """The positional arguments with these arrays."""
        rest = iter(arrays)
        args: list[Any] = []
        for arg in self.case.args:
            if isinstance(arg, (list, tuple)):
                args.append([next(rest) if isinstance(part, np.ndarray) else part for part in arg])
            else:
                args.append(next(rest) if isinstance(arg, np.ndarray) else arg)
        return args

    def __call__(self, *arrays: Any) -> Any:
        """The op's result. Composites are written for tensors, so they get tensors."""
        arrays = self.kept(arrays)
        if self.record.composite:
            arrays = tuple(Tensor(a) if isinstance(a, np.ndarray) else a for a in arrays)
        return self.record.call(*self.place(arrays), **self.case.attrs)

    def kept(self, arrays: Sequence[Any]) -> tuple[Any, ...]:
        """The arrays, with copies of those that the op is declared to update in place."""
        if not self.record.mutates:
            return tuple(arrays)
        return tuple(
            a.copy() if name in self.record.mutates and isinstance(a, np.ndarray)
            else Tensor(a.array.copy()) if name in self.record.mutates and isinstance(a, Tensor) else a
            for name, a in zip(self.names, arrays)
        )  # fmt: skip

    def results(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """All results as arrays, extras included; refuses a call that changed its inputs."""
        before = [a.tobytes() for a in arrays]
        if self.record.extras:
            found = self.record.call.with_extras(*self.place(self.kept(arrays)), **self.case.attrs)
        else:
            found = self(*arrays)
        for name, array, bytes_before in zip(self.names, arrays, before):
            if array.tobytes() != bytes_before:
                raise CheckFailed(f"input {name} was changed")
        many = found if isinstance(found, (tuple, list)) else [found]
        return [y.array if isinstance(y, Tensor) else np.asarray(y) for y in many]

    def reference(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """What the declaration's NumPy reference says."""
        if self.record.reference is None:
            raise CheckFailed("the declaration has no reference=")
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy's, about means of nothing and the like
            found = self.record.reference(*self.place(self.kept(arrays)), **self.case.attrs)
        return [np.asarray(y) for y in (found if isinstance(found, (tuple, list)) else [found])]

    def differentiable(self) -> list[int]:
        """Which arrays should get gradients."""
        record = self.record
        if not record.differentiable or not (record.composite or record.rules):
            return []
        wanted = []
        for i, (name, array) in enumerate(zip(self.names, self.arrays)):
            ruled = record.composite or record.rules.get(name.partition("[")[0]) is not None
            if array.dtype.kind == "f" and ruled and name not in record.mutates:
                wanted.append(i)
        return wanted

    def checked(self, wanted: Sequence[int]) -> list[Any]:
        """The arguments for gradcheck: tensors that require gradients where wanted."""
        return [Tensor(a, requires_grad=True) if i in wanted else Tensor(a) for i, a in enumerate(self.arrays)]

    def value_and_grads(self, arrays: Sequence[np.ndarray], seed: Callable | None = None) -> list[np.ndarray]:
        """Results, then gradients for seed(shape, dtype) as the gradient of each result."""
        wanted = self.differentiable()
        leaves = [Tensor(a, requires_grad=True) if i in wanted else a for i, a in enumerate(arrays)]
        before = [a.tobytes() for a in arrays]
        found = self(*leaves)
        results: list[Any] = list(found) if isinstance(found, (tuple, list)) else [found]
        roots: list[Any] = [y for y in results if isinstance(y, Tensor) and y.node is not None]
        values = [y.array if isinstance(y, Tensor) else np.asarray(y) for y in results]
        if roots:
            make = seed or default_seed
            seeds = [make(y.shape, y.dtype) for y in roots]
            kept = [g.tobytes() for g in seeds]
            gradients = sweep([y.node for y in roots], [Tensor(g) for g in seeds], [leaves[i].node for i in wanted])  # type: ignore[union-attr]
            values += [np.zeros(arrays[i].shape) if g is None else g.array for i, g in zip(wanted, gradients)]
            if [g.tobytes() for g in seeds] != kept:
                raise CheckFailed("the backward pass changed the gradient it was given")
        for name, array, bytes_before in zip(self.names, arrays, before):
            if array.tobytes() != bytes_before:
                raise CheckFailed(f"input {name} was changed")
        return values


def default_seed(shape: Sequence[int], dtype: Any) -> np.ndarray:
    """A gradient with values of both signs, the same at every call."""
    return np.random.default_rng(7).uniform(-1, 1, tuple(shape)).astype(dtype)


# ------------------------------------------------------------------------------------------------ layouts


def sliced(a: np.ndarray) -> np.ndarray:
    """Every second element of a larger array, in every dimension."""
    buffer = np.full([2 * n + 1 for n in a.shape], 77, a.dtype)
    view = np.asarray(buffer[tuple([slice(1, 2 * n + 1, 2) for n in a.shape])]) if a.ndim else buffer
    view[...] = a
    return view


def inner(a: np.ndarray) -> np.ndarray:
    """The middle of a larger array: rows contiguous, but apart."""
    buffer = np.full([n + 2 for n in a.shape], 77, a.dtype)
    view = np.asarray(buffer[tuple([slice(1, n + 1) for n in a.shape])]) if a.ndim else buffer
    view[...] = a
    return view


def reversed_(a: np.ndarray) -> np.ndarray:
    """Negative strides in every dimension."""
    return np.asarray(np.flip(np.asarray(np.flip(a)).copy(order="C")))


def channels_last(a: np.ndarray) -> np.ndarray:
    """Axis 1 innermost in memory; the last two exchanged for fewer dimensions."""
    if a.ndim < 2:
        return a.copy()
    return np.moveaxis(np.moveaxis(a, 1, -1).copy(order="C"), -1, 1)


def misaligned(a: np.ndarray) -> np.ndarray:
    """One byte off every alignment."""
    buffer = np.zeros(a.nbytes + 64, np.uint8)
    offset = 1 + (-buffer.ctypes.data) % 16
    view = np.ndarray(a.shape, a.dtype, buffer.data, offset)
    view[...] = a
    return view


def big_endian(a: np.ndarray) -> np.ndarray:
    return a.astype(a.dtype.newbyteorder(">"))


def read_only(a: np.ndarray) -> np.ndarray:
    copy = a.copy()
    copy.flags.writeable = False
    return copy


def stretched(a: np.ndarray) -> np.ndarray:
    """Stride 0 along the first axis (other values)."""
    return np.broadcast_to(a[:1], a.shape) if a.ndim else a.copy()


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "Fortran": lambda a: a.copy(order="F"),
    "sliced": sliced,
    "inner": inner,
    "reversed": reversed_,
    "channels-last": channels_last,
    "misaligned": misaligned,
    "big-endian": big_endian,
    "read-only": read_only,
    "stride 0": stretched,
}


def plain(a: np.ndarray) -> np.ndarray:
    """A fresh C-contiguous array in native byte order."""
    return np.array(a, dtype=a.dtype.newbyteorder("="), order="C", copy=True)


# ------------------------------------------------------------------------------------------------ empty arrays


def emptied(call: OpCall) -> Iterator[tuple[str, list[np.ndarray]]]:
    """The case's arrays with one size made zero, wherever the declaration says which sizes go together."""
    record = call.record
    if record.axes:
        yield from _emptied_letters(call)
    elif record.broadcasts or len(call.arrays) == 1:
        most = max((a.ndim for a in call.arrays), default=0)
        for axis in range(1, most + 1):  # counted from the right, as broadcasting does
            arrays = [a.take([], axis=a.ndim - axis) if a.ndim >= axis else a for a in call.arrays]
            if any(a.size == 0 for a in arrays):
                yield f"axis -{axis} empty", arrays


def _emptied_letters(call: OpCall) -> Iterator[tuple[str, list[np.ndarray]]]:
    axes = call.record.axes
    letters = dict.fromkeys(c for spec in axes.values() for c in spec.split() if c.isalpha())
    for letter in letters:
        arrays = []
        for name, array in zip(call.names, call.arrays):
            spec = axes.get(name.partition("[")[0], "").split()
            for k, part in enumerate(reversed(spec)):
                if part == letter and array.ndim > k:
                    array = array.take([], axis=array.ndim - 1 - k)
            arrays.append(array)
        if any(a.size == 0 for a in arrays):
            yield f"{letter}=0", arrays
