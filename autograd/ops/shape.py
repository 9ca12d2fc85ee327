"""Same elements, other shape: reshaping, permuting, broadcasting and its reverse. Views where NumPy has them."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from autograd import kernels
from autograd.errors import ShapeError
from autograd.op import Direct, composite, op
from autograd.ops.dtypes import has_kernels, quiet
from autograd.ops.elementwise import raw
from autograd.sampling import Case, Sampler
from autograd.shapes import normalize_axes, normalize_axis
from autograd.tape import declare


def sizes(shape: Any) -> tuple[int, ...]:
    """A shape given as an int or a sequence of ints."""
    if isinstance(shape, (tuple, list)):
        return tuple(map(operator.index, shape))
    return (operator.index(shape),)


def one(s: Sampler, **values: Any) -> Case:
    return s.case(s.array(s.shape(), **values))


# --------------------------------------------------------------------------------------------- the engine's own


@op(reference=lambda x: x * 1, samples=one, linear_in=("x",), widens=False, onnx="Identity")
def identity(x):
    """A copy of x."""
    return np.array(x, order="K")


identity.grads(x=lambda g: g)


@op(
    reference=lambda x, dtype: np.array(x.tolist(), np.float64).reshape(x.shape).astype(dtype),
    samples=lambda s: s.case(s.array(s.shape()), dtype=s.choice((s.dtype, np.dtype(np.float64)))),
    linear_in=("x",),
    widens=False,
    onnx="Cast",
)
def astype(x, *, dtype):
    """x in another dtype, always a copy."""
    return quiet(np.asarray(x).astype, dtype)


astype.grads(x=lambda g: g)


def sum_axes(shape: tuple[int, ...], target: tuple[int, ...]) -> tuple[int, ...]:
    """The axes that broadcasting `target` to `shape` repeats."""
    extra = len(shape) - len(target)
    if extra < 0 or any(n not in (1, m) for n, m in zip(target, shape[extra:])):
        raise ShapeError(f"sum_to: shape {shape} is no broadcast of {target}")
    return (*range(extra), *(i + extra for i, n in enumerate(target) if n == 1 and shape[i + extra] != 1))


def _sum_to_reference(x, shape):
    padded = (1,) * (x.ndim - len(shape)) + tuple(shape)
    out = np.zeros(padded)
    for index in np.ndindex(x.shape):
        out[tuple(i if n != 1 else 0 for i, n in zip(index, padded))] += x[index]
    return out.reshape(shape)


def _sum_to_samples(s: Sampler) -> Case:
    full = tuple(s.size(3) for _ in range(s.integer(0, 3)))
    kept = s.integer(0, len(full))
    return s.case(s.array(full), shape=tuple(1 if s.integer(0, 2) == 0 else n for n in full[len(full) - kept :]))


@op(
    reference=_sum_to_reference,
    samples=_sum_to_samples,
    kernel=kernels.sum_to,
    linear_in=("x",),
    view=True,  # where there is nothing to sum
    widens=True,
    flops=lambda out, x, **_: math.prod(x),
)
def sum_to(x, *, shape):
    """Sums over the axes along which an array of this shape was broadcast to x's: the reverse of expand."""
    if has_kernels(x):
        return kernels.sum_to(x, shape)
    axes = sum_axes(x.shape, shape)
    return (kernels.sum(x, axes) if axes else x).reshape(shape)


sum_to.grads(x=lambda g, x_shape: expand(reshape(g, (1,) * (len(x_shape) - g.ndim) + g.shape), x_shape))


# --------------------------------------------------------------------------------------------- reshape and relatives


def _reshape_samples(s: Sampler) -> Case:
    a, b, c = s.size(4), s.size(3), s.size(3)
    shape = s.choice(((a, b, c), (a * b, c), (a * b * c,), (c, b, a)))
    return s.case(s.array((a, b, c)), shape=s.choice((shape, -1, (*shape[:-1], -1), (-1, *shape[1:]))))


