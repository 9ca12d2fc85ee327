"""Colours and erased patches. Images are uint8, or floating point from 0 to 1; C = 3 is RGB."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import kernels
from autograd.data.seeds import Words, uniform
from autograd.errors import ShapeError
from autograd.vision.transforms.basic import Batch, Transform, as_type, halves, probability, through, top_of

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
Floats = NDArray[Any]


def gray(values: Floats) -> Floats:
    """The luminance (N, 1, H, W) of images with one or three channels."""
    if values.shape[1] == 1:
        return values
    if values.shape[1] != 3:
        raise ShapeError(f"images must have C=1 or C=3 (RGB), got shape {values.shape}")
    return np.einsum("c,nchw->nhw", _LUMA, values)[:, None]


def adjusted(images: Batch, changes: Floats) -> Batch:
    """Brightness, contrast (towards the mean grey) and saturation by factors, the hue by a part of the full circle of
    colours: changes (N, 4), in this order. Grey images have no colours to change."""
    return through(images, lambda values: kernels.picture_adjusted(values, changes, top_of(images)))


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
        u = halves(raw)[:, :4]
        factors = np.array([self.brightness, self.contrast, self.saturation])
        low = np.maximum(0, 1 - factors)
        turns = (2 * u[:, 3:] - 1) * self.hue
        return adjusted(images, np.concatenate([low + u[:, :3] * (1 + factors - low), turns], 1))


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
