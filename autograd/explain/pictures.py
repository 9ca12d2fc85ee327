"""Arrays as pictures: uint8 (H, W, 3)."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.explain.cam import activations
from autograd.vision.utils import make_grid

Picture = NDArray[np.uint8]

# Anchors of "inferno", a map whose brightness rises evenly, so that it reads in print and by the colour-blind too.
_ANCHORS = np.array(
    [(0, 0, 4), (31, 12, 72), (85, 15, 109), (136, 34, 106), (186, 54, 85), (227, 89, 51), (249, 140, 10),
     (249, 201, 50), (252, 255, 164)], float
)  # fmt: skip
GAP = 255


def colours(values: NDArray[Any], low: float | None = None, high: float | None = None) -> Picture:
    """Numbers (H, W) as colours from black (low, default the least) through red to pale yellow (high, the most)."""
    low = float(values.min()) if low is None else low
    high = float(values.max()) if high is None else high
    at = np.clip((values - low) / max(high - low, 1e-12), 0, 1) * (len(_ANCHORS) - 1)
    below = np.minimum(at.astype(np.intp), len(_ANCHORS) - 2)
    part = (at - below)[..., None]
    return np.rint((1 - part) * _ANCHORS[below] + part * _ANCHORS[below + 1]).astype(np.uint8)


def as_rgb(image: NDArray[Any]) -> Picture:
    """An image (C, H, W) with C 1 or 3: uint8, or numbers in 0..1; other ranges are stretched to that."""
    values = image.astype(np.float64) / (255.0 if image.dtype == np.uint8 else 1.0)
    if values.size and (values.min() < 0 or values.max() > 1):
        values = (values - values.min()) / max(float(np.ptp(values)), 1e-12)
    rgb = np.repeat(values, 3, 0) if len(values) == 1 else values[:3]
    return np.rint(255 * rgb.transpose(1, 2, 0)).astype(np.uint8)


def overlay(image: NDArray[Any], heat: NDArray[Any], strength: float = 0.8, scale: int = 1) -> Picture:
    """The image (C, H, W) in grey with a map (H, W) laid over it: the hotter, the more colour.

    scale: every pixel becomes so many pixels squared.
    """
    gray = as_rgb(image).mean(2, keepdims=True)
    hot = (heat - heat.min()) / max(float(np.ptp(heat)), 1e-12)
    share = strength * hot[..., None]
    mixed = np.rint((1 - share) * gray + share * colours(hot, 0, 1)).astype(np.uint8)
    return mixed.repeat(scale, 0).repeat(scale, 1)


def grid(pictures: list[Picture], columns: int | None = None, gap: int = 2) -> Picture:
    """Pictures of one size side by side, `columns` in a row (default: about square), with white gaps."""
    if not pictures:
        raise ValueError("grid: no pictures")
    columns = columns or int(np.ceil(np.sqrt(len(pictures))))
    images = np.stack(pictures).transpose(0, 3, 1, 2)
    canvas = make_grid(images, nrow=columns, padding=gap, pad_value=GAP).array
    if len(pictures) > 1:  # without the border around all
        canvas = canvas[:, gap : canvas.shape[1] - gap, gap : canvas.shape[2] - gap]
    return np.ascontiguousarray(canvas.transpose(1, 2, 0))


def filters(model: Any, layer: str, limit: int = 64, scale: int = 8) -> Picture:
    """The weights (K, C, R, S) of a convolution as pictures: in colour if C = 3, else the mean over C; each stretched
    to its own range."""
    weight = model.get_parameter(f"{layer}.weight").array[:limit]
    if weight.ndim != 4:
        raise ValueError(f"filters: {layer} has weights of shape {weight.shape}, expected those of a convolution")
    shown = weight if weight.shape[1] in (1, 3) else weight.mean(1, keepdims=True)
    spread = np.ptp(shown, axis=(1, 2, 3), keepdims=True)
    shown = (shown - shown.min((1, 2, 3), keepdims=True)) / np.maximum(spread, 1e-12)
    return grid([as_rgb(one).repeat(scale, 0).repeat(scale, 1) for one in shown])


def feature_maps(model: Any, image: NDArray[Any], layer: str, limit: int = 64, scale: int = 4) -> Picture:
    """What the channels of a layer give for one image (C, H, W), all in one scale of colours."""
    maps = activations(model, np.asarray(image)[None], layer)[0]
    if maps.ndim != 3:
        raise ValueError(f"feature_maps: layer {layer} gives shape {maps.shape} per image, expected (C, H, W)")
    low, high = float(maps.min()), float(maps.max())
    return grid([colours(one, low, high).repeat(scale, 0).repeat(scale, 1) for one in maps[:limit]])


def save_png(path: str | os.PathLike[str], picture: Picture) -> None:
    """Writes a picture. ImportError, naming the extra, without Pillow."""
    try:
        from PIL import Image
    except ImportError:
        raise ImportError("writing pictures needs Pillow: pip install cygrad[vision]") from None
    Image.fromarray(picture).save(path, format="PNG")
