"""Resampling as a product with one matrix per axis, so that every mode has its gradient from matmul."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd as ag
from autograd.onnx.values import array, axis_of, ints, tensor
from autograd.tensor import Tensor


def resize(
    x: Tensor, roi: Any = None, scales: Any = None, sizes: Any = None, *, mode: str = "nearest",
    coordinate_transformation_mode: str = "half_pixel", nearest_mode: str = "round_prefer_floor",
    cubic_coeff_a: float = -0.75, exclude_outside: int = 0, extrapolation_value: float = 0.0, antialias: int = 0,
    axes: Any = None, keep_aspect_ratio_policy: str = "stretch", opset: int = 13,
) -> Tensor:  # fmt: skip
    """ONNX Resize. Source: the operator's text in the ONNX standard, versions 10 to 19."""
    if opset < 11:  # roi did not exist, and coordinates were scaled about the corner
        scales, roi = (roi if scales is None else scales), None
        coordinate_transformation_mode, nearest_mode = "asymmetric", "floor"
    over = [axis_of(a, x.ndim) for a in (axes if axes is not None else range(x.ndim))]
    given = sizes is not None and array(sizes).size > 0
    factors = dict(
        zip(over, _factors(x, over, ints(sizes), keep_aspect_ratio_policy) if given else array(scales).tolist())
    )
    region = array(roi).tolist() if roi is not None and array(roi).size else [0.0] * len(over) + [1.0] * len(over)
    y = x
    for i, axis in enumerate(over):
        n, factor = x.shape[axis], factors[axis]
        if given and keep_aspect_ratio_policy == "stretch":
            m = ints(sizes)[i]
        else:
            m = int(np.floor(n * factor + (0.5 if given else 1e-9)))
        if m == n and factor == 1 and coordinate_transformation_mode != "tf_crop_and_resize":
            continue
        ends = region[i], region[i + len(over)]
        at = np.broadcast_to(_coordinates(coordinate_transformation_mode, np.arange(m), n, m, factor, ends), m)
        shrink = factor if antialias and factor < 1 else 1.0
        weights = _matrix(at, n, mode, nearest_mode, cubic_coeff_a, exclude_outside, shrink)
        outside = (
            (at < 0) | (at > n - 1) if coordinate_transformation_mode == "tf_crop_and_resize" else np.zeros(m, bool)
        )
        y = _apply(y, weights, axis, outside, extrapolation_value)
    return y


def _factors(x: Tensor, over: list[int], sizes: list[int], policy: str) -> list[float]:
    each = [size / x.shape[axis] for axis, size in zip(over, sizes)]
    if policy == "stretch":
        return each
    return [min(each) if policy == "not_larger" else max(each)] * len(over)


def _coordinates(mode: str, i: np.ndarray, n: int, m: int, factor: float, region: tuple[float, float]) -> Any:
    """Where in the input each output element lies."""
    length = n * factor
    if mode == "asymmetric":
        return i / factor
    if mode == "align_corners":
        return i * (n - 1) / (length - 1) if length != 1 else np.zeros(m)
    if mode == "pytorch_half_pixel" and length <= 1:
        return np.zeros(m)
    if mode == "half_pixel_symmetric":
        return n / 2 * (1 - m / length) + (i + 0.5) / factor - 0.5
    if mode == "tf_crop_and_resize":
        start, end = region
        span = (end - start) * (n - 1)
        return start * (n - 1) + (i * span / (m - 1) if m > 1 else 0.5 * (start + end) * (n - 1) - start * (n - 1))
    return (i + 0.5) / factor - 0.5


def _matrix(at: np.ndarray, n: int, mode: str, nearest: str, a: float, exclude: int, shrink: float) -> np.ndarray:
    """weights[output, input] of one axis."""
    if mode == "nearest":
        rounded = {
            "round_prefer_floor": np.ceil(at - 0.5), "round_prefer_ceil": np.floor(at + 0.5),
            "floor": np.floor(at), "ceil": np.ceil(at),
        }[nearest]  # fmt: skip
        return np.eye(n)[np.clip(rounded, 0, n - 1).astype(int)]
    reach = int(np.ceil((2 if mode == "cubic" else 1) / shrink))
    first = np.floor(at).astype(int) - reach + 1
    index = first[:, None] + np.arange(2 * reach)
    distance = np.abs(at[:, None] - index) * shrink
    w = _cubic(distance, a) if mode == "cubic" else np.maximum(1 - distance, 0)
    if exclude:
        w = np.where((index < 0) | (index >= n), 0, w)
    w = w / w.sum(1, keepdims=True)
    out = np.zeros((len(at), n))
    np.add.at(out, (np.arange(len(at))[:, None], np.clip(index, 0, n - 1)), w)
    return out


def _cubic(d: np.ndarray, a: float) -> np.ndarray:
    """Keys' kernel."""
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


def _apply(x: Tensor, weights: np.ndarray, axis: int, outside: np.ndarray, fill: float) -> Tensor:
    kind = x.dtype if x.dtype.kind == "f" else np.dtype(np.float32)
    y = ag.movedim(x.astype(kind), source=axis, destination=-1) @ tensor(weights.T.astype(kind))
    if outside.any():
        y = ag.where(outside, tensor(np.asarray(fill, kind)), y)
    y = ag.movedim(y, source=-1, destination=axis)
    return y if kind == x.dtype else tensor(np.round(y.array).astype(x.dtype))
