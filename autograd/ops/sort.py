"""Order: sorting, the largest k, medians, running sums and products."""

from __future__ import annotations

import numpy as np

from autograd import kernels
from autograd.errors import ShapeError
from autograd.op import composite, op
from autograd.ops.dtypes import has_kernels
from autograd.ops.elementwise import mul, raw
from autograd.ops.extreme import at_place
from autograd.ops.index import getitem
from autograd.ops.join import concatenate
from autograd.ops.linalg import tensor_of
from autograd.ops.reduce import gradient_of_twin
from autograd.ops.shape import reshape
from autograd.sampling import Case, Sampler
from autograd.shapes import normalize_axis
from autograd.tape import declare


def _lines(s: Sampler) -> Case:
    shape = s.shape(1, 3)
    return s.case(s.distinct(shape), axis=s.axis(len(shape)), descending=s.boolean())


def _order(x, axis=-1, descending=False):
    keys = np.where(np.isnan(x), np.inf, x)  # NaN counts as largest
    return np.argsort(-keys if descending else keys, axis)


@op(reference=_order, samples=_lines, differentiable=False)
def argsort(x, *, axis=-1, descending=False, stable=True):
    """The indices that sort x along an axis, int64; ties keep their order, NaN counts as largest."""
    if x.ndim == 0:
        return np.zeros((), np.int64)
    if has_kernels(x):
        return kernels.argsort(x, axis, descending)
    if not descending:
        return x.argsort(axis, kind="stable")
    axis = normalize_axis(axis, x.ndim)
    return np.flip(x.shape[axis] - 1 - np.flip(x, axis).argsort(axis, kind="stable"), axis)


@composite(
    reference=lambda x, **attrs: (np.take_along_axis(x, _order(x, **attrs), attrs["axis"]), _order(x, **attrs)),
    samples=_lines,
)
def sort(x, *, axis=-1, descending=False, stable=True):
    """(values, indices): x sorted along an axis and where each value was; ties keep their order."""
    return at_place(x, argsort(x, axis, descending), axis, True)


@composite(
    reference=lambda x: np.sort(x, 0),
    samples=lambda s: s.case(s.distinct(s.shape(1, 3))),
)
def msort(x):
    """x sorted along its first axis."""
    return sort(x, 0)[0]


def _topk_samples(s: Sampler) -> Case:
    shape = s.shape(1, 3)
    axis = s.axis(len(shape))
    return s.case(s.distinct(shape), k=s.integer(0, shape[axis]), axis=axis, largest=s.boolean())


def _topk_reference(x, k, axis=-1, largest=True):
    order = np.take(_order(x, axis, largest), range(k), axis)
    return np.take_along_axis(x, order, axis), order


@op(
    reference=lambda x, k, axis=-1, largest=True: _topk_reference(x, k, axis, largest)[1],
    samples=_topk_samples,
    differentiable=False,
)
def topk_places(x, *, k, axis=-1, largest=True):
    """Where the k largest (or smallest) stand along an axis, in order, int64; ties keep their order."""
    if x.ndim and has_kernels(x):
        return kernels.argsort(x, axis, largest, k)
    order = argsort.forward(x, axis=axis, descending=largest)
    return order[(slice(None),) * normalize_axis(axis, x.ndim) + (slice(k),)] if x.ndim else order


@composite(reference=_topk_reference, samples=_topk_samples, onnx="TopK")
def topk(x, *, k, axis=-1, largest=True, sorted=True):
    """(values, indices) of the k largest (or smallest) along an axis, in order."""
    shape = np.shape(raw(x))
    axis = normalize_axis(axis, len(shape))
    if not 0 <= k <= (shape[axis] if shape else 1):
        raise ShapeError(
            f"topk: k={k} is not in [0, {shape[axis] if shape else 1}], the size of axis {axis}  [x: {shape}]"
        )
    return at_place(x, topk_places(x, k, axis, largest), axis, True)


