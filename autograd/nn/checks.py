"""What layers check before they compute, so that the error speaks of the layer and not of a kernel."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.errors import ShapeError

AXES = {1: "N, C, L", 2: "N, C, H, W", 3: "N, C, D, H, W"}  # by the number of spatial dimensions


def expect_sizes(layer: str, **sizes: Any) -> None:
    """Numbers of features and channels must be ints, and not negative."""
    for name, size in sizes.items():
        if not isinstance(size, (int, np.integer)) or isinstance(size, bool) or size < 0:
            raise ShapeError(f"{layer}: {name} is {size!r}, expected an int of at least 0")


def expect_features(layer: str, x: Any, axis: int, expected: int, axes: str) -> None:
    """The input must have `expected` elements on `axis`; axes: how the layer's input is spelt, e.g. "N, 3, H, W"."""
    shape = x.shape
    if len(shape) < (axis + 1 if axis >= 0 else -axis):
        raise ShapeError(f"{layer}: expected x of shape ({axes}), got {shape}{_missing_batch(axis, shape)}")
    if shape[axis] != expected:
        raise ShapeError(f"{layer}: expected x of shape ({axes}), got {shape}{_cure(shape, axis, expected)}")


def expect_dimensions(layer: str, x: Any, allowed: tuple[int, ...], axes: str) -> None:
    """The input must have one of the numbers of dimensions."""
    if x.ndim not in allowed:
        raise ShapeError(
            f"{layer}: expected x of shape ({axes}), {' or '.join(map(str, allowed))} dimensions, got {x.shape}"
            + ("; missing batch dimension? x[None]" if x.ndim == min(allowed) - 1 else "")
        )


def _missing_batch(axis: int, shape: tuple[int, ...]) -> str:
    return "; missing batch dimension? x[None]" if shape and axis >= len(shape) else ""


def _cure(shape: tuple[int, ...], axis: int, expected: int) -> str:
    """The usual mistake behind a wrong number of features."""
    if axis == -1 and len(shape) > 2:
        rest = 1
        for size in shape[1:]:
            rest *= size
        if rest == expected:
            return "; flatten it first? x.flatten(1)"
    if axis == 1 and len(shape) == 4 and shape[-1] == expected:
        return "; channels last? x.permute(0, 3, 1, 2)"
    return ""
