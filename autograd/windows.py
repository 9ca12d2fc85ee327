"""Window functions: weights that fade out a piece of a signal at its ends. options: dtype, device, requires_grad.

periodic: one period of a repeating window, as Fourier transforms want it; else the window is symmetric.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.errors import ShapeError
from autograd.factories import floating, made
from autograd.tensor import Tensor


def window(
    name: str,
    weight: Callable[[np.ndarray], np.ndarray],
    length: int,
    periodic: bool,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    layout: Any = None,
) -> Tensor:
    """weight(t) at `length` points t from 0 to 1, of which periodic leaves out the last; a single point weighs 1."""
    if length < 0:
        raise ShapeError(f"{name}: window_length is {length}, expected at least 0")
    kind = floating(dtype, name)
    if length <= 1:
        return made(np.ones(length, kind), requires_grad, device)
    return made(weight(np.linspace(0, 1, length + bool(periodic))[:length]).astype(kind), requires_grad, device)


def cosines(*weights: float) -> Callable[[np.ndarray], np.ndarray]:
    """w0 - w1 cos(2 pi t) + w2 cos(4 pi t) ..."""
    return lambda t: sum((-1) ** k * w * np.cos(2 * np.pi * k * t) for k, w in enumerate(weights))  # type: ignore[return-value]


def hann_window(window_length: int, periodic: bool = True, **options: Any) -> Tensor:
    """0.5 - 0.5 cos(2 pi t), t from 0 to 1"""
    return window("hann_window", cosines(0.5, 0.5), window_length, periodic, **options)


def hamming_window(
    window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, **options: Any
) -> Tensor:
    """alpha - beta cos(2 pi t), t from 0 to 1"""
    return window("hamming_window", cosines(alpha, beta), window_length, periodic, **options)


def blackman_window(window_length: int, periodic: bool = True, **options: Any) -> Tensor:
    """0.42 - 0.5 cos(2 pi t) + 0.08 cos(4 pi t), t from 0 to 1"""
    return window("blackman_window", cosines(0.42, 0.5, 0.08), window_length, periodic, **options)


def bartlett_window(window_length: int, periodic: bool = True, **options: Any) -> Tensor:
    """1 - |2 t - 1|, t from 0 to 1"""
    return window("bartlett_window", lambda t: 1 - np.abs(2 * t - 1), window_length, periodic, **options)


def kaiser_window(window_length: int, periodic: bool = True, beta: float = 12.0, **options: Any) -> Tensor:
    """I0(beta sqrt(1 - (2 t - 1)^2)) / I0(beta), t from 0 to 1; I0 is the modified Bessel function of order 0"""

    def weight(t: np.ndarray) -> np.ndarray:
        return np.asarray(np.i0(beta * np.sqrt(np.maximum(1 - (2 * t - 1) ** 2, 0))) / np.i0(beta))

    return window("kaiser_window", weight, window_length, periodic, **options)
