"""Sets, bins and differences: unique values, searching in sorted values, histograms, statistics of samples."""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import numpy as np

from autograd.errors import DTypeError, ShapeError
from autograd.op import composite, op
from autograd.ops.elementwise import add, div, mul, raw, sub
from autograd.ops.index import getitem
from autograd.ops.join import concatenate
from autograd.ops.linalg import matmul, tensor_of
from autograd.ops.matrix import diagonal
from autograd.ops.reduce import sum
from autograd.ops.shape import identity, reshape, unsqueeze
from autograd.ops.sort import cumsum
from autograd.sampling import Case, Sampler
from autograd.shapes import normalize_axis
from autograd.tensor import Tensor

# --------------------------------------------------------------------------------------------- unique values


def _few_values(s: Sampler, **attrs: Any) -> Case:
    return s.case(s.integers((s.size(4), s.size(4)), 0, 4), **attrs)


def _flags(s: Sampler) -> dict[str, bool]:
    return {"return_inverse": s.boolean(), "return_counts": s.boolean()}


def _chosen(found: tuple, inverse: bool, counts: bool) -> Any:
    kept = (found[0], *([found[1]] if inverse else []), *([found[2]] if counts else []))
    return tuple(map(Tensor, kept)) if len(kept) > 1 else Tensor(kept[0])


def _unique_reference(x, return_inverse=False, return_counts=False):
    values = np.array(sorted(set(x.ravel().tolist())))
    found = [values]
    if return_inverse:
        found.append(np.array([list(values).index(v) for v in x.ravel()]).reshape(x.shape))
    if return_counts:
        found.append(np.array([(x == v).sum() for v in values]))
    return tuple(found)


@composite(
    reference=_unique_reference, samples=lambda s: _few_values(s, **_flags(s)), differentiable=False, onnx="Unique"
)
def unique(x, sorted=True, return_inverse=False, return_counts=False, axis=None):
    """The distinct values (along an axis: slices), ascending; also where each element's value stands, and how often."""
    a = raw(tensor_of(x))
    values, inverse, counts = np.unique(a, return_inverse=True, return_counts=True, axis=axis)
    return _chosen((values, inverse.reshape(a.shape if axis is None else -1), counts), return_inverse, return_counts)


def _runs_reference(x, return_inverse=False, return_counts=False):
    values: list[Any] = []
    inverse: list[int] = []
    counts: list[int] = []
    for v in x.ravel():
        if not values or values[-1] != v:
            values.append(v)
            counts.append(0)
        counts[-1] += 1
        inverse.append(len(values) - 1)
    found = (np.array(values), np.array(inverse).reshape(x.shape), np.array(counts))
    return tuple(f for f, wanted in zip(found, (True, return_inverse, return_counts)) if wanted)


@composite(reference=_runs_reference, samples=lambda s: _few_values(s, **_flags(s)), differentiable=False)
def unique_consecutive(x, return_inverse=False, return_counts=False, axis=None):
    """One of each run of equal values (along an axis: slices); also the run of each element, and the runs' lengths."""
    a = raw(tensor_of(x))
    rows = a.reshape(-1) if axis is None else np.moveaxis(a, axis, 0)
    changes = (rows[1:] != rows[:-1]).reshape(max(len(rows) - 1, 0), math.prod(rows.shape[1:])).any(1)
    starts = np.flatnonzero(np.concatenate(([True] if len(rows) else [], changes)))
    counts = np.diff(np.append(starts, len(rows)))
    inverse = np.repeat(np.arange(len(starts)), counts)
    values = rows[starts] if axis is None else np.moveaxis(rows[starts], 0, axis)
    return _chosen(
        (values, inverse.reshape(a.shape) if axis is None else inverse, counts), return_inverse, return_counts
    )


@op(
    reference=lambda x, y, invert=False: np.array([(v in set(y.ravel())) != invert for v in x.ravel()]).reshape(
        x.shape
    ),
    samples=lambda s: s.case(s.integers((2, 3), 0, 6), s.integers((3,), 0, 6), invert=s.boolean()),
    differentiable=False,
)
def isin(x, y, *, assume_unique=False, invert=False):
    """Whether each element of x is among those of y."""
    return np.isin(np.asarray(x), y, invert=invert)


# --------------------------------------------------------------------------------------------- bins


def _search_samples(s: Sampler) -> Case:
    return s.case(
        np.sort(s.integers((5,), -3, 4).astype(s.dtype)), s.integers((2, 3), -4, 5).astype(s.dtype), right=s.boolean()
    )


