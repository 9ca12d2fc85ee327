"""Functions of one tensor, element by element."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import kernels
from autograd.op import op
from autograd.ops.dtypes import quiet, real
from autograd.ops.elementwise import no_gradient, raw, where
from autograd.sampling import Case, Sampler


def within(low: float, high: float, away: tuple[float, ...] = ()) -> Callable[[Sampler], Case]:
    """Samples of one array with values in [low, high]."""
    return lambda s: s.case(s.array(s.shape(), low, high, away))


def pointwise(function: Callable[[float], float]) -> Callable[[Any], np.ndarray]:
    """Reference: a function of Python's math module, one element at a time."""
    return np.vectorize(function, otypes=[np.float64])


def numpy(function: Callable, x: Any) -> np.ndarray:
    """A NumPy function in floats, warnings off."""
    return real(lambda a: quiet(function, a), x)


@op(kernel=kernels.exp, reference=pointwise(math.exp), samples=within(-2.0, 2.0), onnx="Exp")
def exp(x):
    """e ** x"""
    return real(kernels.exp, x)


exp.grads(x=lambda g, out: g * out)


@op(reference=pointwise(lambda v: 2.0**v), samples=within(-2.0, 2.0))
def exp2(x):
    """2 ** x"""
    return numpy(np.exp2, x)


exp2.grads(x=lambda g, out: g * (out * math.log(2.0)))


@op(kernel=kernels.expm1, reference=pointwise(math.expm1), samples=within(-2.0, 2.0))
def expm1(x):
    """e ** x - 1, precise near 0."""
    return real(kernels.expm1, x)


expm1.grads(x=lambda g, out: g * (out + 1))


@op(kernel=kernels.log, reference=pointwise(math.log), samples=within(0.2, 3.0), onnx="Log")
def log(x):
    """The natural logarithm of x; -inf at 0, NaN below."""
    return real(kernels.log, x)


log.grads(x=lambda g, x: g / x)


@op(reference=pointwise(math.log2), samples=within(0.2, 3.0))
def log2(x):
    """The logarithm of x to base 2."""
    return numpy(np.log2, x)


log2.grads(x=lambda g, x: g / (x * math.log(2.0)))


@op(reference=pointwise(math.log10), samples=within(0.2, 3.0))
def log10(x):
    """The logarithm of x to base 10."""
    return numpy(np.log10, x)


log10.grads(x=lambda g, x: g / (x * math.log(10.0)))


@op(kernel=kernels.log1p, reference=pointwise(math.log1p), samples=within(-0.8, 2.0))
def log1p(x):
    """log(1 + x), precise near 0."""
    return real(kernels.log1p, x)


log1p.grads(x=lambda g, x: g / (x + 1))


@op(kernel=kernels.sqrt, reference=pointwise(math.sqrt), samples=within(0.2, 3.0), onnx="Sqrt")
def sqrt(x):
    """The square root of x; NaN below 0."""
    return real(kernels.sqrt, x)


sqrt.grads(x=lambda g, out: g / (out * 2))


@op(kernel=kernels.rsqrt, reference=pointwise(lambda v: v**-0.5), samples=within(0.2, 3.0))
def rsqrt(x):
    """1 / sqrt(x)"""
    return real(kernels.rsqrt, x)


rsqrt.grads(x=lambda g, out: g * (out * out * out * -0.5))


@op(
    reference=pointwise(lambda v: 1.0 / v),
    samples=lambda s: s.case(s.array(s.shape(), away=(0.0,), margin=0.3)),
    onnx="Reciprocal",
)
def reciprocal(x):
    """1 / x"""
    return numpy(np.reciprocal, x)


reciprocal.grads(x=lambda g, out: -g * (out * out))


@op(reference=pointwise(lambda v: v**2), samples=within(-2.0, 2.0))
def square(x):
    """x * x"""
    return kernels.mul(x, x) if isinstance(x, np.ndarray) else real(np.square, x)


square.grads(x=lambda g, x: g * (x * 2))


@op(kernel=kernels.sin, reference=pointwise(math.sin), samples=within(-2.0, 2.0), onnx="Sin")
def sin(x):
    """The sine of x (radians)."""
    return real(kernels.sin, x)


