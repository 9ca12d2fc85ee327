"""Elementwise functions that look at bits and signs, compare, count in whole numbers, or rename arithmetic."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.errors import DTypeError
from autograd.op import composite, op
from autograd.ops.binary import eq, logical_or
from autograd.ops.dtypes import promote, promote_float
from autograd.ops.elementwise import div, maximum, minimum, mul, no_gradient, pow, raw, sub, two, two_apart, where
from autograd.ops.linalg import tensor_of
from autograd.ops.reduce import all
from autograd.ops.shape import identity
from autograd.ops.unary import isnan, within
from autograd.sampling import Case, Sampler
from autograd.tape import declare

_exp2 = declare("exp2")
_logaddexp = declare("logaddexp")
_clip = declare("clip")


def _whole(s: Sampler) -> Case:
    return s.case(*(s.integers(shape, 0, 6) for shape in s.broadcastable(2)))


def whole(name: str, *xs: Any) -> tuple:
    """The arguments in their common dtype, refused unless ints or bools."""
    xs = promote(*xs)
    for x in xs:
        if isinstance(x, np.ndarray) and x.dtype.kind not in "iub":
            raise DTypeError(f"{name}: expected ints or bools, got {x.dtype}")
    return xs


def _bitwise(function):
    return {
        "reference": lambda x, y: np.array(
            [function(int(a), int(b)) for a, b in np.broadcast(x, y)], np.int64
        ).reshape(np.broadcast_shapes(np.shape(x), np.shape(y))),
        "samples": _whole,
        "broadcasts": True,
        "differentiable": False,
    }  # fmt: skip


@op(**_bitwise(lambda a, b: a & b), onnx="BitwiseAnd")
def bitwise_and(x, y):
    """x & y of ints or bools, broadcast."""
    return np.bitwise_and(*whole("bitwise_and", x, y))


@op(**_bitwise(lambda a, b: a | b), onnx="BitwiseOr")
def bitwise_or(x, y):
    """x | y of ints or bools, broadcast."""
    return np.bitwise_or(*whole("bitwise_or", x, y))


@op(**_bitwise(lambda a, b: a ^ b), onnx="BitwiseXor")
def bitwise_xor(x, y):
    """x ^ y of ints or bools, broadcast."""
    return np.bitwise_xor(*whole("bitwise_xor", x, y))


@op(
    reference=lambda x: -1 - x,
    samples=lambda s: s.case(s.integers(s.shape(), -5, 6)),
    differentiable=False,
    onnx="BitwiseNot",
)
def bitwise_not(x):
    """~x of ints or bools."""
    return np.invert(*whole("bitwise_not", x))


@op(**_bitwise(lambda a, b: a << b))
def bitwise_left_shift(x, y):
    """x * 2 ** y of ints, broadcast."""
    return np.left_shift(*whole("bitwise_left_shift", x, y))


@op(**_bitwise(lambda a, b: a >> b))
def bitwise_right_shift(x, y):
    """floor(x / 2 ** y) of ints, broadcast."""
    return np.right_shift(*whole("bitwise_right_shift", x, y))


@op(**_bitwise(math.gcd))
def gcd(x, y):
    """The greatest common divisor of ints, broadcast."""
    return np.gcd(*whole("gcd", x, y))


@op(**_bitwise(math.lcm))
def lcm(x, y):
    """The least common multiple of ints, broadcast."""
    return np.lcm(*whole("lcm", x, y))


# --------------------------------------------------------------------------------------------- signs and neighbours


@op(
    reference=lambda x: np.copysign(1, x) < 0,
    samples=lambda s: s.case(s.array(s.shape())),
    differentiable=False,
)
def signbit(x):
    """Whether the sign is negative, that of -0.0 too."""
    return np.signbit(x) if x.dtype.kind == "f" else x < 0


@op(
    reference=lambda x, y: np.abs(x) * np.where(np.asarray(y) < 0, -1, 1),
    samples=lambda s: s.case(*(s.array(shape, away=(0.0,)) for shape in s.broadcastable(2))),
    broadcasts=True,
)
def copysign(x, y):
    """|x| with the sign of y, broadcast; no gradient reaches y, none x at 0."""
    return np.copysign(*promote_float(x, y))


copysign.grads(
    x=lambda g, x, out: g * np.where(np.equal(raw(x), 0), 0, np.sign(raw(x)) * np.sign(raw(out))).astype(g.dtype),
    y=lambda g: no_gradient(g),
)


@op(
    reference=lambda x, y: np.where(x < y, x + np.spacing(np.abs(x)), np.where(x > y, x - np.spacing(np.abs(x)), y)),
    samples=lambda s: s.case(s.array((3,), 0.6, 0.9), s.array((3,), 1.2, 1.9)),
    broadcasts=True,
    second_order=False,
)
def nextafter(x, y):
    """The next floating-point number after x towards y, broadcast; its gradient is that of x."""
    return np.nextafter(*promote_float(x, y))


nextafter.grads(x=lambda g: g, y=lambda g: no_gradient(g))


@op(
    reference=lambda x, y: np.where(x > 0, 1.0, np.where(np.equal(x, 0), y, 0.0)),
    samples=lambda s: s.case(*(s.array(shape, away=(0.0,)) for shape in s.broadcastable(2))),
    broadcasts=True,
    differentiable=False,
)
def heaviside(x, y):
    """0 where x < 0, y where x = 0, 1 where x > 0; broadcast."""
    x, y = promote(x, y)
    return np.heaviside(x, y).astype(np.result_type(x, y))


@composite(
    reference=lambda x: (x / 2.0, np.ones(x.shape, np.int32)),
    samples=lambda s: s.case(s.array(s.shape(), 1.1, 1.9)),
)
def frexp(x):
    """(mantissa, exponent): x = mantissa * 2 ** exponent with the mantissa in [0.5, 1)."""
    x = tensor_of(x)
    if x.dtype.kind != "f":
        raise DTypeError(f"frexp: expected floats, got {x.dtype}")
    exponent = np.frexp(x.array)[1]
    half = exponent // 2  # 2 ** -exponent may overflow
    return x * np.ldexp(x.dtype.type(1), -half) * np.ldexp(x.dtype.type(1), half - exponent), tensor_of(exponent)


@composite(
    reference=lambda x, y: x * 2.0**y,
    samples=lambda s: s.case(s.array((2, 3)), s.integers((3,), -3, 4)),
)
def ldexp(x, y):
    """x * 2 ** y"""
    return mul(x, _exp2(y))


@composite(reference=lambda x: x == np.inf, samples=lambda s: s.case(s.array(s.shape())), differentiable=False)
def isposinf(x):
    """Whether x is inf."""
    return eq(x, math.inf)


@composite(reference=lambda x: x == -np.inf, samples=lambda s: s.case(s.array(s.shape())), differentiable=False)
def isneginf(x):
    """Whether x is -inf."""
    return eq(x, -math.inf)


@composite(
    reference=lambda x: np.ones(x.shape, bool), samples=lambda s: s.case(s.array(s.shape())), differentiable=False
)
def isreal(x):
    """True everywhere: there are no complex tensors."""
    return eq(0, np.zeros(np.shape(raw(x))))


# --------------------------------------------------------------------------------------------- closeness


def _near_pairs(s: Sampler) -> Case:
    shape = s.shape()
    x = s.array(shape, 0.5, 2.0)
    return s.case(x, np.asarray(x * (1 + s.choice((0, 1e-9, 1e-3)))), rtol=s.choice((1e-5, 1e-2)))


def _close_reference(x, y, rtol=1e-5):
    return np.abs(x - y) <= 1e-8 + rtol * np.abs(y)


@op(reference=_close_reference, samples=_near_pairs, broadcasts=True, differentiable=False)
def isclose(x, y, *, rtol=1e-5, atol=1e-8, equal_nan=False):
    """|x - y| <= atol + rtol |y|, broadcast; equal infinities are close."""
    if rtol < 0 or atol < 0:
        raise ValueError(f"isclose: rtol and atol must not be below 0, got {rtol} and {atol}")
    if isinstance(x, np.ndarray) and isinstance(y, np.ndarray) and x.dtype != y.dtype:
        raise DTypeError(f"isclose: x is {x.dtype}, but y is {y.dtype}")
    return np.isclose(x, y, rtol, atol, equal_nan)


@composite(
    reference=lambda x, y, rtol=1e-5: _close_reference(x, y, rtol).all(), samples=_near_pairs, differentiable=False
)
def allclose(x, y, *, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Whether isclose holds everywhere, as a Python bool."""
    return bool(all(isclose(x, y, rtol=rtol, atol=atol, equal_nan=equal_nan)))


