"""Linear systems and what follows from them: inverses, determinants, powers, norms and ranks of matrices."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from autograd.errors import ShapeError
from autograd.op import composite, op
from autograd.ops.elementwise import raw, where
from autograd.ops.factor import svdvals, whole
from autograd.ops.lapack import (
    apart_samples,
    finite,
    inverse,
    lapack,
    matrices,
    positive_samples,
    square_samples,
    stack_of,
)
from autograd.ops.linalg import matmul, tensor_of
from autograd.ops.matrix import tril, triu
from autograd.ops.reduce import sum
from autograd.ops.shape import reshape
from autograd.sampling import Case, Sampler
from autograd.tensor import Tensor

# --------------------------------------------------------------------------------------------- inverse and solution


def _adjugate_inverse(x):
    """Cramer's rule."""
    n = x.shape[-1]
    out = np.zeros(x.shape)
    for i, j in np.ndindex(n, n):
        minor = np.delete(np.delete(x, i, -2), j, -1)
        out[..., j, i] = (-1) ** (i + j) * np.linalg.det(minor)
    return out / _leibniz(x)[..., None, None]


def _leibniz(x):
    """The determinant by expansion along the first row."""
    n = x.shape[-1]
    if n == 0:
        return np.ones(x.shape[:-2])
    rest = np.delete(x, 0, -2)
    return np.sum([(-1) ** j * x[..., 0, j] * _leibniz(np.delete(rest, j, -1)) for j in range(n)], 0)


def _need_square(name: str, x: np.ndarray) -> None:
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ValueError(f"expected square matrices (... N N), got x of shape {x.shape}")
    if x.dtype.kind != "f":
        raise TypeError(f"expected floats, got {x.dtype}; use x.float()")


def _solve_samples(s: Sampler) -> Case:
    n = s.size(3)
    x = stack_of(s, n, n)
    return s.case(x, s.array((*x.shape[:-2], n, s.size(2))))


@op(
    reference=lambda x, y: _adjugate_inverse(x) @ y,
    samples=_solve_samples,
    broadcasts=False,
    linear_in=("y",),
    bound=1e-3,
)
def solve_matrices(x, y):
    """The matrices z with x z = y, of one batch shape."""
    _need_square("solve", x)
    try:
        return np.linalg.solve(x, y)
    except np.linalg.LinAlgError:
        raise ShapeError(f"solve: x is singular; pinv and lstsq take any matrix  [x: {np.shape(x)}]") from None


solve_matrices.grads(
    back=lambda g, x: solve_matrices(tensor_of(x).mT, g),
    x=lambda back, out: -matmul(back, out.mT),
    y=lambda back: back,
)


@composite(reference=_adjugate_inverse, samples=square_samples, bound=1e-3)
def inv(x):
    """The inverse of square matrices."""
    return inverse(matrices("inv", x, square=True))


def _batched(name: str, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, bool]:
    """x and y at one batch shape; whether y held vectors, which became columns."""
    vectors = y.ndim == 1 or (y.ndim == x.ndim - 1 and y.shape == x.shape[:-1])
    y = reshape(y, (*y.shape, 1)) if vectors else y
    if x.shape[-1] != y.shape[-2]:
        raise ShapeError(
            f"{name}: x (... N N) has N={x.shape[-1]}, y has {y.shape[-2]} rows  [x: {x.shape}, y: {y.shape}]"
        )
    try:
        batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    except ValueError:
        raise ShapeError(f"{name}: batches do not broadcast  [x: {x.shape}, y: {y.shape}]") from None
    return x.expand(*batch, *x.shape[-2:]), y.expand(*batch, *y.shape[-2:]), vectors


def _solve_reference(x, y, left=True):
    return np.linalg.inv(x) @ y if left else y @ np.linalg.inv(x)


@composite(
    reference=_solve_reference,
    samples=lambda s: (lambda c: s.case(c.args[0], c.args[1]))(_solve_samples(s)),
    linear_in=("y",),
    bound=1e-3,
)
def solve(x, y, left=True):
    """z with x z = y (left=False: z x = y); y holds matrices, or vectors with one axis less. Batches broadcast."""
    x, y = matrices("solve", x, square=True), tensor_of(y)
    if y.ndim == 0:
        raise ShapeError(f"solve: y must be a vector or matrices  [x: {x.shape}, y: ()]")
    if not left:
        return solve(x.mT, y.mT).mT if y.ndim > 1 else solve(x.mT, y)
    x, y, vectors = _batched("solve", x, y)
    z = solve_matrices(x, y)
    return reshape(z, z.shape[:-1]) if vectors else z


def _triangular_samples(s: Sampler) -> Case:
    x, y = _solve_samples(s).args
    return s.case(x, y, upper=s.boolean(), unitriangular=s.boolean())


def _triangle_of(x, upper, unit):
    triangle = np.triu(x) if upper else np.tril(x)
    return triangle - unit * (triangle * np.eye(x.shape[-1]) - np.eye(x.shape[-1]))


