"""What the ops on matrices share: checks, sample matrices, LAPACK calls that survive NaN, factors packed together."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.errors import DTypeError, ShapeError
from autograd.ops.index import getitem
from autograd.ops.linalg import tensor_of
from autograd.ops.shape import reshape
from autograd.sampling import Case, Sampler
from autograd.tape import declare
from autograd.tensor import Tensor

_solve_matrices = declare("solve_matrices")


def matrices(name: str, x: Any, square: bool = False) -> Tensor:
    """x as a stack of matrices of floats."""
    x = tensor_of(x)
    if x.ndim < 2:
        raise ShapeError(f"{name}: expected matrices (... M N), got x of shape {x.shape}")
    if square and x.shape[-1] != x.shape[-2]:
        raise ShapeError(f"{name}: expected square matrices (... N N), got x of shape {x.shape}")
    if x.dtype.kind != "f":
        raise DTypeError(f"{name}: expected floats, got {x.dtype}; use x.float()")
    return x


def inverse(x: Tensor) -> Tensor:
    """The inverses of square matrices: solutions for the unit matrix."""
    return _solve_matrices(x, np.broadcast_to(np.eye(x.shape[-1], dtype=x.dtype), x.shape))


def stack_of(s: Sampler, rows: int, columns: int) -> np.ndarray:
    """Random matrices that are far from singular."""
    batch = (s.size(2),) if s.boolean() else ()
    return np.asarray(s.array((*batch, rows, columns)) + 3 * np.eye(rows, columns, dtype=s.dtype))


def square_samples(s: Sampler) -> Case:
    n = s.size(4)
    return s.case(stack_of(s, n, n))


def apart_samples(s: Sampler, rows: int, columns: int) -> np.ndarray:
    """Matrices whose singular values differ by much."""
    k = min(rows, columns)
    u, v = np.linalg.qr(s.array((rows, rows)))[0], np.linalg.qr(s.array((columns, columns)))[0]
    return np.asarray((u[:, :k] * (1.0 + np.arange(k)[::-1])) @ v[:k], s.dtype)


def positive_samples(s: Sampler) -> Case:
    n = s.size(4)
    x = stack_of(s, n, n)
    return s.case(np.asarray(x @ x.mT + np.eye(n, dtype=s.dtype)))


def finite(reference: Callable) -> Callable:
    """A reference that, as LAPACK, refuses NaN: where it stands in a factor is nobody's promise."""

    @functools.wraps(reference)
    def checked(*args, **attrs):
        if any(np.isnan(a).any() for a in args if isinstance(a, np.ndarray) and a.dtype.kind == "f"):
            raise ValueError("NaN")
        return reference(*args, **attrs)

    return checked


def lapack(function: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
    """function(x), but NaN for matrices that are not finite, where LAPACK fails or never ends."""
    odd = ~np.isfinite(x).all((-2, -1))
    if not odd.any():
        return function(x)
    y = function(np.where(odd[..., None, None], np.eye(*x.shape[-2:], dtype=x.dtype), x))
    y[odd] = np.nan
    return y


def pack(*parts: np.ndarray) -> np.ndarray:
    """Stacks of matrices as one vector each, end to end."""
    batch = parts[0].shape[:-2]
    return np.concatenate([p.reshape(*batch, p.shape[-2] * p.shape[-1]) for p in parts], -1)


def unpack(y: Tensor, *shapes: tuple[int, int]) -> list[Tensor]:
    """The matrices that pack joined."""
    parts, start = [], 0
    for m, n in shapes:
        parts.append(reshape(getitem(y, (..., slice(start, start + m * n))), (*y.shape[:-1], m, n)))
        start += m * n
    return parts


def symmetric(x: Tensor) -> Tensor:
    return (x + x.mT) * 0.5
