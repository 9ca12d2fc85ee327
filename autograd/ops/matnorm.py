"""Norms, powers and triangular factors of matrices, made of the factorisations and solutions."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from autograd.errors import ShapeError
from autograd.op import composite
from autograd.ops.elementwise import raw, where
from autograd.ops.extreme import amax, amin
from autograd.ops.factor import eigvalsh, svdvals
from autograd.ops.index import getitem, take_along_axis
from autograd.ops.join import concatenate
from autograd.ops.lapack import apart_samples, finite, matrices, square_samples, stack_of
from autograd.ops.linalg import matmul, tensor_of
from autograd.ops.matrix import tril, triu
from autograd.ops.reduce import over_axes, sum, vector_norm
from autograd.ops.shape import movedim, reshape
from autograd.ops.solve import cutoff, inv, solve_triangular
from autograd.ops.unary import abs
from autograd.sampling import Case, Sampler
from autograd.shapes import normalize_axes
from autograd.tensor import Tensor

# --------------------------------------------------------------------------------------------- norms


def _norm_samples(s: Sampler) -> Case:
    x = apart_samples(s, s.size(3), s.size(3))
    return s.case(x, ord=s.choice(("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf)), keepdims=s.boolean())


@composite(
    reference=lambda x, ord="fro", axis=(-2, -1), keepdims=False: np.linalg.norm(x, ord, axis, keepdims),
    samples=_norm_samples,
    bound=1e-4,
)
def matrix_norm(x, *, ord="fro", axis=(-2, -1), keepdims=False, dtype=None):
    """A norm of matrices in two axes: "fro", "nuc" (sum of singular values), 2 (the largest), 1 (of columns), inf
    (of rows); a negative ord takes the smallest instead."""
    x = matrices("matrix_norm", x)
    x = x if dtype is None else x.astype(dtype)
    if not isinstance(axis, (tuple, list)) or len(axis) != 2:
        raise ShapeError(f"matrix_norm: axis must be two axes, got {axis!r}")
    a, b = normalize_axes(tuple(axis), x.ndim)
    if ord == "fro":
        return vector_norm(x, ord=2, axis=(a, b), keepdims=keepdims)
    moved = movedim(x, (a, b), (-2, -1))
    if ord in ("nuc", 2, -2):
        s = svdvals(moved)
        value = sum(s, -1) if ord == "nuc" else (amax if ord == 2 else amin)(s, -1)
    elif ord in (1, -1, math.inf, -math.inf):
        value = sum(abs(moved), -2 if ord in (1, -1) else -1)
        value = (amax if ord > 0 else amin)(value, -1)
    else:
        raise ValueError(f"matrix_norm: ord is {ord!r}, expected 'fro', 'nuc', 1, 2, inf or their negatives")
    return reshape(value, tuple(1 if i in (a, b) else n for i, n in enumerate(x.shape))) if keepdims else value


def _row_samples(s: Sampler) -> Case:
    x = s.distinct((s.size(3), s.size(3))) + s.dtype.type(0.03)
    return s.case(x, ord=s.choice((None, 2, 3)), axis=1)


@composite(
    reference=lambda x, ord=None, axis=None, keepdims=False: np.linalg.norm(x, ord, axis, keepdims),
    samples=lambda s: (
        s.case(s.distinct((s.size(3), s.size(3))) + s.dtype.type(0.03), ord=s.choice((None, 2, 3)), axis=1)
        if s.boolean()
        else _norm_samples(s)
    ),
    bound=1e-4,
)
def linalg_norm(x, ord=None, axis=None, keepdims=False, *, dtype=None):
    """A vector norm over one axis, a matrix norm over two; ord None: the 2-norm of all (or the given) elements."""
    x = tensor_of(x)
    x = x if dtype is None else x.astype(dtype)
    if ord is None:
        return vector_norm(x, ord=2, axis=axis, keepdims=keepdims)
    if axis is None and x.ndim not in (1, 2):
        raise ShapeError(f"linalg.norm: ord={ord!r} without axis needs a vector or a matrix  [x: {x.shape}]")
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    if len(axes) == 2:
        return matrix_norm(x, ord=ord, axis=tuple(axes), keepdims=keepdims)
    if isinstance(ord, str) or len(axes) != 1:
        raise ShapeError(f"linalg.norm: ord={ord!r} is for matrices, axis={axis!r} names {len(axes)} axes")
    return vector_norm(x, ord=ord, axis=axes[0], keepdims=keepdims)


@composite(
    reference=lambda x, p=None: np.linalg.cond(x, p),
    samples=lambda s: (lambda n: s.case(apart_samples(s, n, n), p=s.choice((None, 1, "fro", math.inf, -2))))(s.size(3)),
    bound=1e-3,
)
def cond(x, p=None):
    """The condition number: largest over smallest singular value, or (p) ||x||_p ||x^-1||_p."""
    x = matrices("cond", x, square=p not in (None, 2, -2))
    if p in (None, 2, -2):
        s = svdvals(x)
        ratio = amax(s, -1) / amin(s, -1)
        return 1 / ratio if p == -2 else ratio
    return matrix_norm(x, ord=p) * matrix_norm(inv(x), ord=p)


@composite(
    reference=lambda x: np.linalg.matrix_rank(x),
    samples=lambda s: s.case(apart_samples(s, s.size(3), s.size(3))),
    differentiable=False,
)
def matrix_rank(x, tol=None, hermitian=False, *, atol=None, rtol=None):
    """How many singular values exceed max(atol, rtol * the largest); rtol defaults to max(M, N) eps."""
    x = matrices("matrix_rank", x)
    s = np.abs(eigvalsh(x).array) if hermitian else np.linalg.svd(np.nan_to_num(x.array), compute_uv=False)
    limit = np.asarray(raw(tol))[..., None] if tol is not None else cutoff(s, x.shape, atol, rtol)
    return Tensor(np.asarray((s > limit).sum(-1)))


@composite(
    reference=lambda x, p="fro", axis=None, keepdims=False: np.sqrt(np.square(x).sum(axis, keepdims=keepdims)),
    samples=over_axes,
)
def norm(x, *, p="fro", axis=None, keepdims=False, dtype=None):
    """The p-norm over axes; "fro" is 2, "nuc" the sum of the singular values: torch.norm."""
    x = x if dtype is None else tensor_of(x).astype(dtype)
    if p == "nuc":
        return matrix_norm(x, ord="nuc", axis=(-2, -1) if axis is None else axis, keepdims=keepdims)
    if isinstance(p, str) and p != "fro":
        raise ValueError(f"norm: p is {p!r}, expected 'fro', 'nuc' or a number")
    return vector_norm(x, ord=2 if p in ("fro", None) else p, axis=axis, keepdims=keepdims)


# --------------------------------------------------------------------------------------------- powers


@composite(
    reference=lambda x, n: np.linalg.matrix_power(x, n),
    samples=lambda s: s.case(*square_samples(s).args, s.integer(-2, 5)),
    bound=1e-3,
)
def matrix_power(x, n):
    """x multiplied with itself n times; a negative n takes the inverse."""
    x = matrices("matrix_power", x, square=True)
    if n < 0:
        return matrix_power(inv(x), -n)
    if n == 0:
        return x * 0 + np.eye(x.shape[-1], dtype=x.dtype)
    half = matrix_power(x, n // 2) if n > 1 else None
    if half is None:
        return x.clone()
    return matmul(half, half) if n % 2 == 0 else matmul(matmul(half, half), x)


def _exp_reference(x):
    values, vectors = np.linalg.eig(x.astype(np.complex128))
    return ((vectors * np.exp(values)[..., None, :]) @ np.linalg.inv(vectors)).real


@composite(
    reference=_exp_reference,
    samples=lambda s: (lambda n: s.case(apart_samples(s, n, n)))(s.size(3)),
    bound=1e-4,
)
def matrix_exp(x):
    """The sum of x^k / k!: a Taylor series of x / 2^s, squared s times."""
    x = matrices("matrix_exp", x, square=True)
    size = float(np.abs(x.array).sum(-1).max(initial=0))
    halvings = max(0, math.frexp(size)[1] + 1) if math.isfinite(size) else 0
    y = x * 0.5**halvings
    eye = np.eye(x.shape[-1], dtype=x.dtype)
    total = y * 0 + eye
    for k in range(18, 0, -1):  # Horner's scheme
        total = matmul(y, total) * (1 / k) + eye
    for _ in range(halvings):
        total = matmul(total, total)
    return total


# --------------------------------------------------------------------------------------------- LU


class LU(NamedTuple):
    P: Any
    L: Any
    U: Any


class PackedLU(NamedTuple):
    LU: Any
    pivots: Any


def _row_orders(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By partial pivoting: which row of x stands in each row of L U, and (1-based) the exchange made at each step."""
    m, k = x.shape[-2], min(x.shape[-2:])
    orders, pivots = np.empty((*x.shape[:-2], m), np.int64), np.empty((*x.shape[:-2], k), np.int32)
    for batch in np.ndindex(*x.shape[:-2]):
        a, order = x[batch].astype(np.float64), list(range(m))
        for j in range(k):
            best = j + int(np.abs(a[j:, j]).argmax())
            pivots[batch][j] = best + 1
            a[[j, best]] = a[[best, j]]
            order[j], order[best] = order[best], order[j]
            if a[j, j]:
                a[j + 1 :] -= np.outer(a[j + 1 :, j] / a[j, j], a[j])
        orders[batch] = order
    return orders, pivots


