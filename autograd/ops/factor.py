"""Factorisations of matrices (LAPACK through NumPy) with gradients; the last two axes are the matrices.

A factorisation has several results, an op has one: the ops here return the factors packed side by side, and the
functions that users call take views of them apart, so that one rule sees the gradients of all factors.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from autograd.errors import ShapeError
from autograd.op import composite, op
from autograd.ops.elementwise import raw, where
from autograd.ops.index import getitem
from autograd.ops.join import concatenate
from autograd.ops.lapack import (
    apart_samples,
    finite,
    inverse,
    lapack,
    matrices,
    pack,
    positive_samples,
    stack_of,
    symmetric,
    unpack,
)
from autograd.ops.linalg import matmul
from autograd.ops.matrix import diagonal, tril, triu
from autograd.ops.shape import reshape
from autograd.ops.views import diag_embed
from autograd.sampling import Case, Sampler
from autograd.tensor import Tensor

# --------------------------------------------------------------------------------------------- Cholesky


def _cholesky_reference(x):
    out = np.zeros(x.shape, np.float64)
    for batch in np.ndindex(*x.shape[:-2]):
        a, y = x[batch], out[batch]
        a = (a + a.T) / 2
        for i in range(len(a)):
            for j in range(i + 1):
                rest = a[i, j] - y[i, :j] @ y[j, :j]
                y[i, j] = math.sqrt(rest) if i == j else rest / y[j, j]
    return out


@op(reference=finite(_cholesky_reference), samples=positive_samples, bound=1e-4)
def cholesky_factor(x):
    """The lower triangle L with L L^T = (x + x^T) / 2."""
    try:
        return lapack(np.linalg.cholesky, (x + x.mT) / 2)
    except np.linalg.LinAlgError:
        raise ShapeError("cholesky: x is not positive definite") from None


def _cholesky_grad(g, out):
    inner = tril(matmul(out.mT, g))
    inner = inner - diag_embed(diagonal(inner, 0, -2, -1)) * 0.5
    back = inverse(out)
    return symmetric(matmul(matmul(back.mT, inner), back))


cholesky_factor.grads(x=_cholesky_grad)


def _upper_or_lower(x, upper=False):
    return np.swapaxes(_cholesky_reference(x), -1, -2) if upper else _cholesky_reference(x)


@composite(
    reference=finite(_upper_or_lower),
    samples=lambda s: s.case(*positive_samples(s).args, upper=s.boolean()),
    bound=1e-4,
)
def cholesky(x, *, upper=False):
    """The lower triangle L with L L^T = x, or (upper) its transpose, for symmetric positive definite matrices x."""
    factor = cholesky_factor(matrices("cholesky", x, square=True))
    return factor.mT if upper else factor


# --------------------------------------------------------------------------------------------- QR


class QR(NamedTuple):
    Q: Any
    R: Any


def _tall_samples(s: Sampler) -> Case:
    n = s.size(3)
    return s.case(stack_of(s, n + s.integer(0, 2), n))


def _qr_reference(x):
    """Gram and Schmidt, with LAPACK's signs."""
    q, r = np.zeros(x.shape), np.zeros((*x.shape[:-2], x.shape[-1], x.shape[-1]))
    signs = np.sign(np.diagonal(np.linalg.qr(x)[1], 0, -2, -1))
    for j in range(x.shape[-1]):
        v = x[..., j].astype(np.float64)
        for i in range(j):
            r[..., i, j] = (q[..., i] * v).sum(-1)
            v = v - r[..., i, j, None] * q[..., i]
        r[..., j, j] = np.sqrt((v * v).sum(-1)) * signs[..., j]
        q[..., j] = v / r[..., j, j, None]
    return pack(q, r)


@op(reference=finite(_qr_reference), samples=_tall_samples, bound=1e-4)
def qr_packed(x):
    """Q (... M N) and R (... N N) of matrices with M >= N, packed."""
    return lapack(lambda a: pack(*np.linalg.qr(a)), x)


def _qr_grad(g, out, x_shape):
    m, n = x_shape[-2:]
    (q, r), (gq, gr) = unpack(out, (m, n), (n, n)), unpack(g, (m, n), (n, n))
    inner = matmul(r, triu(gr).mT) - matmul(gq.mT, q)
    inner = tril(inner) + tril(inner, -1).mT
    return matmul(gq + matmul(q, inner), inverse(r).mT)


qr_packed.grads(x=_qr_grad)