sin.grads(x=lambda g, x: g * cos(x))


@op(kernel=kernels.cos, reference=pointwise(math.cos), samples=within(-2.0, 2.0), onnx="Cos")
def cos(x):
    """The cosine of x (radians)."""
    return real(kernels.cos, x)


cos.grads(x=lambda g, x: -g * sin(x))


@op(reference=pointwise(math.tan), samples=within(-1.2, 1.2), onnx="Tan")
def tan(x):
    """The tangent of x (radians)."""
    return numpy(np.tan, x)


tan.grads(x=lambda g, out: g * (out * out + 1))


@op(reference=pointwise(math.asin), samples=within(-0.9, 0.9), onnx="Asin")
def asin(x):
    """The angle in [-pi/2, pi/2] whose sine is x."""
    return numpy(np.arcsin, x)


asin.grads(x=lambda g, x: g * rsqrt(1 - x * x))


@op(reference=pointwise(math.acos), samples=within(-0.9, 0.9), onnx="Acos")
def acos(x):
    """The angle in [0, pi] whose cosine is x."""
    return numpy(np.arccos, x)


acos.grads(x=lambda g, x: -g * rsqrt(1 - x * x))


@op(reference=pointwise(math.atan), samples=within(-2.0, 2.0), onnx="Atan")
def atan(x):
    """The angle in (-pi/2, pi/2) whose tangent is x."""
    return numpy(np.arctan, x)


atan.grads(x=lambda g, x: g / (x * x + 1))


@op(reference=pointwise(math.sinh), samples=within(-2.0, 2.0), onnx="Sinh")
def sinh(x):
    """(e^x - e^-x) / 2"""
    return numpy(np.sinh, x)


sinh.grads(x=lambda g, x: g * cosh(x))


@op(reference=pointwise(math.cosh), samples=within(-2.0, 2.0), onnx="Cosh")
def cosh(x):
    """(e^x + e^-x) / 2"""
    return numpy(np.cosh, x)


cosh.grads(x=lambda g, x: g * sinh(x))


@op(reference=pointwise(math.asinh), samples=within(-2.0, 2.0), onnx="Asinh")
def asinh(x):
    """log(x + sqrt(x^2 + 1))"""
    return numpy(np.arcsinh, x)


asinh.grads(x=lambda g, x: g * rsqrt(x * x + 1))


@op(reference=pointwise(math.acosh), samples=within(1.3, 3.0), onnx="Acosh")
def acosh(x):
    """log(x + sqrt(x^2 - 1)), for x >= 1."""
    return numpy(np.arccosh, x)


acosh.grads(x=lambda g, x: g * rsqrt(x * x - 1))


@op(reference=pointwise(math.atanh), samples=within(-0.8, 0.8), onnx="Atanh")
def atanh(x):
    """log((1 + x) / (1 - x)) / 2, for |x| < 1."""
    return numpy(np.arctanh, x)


atanh.grads(x=lambda g, x: g / (1 - x * x))


@op(kernel=kernels.erf, reference=pointwise(math.erf), samples=within(-2.0, 2.0), onnx="Erf")
def erf(x):
    """2 / sqrt(pi) * the integral of e^(-t^2) from 0 to x"""
    return real(kernels.erf, x)


erf.grads(x=lambda g, x: g * (exp(-(x * x)) * (2 / math.sqrt(math.pi))))


# --------------------------------------------------------------------------------------------- steps


def _steps(s: Sampler) -> Case:
    """Values at least 0.1 away from integers and halves."""
    shape = s.shape()
    return s.case(np.asarray(s.integers(shape, -6, 6) / 2 + s.array(shape, 0.1, 0.4), s.dtype))


def stepwise(function: Callable, x: Any) -> np.ndarray:
    """A rounding function: ints stay as they are."""
    return np.array(x) if isinstance(x, np.ndarray) and x.dtype.kind in "iu" else real(function, x)


