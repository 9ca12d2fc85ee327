"""Making tensors: from data, filled, or random. Floats get the default dtype, ranges of ints int64."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.errors import DTypeError, ShapeError
from autograd.halves import is_float
from autograd.ops.random import Generator, normal_array, source, uniform_array
from autograd.ops.shape import sizes
from autograd.shapes import check_count
from autograd.tensor import Tensor, as_array
from autograd.value import default_dtype


def on_cpu(device: Any) -> None:
    """Refuses any device but the CPU."""
    if device is not None and str(device).partition(":")[0] != "cpu":
        raise RuntimeError(f"device={str(device)!r}: this engine computes on the CPU only; use 'cpu'")


def made(array: np.ndarray, requires_grad: bool, device: Any) -> Tensor:
    on_cpu(device)
    return Tensor(array, requires_grad)


def shape_of(size: tuple) -> tuple[int, ...]:
    """zeros(2, 3) and zeros((2, 3)) mean the same."""
    shape = sizes(size[0]) if len(size) == 1 else sizes(size)
    if min(shape, default=0) < 0:
        raise ShapeError(f"a tensor cannot have the shape {shape}")
    check_count("tensor", shape)
    return shape


def floating(dtype: Any, name: str) -> np.dtype:
    result = np.dtype(default_dtype() if dtype is None else dtype)
    if not is_float(result):
        raise DTypeError(f"{name}: dtype {result}, expected a floating-point one")
    return result


# --------------------------------------------------------------------------------------------- from data


def tensor(data: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor with a copy of the data: numbers, nested lists, arrays, tensors."""
    if isinstance(data, (list, tuple)) and any(isinstance(item, Tensor) for item in data):
        data = np.stack([item.array if isinstance(item, Tensor) else np.asarray(item) for item in data])
    return made(np.array(as_array(data, dtype), order="K"), requires_grad, device)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """The data as a tensor, sharing memory with arrays; a tensor of the right dtype is returned itself."""
    on_cpu(device)
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(np.dtype(dtype))
    return Tensor(data, dtype=dtype)


