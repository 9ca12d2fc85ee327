"""Softmax and its logarithm, along one axis."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from autograd import kernels
from autograd.op import op
from autograd.ops.dtypes import real
from autograd.ops.linalg import tensor_of
from autograd.sampling import Case, Sampler
from autograd.shapes import normalize_axis
from autograd.tensor import Tensor


def _same(u: np.ndarray, y: np.ndarray) -> None:
    if u.shape != y.shape:
        raise ValueError(f"u has shape {u.shape} and y {y.shape}, expected the same")


def _over(kernel: Callable[..., np.ndarray], axis: int, *arrays: np.ndarray) -> np.ndarray:
    """The kernel along an axis; a single number is a line of one."""
    if arrays[0].ndim:
        return kernel(*arrays, axis)
    return kernel(*(a.reshape(1) for a in arrays), normalize_axis(axis, 0)).reshape(())


def _along_axis(s: Sampler) -> Case:
    shape = s.shape(1, 3)
    return s.case(s.array(shape, -4, 4), axis=s.axis(len(shape)))


def _two_along(s: Sampler) -> Case:
    shape = s.shape(1, 3)
    return s.case(s.array(shape), s.array(shape), axis=s.axis(len(shape)))


def _softmax_reference(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


@op(reference=_softmax_reference, samples=_along_axis, onnx="Softmax", flops=lambda out, *_, **__: 5 * math.prod(out))
def softmax(x, *, axis, dtype=None):
    """y = e ** x / sum(e ** x) along axis, without overflow.

    axis (or dim) is required; dtype casts x first. Raises ShapeError if it is out of range.
    """
    return real(lambda a: _over(kernels.softmax, axis, a), x if dtype is None else np.asarray(x, dtype))


@op(
    reference=lambda u, y, axis: y * (u - (u * y).sum(axis, keepdims=True)),
    samples=_two_along,
    linear_in=("u",),
    flops=lambda out, *_, **__: 4 * math.prod(out),
)
def softmax_grad(u, y, *, axis):
    """y * (u - sum(u * y)) along axis: the gradient of softmax, given its result y."""
    _same(u, y)
    return _over(kernels.softmax_grad, axis, u, y)


def _softmax_grad_y(g: Tensor, u: Tensor, y: Tensor, axis: int) -> Tensor:
    return g * u - g * (u * y).sum(axis, keepdims=True) - u * (g * y).sum(axis, keepdims=True)


softmax.grads(x=lambda g, out, axis: softmax_grad(g, out, axis=axis))
softmax_grad.grads(u=lambda g, y, axis: softmax_grad(g, y, axis=axis), y=_softmax_grad_y)


@op(
    reference=lambda x, axis: np.log(_softmax_reference(x, axis)),
    samples=_along_axis,
    onnx="LogSoftmax",
    flops=lambda out, *_, **__: 5 * math.prod(out),
)
def log_softmax(x, *, axis, dtype=None):
    """y = x - log(sum(e ** x)) along axis, without overflow; axis (or dim) is required; dtype casts x first."""
    return real(lambda a: _over(kernels.log_softmax, axis, a), x if dtype is None else np.asarray(x, dtype))


@op(
    reference=lambda u, y, axis: u - np.exp(y) * u.sum(axis, keepdims=True),
    samples=_two_along,
    linear_in=("u",),
    flops=lambda out, *_, **__: 4 * math.prod(out),
)
def log_softmax_grad(u, y, *, axis):
    """u - e ** y * sum(u) along axis: the gradient of log_softmax, given its result y."""
    _same(u, y)
    return _over(kernels.log_softmax_grad, axis, u, y)


log_softmax.grads(x=lambda g, out, axis: log_softmax_grad(g, out, axis=axis))
log_softmax_grad.grads(
    u=lambda g, y, axis: g - (g * tensor_of(y).exp()).sum(axis, keepdims=True),
    y=lambda g, u, y, axis: -g * y.exp() * tensor_of(u).sum(axis, keepdims=True),
)
