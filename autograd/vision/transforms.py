"""Transforms of image batches (N, C, H, W), on NumPy arrays of any dtype.

They are called as `transform(images, seeds)`. The loader gives the seeds, one row per sample
(:mod:`autograd.data.seeds`), and all randomness follows from them: in one epoch a picture gets the same augmentation in
whatever batch and worker it lands. Transforms without randomness may be called without seeds.

    augment = Compose([RandomCrop(32, padding=4), RandomHorizontalFlip(), Normalize(data.mean, data.std)])
    loader = DataLoader(data, 128, shuffle=True, transform=augment)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from autograd.data.seeds import Seeds, Words, on_stream, uniform, words
from autograd.errors import DTypeError, ShapeError

Batch = NDArray[Any]


class Transform:
    """Base of transforms: `apply(images, raw)` gets four random 64-bit words per sample, (N, 4), if `random` is set."""

    random = False

    def __call__(self, images: Batch, seeds: Seeds | None = None, /) -> Batch:
        name = type(self).__name__
        if images.ndim != 4:
            cure = "; missing batch dimension? images[None]" if images.ndim == 3 else ""
            raise ShapeError(f"{name}: images must be (N, C, H, W), got shape {images.shape}{cure}")
        if not self.random:
            return self.apply(images, np.empty((0, 4), dtype=np.uint64))
        if seeds is None:
            raise ValueError(f"{name}: needs the seeds of the samples; give it to DataLoader(transform=...)")
        if seeds.shape != (len(images), 3):
            raise ShapeError(f"{name}: seeds must be (N, 3)   [images: {images.shape}, seeds: {seeds.shape}]")
        return self.apply(images, words(seeds))

    def apply(self, images: Batch, raw: Words) -> Batch:
        """The transformed images; never changes those it got."""
        raise NotImplementedError


class Compose:
    """One transform after the other, each with a random stream of its own; composed ones inside count as parts."""

    def __init__(self, transforms: Iterable[Any]) -> None:
        self.transforms: list[Any] = []
        for transform in transforms:
            self.transforms += transform.transforms if isinstance(transform, Compose) else [transform]

    def __call__(self, images: Batch, seeds: Seeds | None = None, /) -> Batch:
        for stream, transform in enumerate(self.transforms):
            images = transform(images) if seeds is None else transform(images, on_stream(seeds, stream))
        return images


class ToFloat(Transform):
    """uint8 0..255 as float32 0..1; floats as float32. Raises DTypeError for other dtypes."""

    def apply(self, images: Batch, raw: Words) -> Batch:
        if images.dtype == np.uint8:
            return images / np.float32(255)
        if images.dtype.kind != "f":
            raise DTypeError(f"{type(self).__name__}: takes uint8 or floating point, got {images.dtype}")
        return np.asarray(images, dtype=np.float32)


class ToTensor(ToFloat):
    """`ToFloat` under torchvision's name; the loader makes the Tensor."""


class Normalize(Transform):
    """(x - mean[c]) / std[c], in float32 or the images' own floating dtype.

    Raises ValueError if a std is not positive, DTypeError for integer images, ShapeError if C does not fit.
    """

    def __init__(self, mean: float | Sequence[float], std: float | Sequence[float]) -> None:
        self.mean = np.atleast_1d(np.asarray(mean, dtype=np.float64))
        self.std = np.atleast_1d(np.asarray(std, dtype=np.float64))
        if self.mean.shape != self.std.shape or self.mean.ndim != 1:
            raise ShapeError(f"Normalize: one mean and one std per channel   [{self.mean.shape}, {self.std.shape}]")
        if not (self.std > 0).all():
            raise ValueError(f"Normalize: std={self.std.tolist()} must be positive")

    def apply(self, images: Batch, raw: Words) -> Batch:
        if images.dtype.kind != "f":
            raise DTypeError(f"Normalize: takes floating point, got {images.dtype}; put ToFloat() before it")
        if len(self.mean) not in (1, images.shape[1]):
            raise ShapeError(f"Normalize: {len(self.mean)} channels given, images have C={images.shape[1]}")
        mean, std = (values.astype(images.dtype)[:, None, None] for values in (self.mean, self.std))
        shifted: Batch = images - mean
        shifted /= std
        return shifted


class RandomHorizontalFlip(Transform):
    """Mirrors each image left to right with probability p."""

    random = True

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"RandomHorizontalFlip: p={p} must lie in [0, 1]")
        self.p = p

    def apply(self, images: Batch, raw: Words) -> Batch:
        chosen = uniform(raw[:, 0]) < self.p
        flipped = images.copy()
        flipped[chosen] = images[chosen][..., ::-1]
        return flipped


class RandomCrop(Transform):
    """A random part of `size` (int, or (H, W)) of each image, after `padding` pixels of `fill` on all four sides.

    Raises ValueError for sizes below 1 or negative padding, ShapeError if the padded images are smaller.
    """

    random = True

    def __init__(self, size: int | tuple[int, int], padding: int = 0, fill: float = 0) -> None:
        self.size = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
        if min(self.size) < 1 or padding < 0:
            raise ValueError(f"RandomCrop: size={size} must be at least 1 and padding={padding} not negative")
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


def _crop(images: Batch, size: tuple[int, int], padding: int, fill: float, raw: Words) -> Batch:
    edges = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    padded = np.pad(images, edges, constant_values=fill) if padding else images
    spare = [have - want for have, want in zip(padded.shape[2:], size, strict=True)]
    if min(spare) < 0:
        raise ShapeError(f"RandomCrop: size {size} is larger than the padded images {padded.shape[2:]}")
    top, left = (raw[:, axis] % np.uint64(room + 1) for axis, room in enumerate(spare))
    windows = sliding_window_view(padded, size, axis=(2, 3))
    return windows[np.arange(len(images)), :, top.astype(np.intp), left.astype(np.intp)]