def _eliminated(x: Tensor) -> tuple[Tensor, Tensor]:
    """L and U of matrices that need no exchange of rows, column by column."""
    m, n = x.shape[-2:]
    k = min(m, n)
    columns, rows = [], []
    for j in range(k):
        row = getitem(x, (..., slice(j, j + 1), slice(None)))
        pivot = getitem(row, (..., slice(j, j + 1)))
        column = getitem(x, (..., slice(None), slice(j, j + 1)))
        column = column / where(raw(pivot) == 0, 1.0, pivot)
        below = (np.arange(m) > j).astype(x.dtype)[:, None]
        columns.append(column * below + (np.arange(m) == j).astype(x.dtype)[:, None])
        rows.append(row * (np.arange(n) >= j).astype(x.dtype))
        x = x - matmul(columns[-1], rows[-1])
    if not k:
        return getitem(x, (..., slice(0))), getitem(x, (..., slice(0), slice(None)))
    return concatenate(columns, -1), concatenate(rows, -2)


def _rectangles(s: Sampler) -> Case:
    return s.case(np.asarray(stack_of(s, s.size(3), s.size(3))[..., ::-1, :]))


def _lu_reference(x):
    """Doolittle's formulas on permuted rows."""
    p, low, up = [], [], []
    for a in x.reshape(-1, *x.shape[-2:]).astype(np.float64):
        m, n = a.shape
        k = min(m, n)
        order, work = np.arange(m), a.copy()
        for j in range(k):
            best = max(range(j, m), key=lambda i: abs(work[i, j]))
            order[[j, best]], work[[j, best]] = order[[best, j]], work[[best, j]]
            for i in range(j + 1, m):
                work[i] = work[i] - work[j] * (work[i, j] / work[j, j])
        a = a[order]
        lower, upper = np.eye(m, k), np.zeros((k, n))
        for i in range(m):
            for j in range(n):
                if j >= i and i < k:
                    upper[i, j] = a[i, j] - lower[i, :i] @ upper[:i, j]
                elif j < i and j < k:
                    lower[i, j] = (a[i, j] - lower[i, :j] @ upper[:j, j]) / upper[j, j]
        p.append(np.eye(m)[:, order])
        low.append(lower)
        up.append(upper)
    batch = x.shape[:-2]
    return tuple(np.array(f).reshape(*batch, *f[0].shape) for f in (p, low, up))


