"""Weights of a fixed norm: by direction and length, by their largest singular value, or orthogonal."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.errors import ShapeError
from autograd.nn import functional as F
from autograd.nn.conv import _ConvTranspose
from autograd.nn.module import Module
from autograd.nn.utils.parametrize import register_parametrization
from autograd.ops.linalg import tensor_of
from autograd.ops.random import default_generator
from autograd.tensor import Tensor


def length(v: Tensor, dim: int | None) -> Tensor:
    """The norm of v over all axes but this one (None: over all), with the axes kept."""
    others = tuple(i for i in range(v.ndim) if dim is None or i != dim % v.ndim)
    return F.vector_norm(v, 2, others, True) if dim is not None else F.vector_norm(v, 2)  # type: ignore[no-any-return]


class _WeightNorm(Module):
    """g v / ||v||, the norm over all axes but dim   (Salimans, Kingma 2016)"""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, g: Tensor, v: Tensor) -> Tensor:
        return v * (g / length(v, self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return length(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """weight = g v / ||v||, for each index of dim: length g (original0) and direction v (original1) train apart."""
    return register_parametrization(module, name, _WeightNorm(dim), unsafe=True)


def power_iteration(matrix: np.ndarray, u: np.ndarray, v: np.ndarray, times: int, eps: float) -> None:
    """Brings u and v, in place, nearer to the singular vectors of the largest singular value."""
    for _ in range(times):
        for target, product in ((u, lambda: matrix @ v), (v, lambda: matrix.T @ u)):
            found = product()
            target[...] = found / max(float(np.linalg.norm(found)), eps)


def unit_vector(n: int, dtype: Any, eps: float) -> Tensor:
    found = default_generator.numpy.standard_normal(n)
    return Tensor((found / max(float(np.linalg.norm(found)), eps)).astype(dtype))


class _SpectralNorm(Module):
    """weight / its largest singular value, which a power iteration follows   (Miyato et al. 2018)"""

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        if n_power_iterations < 1 or not -weight.ndim <= dim < max(weight.ndim, 1):
            raise ValueError(
                f"spectral_norm: n_power_iterations={n_power_iterations} and {dim=} must be at least 1 and an axis of "
                f"the weight, of shape {weight.shape}"
            )
        self.n_power_iterations, self.eps = n_power_iterations, eps
        self.dim = dim % max(weight.ndim, 1)
        if weight.ndim > 1:
            matrix = self._matrix(weight.detach())
            for name, n in zip(("_u", "_v"), matrix.shape):
                self.register_buffer(name, unit_vector(n, weight.dtype, eps))
            power_iteration(matrix.array, self._u.array, self._v.array, 15, eps)

    def _matrix(self, weight: Tensor) -> Tensor:
        return weight.movedim(self.dim, 0).flatten(1)  # type: ignore[no-any-return]

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return F.normalize(weight, 2, 0, self.eps)  # type: ignore[no-any-return]
        matrix = self._matrix(weight)
        if self.training:
            power_iteration(matrix.array, self._u.array, self._v.array, self.n_power_iterations, self.eps)
        u, v = Tensor(self._u.array.copy()), Tensor(self._v.array.copy())  # the graph must not see the next step's
        return weight / (u @ (matrix @ v))

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def default_dim(module: Module, dim: int | None) -> int:
    """The axis of output channels."""
    return (1 if isinstance(module, _ConvTranspose) else 0) if dim is None else dim


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """weight = original / its largest singular value, seen as a matrix with one row for each index of dim."""
    weight = getattr(module, name)
    dim = default_dim(module, dim)
    return register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))


# --------------------------------------------------------------------------------------------- orthogonal


def _orthonormal(x: np.ndarray) -> np.ndarray:
    """The columns made orthonormal one after another, signs kept."""
    q, r = np.linalg.qr(x.astype(np.float64))
    return np.asarray(q * np.where(np.diagonal(r, axis1=-2, axis2=-1) < 0, -1, 1)[..., None, :], x.dtype)


def _is_orthonormal(x: np.ndarray) -> bool:
    gram = np.swapaxes(x, -1, -2) @ x
    return bool(np.abs(gram - np.eye(x.shape[-1])).max(initial=0) < 10 * x.shape[-1] * np.finfo(x.dtype).eps)


class _Orthogonal(Module):
    """A matrix with orthonormal columns (or rows) from any matrix: by matrix_exp, cayley or householder.

    With trivialization the matrix is a change of `base`, which starts as the weight made orthogonal.
    Lezcano-Casado, Trivializations for Gradient-Based Optimization on Manifolds, NeurIPS 2019.
    """

    base: Tensor | None

    def __init__(self, weight: Tensor, orthogonal_map: str, use_trivialization: bool = True) -> None:
        super().__init__()
        if orthogonal_map not in ("matrix_exp", "cayley", "householder"):
            raise ValueError(f"orthogonal: expected matrix_exp, cayley or householder, got {orthogonal_map!r}")
        self.orthogonal_map = orthogonal_map
        self.register_buffer("base", weight.detach() if use_trivialization else None)
        if not use_trivialization and orthogonal_map != "householder":
            self.__dict__["right_inverse"] = None  # nobody knows one

    def forward(self, x: Tensor) -> Tensor:
        wide = x.shape[-2] < x.shape[-1]
        x = x.mT if wide else x
        q = self._by_reflections(x) if self.orthogonal_map == "householder" else self._by_rotation(x)
        q = q if self.base is None else self.base @ q
        return q.mT if wide else q

    def _by_reflections(self, x: Tensor) -> Tensor:
        a = F.tril(x, -1)
        tau = 2 / (1 + (a * a).sum(-2))
        signs = np.trunc(np.diagonal(x.array, axis1=-2, axis2=-1))[..., None, :]
        return F.householder_product(a, tau) * signs  # type: ignore[no-any-return]

    def _by_rotation(self, x: Tensor) -> Tensor:
        n, k = x.shape[-2:]
        x = F.tril(x)
        if n != k:
            x = F.concatenate([x, Tensor(np.zeros((*x.shape[:-1], n - k), x.dtype))], -1)
        skew = x - x.mT
        if self.orthogonal_map == "matrix_exp":
            q = F.matrix_exp(skew)
        else:
            one = np.eye(n, dtype=x.dtype)
            q = F.solve(one - 0.5 * skew, one + 0.5 * skew)
        return q[..., :k]  # type: ignore[no-any-return]

    def right_inverse(self, weight: Tensor) -> Tensor:
        array = weight.array
        wide = array.shape[-2] < array.shape[-1]
        q = np.swapaxes(array, -1, -2) if wide else array
        n, k = q.shape[-2:]
        if self.base is None:
            packed, tau = np.linalg.qr(q, "raw")
            made = np.ascontiguousarray(np.swapaxes(packed, -1, -2))
            places = np.arange(k)
            signs = np.sign(made[..., places, places])
            made[..., places, places] = np.where(tau == 0, -signs, signs)
        else:
            extra = default_generator.numpy.standard_normal((*q.shape[:-1], n - k)).astype(q.dtype)
            full = np.concatenate([q, extra], -1)
            self.base = tensor_of(q.copy() if n == k and _is_orthonormal(q) else _orthonormal(full))
            made = -np.broadcast_to(np.eye(n, k, dtype=q.dtype), q.shape)  # from which all three maps make the identity
        return Tensor(np.swapaxes(made, -1, -2) if wide else made)


def orthogonal(
    module: Module, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> Module:
    """The weight becomes a matrix with orthonormal columns, or rows if it has more columns than rows.

    orthogonal_map: matrix_exp (default for squares), cayley or householder (the default else).
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"orthogonal: {type(module).__name__} has no parameter or buffer {name!r}")
    if weight.ndim < 2:
        raise ShapeError(f"orthogonal: expected a matrix or more, {name} has shape {weight.shape}")
    square = weight.shape[-2] == weight.shape[-1]
    chosen = orthogonal_map or ("matrix_exp" if square else "householder")
    return register_parametrization(module, name, _Orthogonal(weight, chosen, use_trivialization), unsafe=True)
