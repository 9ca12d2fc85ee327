"""Special functions of one tensor, element by element: gamma, error and Bessel functions, relatives of the logarithm.

Computed in float64 by series that converge fast; they serve statistics and losses, where speed does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.op import composite, op
from autograd.ops.binary import eq
from autograd.ops.clip import clip
from autograd.ops.dtypes import quiet, real
from autograd.ops.elementwise import add, div, mul, neg, raw, sub, two, where
from autograd.ops.unary import abs, exp, log, log1p, pointwise, sin, singly, square, within
from autograd.tape import Op
from autograd.value import default_dtype

BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)  # B_2, B_4, ...
SHIFT = 12  # the asymptotic series are used from here on


def wide(function: Callable[[np.ndarray], np.ndarray], x: Any) -> np.ndarray:
    """function of x in float64, in x's own float dtype; poles and overflow are no warnings."""
    return real(lambda a: np.asarray(quiet(function, a.astype(np.float64))).astype(a.dtype), x)


def special(name: str, formula: str, function: Callable, rule: Callable, samples: Callable, reference: Callable,
            **declaration: Any) -> Op:  # fmt: skip
    """unary.pointwise of a function that is computed in float64."""
    return pointwise(
        name, formula, lambda x: wide(function, x), rule, samples, reference, any_dtype=True, **declaration
    )


# --------------------------------------------------------------------------------------------- gamma


def _log_gamma(x: np.ndarray) -> np.ndarray:
    """Stirling's series after shifting; reflection below 1/2."""
    low = x < 0.5
    z = np.where(low, 1 - x, x)
    product = np.ones_like(z)
    for k in range(SHIFT):
        product = product * np.where(z < SHIFT, z + k, 1)
    y = np.where(z < SHIFT, z + SHIFT, z)
    series = sum(b / (2 * j * (2 * j - 1) * y ** (2 * j - 1)) for j, b in enumerate(BERNOULLI, 1))
    large = np.where(np.isinf(y), np.inf, (y - 0.5) * np.log(y) - y + 0.5 * math.log(2 * math.pi) + series)
    value = large - np.log(product)
    return np.where(low, math.log(math.pi) - np.log(np.abs(np.sin(math.pi * (x % 2)))) - value, value)


lgamma = special(
    "lgamma", "log |gamma(x)|", _log_gamma, lambda g, x: g * digamma(x),
    within(-3.0, 5.0, (-3.0, -2.0, -1.0, 0.0)), math.lgamma, bound=1e-4,
)  # fmt: skip


def _digamma(x: np.ndarray) -> np.ndarray:
    low = x < 0
    y = np.where(low, 1 - x, x)
    total = -sum(1 / (y + k) for k in range(SHIFT))
    z = y + SHIFT
    total = total + np.log(z) - 0.5 / z - sum(b / (2 * j * z ** (2 * j)) for j, b in enumerate(BERNOULLI, 1))
    total = np.where(np.isinf(z), z, total)
    value = np.where(low, total - math.pi / np.tan(math.pi * (x % 1)), total)
    value = np.where(low & (x == np.floor(x)), np.nan, value)
    return np.where(x == 0, np.copysign(np.inf, -x), value)


def _digamma_reference(v):
    near = [math.lgamma(v + k * 1e-4) for k in (-2, -1, 1, 2)]
    return (8 * (near[2] - near[1]) - (near[3] - near[0])) / 12e-4


digamma = special(
    "digamma", "The derivative of lgamma.", _digamma, lambda g, x: g * polygamma_of(x, n=1), within(1.1, 5.0),
    _digamma_reference, bound=1e-2,
)  # fmt: skip


def hurwitz(s: Any, x: np.ndarray) -> np.ndarray:
    """sum over k of (x + k) ** -s, by Euler and Maclaurin's formula."""
    terms = SHIFT + max(0, int(-np.floor(np.nanmin(x, initial=0))) + 1)
    total = sum((x + k) ** -s for k in range(terms))
    z = x + terms
    total = total + z ** (1 - s) / (s - 1) + 0.5 * z**-s
    factor = s * z ** (-s - 1)
    for j, b in enumerate(BERNOULLI, 1):
        total = total + factor * b / math.factorial(2 * j)
        factor = factor * (s + 2 * j - 1) * (s + 2 * j) / (z * z)
    return total


