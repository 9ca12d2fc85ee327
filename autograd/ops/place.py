"""More ways of writing into copies: by index, by mask, in flat order, and scattering with a reduction."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.errors import DTypeError, ShapeError
from autograd.op import composite
from autograd.ops.elementwise import add, raw, where
from autograd.ops.index import (
    add_along_axis,
    getitem,
    ids_of,
    look_up,
    put_along_axis,
    put_at,
    setitem,
    take_along_axis,
)
from autograd.ops.linalg import tensor_of
from autograd.ops.shape import astype, expand, identity, reshape
from autograd.sampling import Case, Sampler
from autograd.shapes import normalize_axis
from autograd.tensor import Tensor


def _at(x: Any, axis: int, index: Any, name: str) -> tuple:
    """The full index of slices of x along an axis."""
    shape = np.shape(raw(x))
    axis = normalize_axis(axis, len(shape))
    ids = ids_of(name, index, shape[axis] if shape else 1)
    if ids.ndim > 1:
        raise ShapeError(f"{name}: index must be a vector, got shape {ids.shape}  [x: {shape}]")
    return (slice(None),) * axis + (ids.reshape(-1),)


def _rows(s: Sampler, **attrs: Any) -> Case:
    index = np.argsort(s.distinct((3,)))[: s.integer(1, 3)].astype(np.int64)
    return s.case(s.array((3, 4)), axis=0, index=index, **attrs)


def _written(x, index, value):
    out = x.copy()
    out[index] = value
    return out


@composite(
    reference=lambda x, value: np.full(x.shape, value),
    samples=lambda s: s.case(s.array(s.shape()), s.array(())),
)
def fill(x, value):
    """One value, a number or a tensor without axes, in x's shape and dtype."""
    if np.ndim(raw(value)):
        raise ShapeError(f"fill: value must be a number, got shape {np.shape(raw(value))}")
    x = tensor_of(x)
    return identity(expand(astype(tensor_of(value), dtype=x.dtype), x.shape))


@composite(
    reference=lambda x, axis, index, value: _written(x, index, value),
    samples=lambda s: s.case(s.array((3, 4)), 0, np.array([0, 2]), s.array(())),
)
def index_fill(x, axis, index, value):
    """A copy of x whose slices index[i] along an axis are one value."""
    if np.ndim(raw(value)):
        raise ShapeError(f"index_fill: value must be a number, got shape {np.shape(raw(value))}")
    if np.ndim(raw(x)) == 0:
        return reshape(index_fill(reshape(x, 1), 0, index, value), ())
    *before, ids = _at(x, axis, index, "index_fill")
    ids = np.unique(ids % max(np.shape(raw(x))[normalize_axis(axis, np.ndim(raw(x)))], 1))
    return setitem(x, value, index=(*before, ids))


def _copy_samples(s: Sampler) -> Case:
    (x,), attrs = _rows(s)
    return s.case(x, 0, attrs["index"], s.array((len(attrs["index"]), 4)))


@composite(reference=lambda x, axis, index, source: _written(x, index, source), samples=_copy_samples)
def index_copy(x, axis, index, source):
    """A copy of x whose slices index[i] along an axis are source's slices i."""
    if np.ndim(raw(x)) == 0:
        return reshape(index_copy(reshape(x, 1), axis=0, index=index, source=reshape(source, 1)), ())
    at = _at(x, axis, index, "index_copy")
    wanted = np.shape(raw(tensor_of(x))[at])
    if np.shape(raw(source)) != wanted:
        raise ShapeError(f"index_copy: source has shape {np.shape(raw(source))}, expected {wanted}")
    return setitem(x, source, index=at)


def _put_samples(s: Sampler) -> Case:
    return s.case(
        s.array((3, 4)), index=(np.array([0, 2]), np.array([1, 3])), values=s.array((2,)), accumulate=s.boolean()
    )


def _put_reference(x, index, values, accumulate=False):
    out = x.copy()
    for k, place in enumerate(zip(*index)):
        out[place] = values[k] + accumulate * out[place]
    return out


@composite(reference=_put_reference, samples=_put_samples)
def index_put(x, index, values, accumulate=False):
    """A copy of x with x[index] replaced by values, or (accumulate) values added, repeated indices adding up."""
    index = tuple(np.asarray(raw(i)) if i is not None else slice(None) for i in index)
    wanted = look_up(raw(tensor_of(x)), index).shape
    if not accumulate:
        return setitem(x, values, index=index)
    return add(x, put_at(expand(values, wanted), shape=np.shape(raw(x)), index=index))


