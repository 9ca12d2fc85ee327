"""Numbers drawn from distributions, in the shape and dtype of x: with a trailing underscore they fill x, in place."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.errors import DTypeError, ShapeError
from autograd.op import op
from autograd.ops.random import normal_array, source
from autograd.sampling import Case, Sampler


def floating(x: np.ndarray) -> np.ndarray:
    """Refuses what is drawn as real numbers for a tensor of ints."""
    if x.dtype.kind != "f":
        raise DTypeError(f"x has dtype {x.dtype}, expected a floating-point one; use x.float()")
    return x


def positive(**values: float) -> None:
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{name} is {value}, expected a number above 0")


def numbers(seed: int) -> np.random.Generator:
    """What a reference draws from."""
    return np.random.Generator(np.random.PCG64(seed))


def seeded(**attrs: Any):
    return lambda s: s.case(s.array(s.shape()), **attrs, generator=s.integer(0, 99))


@op(
    random=True,
    differentiable=False,
    reference=lambda x, lambd, generator: numbers(generator).standard_exponential(x.shape, x.dtype) / lambd,
    samples=seeded(lambd=1.5),
)
def exponential(x, *, lambd=1.0, generator=None):
    """Exponential numbers, of density lambd e^(-lambd v), for every element of x."""
    positive(lambd=lambd)
    return source(generator).standard_exponential(x.shape, floating(x).dtype) / lambd


@op(
    random=True,
    differentiable=False,
    reference=lambda x, median, sigma, generator: median + sigma * numbers(generator).standard_cauchy(x.shape),
    samples=seeded(median=0.5, sigma=2.0),
)
def cauchy(x, *, median=0.0, sigma=1.0, generator=None):
    """Cauchy numbers, of density sigma / (pi (sigma^2 + (v - median)^2)), for every element of x."""
    positive(sigma=sigma)
    return (median + sigma * source(generator).standard_cauchy(x.shape)).astype(floating(x).dtype)


@op(
    random=True,
    differentiable=False,
    reference=lambda x, mean, std, generator: np.exp(mean + std * numbers(generator).standard_normal(x.shape, x.dtype)),
    samples=seeded(mean=0.5, std=0.5),
)
def log_normal(x, *, mean=1.0, std=2.0, generator=None):
    """e to the power of normal numbers of this mean and standard deviation, for every element of x."""
    positive(std=std)
    return np.exp(mean + std * normal_array(source(generator), x.shape, floating(x).dtype)).astype(x.dtype, copy=False)


@op(
    random=True,
    differentiable=False,
    reference=lambda x, p, generator: numbers(generator).geometric(p, x.shape),
    samples=seeded(p=0.3),
)
def geometric(x, *, p, generator=None):
    """How many trials of probability p it takes until one succeeds, 1 or more, for every element of x."""
    if not 0 < p < 1:
        raise ValueError(f"p is {p}, expected a probability between 0 and 1")
    return source(generator).geometric(p, x.shape).astype(x.dtype)


def _whole(x: np.ndarray, low: int, high: int | None) -> tuple[int, int]:
    """The first and last int that random_like draws."""
    if high is not None:
        low, last = int(low), int(high) - 1
    elif low:
        low, last = 0, int(low) - 1  # random_(high)
    else:
        kind = x.dtype.kind
        last = 1 if kind == "b" else 2 ** (np.finfo(x.dtype).nmant + 1) if kind == "f" else np.iinfo(x.dtype).max
    if last < low:
        raise ValueError(f"there are no ints in [{low}, {last + 1})")
    return low, last


@op(
    random=True,
    differentiable=False,
    reference=lambda x, low, high, generator: numbers(generator).integers(low, high, x.shape),
    samples=seeded(low=-3, high=9),
)
def random_like(x, *, low=0, high=None, generator=None):
    """Ints in [low, high) for every element of x; random_like(x, high) starts at 0; without both: all that x can hold.

    Of floats these are the ints up to 2 to the power of the mantissa's bits.
    """
    low, last = _whole(x, low, high)
    wide = np.uint64 if x.dtype.kind == "u" else np.int64
    return source(generator).integers(low, last, x.shape, wide, endpoint=True).astype(x.dtype)


@op(
    random=True,
    differentiable=False,
    reference=lambda x, generator: numbers(generator).poisson(x),
    samples=lambda s: s.case(s.array(s.shape(), 0.0, 20.0), generator=s.integer(0, 99)),
)
def poisson(x, *, generator=None):
    """How many events there are where x is their mean number, in x's dtype."""
    if x.size and not x.min() >= 0:
        raise ValueError("x holds mean numbers, expected values of at least 0")
    return np.asarray(source(generator).poisson(x), floating(x).dtype)


def _binomial_samples(s: Sampler) -> Case:
    shape = s.shape()
    return s.case(s.integers(shape, 0, 9).astype(s.dtype), s.array(shape, 0.0, 1.0), generator=s.integer(0, 99))


@op(
    random=True,
    differentiable=False,
    reference=lambda count, prob, generator: numbers(generator).binomial(count.astype(np.int64), prob),
    samples=_binomial_samples,
)
def binomial(count, prob, *, generator=None):
    """How many of `count` trials of probability `prob` succeed, in count's dtype; both broadcast."""
    if np.size(count) and not np.min(count) >= 0:
        raise ValueError("count holds numbers of trials, expected values of at least 0")
    if np.size(prob) and not (np.min(prob) >= 0 and np.max(prob) <= 1):
        raise ValueError("prob holds probabilities, expected values in [0, 1]")
    count = np.asarray(count)
    return np.asarray(source(generator).binomial(count.astype(np.int64), prob), count.dtype)


@op(
    random=True,
    differentiable=False,
    reference=lambda x, num_samples, replacement, generator: numbers(generator).choice(
        len(x), num_samples, replacement, np.asarray(x, np.float64) / np.sum(x, dtype=np.float64)
    ),
    samples=lambda s: s.case(
        s.array((s.size() + 3,), 0.1, 1.0), num_samples=3, replacement=s.boolean(), generator=s.integer(0, 99)
    ),
)
def multinomial(x, *, num_samples, replacement=False, generator=None):
    """Draws of indices with probabilities in proportion to each row of x (C,) or (N, C), int64."""
    weights = np.atleast_2d(np.asarray(floating(x), np.float64))
    if weights.ndim > 2 or (weights < 0).any() or not np.isfinite(weights).all() or (weights.sum(-1) <= 0).any():
        raise ShapeError("multinomial: expected rows of weights, none below 0, with sums above 0")
    if num_samples < 1 or (not replacement and (weights > 0).sum(-1).min() < num_samples):
        raise ShapeError(f"multinomial: cannot draw {num_samples} of {weights.shape[1]} without replacement")
    rng = source(generator)
    rows = [rng.choice(len(row), num_samples, replacement, row / row.sum()) for row in weights]
    return np.stack(rows).reshape(*x.shape[:-1], num_samples)
