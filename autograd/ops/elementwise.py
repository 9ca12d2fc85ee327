"""Arithmetic of two tensors, or of a tensor and a number, with broadcasting.

dtypes follow PyTorch: Python numbers and 0-d tensors don't widen an array, ints with floats give floats.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd import kernels
from autograd.op import Direct, composite, op
from autograd.ops.dtypes import promote, promote_float, quiet, real, result_type
from autograd.sampling import Case, Sampler
from autograd.tape import declare
from autograd.tensor import Tensor

_log = declare("log")


def raw(x: Any) -> Any:
    """The array of a tensor, which may be changed; anything else as it is."""
    return getattr(x, "array", x)


def no_gradient(g: Tensor) -> Tensor:
    """The gradient of a step function: zeros."""
    return Tensor(np.zeros(g.shape, g.dtype))


def two(s: Sampler, **values: Any) -> Case:
    """Two arrays that broadcast, or an array and a number."""
    a, b = s.broadcastable(2)
    if s.integer(0, 5) == 0:
        return s.case(s.array(a, **values), float(s.array((), **values)))
    return s.case(s.array(a, **values), s.array(b, **values))


def two_apart(s: Sampler) -> Case:
    """Two arrays that broadcast and differ everywhere."""
    a, b = s.broadcastable(2)
    return s.case(
        np.asarray(np.round(s.array(a) * 4) / 4), np.asarray(np.round(s.array(b) * 4) / 4 + s.dtype.type(0.1))
    )


def quotient(s: Sampler) -> Case:
    """x = y * (n + f) with f in [.2, .8], so that x / y is never near an integer."""
    shape = s.shape()
    y = s.array(shape, away=(0.0,), margin=0.4)
    whole = s.integers(shape, -3, 4).astype(s.dtype)
    return s.case(np.asarray(y * (whole + s.array(shape, 0.2, 0.8)), s.dtype), y)


def _scaled_add(sign: int, x: Any, y: Any, alpha: Any) -> Any:
    return np.asarray(x) + sign * (alpha * np.asarray(y))


def with_alpha(s: Sampler) -> Case:
    args = two(s).args
    return s.case(*args, **s.choice(({}, {}, {"alpha": 2}, {"alpha": -0.5})))


@op(
    reference=lambda x, y, alpha=1: _scaled_add(1, x, y, alpha),
    samples=with_alpha,
    kernel=kernels.add,
    broadcasts=True,
    onnx="Add",
)
def add(x, y, *, alpha=1):
    """x + alpha * y, broadcast."""
    if alpha != 1:
        y = y * alpha if isinstance(y, (int, float)) else kernels.mul(*promote(y, alpha))
    return kernels.add(*promote(x, y))


add.grads(x=lambda g: g, y=lambda g, alpha: g if alpha == 1 else g * alpha)


@op(
    reference=lambda x, y, alpha=1: _scaled_add(-1, x, y, alpha),
    samples=with_alpha,
    kernel=kernels.sub,
    broadcasts=True,
    onnx="Sub",
)
def sub(x, y, *, alpha=1):
    """x - alpha * y, broadcast."""
    if alpha != 1:
        y = y * alpha if isinstance(y, (int, float)) else kernels.mul(*promote(y, alpha))
    return kernels.sub(*promote(x, y))


sub.grads(x=lambda g: g, y=lambda g, alpha: -g if alpha == 1 else g * -alpha)


@op(reference=np.multiply, samples=two, kernel=kernels.mul, broadcasts=True, linear_in=("x", "y"), onnx="Mul")
def mul(x, y):
    """x * y, broadcast."""
    return kernels.mul(*promote(x, y))


mul.grads(x=Direct(mul, "g", "y"), y=Direct(mul, "g", "x"))


def floor_quotient(x: Any, y: Any) -> Any:
    return quiet(np.floor_divide, x, y)


def trunc_quotient(x: Any, y: Any) -> Any:
    whole = quiet(np.floor_divide, np.abs(x), np.abs(y))
    return whole * (np.sign(x) * np.sign(y))


def _div_reference(x, y, rounding_mode=None):
    exact = np.asarray(x) / np.asarray(y)
    rounding: dict[str | None, Any] = {None: lambda a: a, "floor": np.floor, "trunc": np.trunc}
    return rounding[rounding_mode](exact)


def _div_samples(s: Sampler) -> Case:
    if s.integer(0, 3) == 0:
        return s.case(*quotient(s).args, rounding_mode=s.choice(("floor", "trunc")))
    a, b = s.broadcastable(2)
    return s.case(s.array(a), s.array(b, away=(0.0,), margin=0.4))


@op(reference=_div_reference, samples=_div_samples, kernel=kernels.div, broadcasts=True, linear_in=("x",), onnx="Div")
def div(x, y, *, rounding_mode=None):
    """x / y, broadcast; ints give floats. rounding_mode "floor" or "trunc": whole quotients, without gradient."""
    if rounding_mode is None:
        return kernels.div(*promote_float(x, y))
    if rounding_mode not in ("floor", "trunc"):
        raise ValueError(f"rounding_mode is {rounding_mode!r}, expected None, 'floor' or 'trunc'")
    return (floor_quotient if rounding_mode == "floor" else trunc_quotient)(*promote(x, y))


div.grads(
    x=lambda g, y, rounding_mode: g / y if rounding_mode is None else no_gradient(g),
    y=lambda g, out, y, rounding_mode: -g * (out / y) if rounding_mode is None else no_gradient(g),
)


@op(
    reference=lambda x: 0.0 - x,
    samples=lambda s: s.case(s.array(s.shape())),
    kernel=kernels.neg,
    linear_in=("x",),
    onnx="Neg",
)
def neg(x):
    """-x; bools are refused, as in PyTorch and NumPy."""
    return real(kernels.neg, x) if not isinstance(x, np.ndarray) or x.dtype.kind == "f" else np.negative(x)


neg.grads(x=Direct(neg, "g"))


def _pow_samples(s: Sampler) -> Case:
    shape = s.shape()
    kind = s.integer(0, 3)
    if kind == 0:
        return s.case(s.array(shape, away=(0.0,), margin=0.2), s.choice((0, 1, 2, 3, 2.0, -1)))
    if kind == 1:
        return s.case(s.array(shape, 0.3, 2.0), s.choice((0.5, -0.5, 1.5, -2.5)))
    if kind == 2:
        return s.case(s.choice((2.0, 0.5, 3)), s.array(shape))
    a, b = s.broadcastable(2)
    return s.case(s.array(a, 0.3, 2.0), s.array(b))


def _pow_reference(x, y):
    if np.all(np.asarray(x) > 0):
        return np.exp(y * np.log(np.asarray(x)))
    return np.float_power(x, y)


@op(reference=_pow_reference, samples=_pow_samples, kernel=kernels.pow, broadcasts=True, onnx="Pow", bound=2e-5)
def pow(x, y):
    """x ** y, broadcast; 0 ** 0 = 1. The gradient at x = 0 is that of the polynomial: 0 for x ** 2 and x ** 0."""
    x, y = promote(x, y)
    if y.__class__ is int and y == 2:
        return kernels.mul(x, x)
    result = kernels.pow(x, y)
    return result if result.dtype.kind != "i" or result.dtype.itemsize > 1 else result.astype(result_type(x, y))


def _pow_grad_x(g, x, y):
    if isinstance(y, (int, float)):
        if y == 0:
            return no_gradient(g)
        return g if y == 1 else g * (x * 2.0) if y == 2 else g * (y * pow(x, y - 1))
    removed = (raw(x) == 0) & (raw(y) == 0)  # d(x ** 0) is 0 at 0 too, where y * x ** (y - 1) would be 0 * inf
    return g * (y * pow(x, where(removed, 1.0, y) - 1))


def _pow_grad_y(g, x, y, out):
    if isinstance(x, (int, float)):
        if x != 0:
            return g * (out * (math.log(x) if x > 0 else math.nan))
        return g * where(raw(y) >= 0, 0.0, out * -math.inf)
    flat = (raw(x) == 0) & (raw(y) >= 0)
    return where(flat, 0.0, g * (out * _log(where(flat, 1.0, x))))


pow.grads(x=_pow_grad_x, y=_pow_grad_y)


# --------------------------------------------------------------------------------------------- choosing


def _where_samples(s: Sampler) -> Case:
    a, b, c = s.broadcastable(3)
    if s.integer(0, 3) == 0:
        return s.case(s.mask(a), s.array(b), s.choice((0.0, 1.5)))
    return s.case(s.mask(a), s.array(b), s.array(c))


@op(
    reference=lambda condition, x, y: np.choose(condition, [np.asarray(y), np.asarray(x)]),
    samples=_where_samples,
    broadcasts=True,
    onnx="Where",
)
def where(condition, x, y):
    """x where the condition holds, else y; all broadcast."""
    x, y = promote(x, y)
    return kernels.where(condition, x, y)


where.grads(
    condition=None,
    x=lambda g, condition: where(condition, g, 0.0),
    y=lambda g, condition: where(condition, 0.0, g),
)


def _better(g, lost, tied):
    """The share of g for one of two competitors: all, half of it on ties, nothing where it lost."""
    if tied.any():
        g = where(tied, g * 0.5, g)
    return where(lost, 0.0, g)


@op(
    kernel=kernels.maximum,
    reference=lambda x, y: np.where(np.isnan(x) | (np.asarray(x) > y), x, y),
    samples=two_apart,
    broadcasts=True,
    onnx="Max",
)
def maximum(x, y):
    """The larger of x and y, broadcast; NaN if either is. Ties give half of the gradient to each."""
    return kernels.maximum(*promote(x, y))


maximum.grads(
    x=lambda g, x, y: _better(g, np.less(raw(x), raw(y)), np.equal(raw(x), raw(y))),
    y=lambda g, x, y: _better(g, np.less(raw(y), raw(x)), np.equal(raw(x), raw(y))),
)


@op(
    kernel=kernels.minimum,
    reference=lambda x, y: np.where(np.isnan(x) | (np.asarray(x) < y), x, y),
    samples=two_apart,
    broadcasts=True,
    onnx="Min",
)
def minimum(x, y):
    """The smaller of x and y, broadcast; NaN if either is. Ties give half of the gradient to each."""
    return kernels.minimum(*promote(x, y))


minimum.grads(
    x=lambda g, x, y: _better(g, np.greater(raw(x), raw(y)), np.equal(raw(x), raw(y))),
    y=lambda g, x, y: _better(g, np.greater(raw(y), raw(x)), np.equal(raw(x), raw(y))),
)


# --------------------------------------------------------------------------------------------- composites


def _three(s: Sampler) -> Case:
    return s.case(*(s.array(shape) for shape in s.broadcastable(3)))


@composite(reference=lambda x, end, w: (1 - np.asarray(w)) * x + w * end, samples=_three)
def lerp(x, end, w):
    """x + w * (end - x): linear interpolation."""
    return add(x, mul(w, sub(end, x)))


def _fused_samples(s: Sampler) -> Case:
    a, b, c = s.broadcastable(3)
    x, y, z = s.array(a), s.array(b), s.array(c, away=(0.0,), margin=0.4)
    return s.case(x, y, z, **s.choice(({}, {"value": -0.5})))


@composite(reference=lambda x, tensor1, tensor2, value=1: x + value * (tensor1 * tensor2), samples=_fused_samples)
def addcmul(x, tensor1, tensor2, *, value=1):
    """x + value * tensor1 * tensor2"""
    return add(x, mul(tensor1, tensor2), alpha=value)


@composite(reference=lambda x, tensor1, tensor2, value=1: x + value * (tensor1 / tensor2), samples=_fused_samples)
def addcdiv(x, tensor1, tensor2, *, value=1):
    """x + value * tensor1 / tensor2"""
    return add(x, div(tensor1, tensor2), alpha=value)
