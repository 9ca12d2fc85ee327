"""More activation functions, and dropout that keeps them normalised: shrinking, thresholds, random slopes."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.errors import ShapeError
from autograd.op import composite
from autograd.ops.activation import any_shape, leaky_relu, tanh
from autograd.ops.elementwise import mul, raw, where
from autograd.ops.linalg import tensor_of
from autograd.ops.random import dropout2d, source, uniform_array
from autograd.ops.reduce import mean
from autograd.ops.softmax import softmax
from autograd.sampling import Case, Sampler
from autograd.tensor import Tensor

# --------------------------------------------------------------------------------------------- shrinking


@composite(reference=lambda x: x - np.tanh(x), samples=any_shape(0.0))
def tanhshrink(x):
    """x - tanh(x)"""
    x = tensor_of(x)
    return x - tanh(x)


@composite(
    reference=lambda x, lambd=0.5: np.where(np.abs(x) > lambd, x - np.sign(x) * lambd, 0),
    samples=any_shape(0.5, -0.5),
)
def softshrink(x, lambd=0.5):
    """x - lambd above lambd, x + lambd below -lambd, 0 between."""
    if lambd < 0:
        raise ValueError(f"softshrink: lambd must not be below 0, got {lambd}")
    x = tensor_of(x)
    return x - x.clip(-lambd, lambd)


@composite(reference=lambda x, lambd=0.5: x * (np.abs(x) > lambd), samples=any_shape(0.5, -0.5))
def hardshrink(x, lambd=0.5):
    """x where |x| > lambd, else 0."""
    x = tensor_of(x)
    return where(np.abs(x.array) <= lambd, 0.0, x)


@composite(
    reference=lambda x, limit, value: np.where(x > limit, x, value),
    samples=lambda s: s.case(s.array(s.shape(), away=(0.3,)), 0.3, s.choice((0.0, -1.5))),
)
def threshold(x, threshold, value, inplace=False):
    """x above the threshold, else the value."""
    x = tensor_of(x)
    return where(np.less_equal(x.array, threshold), value, x)


@composite(
    reference=lambda x, axis: np.exp(-x) / np.exp(-x).sum(axis, keepdims=True),
    samples=lambda s: (lambda shape: s.case(s.array(shape), axis=s.axis(len(shape))))(s.shape(1, 3)),
)
def softmin(x, *, axis, dtype=None):
    """softmax(-x) along an axis."""
    return softmax(-tensor_of(x), axis=axis, dtype=dtype)


def _rms_samples(s: Sampler) -> Case:
    n = s.size(3)
    return s.case(s.array((s.size(), n)), (n,), s.array((n,)) if s.boolean() else None, eps=1e-3)


def _rms_reference(x, size, weight=None, eps=1e-3):
    return x / np.sqrt((x * x).sum(-1, keepdims=True) / size[0] + eps) * (1 if weight is None else weight)


@composite(reference=_rms_reference, samples=_rms_samples)
def rms_norm(x, normalized_shape, weight=None, eps=None):
    """x / sqrt(mean(x ** 2) + eps) * weight over the last axes, whose sizes are normalized_shape. arXiv:1910.07467."""
    x, shape = tensor_of(x), tuple(normalized_shape)
    if not shape or x.shape[x.ndim - len(shape) :] != shape:
        raise ShapeError(f"rms_norm: the last sizes of x must be {shape}  [x: {x.shape}]")
    if weight is not None and np.shape(raw(weight)) != shape:
        raise ShapeError(f"rms_norm: weight has shape {np.shape(raw(weight))}, expected {shape}")
    eps = float(np.finfo(x.dtype).eps) if eps is None else eps
    y = x * (mean(x * x, tuple(range(x.ndim - len(shape), x.ndim)), True) + eps).rsqrt()
    return y if weight is None else y * weight


# --------------------------------------------------------------------------------------------- random


def _drawn(s: Sampler, least: int = 1) -> Case:
    return s.case(s.array(s.shape(least, least + 1), away=(0.0,)), generator=s.integer(0, 99))


@composite(samples=_drawn, random=True)
def rrelu(x, lower=1 / 8, upper=1 / 3, training=False, inplace=False, *, generator=None):
    """x above 0, else x times a slope: random in [lower, upper] in training, else their mean. arXiv:1505.00853."""
    x = tensor_of(x)
    if lower > upper:
        raise ValueError(f"rrelu: lower {lower} is above upper {upper}")
    if not training:
        return leaky_relu(x, negative_slope=(lower + upper) / 2)
    slope = lower + (upper - lower) * uniform_array(source(generator), x.shape, x.dtype)
    return mul(x, np.where(x.array > 0, 1, slope).astype(x.dtype))


def _noise(x: Tensor, p: float, shape: tuple[int, ...], generator: Any, name: str) -> Tensor:
    """Alpha dropout: what is dropped becomes SELU's lower limit, then mean and variance are mended."""
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: p must be between 0 and 1, got {p}")
    if p in (0, 1):
        return x * (1 - p)
    low = -1.7580993408473766
    kept = uniform_array(source(generator), shape, np.dtype(np.float64)) >= p
    a = ((1 - p) * (1 + p * low * low)) ** -0.5
    return x * (a * kept).astype(x.dtype) + (a * low * ~kept - a * low * p).astype(x.dtype)


@composite(samples=_drawn, random=True)
def alpha_dropout(x, p=0.5, training=False, inplace=False, *, generator=None):
    """Dropout for SELU networks: mean and variance stay. Source: Klambauer et al., arXiv:1706.02515."""
    x = tensor_of(x)
    if not 0 <= p <= 1:
        raise ValueError(f"alpha_dropout: p must be between 0 and 1, got {p}")
    return _noise(x, p, x.shape, generator, "alpha_dropout") if training else x * 1


@composite(samples=lambda s: _drawn(s, 2), random=True)
def feature_alpha_dropout(x, p=0.5, training=False, inplace=False, *, generator=None):
    """As alpha_dropout, for whole channels of x (N, C, ...)."""
    x = tensor_of(x)
    shape = (*x.shape[:2], *[1] * (x.ndim - 2))
    return _noise(x, p, shape, generator, "feature_alpha_dropout") if training else x * 1


@composite(samples=lambda s: _drawn(s, 3), random=True)
def dropout1d(x, p=0.5, training=True, inplace=False, *, generator=None):
    """Dropout of whole channels of x (N, C, L)."""
    return dropout2d(x, p=p, training=training, generator=generator)


@composite(samples=lambda s: _drawn(s, 3), random=True)
def dropout3d(x, p=0.5, training=True, inplace=False, *, generator=None):
    """Dropout of whole channels of x (N, C, D, H, W)."""
    return dropout2d(x, p=p, training=training, generator=generator)


@composite(samples=_drawn, random=True)
def gumbel_softmax(x, tau=1.0, hard=False, eps=1e-10, axis=-1, *, generator=None):
    """softmax((x + noise) / tau), a differentiable draw from the classes x; hard: one-hot forward. arXiv:1611.01144."""
    x = tensor_of(x)
    u = uniform_array(source(generator), x.shape, x.dtype)
    tiny = np.finfo(x.dtype).tiny
    y = softmax((x - np.log(np.maximum(-np.log(np.maximum(u, tiny)), tiny)).astype(x.dtype)) / tau, axis=axis)
    if not hard:
        return y
    one = (np.indices(y.shape)[axis] == y.array.argmax(axis, keepdims=True)).astype(x.dtype)
    return y + (one - y.array)
