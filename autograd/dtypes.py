"""Dtypes by PyTorch's names: they are NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import halves
from autograd.halves import is_float
from autograd.tensor import Tensor
from autograd.value import default_dtype

float16 = half = np.dtype("float16")
float32 = np.dtype("float32")
float64 = double = np.dtype("float64")
int8, int16, int32, int64 = (np.dtype(f"int{bits}") for bits in (8, 16, 32, 64))
uint8, uint16, uint32, uint64 = (np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64))
short, long = int16, int64

dtype = np.dtype
Size = tuple
iinfo = np.iinfo


def finfo(dtype: Any = None) -> Any:
    """The limits of a floating-point dtype, by default the default one: eps, max, min, tiny, bits, ..."""
    dtype = np.dtype(default_dtype() if dtype is None else dtype)
    return halves.library().finfo(dtype) if dtype.name == "bfloat16" else np.finfo(dtype)


def is_tensor(obj: Any) -> bool:
    return isinstance(obj, Tensor)


KINDS = {
    "bool": "b",
    "signed integer": "i",
    "unsigned integer": "u",
    "integral": "iu",
    "real floating": "f",
    "complex floating": "c",
    "numeric": "iufc",
}


def isdtype(dtype: Any, kind: Any) -> bool:
    """Whether a dtype is of a kind: one of KINDS, another dtype, or any of a tuple of these."""
    if isinstance(kind, tuple):
        return any(isdtype(dtype, k) for k in kind)
    if isinstance(kind, str) and kind in KINDS:
        dtype = np.dtype(dtype)
        return ("f" if is_float(dtype) else dtype.kind) in KINDS[kind]
    return np.dtype(dtype) == np.dtype(kind)