@composite(
    reference=lambda x, y: x.shape == y.shape and np.sum(x != y) == 0,
    samples=lambda s: s.case(*(s.integers((s.size(2),), 0, 2) for _ in range(2))),
    differentiable=False,
)
def equal(x, y):
    """Whether x and y have the same shape and elements, as a Python bool."""
    x, y = tensor_of(x), tensor_of(y)
    return x.shape == y.shape and bool(all(eq(x, y)))


# --------------------------------------------------------------------------------------------- arithmetic, renamed


@composite(reference=lambda x, y: np.where(np.isnan(x) | (np.asarray(x) < y), y, x), samples=two_apart, onnx="Max")
def fmax(x, y):
    """The larger of x and y; of a number and NaN, the number."""
    return _without_nan(maximum, x, y)


@composite(reference=lambda x, y: np.where(np.isnan(x) | (np.asarray(x) > y), y, x), samples=two_apart, onnx="Min")
def fmin(x, y):
    """The smaller of x and y; of a number and NaN, the number."""
    return _without_nan(minimum, x, y)


def _without_nan(choose, x, y):
    x, y = tensor_of(x), tensor_of(y)
    odd_x, odd_y = isnan(x), isnan(y)
    return where(odd_x, y, where(odd_y, x, choose(x, y))) if raw(logical_or(odd_x, odd_y)).any() else choose(x, y)


