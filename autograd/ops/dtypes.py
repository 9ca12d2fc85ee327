"""Which dtype a result has: PyTorch's rules, which NumPy shares except where Python numbers, 0-d arrays and
ints meet floats."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from autograd.errors import ShapeError
from autograd.halves import FLOAT32, is_half, is_number
from autograd.value import default_dtype

FLOAT64 = np.dtype(np.float64)
INT64 = np.dtype(np.int64)
RANKS = {"b": 0, "u": 1, "i": 1, "f": 2, "V": 2}
NUMBERS = {bool: lambda: np.dtype(bool), int: lambda: INT64, float: default_dtype}


def has_kernels(x: np.ndarray) -> bool:
    """Whether the kernels compute with its numbers. (NumPy has one object for each native dtype.)"""
    return x.dtype is FLOAT32 or x.dtype is FLOAT64


def rank(dtype: np.dtype) -> int:
    """bool < ints < floats."""
    if not is_number(dtype):
        raise TypeError(f"expected real numbers, got {dtype}")
    return RANKS[dtype.kind]


def promote_types(a: Any, b: Any) -> np.dtype:
    """The dtype of a result of two arrays; int64 with float32 is float32, not NumPy's float64."""
    a, b = np.dtype(a), np.dtype(b)
    if rank(a) != rank(b):
        return a if rank(a) > rank(b) else b
    return FLOAT32 if a != b and is_half(a) and is_half(b) else np.promote_types(a, b)


def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """The shape of a result of arrays with these shapes."""
    given = [(shape,) if isinstance(shape, int) else tuple(shape) for shape in shapes]
    try:
        return np.broadcast_shapes(*given)
    except ValueError:
        raise ShapeError(f"broadcast_shapes: {' and '.join(map(str, given))} do not broadcast") from None


def result_type(*xs: Any) -> np.dtype:
    """The dtype of a result: arrays decide; 0-d arrays, then Python numbers, only if of a higher kind."""
    groups: list[list[np.dtype]] = [[], [], []]
    for x in xs:
        if isinstance(x, np.ndarray):
            groups[0 if x.ndim else 1].append(x.dtype)
        elif x is not None:
            groups[2].append(NUMBERS[type(x)]())
    found: np.dtype | None = None
    for group in groups:
        if group:
            dtype = reduce(promote_types, group)
            if found is None or rank(dtype) > rank(found):
                found = dtype
    if found is None:
        raise TypeError("expected a tensor or a number, got None")
    rank(found)
    return found


def promote(*xs: Any) -> tuple:
    """The arrays in their common dtype; Python numbers stay unless nothing else is there."""
    dtype = result_type(*xs)
    numbers = not any(isinstance(x, np.ndarray) for x in xs)
    return tuple(
        np.asarray(x, dtype) if numbers and x is not None
        else x.astype(dtype.newbyteorder("="), copy=False) if isinstance(x, np.ndarray)
        else x
        for x in xs
    )  # fmt: skip


def promote_float(*xs: Any) -> tuple:
    """As promote, but ints and bools become floats of the default dtype."""
    xs = promote(*xs)
    if result_type(*xs).kind == "f":
        return xs
    return tuple(x if x is None else np.asarray(x, default_dtype()) for x in xs)


def real(function: Callable[[np.ndarray], np.ndarray], x: Any) -> np.ndarray:
    """function(x) for a kernel of float32 and float64: ints get the default dtype."""
    if type(x) is np.ndarray and has_kernels(x):
        return function(x)
    if isinstance(x, np.ndarray) and x.dtype.kind == "f":
        return function(x.astype(x.dtype.newbyteorder("=")))
    if isinstance(x, np.ndarray):
        rank(x.dtype)
    elif type(x) not in NUMBERS:
        raise TypeError(f"expected a tensor or a number, got {type(x).__name__}")
    return function(np.asarray(x, default_dtype()))


def floats(x: np.ndarray) -> np.ndarray:
    """x itself; ints and bools as floats of the default dtype."""
    return x if x.dtype.kind == "f" else x.astype(default_dtype())


def quiet(function: Callable, *xs: Any) -> Any:
    """A NumPy function where NaN, inf and overflow are results, not warnings."""
    with np.errstate(all="ignore"):
        return function(*xs)


def common_dtype(*values: Any) -> np.dtype:
    """The dtype in which an op computes with these tensors, numbers and dtypes."""
    return result_type(*(np.empty(1, v) if isinstance(v, np.dtype) else getattr(v, "array", v) for v in values))


def can_cast(from_: Any, to: Any) -> bool:
    """Whether a tensor or dtype can become another dtype without a change of kind (float to int, int to bool)."""
    return bool(np.can_cast(getattr(from_, "dtype", from_), to, "same_kind"))
