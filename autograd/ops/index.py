"""Picking elements and writing them back: indexing, gather and scatter, masks, tables of vectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd import kernels
from autograd.errors import DTypeError, ShapeError
from autograd.op import composite, op
from autograd.ops.elementwise import add, raw
from autograd.ops.shape import expand, reshape, sum_to
from autograd.sampling import Case, Sampler
from autograd.shapes import normalize_axis


class IndexRangeError(ShapeError, IndexError):
    """An index that is not there."""


def plain(index: Any) -> Any:
    """An index with arrays in place of tensors."""
    if isinstance(index, tuple):
        return tuple(plain(i) for i in index)
    if isinstance(index, list):
        return np.asarray([plain(i) for i in index]) if index else np.empty(0, np.int64)
    return raw(index)


def is_basic(index: Any) -> bool:
    """Whether an index picks each element at most once and NumPy answers with a view."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        i is None or i is Ellipsis or (isinstance(i, (int, np.integer, slice)) and not isinstance(i, bool))
        for i in parts
    )


def look_up(x: np.ndarray, index: Any) -> np.ndarray:
    """x[index], with an error that shows the shape."""
    try:
        return x[index]
    except IndexError as error:
        raise _refusal("getitem", error, x, index) from None


def _refusal(name: str, error: IndexError, x: np.ndarray, index: Any) -> Exception:
    """The typed error for an index that NumPy refuses."""
    kind = "must be of integer" in str(error) or "only integers" in str(error)
    return (DTypeError if kind else IndexRangeError)(f"{name}: {error}  [x: {x.shape}, index: {index!r:.80}]")


def _indices(s: Sampler) -> tuple[tuple[int, ...], Any]:
    """A shape and an index into it, basic or advanced."""
    shape = (s.size(3), s.size(3) + 1, s.size(3))
    rows, columns = s.integers((4,), -shape[0], shape[0]), s.integers((4,), 0, shape[1])
    index = s.choice((
        0, -1, slice(None, None, -1), (slice(None), 1), (Ellipsis, None, 0), (None, slice(1, None, 2)),
        rows, (rows, columns), (slice(None), columns), (rows[:, None], columns), (rows, slice(None), 0),
        s.mask(shape), s.mask(shape[:1]), (slice(None), s.mask(shape[1:2])), rows.reshape(2, 2), [0, -1],
    ))  # fmt: skip
    return shape, index


def _getitem_samples(s: Sampler) -> Case:
    shape, index = _indices(s)
    return s.case(s.array(shape), index=index)


def _places(shape: tuple[int, ...], index: Any) -> np.ndarray:
    """Flat positions of what an index picks."""
    return np.arange(int(np.prod(shape))).reshape(shape)[plain(index)]


@op(
    reference=lambda x, index: np.array([x.flat[i] for i in _places(x.shape, index).flat]).reshape(
        _places(x.shape, index).shape
    ),
    samples=_getitem_samples,
    linear_in=("x",),
    view=True,
)
def getitem(x, *, index):
    """x[index], as NumPy: ints, slices, None, ... give views; int and bool arrays or tensors give copies."""
    return look_up(x, index if type(index) is int or type(index) is slice else plain(index))


getitem.grads(x=lambda g, x_shape, index: put_at(g, shape=x_shape, index=index))


def _put_reference(x, shape, index):
    out = np.zeros(int(np.prod(shape)))
    for i, value in zip(_places(shape, index).flat, x.flat):
        out[i] += value
    return out.reshape(shape)


def _put_samples(s: Sampler) -> Case:
    shape, index = _indices(s)
    return s.case(s.array(_places(shape, index).shape), shape=shape, index=index)