@composite(
    reference=lambda x, index, source, accumulate=False: _flat_reference(x, index, source, accumulate),
    samples=lambda s: s.case(s.array((3, 4)), np.array([1, 5, -1]), s.array((3,)), accumulate=s.boolean()),
)
def put(x, index, source, accumulate=False):
    """A copy of x with source written (or added) to the flat places index."""
    shape, ids = np.shape(raw(x)), ids_of("put", index, np.size(raw(x)))
    if np.size(raw(source)) != ids.size:
        raise ShapeError(f"put: {ids.size} indices, but {np.size(raw(source))} values  [x: {shape}]")
    values = reshape(source, ids.size)
    flat = index_put(reshape(x, -1), index=(ids.reshape(-1),), values=values, accumulate=accumulate)
    return reshape(flat, shape)


def _flat_reference(x, index, source, accumulate):
    out = x.ravel().copy()
    for i, v in zip(index.ravel(), source.ravel()):
        out[i] = v + accumulate * out[i]
    return out.reshape(x.shape)


def _mask_samples(s: Sampler) -> Case:
    mask = s.mask((2, 3))
    return s.case(s.array((2, 3)), mask, s.array((6,)))


def _mask_reference(x, mask, source):
    out, values = x.copy(), iter(source.ravel())
    for place in np.argwhere(mask):
        out[tuple(place)] = next(values)
    return out


@composite(reference=_mask_reference, samples=_mask_samples)
def masked_scatter(x, mask, source):
    """A copy of x with the elements of source, in order, where the mask holds; x and the mask broadcast."""
    mask = np.asarray(raw(mask))
    if mask.dtype != np.bool_:
        raise DTypeError(f"masked_scatter: the mask must hold bools, got {mask.dtype}")
    try:
        shape = np.broadcast_shapes(mask.shape, np.shape(raw(x)))
    except ValueError:
        raise ShapeError(f"masked_scatter: x {np.shape(raw(x))} and mask {mask.shape} do not broadcast") from None
    wide = np.broadcast_to(mask, shape)
    count = int(wide.sum())
    if np.size(raw(source)) < count:
        raise ShapeError(f"masked_scatter: the mask takes {count} values, source has {np.size(raw(source))}")
    return setitem(expand(x, shape), getitem(reshape(source, -1), slice(count)), index=wide)


@composite(
    reference=lambda x, shape: tuple(np.unravel_index(x, shape)),
    samples=lambda s: s.case(s.integers((s.size(),), 0, 12), shape=(3, 4)),
    differentiable=False,
)
def unravel_index(x, *, shape):
    """Flat indices as one tensor of indices for each axis of the shape."""
    flat = raw(tensor_of(x))
    shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    if flat.dtype.kind not in "iu":
        raise DTypeError(f"unravel_index: expected ints, got {flat.dtype}")
    if min(shape, default=0) < 0 or (flat.size and not 0 <= flat.min() <= flat.max() < math.prod(shape)):
        raise ShapeError(f"unravel_index: an index is not within the {math.prod(shape)} places of shape {shape}")
    return tuple(Tensor(np.asarray(i, np.int64)) for i in np.unravel_index(flat, shape))


# --------------------------------------------------------------------------------------------- with a reduction

REDUCES = ("sum", "prod", "mean", "amax", "amin")


def _reduce_samples(s: Sampler) -> Case:
    shape = (s.size(3), s.size(3) + 1)
    index = s.integers(shape, 0, shape[1])
    x, y = s.distinct(shape), s.distinct(shape) + s.dtype.type(0.03)
    return s.case(x, 1, index, y, s.choice(REDUCES))


def _reduce_reference(x, axis, index, src, reduce, include_self=True):
    out = x.astype(np.float64)
    cells = {place: [out[place]] for place in np.ndindex(*out.shape)}
    for place in np.ndindex(*index.shape):
        target = list(place)
        target[axis] = index[place]
        cells[tuple(target)].append(src[place])
    functions: dict[str, Any] = {"sum": np.sum, "prod": np.prod, "mean": np.mean, "amax": np.max, "amin": np.min}
    for place, values in cells.items():
        out[place] = functions[reduce](values)
    return out


def _start(x: Tensor, touched: np.ndarray, reduce: str, include_self: bool) -> Tensor:
    """x, or what leaves the reduction unchanged where something will be written and x is not included."""
    if include_self:
        return x
    neutral = {"sum": 0.0, "mean": 0.0, "prod": 1.0, "amax": -math.inf, "amin": math.inf}[reduce]
    if x.dtype.kind != "f" and math.isinf(neutral):
        neutral = np.iinfo(x.dtype).min if neutral < 0 else np.iinfo(x.dtype).max
    return where(touched, Tensor(np.asarray(neutral, x.dtype)), x)


