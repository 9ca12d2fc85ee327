"""Small conversions that the operator families share."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.halves import is_number
from autograd.tensor import Tensor


def array(x: Any) -> np.ndarray:
    """The array of a tensor, for operators without gradient."""
    return x.array if isinstance(x, Tensor) else np.asarray(x)


def ints(x: Any) -> list[int]:
    """A 1-d tensor of integers (or one integer) as a list."""
    return [int(v) for v in array(x).reshape(-1)]


def tensor(a: Any, dtype: Any = None) -> Tensor:
    """A tensor of any dtype that ONNX knows, also of those that ops cannot calculate with (float8, int4)."""
    a = np.asarray(a, dtype)
    if is_number(a.dtype):
        return Tensor(a)
    out = Tensor()
    out.set_array(a)
    return out


def scalar(x: Any) -> Any:
    return array(x).reshape(-1)[0].item()


def axis_of(axis: int, ndim: int) -> int:
    return axis + ndim if axis < 0 else axis