def _search_reference(edges, x, right=False):
    return (x[..., None] >= edges).sum(-1) if right else (x[..., None] > edges).sum(-1)


@op(reference=_search_reference, samples=_search_samples, differentiable=False)
def searchsorted(edges, x, *, right=False, side=None, out_int32=False, sorter=None):
    """Where x would be put into sorted edges (..., n): before equal ones, or (right, side="right") after them; int64.

    edges are one vector for all x, or have x's shape but for the last axis.
    """
    if side not in (None, "left", "right") or (side == "left" and right):
        raise ValueError(f"side is {side!r}, right is {right}")
    if not isinstance(edges, np.ndarray) or edges.ndim == 0:
        raise ValueError("edges must have at least one axis")
    values = np.asarray(x)
    if edges.ndim > 1 and edges.shape[:-1] != values.shape[:-1]:
        raise ValueError(f"edges of shape {edges.shape} and x of shape {values.shape} must agree but for the last axis")
    if sorter is not None:
        order = np.asarray(raw(sorter))
        if order.shape != edges.shape:
            raise ValueError(f"sorter has shape {order.shape}, edges {edges.shape}")
        edges = np.take_along_axis(edges, order, -1)
    where: Any = "right" if right or side == "right" else "left"
    if edges.ndim == 1:
        found = np.searchsorted(edges, values, where)
    else:
        found = np.empty(values.shape, np.int64)
        for at in np.ndindex(*values.shape[:-1]):
            found[at] = np.searchsorted(edges[at], values[at], where)
    return np.asarray(found, np.int32 if out_int32 else np.int64)


@composite(
    reference=lambda x, edges, right=False: _search_reference(edges, x, right),
    samples=lambda s: (lambda c: s.case(*c.args[::-1], **c.attrs))(_search_samples(s)),
    differentiable=False,
)
def bucketize(x, edges, *, right=False, out_int32=False):
    """The bin of each x between sorted edges; an x on an edge is in the lower bin, or (right) the upper one."""
    if np.ndim(raw(edges)) != 1:
        raise ShapeError(f"bucketize: edges must be a vector, got shape {np.shape(raw(edges))}")
    return searchsorted(edges, x, right=right, out_int32=out_int32)


@op(
    reference=lambda x, minlength=0: np.array([(x == i).sum() for i in range(max(x.max() + 1, minlength))]),
    samples=lambda s: s.case(s.integers((s.size(),), 0, 5), minlength=s.choice((0, 7))),
    differentiable=False,
)
def bincount(x, weights=None, *, minlength=0):
    """How often each int occurs, or the sum of its weights; at least `minlength` numbers."""
    if x.ndim != 1 or x.dtype.kind not in "iu":
        raise TypeError(f"expected a vector of ints, got {x.dtype}{list(x.shape)}")
    if minlength < 0 or (x.size and x.min() < 0):
        raise ValueError("the ints and minlength must not be below 0")
    if weights is not None and np.shape(weights) != x.shape:
        raise ValueError(f"weights have shape {np.shape(weights)}, x {x.shape}")
    counts = np.bincount(x, weights, minlength)
    return counts if weights is None or weights.dtype != np.float32 else counts.astype(np.float32)


def _bounds(x: np.ndarray, low: float, high: float) -> tuple[float, float]:
    if low > high:
        raise ValueError(f"min {low} is above max {high}")
    if low == high and x.size:
        low, high = float(x.min()), float(x.max())
    if not np.isfinite([low, high]).all():
        raise ValueError(f"the range [{low}, {high}] is not finite")
    return (low - 0.5, high + 0.5) if low == high and x.size else (low, high)


@op(
    reference=lambda x, bins=100, low=0, high=0: np.histogram(x, bins, (low, high))[0],
    samples=lambda s: s.case(s.array((s.size(), 4)), bins=s.integer(1, 5), low=-1, high=1.5),
    differentiable=False,
)
def histc(x, *, bins=100, low=0, high=0):
    """How many elements fall into each of equal bins between low and high (both 0: the data's own), in x's dtype."""
    if x.dtype.kind == "b":
        raise TypeError("expected numbers, got bools")
    if bins < 1:
        raise ValueError(f"bins must be above 0, got {bins}")
    low, high = _bounds(x, low, high)
    return np.histogram(x, bins, (low, high) if low < high else (0.0, 1.0))[0].astype(x.dtype)