@composite(
    reference=finite(lambda x, mode="reduced": tuple(np.linalg.qr(x, mode))),
    samples=lambda s: s.case(stack_of(s, s.size(3), s.size(3)), mode="reduced"),
    bound=1e-4,
)
def linalg_qr(x, mode="reduced"):
    """(Q, R): orthonormal columns and an upper triangle with Q R = x; mode "complete": Q square, "r": Q empty.

    The gradient needs the first min(M, N) columns to be independent; further columns of a complete Q have none.
    """
    x = matrices("qr", x)
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"qr: mode is {mode!r}, expected 'reduced', 'complete' or 'r'")
    m, n = x.shape[-2:]
    k = min(m, n)
    left = getitem(x, (..., slice(k)))
    q, r = unpack(qr_packed(left), (m, k), (k, k))
    r = r if k == n else concatenate([r, matmul(q.mT, getitem(x, (..., slice(k, n))))], -1)
    if mode == "complete" and m > k:
        full = np.linalg.qr(x.array, "complete").Q
        q = concatenate([q, full[..., k:]], -1)
        r = concatenate([r, np.zeros((*x.shape[:-2], m - k, n), x.dtype)], -2)
    return QR(Tensor(np.empty(0, x.dtype)) if mode == "r" else q, r)


@composite(reference=finite(lambda x, some=True: tuple(np.linalg.qr(x))), samples=_tall_samples, bound=1e-4)
def qr(x, some=True):
    """(Q, R) as torch.qr: some=False gives a square Q."""
    return linalg_qr(x, "reduced" if some else "complete")


# --------------------------------------------------------------------------------------------- eigenvalues


class Eigen(NamedTuple):
    eigenvalues: Any
    eigenvectors: Any


def _symmetric_samples(s: Sampler) -> Case:
    n = s.size(3)
    q = np.linalg.qr(s.array((n, n)))[0]
    x = (q * (1.0 + np.arange(n))) @ q.T
    return s.case(np.asarray((x + x.T) / 2, s.dtype))


def _eigh_reference(x):
    """From the singular values of a shifted, positive definite matrix; signs as LAPACK's."""
    x = (x + np.swapaxes(x, -1, -2)) / 2
    u, values, _ = np.linalg.svd(x + 100 * np.eye(x.shape[-1]))
    u, values = u[..., ::-1], values[..., ::-1] - 100
    signs = np.sign((u * np.linalg.eigh(x)[1]).sum(-2, keepdims=True))
    return pack(u * signs, values[..., None, :])


@op(reference=finite(_eigh_reference), samples=_symmetric_samples, bound=1e-3)
def eigh_packed(x):
    """The eigenvectors (columns) and ascending eigenvalues of (x + x^T) / 2, packed."""

    def factors(a: np.ndarray) -> np.ndarray:
        values, vectors = np.linalg.eigh(a)
        return pack(vectors, values[..., None, :])

    return lapack(factors, (x + x.mT) / 2)


def _ratio(a: Tensor, b: Tensor) -> Tensor:
    """a / b, but 0 / 0 = 0: equal eigenvalues matter only where a gradient reaches their vectors."""
    gone = (raw(a) == 0) & (raw(b) == 0)
    return where(gone, 0.0, a / where(gone, 1.0, b)) if gone.any() else a / b


def _over_gaps(a: Tensor, values: Tensor) -> Tensor:
    """a[i, j] / (v_j - v_i), 0 on the diagonal."""
    n = values.shape[-1]
    gaps = values.reshape(*values.shape[:-1], 1, n) - values.reshape(*values.shape[:-1], n, 1)
    return _ratio(a * (1 - np.eye(n, dtype=values.dtype)), gaps)


def _eigh_grad(g, out, x_shape):
    n = x_shape[-1]
    (v, values), (gv, gvalues) = unpack(out, (n, n), (1, n)), unpack(g, (n, n), (1, n))
    values, gvalues = (reshape(row, (*row.shape[:-2], n)) for row in (values, gvalues))
    inner = _over_gaps(matmul(v.mT, gv), values) + diag_embed(gvalues)
    return symmetric(matmul(matmul(v, inner), v.mT))


eigh_packed.grads(x=_eigh_grad)


def whole(x: Tensor, lower: bool = True) -> Tensor:
    """The symmetric matrix that one triangle of x stands for."""
    half = tril(x, -1) if lower else triu(x, 1)
    return half + half.mT + diag_embed(diagonal(x, 0, -2, -1))


@composite(reference=finite(lambda x, UPLO="L": tuple(np.linalg.eigh(x))), samples=_symmetric_samples, bound=1e-3)
def eigh(x, UPLO="L"):
    """(eigenvalues, eigenvectors) of symmetric matrices, ascending; vectors are columns of either sign.

    The gradient of eigenvectors needs distinct eigenvalues. UPLO: the triangle that is read, "L" or "U".
    """
    x = matrices("eigh", x, square=True)
    if UPLO not in ("L", "U", "l", "u"):
        raise ValueError(f"eigh: UPLO is {UPLO!r}, expected 'L' or 'U'")
    full = whole(x, UPLO in "Ll")
    n = x.shape[-1]
    vectors, values = unpack(eigh_packed(full), (n, n), (1, n))
    return Eigen(reshape(values, (*x.shape[:-2], n)), vectors)