@op(
    reference=lambda x, shape: np.array(x.ravel().tolist()).reshape(shape),
    samples=_reshape_samples,
    kernel=kernels.reshape,
    linear_in=("x",),
    view=True,
    onnx="Reshape",
)
def reshape(x, *, shape):
    """The same elements in row-major order under another shape; one size may be -1. A view where memory allows."""
    return kernels.reshape(x, sizes(shape))


reshape.grads(x=Direct(reshape, "g", "x_shape"))


def _flatten_samples(s: Sampler) -> Case:
    shape = s.shape(1, 3)
    start = s.integer(0, len(shape) - 1)
    return s.case(s.array(shape), start_dim=start, end_dim=s.integer(start - len(shape), -1))


@op(
    reference=lambda x, start_dim, end_dim: np.stack(
        list(x.reshape(*x.shape[:start_dim], -1, *x.shape[x.ndim + end_dim + 1 :]))
    ),
    samples=_flatten_samples,
    kernel=kernels.flatten,
    linear_in=("x",),
    view=True,
    onnx="Flatten",
)
def flatten(x, *, start_dim=0, end_dim=-1):
    """Joins the axes from start_dim to end_dim into one."""
    first, last = normalize_axis(start_dim, x.ndim), normalize_axis(end_dim, x.ndim)
    if first > last:
        raise ShapeError(f"flatten: start_dim={start_dim} comes after end_dim={end_dim}  [x: {x.shape}]")
    return kernels.flatten(x if x.ndim else x.reshape(1), first, last)


flatten.grads(x=Direct(reshape, "g", "x_shape"))


