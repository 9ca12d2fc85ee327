"""Triangles and diagonals of matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.errors import ShapeError
from autograd.op import composite, op
from autograd.ops.elementwise import raw, where
from autograd.ops.index import put_at
from autograd.ops.shape import reshape
from autograd.sampling import Case, Sampler


def _stacked(s: Sampler) -> Case:
    shape = (s.size(3), s.size(4), s.size(4))[s.integer(0, 1) :]
    return s.case(s.array(shape), diagonal=s.integer(-3, 3))


def _triangle(x, keep):
    i, j = np.indices(x.shape[-2:])
    return x * keep(j - i)


def _below(x: Any, diagonal: int) -> np.ndarray:
    """Which elements of the matrices x lie on or below a diagonal."""
    shape = np.shape(raw(x))
    if len(shape) < 2:
        raise ValueError(f"x has {len(shape)} dimensions, expected at least 2")
    return np.tri(shape[-2], shape[-1], diagonal, bool)


@composite(reference=lambda x, diagonal=0: _triangle(x, lambda d: d <= diagonal), samples=_stacked, linear_in=("x",))
def tril(x, *, diagonal=0):
    """The matrices x[..., i, j] with zeros where j - i > diagonal."""
    return where(_below(x, diagonal), x, False)


@composite(reference=lambda x, diagonal=0: _triangle(x, lambda d: d >= diagonal), samples=_stacked, linear_in=("x",))
def triu(x, *, diagonal=0):
    """The matrices x[..., i, j] with zeros where j - i < diagonal."""
    return where(_below(x, diagonal - 1), False, x)


def _diagonal_samples(s: Sampler) -> Case:
    shape = (s.size(4), s.size(4), s.size(3))[: s.integer(2, 3)]
    if len(shape) == 3 and s.boolean():
        return s.case(s.array(shape), offset=s.integer(-2, 2), dim1=-1, dim2=0)
    return s.case(s.array(shape), offset=s.integer(-2, 2))


def _diagonal_reference(x, offset=0, dim1=0, dim2=1):
    x = np.moveaxis(x, (dim1, dim2), (0, 1))
    rows = [x[i, i + offset] for i in range(x.shape[0]) if 0 <= i + offset < x.shape[1]]
    return np.moveaxis(np.array(rows).reshape(len(rows), *x.shape[2:]), 0, -1)


@op(reference=_diagonal_reference, samples=_diagonal_samples, linear_in=("x",), view=True)
def diagonal(x, *, offset=0, dim1=0, dim2=1):
    """y[..., i] = x[..., i, i + offset] of the axes dim1 and dim2, which disappear. A read-only view."""
    return x.diagonal(offset, dim1, dim2)


diagonal.grads(
    x=lambda g, x_shape, offset, dim1, dim2: put_diagonal(g, shape=x_shape, offset=offset, dim1=dim1, dim2=dim2)
)


def _put_samples(s: Sampler) -> Case:
    x, attrs = _diagonal_samples(s)
    return s.case(_diagonal_reference(x[0], **attrs).astype(s.dtype), shape=x[0].shape, **attrs)


def _put_reference(x, shape, offset=0, dim1=0, dim2=1):
    out = np.zeros(shape)
    rows = np.moveaxis(out, (dim1, dim2), (0, 1))
    for k in range(x.shape[-1]):
        i = k + max(-offset, 0)
        rows[i, i + offset] = x[..., k]
    return out


@composite(reference=_put_reference, samples=_put_samples, linear_in=("x",))
def put_diagonal(x, *, shape, offset=0, dim1=0, dim2=1):
    """Zeros of this shape with x on the diagonal of the axes dim1 and dim2: the adjoint of diagonal."""
    places = np.arange(math.prod(shape)).reshape(shape).diagonal(offset, dim1, dim2)
    return reshape(put_at(reshape(x, -1), shape=(math.prod(shape),), index=places.reshape(-1)), shape)


_diagonal = diagonal  # diag's argument has the same name


@composite(
    reference=lambda x, diagonal=0: np.diag(x, diagonal),
    samples=lambda s: s.case(s.array(s.choice(((3,), (3, 4), (1,), (4, 2)))), diagonal=s.integer(-1, 1)),
)
def diag(x, *, diagonal=0):
    """A vector as a diagonal of a square matrix, or a diagonal of a matrix as a vector."""
    shape = np.shape(raw(x))
    if len(shape) not in (1, 2):
        raise ShapeError(f"diag: expected a vector or a matrix  [x: {shape}]")
    if len(shape) == 2:
        return _diagonal(x, offset=diagonal)
    n = shape[0] + abs(diagonal)
    return put_diagonal(x, shape=(n, n), offset=diagonal)
