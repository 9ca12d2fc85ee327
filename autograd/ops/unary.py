"""Functions of one tensor, element by element."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import kernels
from autograd.op import composite, op
from autograd.ops.dtypes import quiet, real
from autograd.ops.elementwise import no_gradient, raw, sub, where
from autograd.sampling import Case, Sampler
from autograd.tape import Op, declare

identity, eq = declare("identity"), declare("eq")
LN2, LN10 = math.log(2.0), math.log(10.0)


def within(low: float, high: float, away: tuple[float, ...] = ()) -> Callable[[Sampler], Case]:
    """Samples of one array with values in [low, high]."""
    return lambda s: s.case(s.array(s.shape(), low, high, away))


def singly(function: Callable[[float], float]) -> Callable[[Any], np.ndarray]:
    """Reference: a function of Python's math module, one element at a time."""
    return np.vectorize(function, otypes=[np.float64])


def pointwise(
    name: str,
    formula: str,
    function: Callable,
    derivative: Callable,
    samples: Callable,
    reference: Callable[[float], float],
    any_dtype: bool = False,
    **declaration: Any,
) -> Op:
    """Declares a function of one number: name, formula, function of an array, gradient rule, samples, reference.

    The function gets floats and warns of nothing; any_dtype: it gets every array. The rule says in which module it is.
    """

    def forward(x):
        return function(x) if any_dtype else real(lambda a: quiet(function, a), x)

    forward.__name__, forward.__doc__, forward.__module__ = name, formula, derivative.__module__
    handle = op(reference=singly(reference), samples=samples, **declaration)(forward)
    return handle.grads(x=derivative)  # type: ignore[no-any-return]


def _square(x: Any) -> Any:
    return kernels.mul(x, x) if isinstance(x, np.ndarray) else real(np.square, x)


