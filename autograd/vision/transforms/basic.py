"""What all transforms share; changes of type and scale."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.data.seeds import Seeds, Words, on_stream, words
from autograd.errors import DTypeError, ShapeError

Batch = NDArray[Any]


class Transform(ABC):
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

    @abstractmethod
    def apply(self, images: Batch, raw: Words) -> Batch:
        """The transformed images; never changes those it got."""


def probability(name: str, p: float) -> float:
    """p, if it is one; else a ValueError."""
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: p={p} must lie in [0, 1]")
    return p


def pair(name: str, size: int | Sequence[int]) -> tuple[int, int]:
    """(H, W) from an int or a pair of positive ints; else a ValueError."""
    sizes = (size, size) if isinstance(size, int) else tuple(size)
    if len(sizes) != 2 or min(sizes) < 1:
        raise ValueError(f"{name}: size={size} must be a positive int or (H, W)")
    return int(sizes[0]), int(sizes[1])


def halves(raw: Words) -> NDArray[np.float64]:
    """Words (N, 4) as numbers in [0, 1), two of 32 random bits from each: (N, 8)."""
    both = np.stack([raw >> np.uint64(32), raw & np.uint64(0xFFFFFFFF)], axis=2)
    return both.reshape(len(raw), 8).astype(np.float64) * 2.0**-32


def as_type(values: NDArray[Any], like: Batch) -> Batch:
    """Computed values in the images' dtype; integers rounded and kept in range."""
    if like.dtype.kind not in "iu":
        return values.astype(like.dtype, copy=False)
    limits = np.iinfo(like.dtype)
    return np.clip(np.rint(values), limits.min, limits.max).astype(like.dtype)


def through(images: Batch, kernel: Callable[[Batch], Batch]) -> Batch:
    """What a kernel for uint8 and float32 makes of images of any dtype."""
    if images.dtype in (np.uint8, np.float32):
        return kernel(images)
    return as_type(kernel(images.astype(np.float32)), images)


def top_of(images: Batch) -> float:
    """White: 255 for uint8, 1 for floating point."""
    return float(np.iinfo(images.dtype).max) if images.dtype.kind in "iu" else 1.0


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