def _zeta_reference(s, x):
    k = np.arange(20000.0).reshape(-1, *[1] * max(np.ndim(s), np.ndim(x)))
    return (1 / (x + k) ** s).sum(0) + (x + 20000.0 - 0.5) ** (1 - s) / (s - 1)


def _zeta_samples(s):
    a, b = s.broadcastable(2, most=2)
    return s.case(s.array(a, 1.5, 5.0), s.array(b, 0.5, 3.0))


@op(reference=_zeta_reference, samples=_zeta_samples, broadcasts=True, differentiable=False)
def zeta(s, x):
    """The Hurwitz zeta function: sum over k >= 0 of (x + k) ** -s, for s > 1."""
    s, x = (np.asarray(a) for a in (s, x))
    dtype = np.result_type(s, x) if s.dtype.kind == x.dtype.kind == "f" else default_dtype()
    wide_s, wide_x = s.astype(np.float64), x.astype(np.float64)
    total = quiet(hurwitz, wide_s, wide_x)
    pole = (wide_x <= 0) & (wide_x == np.floor(wide_x)) | (wide_s == 1)
    return np.where(
        pole, np.inf, np.where((wide_s < 1) | ((wide_x < 0) & (wide_s != np.floor(wide_s))), np.nan, total)
    ).astype(dtype)


@op(
    reference=lambda x, n: (-1) ** (n + 1) * math.factorial(n) * _zeta_reference(n + 1, x),
    samples=lambda s: s.case(s.array(s.shape(), 0.7, 4.0), n=s.integer(1, 3)),
)
def polygamma_of(x, *, n):
    """The n-th derivative of digamma, n >= 1: (-1) ** (n + 1) n! zeta(n + 1, x)."""
    sign = (-1) ** (n + 1) * math.factorial(n)
    return wide(lambda a: np.where((a <= 0) & (a == np.floor(a)), np.inf, sign * hurwitz(n + 1, a)), x)


polygamma_of.grads(x=lambda g, x, n: g * polygamma_of(x, n=n + 1))


@composite(
    reference=lambda n, x: (-1) ** (n + 1) * math.factorial(n) * _zeta_reference(n + 1, x),
    samples=lambda s: s.case(s.integer(1, 2), s.array(s.shape(), 0.7, 4.0)),
)
def polygamma(n, x):
    """The n-th derivative of digamma; polygamma(0, x) is digamma(x)."""
    if not isinstance(n, (int, np.integer)):  # x.polygamma(n)
        n, x = x, n
    if n < 0:
        raise ValueError(f"polygamma: n must be 0 or more, got {n}")
    return digamma(x) if n == 0 else polygamma_of(x, n=int(n))


@composite(
    reference=lambda x, p: sum(singly(math.lgamma)(x - j / 2) for j in range(p)) + p * (p - 1) / 4 * math.log(math.pi),
    samples=lambda s: s.case(s.array(s.shape(), 2.0, 6.0), p=s.integer(1, 3)),
    bound=1e-4,
)
def mvlgamma(x, *, p):
    """The logarithm of the multivariate gamma function: sum over j < p of lgamma(x - j / 2), plus p(p-1)/4 log pi."""
    if p < 1:
        raise ValueError(f"mvlgamma: p must be at least 1, got {p}")
    total = add(lgamma(x), p * (p - 1) / 4 * math.log(math.pi))
    for j in range(1, p):
        total = add(total, lgamma(sub(x, j / 2)))
    return total


# --------------------------------------------------------------------------------------------- error functions

_erfc = singly(math.erfc)


erfc = special(
    "erfc", "1 - erf(x), precise for large x.", _erfc, lambda g, x: g * (exp(-(x * x)) * (-2 / math.sqrt(math.pi))),
    within(-2.0, 2.0), lambda v: 1 - math.erf(v),
)  # fmt: skip


