"""Adaptive pooling: the output size is given, and the windows follow. Output pixel i of P sees input rows
floor(i H / P) to ceil((i + 1) H / P) - 1; where P divides H these are the windows of plain pooling."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from autograd.errors import ShapeError
from autograd.op import composite, op
from autograd.ops.places import resample
from autograd.ops.pool import AXES, avg_pool2d, four_axes, max_pool2d, scatter_pixels
from autograd.sampling import Case, Sampler
from autograd.shapes import check_count
from autograd.tensor import Tensor


def _output_size(name: str, shape: tuple[int, ...], output_size: Any) -> tuple[int, int]:
    """An int or a pair, in which None keeps the input's size."""
    both = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size, output_size)
    if len(both) != 2:
        raise ShapeError(f"{name}: output_size must be an int or a pair, got {output_size!r}")
    sizes = tuple(size if want is None else want for want, size in zip(both, shape[2:]))
    if any(not isinstance(n, (int, np.integer)) or n < 1 for n in sizes) or min(shape[2:]) < 1:
        raise ShapeError(f"{name}: output_size {output_size!r} must be at least 1, as H and W  [x: {shape}]")
    check_count(name, (*shape[:2], *sizes))
    return int(sizes[0]), int(sizes[1])


def spans(size: int, out: int) -> Iterator[slice]:
    return (slice(i * size // out, -(-(i + 1) * size // out)) for i in range(out))


def _samples(s: Sampler, name: str = "array") -> Case:
    shape = (s.size(2), s.size(2, (s.lanes(),)), s.integer(1, 7), s.integer(1, 7))
    output_size = s.choice([1, 2, 3, (2, 3), (None, 1), (3, None), (5, 4)])
    return s.case(getattr(s, name)(shape), output_size=output_size)


def _mean_reference(x: np.ndarray, output_size: Any) -> np.ndarray:
    p, q = _output_size("reference", x.shape, output_size)
    rows, columns = np.arange(x.shape[2]), np.arange(x.shape[3])
    inside_h = np.stack([(rows >= i * len(rows) // p) & (rows * p < (i + 1) * len(rows)) for i in range(p)])
    inside_w = np.stack([(columns >= i * len(columns) // q) & (columns * q < (i + 1) * len(columns)) for i in range(q)])
    mean_h, mean_w = inside_h / inside_h.sum(1, keepdims=True), inside_w / inside_w.sum(1, keepdims=True)
    return np.einsum("nchw,ph,qw->ncpq", x, mean_h, mean_w).astype(x.dtype)


# ---------------------------------------------------------------------------------------------- average


@functools.lru_cache(maxsize=16)
def _shares(size: int, out: int) -> tuple[np.ndarray, np.ndarray]:
    """Places (out, taps) of each window along an axis, and their shares of its mean; the last few are kept. Where a
    window has fewer elements, its last one fills up, and its share is divided."""
    windows = list(spans(size, out))
    taps = np.arange(max(span.stop - span.start for span in windows))
    first, count = (np.array(n)[:, None] for n in zip(*((span.start, span.stop - span.start) for span in windows)))
    last = taps >= count - 1
    return first + np.minimum(taps, count - 1), 1 / (count * np.where(last, last.sum(1, keepdims=True), 1))


def average_regions(x: Tensor, out: tuple[int, ...]) -> Tensor:
    """Means over windows of unequal sizes along the axes after N and C, one axis after the other."""
    for axis, n in enumerate(out, 2):
        places, shares = _shares(x.shape[axis], n)
        x = resample(x, axis=axis, sizes=(n,), places=places, weights=shares)
    return x


def _even_windows(shape: tuple[int, ...], out: tuple[int, int]) -> tuple[int, int] | None:
    """The kernel of the plain pooling that does the same, if there is one."""
    return None if shape[2] % out[0] or shape[3] % out[1] else (shape[2] // out[0], shape[3] // out[1])


@composite(axes=AXES, reference=_mean_reference, samples=_samples, linear_in=("x",), onnx="GlobalAveragePool")
def adaptive_avg_pool2d(x, output_size):
    """y[n, c, p, q] = mean of x[n, c, h, w] over floor(p H / P) <= h < ceil((p + 1) H / P), and likewise w

    x (N, C, H, W) -> (N, C, P, Q); output_size is P = Q or (P, Q), None keeps a size; 1 is global average pooling.
    Raises ShapeError for sizes below 1. Source: torch.nn.functional.adaptive_avg_pool2d.
    """
    x = four_axes("adaptive_avg_pool2d", x)
    out = _output_size("adaptive_avg_pool2d", x.shape, output_size)
    kernel = _even_windows(x.shape, out)
    return average_regions(x, out) if kernel is None else avg_pool2d(x, kernel_size=kernel)


# ---------------------------------------------------------------------------------------------- maximum


def _max_reference(x: np.ndarray, output_size: Any) -> tuple[np.ndarray, np.ndarray]:
    out = _output_size("reference", x.shape, output_size)
    places = np.arange(x.shape[2] * x.shape[3]).reshape(x.shape[2:])
    y, index = np.empty((*x.shape[:2], *out), x.dtype), np.empty((*x.shape[:2], *out), np.int64)
    for p, hs in enumerate(spans(x.shape[2], out[0])):
        for q, ws in enumerate(spans(x.shape[3], out[1])):
            window = x[:, :, hs, ws].reshape(*x.shape[:2], -1)
            y[:, :, p, q] = window.max(-1)
            index[:, :, p, q] = places[hs, ws].ravel()[window.argmax(-1)]
    return y, index


@op(axes=AXES, reference=_max_reference, samples=lambda s: _samples(s, "distinct"), extras=("index",), onnx="MaxPool")
def max_regions_with_index(x, *, output_size):
    """Maxima over windows of unequal sizes, and for each its place h * W + w, the first of equals (an extra)."""
    p, q = _output_size("adaptive_max_pool2d", x.shape, output_size)
    index = np.empty((*x.shape[:2], p, q), np.int64)
    for i, hs in enumerate(spans(x.shape[2], p)):
        places = np.arange(hs.start * x.shape[3], hs.stop * x.shape[3]).reshape(-1, x.shape[3])
        for j, ws in enumerate(spans(x.shape[3], q)):
            window = x[:, :, hs, ws].reshape(*x.shape[:2], places[:, ws].size)
            index[:, :, i, j] = places[:, ws].ravel()[window.argmax(-1)]
    flat = x.reshape(*x.shape[:2], x.shape[2] * x.shape[3])
    return np.take_along_axis(flat, index.reshape(*x.shape[:2], p * q), 2).reshape(index.shape), index


max_regions_with_index.grads(x=lambda g, index, x_shape: scatter_pixels(g, index=index, x_shape=x_shape))


@composite(
    axes=AXES,
    reference=lambda x, output_size: _max_reference(x, output_size)[0],
    samples=lambda s: _samples(s, "distinct"),
    onnx="GlobalMaxPool",
)
def adaptive_max_pool2d(x, output_size, return_indices=False):
    """y[n, c, p, q] = max of x[n, c, h, w] over floor(p H / P) <= h < ceil((p + 1) H / P), and likewise w

    Sizes as for adaptive_avg_pool2d. return_indices: also the places h * W + w, int64.
    """
    x = four_axes("adaptive_max_pool2d", x)
    out = _output_size("adaptive_max_pool2d", x.shape, output_size)
    kernel = _even_windows(x.shape, out)
    if kernel is not None:
        return max_pool2d(x, kernel, return_indices=return_indices)
    if not return_indices:
        return max_regions_with_index(x, output_size=out)
    y, index = max_regions_with_index.with_extras(x, output_size=out)
    return y, Tensor(index)