@composite(reference=lambda x, y: np.log2(2.0 ** np.asarray(x) + 2.0 ** np.asarray(y)), samples=two)
def logaddexp2(x, y):
    """log2(2^x + 2^y), without overflow in between."""
    return div(_logaddexp(x * math.log(2), y * math.log(2)), math.log(2))


@composite(
    reference=lambda x, y, alpha=1: y - alpha * x, samples=lambda s: s.case(*two(s).args[:2], alpha=s.choice((1, 2)))
)
def rsub(x, y, *, alpha=1):
    """y - alpha * x"""
    return sub(y, x, alpha=alpha)


@composite(
    reference=lambda x, y, dtype: np.exp(y * np.log(x)),
    samples=lambda s: s.case(s.array((3,), 0.5, 2), s.array((2, 3)), dtype=np.dtype(np.float64)),
)
def float_power(x, y, *, dtype=np.float64):
    """x ** y, computed in float64."""
    x, y = tensor_of(x), tensor_of(y)
    return pow(x.astype(dtype), y.astype(dtype))


@composite(reference=lambda x: x * 180 / math.pi, samples=within(-2.0, 2.0), linear_in=("x",))
def rad2deg(x):
    """An angle in degrees from radians."""
    return mul(x, 180 / math.pi)


@composite(reference=lambda x: x / 180 * math.pi, samples=within(-90.0, 90.0), linear_in=("x",))
def deg2rad(x):
    """An angle in radians from degrees."""
    return mul(x, math.pi / 180)


@composite(reference=lambda x: x * 1.0, samples=within(-2.0, 2.0), linear_in=("x",))
def positive(x):
    """x itself; bools are refused."""
    if raw(tensor_of(x)).dtype.kind == "b":
        raise DTypeError("positive: bools have no sign")
    return identity(x)


@composite(
    reference=lambda x, low: np.maximum(x, low), samples=lambda s: s.case(s.array(s.shape(), away=(0.5,)), low=0.5)
)
def clamp_min(x, *, low):
    """max(x, low)"""
    return _clip(x, low, None)


@composite(
    reference=lambda x, high: np.minimum(x, high), samples=lambda s: s.case(s.array(s.shape(), away=(0.5,)), high=0.5)
)
def clamp_max(x, *, high):
    """min(x, high)"""
    return _clip(x, None, high)


@composite(reference=lambda x: np.where(x < 0, math.pi, 0.0), samples=within(-2.0, 2.0, (0.0,)), differentiable=False)
def angle(x):
    """0 for x >= 0, pi below: the angle of a real number."""
    x = tensor_of(x) * 1.0
    return where(isnan(x), x, mul((x < 0).astype(x.dtype), math.pi))
