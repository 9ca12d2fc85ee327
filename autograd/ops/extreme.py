"""Largest and smallest: values, places, and which element the gradient goes to."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from autograd import kernels
from autograd.op import composite, op
from autograd.ops.dtypes import has_kernels
from autograd.ops.elementwise import maximum, minimum, raw
from autograd.ops.index import take_along_axis
from autograd.ops.reduce import axes_of, nonempty, reduced, unreduce, winners
from autograd.ops.shape import reshape, squeeze
from autograd.sampling import Case, Sampler
from autograd.tensor import Tensor


class Range(NamedTuple):
    """The smallest and the largest values."""

    min: Any
    max: Any


class Extreme(NamedTuple):
    """Values and where they stand along the axis."""

    values: Any
    indices: Any


def distinct_over_axes(s: Sampler) -> Case:
    shape = s.shape(0, 3)
    return s.case(s.distinct(shape), axis=s.axes(len(shape)), keepdims=s.boolean())


def distinct_along_axis(s: Sampler) -> Case:
    shape = s.shape(1, 3)
    return s.case(s.distinct(shape), axis=s.axis(len(shape)), keepdims=s.boolean())


def _extreme_grad(g, x, out, axis, keepdims):
    return unreduce(g, raw(x).shape, axis, keepdims) * winners(x, out, axis, keepdims)


@op(
    reference=lambda x, axis=None, keepdims=False: -np.min(-x, axis, keepdims=keepdims),
    samples=distinct_over_axes,
    onnx="ReduceMax",
)
def amax(x, *, axis=None, keepdims=False):
    """The largest value over axes; NaN if there is one. Ties share the gradient evenly."""
    nonempty("amax", x, axis)
    if has_kernels(x):
        return kernels.amax(x, axis, keepdims)
    return np.max(x, axes_of(axis, x.ndim), keepdims=keepdims)


amax.grads(x=_extreme_grad)


@op(
    reference=lambda x, axis=None, keepdims=False: -np.max(-x, axis, keepdims=keepdims),
    samples=distinct_over_axes,
    onnx="ReduceMin",
)
def amin(x, *, axis=None, keepdims=False):
    """The smallest value over axes; NaN if there is one. Ties share the gradient evenly."""
    nonempty("amin", x, axis)
    if has_kernels(x):
        return kernels.amin(x, axis, keepdims)
    return np.min(x, axes_of(axis, x.ndim), keepdims=keepdims)


amin.grads(x=_extreme_grad)


@composite(
    reference=lambda x, axis=None, keepdims=False: tuple(f(x, axis, keepdims=keepdims) for f in (np.min, np.max)),
    samples=lambda s: (lambda case: case if isinstance(case.attrs["axis"], int) else s.case(*case.args, axis=None))(
        distinct_over_axes(s)
    ),
)
def aminmax(x, *, axis=None, keepdims=False):
    """(amin(x, axis), amax(x, axis))"""
    return Range(amin(x, axis, keepdims), amax(x, axis, keepdims))


def _arg_reference(sign_):
    def reference(x, axis=None, keepdims=False):
        order = np.argsort(sign_ * (x.ravel() if axis is None else x), -1 if axis is None else axis, kind="stable")
        first = order[0] if axis is None else np.take(order, 0, axis)
        return np.reshape(first, reduced(x.shape, axis, keepdims))

    return reference


@op(reference=_arg_reference(-1), samples=distinct_along_axis, differentiable=False, onnx="ArgMax")
def argmax(x, *, axis=None, keepdims=False):
    """Where the largest value stands along an axis (None: in the flattened x), int64; the first one of ties."""
    nonempty("argmax", x, axis)
    return np.argmax(x, axis, keepdims=keepdims)


@op(reference=_arg_reference(1), samples=distinct_along_axis, differentiable=False, onnx="ArgMin")
def argmin(x, *, axis=None, keepdims=False):
    """Where the smallest value stands along an axis (None: in the flattened x), int64; the first one of ties."""
    nonempty("argmin", x, axis)
    return np.argmin(x, axis, keepdims=keepdims)


def at_place(x: Any, place: Any, axis: int, keepdims: bool) -> Extreme:
    """The values at these places (with the axis kept) along an axis."""
    place = place if isinstance(place, Tensor) else Tensor(place)
    if np.ndim(raw(x)) == 0:
        return Extreme(reshape(x, ()), reshape(place, ()))
    values = take_along_axis(x, place, axis=axis)
    return Extreme(values, place) if keepdims else Extreme(squeeze(values, axis), squeeze(place, axis))


def _extreme_reference(find):
    def reference(x, axis, keepdims=False):
        place = find(x, axis, keepdims=True)
        values = np.take_along_axis(x, place, axis)
        return (values, place) if keepdims else (values.squeeze(axis), place.squeeze(axis))

    return reference


@composite(reference=_extreme_reference(np.argmax), samples=distinct_along_axis)
def max(x, *, axis=None, keepdims=False):
    """max(x): the largest value; max(x, axis): (values, indices), gradient to the index; max(x, y): elementwise."""
    if isinstance(axis, (Tensor, np.ndarray)):
        return maximum(x, axis)
    return amax(x, None, keepdims) if axis is None else at_place(x, argmax(x, axis, True), axis, keepdims)


@composite(reference=_extreme_reference(np.argmin), samples=distinct_along_axis)
def min(x, *, axis=None, keepdims=False):
    """min(x): the smallest value; min(x, axis): (values, indices), gradient to the index; min(x, y): elementwise."""
    if isinstance(axis, (Tensor, np.ndarray)):
        return minimum(x, axis)
    return amin(x, None, keepdims) if axis is None else at_place(x, argmin(x, axis, True), axis, keepdims)
