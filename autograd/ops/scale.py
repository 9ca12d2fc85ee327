"""Normalisation by length: of vectors, and of a channel by its neighbours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.errors import ShapeError
from autograd.op import composite, op
from autograd.ops.elementwise import where
from autograd.ops.linalg import tensor_of
from autograd.ops.reduce import vector_norm
from autograd.sampling import Case, Sampler
from autograd.shapes import normalize_axis
from autograd.tensor import Tensor


def _window_samples(s: Sampler) -> Case:
    shape = (s.size(2), s.size(4, (s.lanes(),)), *s.shape(0, 2))
    return s.case(s.array(shape), before=s.integer(0, 3), after=s.integer(0, 3))


def _window_reference(x, before, after):
    c = np.arange(x.shape[1])
    near = (c[None, :] >= c[:, None] - before) & (c[None, :] <= c[:, None] + after)
    return np.einsum("ab,nb...->na...", near.astype(x.dtype), x)


@op(reference=_window_reference, samples=_window_samples, linear_in=("x",))
def window_sum(x, *, before, after):
    """y[n, c, ...] = sum of x[n, c - before, ...] to x[n, c + after, ...], as far as these channels exist."""
    if x.ndim < 2:
        raise ValueError(f"x must be (N, C, ...), got {x.shape}")
    y = x.copy()
    for shift in range(1, min(max(before, after), x.shape[1] - 1) + 1):
        if shift <= before:
            y[:, shift:] += x[:, :-shift]
        if shift <= after:
            y[:, :-shift] += x[:, shift:]
    return y


window_sum.grads(x=lambda g, before, after: window_sum(g, before=after, after=before))


def _response_samples(s: Sampler) -> Case:
    shape = (s.size(2), s.size(4, (s.lanes(),)), *s.shape(1, 2))
    alpha, beta, k = s.choice([1e-4, 0.5]), s.choice([0.75, 0.5, 1.0]), s.choice([1.0, 2.0])
    return s.case(s.array(shape), s.integer(1, 5), alpha, beta, k)


def _response_reference(x, size, alpha=1e-4, beta=0.75, k=1.0):
    return x / (k + alpha / size * _window_reference(x * x, size // 2, (size - 1) // 2)) ** beta


@composite(reference=_response_reference, samples=_response_samples, onnx="LRN")
def local_response_norm(x, size, alpha=1e-4, beta=0.75, k=1.0):
    """y[n, c, ...] = x[n, c, ...] / (k + alpha / size * sum of x[n, i, ...] ** 2) ** beta, i from c - size//2

    x (N, C, ...). Raises ShapeError for size below 1. Source: Krizhevsky et al., NIPS 2012; torch.nn.functional.
    """
    x = tensor_of(x)
    if x.ndim < 3 or size < 1:
        context = f"[x: {x.shape}, size={size}]"
        raise ShapeError(f"local_response_norm: expected x (N C ...) of 3 or more axes and size >= 1  {context}")
    squares = window_sum(x * x, before=size // 2, after=(size - 1) // 2)
    return x / (squares * (alpha / size) + k) ** beta


def _length(x: Tensor, p: float, axis: Any, eps: float) -> Tensor:
    """max(sum(|x| ** p) ** (1 / p), eps) along axis, kept; its gradient is finite at 0."""
    if p <= 0:
        return vector_norm(x, ord=p, axis=axis, keepdims=True).clip(eps)
    if p == math.inf:
        return abs(x).amax(axis, keepdims=True).clip(eps)
    powers = x * x if p == 2 else abs(x) if p == 1 else abs(x) ** p
    least = max(eps**p, float(np.finfo(x.dtype).tiny))
    total = powers.sum(axis, keepdims=True).clip(least)
    return total.sqrt() if p == 2 else total if p == 1 else total ** (1 / p)


def _vectors(s: Sampler) -> Case:
    shape = s.shape(2, 3)
    return s.case(s.distinct(shape) + s.dtype.type(0.03), p=s.choice([2, 1, 3, 2.5]), axis=s.axis(len(shape)))


def _normalize_reference(x, p=2.0, axis=1, eps=1e-12):
    return x / np.maximum((abs(x) ** p).sum(axis, keepdims=True) ** (1 / p), eps)


@composite(reference=_normalize_reference, samples=_vectors, onnx="LpNormalization")
def normalize(x, p=2.0, axis=1, eps=1e-12):
    """x / max(||x||_p, eps) along axis (or dim); any p, inf too. Source: torch.nn.functional.normalize."""
    x = tensor_of(x)
    return x / _length(x, p, axis, eps)


def _renorm_reference(x, p, axis, maxnorm):
    lengths = np.linalg.norm(np.moveaxis(x, axis, 0).reshape(x.shape[axis], -1), p, axis=1)
    factor = np.where(lengths > maxnorm, maxnorm / (lengths + 1e-7), 1)
    return x * factor.reshape([-1 if i == axis else 1 for i in range(x.ndim)])


@composite(reference=_renorm_reference, samples=lambda s: s.case(s.distinct((3, 4)), p=2, axis=1, maxnorm=0.7))
def renorm(x, p, axis, maxnorm):
    """x scaled so that no slice s of an axis (or dim) is longer than maxnorm: s maxnorm / (||s||_p + 1e-7) if it is."""
    x = tensor_of(x)
    if x.ndim < 2 or p <= 0 or maxnorm < 0:
        raise ShapeError(f"renorm: expected 2 or more axes, p > 0, maxnorm >= 0  [x: {x.shape}, {p=}, {maxnorm=}]")
    axis = normalize_axis(axis, x.ndim)
    lengths = vector_norm(x, p, tuple(i for i in range(x.ndim) if i != axis), True)
    return where(lengths.array > maxnorm, x * (maxnorm / (lengths + 1e-7)), x)


def _pair_samples(s: Sampler) -> Case:
    shape = s.shape(2, 3)
    return s.case(s.array(shape), s.array(shape), axis=s.axis(len(shape)))


def _cosine_reference(x, y, axis=1, eps=1e-8):
    lengths = [np.maximum(np.sqrt((v * v).sum(axis)), eps) for v in (x, y)]
    return (x * y).sum(axis) / (lengths[0] * lengths[1])


@composite(reference=_cosine_reference, samples=_pair_samples)
def cosine_similarity(x, y, axis=1, eps=1e-8):
    """sum(x * y) / (max(||x||, eps) * max(||y||, eps)) along axis (or dim); x and y broadcast."""
    x, y = tensor_of(x), tensor_of(y)
    try:
        shape = np.broadcast_shapes(x.shape, y.shape)
    except ValueError:
        raise ShapeError(f"cosine_similarity: shapes do not broadcast  [x: {x.shape}, y: {y.shape}]") from None
    x, y = x.expand(shape), y.expand(shape)
    return (x / _length(x, 2, axis, eps) * (y / _length(y, 2, axis, eps))).sum(axis)
