"""Gradient clipping: by the norm of all gradients together, or element by element."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from autograd.tensor import Tensor


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    given = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p.grad for p in given if p.grad is not None]


def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of all elements of the tensors together. foreach is ignored: there is one implementation."""
    arrays = [x.array for x in ([tensors] if isinstance(tensors, Tensor) else tensors)]
    norm_type = float(norm_type)
    if not arrays:
        return Tensor(np.float32(0))
    if norm_type == math.inf:
        total = max(float(np.abs(x).max(initial=0)) for x in arrays)
    else:
        norms = np.array([np.linalg.norm(x.reshape(-1), norm_type) for x in arrays], np.float64)
        total = float(np.linalg.norm(norms, norm_type))
    if error_if_nonfinite and not math.isfinite(total):
        raise ValueError(f"get_total_norm: the total norm of the gradients is {total}")
    return Tensor(np.asarray(total, arrays[0].dtype))


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scales all gradients by min(1, max_norm / (total_norm + 1e-6))."""
    factor = max_norm / (float(total_norm) + 1e-6)
    if not factor >= 1:  # NaN comes here too, and shows
        for g in _gradients(parameters):
            np.multiply(g.array, g.dtype.type(factor), out=g.array)
            g.bump()


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scales all gradients by min(1, max_norm / (norm + 1e-6)), norm over all of them together; returns the norm."""
    parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    total = get_total_norm(_gradients(parameters), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(parameters, max_norm, total)
    return total


clip_grad_norm = clip_grad_norm_


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None) -> None:
    """Limits every element of the gradients to [-clip_value, clip_value]."""
    for g in _gradients(parameters):
        np.clip(g.array, -clip_value, clip_value, out=g.array)
        g.bump()
