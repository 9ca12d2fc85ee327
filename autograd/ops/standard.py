"""What the Python array API standard calls otherwise than PyTorch and NumPy do, or cuts otherwise."""

from __future__ import annotations

import numpy as np

from autograd.op import composite
from autograd.ops.elementwise import raw
from autograd.ops.join import constant_pad
from autograd.ops.linalg import tensor_of
from autograd.ops.sets import unique
from autograd.ops.shape import transpose
from autograd.ops.sort import cumsum
from autograd.sampling import Case, Sampler
from autograd.shapes import normalize_axis


@composite(
    reference=lambda x: np.swapaxes(x, -1, -2),
    samples=lambda s: s.case(s.array((*s.shape(0, 2), s.size(), s.size()))),
    linear_in=("x",),
    view=True,
)
def matrix_transpose(x):
    """x with its last two axes exchanged."""
    return transpose(x, -1, -2)


def _cumulative_samples(s: Sampler) -> Case:
    shape = s.shape(1, 3)
    return s.case(s.array(shape), axis=s.integer(0, len(shape) - 1), include_initial=s.boolean())


def _cumulative_reference(x, axis, include_initial=False):
    sums = np.cumsum(x, axis)
    return np.insert(sums, 0, 0, axis) if include_initial else sums


@composite(reference=_cumulative_reference, samples=_cumulative_samples, linear_in=("x",))
def cumulative_sum(x, *, axis=None, dtype=None, include_initial=False):
    """cumsum(x), after a 0 if include_initial; a vector needs no axis."""
    ndim = np.ndim(raw(x))
    if axis is None and ndim != 1:
        raise ValueError(f"axis is needed for {ndim} dimensions")
    axis = normalize_axis(0 if axis is None else axis, ndim)
    y = cumsum(x, axis, dtype)
    return constant_pad(y, [0, 0] * (ndim - 1 - axis) + [1, 0], 0) if include_initial else y


def _repeated(s: Sampler) -> Case:
    return s.case(s.integers((s.size(), 3), 0, 4))


@composite(reference=lambda x: np.unique(x), samples=_repeated, differentiable=False)
def unique_values(x):
    """The distinct values, ascending."""
    return unique(x)


@composite(
    reference=lambda x: (np.unique(x), np.searchsorted(np.unique(x), x)),
    samples=_repeated,
    differentiable=False,
)
def unique_inverse(x):
    """(the distinct values, where each element's value stands among them)"""
    return unique(x, return_inverse=True)


@composite(reference=lambda x: np.unique(x, return_counts=True), samples=_repeated, differentiable=False)
def unique_counts(x):
    """(the distinct values, how often each occurs)"""
    return unique(x, return_counts=True)


@composite(
    reference=lambda x: tuple(
        y.reshape(x.shape) if k == 2 else y for k, y in enumerate(np.unique(x, True, True, True))
    ),
    samples=_repeated,
    differentiable=False,
)
def unique_all(x):
    """(the distinct values, where each occurs first, where each element's value stands, how often each occurs)"""
    values, inverse, counts = unique(x, return_inverse=True, return_counts=True)
    first = np.unique(np.asarray(raw(inverse)), return_index=True)[1]
    return values, tensor_of(first), inverse, counts
