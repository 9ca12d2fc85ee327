"""Order statistics and counts: quantiles, modes, running extremes, sets, histograms and sums that skip NaN."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.errors import DTypeError, ShapeError
from autograd.op import composite, op
from autograd.ops.elementwise import add, mul, raw, sub, where
from autograd.ops.extreme import Extreme, at_place
from autograd.ops.index import getitem
from autograd.ops.lapack import finite
from autograd.ops.linalg import tensor_of
from autograd.ops.reduce import nonempty, over_axes, sum
from autograd.ops.shape import movedim, reshape
from autograd.ops.sort import argsort, cumsum, sort
from autograd.ops.unary import exp, isnan
from autograd.sampling import Case, Sampler
from autograd.shapes import normalize_axis
from autograd.tensor import Tensor


def lines(s: Sampler, **attrs: Any) -> Case:
    """Distinct values and an axis."""
    shape = s.shape(1, 3)
    return s.case(s.distinct(shape), axis=s.axis(len(shape)), **attrs)


def with_gaps(s: Sampler) -> np.ndarray:
    """Values with NaN among them."""
    x = s.distinct((s.size(3) + 1, s.size(4)))
    return np.where(s.integers(x.shape, 0, 5) == 0, np.nan, x)


# --------------------------------------------------------------------------------------------- sums without NaN


@composite(
    reference=lambda x, axis=None, keepdims=False: np.nansum(x, axis, keepdims=keepdims), samples=over_axes, onnx=None
)
def nansum(x, *, axis=None, keepdims=False, dtype=None):
    """The sum over axes, NaN counting as 0."""
    x = tensor_of(x)
    return sum(where(isnan(x), 0, x) if x.dtype.kind == "f" else x, axis, keepdims, dtype)


@composite(reference=lambda x, axis=None, keepdims=False: np.nanmean(x, axis, keepdims=keepdims), samples=over_axes)
def nanmean(x, *, axis=None, keepdims=False):
    """The mean over axes of what is not NaN."""
    x = tensor_of(x)
    count = sum(np.where(np.isnan(x.array), 0, 1).astype(x.dtype), axis, keepdims)
    return nansum(x, axis=axis, keepdims=keepdims) / count


# --------------------------------------------------------------------------------------------- ranks


def _rank_reference(x, k, axis=-1, keepdims=False):
    place = np.take(np.argsort(x, axis, kind="stable"), [k - 1], axis)
    values = np.take_along_axis(x, place, axis)
    return (values, place) if keepdims else (values.squeeze(axis), place.squeeze(axis))


@composite(
    reference=_rank_reference,
    samples=lambda s: (lambda c: s.case(*c.args, k=1, **c.attrs))(lines(s, keepdims=s.boolean())),
)
def kthvalue(x, *, k, axis=-1, keepdims=False):
    """(values, indices) of the k-th smallest along an axis, k from 1."""
    shape = np.shape(raw(x))
    axis = normalize_axis(axis, len(shape))
    n = shape[axis] if shape else 1
    if not 1 <= k <= n:
        raise ShapeError(f"kthvalue: k={k} is not in [1, {n}], the size of axis {axis}  [x: {shape}]")
    if not shape:
        return at_place(x, np.zeros((), np.int64), 0, True)
    return at_place(x, getitem(argsort(x, axis), (slice(None),) * axis + (slice(k - 1, k),)), axis, keepdims)


def _middle(x: np.ndarray, axis: int) -> np.ndarray:
    """Where the median of what is not NaN stands (the lower one of two), the axis kept."""
    order = np.argsort(x, axis, kind="stable")
    count = x.shape[axis] - np.isnan(x).sum(axis, keepdims=True)
    return np.take_along_axis(order, np.maximum((count - 1) // 2, 0), axis)


@composite(
    reference=lambda x, axis, keepdims=False: _rank_reference(x, (x.shape[axis] + 1) // 2, axis, keepdims),
    samples=lambda s: lines(s, keepdims=s.boolean()),
)
def nanmedian(x, *, axis=None, keepdims=False):
    """The median of what is not NaN, the lower one of two; with an axis (values, indices)."""
    x = tensor_of(x)
    nonempty("nanmedian", x.array, axis if x.ndim else None)
    if axis is None:
        flat = reshape(x, -1)
        return reshape(at_place(flat, _middle(flat.array, 0), 0, False).values, ())
    axis = normalize_axis(axis, x.ndim)
    return at_place(x, _middle(np.atleast_1d(x.array), axis), axis, keepdims)


def _mode_reference(x, axis=-1, keepdims=False):
    rows = np.moveaxis(x, axis, -1)
    place = np.empty(rows.shape[:-1], np.int64)
    for at in np.ndindex(*place.shape):
        values, counts = np.unique(rows[at], return_counts=True)
        place[at] = np.flatnonzero(rows[at] == values[counts.argmax()])[-1]
    values = np.take_along_axis(rows, place[..., None], -1)[..., 0]
    return tuple(np.expand_dims(a, axis) if keepdims else a for a in (values, place))


@composite(reference=finite(_mode_reference), samples=lambda s: lines(s, keepdims=s.boolean()))
def mode(x, *, axis=-1, keepdims=False):
    """(values, indices) of the most frequent value along an axis: of several the smallest, its last place."""
    x = tensor_of(x)
    axis = normalize_axis(axis, x.ndim)
    nonempty("mode", x.array, axis if x.ndim else None)
    a = np.moveaxis(np.atleast_1d(x.array), axis, -1)
    order = np.argsort(a, -1, kind="stable")
    rows, at = np.take_along_axis(a, order, -1), np.arange(a.shape[-1])
    starts = np.concatenate([np.ones_like(rows[..., :1], bool), rows[..., 1:] != rows[..., :-1]], -1)
    length = at - np.maximum.accumulate(np.where(starts, at, 0), -1)  # of the run of equal values so far
    place = np.take_along_axis(order, length.argmax(-1)[..., None], -1)[..., 0]
    return at_place(x, np.expand_dims(place, axis), axis, keepdims)


INTERPOLATIONS = ("linear", "lower", "higher", "nearest", "midpoint")


def _quantile_samples(s: Sampler) -> Case:
    shape = (s.size(3) + 1, s.size(4))
    q = s.choice((0.5, 0.3)) if s.boolean() else s.array((2,), 0.1, 0.9)
    return s.case(s.distinct(shape), q, axis=s.choice((0, 1, -1, None)), interpolation=s.choice(INTERPOLATIONS[:3]))


def _quantile_reference(x, q, axis=None, keepdims=False, interpolation="linear"):
    return np.quantile(x, q, axis, keepdims=keepdims, method=interpolation)


def _quantile(name: str, x: Any, q: Any, axis: Any, keepdims: bool, interpolation: str, skip: bool) -> Tensor:
    x = tensor_of(x)
    q = q if isinstance(q, (Tensor, np.ndarray)) else np.asarray(q, x.dtype)
    q = tensor_of(q)
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"{name}: interpolation is {interpolation!r}, expected one of {', '.join(INTERPOLATIONS)}")
    if x.dtype.kind != "f" or q.dtype != x.dtype:
        raise DTypeError(f"{name}: x and q must be floats of one dtype, got {x.dtype} and {q.dtype}")
    if q.ndim > 1:
        raise ShapeError(f"{name}: q must be a number or a vector  [x: {x.shape}, q: {q.shape}]")
    if ((q.array < 0) | (q.array > 1)).any():
        raise ShapeError(f"{name}: q must lie between 0 and 1, got {q.array!r:.60}")
    shape, ndim = x.shape, max(x.ndim, 1)
    if axis is None:
        rows, at, kept = reshape(x, -1), 0, (1,) * x.ndim
    else:
        at = normalize_axis(axis, x.ndim)
        rows, kept = (x if x.ndim else reshape(x, 1)), tuple(1 if i == at else n for i, n in enumerate(shape))
    rows = movedim(sort(rows, at).values, at, -1)
    if not rows.shape[-1]:
        raise ShapeError(f"{name}: no elements to choose from  [x: {shape}]")
    missing = np.isnan(rows.array)
    count = (~missing).sum(-1) if skip else np.full(rows.shape[:-1], rows.shape[-1])
    place = mul(reshape(q, (-1, *[1] * (rows.ndim - 1))), np.maximum(count - 1, 0).astype(x.dtype))
    low = np.floor(np.nan_to_num(place.array)).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    if interpolation != "linear":
        part = place.array - low
        chosen = {
            "lower": 0.0 * part,
            "higher": np.ceil(part),
            "nearest": np.round(place.array) - low,
            "midpoint": 0.5 * np.ceil(part),
        }
        share = Tensor(chosen[interpolation].astype(x.dtype))
    else:
        share = sub(place, low.astype(x.dtype))
    grid = np.ogrid[tuple(slice(n) for n in low.shape)][1:]
    below, above = (getitem(rows, (*(np.broadcast_to(g, i.shape) for g in grid), i)) for i in (low, high))
    y = add(below, mul(share, sub(above, below)))
    lost = np.isnan(place.array) | ((count == 0) if skip else missing.any(-1))
    y = where(np.broadcast_to(lost, y.shape), math.nan, y) if lost.any() else y
    if keepdims:
        y = reshape(y, (y.shape[0], *kept))
    return y if q.ndim else getitem(y, 0) if ndim else y


@composite(reference=_quantile_reference, samples=_quantile_samples)
def quantile(x, q, *, axis=None, keepdims=False, interpolation="linear"):
    """The values below which a share q of the elements lies, over all or along an axis; q a number or a vector.

    A vector q makes a new first axis. NaN anywhere gives NaN. interpolation says what lies between two elements.
    """
    return _quantile("quantile", x, q, axis, keepdims, interpolation, skip=False)


@composite(
    reference=lambda x, q, axis=None, interpolation="linear": np.nanquantile(x, q, axis, method=interpolation),
    samples=_quantile_samples,
)
def nanquantile(x, q, *, axis=None, keepdims=False, interpolation="linear"):
    """As quantile, of what is not NaN."""
    return _quantile("nanquantile", x, q, axis, keepdims, interpolation, skip=True)


# --------------------------------------------------------------------------------------------- running extremes


def _running_place(x: np.ndarray, axis: int, better: np.ufunc) -> np.ndarray:
    """The last place of the extreme so far; a NaN stays."""
    best = better.accumulate(x, axis)
    at = np.arange(x.shape[axis]).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    hit = (x == best) | np.isnan(x)
    return np.maximum.accumulate(np.where(hit, at, 0), axis)


def _running_reference(better):
    def reference(x, axis):
        rows = np.moveaxis(x, axis, 0)
        place = np.zeros(rows.shape, np.int64)
        for i in range(1, len(rows)):
            before = np.take_along_axis(rows, place[i - 1 : i], 0)[0]
            place[i] = np.where(better(rows[i], before), i, place[i - 1])
        return np.moveaxis(np.take_along_axis(rows, place, 0), 0, axis), np.moveaxis(place, 0, axis)

    return reference


def _running_extreme(x: Any, axis: int, better: np.ufunc) -> Extreme:
    x = tensor_of(x)
    axis = normalize_axis(axis, x.ndim)
    return at_place(x, _running_place(np.atleast_1d(x.array), axis, better), axis, True)


@composite(reference=_running_reference(np.greater), samples=lines)
def cummax(x, *, axis):
    """(values, indices) of the largest element so far along an axis."""
    return _running_extreme(x, axis, np.maximum)


@composite(reference=_running_reference(np.less), samples=lines)
def cummin(x, *, axis):
    """(values, indices) of the smallest element so far along an axis."""
    return _running_extreme(x, axis, np.minimum)


@op(
    reference=lambda x, axis: np.log(np.cumsum(np.exp(x), axis)),
    samples=lambda s: (lambda shape: s.case(s.array(shape), axis=s.axis(len(shape))))(s.shape(1, 3)),
)
def logcumsumexp(x, *, axis):
    """log(e^x[0] + ... + e^x[i]) along an axis, without overflow in between."""
    if x.dtype.kind != "f":
        raise TypeError(f"expected floats, got {x.dtype}")
    return np.logaddexp.accumulate(x, axis) if x.ndim else np.array(x)


def _logcumsumexp_grad(g, x, out, axis):
    """sum over i >= j of g[i] e^(x[j] - out[i]), in the scale of each line's largest value."""
    if not raw(x).ndim:
        return g
    top = np.max(np.where(np.isfinite(raw(x)), raw(x), -np.inf), axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)
    lost = np.isneginf(raw(out))
    scaled = where(lost, 0.0, g * exp(top - where(lost, top, out)))
    total = sum(scaled, axis, True)
    return exp(x - top) * (total - cumsum(scaled, axis=axis) + scaled)


logcumsumexp.grads(x=_logcumsumexp_grad)
