"""Tensor methods and properties that tell about a tensor: its kind, its memory, where it is. As PyTorch names them."""

from __future__ import annotations

import mmap
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.errors import GraphError, ShapeError
from autograd.halves import is_float
from autograd.tensor import Hook, Tensor
from autograd.value import owner

# ---------------------------------------------------------------------------------------------- kind


def is_floating_point(x: Tensor) -> bool:
    """Whether the elements are floating-point numbers."""
    return is_float(x.array.dtype)


def is_complex(x: Tensor) -> bool:
    """False: tensors hold real numbers."""
    return False


def is_signed(x: Tensor) -> bool:
    """Whether the dtype has negative numbers."""
    return x.array.dtype.kind == "i" or is_float(x.array.dtype)


def is_nonzero(x: Tensor) -> bool:
    """Whether the only element differs from 0."""
    if x.array.size != 1:
        raise ShapeError(f"is_nonzero: expected a tensor of one element, got shape {x.shape}; use .any() or .all()")
    return bool(x.array.item())


def is_same_size(x: Tensor, other: Tensor) -> bool:
    """Whether both have the same shape."""
    return bool(x.shape == other.shape)


def is_inference(x: Tensor) -> bool:
    """False: what inference_mode makes is an ordinary tensor."""
    return False


# ---------------------------------------------------------------------------------------------- memory


def data_ptr(x: Tensor) -> int:
    """The address of the first element."""
    return int(x.array.__array_interface__["data"][0])


def stride(x: Tensor, dim: int | None = None) -> Any:
    """How many elements apart neighbours along each axis (or this one) lie in memory."""
    steps = tuple(step // x.array.itemsize for step in x.array.strides)
    return steps if dim is None else steps[dim]


def storage_offset(x: Tensor) -> int:
    """How many elements after the start of the memory that it is a view of the first one lies."""
    start = owner(x.array).__array_interface__["data"][0]
    return (data_ptr(x) - int(start)) // int(x.array.itemsize)


def is_shared(x: Tensor) -> bool:
    """Whether the memory is shared with processes that are forked: share_memory_()."""
    return isinstance(getattr(owner(x.array).base, "obj", None), mmap.mmap)


def share_memory_(x: Tensor) -> Tensor:
    """Moves the elements into memory that processes forked from now on share; views made before keep the old one."""
    if not is_shared(x):
        shared = np.frombuffer(mmap.mmap(-1, max(x.array.nbytes, 1)), x.dtype, x.array.size).reshape(x.shape)
        np.copyto(shared, x.array)
        x.set_array(shared)
    return x


# ---------------------------------------------------------------------------------------------- history


def detach_(x: Tensor) -> Tensor:
    """Forgets how x was made, in place."""
    x.set_node(None)
    return x


def register_post_accumulate_grad_hook(x: Tensor, hook: Callable[[Tensor], Any]) -> Hook:
    """Calls hook(x) whenever backward() has added to the `grad` of this leaf."""
    if x.node is None or not x.is_leaf:
        raise GraphError("register_post_accumulate_grad_hook: expected a leaf that requires gradients")
    leaf = weakref.ref(x)  # the node must not keep alive what keeps it alive

    def call() -> None:
        alive = leaf()
        if alive is not None:
            hook(alive)

    return Hook(x.node, x.node.add_after(call))


METHODS: dict[str, Callable] = {
    "data_ptr": data_ptr,
    "detach_": detach_,
    "element_size": lambda x: x.array.itemsize,
    "get_device": lambda x: -1,
    "is_complex": is_complex,
    "is_floating_point": is_floating_point,
    "is_inference": is_inference,
    "is_nonzero": is_nonzero,
    "is_pinned": lambda x: False,
    "is_same_size": is_same_size,
    "is_shared": is_shared,
    "is_signed": is_signed,
    "ndimension": lambda x: x.array.ndim,
    "nelement": lambda x: x.array.size,
    "pin_memory": lambda x: x,
    "register_post_accumulate_grad_hook": register_post_accumulate_grad_hook,
    "share_memory_": share_memory_,
    "storage_offset": storage_offset,
    "stride": stride,
}

PROPERTIES: dict[str, Callable[[Tensor], Any]] = {
    "H": lambda x: x.T,
    "is_cpu": lambda x: True,
    "is_cuda": lambda x: False,
    "is_meta": lambda x: False,
    "is_quantized": lambda x: False,
    "is_sparse": lambda x: False,
    "itemsize": lambda x: x.array.itemsize,
    "mH": lambda x: x.mT,
    "real": lambda x: x,
    "retains_grad": lambda x: bool(x.grad_fn is not None and x.grad_fn.retains_grad),
}