@composite(reference=finite(_lu_reference), samples=_rectangles, bound=1e-4)
def linalg_lu(x, pivot=True):
    """(P, L, U) with P L U = x: a permutation, a lower triangle with 1 on its diagonal, an upper triangle."""
    x = matrices("lu", x)
    m = x.shape[-2]
    if not pivot:
        return LU(Tensor(np.empty(0, x.dtype)), *_eliminated(x))
    orders, _ = _row_orders(x.array)
    place = np.broadcast_to(orders[..., None], x.shape)
    low, up = _eliminated(take_along_axis(x, place, axis=-2))
    permutation = (np.arange(m)[:, None] == orders[..., None, :]).astype(x.dtype)
    return LU(Tensor(permutation), low, up)


def _packed_reference(x):
    _, low, up = _lu_reference(x)
    m, n = x.shape[-2:]
    wide_l, wide_u = np.zeros(x.shape), np.zeros(x.shape)
    wide_l[..., : min(m, n)] = low
    wide_u[..., : min(m, n), :] = up
    return np.tril(wide_l, -1) + np.triu(wide_u), _row_orders(x)[1]


@composite(reference=finite(_packed_reference), samples=_rectangles, bound=1e-4)
def lu_factor(x, pivot=True):
    """(LU, pivots): both triangles in one matrix, and the row that each row was exchanged with, 1-based, int32."""
    x = matrices("lu_factor", x)
    m, n = x.shape[-2:]
    _, low, up = linalg_lu(x, pivot)
    k = min(m, n)
    batch = x.shape[:-2]
    if n > k:
        low = concatenate([low, np.zeros((*batch, m, n - k), x.dtype)], -1)
    if m > k:
        up = concatenate([up, np.zeros((*batch, m - k, n), x.dtype)], -2)
    pivots = _row_orders(x.array)[1] if pivot else np.broadcast_to(np.arange(1, k + 1, dtype=np.int32), (*batch, k))
    return PackedLU(tril(low, -1) + triu(up), Tensor(np.array(pivots)))


