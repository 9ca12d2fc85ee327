"""Mixtures of pictures and their labels. They need whole batches with labels, so the training loop calls them, with a
seed per step (`Trainer(mix=...)`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.errors import ShapeError


class _Mix(ABC):
    """What both share."""

    def __init__(self, alpha: float = 1.0, *, num_classes: int) -> None:
        if not alpha > 0 or num_classes < 1:
            raise ValueError(f"{type(self).__name__}: alpha={alpha} and num_classes={num_classes} must be positive")
        self.alpha, self.num_classes = alpha, num_classes

    def __call__(
        self, images: NDArray[Any], labels: NDArray[Any], seed: int
    ) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """Mixed images and class probabilities (N, num_classes) of images (N, C, H, W) and labels (N,): each is mixed
        with another one of the batch; the seed decides all."""
        if images.ndim != 4 or labels.shape != (len(images),):
            raise ShapeError(
                f"{type(self).__name__}: expected images (N, C, H, W) and labels (N,)"
                f"   [images: {images.shape}, labels: {labels.shape}]"
            )
        rng = np.random.Generator(np.random.Philox(seed))
        share = float(rng.beta(self.alpha, self.alpha))
        other = rng.permutation(len(images))
        images, share = self._mixed(images, other, share, rng)
        hot = np.eye(self.num_classes, dtype=np.float32)[labels]
        return images, np.float32(share) * hot + np.float32(1 - share) * hot[other]

    @abstractmethod
    def _mixed(
        self, images: NDArray[Any], other: NDArray[Any], share: float, rng: np.random.Generator
    ) -> tuple[NDArray[Any], float]:
        """The images, and the share that their own labels keep."""


class MixUp(_Mix):
    """share * x + (1 - share) * another x, share ~ Beta(alpha, alpha)   (Zhang et al. 2018)"""

    def _mixed(
        self, images: NDArray[Any], other: NDArray[Any], share: float, rng: np.random.Generator
    ) -> tuple[NDArray[Any], float]:
        part = images.dtype.type(share)
        return part * images + (images.dtype.type(1) - part) * images[other], share


class CutMix(_Mix):
    """A rectangle of another picture, 1 - share of the area, share ~ Beta(alpha, alpha)   (Yun et al. 2019)"""

    def _mixed(
        self, images: NDArray[Any], other: NDArray[Any], share: float, rng: np.random.Generator
    ) -> tuple[NDArray[Any], float]:
        h, w = images.shape[2:]
        half = 0.5 * np.sqrt(1 - share)
        y, x = rng.random() * h, rng.random() * w
        top, bottom = (int(np.clip(np.rint(y + side * half * h), 0, h)) for side in (-1, 1))
        left, right = (int(np.clip(np.rint(x + side * half * w), 0, w)) for side in (-1, 1))
        mixed = images.copy()
        mixed[:, :, top:bottom, left:right] = images[other, :, top:bottom, left:right]
        return mixed, 1 - (bottom - top) * (right - left) / (h * w)
