"""Resizing and affine maps, by bilinear interpolation of whole batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import kernels
from autograd.data.seeds import Words, uniform
from autograd.vision.transforms.basic import Batch, Transform, halves, pair, through

Floats = NDArray[Any]


class Resize(Transform):
    """`size`: (H, W), or an int for the shorter side; bilinear, and smoothed when it shrinks (antialias)."""

    def __init__(self, size: int | Sequence[int], antialias: bool = True) -> None:
        self.shorter = size if isinstance(size, int) else None
        self.size = pair("Resize", size)
        self.antialias = antialias

    def apply(self, images: Batch, raw: Words) -> Batch:
        height, width = self.size
        if self.shorter is not None:
            h, w = images.shape[2:]
            height, width = (self.shorter, self.shorter * w // h) if h <= w else (self.shorter * h // w, self.shorter)
        if images.shape[2:] == (height, width):
            return images.copy()
        tables = [table for old, new in zip(images.shape[2:], (height, width))
                  for table in _weights(old, new, self.antialias)]  # fmt: skip
        return through(images, lambda values: kernels.picture_resampled(values, *tables))


def _weights(old: int, new: int, antialias: bool) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """For each new pixel the first old one that counts, (new,), and how much that and those after it do, (new, taps).
    Pixel centres lie at k + 1/2."""
    scale = old / new
    reach = max(scale, 1.0) if antialias else 1.0
    centres = (np.arange(new) + 0.5) * scale - 0.5
    if not antialias:
        centres = np.clip(centres, 0, old - 1)
    taps = min(old, int(np.ceil(2 * reach)) + 1)
    first = np.clip(np.floor(centres - reach).astype(np.intp) + 1, 0, old - taps)
    weights = np.maximum(0, 1 - np.abs(first[:, None] + np.arange(taps) - centres[:, None]) / reach)
    return first, (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def _neighbours(places: Floats, size: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """The same for bilinear values at places (N, P) in 0 .. size - 1."""
    taps = min(2, size)
    first = np.clip(np.floor(places).astype(np.intp), 0, size - taps)
    return first, np.maximum(0, 1 - np.abs(first[..., None] + np.arange(taps) - places[..., None])).astype(np.float32)


class RandomResizedCrop(Transform):
    """A random part, `scale` of the area and `ratio` of width to height, resized to `size`: the augmentation of
    ImageNet training (Szegedy et al. 2015). Bilinear, without smoothing.
    """

    random = True

    def __init__(
        self,
        size: int | Sequence[int],
        scale: tuple[float, float] = (0.08, 1.0),
        ratio: tuple[float, float] = (3 / 4, 4 / 3),
    ) -> None:
        self.size = pair("RandomResizedCrop", size)
        if not (0 < scale[0] <= scale[1] <= 1 and 0 < ratio[0] <= ratio[1]):
            raise ValueError(f"RandomResizedCrop: scale={scale} and ratio={ratio} must be rising, scale within (0, 1]")
        self.scale, self.ratio = scale, ratio

    def apply(self, images: Batch, raw: Words) -> Batch:
        h, w = images.shape[2:]
        u = uniform(raw)
        area = h * w * (self.scale[0] + u[:, 0] * (self.scale[1] - self.scale[0]))
        low, high = np.log(self.ratio)
        ratio = np.exp(low + u[:, 1] * (high - low))
        tall, wide = np.minimum(np.sqrt(area / ratio), h), np.minimum(np.sqrt(area * ratio), w)
        top, left = u[:, 2] * (h - tall), u[:, 3] * (w - wide)
        rows = top[:, None] + (np.arange(self.size[0]) + 0.5) * (tall / self.size[0])[:, None] - 0.5
        columns = left[:, None] + (np.arange(self.size[1]) + 0.5) * (wide / self.size[1])[:, None] - 0.5
        rows, columns = np.clip(rows, 0, h - 1), np.clip(columns, 0, w - 1)
        tables = *_neighbours(rows, h), *_neighbours(columns, w)
        return through(images, lambda values: kernels.picture_resampled(values, *tables))


class RandomAffine(Transform):
    """Turned, moved, scaled and sheared about the centre; what comes in is `fill`.

    Args:
        degrees: turns of up to so many degrees either way, or (least, most).
        translate: moves of up to these shares of width and height.
        scale: factors (least, most).
        shear: degrees of shearing along x, up to so many either way, or (least, most).
    """

    random = True

    def __init__(
        self,
        degrees: float | tuple[float, float],
        translate: tuple[float, float] | None = None,
        scale: tuple[float, float] | None = None,
        shear: float | tuple[float, float] | None = None,
        fill: float = 0,
    ) -> None:
        self.degrees = symmetric(degrees)
        self.translate = translate or (0.0, 0.0)
        self.scale = scale or (1.0, 1.0)
        self.shear = symmetric(shear or 0.0)
        if not all(0 <= share <= 1 for share in self.translate):
            raise ValueError(f"{type(self).__name__}: translate={translate} must lie in [0, 1]")
        if not 0 < self.scale[0] <= self.scale[1]:
            raise ValueError(f"{type(self).__name__}: scale={scale} must be positive and rising")
        self.fill = fill

    def apply(self, images: Batch, raw: Words) -> Batch:
        u = halves(raw)
        angle = np.radians(between(self.degrees, u[:, 0]))
        shift_x = between((-self.translate[0], self.translate[0]), u[:, 1]) * images.shape[3]
        shift_y = between((-self.translate[1], self.translate[1]), u[:, 2]) * images.shape[2]
        shear = np.tan(np.radians(between(self.shear, u[:, 4])))
        return affine(images, angle, np.rint(shift_x), np.rint(shift_y), between(self.scale, u[:, 3]), shear, self.fill)


class RandomRotation(RandomAffine):
    """Turned by up to `degrees` either way, or (least, most), about the centre; what comes in is `fill`."""

    def __init__(self, degrees: float | tuple[float, float], fill: float = 0) -> None:
        super().__init__(degrees, fill=fill)


def symmetric(value: float | tuple[float, float]) -> tuple[float, float]:
    """(-value, value), or a pair as it is. ValueError if it falls."""
    low, high = (-abs(value), abs(value)) if isinstance(value, (int, float)) else value
    if low > high:
        raise ValueError(f"a range must rise, got ({low}, {high})")
    return low, high


def between(limits: tuple[float, float], u: Floats) -> Floats:
    """u in [0, 1) as numbers in a range."""
    return limits[0] + u * (limits[1] - limits[0])


def affine(
    images: Batch, angle: Floats, shift_x: Floats, shift_y: Floats, scale: Floats, shear: Floats, fill: float
) -> Batch:
    """Every image under its own map: x' = scale R(angle) [x + shear y, y] + shift about the centre; counter-clockwise
    angles in radians, (N,) each."""
    y, x = (images.shape[2] - 1) / 2, (images.shape[3] - 1) / 2
    cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
    # the inverse map says where each new pixel comes from; y points down
    across, along = cos - shear * sin, -sin - shear * cos
    from_x, from_y = x + shift_x, y + shift_y
    maps = [across, along, x - across * from_x - along * from_y, sin, cos, y - sin * from_x - cos * from_y]
    return through(images, lambda values: kernels.picture_warped(values, np.stack(maps, 1), fill))