def _erf_inverse(y: np.ndarray) -> np.ndarray:
    """Halley's steps on log erfc of the tail 1 - |y|, from Winitzki's approximation."""
    tail = 1 - np.abs(y)
    logs = np.log(tail * (2 - tail))
    half = 2 / (math.pi * 0.147) + logs / 2
    x = np.sqrt(np.sqrt(half * half - logs / 0.147) - half)
    for _ in range(4):
        error = np.where(np.abs(y) < 0.5, np.abs(y) - singly(math.erf)(x), _erfc(x) - tail)
        step = error / (2 / math.sqrt(math.pi) * np.exp(-x * x))
        x = np.where(np.isfinite(step), x + step / (1 - x * step), x)
    return np.copysign(np.where(tail == 0, np.inf, np.where(tail < 0, np.nan, x)), y)


def _erfinv_reference(y):
    """Bisection."""
    low, high = np.full_like(y, -6), np.full_like(y, 6)
    for _ in range(80):
        middle = (low + high) / 2
        below = singly(math.erf)(middle) < y
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.where(np.isnan(y), np.nan, low)


erfinv = special(
    "erfinv", "The number whose erf is x.", _erf_inverse,
    lambda g, out: g * (exp(out * out) * (math.sqrt(math.pi) / 2)), within(-0.95, 0.95),
    lambda v: float(_erfinv_reference(np.asarray(v))),
)  # fmt: skip


@composite(reference=singly(lambda v: 0.5 + 0.5 * math.erf(v / math.sqrt(2))), samples=within(-3.0, 3.0))
def ndtr(x):
    """The normal distribution's probability of values below x."""
    return mul(erfc(mul(x, -math.sqrt(0.5))), 0.5)


@composite(reference=lambda x: math.sqrt(2) * _erfinv_reference(2 * x - 1), samples=within(0.05, 0.95), bound=1e-4)
def ndtri(x):
    """The inverse of ndtr: the number below which normal values stay with probability x."""
    return mul(erfinv(sub(mul(x, 2), 1)), math.sqrt(2))


@composite(reference=singly(lambda v: math.log(0.5 * math.erfc(-v / math.sqrt(2)))), samples=within(-4.0, 3.0))
def log_ndtr(x):
    """log(ndtr(x)), also where ndtr underflows."""
    far = raw(x) < -15
    tail = where(far, x, -20.0)
    inverse = div(1, square(tail))
    series = mul(inverse, add(mul(inverse, add(mul(inverse, -15), 3)), -1))
    below = sub(log1p(series), add(mul(square(tail), 0.5), add(log(neg(tail)), 0.5 * math.log(2 * math.pi))))
    return where(far, below, log(ndtr(where(far, 0.0, x))))


# --------------------------------------------------------------------------------------------- Bessel functions


def _angles(x: np.ndarray) -> np.ndarray:
    """Angles of a trapezoid rule that is exact to rounding for exponentials of this size."""
    most = float(np.max(np.abs(x[np.isfinite(x)]), initial=0))
    count = int(48 + 14 * math.sqrt(most) + most)
    return (2 * math.pi / count) * np.arange(min(count, 20000)).reshape(-1, *[1] * x.ndim)


def _bessel_i(order: int) -> Callable[[np.ndarray], np.ndarray]:
    """e^-|x| I_n(x), the mean of e^(|x| (cos t - 1)) cos(n t) over the angles t."""

    def scaled(x: np.ndarray) -> np.ndarray:
        angles = _angles(x)
        value = (np.exp(np.abs(x) * (np.cos(angles) - 1)) * np.cos(order * angles)).mean(0)
        return value if order % 2 == 0 else value * np.sign(x)

    return scaled


def _bessel_series(order: int, sign: int) -> Callable[[np.ndarray], np.ndarray]:
    """The power series of J_n (sign -1) and I_n (sign 1)."""
    return lambda x: sum(
        sign**k * (x / 2) ** (2 * k + order) / (math.factorial(k) * math.factorial(k + order)) for k in range(40)
    )


def _over(y, x):
    """y / x, and its limit 1/2 at 0, for the Bessel functions of order 1."""
    zero = raw(x) == 0
    return where(zero, 0.5, y / where(zero, 1.0, x))


