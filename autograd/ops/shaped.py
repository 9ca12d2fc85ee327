"""Matrices under other shapes and with status codes: torch.linalg's variants of inverses and factorisations."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from autograd.errors import ShapeError
from autograd.op import composite
from autograd.ops.factor import cholesky
from autograd.ops.index import getitem
from autograd.ops.join import concatenate
from autograd.ops.lapack import finite, matrices, positive_samples, square_samples, stack_of
from autograd.ops.linalg import matmul, tensor_of
from autograd.ops.matnorm import lu_factor
from autograd.ops.matrix import diagonal
from autograd.ops.shape import movedim, reshape
from autograd.ops.solve import inv, solve
from autograd.sampling import Case, Sampler
from autograd.tensor import Tensor


class Checked(NamedTuple):
    """A result and, for each matrix, 0 if all went well."""

    result: Any
    info: Any


class CheckedLU(NamedTuple):
    LU: Any
    pivots: Any
    info: Any


def _zeros(x: Tensor) -> Tensor:
    return Tensor(np.zeros(x.shape[:-2], np.int32))


def _with_zeros(reference):
    return finite(lambda x, *args: (reference(x, *args), np.zeros(x.shape[:-2], np.int32)))


@composite(reference=_with_zeros(np.linalg.inv), samples=square_samples, bound=1e-3)
def inv_ex(x, *, check_errors=False):
    """(inverse, info); a singular matrix is an error here, so info is 0."""
    return Checked(inv(matrices("inv_ex", x, square=True)), _zeros(tensor_of(x)))


@composite(reference=_with_zeros(lambda x: np.linalg.cholesky(x)), samples=positive_samples, bound=1e-3)
def cholesky_ex(x, *, upper=False, check_errors=False):
    """(L, info); a matrix that is not positive definite is an error here, so info is 0."""
    return Checked(cholesky(x, upper=upper), _zeros(tensor_of(x)))


@composite(
    reference=_with_zeros(lambda x, y: np.linalg.inv(x) @ y),
    samples=lambda s: (lambda x: s.case(x, s.array((*x.shape[:-1], 2))))(square_samples(s).args[0]),
    linear_in=("y",),
    bound=1e-3,
)
def solve_ex(x, y, *, left=True, check_errors=False):
    """(z, info) with x z = y; a singular matrix is an error here, so info is 0."""
    return Checked(solve(x, y, left), _zeros(tensor_of(x)))


def _lu_reference(x):
    packed, pivots = lu_factor.record.reference(x)  # type: ignore[attr-defined]
    return packed, pivots, np.zeros(x.shape[:-2], np.int32)


@composite(reference=_lu_reference, samples=square_samples, bound=1e-3)
def lu_factor_ex(x, pivot=True, *, check_errors=False):
    """(LU, pivots, info)."""
    packed, pivots = lu_factor(x, pivot)
    return CheckedLU(packed, pivots, _zeros(tensor_of(x)))


# --------------------------------------------------------------------------------------------- tensors as matrices


@composite(
    reference=lambda x, ind=2: np.linalg.tensorinv(x, ind),
    samples=lambda s: s.case(np.asarray(stack_of(s, 4, 4).reshape(-1, 4, 4)[0].reshape(2, 2, 4)), ind=2),
    bound=1e-3,
)
def tensorinv(x, ind=2):
    """The inverse under tensordot over `ind` axes: the first `ind` axes are the rows, the rest the columns."""
    x = tensor_of(x)
    rows, columns = x.shape[:ind], x.shape[ind:]
    if ind < 1 or math.prod(rows) != math.prod(columns):
        raise ShapeError(f"tensorinv: the sizes before and after axis {ind} must multiply to the same  [x: {x.shape}]")
    back = inv(matrices("tensorinv", reshape(x, (math.prod(rows), math.prod(columns)))))
    return reshape(back, (*columns, *rows))


def _tensorsolve_samples(s: Sampler) -> Case:
    return s.case(np.asarray(stack_of(s, 4, 4).reshape(-1, 4, 4)[0].reshape(2, 2, 4)), s.array((2, 2)))


@composite(reference=lambda x, y: np.linalg.tensorsolve(x, y), samples=_tensorsolve_samples, bound=1e-3)
def tensorsolve(x, y, dims=None):
    """z with tensordot(x, z, z.ndim) = y; dims: axes of x that are moved to its end first."""
    x, y = tensor_of(x), tensor_of(y)
    x = x if dims is None else movedim(x, tuple(dims), tuple(range(x.ndim - len(dims), x.ndim)))
    shape = x.shape[y.ndim :]
    if math.prod(x.shape) != math.prod(y.shape) ** 2 or math.prod(shape) != math.prod(y.shape):
        context = f"[x: {x.shape}, y: {y.shape}]"
        raise ShapeError(f"tensorsolve: x must hold the square of y's elements, y's own axes first  {context}")
    n = math.prod(shape)
    return reshape(solve(reshape(x, (n, n)), reshape(y, (n,))), shape)


@composite(
    reference=lambda x, N=None: np.vander(x, N, increasing=True),
    samples=lambda s: s.case(s.array((s.size(),)), N=s.choice((None, 2, 4))),
)
def vander(x, *, N=None):
    """Powers of x: y[..., i, j] = x[..., i] ** j, for N columns."""
    x = tensor_of(x)
    x = reshape(x, 1) if x.ndim == 0 else x
    columns: list[Tensor] = []
    power = Tensor(np.ones(x.shape, x.dtype))
    for _ in range(x.shape[-1] if N is None else N):
        columns.append(power.unsqueeze(-1))
        power = power * x
    return concatenate(columns, -1) if columns else reshape(x, (*x.shape, 1))[..., :0]


@composite(
    reference=lambda x, offset=0: np.diagonal(x, offset, -2, -1),
    samples=lambda s: s.case(s.array((2, 3, s.size(3))), offset=s.integer(-1, 1)),
    linear_in=("x",),
    view=True,
)
def linalg_diagonal(x, *, offset=0, dim1=-2, dim2=-1):
    """The diagonals of matrices in the last two axes."""
    return diagonal(x, offset, dim1, dim2)


def _reflected(x, tau):
    m, n = x.shape
    q = np.eye(m)
    for i in range(len(tau)):
        v = np.concatenate([np.zeros(i), [1], x[i + 1 :, i]])
        q = q @ (np.eye(m) - tau[i] * np.outer(v, v))
    return q[:, :n]


@composite(reference=_reflected, samples=lambda s: s.case(s.array((4, 3)), s.array((s.integer(1, 3),))))
def householder_product(x, tau):
    """The first columns of the product of I - tau[i] v v^T over the columns v of x, below a diagonal of 1."""
    x, tau = matrices("householder_product", x), tensor_of(tau)
    m, n = x.shape[-2:]
    if n > m or tau.ndim != x.ndim - 1 or tau.shape[-1] > n or tau.shape[:-1] != x.shape[:-2]:
        context = f"[x: {x.shape}, tau: {tau.shape}]"
        raise ShapeError(f"householder_product: expected x (... M N), M >= N, and tau (... K)  {context}")
    q = Tensor(np.broadcast_to(np.eye(m, n, dtype=x.dtype), x.shape))
    for i in reversed(range(tau.shape[-1])):
        below, at = (np.arange(m) > i).astype(x.dtype)[:, None], (np.arange(m) == i).astype(x.dtype)[:, None]
        v = getitem(x, (..., slice(i, i + 1))) * below + at
        q = q - matmul(v * reshape(getitem(tau, (..., i)), (*tau.shape[:-1], 1, 1)), matmul(v.mT, q))
    return q