exp = pointwise(
    "exp", "e ** x", kernels.exp, lambda g, out: g * out, within(-2.0, 2.0), math.exp, kernel=kernels.exp, onnx="Exp",
)  # fmt: skip
exp2 = pointwise(
    "exp2", "2 ** x", kernels.exp2, lambda g, out: g * (out * LN2), within(-2.0, 2.0), lambda v: 2.0**v,
    kernel=kernels.exp2,
)  # fmt: skip
expm1 = pointwise(
    "expm1", "e ** x - 1, precise near 0.", kernels.expm1, lambda g, out: g * (out + 1), within(-2.0, 2.0), math.expm1,
    kernel=kernels.expm1,
)  # fmt: skip
log = pointwise(
    "log", "The natural logarithm of x; -inf at 0, NaN below.", kernels.log, lambda g, x: g / x, within(0.2, 3.0),
    math.log, kernel=kernels.log, onnx="Log",
)  # fmt: skip
log2 = pointwise(
    "log2", "The logarithm of x to base 2.", kernels.log2, lambda g, x: g / (x * LN2), within(0.2, 3.0), math.log2,
    kernel=kernels.log2,
)  # fmt: skip
log10 = pointwise(
    "log10", "The logarithm of x to base 10.", kernels.log10, lambda g, x: g / (x * LN10), within(0.2, 3.0), math.log10,
    kernel=kernels.log10,
)  # fmt: skip
log1p = pointwise(
    "log1p", "log(1 + x), precise near 0.", kernels.log1p, lambda g, x: g / (x + 1), within(-0.8, 2.0), math.log1p,
    kernel=kernels.log1p,
)  # fmt: skip
sqrt = pointwise(
    "sqrt", "The square root of x; NaN below 0.", kernels.sqrt, lambda g, out: g / (out * 2), within(0.2, 3.0),
    math.sqrt, kernel=kernels.sqrt, onnx="Sqrt",
)  # fmt: skip
rsqrt = pointwise(
    "rsqrt", "1 / sqrt(x)", kernels.rsqrt, lambda g, out: g * (out * out * out * -0.5), within(0.2, 3.0),
    lambda v: v**-0.5, kernel=kernels.rsqrt,
)  # fmt: skip
reciprocal = pointwise(
    "reciprocal", "1 / x", kernels.reciprocal, lambda g, out: -g * (out * out),
    lambda s: s.case(s.array(s.shape(), away=(0.0,), margin=0.3)), lambda v: 1.0 / v,
    kernel=kernels.reciprocal, onnx="Reciprocal",
)  # fmt: skip
square = pointwise(
    "square", "x * x", _square, lambda g, x: g * (x * 2), within(-2.0, 2.0), lambda v: v**2, any_dtype=True,
)  # fmt: skip
sin = pointwise(
    "sin", "The sine of x (radians).", kernels.sin, lambda g, x: g * cos(x), within(-2.0, 2.0), math.sin,
    kernel=kernels.sin, onnx="Sin",
)  # fmt: skip
cos = pointwise(
    "cos", "The cosine of x (radians).", kernels.cos, lambda g, x: -g * sin(x), within(-2.0, 2.0), math.cos,
    kernel=kernels.cos, onnx="Cos",
)  # fmt: skip
tan = pointwise(
    "tan", "The tangent of x (radians).", kernels.tan, lambda g, out: g * (out * out + 1), within(-1.2, 1.2), math.tan,
    kernel=kernels.tan, onnx="Tan",
)  # fmt: skip
asin = pointwise(
    "asin", "The angle in [-pi/2, pi/2] whose sine is x.", kernels.asin, lambda g, x: g * rsqrt(1 - x * x),
    within(-0.9, 0.9), math.asin, kernel=kernels.asin, onnx="Asin",
)  # fmt: skip
acos = pointwise(
    "acos", "The angle in [0, pi] whose cosine is x.", kernels.acos, lambda g, x: -g * rsqrt(1 - x * x),
    within(-0.9, 0.9), math.acos, kernel=kernels.acos, onnx="Acos",
)  # fmt: skip
atan = pointwise(
    "atan", "The angle in (-pi/2, pi/2) whose tangent is x.", kernels.atan, lambda g, x: g / (x * x + 1),
    within(-2.0, 2.0), math.atan, kernel=kernels.atan, onnx="Atan",
)  # fmt: skip
sinh = pointwise(
    "sinh", "(e^x - e^-x) / 2", kernels.sinh, lambda g, x: g * cosh(x), within(-2.0, 2.0), math.sinh,
    kernel=kernels.sinh, onnx="Sinh",
)  # fmt: skip
cosh = pointwise(
    "cosh", "(e^x + e^-x) / 2", kernels.cosh, lambda g, x: g * sinh(x), within(-2.0, 2.0), math.cosh,
    kernel=kernels.cosh, onnx="Cosh",
)  # fmt: skip
asinh = pointwise(
    "asinh", "log(x + sqrt(x^2 + 1))", kernels.asinh, lambda g, x: g * rsqrt(x * x + 1), within(-2.0, 2.0), math.asinh,
    kernel=kernels.asinh, onnx="Asinh",
)  # fmt: skip
acosh = pointwise(
    "acosh", "log(x + sqrt(x^2 - 1)), for x >= 1.", kernels.acosh, lambda g, x: g * rsqrt(x * x - 1), within(1.3, 3.0),
    math.acosh, kernel=kernels.acosh, onnx="Acosh",
)  # fmt: skip
atanh = pointwise(
    "atanh", "log((1 + x) / (1 - x)) / 2, for |x| < 1.", kernels.atanh, lambda g, x: g / (1 - x * x), within(-0.8, 0.8),
    math.atanh, kernel=kernels.atanh, onnx="Atanh",
)  # fmt: skip
erf = pointwise(
    "erf", "2 / sqrt(pi) * the integral of e^(-t^2) from 0 to x", kernels.erf,
    lambda g, x: g * (exp(-(x * x)) * (2 / math.sqrt(math.pi))), within(-2.0, 2.0), math.erf, kernel=kernels.erf,
    onnx="Erf",
)  # fmt: skip


# --------------------------------------------------------------------------------------------- steps