def _extreme(x: Tensor, ids: np.ndarray, src: Tensor, axis: int, largest: bool) -> Tensor:
    """Values compete; ties share the gradient."""
    best = x.array.copy()
    at = [np.arange(n).reshape([-1 if i == k else 1 for k in range(ids.ndim)]) for i, n in enumerate(ids.shape)]
    at[axis] = ids
    (np.maximum if largest else np.minimum).at(best, tuple(np.broadcast_arrays(*at)), src.array)
    chosen = take_along_axis(best, ids, axis=axis).array
    won_x = ((x.array == best) | (np.isnan(x.array) & np.isnan(best))).astype(x.dtype)
    won_src = ((src.array == chosen) | (np.isnan(src.array) & np.isnan(chosen))).astype(x.dtype)
    count = add_along_axis(won_x, ids, won_src, axis=axis).array
    total = add_along_axis(where(won_x > 0, x, 0.0), ids, where(won_src > 0, src, 0.0), axis=axis)
    shared = total / np.maximum(count, 1)
    with np.errstate(invalid="ignore"):
        rounding = np.where(np.isfinite(best), best - shared.array, 0)
    return shared + rounding.astype(x.dtype)


@composite(reference=_reduce_reference, samples=_reduce_samples)
def scatter_reduce(x, axis, index, src, reduce, include_self=True):
    """A copy of x where x[.., index[i, j], ..] is reduced with src[i, j]: sum, prod, mean, amax or amin

    include_self=False: what was in x at those places does not count.
    """
    name = "scatter_reduce"
    if reduce not in REDUCES:
        raise ValueError(f"{name}: reduce is {reduce!r}, expected one of {', '.join(REDUCES)}")
    x, src, ids = tensor_of(x), tensor_of(src), np.asarray(raw(index))
    if x.dtype != src.dtype:
        raise DTypeError(f"{name}: x is {x.dtype}, but src is {src.dtype}")
    if x.ndim == 0:
        flat = scatter_reduce(
            reshape(x, 1), axis=0, index=ids.reshape(-1), src=reshape(src, -1), reduce=reduce, include_self=include_self
        )
        return reshape(flat, ())
    if ids.size == 0:
        return x * 1
    axis = normalize_axis(axis, x.ndim)
    if ids.ndim != src.ndim or any(m > n for m, n in zip(ids.shape, src.shape)):
        raise ShapeError(f"{name}: index {ids.shape} is larger than src {src.shape}")
    src = getitem(src, tuple(slice(n) for n in ids.shape)) if src.shape != ids.shape else src
    ones = np.ones(ids.shape, x.dtype)
    counts = add_along_axis(np.zeros(x.shape, x.dtype), ids, ones, axis=axis).array
    start = _start(x, counts > 0, reduce, include_self)
    if reduce in ("sum", "mean"):
        total = add_along_axis(start, ids, src, axis=axis)
        if reduce == "sum":
            return total
        divisor = np.maximum(counts + bool(include_self), 1).astype(x.dtype)
        return total / divisor if x.dtype.kind == "f" else total // divisor
    if reduce == "prod":
        return _product(start, ids, src, axis)
    return _extreme(start, ids, src, axis, reduce == "amax")


def _product(x: Tensor, ids: np.ndarray, src: Tensor, axis: int) -> Tensor:
    """One slice of src at a time, so that zeros are no special case."""
    before = (slice(None),) * axis
    for i in range(ids.shape[axis]):
        at = (*before, slice(i, i + 1))
        here = ids[at]
        part = take_along_axis(x, here, axis=axis) * getitem(src, at)
        x = put_along_axis(x, here, part, axis=axis)
    return x


def _index_reduce_samples(s: Sampler) -> Case:
    index = s.integers((4,), 0, 3)
    x, y = s.distinct((3, 2)), s.distinct((4, 2)) + s.dtype.type(0.03)
    return s.case(x, 0, index, y, s.choice(("prod", "mean", "amax", "amin")))


@composite(
    reference=lambda x, axis, index, source, reduce: _reduce_reference(
        x, axis, np.broadcast_to(index[:, None], source.shape), source, reduce
    ),
    samples=_index_reduce_samples,
)
def index_reduce(x, axis, index, source, reduce, include_self=True):
    """scatter_reduce of whole slices: x[index[i]] is reduced with source[i] along an axis."""
    x, source, ids = tensor_of(x), tensor_of(source), np.asarray(raw(index)).reshape(-1)
    if x.ndim == 0:
        x, source = reshape(x, 1), reshape(source, 1)
        y = index_reduce(x, axis=0, index=ids, source=source, reduce=reduce, include_self=include_self)
        return reshape(y, ())
    axis = normalize_axis(axis, x.ndim)
    if reduce == "sum" or source.ndim != x.ndim or source.shape[axis] != ids.size:
        raise ShapeError(
            f"index_reduce: {ids.size} indices for source {source.shape}, reduce={reduce!r}  [x: {x.shape}]"
        )
    wide = np.broadcast_to(ids.reshape([-1 if i == axis else 1 for i in range(x.ndim)]), source.shape)
    return scatter_reduce(x, axis=axis, index=wide, src=source, reduce=reduce, include_self=include_self)
