"""Flips, paddings and crops: pixels move as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from autograd.data.seeds import Words, uniform
from autograd.errors import ShapeError
from autograd.vision.transforms.basic import Batch, Transform, pair, probability


class RandomHorizontalFlip(Transform):
    """Mirrors each image left to right with probability p."""

    random = True
    flipped: tuple[Any, ...] = (..., slice(None, None, -1))

    def __init__(self, p: float = 0.5) -> None:
        self.p = probability(type(self).__name__, p)

    def apply(self, images: Batch, raw: Words) -> Batch:
        chosen = uniform(raw[:, 0]) < self.p
        flipped = images.copy()
        flipped[chosen] = images[chosen][self.flipped]
        return flipped


class RandomVerticalFlip(RandomHorizontalFlip):
    """Turns each image upside down with probability p."""

    flipped = (..., slice(None, None, -1), slice(None))


class Pad(Transform):
    """`padding` pixels of `fill` on all four sides."""

    def __init__(self, padding: int, fill: float = 0) -> None:
        if padding < 0:
            raise ValueError(f"Pad: padding={padding} must not be negative")
        self.padding, self.fill = padding, fill

    def apply(self, images: Batch, raw: Words) -> Batch:
        return pad(images, self.padding, self.fill)


class CenterCrop(Transform):
    """The middle part of `size` (int, or (H, W)); smaller images are padded with 0 first."""

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = pair("CenterCrop", size)

    def apply(self, images: Batch, raw: Words) -> Batch:
        short = [max(0, want - have) for want, have in zip(self.size, images.shape[2:])]
        images = np.pad(images, ((0, 0), (0, 0), *((gap // 2, gap - gap // 2) for gap in short)))
        top, left = ((have - want) // 2 for want, have in zip(self.size, images.shape[2:]))
        return images[:, :, top : top + self.size[0], left : left + self.size[1]].copy()


class RandomCrop(Transform):
    """A random part of `size` (int, or (H, W)) of each image, after `padding` pixels of `fill` on all four sides.

    Raises ValueError for sizes below 1 or negative padding, ShapeError if the padded images are smaller.
    """

    random = True

    def __init__(self, size: int | tuple[int, int], padding: int = 0, fill: float = 0) -> None:
        self.size = pair("RandomCrop", size)
        if padding < 0:
            raise ValueError(f"RandomCrop: padding={padding} must not be negative")
        self.padding = padding
        self.fill = fill

    def apply(self, images: Batch, raw: Words) -> Batch:
        return _crop(images, self.size, self.padding, self.fill, raw)


class RandomShift(Transform):
    """Moves each image by up to `pixels` in each direction; what comes in is `fill`."""

    random = True

    def __init__(self, pixels: int, fill: float = 0) -> None:
        if pixels < 0:
            raise ValueError(f"RandomShift: pixels={pixels} must not be negative")
        self.pixels = pixels
        self.fill = fill

    def apply(self, images: Batch, raw: Words) -> Batch:
        return _crop(images, (images.shape[2], images.shape[3]), self.pixels, self.fill, raw)


def pad(images: Batch, padding: int, fill: float) -> Batch:
    """The images with `padding` pixels of `fill` on all four sides."""
    edges = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    return np.pad(images, edges, constant_values=fill) if padding else images


def _crop(images: Batch, size: tuple[int, int], padding: int, fill: float, raw: Words) -> Batch:
    padded = pad(images, padding, fill)
    spare = [have - want for have, want in zip(padded.shape[2:], size, strict=True)]
    if min(spare) < 0:
        raise ShapeError(f"RandomCrop: size {size} is larger than the padded images {padded.shape[2:]}")
    top, left = (raw[:, axis] % np.uint64(room + 1) for axis, room in enumerate(spare))
    windows = sliding_window_view(padded, size, axis=(2, 3))
    return windows[np.arange(len(images)), :, top.astype(np.intp), left.astype(np.intp)]