i0e = special(
    "i0e", "e^-|x| times the modified Bessel function of order 0.", _bessel_i(0),
    lambda g, x, out: g * (i1e(x) - out * np.sign(raw(x))), within(-4.0, 4.0, (0.0,)),
    lambda v: _bessel_series(0, 1)(v) * math.exp(-math.fabs(v)),
)  # fmt: skip
i1e = special(
    "i1e", "e^-|x| times the modified Bessel function of order 1.", _bessel_i(1),
    lambda g, x, out: g * (i0e(x) - _over(out, x) - out * np.sign(raw(x))), within(-4.0, 4.0, (0.0,)),
    lambda v: _bessel_series(1, 1)(v) * math.exp(-math.fabs(v)),
)  # fmt: skip


@composite(reference=_bessel_series(0, 1), samples=within(-4.0, 4.0, (0.0,)))
def i0(x):
    """The modified Bessel function of the first kind of order 0."""
    return mul(i0e(x), exp(abs(x)))


@composite(reference=_bessel_series(1, 1), samples=within(-4.0, 4.0, (0.0,)))
def i1(x):
    """The modified Bessel function of the first kind of order 1."""
    return mul(i1e(x), exp(abs(x)))


def _bessel_j(order: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.cos(order * _angles(x) - x * np.sin(_angles(x))).mean(0)


bessel_j0 = special(
    "bessel_j0", "The Bessel function of the first kind of order 0.", _bessel_j(0), lambda g, x: -g * bessel_j1(x),
    within(-4.0, 4.0, (0.0,)), _bessel_series(0, -1),
)  # fmt: skip
bessel_j1 = special(
    "bessel_j1", "The Bessel function of the first kind of order 1.", _bessel_j(1),
    lambda g, x, out: g * (bessel_j0(x) - _over(out, x)), within(-4.0, 4.0, (0.0,)), _bessel_series(1, -1),
)  # fmt: skip


# --------------------------------------------------------------------------------------------- logarithms and sines


def _positive(s):
    x, y = two(s).args
    return s.case(x, np.asarray(np.abs(y) + 0.2, s.dtype))


@composite(reference=lambda x, y: x * np.log(y), samples=_positive)
def xlogy(x, y):
    """x * log(y); 0 where x = 0, whatever y is (except NaN)."""
    gone = np.logical_and(np.equal(raw(x), 0), ~np.isnan(raw(y)))
    return where(gone, 0.0, mul(x, log(where(gone, 1.0, y)))) if gone.any() else mul(x, log(y))


@composite(reference=lambda x, y: x * np.log1p(y), samples=_positive)
def xlog1py(x, y):
    """x * log(1 + y); 0 where x = 0, whatever y is (except NaN)."""
    gone = np.logical_and(np.equal(raw(x), 0), ~np.isnan(raw(y)))
    return where(gone, 0.0, mul(x, log1p(where(gone, 0.0, y)))) if gone.any() else mul(x, log1p(y))


@composite(reference=lambda x: -x * np.log(x), samples=within(0.2, 3.0))
def entr(x):
    """-x * log(x); 0 at 0, -inf below."""
    gone, below = np.equal(raw(x), 0), np.less(raw(x), 0)
    inside = where(gone | below, 1.0, x)
    return where(below, -math.inf, where(gone, 0.0, neg(mul(inside, log(inside)))))


@composite(reference=lambda x, eps=None: np.log(x / (1 - x)), samples=within(0.1, 0.9), bound=3e-5)
def logit(x, *, eps=None):
    """log(x / (1 - x)); with eps, x is held within [eps, 1 - eps]."""
    if eps is not None:
        x = clip(x, eps, 1 - eps)
    return sub(log(x), log1p(neg(x)))


@composite(reference=np.sinc, samples=within(-2.5, 2.5, (0.0,)))
def sinc(x):
    """sin(pi x) / (pi x), 1 at 0."""
    zero = eq(x, 0)
    angle = where(zero, 1.0, mul(x, math.pi))
    return where(zero, 1.0, div(sin(angle), angle))