@op(reference=_put_reference, samples=_put_samples, linear_in=("x",))
def put_at(x, *, shape, index):
    """y = zeros(shape); y[index] += x, repeated indices adding up: the adjoint of getitem."""
    index = plain(index)
    parts = index if isinstance(index, tuple) else (index,)
    arrays = [i for i, part in enumerate(parts) if isinstance(part, np.ndarray)]
    whole = x.dtype.char in "fd" and all(parts[i].dtype.kind in "iu" for i in arrays)
    if whole and 1 < len(arrays) == len(parts):  # of the first axes, which count as one
        lead, rest = shape[: len(parts)], shape[len(parts) :]
        places = [np.where(part < 0, part + n, part) for part, n in zip(np.broadcast_arrays(*parts), lead)]
        ids = np.ravel_multi_index(places, lead).reshape(-1)
        return kernels.add_rows(x.reshape(ids.size, *rest), ids, math.prod(lead)).reshape(shape)
    if whole and len(arrays) == 1:
        axis, ids = arrays[0], parts[arrays[0]]
        if all(isinstance(part, slice) and part == slice(None) for part in parts[:axis]) and len(parts) == axis + 1:
            inner = x.reshape(*shape[:axis], ids.size, *shape[axis + 1 :])
            ids = np.where(ids < 0, ids + shape[axis], ids).reshape(-1)
            return np.moveaxis(kernels.add_rows(np.moveaxis(inner, axis, 0), ids, shape[axis]), 0, axis)
    out = np.zeros(shape, x.dtype)
    if is_basic(index) or (len(arrays) == 1 and parts[arrays[0]].dtype.kind == "b"):
        out[index] = x
    else:
        np.add.at(out, index, x)
    return out


put_at.grads(x=lambda g, index: getitem(g, index=index))


def _setitem_samples(s: Sampler) -> Case:
    shape = (s.size(3), s.size(3) + 1, s.size(3))
    index = s.choice(
        (
            0,
            (slice(None), 1),
            slice(None, None, 2),
            (Ellipsis, 0),
            s.mask(shape),
            ([0], [1]),
            (slice(None), np.arange(2)),
        )
    )
    picked = _places(shape, index).shape
    return s.case(s.array(shape), s.array(picked if s.boolean() else (1,)), index=index)


def _setitem_reference(x, y, index, inplace=False):
    out = [float(v) for v in x.flat]
    places = _places(x.shape, index)
    for i, value in zip(places.flat, np.broadcast_to(y, places.shape).flat):
        out[i] = value
    return np.array(out).reshape(x.shape)


@op(reference=_setitem_reference, samples=_setitem_samples, linear_in=("y",), widens=False)
def setitem(x, y, *, index, inplace=False):
    """A copy of x with x[index] replaced by y, which broadcasts. inplace: x itself, for Tensor's `x[index] = y`."""
    out = x if inplace else np.array(x, order="K")
    try:
        out[plain(index)] = y
    except IndexError as error:
        raise _refusal("setitem", error, out, index) from None
    return out


def _setitem_grad_y(g, y_shape, index):
    picked = getitem(g, index=index)
    extra = max(len(y_shape) - picked.ndim, 0)  # NumPy lets y have more leading axes of size 1
    return reshape(sum_to(picked, shape=y_shape[extra:]), y_shape)


setitem.grads(x=lambda g, index: setitem(g, 0.0, index=index), y=_setitem_grad_y)


# --------------------------------------------------------------------------------------------- along one axis


def ids_of(name: str, index: Any, n: int) -> np.ndarray:
    """An index array, checked: ints within [-n, n)."""
    ids = np.asarray(raw(index))
    if ids.dtype.kind not in "iu":
        if ids.size:
            raise DTypeError(f"{name}: index has dtype {ids.dtype}, expected ints")
        ids = ids.astype(np.int64)
    if ids.size:
        low, high = int(ids.min()), int(ids.max())
        if low < -n or high >= n:
            raise IndexRangeError(f"{name}: index {high if high >= n else low} is out of range for size {n}")
    return ids


def _take_samples(s: Sampler) -> Case:
    shape = (s.size(3), s.size(3), s.size(3))
    axis = s.choice((None, 0, 1, -1))
    n = int(np.prod(shape)) if axis is None else shape[axis]
    return s.case(s.array(shape), s.integers((s.integer(0, 4), 2)[: s.integer(1, 2)], -n, n), axis=axis)


def _take_reference(x, index, axis=None):
    if axis is None:
        x, axis = x.ravel(), 0
    index = np.asarray(index)
    rows = np.moveaxis(x, axis, 0)
    picked = np.array([rows[i] for i in index.flat]).reshape(*index.shape, *rows.shape[1:])
    axis %= x.ndim
    return np.moveaxis(picked, range(index.ndim), range(axis, axis + index.ndim))


@op(reference=_take_reference, samples=_take_samples, linear_in=("x",), onnx="Gather")
def take(x, index, *, axis=None):
    """x[..., index, ...] along an axis; None: of the flattened x."""
    if axis is None:
        return x.reshape(-1)[ids_of("take", index, x.size)]
    axis = normalize_axis(axis, x.ndim)
    return x.take(ids_of("take", index, x.shape[axis] if x.ndim else 1), axis)


