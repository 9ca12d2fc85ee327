"""Tensor methods that convert: dtypes, devices, memory formats, Python lists, and filling in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import halves
from autograd.errors import GraphError, ShapeError
from autograd.tape import declare
from autograd.tensor import Tensor, as_array

_astype = declare("astype")
_expand = declare("expand")
_normal = declare("normal")
_uniform = declare("uniform")
_DEVICES = ("cpu", "cuda", "mps", "xpu", "meta")


def to(
    x: Tensor,
    *args: Any,
    dtype: Any = None,
    device: Any = None,
    memory_format: Any = None,
    copy: bool = False,
    non_blocking: bool = False,
) -> Tensor:
    """x in another dtype, or on "cpu". Kernels choose memory formats; asking for one changes nothing."""
    for arg in args:
        if isinstance(arg, bool):
            continue  # non_blocking
        if isinstance(arg, Tensor):
            dtype = arg.dtype
        elif str(arg).partition(":")[0] in _DEVICES:
            device = arg
        else:
            dtype = arg
    if device is not None and str(device).partition(":")[0] != "cpu":
        raise RuntimeError(f"to({str(device)!r}): this engine computes on the CPU only; use 'cpu'")
    if dtype is not None and np.dtype(dtype) != x.dtype:
        return _astype(x, dtype=np.dtype(dtype))
    return x.clone() if copy else x


def caster(dtype: Any) -> Callable[..., Tensor]:
    def cast(x: Tensor, memory_format: Any = None) -> Tensor:
        return to(x, dtype=dtype)

    cast.__doc__ = f"x as {np.dtype(dtype).name}."
    return cast


def bfloat16(x: Tensor, memory_format: Any = None) -> Tensor:
    """x as bfloat16."""
    return to(x, dtype=halves.bfloat16)


def contiguous(x: Tensor, memory_format: Any = None) -> Tensor:
    """x itself: the order of memory is the kernels' business."""
    return x


def is_contiguous(x: Tensor, memory_format: Any = None) -> bool:
    """Whether the memory is in C order."""
    return x.array.flags.c_contiguous


def cuda(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Refused: there is no GPU support."""
    return to(x, device="cuda")


def fill_(x: Tensor, value: Any) -> Tensor:
    """Sets every element to the value, in place."""
    return x.change(Tensor(np.full_like(x.array, as_array(value))))


def copy_(x: Tensor, source: Any, non_blocking: bool = False) -> Tensor:
    """Writes another tensor, broadcast and cast, into x."""
    source = source if isinstance(source, Tensor) else Tensor(source)
    return x.change(_expand(_astype(source, dtype=x.dtype), shape=x.shape))


def fill_diagonal_(x: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Sets the diagonal x[i, i, ...] to the value, in place; wrap: it begins anew below a tall matrix's last column."""
    diagonal = np.zeros(x.shape, bool)
    try:
        np.fill_diagonal(diagonal, True, wrap)
    except ValueError:
        raise ShapeError(f"fill_diagonal_: expected a matrix, or axes of one size, got shape {x.shape}") from None
    x[diagonal] = fill_value
    return x


def map_(x: Tensor, other: Tensor, function: Callable[[Any, Any], Any]) -> Tensor:
    """Sets every element v of x to function(v, w), w being the other tensor's, in place; slow, not differentiable."""
    if x.requires_grad or other.requires_grad:
        raise GraphError("map_: cannot differentiate a Python function of numbers; use x.detach()")
    pairs = np.broadcast(x.array, np.broadcast_to(other.array, x.shape))
    made = [function(v.item(), w.item()) for v, w in pairs]
    return x.change(Tensor(np.array(made, x.dtype).reshape(x.shape)))


def apply_(x: Tensor, function: Callable[[Any], Any]) -> Tensor:
    """Sets every element v to function(v), in place; slow, not differentiable."""
    return map_(x, x, lambda v, _: function(v))


def normal_(x: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fills x with normal numbers, in place."""
    return x.change(_normal(mean, std, shape=x.shape, generator=generator, dtype=x.dtype))


def uniform_(x: Tensor, low: float = 0.0, high: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fills x with uniform numbers in [low, high), in place."""
    return x.change(_uniform(low, high, shape=x.shape, generator=generator, dtype=x.dtype))


def _new(name: str) -> Callable[..., Tensor]:
    """x.new_zeros(shape) and its like: of x's dtype unless another is given."""
    make = {"zeros": np.zeros, "ones": np.ones, "empty": np.empty}[name]

    def new(
        x: Tensor, *shape: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False,
        layout: Any = None, pin_memory: bool = False,
    ) -> Tensor:  # fmt: skip
        to(x, device=device)
        shape = size if size is not None else shape[0] if len(shape) == 1 else shape
        return Tensor(make(shape, x.dtype if dtype is None else np.dtype(dtype)), requires_grad)

    new.__doc__ = f"{name} of a shape, in x's dtype."
    return new


def new_full(x: Tensor, size: Any, fill_value: Any, dtype: Any = None, device: Any = None,
             requires_grad: bool = False, layout: Any = None, pin_memory: bool = False) -> Tensor:  # fmt: skip
    """One value in a tensor of this shape, in x's dtype."""
    to(x, device=device)
    return Tensor(np.full(size, fill_value, x.dtype if dtype is None else np.dtype(dtype)), requires_grad)


def new_tensor(x: Tensor, data: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A copy of the data, in x's dtype."""
    to(x, device=device)
    return Tensor(np.array(as_array(data), x.dtype if dtype is None else np.dtype(dtype)), requires_grad)


METHODS: dict[str, Callable] = {
    "to": to,
    "type": lambda x, dtype: to(x, dtype=dtype),
    "cpu": lambda x: x,
    "cuda": cuda,
    "float": caster(np.float32),
    "double": caster(np.float64),
    "half": caster(np.float16),
    "bfloat16": bfloat16,
    "long": caster(np.int64),
    "int": caster(np.int32),
    "short": caster(np.int16),
    "char": caster(np.int8),
    "byte": caster(np.uint8),
    "bool": caster(np.bool_),
    "tolist": lambda x: x.array.tolist(),
    "contiguous": contiguous,
    "is_contiguous": is_contiguous,
    "apply_": apply_,
    "fill_": fill_,
    "fill_diagonal_": fill_diagonal_,
    "map_": map_,
    "new_empty": _new("empty"),
    "new_full": new_full,
    "new_ones": _new("ones"),
    "new_tensor": new_tensor,
    "new_zeros": _new("zeros"),
    "type_as": lambda x, other: to(x, dtype=other.dtype),
    "zero_": lambda x: fill_(x, 0),
    "copy_": copy_,
    "normal_": normal_,
    "uniform_": uniform_,
}
