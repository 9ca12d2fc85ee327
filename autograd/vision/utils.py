"""torchvision.utils: batches of images as one picture, in a tensor or a file."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd.errors import ShapeError
from autograd.tensor import Tensor


def make_grid(
    tensor: Any, nrow: int = 8, padding: int = 2, normalize: bool = False,
    value_range: tuple[float, float] | None = None, scale_each: bool = False, pad_value: float = 0.0,
) -> Tensor:  # fmt: skip
    """Images (N, C, H, W), C 1 or 3, as one (3, H', W'): nrow in a row, `padding` pixels of pad_value around each.

    A list of images, one image (C, H, W) and a plane (H, W) will do. normalize: shifts and scales to 0..1 from
    value_range, by default from the least to the greatest number of all images (scale_each: of each).
    """
    images = _images("make_grid", tensor)
    if normalize:
        for part in images[:, None] if scale_each else [images]:
            low, high = value_range or (float(part.min()), float(part.max()))
            part[...] = (np.clip(part, low, high) - low) / max(high - low, 1e-5)
    if len(images) == 1:
        return Tensor(images[0])
    count, channels, height, width = images.shape
    columns = min(nrow, count)
    rows = math.ceil(count / columns)
    height, width = height + padding, width + padding
    canvas = np.full((channels, rows * height + padding, columns * width + padding), pad_value, images.dtype)
    for number, image in enumerate(images):
        top, left = number // columns * height + padding, number % columns * width + padding
        canvas[:, top : top + height - padding, left : left + width - padding] = image
    return Tensor(canvas)


def save_image(tensor: Any, fp: str | os.PathLike[str] | Any, format: str | None = None, **options: Any) -> None:
    """Writes make_grid(tensor, **options) of numbers in 0..1 to a file; ImportError, naming the extra, without Pillow.

    format: Pillow's name of it, for a file object; a path says it by its ending.
    """
    try:
        from PIL import Image
    except ImportError:
        raise ImportError("save_image: writing pictures needs Pillow: pip install cygrad[vision]") from None
    picture = make_grid(tensor, **options).array
    Image.fromarray((picture * 255 + 0.5).clip(0, 255).astype(np.uint8).transpose(1, 2, 0)).save(fp, format=format)


def _images(name: str, given: Any) -> np.ndarray:
    """A copy of the images, as (N, 3, H, W)."""
    parts = given if isinstance(given, Sequence) else [given]
    arrays = [np.asarray(p.detach() if isinstance(p, Tensor) else p) for p in parts]
    if not arrays or any(a.shape != arrays[0].shape for a in arrays):
        raise ShapeError(f"{name}: expected images of one shape, got {[a.shape for a in arrays]}")
    images = np.stack(arrays) if isinstance(given, Sequence) else arrays[0]
    if images.ndim == 2:
        images = images[None]
    if images.ndim == 3:
        images = images[None]
    if images.ndim != 4 or images.shape[1] not in (1, 3) or not len(images):
        raise ShapeError(f"{name}: expected images (N, C, H, W) with 1 or 3 channels, got {images.shape}")
    return np.repeat(images, 3 // images.shape[1], 1)