@composite(
    reference=lambda x, y, upper, unitriangular: _solve_reference(_triangle_of(x, upper, unitriangular), y),
    samples=_triangular_samples,
    linear_in=("y",),
    bound=1e-3,
)
def solve_triangular(x, y, *, upper, left=True, unitriangular=False):
    """z with t z = y (left=False: z t = y), t a triangle of x; unitriangular: its diagonal counts as 1."""
    x = matrices("solve_triangular", x, square=True)
    eye = np.eye(x.shape[-1], dtype=x.dtype)
    triangle = triu(x) if upper else tril(x)
    if unitriangular:
        triangle = triangle * (1 - eye) + eye
    return solve(triangle, y, left)


@composite(
    reference=lambda y, x, upper=True, transpose=False, unitriangular=False: (np.linalg.inv(np.triu(x)) @ y, x),
    samples=lambda s: s.case(*_solve_samples(s).args[::-1]),
    linear_in=("y",),
    bound=1e-3,
)
def triangular_solve(y, x, upper=True, transpose=False, unitriangular=False):
    """(z, x) with t z = y, t the triangle of x, or (transpose) its transpose: torch.triangular_solve."""
    x = matrices("triangular_solve", x, square=True)
    return solve_triangular(x.mT if transpose else x, y, upper=upper != transpose, unitriangular=unitriangular), x


@composite(
    reference=lambda y, factor, upper=False: np.linalg.inv(factor @ np.swapaxes(factor, -1, -2)) @ y,
    samples=lambda s: (lambda x: s.case(s.array((*x.shape[:-1], 2)), np.tril(x)))(square_samples(s).args[0]),
    linear_in=("y",),
    bound=1e-3,
)
def cholesky_solve(y, factor, *, upper=False):
    """z with x z = y, given the Cholesky factor of x."""
    factor = matrices("cholesky_solve", factor, square=True)
    lower = triu(factor).mT if upper else tril(factor)
    return solve(lower.mT, solve(lower, y))


@composite(
    reference=lambda factor, upper=False: np.linalg.inv(factor @ np.swapaxes(factor, -1, -2)),
    samples=lambda s: s.case(np.tril(square_samples(s).args[0])),
    bound=1e-3,
)
def cholesky_inverse(factor, *, upper=False):
    """The inverse of x, given the Cholesky factor of x."""
    factor = matrices("cholesky_inverse", factor, square=True)
    back = inv(triu(factor).mT if upper else tril(factor))
    return matmul(back.mT, back)


# --------------------------------------------------------------------------------------------- determinants


class SignLogDet(NamedTuple):
    sign: Any
    logabsdet: Any


@op(reference=_leibniz, samples=square_samples, bound=1e-4)
def det(x):
    """The determinant of square matrices."""
    _need_square("det", x)
    return np.asarray(np.linalg.det(x))


def _cofactors(x: np.ndarray) -> np.ndarray:
    """det(x) inv(x)^T, from singular values, so that singular matrices have it too."""
    u, s, vh = np.linalg.svd(x)
    others = np.where(np.eye(s.shape[-1], dtype=bool), 1, s[..., None, :]).prod(-1)
    return (np.linalg.det(u) * np.linalg.det(vh))[..., None, None] * ((u * others[..., None, :]) @ vh)


def _det_grad(g, x, out):
    g = reshape(g, (*g.shape, 1, 1))
    a = raw(x)
    if a.size and np.any(np.abs(raw(out)) <= 1e-12 * np.abs(a).max((-2, -1), initial=0) ** a.shape[-1]):
        return g * _cofactors(a)
    return g * reshape(out, g.shape) * inv(x).mT


det.grads(x=_det_grad)


@op(reference=lambda x: np.log(np.abs(_leibniz(x))), samples=square_samples, bound=1e-4)
def logabsdet(x):
    """log |det(x)| of square matrices; -inf for singular ones."""
    _need_square("logabsdet", x)
    with np.errstate(divide="ignore"):
        return np.asarray(np.linalg.slogdet(x)[1])


logabsdet.grads(x=lambda g, x: reshape(g, (*g.shape, 1, 1)) * inv(x).mT)


@composite(reference=lambda x: (np.sign(_leibniz(x)), np.log(np.abs(_leibniz(x)))), samples=square_samples, bound=1e-4)
def slogdet(x):
    """(sign, log |det|) of square matrices."""
    x = matrices("slogdet", x, square=True)
    return SignLogDet(Tensor(np.asarray(np.linalg.slogdet(x.array)[0])), logabsdet(x))


@composite(
    reference=lambda x: np.log(_leibniz(x)),
    samples=positive_samples,
    bound=1e-4,
)
def logdet(x):
    """log(det(x)); NaN where the determinant is negative."""
    sign, value = slogdet(x)
    return where(sign < 0, math.nan, value)


# --------------------------------------------------------------------------------------------- pseudo-inverse


