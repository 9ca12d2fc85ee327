"""More ways of cutting, joining and turning: the short forms of PyTorch and NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.errors import ShapeError
from autograd.op import composite
from autograd.ops.elementwise import raw
from autograd.ops.index import setitem
from autograd.ops.join import concatenate, flip, narrow, split
from autograd.ops.linalg import tensor_of
from autograd.ops.matrix import put_diagonal
from autograd.ops.shape import expand, identity, reshape, sizes, sum_to, unsqueeze
from autograd.ops.shape import transpose as swap
from autograd.sampling import Case, Sampler
from autograd.shapes import normalize_axis


def matrix(s: Sampler, **attrs: Any) -> Case:
    return s.case(s.array((s.size(), s.size())), **attrs)


def ndim(x: Any) -> int:
    return np.ndim(raw(x))


# --------------------------------------------------------------------------------------------- more dimensions


def _each(xs: tuple, least: Any) -> Any:
    """least() of the only argument, or of each of several."""
    if len(xs) == 1 and isinstance(xs[0], (tuple, list)):
        xs = tuple(xs[0])
        return tuple(least(x) for x in xs)
    return least(xs[0]) if len(xs) == 1 else tuple(least(x) for x in xs)


def _few(s: Sampler) -> Case:
    return s.case(*(s.array(s.shape(0, 3)) for _ in range(2)))


@composite(reference=lambda *xs: tuple(np.atleast_1d(x) for x in xs), samples=_few, view=True)
def atleast_1d(*xs):
    """Numbers as vectors of one element; of several tensors, a tuple."""
    return _each(xs, lambda x: reshape(x, 1) if ndim(x) == 0 else tensor_of(x))


def _two_dimensions(x: Any) -> Any:
    return reshape(x, (1, -1)) if ndim(x) < 2 else tensor_of(x)


def _three_dimensions(x: Any) -> Any:
    return unsqueeze(_two_dimensions(x), -1) if ndim(x) < 3 else tensor_of(x)


@composite(reference=lambda *xs: tuple(np.atleast_2d(x) for x in xs), samples=_few, view=True)
def atleast_2d(*xs):
    """Vectors as one row; of several tensors, a tuple."""
    return _each(xs, _two_dimensions)


@composite(reference=lambda *xs: tuple(np.atleast_3d(x) for x in xs), samples=_few, view=True)
def atleast_3d(*xs):
    """Vectors as (1, n, 1), matrices as (m, n, 1); of several tensors, a tuple."""
    return _each(xs, _three_dimensions)


@composite(
    reference=lambda *xs: tuple(np.broadcast_arrays(*xs)),
    samples=lambda s: s.case(*map(s.array, s.broadcastable(2))),
    view=True,
)
def broadcast_tensors(*xs):
    """All tensors at the shape that they broadcast to."""
    try:
        shape = np.broadcast_shapes(*(np.shape(raw(x)) for x in xs))
    except ValueError:
        raise ShapeError(f"broadcast_tensors: shapes {[np.shape(raw(x)) for x in xs]} do not broadcast") from None
    return tuple(expand(x, shape) for x in xs)


@composite(
    reference=lambda x, shape: x.sum(0).reshape(shape),
    samples=lambda s: (lambda n: s.case(s.array((s.size(), n)), shape=(n,)))(s.size()),
)
def sum_to_size(x, *, shape):
    """Sums over the axes along which a tensor of this shape was broadcast to x's: the reverse of expand."""
    return sum_to(x, shape=sizes(shape))


# --------------------------------------------------------------------------------------------- joining


@composite(
    reference=lambda *xs: np.column_stack(xs),
    samples=lambda s: (lambda n: s.case(s.array((n,)), s.array((n, 2))))(s.size()),
)
def column_stack(*xs):
    """Joins along the second axis; vectors are columns."""
    return concatenate([reshape(x, (-1, 1)) if ndim(x) < 2 else x for x in xs], 1)


@composite(
    reference=lambda *xs: np.dstack(xs),
    samples=lambda s: (lambda m, n: s.case(s.array((m, n)), s.array((m, n, 2))))(s.size(), s.size()),
)
def dstack(*xs):
    """Joins along the third axis; what has fewer gets them."""
    return concatenate([_three_dimensions(x) for x in xs], 2)


def _block_reference(*xs):
    out = np.zeros([sum(np.atleast_2d(x).shape[i] for x in xs) for i in range(2)])
    row = column = 0
    for x in map(np.atleast_2d, xs):
        out[row : row + x.shape[0], column : column + x.shape[1]] = x
        row, column = row + x.shape[0], column + x.shape[1]
    return out


