"""Making tensors from data and by formula, and the dtypes by PyTorch's names.

Everywhere: dtype (what Python floats become is set_default_dtype's), device ("cpu" only), requires_grad.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import tensor as _tensor  # the module: the package's `tensor` becomes the function below
from autograd.device import check_device, memory_format
from autograd.errors import DTypeError
from autograd.tensor import Tensor, as_array

float16 = half = np.dtype("float16")
float32 = np.dtype("float32")
float64 = double = np.dtype("float64")
int8, int16, int32, int64 = (np.dtype(f"int{bits}") for bits in (8, 16, 32, 64))
uint8, uint16, uint32, uint64 = (np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64))
short, long = int16, int64
bool_ = np.dtype("bool")

Size = tuple
dtype = np.dtype


def set_default_dtype(d: Any) -> None:
    """What Python floats, and layers without a dtype, become: float32 (at first) or float64."""
    wanted = np.dtype(d)
    if wanted not in (float32, float64):
        raise DTypeError(f"set_default_dtype: expected float32 or float64, got {wanted}")
    _tensor.DEFAULT_DTYPE = wanted  # type: ignore[misc]


def get_default_dtype() -> np.dtype[Any]:
    return _tensor.DEFAULT_DTYPE  # type: ignore[no-any-return]


def is_tensor(obj: Any) -> bool:
    return isinstance(obj, Tensor)


def is_floating_point(x: Tensor) -> bool:
    return bool(x.dtype.kind == "f")


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor with a copy of the data: a number, nested lists, an array or a tensor."""
    check_device(device, "tensor")
    return Tensor(np.array(as_array(data, dtype)), requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """The data as a tensor, without a copy where there need be none."""
    check_device(device, "as_tensor")
    if isinstance(data, Tensor):
        return data.to(dtype=dtype)  # type: ignore[no-any-return]
    return Tensor(as_array(data, dtype))


def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A tensor that shares memory with an array."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"from_numpy: expected a NumPy array, got {type(ndarray).__name__}")
    return Tensor(ndarray)


def from_dlpack(ext_tensor: Any) -> Tensor:
    """A tensor that shares memory with another library's CPU array."""
    return Tensor(np.from_dlpack(ext_tensor))


def _shape(size: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(size[0]) if len(size) == 1 and isinstance(size[0], (tuple, list)) else size


def _make(array: np.ndarray, what: str, device: Any, requires_grad: bool) -> Tensor:
    check_device(device, what)
    return Tensor(array, requires_grad)


def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """zeros(2, 3) or zeros((2, 3))"""
    return _make(np.zeros(_shape(size), dtype or get_default_dtype()), "zeros", device, requires_grad)


def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """ones(2, 3) or ones((2, 3))"""
    return _make(np.ones(_shape(size), dtype or get_default_dtype()), "ones", device, requires_grad)


def empty(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Elements of any value, to be overwritten."""
    return _make(np.empty(_shape(size), dtype or get_default_dtype()), "empty", device, requires_grad)


def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """All elements fill_value; its kind decides the dtype."""
    shape = (size,) if isinstance(size, int) else tuple(size)
    kind = np.dtype(dtype) if dtype is not None else as_array(fill_value).dtype
    return _make(np.full(shape, np.asarray(fill_value), kind), "full", device, requires_grad)


def arange(
    start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """start, start + step, ... below end; arange(end) starts at 0. Ints give int64."""
    start, end = (0, start) if end is None else (start, end)
    array = np.arange(start, end, step)
    kind = dtype or (get_default_dtype() if array.dtype.kind == "f" else int64)
    return _make(array.astype(kind), "arange", device, requires_grad)


def linspace(
    start: float, end: float, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`steps` numbers from start to end, both included."""
    return _make(np.linspace(start, end, steps).astype(dtype or get_default_dtype()), "linspace", device, requires_grad)


def eye(
    n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Ones on the diagonal."""
    return _make(np.eye(n, m, dtype=dtype or get_default_dtype()), "eye", device, requires_grad)


def _like(x: Any, dtype: Any) -> dict[str, Any]:
    return {"shape": np.shape(x), "dtype": dtype or as_array(x).dtype}


def zeros_like(
    input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: memory_format | None = None
) -> Tensor:
    return _make(np.zeros(**_like(input, dtype)), "zeros_like", device, requires_grad)


def ones_like(
    input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: memory_format | None = None
) -> Tensor:
    return _make(np.ones(**_like(input, dtype)), "ones_like", device, requires_grad)


def empty_like(
    input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: memory_format | None = None
) -> Tensor:
    return _make(np.empty(**_like(input, dtype)), "empty_like", device, requires_grad)


def full_like(
    input: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    return _make(np.full(fill_value=fill_value, **_like(input, dtype)), "full_like", device, requires_grad)