def _take_grad(g, x_shape, index, axis):
    if axis is None:
        size = int(np.prod(x_shape))
        return reshape(put_at(g, shape=(size,), index=(np.asarray(raw(index), np.int64),)), x_shape)
    axis = normalize_axis(axis, len(x_shape))
    return put_at(g, shape=x_shape, index=(slice(None),) * axis + (np.asarray(raw(index), np.int64),))


take.grads(x=_take_grad, index=None)


@composite(
    reference=lambda x, axis, index: _take_reference(x, index, axis),
    samples=lambda s: s.case(s.array((3, 4)), axis=s.axis(2), index=s.integers((s.integer(0, 4),), 0, 3)),
)
def index_select(x, *, axis, index):
    """Slices of x along an axis, in the order of the 1-d index."""
    if np.ndim(raw(x)) == 0:
        return reshape(take(reshape(x, 1), index, axis=axis), ())
    return take(x, index, axis=axis)


@composite(
    reference=lambda x, axis, index, source, alpha=1: x + alpha * _put_reference(source, x.shape, (index,)),
    samples=lambda s: s.case(s.array((3, 4)), axis=0, index=s.integers((5,), 0, 3), source=s.array((5, 4))),
)
def index_add(x, *, axis, index, source, alpha=1):
    """A copy of x to whose slices index[i] along an axis source's slices i are added, alpha times."""
    if np.ndim(raw(x)) == 0:
        return reshape(index_add(reshape(x, 1), axis=0, index=index, source=reshape(source, 1), alpha=alpha), ())
    axis = normalize_axis(axis, np.ndim(raw(x)))
    added = put_at(source, shape=np.shape(raw(x)), index=(slice(None),) * axis + (raw(index),))
    return add(x, added, alpha=alpha)


def _along(shape: tuple[int, ...], index: np.ndarray, axis: int, name: str) -> tuple:
    """The full index of picking x[.., index[..], ..] along an axis."""
    if len(shape) != index.ndim or any(m > n for i, (n, m) in enumerate(zip(shape, index.shape)) if i != axis):
        raise ShapeError(f"{name}: index {index.shape} does not fit x {shape} beside axis {axis}")
    ids = ids_of(name, index, shape[axis] if shape else 1)
    if not shape:
        return ()
    ndim = index.ndim
    grid = [np.arange(n).reshape((1,) * i + (n,) + (1,) * (ndim - 1 - i)) for i, n in enumerate(index.shape)]
    grid[axis] = ids
    return tuple(grid)


def _along_samples(s: Sampler) -> Case:
    shape = tuple(s.size(3) for _ in range(s.integer(1, 3)))
    axis = s.axis(len(shape))
    wide = list(shape)
    wide[axis] = s.integer(1, 4)
    return s.case(s.array(shape), s.integers(wide, 0, shape[axis]), axis=axis)


@op(reference=np.take_along_axis, samples=_along_samples, linear_in=("x",), onnx="GatherElements")
def take_along_axis(x, index, *, axis):
    """y[i, j, k] = x[i, index[i, j, k], k] (axis 1); index has x's sizes on the other axes, or fewer."""
    axis = normalize_axis(axis, x.ndim)
    picked = kernels.take_along(x, index, axis) if x.ndim else None
    return picked if picked is not None else x[_along(x.shape, np.asarray(index), axis, "take_along_axis")]


take_along_axis.grads(
    x=lambda g, x_shape, index, axis: add_along_axis(np.zeros(x_shape, g.dtype), index, g, axis=axis), index=None
)


def _write_samples(s: Sampler) -> Case:
    shape = tuple(s.size(3) for _ in range(s.integer(1, 3)))
    axis = s.axis(len(shape))
    index = np.argsort(s.distinct(shape), axis).astype(np.int64)
    return s.case(s.array(shape), index, s.array(shape), axis=axis)


def _write_reference(x, index, y, axis, adds=False):
    out = np.array(x, np.float64)
    for place in np.ndindex(index.shape):
        target = list(place)
        target[axis] = index[place]
        out[tuple(target)] = y[place] + adds * out[tuple(target)]
    return out


