"""Pooling to any size by windows at pseudo-random places. Graham, Fractional Max-Pooling, arXiv:1412.6071."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.errors import ShapeError
from autograd.op import composite
from autograd.ops.elementwise import raw
from autograd.ops.index import take_along_axis
from autograd.ops.random import source
from autograd.ops.shape import reshape
from autograd.ops.window import image_axes
from autograd.sampling import Case, Sampler
from autograd.tensor import Tensor


def _sizes(name: str, value: Any, count: int) -> tuple[Any, ...]:
    found = tuple(value) if isinstance(value, (tuple, list)) else (value,) * count
    if len(found) != count:
        raise ShapeError(f"{name}: expected a number or {count} numbers, got {value!r}")
    return found


def _starts(u: np.ndarray, size: int, out: int, kernel: int) -> np.ndarray:
    """Where the windows of each (n, c) begin: about equally far apart, shifted by u; the last one at the end."""
    step = (size - kernel) / (out - 1) if out > 1 else 0.0
    shifted = np.trunc((np.arange(out) + u[..., None]) * step) - np.trunc(u[..., None] * step)
    shifted[..., -1] = size - kernel
    return shifted.astype(np.int64)


def _places(u: np.ndarray, sizes: tuple, outs: tuple, kernels: tuple) -> np.ndarray:
    """The places in the flattened picture of each window's elements, (N, C, windows, elements)."""
    count = len(sizes)
    order = (1, 0) if count == 2 else (0, 1, 2)  # PyTorch draws the columns' number first
    place: Any = 0
    for axis in range(count):
        starts = _starts(u[..., order[axis]], sizes[axis], outs[axis], kernels[axis])
        cells = starts[..., None] + np.arange(kernels[axis])  # (N, C, P, R)
        shape = [*starts.shape[:2], *[1] * (2 * count)]
        shape[2 + axis], shape[2 + count + axis] = outs[axis], kernels[axis]
        place = place * sizes[axis] + cells.reshape(shape)
    return np.asarray(place.reshape(*u.shape[:2], math.prod(outs), math.prod(kernels)))


def _pool(name, x, kernel_size, output_size, output_ratio, return_indices, samples, generator, count):
    x = image_axes(name, x, count)
    if output_size is None and output_ratio is None:
        raise ShapeError(f"{name}: give output_size or output_ratio")
    kernels = _sizes(f"{name}: kernel_size", kernel_size, count)
    if output_size is None:
        ratios = _sizes(f"{name}: output_ratio", output_ratio, count)
        output_size = tuple(int(n * ratio) for n, ratio in zip(x.shape[2:], ratios))
    outs = _sizes(f"{name}: output_size", output_size, count)
    for n, out, kernel in zip(x.shape[2:], outs, kernels):
        if out < 1 or kernel < 1 or out + kernel - 1 > n:
            raise ShapeError(
                f"{name}: {out} windows of {kernel} do not fit into {n} elements  "
                f"[x: {x.shape}, kernel_size={kernels}, output_size={outs}]"
            )
    u = raw(samples) if samples is not None else source(generator).random((*x.shape[:2], count))
    u = np.asarray(u)[: len(x)]  # of a larger batch, as PyTorch has it
    if np.shape(u) != (*x.shape[:2], count):
        raise ShapeError(f"{name}: _random_samples has shape {np.shape(u)}, expected {(*x.shape[:2], count)}")
    place = _places(u, x.shape[2:], outs, kernels)
    shape = (*x.shape[:2], *outs)
    pixels = math.prod(x.shape[2:])
    flat = x.array.reshape(*x.shape[:2], 1, pixels)
    cells = np.take_along_axis(np.broadcast_to(flat, (*place.shape[:3], pixels)), place, -1)
    best = np.where(np.isnan(cells).any(-1), np.isnan(cells).argmax(-1), cells.argmax(-1))
    index = np.take_along_axis(place, best[..., None], -1)[..., 0]
    y = reshape(take_along_axis(reshape(x, (*x.shape[:2], pixels)), index, axis=2), shape)
    return (y, Tensor(index.reshape(shape))) if return_indices else y


def _samples(count: int):
    def draw(s: Sampler) -> Case:
        n, c, sizes = s.size(2), s.size(2), (6, 7, 5)[:count]
        u = np.stack([s.array((n, c), 0.0, 0.99) for _ in range(count)], -1)
        return s.case(s.distinct((n, c, *sizes)), kernel_size=2, output_size=3, _random_samples=u)

    return draw


def _reference(count: int):
    def reference(x, kernel_size, output_size, _random_samples):
        y = np.empty((*x.shape[:2], *(output_size,) * count))
        for place in np.ndindex(y.shape):
            n, c, *window = place
            cells, u = x[n, c], _random_samples[n, c]
            for axis, i in enumerate(window):
                shift, size = (u[::-1] if count == 2 else u)[axis], x.shape[2 + axis]
                step = (size - kernel_size) / (output_size - 1)
                start = int((i + shift) * step) - int(shift * step) if i < output_size - 1 else size - kernel_size
                cells = np.take(cells, range(start, start + kernel_size), axis)
            y[place] = cells.max()
        return y

    return reference


@composite(reference=_reference(2), samples=_samples(2))
def fractional_max_pool2d(
    x, kernel_size, output_size=None, output_ratio=None, return_indices=False, _random_samples=None, *, generator=None
):
    """The largest element of each of output_size windows of x (N, C, H, W), placed pseudo-randomly for each n and c.

    output_ratio: the size as a part of x's. return_indices: also h * W + w. _random_samples: (N, C, 2) in [0, 1).
    """
    arguments = kernel_size, output_size, output_ratio, return_indices, _random_samples, generator
    return _pool("fractional_max_pool2d", x, *arguments, 2)


@composite(reference=_reference(3), samples=_samples(3))
def fractional_max_pool3d(
    x, kernel_size, output_size=None, output_ratio=None, return_indices=False, _random_samples=None, *, generator=None
):
    """fractional_max_pool2d of volumes (N, C, D, H, W)."""
    arguments = kernel_size, output_size, output_ratio, return_indices, _random_samples, generator
    return _pool("fractional_max_pool3d", x, *arguments, 3)
