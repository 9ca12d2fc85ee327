"""Windows and Fourier transforms, random numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import autograd as ag
from autograd.onnx.quantised import numpy_dtype
from autograd.onnx.values import array, ints, scalar, tensor
from autograd.tensor import Tensor


def _cosine_window(*weights: float) -> Callable[..., Tensor]:
    """sum_k (-1)^k weights[k] cos(2 pi k n / N)"""

    def call(size: Tensor, *, output_datatype: int = 1, periodic: int = 1) -> Tensor:
        n = int(scalar(size))
        at = 2 * np.pi * np.arange(n) / (n if periodic else n - 1)
        window = sum((-1) ** k * w * np.cos(k * at) for k, w in enumerate(weights))
        return tensor(np.asarray(window).astype(numpy_dtype(output_datatype)))

    return call


def _complex(a: np.ndarray) -> np.ndarray:
    return a[..., 0] + 1j * a[..., 1] if a.shape[-1] == 2 else a[..., 0]


def _pair(c: np.ndarray, dtype: Any) -> Tensor:
    return tensor(np.stack([c.real, c.imag], -1).astype(dtype))


def _dft(
    x: Tensor,
    length: Any = None,
    given: Any = None,
    *,
    axis: int | None = None,
    inverse: int = 0,
    onesided: int = 0,
    opset: int,
):
    default = -2 if opset >= 20 else 1
    over = ints(given)[0] if given is not None else default if axis is None else axis
    over = over + 1 if over < 0 else over  # the last axis of x is the pair (real, imaginary)
    a, n = _complex(array(x)), None if length is None else int(scalar(length))
    if inverse and onesided:
        return tensor(np.fft.irfft(a, n, over)[..., None].astype(x.dtype))
    y = np.fft.ifft(a, n, over) if inverse else np.fft.rfft(a.real, n, over) if onesided else np.fft.fft(a, n, over)
    return _pair(y, x.dtype)


def _stft(x: Tensor, step: Tensor, window: Any = None, length: Any = None, *, onesided: int = 1) -> Tensor:
    a = _complex(array(x)) if array(x).ndim == 3 else array(x)
    w = array(window) if window is not None else np.ones(int(scalar(length)), x.dtype)
    starts = np.arange(0, a.shape[1] - len(w) + 1, int(scalar(step)))
    frames = a[:, starts[:, None] + np.arange(len(w))] * w
    return _pair(np.fft.rfft(frames.real) if onesided else np.fft.fft(frames), x.dtype)


def _mel_weight_matrix(mels, length, rate, low, high, *, output_datatype: int = 1) -> Tensor:
    """(length // 2 + 1, mels): triangles that are evenly spaced on the mel scale."""
    count, n = int(scalar(mels)), int(scalar(length))
    ends = 2595 * np.log10(1 + np.array([scalar(low), scalar(high)]) / 700)
    edges = 700 * (10 ** (np.arange(count + 2) * (ends[1] - ends[0]) / (count + 2) / 2595 + ends[0] / 2595) - 1)
    bins = ((n + 1) * edges // scalar(rate)).astype(int)
    out = np.zeros((n // 2 + 1, count))
    for i, (left, top, right) in enumerate(zip(bins, bins[1:], bins[2:])):
        if top == left:
            out[top, i] = 1
        out[left : top + 1, i] = np.linspace(0, 1, top - left + 1) if top > left else out[left : top + 1, i]
        if right > top:
            out[top:right, i] = (right - np.arange(top, right)) / (right - top)
    return tensor(out.astype(numpy_dtype(output_datatype)))


def _generator(seed: float | None) -> Any:
    return None if seed is None else ag.Generator().manual_seed(int(seed))


def _random(function: Callable[..., Any], first: str, second: str) -> Callable[..., Any]:
    def call(*like: Any, attrs: dict[str, Any]) -> Tensor:
        shape = array(like[0]).shape if like else tuple(attrs["shape"])
        dtype = numpy_dtype(attrs["dtype"]) if "dtype" in attrs else like[0].dtype if like else np.dtype(np.float32)
        a, b = attrs.get(first, 0.0), attrs.get(second, 1.0)
        wide = np.float64 if dtype == np.float64 else np.float32
        return function(a, b, shape=shape, generator=_generator(attrs.get("seed")), dtype=wide).astype(dtype)  # type: ignore[no-any-return]

    return call


def _bernoulli(x: Tensor, *, dtype: int | None = None, seed: float | None = None) -> Tensor:
    drawn = ag.bernoulli(x, generator=_generator(seed))
    return drawn.astype(x.dtype if dtype is None else numpy_dtype(dtype))  # type: ignore[no-any-return]


TABLE: dict[str, Callable[..., Any]] = {
    "HannWindow": _cosine_window(0.5, 0.5),
    "HammingWindow": _cosine_window(25 / 46, 21 / 46),
    "BlackmanWindow": _cosine_window(0.42, 0.5, 0.08),
    "DFT": _dft,
    "STFT": _stft,
    "MelWeightMatrix": _mel_weight_matrix,
    "RandomNormal": _random(ag.normal, "mean", "scale"),
    "RandomNormalLike": _random(ag.normal, "mean", "scale"),
    "RandomUniform": _random(ag.uniform, "low", "high"),
    "RandomUniformLike": _random(ag.uniform, "low", "high"),
    "Bernoulli": _bernoulli,
}