@composite(
    reference=lambda x, axis, sizes: np.stack(np.split(x, sizes[0], axis), axis % x.ndim),
    samples=lambda s: s.case(
        s.array((s.size(3), 6)), axis=s.choice((1, -1)), sizes=s.choice(((2, 3), (3, -1), (1, 6)))
    ),
    view=True,
)
def unflatten(x, *, axis, sizes):
    """Splits one axis into several; one of the sizes may be -1."""
    shape = np.shape(raw(x))
    axis = normalize_axis(axis, len(shape))
    if -1 not in sizes and math.prod(sizes) != shape[axis]:
        raise ShapeError(
            f"unflatten: sizes {tuple(sizes)} do not multiply to {shape[axis]}, axis {axis} of x  [x: {shape}]"
        )
    known = -math.prod(sizes) if -1 in sizes else 1
    sizes = [shape[axis] // known if n == -1 and known else n for n in sizes]
    return reshape(x, (*shape[:axis], *sizes, *shape[axis + 1 :]))


def _ones_samples(s: Sampler) -> Case:
    shape = tuple(s.choice((1, 1, 2, 3)) for _ in range(s.integer(1, 4)))
    return s.case(s.array(shape), axis=s.choice((None, 0, -1, tuple(range(len(shape))))))


def _squeezed(shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    axes = normalize_axes(axis, len(shape))
    return tuple(n for i, n in enumerate(shape) if n != 1 or i not in axes)


@composite(
    reference=lambda x, axis: np.resize(x, _squeezed(x.shape, axis)), samples=_ones_samples, view=True, onnx="Squeeze"
)
def squeeze(x, *, axis=None):
    """Drops axes of size 1: all, or those given (others are left, as in PyTorch)."""
    return reshape(x, _squeezed(np.shape(raw(x)), axis))


def _unsqueeze_samples(s: Sampler) -> Case:
    shape = s.shape(0, 3)
    return s.case(s.array(shape), axis=s.integer(-len(shape) - 1, len(shape)))


@composite(reference=lambda x, axis: np.stack([x], axis), samples=_unsqueeze_samples, view=True, onnx="Unsqueeze")
def unsqueeze(x, *, axis):
    """Inserts an axis of size 1 at this place of the result."""
    shape = np.shape(raw(x))
    axes = normalize_axes(axis, len(shape) + (len(axis) if isinstance(axis, tuple) else 1))
    rest = iter(shape)
    return reshape(x, tuple(1 if i in axes else next(rest) for i in range(len(shape) + len(axes))))


# --------------------------------------------------------------------------------------------- order of axes


def _permute_samples(s: Sampler) -> Case:
    shape = s.shape(0, 4)
    order = [int(i) for i in np.argsort(s.distinct((len(shape),)))]
    return s.case(s.array(shape), axes=tuple(i - len(shape) if s.boolean() else i for i in order))


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    ndim = len(axes)
    return tuple(sorted(range(ndim), key=lambda i: axes[i] % ndim))


@op(
    reference=lambda x, axes: np.moveaxis(x, axes, range(x.ndim)),
    samples=_permute_samples,
    linear_in=("x",),
    view=True,
    onnx="Transpose",
)
def permute(x, *, axes):
    """y.shape[i] = x.shape[axes[i]]: the axes in another order. A view."""
    return x.transpose(axes)


permute.grads(x=lambda g, axes: permute(g, _inverse(axes)))


@composite(
    reference=lambda x, dim0, dim1: np.swapaxes(x, dim0, dim1),
    samples=lambda s: s.case(s.array((s.size(), s.size(), s.size())), dim0=s.axis(3), dim1=s.axis(3)),
    view=True,
)
def transpose(x, *, dim0=None, dim1=None):
    """Swaps two axes (PyTorch); with none or a tuple of all axes: permutes, by default reversed (NumPy)."""
    ndim = np.ndim(raw(x))
    if dim1 is None:
        return permute(x, tuple(range(ndim))[::-1] if dim0 is None else tuple(dim0))
    order = list(range(ndim))
    i, j = normalize_axis(dim0, ndim), normalize_axis(dim1, ndim)
    if ndim:
        order[i], order[j] = j, i
    return permute(x, tuple(order))


@composite(
    reference=lambda x: np.swapaxes(x, 0, -1) if x.ndim else x,
    samples=lambda s: s.case(s.array(s.shape(0, 2))),
    view=True,
)
def t(x):
    """The transpose of a matrix; vectors and numbers stay."""
    if np.ndim(raw(x)) > 2:
        raise ShapeError(f"t: expected at most 2 dimensions  [x: {np.shape(raw(x))}]; x.mT swaps the last two")
    return transpose(x)


@composite(
    reference=lambda x, source, destination: np.moveaxis(x, source, destination),
    samples=lambda s: s.case(
        s.array((s.size(), s.size(), s.size())), source=(0, -1), destination=s.choice(((1, 2), (2, 0)))
    ),
    view=True,
)
def movedim(x, *, source, destination):
    """Moves axes to other places; the rest keep their order."""
    ndim = np.ndim(raw(x))
    start, end = normalize_axes(source, ndim), normalize_axes(destination, ndim)
    if len(start) != len(end):
        raise ShapeError(f"movedim: {len(start)} axes cannot move to {len(end)} places")
    order = [i for i in range(ndim) if i not in start]
    for place, axis in sorted(zip(end, start)):
        order.insert(place, axis)
    return permute(x, tuple(order))


# --------------------------------------------------------------------------------------------- broadcasting, repeating


def _expand_samples(s: Sampler) -> Case:
    full, part = s.shape(0, 3), None
    part = tuple(1 if s.boolean() else n for n in full[s.integer(0, len(full)) :])
    extra = len(full) - len(part)
    return s.case(
        s.array(part),
        shape=tuple(-1 if i >= extra and s.boolean() and part[i - extra] == n else n for i, n in enumerate(full)),
    )


def _expand_reference(x, shape):
    extra = len(shape) - x.ndim
    repeats = [n if i < extra else 1 if n in (-1, x.shape[i - extra]) else n for i, n in enumerate(shape)]
    return np.tile(x, repeats)


@op(reference=_expand_reference, samples=_expand_samples, linear_in=("x",), view=True, onnx="Expand")
def expand(x, *, shape):
    """x repeated along axes of size 1 and along new leading axes, without copying; -1 keeps a size. Read-only."""
    shape = sizes(shape)
    x = np.asarray(x)
    if -1 in shape:
        extra = len(shape) - x.ndim
        shape = tuple(x.shape[i - extra] if n == -1 and i >= extra else n for i, n in enumerate(shape))
    if x.size == 1 and x.ndim <= len(shape) and 0 not in shape and x.flags.c_contiguous:  # 5x faster than NumPy's
        out = np.ndarray(shape, x.dtype, x, 0, (0,) * len(shape))
        out.flags.writeable = False
        return out
    return np.broadcast_to(x, shape)


expand.grads(x=lambda g, x_shape: sum_to(g, shape=x_shape))


@composite(
    reference=lambda x, y: np.broadcast_arrays(x, y)[0],
    samples=lambda s: s.case(s.array((1, 3)), s.array((s.size(), 3))),
)
def expand_as(x, y):
    """x broadcast to the shape of y."""
    return expand(x, np.shape(raw(y)))


def _tiles(s: Sampler) -> Case:
    shape = tuple(s.size(3) for _ in range(s.integer(0, 2)))
    return s.case(s.array(shape), repeats=tuple(s.integer(1, 3) for _ in range(len(shape) + s.integer(0, 1))))


@composite(reference=lambda x, repeats: np.tile(x, repeats), samples=_tiles)
def tile(x, *, repeats):
    """x repeated as a whole along each axis; missing repeats are 1."""
    shape = np.shape(raw(x))
    repeats = sizes(repeats)
    ndim = max(len(repeats), len(shape))
    repeats = (1,) * (ndim - len(repeats)) + repeats
    shape = (1,) * (ndim - len(shape)) + shape
    if min(repeats, default=0) < 0:
        raise ShapeError(f"tile: repeats {repeats} must not be negative")
    split = reshape(x, tuple(m for n in shape for m in (1, n)))
    wide = expand(split, tuple(m for r, n in zip(repeats, shape) for m in (r, n)))
    return reshape(wide, tuple(r * n for r, n in zip(repeats, shape)))


@composite(reference=lambda x, repeats: np.tile(x, repeats), samples=_tiles, onnx="Tile")
def repeat(x, *, repeats):
    """As tile, but each axis of x needs a number (PyTorch's repeat)."""
    if len(sizes(repeats)) < np.ndim(raw(x)):
        raise ShapeError(
            f"repeat: {len(sizes(repeats))} repeats for {np.ndim(raw(x))} dimensions  [x: {np.shape(raw(x))}]"
        )
    return tile(x, repeats)


def _repeat_each(x: Any, repeats: np.ndarray, axis: int) -> Any:
    n = np.shape(raw(x))[axis]
    if repeats.shape != (n,) or (repeats < 0).any():
        raise ShapeError(f"repeat_interleave: expected {n} repeats for axis {axis}, none below 0, got {repeats!r:.60}")
    return declare("take")(x, np.repeat(np.arange(n), repeats), axis=axis)


@composite(
    reference=lambda x, repeats, axis: np.repeat(x, repeats, axis),
    samples=lambda s: s.case(s.array((s.size(), s.size())), repeats=s.integer(1, 3), axis=s.choice((0, 1, -1, None))),
)
def repeat_interleave(x, *, repeats, axis=None, output_size=None):
    """Each element (axis None) or slice along an axis, `repeats` times in a row, or as often as a vector says."""
    if axis is None:
        x, axis = reshape(x, -1), 0
    if np.size(raw(repeats)) != 1:
        return _repeat_each(x, np.asarray(raw(repeats)), axis)
    repeats = int(np.asarray(raw(repeats)).reshape(-1)[0])
    shape = np.shape(raw(x))
    axis = normalize_axis(axis, len(shape))
    before, n, after = shape[:axis], shape[axis], shape[axis + 1 :]
    wide = expand(reshape(x, (*before, n, 1, *after)), (*before, n, operator.index(repeats), *after))
    return reshape(wide, (*before, n * repeats, *after))
