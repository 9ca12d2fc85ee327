"""Weighted elements at places along axes: what interpolation and padding by copies rest on."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import kernels
from autograd.errors import ShapeError
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


def _blend_samples(s: Sampler, kind: str) -> Case:
    n, m, c, p, t = s.size(2), s.size(3), s.size(3), s.size(3), s.size(3)
    places = s.integers((t, n, p), -1, m)
    x, g, weights = s.array((n, m, c)), s.array((n, p, c)), s.array((t, n, p))
    if kind == "grad":
        return s.case(g, weights, places=places, rows=m)
    return s.case(x, weights, places=places) if kind == "blend" else s.case(g, x, places=places)


def _blend_matrix(weights: Any, places: Any, rows: int) -> np.ndarray:
    """(N, P, rows): the weights of each batch as a matrix."""
    return np.einsum("tnp,tnpm->npm", weights, _chosen(places, rows))


def _chosen(places: Any, rows: int) -> np.ndarray:
    """(T, N, P, rows): whether it is this row's place."""
    return np.asarray(places)[..., None] == np.arange(rows)


@op(
    reference=lambda x, weights, places: _blend_matrix(weights, places, x.shape[1]) @ x,
    samples=lambda s: _blend_samples(s, "blend"),
    linear_in=("x", "weights"),
)
def blend(x, weights, *, places):
    """y[n, p] = sum over t of weights[t, n, p] * x[n, places[t, n, p]]

    x (N, M, C), weights and places (T, N, P) -> (N, P, C). A place of -1 is none: its weight does not count.
    """
    if has_kernels(x):
        return kernels.blend(x, places, weights)
    rows = x[np.arange(len(x))[:, None], places]
    return np.where((places < 0)[..., None], 0, rows * weights[..., None]).sum(0)


@op(
    reference=lambda u, weights, places, rows: _blend_matrix(weights, places, rows).transpose(0, 2, 1) @ u,
    samples=lambda s: _blend_samples(s, "grad"),
    linear_in=("u", "weights"),
)
def blend_grad(u, weights, *, places, rows):
    """The gradient of blend for an x of so many rows: weighted rows of u, added up at the places."""
    return kernels.blend_grad(u, places, weights, rows)


@op(
    reference=lambda u, x, places: np.einsum("npc,nmc,tnpm->tnp", u, x, _chosen(places, x.shape[1])),
    samples=lambda s: _blend_samples(s, "dots"),
    linear_in=("u", "x"),
)
def blend_dots(u, x, *, places):
    """The gradient of blend for its weights: the dot products of u[n, p] and x[n, places[t, n, p]]."""
    return kernels.blend_dots(u, x, places)


blend.grads(
    x=lambda g, weights, places, x_shape: blend_grad(g, weights, places=places, rows=x_shape[1]),
    weights=lambda g, x, places: blend_dots(g, x, places=places),
)
blend_grad.grads(
    u=lambda g, weights, places: blend(g, weights, places=places),
    weights=lambda g, u, places: blend_dots(u, g, places=places),
)
blend_dots.grads(
    u=lambda g, x, places: blend(x, g, places=places),
    x=lambda g, u, places, x_shape: blend_grad(u, g, places=places, rows=x_shape[1]),
)


def combined(axes: list[tuple[int, np.ndarray]]) -> np.ndarray:
    """Places over several axes counted as one, from each axis's size and places (P, 1)."""
    places = np.zeros((1, 1), np.int64)
    for n, ids in axes:
        places = (places * n + ids.T).reshape(-1, 1)
    return places


def _source(mode: str, n: int, before: int, after: int, axis: int) -> np.ndarray:
    """Which element of an axis of size n stands at each place of the padded axis."""
    most = {"reflect": n - 1, "circular": n, "replicate": max(before, after) if n else 0}[mode]
    if max(before, after) > most:
        raise ShapeError(f"pad: mode {mode!r} allows at most {most} on axis {axis} of size {n}, got {(before, after)}")
    place = np.arange(-before, n + after)
    if mode == "circular":
        return place % n if n else place
    if mode == "replicate":
        return place.clip(0, n - 1)
    return np.where(place < 0, -place, np.where(place >= n, 2 * (n - 1) - place, place))


@functools.lru_cache(maxsize=16)
def border_places(mode: str, axes: tuple[tuple[int, int, int, int], ...]) -> np.ndarray:
    """Which elements stand in the padded (axis, size, before, after), counted as one; the last few are kept."""
    return combined([(n, _source(mode, n, before, after, i)[:, None]) for i, n, before, after in axes])