def _median_reference(x, axis, keepdims=False):
    place = np.take(np.argsort(x, axis), [(x.shape[axis] - 1) // 2], axis)
    values = np.take_along_axis(x, place, axis)
    return (values, place) if keepdims else (values.squeeze(axis), place.squeeze(axis))


def _median_samples(s: Sampler) -> Case:
    shape = s.shape(1, 3)
    return s.case(s.distinct(shape), axis=s.axis(len(shape)), keepdims=s.boolean())


@composite(reference=_median_reference, samples=_median_samples)
def median(x, *, axis=None, keepdims=False):
    """The middle value, the lower one of two: of all elements, or (values, indices) along an axis. NaN wins."""
    if axis is None:
        return median(reshape(x, -1), axis=0).values
    x = tensor_of(x)
    a = x.array
    if a.ndim and not a.shape[axis]:
        raise ShapeError(f"median: no elements along axis {axis}  [x: {a.shape}]")
    order = argsort.forward(a, axis=axis) if a.ndim else np.zeros((1,), np.int64)
    place = np.take(order, [(a.shape[axis] - 1) // 2 if a.ndim else 0], axis)
    if a.dtype.kind == "f" and np.isnan(a).any():
        missing = np.isnan(a)
        place = np.where(missing.any(axis, keepdims=True), missing.argmax(axis, keepdims=True), place)
    return at_place(x, place if a.ndim else place.reshape(()), axis, keepdims)


# --------------------------------------------------------------------------------------------- running results


def _running(s: Sampler) -> Case:
    shape = s.shape(1, 3)
    return s.case(s.array(shape), axis=s.axis(len(shape)))


def _cumsum_reference(x, axis):
    lines = np.moveaxis(x, axis, -1)
    return np.moveaxis(lines @ np.triu(np.ones((lines.shape[-1],) * 2)), -1, axis)


@op(reference=_cumsum_reference, samples=_running, linear_in=("x",), onnx="CumSum")
def cumsum(x, *, axis, dtype=None):
    """y[i] = x[0] + ... + x[i] along an axis; ints and bools add up as int64."""
    x = np.asarray(x, dtype)
    if has_kernels(x):
        return kernels.cumsum(x, axis)
    return np.cumsum(x, axis if x.ndim else None, None if x.dtype.kind == "f" else np.int64).reshape(x.shape)


@op(
    reference=lambda u, axis: np.flip(_cumsum_reference(np.flip(u, axis), axis), axis),
    samples=_running,
    linear_in=("u",),
)
def cumsum_grad(u, *, axis):
    """y[i] = u[i] + ... + the last along an axis: the gradient of cumsum, and cumsum's that of it."""
    if has_kernels(u):
        return kernels.cumsum(u, axis, True)
    return np.flip(np.cumsum(np.flip(u, axis), axis), axis) if u.ndim else np.array(u)


cumsum.grads(x=lambda g, axis: cumsum_grad(g, axis))
cumsum_grad.grads(u=lambda g, axis: cumsum(g, axis))


def _cumprod_samples(s: Sampler) -> Case:
    shape = (s.size(3), s.size(5))
    x = np.where(s.integers(shape, 0, 5) == 0, 0, s.array(shape)).astype(s.dtype)
    return s.case(x, axis=s.axis(2))


def _by_doubling(x, axis, dtype=None):
    """As ops that know nothing of division, so that factors of 0 have their gradient."""
    x = x if dtype is None else declare("astype")(x, dtype=np.dtype(dtype))
    axis = normalize_axis(axis, x.ndim)
    before = (slice(None),) * axis
    n, step = (x.shape[axis] if x.ndim else 1), 1
    while step < n:
        later = mul(getitem(x, (*before, slice(step, None))), getitem(x, (*before, slice(n - step))))
        x = concatenate([getitem(x, (*before, slice(step))), later], axis)
        step *= 2
    return mul(x, 1)


@op(reference=lambda x, axis: np.multiply.accumulate(x, axis), samples=_cumprod_samples, twin=_by_doubling)
def cumprod(x, *, axis, dtype=None):
    """y[i] = x[0] * ... * x[i] along an axis; its gradient is right where factors are 0 too."""
    x = np.asarray(x, dtype)
    axis = normalize_axis(axis, x.ndim)
    if has_kernels(x):
        return kernels.cumprod(x, axis)
    return np.cumprod(x, axis if x.ndim else None, None if x.dtype.kind == "f" else np.int64).reshape(x.shape)


def _cumprod_grad(g, x, out, axis):
    """sum over j >= i of g[j] out[j] / x[i], without the quotient where a factor is 0."""
    if g.dtype != x.dtype or not (raw(x) != 0).all():
        return gradient_of_twin(lambda leaf: _by_doubling(leaf, axis), g, x)
    return cumsum_grad(g * out, axis) / x


cumprod.grads(x=_cumprod_grad)
