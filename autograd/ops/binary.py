"""Two-argument functions beside arithmetic: remainders, angles, comparisons, logic."""

from __future__ import annotations

import numpy as np

from autograd import kernels
from autograd.op import op
from autograd.ops.dtypes import promote, promote_float, quiet
from autograd.ops.elementwise import div, floor_quotient, quotient, two
from autograd.sampling import Case, Sampler
from autograd.tape import declare

_exp = declare("exp")


@op(reference=lambda x, y: x - np.floor(x / y) * y, samples=quotient, broadcasts=True, onnx="Mod")
def remainder(x, y):
    """x - floor(x / y) * y: the sign is that of y, as Python's %."""
    return quiet(np.remainder, *promote(x, y))


remainder.grads(x=lambda g: g, y=lambda g, x, y: -g * div(x, y, rounding_mode="floor"))


@op(reference=lambda x, y: x - np.trunc(x / y) * y, samples=quotient, broadcasts=True)
def fmod(x, y):
    """x - trunc(x / y) * y: the sign is that of x, as C's fmod."""
    return quiet(np.fmod, *promote(x, y))


fmod.grads(x=lambda g: g, y=lambda g, x, y: -g * div(x, y, rounding_mode="trunc"))


@op(reference=lambda x, y: np.floor(x / y), samples=quotient, broadcasts=True, differentiable=False)
def floor_divide(x, y):
    """floor(x / y), broadcast."""
    return floor_quotient(*promote(x, y))


def _plane(s: Sampler) -> Case:
    a, b = s.broadcastable(2)
    return s.case(s.array(a, away=(0.0,), margin=0.3), s.array(b, away=(0.0,), margin=0.3))


@op(
    reference=lambda x, y: np.angle(np.asarray(y) + 1j * np.asarray(x)),
    samples=_plane,
    kernel=kernels.atan2,
    broadcasts=True,
)
def atan2(x, y):
    """The angle of the point (y, x), in (-pi, pi]: arctan(x / y) in the right quadrant."""
    return kernels.atan2(*promote_float(x, y))


atan2.grads(
    r=lambda g, x, y: g / (x * x + y * y),
    x=lambda r, y: r * y,
    y=lambda r, x: -(r * x),
)


@op(reference=lambda x, y: np.sqrt(np.square(x) + np.square(y)), samples=_plane, broadcasts=True)
def hypot(x, y):
    """sqrt(x^2 + y^2), without overflow in between."""
    return quiet(np.hypot, *promote_float(x, y))


hypot.grads(x=lambda g, x, out: g * (x / out), y=lambda g, y, out: g * (y / out))


@op(reference=lambda x, y: np.log(np.exp(x) + np.exp(y)), samples=two, broadcasts=True)
def logaddexp(x, y):
    """log(e^x + e^y), without overflow in between."""
    return quiet(np.logaddexp, *promote_float(x, y))


logaddexp.grads(x=lambda g, x, out: g * _exp(x - out), y=lambda g, y, out: g * _exp(y - out))


# --------------------------------------------------------------------------------------------- comparisons


def _coarse(s: Sampler) -> Case:
    """Two arrays of few distinct values, so that ties happen; or an array and a number."""
    a, b = s.broadcastable(2)
    x, y = (s.integers(shape, -2, 3).astype(s.dtype) for shape in (a, b))
    return s.case(x, 1.0) if s.integer(0, 3) == 0 else s.case(x, y)


def _masks(s: Sampler) -> Case:
    return s.case(*(s.integers(shape, 0, 3) > 0 if s.boolean() else s.array(shape) for shape in s.broadcastable(2)))


@op(reference=lambda x, y: ~((x < y) | (x > y)), samples=_coarse, differentiable=False, broadcasts=True, onnx="Equal")
def eq(x, y):
    """x == y, broadcast; bools."""
    return np.equal(x, y)


@op(reference=lambda x, y: (x < y) | (x > y), samples=_coarse, differentiable=False, broadcasts=True)
def ne(x, y):
    """x != y, broadcast; bools."""
    return np.not_equal(x, y)


@op(reference=lambda x, y: np.sign(x - y) == -1, samples=_coarse, differentiable=False, broadcasts=True, onnx="Less")
def lt(x, y):
    """x < y, broadcast; bools."""
    return np.less(x, y)


@op(
    reference=lambda x, y: np.sign(x - y) != 1,
    samples=_coarse,
    differentiable=False,
    broadcasts=True,
    onnx="LessOrEqual",
)
def le(x, y):
    """x <= y, broadcast; bools."""
    return np.less_equal(x, y)


@op(reference=lambda x, y: np.sign(x - y) == 1, samples=_coarse, differentiable=False, broadcasts=True, onnx="Greater")
def gt(x, y):
    """x > y, broadcast; bools."""
    return np.greater(x, y)


@op(
    reference=lambda x, y: np.sign(x - y) != -1,
    samples=_coarse,
    differentiable=False,
    broadcasts=True,
    onnx="GreaterOrEqual",
)
def ge(x, y):
    """x >= y, broadcast; bools."""
    return np.greater_equal(x, y)


@op(
    reference=lambda x, y: np.asarray(x, bool) & np.asarray(y, bool),
    samples=_masks,
    differentiable=False,
    broadcasts=True,
    onnx="And",
)
def logical_and(x, y):
    """Whether x and y are both nonzero, broadcast."""
    return np.logical_and(x, y)


@op(
    reference=lambda x, y: np.asarray(x, bool) | np.asarray(y, bool),
    samples=_masks,
    differentiable=False,
    broadcasts=True,
    onnx="Or",
)
def logical_or(x, y):
    """Whether x or y is nonzero, broadcast."""
    return np.logical_or(x, y)


@op(
    reference=lambda x, y: np.asarray(x, bool) ^ np.asarray(y, bool),
    samples=_masks,
    differentiable=False,
    broadcasts=True,
    onnx="Xor",
)
def logical_xor(x, y):
    """Whether exactly one of x and y is nonzero, broadcast."""
    return np.logical_xor(x, y)