@composite(reference=finite(lambda x, UPLO="L": np.linalg.eigvalsh(x)), samples=_symmetric_samples, bound=1e-4)
def eigvalsh(x, UPLO="L"):
    """The ascending eigenvalues of symmetric matrices."""
    return eigh(x, UPLO).eigenvalues


# --------------------------------------------------------------------------------------------- singular values


class SVD(NamedTuple):
    U: Any
    S: Any
    Vh: Any


def _svd_samples(s: Sampler) -> Case:
    return s.case(apart_samples(s, s.size(3), s.size(3)))


def _svd_reference(x):
    """From the eigenvalues of x x^T or x^T x; signs as LAPACK's."""
    k = min(x.shape[-2:])
    wide = x.shape[-1] > x.shape[-2]
    a = np.swapaxes(x, -1, -2) if wide else x
    values, v = np.linalg.eigh(np.swapaxes(a, -1, -2) @ a)
    v, s = v[..., ::-1], np.sqrt(values[..., ::-1])
    u = a @ v / s[..., None, :]
    if wide:
        u, v = v, u
    signs = np.sign((u * np.linalg.svd(x, full_matrices=False)[0]).sum(-2, keepdims=True))
    return pack(u[..., :k] * signs, s[..., None, :k], np.swapaxes(v[..., :k] * signs, -1, -2))


@op(reference=finite(_svd_reference), samples=_svd_samples, bound=1e-3)
def svd_packed(x):
    """U (... M K), S (... 1 K) and V^T (... K N), packed; K = min(M, N)."""

    def factors(a: np.ndarray) -> np.ndarray:
        u, s, vh = np.linalg.svd(a, full_matrices=False)
        return pack(u, s[..., None, :], vh)

    return lapack(factors, x)


def _svd_grad(g, out, x_shape):
    m, n = x_shape[-2:]
    k = min(m, n)
    shapes = ((m, k), (1, k), (k, n))
    (u, s, vh), (gu, gs, gvh) = unpack(out, *shapes), unpack(g, *shapes)
    squares = reshape(s * s, (*s.shape[:-2], k))
    su, sv = matmul(u.mT, gu), matmul(vh, gvh.mT)
    inner = _over_gaps(su - su.mT, squares) * s + _over_gaps(sv - sv.mT, squares) * s.mT
    inner = inner + diag_embed(reshape(gs, squares.shape))
    gx = matmul(matmul(u, inner), vh)
    if m > k:
        gx = gx + matmul(_ratio(gu - matmul(u, su), s), vh)
    if n > k:
        gx = gx + matmul(u, _ratio(gvh - matmul(sv.mT, vh), s.mT))
    return gx


svd_packed.grads(x=_svd_grad)


@composite(
    reference=lambda x, full_matrices=False: tuple(np.linalg.svd(x, full_matrices)),
    samples=lambda s: s.case(*_svd_samples(s).args, full_matrices=False),
    bound=1e-3,
)
def linalg_svd(x, full_matrices=True):
    """(U, S, V^T) with (U * S) V^T = x: orthonormal columns, descending singular values, orthonormal rows.

    The gradient of U and V needs distinct singular values; the further columns of full matrices have none.
    """
    x = matrices("svd", x)
    m, n = x.shape[-2:]
    k = min(m, n)
    u, s, vh = unpack(svd_packed(x), (m, k), (1, k), (k, n))
    if full_matrices and m != n:
        full = np.linalg.svd(np.nan_to_num(x.array))
        u = concatenate([u, full.U[..., k:]], -1) if m > k else u
        vh = concatenate([vh, full.Vh[..., k:, :]], -2) if n > k else vh
    return SVD(u, reshape(s, (*x.shape[:-2], k)), vh)


class SVDOfTorch(NamedTuple):
    U: Any
    S: Any
    V: Any


def _torch_svd_reference(x):
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return u, s, np.swapaxes(vh, -1, -2)


@composite(reference=finite(_torch_svd_reference), samples=_svd_samples, bound=1e-3)
def svd(x, some=True, compute_uv=True):
    """(U, S, V) as torch.svd, V not transposed; compute_uv=False: zeros for U and V."""
    u, s, vh = linalg_svd(x, full_matrices=not some)
    if not compute_uv:
        m, n = np.shape(raw(x))[-2:]
        batch = s.shape[:-1]
        return SVDOfTorch(Tensor(np.zeros((*batch, m, m), s.dtype)), s, Tensor(np.zeros((*batch, n, n), s.dtype)))
    return SVDOfTorch(u, s, vh.mT)


@composite(reference=lambda x: np.linalg.svd(x, compute_uv=False), samples=_svd_samples, bound=1e-4)
def svdvals(x):
    """The singular values, descending."""
    return linalg_svd(x, full_matrices=False).S