class Histogram(NamedTuple):
    """Counts or densities, and the edges between which the bins lie."""

    hist: Any
    bin_edges: Any


def _histogram_samples(s: Sampler) -> Case:
    x = s.array((s.size(), 4))
    weight = s.choice((None, s.array(x.shape, 0.0, 1.0)))
    return s.case(x, bins=s.integer(1, 5), range=(-1.0, 1.5), weight=weight, density=s.boolean())


def _histogram_reference(x, bins, range, weight, density):
    weight = np.ones(x.shape) if weight is None else weight
    edges = np.linspace(range[0], range[1], bins + 1)
    ends = zip(edges[:-1], edges[1:])
    counts = np.array([weight[(x >= a) & ((x < b) | (x == b) & (b == edges[-1]))].sum() for a, b in ends])
    return counts / counts.sum() / (edges[1] - edges[0]) if density else counts, edges


@composite(reference=_histogram_reference, samples=_histogram_samples, differentiable=False)
def histogram(x, bins, *, range=None, weight=None, density=False):
    """(hist, bin_edges): how many elements, or how much weight, fall into each bin; density: per width and of sum 1.

    bins: how many equal ones there are between the ends of range (None: the smallest and largest element), or a vector
    of edges.
    """
    array, weight, edges = np.asarray(raw(x)), raw(weight), raw(bins)
    if array.dtype.kind != "f":
        raise DTypeError(f"histogram: expected floats, got {array.dtype}; use x.float()")
    if weight is not None and np.shape(weight) != array.shape:
        raise ShapeError(f"histogram: weight has shape {np.shape(weight)}, x {array.shape}")
    if np.ndim(edges) == 0:
        low, high = (0.0, 0.0) if range is None else range
        low, high = _bounds(array, low, high)
        edges = np.linspace(low, high if low < high else 1.0, int(edges) + 1)
    hist = np.histogram(array, edges, weights=weight, density=density)[0]
    return Histogram(Tensor(hist.astype(array.dtype)), Tensor(np.asarray(edges, array.dtype)))


# --------------------------------------------------------------------------------------------- combinations


@composite(
    reference=lambda x, r=2, with_replacement=False: np.array(
        [
            [x[i] for i in places]
            for places in np.ndindex(*(len(x),) * r)
            if all(a < b or (with_replacement and a == b) for a, b in zip(places, places[1:]))
        ]
    ).reshape(-1, r),
    samples=lambda s: s.case(s.array((s.size(),)), r=s.integer(1, 3), with_replacement=s.boolean()),
)
def combinations(x, r=2, with_replacement=False):
    """All choices (n, r) of r elements of a vector, in the order of their places."""
    if np.ndim(raw(x)) != 1 or r < 0:
        raise ShapeError(f"combinations: expected a vector and r >= 0  [x: {np.shape(raw(x))}, r={r}]")
    if r == 0:
        return tensor_of(np.zeros(0, raw(x).dtype))
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    places = np.array(list(choose(range(len(x)), r)), np.int64).reshape(-1, r)
    return getitem(x, places)


# --------------------------------------------------------------------------------------------- differences and areas


def _diff_samples(s: Sampler) -> Case:
    return s.case(s.array((s.size(3) + 2, s.size(3) + 2)), n=s.integer(1, 2), axis=s.axis(2))


@composite(reference=lambda x, n=1, axis=-1: np.diff(x, n, axis), samples=_diff_samples)
def diff(x, *, n=1, axis=-1, prepend=None, append=None):
    """x[i + 1] - x[i] along an axis, n times; bools: whether they differ."""
    x = tensor_of(x)
    if x.ndim == 0:
        raise ShapeError("diff: expected at least 1 dimension  [x: ()]")
    if n < 0:
        raise ShapeError(f"diff: n must not be below 0, got {n}")
    if n == 0:
        return identity(x)
    axis = normalize_axis(axis, x.ndim)
    parts = [p for p in (prepend, x, append) if p is not None]
    x = concatenate(parts, axis) if len(parts) > 1 else x
    before = (slice(None),) * axis
    for _ in range(min(n, x.shape[axis])):
        later, earlier = getitem(x, (*before, slice(1, None))), getitem(x, (*before, slice(-1)))
        x = later ^ earlier if x.dtype.kind == "b" else sub(later, earlier)
    return x