def asarray(obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Tensor:
    """as_tensor; copy: True never shares memory, False refuses to copy."""
    if copy:
        return tensor(obj, dtype, device)
    made = as_tensor(obj, dtype, device)
    if copy is False and not np.shares_memory(made.array, np.asarray(obj)):
        raise ValueError(f"asarray: copy=False, but {type(obj).__name__} cannot be shared as {made.dtype}")
    return made


def from_numpy(array: np.ndarray) -> Tensor:
    """A tensor that shares memory with an array."""
    if not isinstance(array, np.ndarray):
        raise DTypeError(f"from_numpy: expected an array, got {type(array).__name__}")
    return Tensor(array)


def frombuffer(buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """A vector that shares memory with any object that has a buffer: bytes, bytearray, array.array, mmap.

    count: how many elements, -1 for all that are left; offset: how many bytes come before the first one.
    """
    try:
        array = np.frombuffer(buffer, dtype, count, offset)
    except (ValueError, TypeError) as error:
        raise ShapeError(f"frombuffer: {error}  [dtype={np.dtype(dtype)}, {count=}, {offset=}]") from None
    return made(array, requires_grad, None)


def from_dlpack(x: Any) -> Tensor:
    """A tensor that shares memory with another library's tensor (any object with `__dlpack__`, on the CPU)."""
    if not hasattr(x, "__dlpack__"):
        raise DTypeError(f"from_dlpack: expected an object with __dlpack__, got {type(x).__name__}")
    return Tensor(np.from_dlpack(x))


# --------------------------------------------------------------------------------------------- filled


def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """zeros(2, 3): a tensor of zeros."""
    return made(np.zeros(shape_of(size), dtype or default_dtype()), requires_grad, device)


def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """ones(2, 3): a tensor of ones."""
    return made(np.ones(shape_of(size), dtype or default_dtype()), requires_grad, device)


def empty(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """empty(2, 3): a tensor of any values."""
    return made(np.empty(shape_of(size), dtype or default_dtype()), requires_grad, device)


def full(size: Any, fill_value: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor filled with one value, whose kind decides the dtype."""
    value = as_array(fill_value)
    return made(np.full(shape_of((size,)), value, dtype or value.dtype), requires_grad, device)


def arange(
    start: Any, end: Any = None, step: Any = 1, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """start, start + step, ... below end; arange(end) starts at 0. Ints give int64."""
    start, end = (0, start) if end is None else (start, end)
    if step == 0 or (end - start) / step < 0:
        raise ShapeError(f"arange: no steps of {step} lead from {start} to {end}")
    if dtype is None:
        dtype = np.int64 if all(isinstance(v, (int, np.integer)) for v in (start, end, step)) else default_dtype()
    return made(np.arange(start, end, step).astype(dtype), requires_grad, device)


def linspace(
    start: float, end: float, steps: int = 100, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`steps` numbers from start to end, both included, equally far apart."""
    start, end = (v.item() if isinstance(v, Tensor) else v for v in (start, end))
    return made(np.linspace(start, end, steps).astype(dtype or default_dtype()), requires_grad, device)


def eye(n: int, m: int | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """The (n, m) matrix with ones on the diagonal."""
    return made(np.eye(n, m, dtype=dtype or default_dtype()), requires_grad, device)


def zeros_like(x: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of x's shape and dtype."""
    return made(np.zeros_like(as_array(x), dtype=dtype), requires_grad, device)


def ones_like(x: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of x's shape and dtype."""
    return made(np.ones_like(as_array(x), dtype=dtype), requires_grad, device)


def empty_like(x: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Any values, of x's shape and dtype."""
    return made(np.empty_like(as_array(x), dtype=dtype), requires_grad, device)


def full_like(x: Any, fill_value: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """One value, in x's shape and dtype."""
    return made(np.full_like(as_array(x), fill_value, dtype=dtype), requires_grad, device)


def logspace(
    start: float, end: float, steps: int = 100, base: float = 10.0, dtype: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """base ** linspace(start, end, steps)"""
    start, end = (v.item() if isinstance(v, Tensor) else v for v in (start, end))
    return made(
        np.power(float(base), np.linspace(start, end, steps)).astype(dtype or default_dtype()), requires_grad, device
    )


def scalar_tensor(value: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor without axes."""
    return made(np.asarray(value, dtype or default_dtype()), requires_grad, device)


def tril_indices(row: int, col: int, offset: int = 0, dtype: Any = np.int64, device: Any = None) -> Tensor:
    """Rows and columns (2, n) of the places on and below a diagonal of a (row, col) matrix."""
    return made(np.stack(np.tril_indices(row, offset, col)).astype(dtype), False, device)


def triu_indices(row: int, col: int, offset: int = 0, dtype: Any = np.int64, device: Any = None) -> Tensor:
    """Rows and columns (2, n) of the places on and above a diagonal of a (row, col) matrix."""
    return made(np.stack(np.triu_indices(row, offset, col)).astype(dtype), False, device)


# --------------------------------------------------------------------------------------------- random

Source = Generator | int | None


def rand(
    *size: Any, generator: Source = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """rand(2, 3): uniform in [0, 1)."""
    return made(uniform_array(source(generator), shape_of(size), floating(dtype, "rand")), requires_grad, device)


def randn(
    *size: Any, generator: Source = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """randn(2, 3): normal with mean 0 and standard deviation 1."""
    return made(normal_array(source(generator), shape_of(size), floating(dtype, "randn")), requires_grad, device)


def rand_like(
    x: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, generator: Source = None
) -> Tensor:
    """Uniform in [0, 1), of x's shape and dtype."""
    array = as_array(x)
    return rand(
        array.shape, generator=generator, dtype=dtype or array.dtype, device=device, requires_grad=requires_grad
    )


def randn_like(
    x: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, generator: Source = None
) -> Tensor:
    """Normal with mean 0 and standard deviation 1, of x's shape and dtype."""
    array = as_array(x)
    return randn(
        array.shape, generator=generator, dtype=dtype or array.dtype, device=device, requires_grad=requires_grad
    )


def randint(
    low: Any,
    high: Any = None,
    size: Any = None,
    generator: Source = None,
    dtype: Any = np.int64,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Ints in [low, high): randint(low, high, size) or randint(high, size)."""
    if isinstance(high, (tuple, list)) or high is None:
        low, high, size = 0, low, size if high is None else high
    if size is None:
        raise ShapeError("randint: missing size; expected randint(low, high, size)")
    if high <= low:
        raise ShapeError(f"randint: no ints in [{low}, {high})")
    return made(source(generator).integers(low, high, shape_of((size,))).astype(dtype), requires_grad, device)


def randperm(n: int, generator: Source = None, dtype: Any = np.int64, device: Any = None) -> Tensor:
    """The ints below n in random order."""
    return made(source(generator).permutation(n).astype(dtype), False, device)


def randint_like(
    x: Any, low: Any, high: Any = None, dtype: Any = None, device: Any = None, generator: Source = None
) -> Tensor:
    """Ints in [low, high) (or [0, low)), of x's shape and dtype."""
    array = as_array(x)
    low, high = (0, low) if high is None else (low, high)
    return randint(low, high, array.shape, generator, dtype or array.dtype, device)
