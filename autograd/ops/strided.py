"""Slices and strided windows: reading them, and writing them back into a copy."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.errors import ShapeError
from autograd.op import composite
from autograd.ops.elementwise import raw
from autograd.ops.index import getitem, setitem
from autograd.ops.linalg import tensor_of
from autograd.ops.shape import expand, permute, reshape
from autograd.ops.views import ndim
from autograd.shapes import normalize_axis
from autograd.tensor import Tensor

# --------------------------------------------------------------------------------------------- slices written back


def _filled(x, y, index):
    out = x.copy()
    out[index] = y
    return out


@composite(
    reference=lambda x, y, axis, index: _filled(x, y, (slice(None),) * axis + (index,)),
    samples=lambda s: s.case(s.array((3, 4)), s.array((3,)), axis=1, index=s.integer(0, 3)),
    linear_in=("x", "y"),
)
def select_scatter(x, y, *, axis, index):
    """A copy of x with y written to one slice along an axis."""
    axis = normalize_axis(axis, ndim(x))
    return _written("select_scatter", x, y, (slice(None),) * axis + (index,))


def _written(name: str, x: Any, y: Any, index: tuple) -> Tensor:
    x, y = tensor_of(x), tensor_of(y)
    wanted = x.array[index].shape
    if wanted != y.shape:
        raise ShapeError(f"{name}: y has shape {y.shape}, expected {wanted}  [x: {x.shape}]")
    return setitem(x, y, index=index)


@composite(
    reference=lambda x, y, axis=0, start=None, end=None, step=1: _filled(
        x, y, (slice(None),) * axis + (slice(start, end, step),)
    ),
    samples=lambda s: s.case(s.array((2, 5)), s.array((2, 2)), axis=1, start=1, end=4, step=2),
    linear_in=("x", "y"),
)
def slice_scatter(x, y, *, axis=0, start=None, end=None, step=1):
    """A copy of x with y written to x[..., start:end:step, ...] along an axis."""
    axis = normalize_axis(axis, ndim(x))
    return _written("slice_scatter", x, y, (slice(None),) * axis + (slice(start, end, step),))


# --------------------------------------------------------------------------------------------- strides and windows


def _strided_places(shape: tuple, stride: tuple, offset: int, count: int, name: str) -> np.ndarray:
    if len(shape) != len(stride):
        raise ShapeError(f"{name}: size {tuple(shape)} and stride {tuple(stride)} have different lengths")
    place = np.full(shape, offset, np.int64)
    for i, (n, step) in enumerate(zip(shape, stride)):
        place += step * np.arange(n).reshape([-1 if i == j else 1 for j in range(len(shape))])
    if place.size and not 0 <= place.min() <= place.max() < count:
        raise ShapeError(f"{name}: size {tuple(shape)} with stride {tuple(stride)} leaves the {count} elements of x")
    return place


@composite(
    reference=lambda x, shape, stride: np.lib.stride_tricks.as_strided(x, shape, [i * x.itemsize for i in stride]),
    samples=lambda s: s.case(s.array((12,)), shape=(3, 2), stride=s.choice(((1, 1), (2, 3), (4, 0)))),
    linear_in=("x",),
)
def as_strided(x, *, shape, stride, storage_offset=0):
    """y[i, j, ...] = x.flat[storage_offset + i stride[0] + j stride[1] + ...], counted in row-major order; a copy."""
    place = _strided_places(tuple(shape), tuple(stride), storage_offset or 0, np.size(raw(x)), "as_strided")
    return getitem(reshape(x, -1), place)


@composite(
    reference=lambda x, y, shape, stride: np.concatenate([y, x[len(y) :]]),
    samples=lambda s: s.case(s.array((5,)), s.array((3,)), shape=(3,), stride=(1,)),
    linear_in=("x", "y"),
)
def as_strided_scatter(x, y, *, shape, stride, storage_offset=0):
    """A copy of x with y written to what as_strided would show."""
    place = _strided_places(tuple(shape), tuple(stride), storage_offset or 0, np.size(raw(x)), "as_strided_scatter")
    return reshape(setitem(reshape(x, -1), expand(y, place.shape), index=place), np.shape(raw(x)))


@composite(
    reference=lambda x, axis, size, step: np.moveaxis(
        np.stack([np.take(x, range(i, i + size), axis) for i in range(0, x.shape[axis] - size + 1, step)], axis),
        axis + 1,
        -1,
    ),
    samples=lambda s: s.case(s.array((2, 6, 2)), axis=1, size=s.integer(1, 3), step=s.integer(1, 3)),
    linear_in=("x",),
)
def windows_along(x, *, axis, size, step):
    """Windows of `size` elements along an axis, `step` apart, as a new last axis: torch's x.unfold(...)."""
    shape = np.shape(raw(x))
    axis = normalize_axis(axis, len(shape))
    n = shape[axis] if shape else 1
    if size > n or size < 0 or step < 1:
        raise ShapeError(f"unfold: size={size}, step={step} do not fit axis {axis} of size {n}  [x: {shape}]")
    x = reshape(x, 1) if not shape else x
    place = np.arange(0, n - size + 1, step)[:, None] + np.arange(size)
    picked = getitem(x, (slice(None),) * axis + (place,))
    if not shape:
        return reshape(picked, (size,))
    order = [i for i in range(len(shape) + 1) if i != axis + 1] + [axis + 1]
    return permute(picked, tuple(order))