def _pinv_reference(x):
    a, flipped = (np.swapaxes(x, -1, -2), True) if x.shape[-2] < x.shape[-1] else (x, False)
    t = np.swapaxes(a, -1, -2)
    p = np.linalg.inv(t @ a) @ t
    return np.swapaxes(p, -1, -2) if flipped else p


def cutoff(s: np.ndarray, shape: tuple[int, ...], atol: Any, rtol: Any) -> np.ndarray:
    """Singular values up to this are 0 (torch.linalg's rule)."""
    if rtol is None:
        none = atol is None or not np.any(raw(atol))
        rtol = max(shape[-2:]) * np.finfo(s.dtype).eps if none else 0.0
    limit = np.asarray(raw(rtol)) * s.max(-1, initial=0)
    return np.maximum(limit, 0.0 if atol is None else raw(atol))[..., None]


def _matrix_samples(s: Sampler) -> Case:
    return s.case(apart_samples(s, s.size(3), s.size(3)))


@op(reference=finite(lambda x, atol=None, rtol=None: _pinv_reference(x)), samples=_matrix_samples, bound=1e-3)
def pinv_cut(x, *, atol=None, rtol=None):
    """The Moore-Penrose inverse; singular values up to max(atol, rtol * largest) count as 0."""

    def inverse(a: np.ndarray) -> np.ndarray:
        u, s, vh = np.linalg.svd(a, full_matrices=False)
        kept = s > cutoff(s, a.shape, atol, rtol)
        back = np.where(kept, 1 / np.where(kept, s, 1), 0).astype(a.dtype)
        return (vh.mT * back[..., None, :]) @ u.mT

    return lapack(inverse, x)


def _pinv_grad(g, x, out):
    gt, p = g.mT, out
    k = matmul(gt, p)
    kp = matmul(k, p.mT)
    return kp - matmul(p, k).mT - matmul(matmul(x, p), kp) + matmul(matmul(p.mT, p), gt - matmul(k, x))


pinv_cut.grads(x=_pinv_grad)


@composite(reference=finite(lambda x: _pinv_reference(x)), samples=_matrix_samples, bound=1e-3)
def pinv(x, rcond=None, hermitian=False, *, atol=None, rtol=None):
    """The Moore-Penrose inverse of matrices; its gradient holds where the rank stays the same."""
    x = matrices("pinv", x)
    x = whole(x) if hermitian else x
    return pinv_cut(x, atol=atol, rtol=rcond if rtol is None else rtol)


class LeastSquares(NamedTuple):
    solution: Any
    residuals: Any
    rank: Any
    singular_values: Any


def _tall_system(s: Sampler) -> Case:
    n = s.size(3)
    x = apart_samples(s, n + s.integer(0, 2), n)
    return s.case(x, s.array((x.shape[0], 2)), driver=s.choice((None, "gelsd")))


def _lstsq_reference(x, y, driver):
    z = _pinv_reference(x) @ y
    residuals = ((x @ z - y) ** 2).sum(-2) if driver and x.shape[-2] > x.shape[-1] else np.empty(0)
    values = np.sqrt(np.linalg.eigvalsh(x.T @ x)[::-1]) if driver else np.empty(0)
    return z, residuals, np.asarray(min(x.shape)), values


@composite(reference=finite(_lstsq_reference), samples=_tall_system, bound=1e-3)
def lstsq(x, y, rcond=None, *, driver=None):
    """(solution, residuals, rank, singular_values): z that minimises ||x z - y||, the shortest of them.

    As in torch, residuals (squared distances) are empty unless driver is "gels", "gelsd" or "gelss", x has full rank
    and more rows than columns; singular_values are empty unless driver is "gelsd" or "gelss".
    """
    x, y = matrices("lstsq", x), tensor_of(y)
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise ValueError(f"lstsq: driver is {driver!r}, expected 'gels', 'gelsy', 'gelsd' or 'gelss'")
    vectors = y.ndim == x.ndim - 1
    y = reshape(y, (*y.shape, 1)) if vectors else y
    if y.ndim < 2 or x.shape[-2] != y.shape[-2]:
        raise ShapeError(f"lstsq: x (... M N) and y (... M K) do not fit  [x: {x.shape}, y: {y.shape}]")
    z = matmul(pinv(x, rcond), y)
    s = np.linalg.svd(np.nan_to_num(x.array), compute_uv=False)
    rank = (s > cutoff(s, x.shape, None, rcond)).sum(-1)
    full = x.shape[-2] > x.shape[-1] and bool(np.all(rank == x.shape[-1])) and driver not in (None, "gelsy")
    d = matmul(x, z) - y
    none = Tensor(np.empty(0, x.dtype))
    residuals = sum(d * d, -2) if full else none
    solution = reshape(z, z.shape[:-1]) if vectors else z
    values = svdvals(x) if driver in ("gelsd", "gelss") else none
    ranks = Tensor(np.empty(0, np.int64)) if driver == "gels" else Tensor(rank)
    return LeastSquares(solution, residuals, ranks, values)
