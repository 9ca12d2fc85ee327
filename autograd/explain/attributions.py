"""Which pixels a class score depends on: by its gradient, or by hiding them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

import autograd
from autograd import Tensor
from autograd.errors import ShapeError

Maps = NDArray[np.floating]


@contextmanager
def evaluating(model: Any, training: bool = False) -> Iterator[Any]:
    """The model in evaluation (or training) mode, then as it was: every layer in its own mode."""
    modes = [(layer, layer.training) for layer in model.modules()]
    try:
        yield model.train(training)
    finally:
        for layer, mode in modes:
            layer.training = mode


def pictures(name: str, images: Any) -> NDArray[Any]:
    """The images as a floating-point array (N, C, H, W). ShapeError for another number of dimensions."""
    array = np.asarray(images)
    if array.ndim != 4:
        cure = "; missing batch dimension? images[None]" if array.ndim == 3 else ""
        raise ShapeError(f"{name}: images must be (N, C, H, W), got shape {array.shape}{cure}")
    return array if array.dtype.kind == "f" else array.astype(np.float32)


def probabilities(model: Any, images: Any) -> NDArray[np.float64]:
    """softmax of the class scores, in evaluation mode: (N, K)."""
    x = pictures("probabilities", images)
    with evaluating(model):
        return softmax(scores_of(model, x))


def scores_of(model: Any, images: NDArray[Any]) -> NDArray[Any]:
    """Class scores (N, K) without gradients."""
    with autograd.no_grad():
        return np.array(model(Tensor(images)).array)


def chosen(name: str, scores: NDArray[Any], classes: ArrayLike | int | None) -> NDArray[np.int64]:
    """One class per image, (N,): those given, or the predicted ones. ValueError for a class that there is not."""
    if classes is None:
        return scores.argmax(1).astype(np.int64)
    picked = np.broadcast_to(np.asarray(classes, np.int64), len(scores))
    if picked.size and (picked.min() < 0 or picked.max() >= scores.shape[1]):
        raise ValueError(f"{name}: classes={picked.tolist()}, but the model knows 0 .. {scores.shape[1] - 1}")
    return picked


def gradient(model: Any, images: NDArray[Any], classes: NDArray[np.int64]) -> NDArray[Any]:
    """d score[n, classes[n]] / d images[n], in the images' shape."""
    x = Tensor(images, requires_grad=True)
    scores = model(x)
    picked = np.zeros(scores.shape, scores.dtype)
    picked[np.arange(len(images)), classes] = 1
    (found,) = autograd.grad(scores, x, picked)
    assert found is not None  # the input is used, or grad raises
    return np.array(found.array)


def saliency(model: Any, images: Any, classes: ArrayLike | int | None = None) -> Maps:
    """max over channels of |d score / d x|: (N, H, W)   (Simonyan, Vedaldi, Zisserman 2014)"""
    x = pictures("saliency", images)
    with evaluating(model):
        picked = chosen("saliency", scores_of(model, x), classes)
        return np.abs(gradient(model, x, picked)).max(1)  # type: ignore[no-any-return]


def smooth_grad(
    model: Any,
    images: Any,
    classes: ArrayLike | int | None = None,
    samples: int = 25,
    noise: float = 0.15,
    seed: int = 0,
) -> Maps:
    """The mean saliency of `samples` noisy copies: (N, H, W)   (Smilkov et al. 2017)

    noise: its standard deviation, as a share of each image's range.
    """
    if samples < 1 or noise < 0:
        raise ValueError(f"smooth_grad: samples={samples} must be at least 1 and noise={noise} not negative")
    x, rng = pictures("smooth_grad", images), np.random.default_rng(seed)
    spread = noise * (x.max((1, 2, 3), keepdims=True) - x.min((1, 2, 3), keepdims=True))
    total = np.zeros((len(x), *x.shape[2:]), x.dtype)
    with evaluating(model):
        picked = chosen("smooth_grad", scores_of(model, x), classes)
        for _ in range(samples):
            noisy = (x + spread * rng.standard_normal(x.shape)).astype(x.dtype)
            total += np.abs(gradient(model, noisy, picked)).max(1)
    return total / samples  # type: ignore[no-any-return]


def integrated_gradients(
    model: Any, images: Any, classes: ArrayLike | int | None = None, baseline: Any = 0.0, steps: int = 32
) -> Maps:
    """(x - baseline) * mean gradient on the way there: (N, C, H, W)   (Sundararajan, Taly, Yan 2017)

    The sum over an image is score(x) - score(baseline), up to the error of the midpoint rule with `steps` points.
    baseline: a number or what broadcasts to the images.
    """
    if steps < 1:
        raise ValueError(f"integrated_gradients: steps={steps} must be at least 1")
    x = pictures("integrated_gradients", images)
    start = np.broadcast_to(np.asarray(baseline, x.dtype), x.shape)
    total = np.zeros_like(x)
    with evaluating(model):
        picked = chosen("integrated_gradients", scores_of(model, x), classes)
        for step in range(steps):
            share = x.dtype.type((step + 0.5) / steps)
            total += gradient(model, start + share * (x - start), picked)
    return (x - start) * total / steps  # type: ignore[no-any-return]


def occlusion(
    model: Any,
    images: Any,
    classes: ArrayLike | int | None = None,
    patch: int = 4,
    stride: int = 2,
    fill: float = 0.0,
) -> Maps:
    """How far the class probability falls when a patch is hidden: (N, H, W), the mean over the patches that cover a
    pixel; negative where hiding helps   (Zeiler, Fergus 2014)
    """
    x = pictures("occlusion", images)
    height, width = x.shape[2:]
    if not 1 <= stride <= patch <= min(height, width):
        raise ValueError(f"occlusion: 1 <= stride={stride} <= patch={patch} <= {min(height, width)} must hold")
    fall, covered = np.zeros((len(x), height, width)), np.zeros((height, width))
    rows = np.arange(len(x))
    with evaluating(model):
        scores = scores_of(model, x)
        picked = chosen("occlusion", scores, classes)
        whole = softmax(scores)[rows, picked]
        for top in _starts(height, patch, stride):
            for left in _starts(width, patch, stride):
                place = (..., slice(top, top + patch), slice(left, left + patch))
                hidden = x.copy()
                hidden[place] = fill
                rest = softmax(scores_of(model, hidden))[rows, picked]
                fall[place] += (whole - rest)[:, None, None]
                covered[place] += 1
    return fall / covered


def _starts(size: int, patch: int, stride: int) -> list[int]:
    """Where patches begin, so that every pixel is covered."""
    return sorted({*range(0, size - patch + 1, stride), size - patch})


def softmax(scores: NDArray[Any]) -> NDArray[np.float64]:
    """Probabilities (N, K)."""
    shares = np.exp(scores.astype(np.float64) - scores.max(1, keepdims=True))
    return shares / shares.sum(1, keepdims=True)  # type: ignore[no-any-return]
