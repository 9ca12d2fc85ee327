"""Colours and erased patches. Images are uint8, or floating point from 0 to 1; C = 3 is RGB."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.data.seeds import Words, uniform
from autograd.errors import ShapeError
from autograd.vision.transforms.basic import Batch, Transform, as_type, halves, probability, top_of

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
Floats = NDArray[Any]


def gray(values: Floats) -> Floats:
    """The luminance (N, 1, H, W) of images with one or three channels."""
    if values.shape[1] == 1:
        return values
    if values.shape[1] != 3:
        raise ShapeError(f"images must have C=1 or C=3 (RGB), got shape {values.shape}")
    return np.einsum("c,nchw->nhw", _LUMA, values)[:, None]


def blend(values: Floats, other: Floats, factor: Floats, top: float) -> Floats:
    """other + factor (values - other), kept in 0..top; factor (N,)."""
    return np.clip(other + factor.astype(np.float32)[:, None, None, None] * (values - other), 0, top)


def brightness(values: Floats, factor: Floats, top: float) -> Floats:
    """Towards black for factors below 1."""
    return blend(values, np.zeros(1, np.float32), factor, top)


def contrast(values: Floats, factor: Floats, top: float) -> Floats:
    """Towards the image's mean grey."""
    return blend(values, gray(values).mean((1, 2, 3), keepdims=True), factor, top)


def saturation(values: Floats, factor: Floats, top: float) -> Floats:
    """Towards grey."""
    return blend(values, gray(values), factor, top)


def hue(values: Floats, turn: Floats, top: float) -> Floats:
    """Colours turned by `turn` (N,) of a full circle in the HSV hexagon; grey images as they are."""
    if values.shape[1] == 1:
        return values
    high, low = values.max(1), values.min(1)
    spread = high - low
    safe = np.where(spread == 0, 1, spread)
    r, g, b = values[:, 0], values[:, 1], values[:, 2]
    sector = np.where(high == r, (g - b) / safe, np.where(high == g, (b - r) / safe + 2, (r - g) / safe + 4))
    sector = (sector + 6 * turn.astype(np.float32)[:, None, None]) % 6
    parts = []
    for shift in (5, 3, 1):  # red, green, blue
        k = (shift + sector) % 6
        parts.append(high - spread * np.clip(np.minimum(k, 4 - k), 0, 1))
    return np.stack(parts, 1)


class ColorJitter(Transform):
    """Brightness, contrast, saturation by factors in [max(0, 1 - x), 1 + x], the hue by up to x of a full circle
    (at most 0.5); in this order."""

    random = True

    def __init__(self, brightness: float = 0, contrast: float = 0, saturation: float = 0, hue: float = 0) -> None:
        for name, value in (("brightness", brightness), ("contrast", contrast), ("saturation", saturation)):
            if value < 0:
                raise ValueError(f"ColorJitter: {name}={value} must not be negative")
        if not 0 <= hue <= 0.5:
            raise ValueError(f"ColorJitter: hue={hue} must lie in [0, 0.5]")
        self.brightness, self.contrast, self.saturation, self.hue = brightness, contrast, saturation, hue

    def apply(self, images: Batch, raw: Words) -> Batch:
        u, top = halves(raw), top_of(images)
        values: Floats = images.astype(np.float32)
        steps = ((brightness, self.brightness), (contrast, self.contrast), (saturation, self.saturation))
        for number, (change, x) in enumerate(steps):
            if x:
                low = max(0.0, 1 - x)
                values = change(values, low + u[:, number] * (1 + x - low), top)
        if self.hue:
            values = hue(values, (2 * u[:, 3] - 1) * self.hue, top)
        return as_type(values, images)


class Grayscale(Transform):
    """The luminance 0.299 R + 0.587 G + 0.114 B, in 1 or 3 equal channels."""

    def __init__(self, num_output_channels: int = 1) -> None:
        if num_output_channels not in (1, 3):
            raise ValueError(f"Grayscale: num_output_channels={num_output_channels} must be 1 or 3")
        self.num_output_channels = num_output_channels

    def apply(self, images: Batch, raw: Words) -> Batch:
        values = as_type(gray(images.astype(np.float32)), images)
        return np.repeat(values, self.num_output_channels, axis=1)


class RandomGrayscale(Transform):
    """Without colours with probability p; the channels stay as many."""

    random = True

    def __init__(self, p: float = 0.1) -> None:
        self.p = probability("RandomGrayscale", p)

    def apply(self, images: Batch, raw: Words) -> Batch:
        chosen = uniform(raw[:, 0]) < self.p
        changed = images.copy()
        changed[chosen] = as_type(gray(images[chosen].astype(np.float32)), images)
        return changed


class RandomErasing(Transform):
    """With probability p a rectangle is replaced by `value`   (Zhong et al. 2020; also: Cutout, DeVries, Taylor 2017)

    scale: share of the area; ratio: height to width.
    """

    random = True

    def __init__(
        self,
        p: float = 0.5,
        scale: tuple[float, float] = (0.02, 0.33),
        ratio: tuple[float, float] = (0.3, 3.3),
        value: float = 0,
    ) -> None:
        self.p = probability("RandomErasing", p)
        if not (0 < scale[0] <= scale[1] <= 1 and 0 < ratio[0] <= ratio[1]):
            raise ValueError(f"RandomErasing: scale={scale} and ratio={ratio} must be rising, scale within (0, 1]")
        self.scale, self.ratio, self.value = scale, ratio, value

    def apply(self, images: Batch, raw: Words) -> Batch:
        u, (h, w) = halves(raw), images.shape[2:]
        area = h * w * (self.scale[0] + u[:, 1] * (self.scale[1] - self.scale[0]))
        low, high = np.log(self.ratio)
        ratio = np.exp(low + u[:, 2] * (high - low))
        tall = np.clip(np.rint(np.sqrt(area * ratio)), 1, h)
        wide = np.clip(np.rint(np.sqrt(area / ratio)), 1, w)
        top, left = np.floor(u[:, 3] * (h - tall + 1)), np.floor(u[:, 4] * (w - wide + 1))
        rows, columns = np.arange(h), np.arange(w)
        inside = ((rows >= top[:, None]) & (rows < (top + tall)[:, None]))[:, None, :, None]
        inside = inside & ((columns >= left[:, None]) & (columns < (left + wide)[:, None]))[:, None, None, :]
        inside &= (u[:, 0] < self.p)[:, None, None, None]
        return np.where(inside, np.asarray(self.value, images.dtype), images)
