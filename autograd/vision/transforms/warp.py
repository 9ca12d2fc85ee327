"""Resizing and affine maps, by bilinear interpolation of whole batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.data.seeds import Words, uniform
from autograd.vision.transforms.basic import Batch, Transform, as_type, halves, pair

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
        rows = _weights(images.shape[2], height, self.antialias)
        columns = _weights(images.shape[3], width, self.antialias)
        values = np.einsum("ph,nchw->ncpw", rows, images.astype(rows.dtype), optimize=True)
        return as_type(values @ columns.T, images)


def _weights(old: int, new: int, antialias: bool) -> NDArray[np.float32]:
    """(new, old): how much each old pixel counts in each new one. Pixel centres lie at k + 1/2."""
    scale = old / new
    reach = max(scale, 1.0) if antialias else 1.0
    centres = (np.arange(new) + 0.5) * scale - 0.5
    if not antialias:
        centres = np.clip(centres, 0, old - 1)
    weights = np.maximum(0, 1 - np.abs(np.arange(old) - centres[:, None]) / reach)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


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
        return as_type(sample(images, rows[:, :, None], columns[:, None, :], 0.0), images)


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
    h, w = images.shape[2:]
    y, x = np.meshgrid(np.arange(h) - (h - 1) / 2, np.arange(w) - (w - 1) / 2, indexing="ij")
    cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    zoom, slant, dx, dy = (values[:, None, None] for values in (scale, shear, shift_x, shift_y))
    # the inverse map says where each new pixel comes from; y points down
    x, y = (x - dx) / zoom, (y - dy) / zoom
    x, y = cos * x - sin * y, sin * x + cos * y
    x = x - slant * y
    return as_type(sample(images, y + (h - 1) / 2, x + (w - 1) / 2, fill), images)


def sample(images: Batch, rows: Floats, columns: Floats, fill: float) -> Floats:
    """Bilinear values at (row, column), arrays that broadcast to (N, P, Q); outside of the image lies `fill`."""
    n, _, h, w = images.shape
    top, left = np.floor(rows).astype(np.intp), np.floor(columns).astype(np.intp)
    down, right = (rows - top).astype(np.float32), (columns - left).astype(np.float32)
    number = np.arange(n)[:, None, None]
    total: Floats = np.float32(0)  # type: ignore[assignment]
    for r, wr in ((top, 1 - down), (top + 1, down)):
        for c, wc in ((left, 1 - right), (left + 1, right)):
            inside = (r >= 0) & (r < h) & (c >= 0) & (c < w)
            found = images[number, :, np.clip(r, 0, h - 1), np.clip(c, 0, w - 1)]  # (N, P, Q, C)
            values = np.where(inside[..., None], found, np.asarray(fill, np.float32))
            total = total + (wr * wc)[..., None] * values
    return np.ascontiguousarray(np.moveaxis(total, 3, 1))