def _steps(s: Sampler) -> Case:
    """Values at least 0.1 away from integers and halves."""
    shape = s.shape()
    return s.case(np.asarray(s.integers(shape, -6, 6) / 2 + s.array(shape, 0.1, 0.4), s.dtype))


def stepwise(function: Callable) -> Callable[[Any], np.ndarray]:
    """A rounding function: ints stay as they are."""
    return lambda x: np.array(x) if isinstance(x, np.ndarray) and x.dtype.kind in "iu" else real(function, x)


def _abs(x: Any) -> Any:
    return real(kernels.abs, x) if not isinstance(x, np.ndarray) or x.dtype.kind == "f" else np.abs(x)


abs = pointwise(
    "abs", "|x|; the gradient at 0 is 0.", _abs, lambda g, x: g * sign(x), within(-2.0, 2.0, (0.0,)), math.fabs,
    any_dtype=True, onnx="Abs",
)  # fmt: skip
sign = pointwise(
    "sign", "-1, 0 or 1; NaN stays. The gradient is 0.", np.sign, lambda g: no_gradient(g), within(-2.0, 2.0, (0.0,)),
    lambda v: int(v > 0) - int(v < 0), any_dtype=True, kernel=kernels.sign, onnx="Sign",
)  # fmt: skip
floor = pointwise(
    "floor", "The largest integer <= x. The gradient is 0.", stepwise(np.floor), lambda g: no_gradient(g), _steps,
    math.floor, any_dtype=True, onnx="Floor",
)  # fmt: skip
ceil = pointwise(
    "ceil", "The smallest integer >= x. The gradient is 0.", stepwise(np.ceil), lambda g: no_gradient(g), _steps,
    math.ceil, any_dtype=True, onnx="Ceil",
)  # fmt: skip
trunc = pointwise(
    "trunc", "x without its fraction. The gradient is 0.", stepwise(np.trunc), lambda g: no_gradient(g), _steps,
    math.trunc, any_dtype=True,
)  # fmt: skip


@composite(reference=lambda x: np.fmod(x, 1.0), samples=_steps)
def frac(x):
    """x - trunc(x): the fraction, with the sign of x."""
    return sub(x, trunc(x))


def _round_samples(s: Sampler) -> Case:
    args = _steps(s).args
    return s.case(*args) if s.boolean() else s.case(np.asarray(args[0] / 10), decimals=1)


@op(
    reference=lambda x, decimals=0: singly(lambda v: builtins.round(v, decimals))(x),
    samples=_round_samples,
    onnx="Round",
)
def round(x, *, decimals=0):
    """x to the nearest multiple of 10 ** -decimals, halves to even. The gradient is 0."""
    return stepwise(lambda a: np.round(a, decimals))(x)


round.grads(x=lambda g: no_gradient(g))


# --------------------------------------------------------------------------------------------- special values


def _specials(s: Sampler) -> Case:
    """Values with NaN and infinities among them."""
    x = s.array(s.shape())
    kind = s.integers(x.shape, 0, 6)
    for i, value in enumerate((np.nan, np.inf, -np.inf)):
        x = np.where(kind == i, s.dtype.type(value), x)
    return s.case(x)


@op(reference=singly(math.isnan), samples=_specials, differentiable=False, onnx="IsNaN")
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


@composite(
    reference=lambda x, nan=0.0: np.clip(np.where(np.isnan(x), nan, x), *_limits(x)),
    samples=lambda s: s.case(s.array(s.shape())),
)
def nan_to_num(x, *, nan=0.0, posinf=None, neginf=None):
    """x with NaN and the infinities replaced; None: the largest finite numbers. No gradient flows where replaced."""
    if np.asarray(raw(x)).dtype.kind != "f":
        return identity(x)
    low, high = (float(limit) for limit in _limits(np.asarray(raw(x))))
    x = where(isnan(x), nan, x)
    x = where(eq(x, math.inf), high if posinf is None else posinf, x)
    return where(eq(x, -math.inf), low if neginf is None else neginf, x)