def _orders_of(pivots: np.ndarray, m: int) -> np.ndarray:
    orders = np.empty((*pivots.shape[:-1], m), np.int64)
    for batch in np.ndindex(*pivots.shape[:-1]):
        order = list(range(m))
        for j, best in enumerate(pivots[batch]):
            order[j], order[best - 1] = order[best - 1], order[j]
        orders[batch] = order
    return orders


@composite(
    reference=lambda x, pivots: _unpack_reference(x, pivots),
    samples=lambda s: (lambda x: s.case(x, _row_orders(x)[1]))(square_samples(s).args[0]),
)
def lu_unpack(x, pivots, unpack_data=True, unpack_pivots=True):
    """(P, L, U) of what lu_factor gives."""
    x = matrices("lu_unpack", x)
    m, n = x.shape[-2:]
    k = min(m, n)
    none = Tensor(np.empty(0, x.dtype))
    p = none
    if unpack_pivots:
        orders = _orders_of(np.asarray(raw(pivots)), m)
        p = Tensor((np.arange(m)[:, None] == orders[..., None, :]).astype(x.dtype))
    if not unpack_data:
        return LU(p, none, none)
    low = tril(getitem(x, (..., slice(k))), -1) + np.eye(m, k, dtype=x.dtype)
    return LU(p, low, triu(getitem(x, (..., slice(k), slice(None)))))


def _unpack_reference(x, pivots):
    p = np.zeros(x.shape)
    for batch in np.ndindex(*x.shape[:-2]):
        rows = np.eye(x.shape[-1])
        for j, best in enumerate(pivots[batch]):
            rows[[j, best - 1]] = rows[[best - 1, j]]
        p[batch] = rows.T
    eye = np.eye(x.shape[-1])
    return p, np.tril(x) * (1 - eye) + eye, np.triu(x)


def _lu_solve_reference(packed, pivots, y):
    p, low, up = _unpack_reference(packed, pivots)
    return np.linalg.inv(p @ low @ up) @ y


@composite(
    reference=finite(_lu_solve_reference),
    samples=lambda s: (lambda x: s.case(x, _row_orders(x)[1], s.array((*x.shape[:-1], 2))))(square_samples(s).args[0]),
    bound=1e-3,
)
def linalg_lu_solve(packed, pivots, y, left=True, adjoint=False):
    """z with x z = y, given lu_factor of x; left=False: z x = y; adjoint: x^T."""
    if not left:
        return linalg_lu_solve(packed, pivots, tensor_of(y).mT, adjoint=not adjoint).mT
    p, low, up = lu_unpack(packed, pivots)
    if adjoint:
        return matmul(
            p, solve_triangular(low.mT, solve_triangular(up.mT, y, upper=False), upper=True, unitriangular=True)
        )
    return solve_triangular(up, solve_triangular(low, matmul(p.mT, y), upper=False, unitriangular=True), upper=True)


@composite(
    reference=finite(lambda y, packed, pivots: _lu_solve_reference(packed, pivots, y)),
    samples=lambda s: (lambda x: s.case(s.array((*x.shape[:-1], 2)), x, _row_orders(x)[1]))(square_samples(s).args[0]),
    bound=1e-3,
)
def lu_solve(y, packed, pivots):
    """z with x z = y, given lu_factor of x: torch.lu_solve's order of arguments."""
    return linalg_lu_solve(packed, pivots, y)
