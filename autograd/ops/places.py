"""Weighted elements at places along axes: what interpolation and padding by copies rest on."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import kernels
from autograd.op import op
from autograd.ops.dtypes import has_kernels
from autograd.sampling import Case, Sampler


def _draw(s: Sampler, grad: bool) -> Case:
    before, inside, after = ((s.integer(1, 3),), tuple(s.size(2) for _ in range(s.integer(1, 2))), (s.size(3),))
    wanted = tuple(s.size(3) for _ in inside)
    taps = s.integer(1, 3)
    places = s.integers((math.prod(wanted), taps), 0, math.prod(inside))
    weights = s.array(places.shape) if taps > 1 or s.boolean() else None
    sizes, others = (inside, wanted) if grad else (wanted, inside)
    x = s.array((*before, *others, *after))
    return s.case(x, axis=1, sizes=sizes, places=places, weights=weights)


def _matrix(count: int, places: Any, weights: Any) -> np.ndarray:
    """Row p holds the weights of result p."""
    matrix = np.zeros((len(places), count))
    for p, t in np.ndindex(*places.shape):
        matrix[p, places[p, t]] += 1 if weights is None else weights[p, t]
    return matrix


def _through(x: Any, matrix: np.ndarray, axis: int, sizes: tuple[int, ...]) -> Any:
    inside = x.shape[axis : axis + len(sizes)]
    flat = x.reshape(*x.shape[:axis], math.prod(inside), *x.shape[axis + len(sizes) :])
    y = np.moveaxis(np.tensordot(matrix, flat, (1, axis)), 0, axis)
    return y.reshape(*x.shape[:axis], *sizes, *x.shape[axis + len(sizes) :])


def _reference(x, axis, sizes, places, weights=None):
    count = math.prod(x.shape[axis : axis + len(sizes)])
    return _through(x, _matrix(count, places, weights), axis, sizes)


def _grad_reference(u, axis, sizes, places, weights=None):
    return _through(u, _matrix(math.prod(sizes), places, weights).T, axis, sizes)


def _as_one(call: Callable, x: np.ndarray, axis: int, sizes: tuple[int, ...]) -> np.ndarray:
    """What call makes of x with these axes counted as one, which gets the sizes."""
    last = axis + len(sizes)
    flat = x.reshape(*x.shape[:axis], math.prod(x.shape[axis:last]), *x.shape[last:])
    return call(flat).reshape(*x.shape[:axis], *sizes, *x.shape[last:])  # type: ignore[no-any-return]


def _matrix_of(count: int, places: Any, weights: Any, dtype: Any) -> np.ndarray:
    """(P, count): the weights as a matrix, for what is too small for a kernel."""
    matrix = np.zeros((len(places), count), dtype)
    np.add.at(matrix, (np.arange(len(places))[:, None], places), 1 if weights is None else weights)
    return matrix


@op(reference=_reference, samples=lambda s: _draw(s, False), linear_in=("x",))
def resample(x, *, axis, sizes, places, weights=None):
    """y[.., p, ..] = sum over t of weights[p, t] * x[.., places[p, t], ..]; no weights: one place each

    Axes axis, axis + 1, ... are counted as one, as many as there are sizes, and become these.
    """

    def call(flat):
        if flat.shape[axis] > 1 and has_kernels(x):
            return kernels.resample(flat, axis, (len(places),), places, weights)
        if weights is None:
            return flat.take(places[:, 0], axis)
        return np.moveaxis(
            np.tensordot(_matrix_of(flat.shape[axis], places, weights, x.dtype), flat, (1, axis)), 0, axis
        )

    return _as_one(call, x, axis, sizes)


@op(reference=_grad_reference, samples=lambda s: _draw(s, True), linear_in=("u",))
def resample_grad(u, *, axis, sizes, places, weights=None):
    """The gradient of resample for an x with these sizes: u's elements, weighted, added up at the places."""
    count = math.prod(sizes)

    def call(flat):
        if flat.shape[axis] > 1 and has_kernels(u):
            return kernels.resample_grad(flat, axis, (count,), places, weights)
        return np.moveaxis(np.tensordot(_matrix_of(count, places, weights, u.dtype).T, flat, (1, axis)), 0, axis)

    return _as_one(call, u, axis, sizes)


def _sizes(shape: tuple[int, ...], axis: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
    return shape[axis : axis + len(sizes)]


resample.grads(
    x=lambda g, x_shape, axis, sizes, places, weights: resample_grad(
        g, axis=axis, sizes=_sizes(x_shape, axis, sizes), places=places, weights=weights
    )
)
resample_grad.grads(
    u=lambda g, u_shape, axis, sizes, places, weights: resample(
        g, axis=axis, sizes=_sizes(u_shape, axis, sizes), places=places, weights=weights
    )
)


def combined(axes: list[tuple[int, np.ndarray]]) -> np.ndarray:
    """Places over several axes counted as one, from each axis's size and places (P, 1)."""
    places = np.zeros((1, 1), np.int64)
    for n, ids in axes:
        places = (places * n + ids.T).reshape(-1, 1)
    return places
