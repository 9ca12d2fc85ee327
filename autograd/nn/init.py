"""Initial values, in place, by PyTorch's names and formulas. Random ones draw from the generator of manual_seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy as np

from autograd.errors import ShapeError
from autograd.grad_mode import no_grad
from autograd.shapes import near
from autograd.tensor import Tensor

T = TypeVar("T", bound=Tensor)

_skipping: ContextVar[bool] = ContextVar("skipping", default=False)

GAINS: dict[str, Callable[[Any], float]] = {
    **dict.fromkeys(
        ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "sigmoid"),
        lambda param: 1.0,
    ),
    "tanh": lambda param: 5.0 / 3,
    "relu": lambda param: math.sqrt(2.0),
    "leaky_relu": lambda param: math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2)),
    "selu": lambda param: 3.0 / 4,
}


@contextmanager
def skip() -> Iterator[None]:
    """Within it, the functions below leave tensors as they are and draw nothing: for weights that are loaded next."""
    token = _skipping.set(True)
    try:
        yield
    finally:
        _skipping.reset(token)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Factor that keeps the variance through a nonlinearity; param: the slope of leaky_relu (0.01)."""
    if nonlinearity not in GAINS:
        raise ValueError(f"calculate_gain: unknown nonlinearity {nonlinearity!r}{near(nonlinearity, GAINS)}")
    return GAINS[nonlinearity](param)


def fans(tensor: Tensor) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight (K, C, *kernel): C and K times the kernel's size."""
    if tensor.ndim < 2:
        raise ShapeError(f"init: fan in and out need a weight of at least 2 dimensions, got shape {tensor.shape}")
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def uniform_(tensor: T, a: float = 0.0, b: float = 1.0, generator: Any = None) -> T:
    """U(a, b)"""
    if not _skipping.get():
        with no_grad():
            tensor.uniform_(a, b, generator=generator)
    return tensor


def normal_(tensor: T, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> T:
    """N(mean, std^2)"""
    if not _skipping.get():
        with no_grad():
            tensor.normal_(mean, std, generator=generator)
    return tensor


def constant_(tensor: T, val: float) -> T:
    """All elements `val`."""
    if not _skipping.get():
        with no_grad():
            tensor.fill_(val)
    return tensor


def zeros_(tensor: T) -> T:
    return constant_(tensor, 0.0)


def ones_(tensor: T) -> T:
    return constant_(tensor, 1.0)


def _set(tensor: T, values: Any) -> T:
    if not _skipping.get():
        with no_grad():
            tensor.copy_(Tensor(np.asarray(values, tensor.dtype)))
    return tensor


def eye_(tensor: T) -> T:
    """The identity (2 dimensions)."""
    if tensor.ndim != 2:
        raise ShapeError(f"eye_: expected 2 dimensions, got shape {tensor.shape}")
    return _set(tensor, np.eye(tensor.shape[0], tensor.shape[1]))


def dirac_(tensor: T, groups: int = 1) -> T:
    """Convolution weights (K, C, *kernel) that pass each channel through unchanged."""
    if tensor.ndim < 3 or tensor.shape[0] % groups:
        raise ShapeError(f"dirac_: expected (K, C, *kernel) with K divisible by groups={groups}, got {tensor.shape}")
    values = np.zeros(tensor.shape)
    per_group = tensor.shape[0] // groups
    for k in range(tensor.shape[0]):
        if k % per_group < tensor.shape[1]:
            centre = (k, k % per_group, *(n // 2 for n in tensor.shape[2:]))
            values[centre] = 1
    return _set(tensor, values)


def xavier_uniform_(tensor: T, gain: float = 1.0, generator: Any = None) -> T:
    """U(-a, a), a = gain sqrt(6 / (fan_in + fan_out))   (Glorot and Bengio 2010)"""
    bound = gain * math.sqrt(6.0 / sum(fans(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: T, gain: float = 1.0, generator: Any = None) -> T:
    """N(0, std^2), std = gain sqrt(2 / (fan_in + fan_out))   (Glorot and Bengio 2010)"""
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / sum(fans(tensor))), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"kaiming: mode must be 'fan_in' or 'fan_out', got {mode!r}")
    fan = fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(
    tensor: T, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> T:
    """U(-b, b), b = gain sqrt(3 / fan)   (He et al. 2015); a: the slope of leaky_relu"""
    if 0 in tensor.shape:
        return tensor
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: T, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> T:
    """N(0, std^2), std = gain / sqrt(fan)   (He et al. 2015); a: the slope of leaky_relu"""
    if 0 in tensor.shape:
        return tensor
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def trunc_normal_(
    tensor: T, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Any = None
) -> T:
    """N(mean, std^2) restricted to [a, b], by drawing again what falls outside."""
    if _skipping.get():
        return tensor
    if a >= b or std <= 0:
        raise ValueError(f"trunc_normal_: expected a < b and std > 0, got a={a}, b={b}, std={std}")
    inside = 0.5 * (math.erf((b - mean) / std / math.sqrt(2)) - math.erf((a - mean) / std / math.sqrt(2)))
    if inside < 1e-3:
        raise ValueError(f"trunc_normal_: [{a}, {b}] holds less than 0.1% of N({mean}, {std}^2)")
    normal_(tensor, mean, std, generator)
    flat = tensor.array.reshape(-1)
    while (outside := np.flatnonzero((flat < a) | (flat > b))).size:
        again = Tensor(np.empty(outside.size, tensor.dtype))
        flat[outside] = normal_(again, mean, std, generator).array
    return _set(tensor, flat.reshape(tensor.shape))


def orthogonal_(tensor: T, gain: float = 1, generator: Any = None) -> T:
    """Rows (K, everything else) orthonormal, or columns where there are more rows   (Saxe et al. 2013)"""
    if tensor.ndim < 2:
        raise ShapeError(f"orthogonal_: expected at least 2 dimensions, got shape {tensor.shape}")
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    if 0 in (rows, columns):
        return tensor
    drawn = normal_(Tensor(np.empty((max(rows, columns), min(rows, columns)), tensor.dtype)), generator=generator)
    q, r = np.linalg.qr(drawn.array)
    q = q * np.where(np.diag(r) < 0, -1, 1)  # uniform over orthogonal matrices (Mezzadri 2007)
    return _set(tensor, gain * (q.T if rows < columns else q).reshape(tensor.shape))


def sparse_(tensor: T, sparsity: float, std: float = 0.01, generator: Any = None) -> T:
    """N(0, std^2) with a share `sparsity` of each column set to zero   (Martens 2010)"""
    if tensor.ndim != 2:
        raise ShapeError(f"sparse_: expected 2 dimensions, got shape {tensor.shape}")
    order = np.argsort(uniform_(Tensor(np.empty(tensor.shape, tensor.dtype)), generator=generator).array, axis=0)
    values = normal_(tensor, 0.0, std, generator).array.copy()
    zeros = math.ceil(sparsity * tensor.shape[0])
    np.put_along_axis(values, order[:zeros], 0, axis=0)
    return _set(tensor, values)