@composite(reference=_block_reference, samples=lambda s: s.case(s.array((2, s.size())), s.array((s.size(), 3))))
def block_diag(*xs):
    """One matrix with the given ones along its diagonal, zeros elsewhere."""
    blocks = [_two_dimensions(x) for x in xs]
    if any(b.ndim != 2 for b in blocks):
        raise ShapeError(f"block_diag: expected matrices, got shapes {[b.shape for b in blocks]}")
    width, rows, before = sum(b.shape[1] for b in blocks), [], 0
    for b in blocks:
        parts = [
            np.zeros((b.shape[0], before), b.dtype),
            b,
            np.zeros((b.shape[0], width - before - b.shape[1]), b.dtype),
        ]
        rows.append(concatenate(parts, 1))
        before += b.shape[1]
    return concatenate(rows, 0)


@composite(
    reference=lambda *xs: np.stack([g.ravel() for g in np.meshgrid(*xs, indexing="ij")], 1),
    samples=lambda s: s.case(s.array((s.size(),)), s.array((s.size(),))),
)
def cartesian_prod(*xs):
    """All combinations of elements of several vectors, one row each."""
    if any(ndim(x) != 1 for x in xs):
        raise ShapeError(f"cartesian_prod: expected vectors, got shapes {[np.shape(raw(x)) for x in xs]}")
    if len(xs) == 1:
        return identity(xs[0])
    lengths = [np.size(raw(x)) for x in xs]
    wide = [
        expand(reshape(x, [n if i == j else 1 for j, n in enumerate(lengths)]), tuple(lengths))
        for i, x in enumerate(xs)
    ]
    return reshape(concatenate([unsqueeze(w, -1) for w in wide], -1), (-1, len(xs)))


# --------------------------------------------------------------------------------------------- cutting


