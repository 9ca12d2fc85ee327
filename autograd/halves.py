"""16-bit floating-point numbers: memory holds them, ops compute with them as float32 and round their results.

float16 is NumPy's dtype; bfloat16, the upper half of a float32, that of ml_dtypes, if installed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from autograd.errors import MissingExtraError

FLOAT32 = np.dtype(np.float32)


def __getattr__(name: str) -> np.dtype:
    if name != "bfloat16":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = dtype = np.dtype(library().bfloat16)
    return dtype


def library() -> Any:
    try:
        import ml_dtypes
    except ImportError:
        raise MissingExtraError("bfloat16 needs the package ml_dtypes: pip install 'cygrad[io]'") from None
    return ml_dtypes


def is_float(dtype: np.dtype) -> bool:
    return dtype.kind == "f" or dtype.name == "bfloat16"


def is_half(dtype: np.dtype) -> bool:
    return dtype.itemsize == 2 and is_float(dtype)


def is_number(dtype: np.dtype) -> bool:
    """Whether tensors can hold it: real numbers and bool, but no float8 (2: not NumPy's own)."""
    return (dtype.kind in "fiub" and dtype.isbuiltin < 2) or dtype.name == "bfloat16"


def widened(x: Any) -> Any:
    """A tensor or array of 16-bit numbers as float32; anything else as it is."""
    dtype = getattr(x, "dtype", None)
    return x.astype(FLOAT32) if dtype is not None and is_half(dtype) else x


def narrowed(results: Any, inputs: Sequence[Any], dtype: np.dtype | None) -> Any:
    """What is float32 among the results, computed with the inputs widened, in this dtype or the inputs' own."""
    dtype = _common(inputs) if dtype is None else dtype
    if not is_half(dtype):
        return results
    if not isinstance(results, (tuple, list)):
        return _rounded(results, dtype)
    rounded = [_rounded(y, dtype) for y in results]
    return type(results)(*rounded) if hasattr(results, "_fields") else type(results)(rounded)


def _common(inputs: Sequence[Any]) -> np.dtype:
    """The dtype of these floats' sum: 0-d ones matter only among themselves."""
    arrays = [x for x in inputs if hasattr(x, "dtype") and is_float(x.dtype)]
    dtypes = [x.dtype for x in arrays if x.shape] or [x.dtype for x in arrays]
    return reduce(lambda a, b: a if a == b else FLOAT32, dtypes)


def _rounded(y: Any, dtype: np.dtype) -> Any:
    return y.astype(dtype) if getattr(y, "dtype", None) == FLOAT32 else y
