"""Limiting values to an interval."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd import kernels
from autograd.op import op
from autograd.ops.dtypes import promote
from autograd.ops.elementwise import raw, where
from autograd.sampling import Case, Sampler


def _are_numbers(*bounds: Any) -> bool:
    return all(bound is None or bound.__class__ in (int, float) for bound in bounds)


def _limits(low: float | None, high: float | None) -> tuple[float, float]:
    return -math.inf if low is None else float(low), math.inf if high is None else float(high)


def _clip_samples(s: Sampler) -> Case:
    shape = s.shape()
    x = s.array(shape, away=(-0.5, 0.75), margin=0.05)
    kind = s.integer(0, 3)
    if kind == 3:
        return s.case(s.distinct(shape), s.array((), -0.49, -0.45), s.array((), 0.51, 0.55))
    return s.case(x, *((-0.5, 0.75), (None, 0.75), (-0.5, None))[kind])


def _clip_reference(x, low=None, high=None):
    return np.minimum(np.maximum(x, -np.inf if low is None else low), np.inf if high is None else high)


@op(
    reference=_clip_reference,
    samples=_clip_samples,
    broadcasts=True,
    onnx="Clip",
)
def clip(x, low=None, high=None):
    """min(max(x, low), high); a bound may be None, a number or a tensor. The gradient passes within the bounds."""
    if low is None and high is None:
        raise ValueError("low and high are both None, expected at least one bound")
    x, low, high = promote(x, low, high)
    if _are_numbers(low, high) and x.dtype.kind == "f":
        return kernels.clip(x, *_limits(low, high))
    if low is not None:
        x = kernels.maximum(x, low)
    return x if high is None else kernels.minimum(x, high)


def _clip_grad_samples(s: Sampler) -> Case:
    shape = s.shape()
    bounds = s.choice(({"low": -0.5, "high": 0.75}, {"high": 0.75}, {"low": -0.5}))
    return s.case(s.array(shape), s.array(shape, away=(-0.5, 0.75)), **bounds)


@op(
    reference=lambda u, x, low=None, high=None: u * (_clip_reference(x, low, high) == x),
    samples=_clip_grad_samples,
    linear_in=("u",),
)
def clip_grad(u, x, *, low=None, high=None):
    """u where low <= x <= high, else 0: the gradient of clip, whose bounds are numbers or None."""
    return kernels.clip_grad(u, x, *_limits(low, high))


clip_grad.grads(u=lambda g, x, low, high: clip_grad(g, x, low=low, high=high), x=None)


def _above(x, low):
    return np.asarray(True) if low is None else np.greater_equal(raw(x), raw(low))


def _below(x, high):
    return np.asarray(True) if high is None else np.less_equal(raw(x), raw(high))


def _clip_grad_low(g, x, low, high):
    lost = np.less(raw(x), raw(low))
    return where(lost if high is None else lost & np.less(raw(low), raw(high)), g, 0.0)


def _clip_grad_high(g, x, low, high):
    lost = np.greater(raw(x), raw(high))
    return where(lost if low is None else lost | np.less(raw(high), raw(low)), g, 0.0)


def _clip_grad_x(g, x, low, high):
    if _are_numbers(low, high):
        return clip_grad(g, x, low=low, high=high)
    return where(_above(x, low) & _below(x, high), g, 0.0)


clip.grads(
    x=_clip_grad_x,
    low=_clip_grad_low,
    high=_clip_grad_high,
)