def _panels(y: Any, x: Any, dx: Any, axis: int) -> tuple[Tensor, int]:
    """The area of each trapezoid."""
    y = tensor_of(y)
    axis = normalize_axis(axis, y.ndim)
    before = (slice(None),) * axis
    heights = mul(add(getitem(y, (*before, slice(1, None))), getitem(y, (*before, slice(-1)))), 0.5)
    if x is None:
        return mul(heights, 1.0 if dx is None else dx), axis
    x = tensor_of(x)
    width = sub(getitem(x, (..., slice(1, None))) if x.ndim == 1 else getitem(x, (*before, slice(1, None))),
                getitem(x, (..., slice(-1))) if x.ndim == 1 else getitem(x, (*before, slice(-1))))  # fmt: skip
    width = reshape(width, [-1 if i == axis else 1 for i in range(y.ndim)]) if x.ndim == 1 else width
    return mul(heights, width), axis


def _area_samples(s: Sampler) -> Case:
    y = s.array((s.size(3), s.size(3) + 1))
    return s.case(y, s.array((y.shape[1],))) if s.boolean() else s.case(y, dx=0.5)


def _area_reference(y, x=None, dx=1.0):
    width = np.diff(x) if x is not None else dx
    return ((y[..., 1:] + y[..., :-1]) / 2 * width).sum(-1)


@composite(reference=_area_reference, samples=_area_samples)
def trapezoid(y, x=None, *, dx=None, axis=-1):
    """The area under y along an axis by the trapezoidal rule, at points x or `dx` apart."""
    panels, axis = _panels(y, x, dx, axis)
    return sum(panels, axis)


@composite(
    reference=lambda y, x=None, dx=1.0: np.cumsum(
        (y[..., 1:] + y[..., :-1]) / 2 * (dx if x is None else np.diff(x)), -1
    ),
    samples=_area_samples,
)
def cumulative_trapezoid(y, x=None, *, dx=None, axis=-1):
    """The area under y up to each point."""
    panels, axis = _panels(y, x, dx, axis)
    return cumsum(panels, axis)


# --------------------------------------------------------------------------------------------- samples of variables


def _cov_samples(s: Sampler) -> Case:
    return s.case(s.array((s.size(3), s.size(3) + 2)), correction=s.choice((0, 1)))


@composite(reference=lambda x, correction=1: np.cov(x, ddof=correction), samples=_cov_samples)
def cov(x, *, correction=1, fweights=None, aweights=None):
    """The covariance of variables (rows) from observations (columns); weights are repeats (ints) and importances."""
    x = tensor_of(x)
    if x.ndim > 2:
        raise ShapeError(f"cov: expected at most 2 dimensions  [x: {x.shape}]")
    rows = reshape(x, (1, -1)) if x.ndim < 2 else x
    w = None
    for weights in (fweights, aweights):
        if weights is not None:
            if np.shape(raw(weights)) != (rows.shape[1],):
                raise ShapeError(f"cov: weights have shape {np.shape(raw(weights))}, expected ({rows.shape[1]},)")
            w = tensor_of(weights) if w is None else mul(w, weights)
    if fweights is not None and raw(tensor_of(fweights)).dtype.kind not in "iu":
        raise DTypeError("cov: fweights must be ints")
    for name, weights in (("fweights", fweights), ("aweights", aweights)):
        if weights is not None and (raw(tensor_of(weights)) < 0).any():
            raise ShapeError(f"cov: {name} must not be below 0")
    w = Tensor(np.ones(rows.shape[1], rows.dtype)) if w is None else w.astype(rows.dtype)
    total = sum(w)
    centred = sub(rows, div(sum(mul(rows, w), 1, True), total))
    lost = correction if aweights is None else div(mul(sum(mul(w, aweights)), correction), total)
    norm = sub(total, lost)
    c = div(matmul(mul(centred, w), centred.mT), norm if float(raw(norm)) > 0 else mul(norm, 0))
    return reshape(c, ()) if rows.shape[0] == 1 else c


@composite(
    reference=lambda x: np.corrcoef(x), samples=lambda s: s.case(s.array((s.size(3), s.size(3) + 2))), bound=1e-4
)
def corrcoef(x):
    """The correlation of variables (rows) from observations (columns)."""
    c = cov(x)
    if c.ndim == 0:
        return div(c, c)
    deviations = diagonal(c).sqrt()
    return div(div(c, unsqueeze(deviations, 1)), unsqueeze(deviations, 0)).clip(-1.0, 1.0)