def _pieces(x: Any, sections: Any, axis: int, name: str) -> tuple:
    n = np.shape(raw(x))[axis]
    sections = raw(sections).tolist() if hasattr(raw(sections), "tolist") else sections
    if isinstance(sections, (tuple, list)):
        ends = [min(max(i + n if i < 0 else i, 0), n) for i in sections]
        starts = [0, *ends]
        lengths = [max(b - a, 0) for a, b in zip(starts, [*ends, n])]
        return tuple(narrow(x, axis, min(a, n), length) for a, length in zip(starts, lengths))
    if sections < 1:
        raise ShapeError(f"{name}: {sections} sections, expected at least 1")
    lengths = [n // sections + (i < n % sections) for i in range(sections)]
    return split(x, lengths, axis)


def _sections(s: Sampler, *shape: int) -> Case:
    return s.case(s.array(shape), s.choice((2, [1, 3], [2])))


@composite(
    reference=lambda x, sections, axis=0: tuple(np.array_split(x, sections, axis)),
    samples=lambda s: s.case(s.array((5, 4)), s.choice((2, 3, [1, 3])), axis=s.choice((0, 1, -1))),
    view=True,
)
def tensor_split(x, sections, *, axis=0):
    """As many pieces of sizes that differ by at most 1, or cuts at the given indices. Views."""
    if ndim(x) == 0:
        raise ShapeError("tensor_split: a single number cannot be split")
    return _pieces(x, sections, normalize_axis(axis, ndim(x)), "tensor_split")


def _even(x: Any, sections: Any, axis: int, least: int, name: str) -> tuple:
    if ndim(x) < least:
        raise ShapeError(f"{name}: expected at least {least} dimensions  [x: {np.shape(raw(x))}]")
    n = np.shape(raw(x))[axis]
    if isinstance(sections, (int, np.integer)) and (sections < 1 or n % sections):
        raise ShapeError(f"{name}: axis {axis} of size {n} cannot be split into {sections}  [x: {np.shape(raw(x))}]")
    return _pieces(x, sections, axis, name)


@composite(reference=lambda x, sections: tuple(np.hsplit(x, sections)), samples=lambda s: _sections(s, 3, 4), view=True)
def hsplit(x, sections):
    """Splits along the second axis (the first one of vectors) into equal pieces, or at indices. Views."""
    return _even(x, sections, 0 if ndim(x) == 1 else 1, 1, "hsplit")


@composite(reference=lambda x, sections: tuple(np.vsplit(x, sections)), samples=lambda s: _sections(s, 4, 3), view=True)
def vsplit(x, sections):
    """Splits along the first axis into equal pieces, or at indices. Views."""
    return _even(x, sections, 0, 2, "vsplit")


@composite(
    reference=lambda x, sections: tuple(np.dsplit(x, sections)), samples=lambda s: _sections(s, 2, 3, 4), view=True
)
def dsplit(x, sections):
    """Splits along the third axis into equal pieces, or at indices. Views."""
    return _even(x, sections, 2, 3, "dsplit")


# --------------------------------------------------------------------------------------------- turning


@composite(reference=lambda x: x[:, ::-1] * 1, samples=matrix, view=True)
def fliplr(x):
    """The columns in reverse order."""
    if ndim(x) < 2:
        raise ShapeError(f"fliplr: expected at least 2 dimensions  [x: {np.shape(raw(x))}]")
    return flip(x, 1)


@composite(reference=lambda x: x[::-1] * 1, samples=matrix, view=True)
def flipud(x):
    """The rows in reverse order."""
    if ndim(x) < 1:
        raise ShapeError("flipud: expected at least 1 dimension  [x: ()]")
    return flip(x, 0)


@composite(
    reference=lambda x, turns=1, dims=(0, 1): np.rot90(x, turns, dims),
    samples=lambda s: s.case(s.array((s.size(), s.size(), 2)), turns=s.integer(-4, 4), dims=s.choice(((0, 1), (1, 2)))),
    view=True,
)
def rot90(x, *, turns=1, dims=(0, 1)):
    """Turns the plane of two axes by 90 degrees, `turns` times, from the first axis towards the second."""
    if len(dims) != 2 or ndim(x) < 2:
        raise ShapeError(f"rot90: expected two of at least 2 dimensions, got dims={dims}  [x: {np.shape(raw(x))}]")
    a, b = (normalize_axis(d, ndim(x)) for d in dims)
    if a == b:
        raise ShapeError(f"rot90: dims {tuple(dims)} must differ")
    turns %= 4
    if turns == 0:
        return identity(x)
    if turns == 2:
        return flip(x, (a, b))
    return flip(swap(x, a, b), a) if turns == 1 else swap(flip(x, a), a, b)


@composite(
    reference=lambda x, y: x.reshape(y.shape),
    samples=lambda s: s.case(s.array((2, 6)), s.array(s.choice(((3, 4), (12,))))),
    view=True,
)
def reshape_as(x, y):
    """x in the shape of y."""
    return reshape(x, np.shape(raw(y)))


# --------------------------------------------------------------------------------------------- diagonals


def _embed_reference(x, offset=0, dim1=-2, dim2=-1):
    n = x.shape[-1] + abs(offset)
    out = np.zeros((*x.shape[:-1], n, n))
    for i in range(x.shape[-1]):
        out[..., i + max(-offset, 0), i + max(offset, 0)] = x[..., i]
    return np.moveaxis(out, (-2, -1), (dim1, dim2))


@composite(
    reference=_embed_reference,
    samples=lambda s: s.case(s.array((2, 3)), offset=s.integer(-2, 2), **s.choice(({}, {"dim1": 0, "dim2": 2}))),
)
def diag_embed(x, *, offset=0, dim1=-2, dim2=-1):
    """y[..., i, i + offset] = x[..., i]: the last axis as diagonals of matrices in the axes dim1 and dim2."""
    shape = np.shape(raw(x))
    first, second = normalize_axis(dim1, len(shape) + 1), normalize_axis(dim2, len(shape) + 1)
    if first == second:
        raise ShapeError(f"diag_embed: dim1={dim1} and dim2={dim2} are the same axis")
    n = shape[-1] + abs(offset)
    rest = iter(shape[:-1])
    full = tuple(n if i in (first, second) else next(rest) for i in range(len(shape) + 1))
    return put_diagonal(x, shape=full, offset=offset, dim1=first, dim2=second)


@composite(reference=lambda x, offset=0: np.diagflat(x, offset), samples=lambda s: matrix(s, offset=s.integer(-1, 2)))
def diagflat(x, *, offset=0):
    """All elements on a diagonal of a square matrix."""
    return diag_embed(reshape(x, -1), offset=offset)


def _scattered_diagonal(x, y, offset=0, dim1=0, dim2=1):
    out = np.moveaxis(x.copy(), (dim1, dim2), (-2, -1))
    for i in range(y.shape[-1]):
        out[..., i + max(-offset, 0), i + max(offset, 0)] = y[..., i]
    return np.moveaxis(out, (-2, -1), (dim1, dim2))


@composite(
    reference=_scattered_diagonal, samples=lambda s: s.case(s.array((3, 4)), s.array((3,))), linear_in=("x", "y")
)
def diagonal_scatter(x, y, *, offset=0, dim1=0, dim2=1):
    """A copy of x with y on a diagonal."""
    x, y = tensor_of(x), tensor_of(y)
    place = np.arange(x.array.size).reshape(x.shape).diagonal(offset, dim1, dim2)
    if place.shape != y.shape:
        raise ShapeError(f"diagonal_scatter: the diagonal has shape {place.shape}, y {y.shape}  [x: {x.shape}]")
    return reshape(setitem(reshape(x, -1), reshape(y, -1), index=place.reshape(-1)), x.shape)