@op(reference=_write_reference, samples=_write_samples, linear_in=("x", "y"))
def put_along_axis(x, index, y, *, axis):
    """A copy of x with y[i, j, k] written to x[i, index[i, j, k], k] (axis 1)."""
    out = np.array(x)
    out[_along(x.shape, np.asarray(index), normalize_axis(axis, x.ndim), "put_along_axis")] = y
    return out


put_along_axis.grads(
    x=lambda g, index, axis: put_along_axis(g, index, 0.0, axis=axis),
    index=None,
    y=lambda g, index, axis: take_along_axis(g, index, axis=axis),
)


@op(
    reference=lambda x, index, y, axis: _write_reference(x, index, y, axis, adds=True),
    samples=lambda s: s.case(s.array((3, 4)), s.integers((3, 2), 0, 4), s.array((3, 2)), axis=1),
    linear_in=(),
    onnx="ScatterElements",
)
def add_along_axis(x, index, y, *, axis):
    """A copy of x with y[i, j, k] added to x[i, index[i, j, k], k] (axis 1), repeated indices adding up."""
    axis = normalize_axis(axis, x.ndim)
    out = kernels.add_along(x, index, y, axis) if x.ndim else None
    if out is None:
        out = np.array(x)
        np.add.at(out, _along(x.shape, np.asarray(index), axis, "add_along_axis"), y)
    return out


add_along_axis.grads(x=lambda g: g, index=None, y=lambda g, index, axis: take_along_axis(g, index, axis=axis))


@composite(
    reference=lambda x, index, axis=None: np.take_along_axis(x.ravel() if axis is None else x, index, axis or 0),
    samples=lambda s: s.case(s.array((3,)), s.integers((4,), 0, 3), axis=s.choice((0, None))),
)
def take_along_dim(x, index, *, axis=None):
    """As take_along_axis, with x and the index broadcast against each other; None: of the flattened x."""
    if axis is None:
        return reshape(take(reshape(x, -1), np.reshape(raw(index), -1), axis=0), np.size(raw(index)))
    shape, ids = np.shape(raw(x)), np.asarray(raw(index))
    axis = normalize_axis(axis, len(shape))
    if ids.ndim != len(shape):
        raise ShapeError(f"take_along_dim: index {ids.shape} and x {shape} have different dimensions")
    common = [max(a, b) if i != axis else -1 for i, (a, b) in enumerate(zip(shape, ids.shape))]
    wide = np.broadcast_to(ids, [m if i != axis else n for i, (m, n) in enumerate(zip(common, ids.shape))])
    return take_along_axis(expand(x, tuple(common)), wide, axis=axis)


def _gather_samples(s: Sampler) -> Case:
    return s.case(s.array((3, 4)), axis=1, index=s.integers((s.integer(1, 3), s.integer(1, 5)), 0, 4))


@composite(reference=lambda x, axis, index: np.take_along_axis(x[: len(index)], index, axis), samples=_gather_samples)
def gather(x, *, axis, index):
    """y[i, j] = x[i, index[i, j]] (axis 1), for as many i as index has."""
    shape = np.shape(raw(index))
    if np.ndim(raw(x)) == 0 or 0 in shape:
        return reshape(take(reshape(x, -1), np.reshape(raw(index), -1), axis=0), shape)
    return take_along_axis(x, index, axis=axis)


def _trimmed(source: Any, index: Any) -> Any:
    """The part of the source that the index covers."""
    if np.ndim(raw(source)) == 0 or np.shape(raw(source)) == np.shape(raw(index)):
        return source
    return getitem(source, tuple(slice(n) for n in np.shape(raw(index))))


def _scatter_samples(s: Sampler) -> Case:
    x, _, y = _write_samples(s).args
    return s.case(x, axis=0, index=np.argsort(s.distinct(x.shape), 0), src=y)


@composite(reference=lambda x, axis, index, src: _write_reference(x, index, src, axis), samples=_scatter_samples)
def scatter(x, *, axis, index, src=None, value=None):
    """A copy of x with src[i, j] (or one value) written to x[index[i, j], j] (axis 0)."""
    return put_along_axis(x, index, _trimmed(value if src is None else src, index), axis=axis)


@composite(
    reference=lambda x, axis, index, src: _write_reference(x, index, src, axis, adds=True), samples=_scatter_samples
)
def scatter_add(x, *, axis, index, src):
    """A copy of x with src[i, j] added to x[index[i, j], j] (axis 0), repeated indices adding up."""
    return add_along_axis(x, index, _trimmed(src, index), axis=axis)