@op(reference=lambda x: np.maximum(x, -x), samples=within(-2.0, 2.0, (0.0,)), onnx="Abs")
def abs(x):
    """|x|; the gradient at 0 is 0."""
    return real(kernels.abs, x) if not isinstance(x, np.ndarray) or x.dtype.kind == "f" else np.abs(x)


abs.grads(x=lambda g, x: g * sign(x))


@op(kernel=kernels.sign, reference=lambda x: (x > 0) * 1.0 - (x < 0), samples=within(-2.0, 2.0, (0.0,)), onnx="Sign")
def sign(x):
    """-1, 0 or 1; NaN stays. The gradient is 0."""
    return np.sign(x)


sign.grads(x=lambda g: no_gradient(g))


@op(reference=pointwise(math.floor), samples=_steps, onnx="Floor")
def floor(x):
    """The largest integer <= x. The gradient is 0."""
    return stepwise(np.floor, x)


floor.grads(x=lambda g: no_gradient(g))


@op(reference=pointwise(math.ceil), samples=_steps, onnx="Ceil")
def ceil(x):
    """The smallest integer >= x. The gradient is 0."""
    return stepwise(np.ceil, x)


ceil.grads(x=lambda g: no_gradient(g))


@op(reference=pointwise(math.trunc), samples=_steps)
def trunc(x):
    """x without its fraction. The gradient is 0."""
    return stepwise(np.trunc, x)


trunc.grads(x=lambda g: no_gradient(g))


@op(reference=lambda x: np.fmod(x, 1.0), samples=_steps)
def frac(x):
    """x - trunc(x): the fraction, with the sign of x."""
    return real(lambda a: quiet(np.subtract, a, np.trunc(a)), x)


frac.grads(x=lambda g: g)


def _round_samples(s: Sampler) -> Case:
    args = _steps(s).args
    return s.case(*args) if s.boolean() else s.case(np.asarray(args[0] / 10), decimals=1)


@op(
    reference=lambda x, decimals=0: pointwise(lambda v: builtins.round(v, decimals))(x),
    samples=_round_samples,
    onnx="Round",
)
def round(x, *, decimals=0):
    """x to the nearest multiple of 10 ** -decimals, halves to even. The gradient is 0."""
    return stepwise(lambda a: np.round(a, decimals), x)


round.grads(x=lambda g: no_gradient(g))


# --------------------------------------------------------------------------------------------- special values


def _specials(s: Sampler) -> Case:
    """Values with NaN and infinities among them."""
    x = s.array(s.shape())
    kind = s.integers(x.shape, 0, 6)
    for i, value in enumerate((np.nan, np.inf, -np.inf)):
        x = np.where(kind == i, s.dtype.type(value), x)
    return s.case(x)


@op(reference=pointwise(math.isnan), samples=_specials, differentiable=False, onnx="IsNaN")
def isnan(x):
    """Whether x is NaN."""
    return np.isnan(x)


@op(reference=lambda x: np.abs(x) == np.inf, samples=_specials, differentiable=False, onnx="IsInf")
def isinf(x):
    """Whether x is inf or -inf."""
    return np.isinf(x)


@op(reference=lambda x: np.abs(x) < np.inf, samples=_specials, differentiable=False)
def isfinite(x):
    """Whether x is neither NaN nor infinite."""
    return np.isfinite(x)


@op(
    reference=lambda x: np.asarray(x) == 0,
    samples=lambda s: s.case(s.mask(s.shape())),
    differentiable=False,
    onnx="Not",
)
def logical_not(x):
    """Whether x is zero."""
    return np.logical_not(x)


def _limits(x: np.ndarray) -> tuple[float, float]:
    return np.finfo(x.dtype).min, np.finfo(x.dtype).max


@op(
    reference=lambda x, nan=0.0: np.clip(np.where(np.isnan(x), nan, x), *_limits(x)),
    samples=lambda s: s.case(s.array(s.shape())),
)
def nan_to_num(x, *, nan=0.0, posinf=None, neginf=None):
    """x with NaN and the infinities replaced; None: the largest finite numbers. No gradient flows where replaced."""
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


nan_to_num.grads(x=lambda g, x: where(np.isfinite(raw(x)), g, 0.0))
