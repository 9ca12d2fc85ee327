"""What the probabilities are worth: calibration, ROC curves, the samples with the largest loss."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd.errors import ShapeError

Floats = NDArray[np.float64]


class Calibration(NamedTuple):
    """Per bin of confidence, (B,): mean confidence and accuracy (nan where empty) and number of samples.

    error: the expected calibration error, the mean of |confidence - accuracy| over samples   (Guo et al. 2017)
    """

    confidence: Floats
    accuracy: Floats
    samples: NDArray[np.int64]
    error: float


def _checked(name: str, probabilities: ArrayLike, labels: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
    p, y = np.asarray(probabilities, np.float64), np.asarray(labels, np.int64)
    if p.ndim != 2 or y.shape != (len(p),) or not len(p):
        raise ShapeError(
            f"{name}: expected probabilities (N, K) and labels (N,)   [probabilities: {p.shape}, labels: {y.shape}]"
        )
    if y.min() < 0 or y.max() >= p.shape[1]:
        raise ValueError(f"{name}: a label lies outside 0 .. {p.shape[1] - 1}")
    return p, y


def calibration(probabilities: ArrayLike, labels: ArrayLike, bins: int = 15) -> Calibration:
    """Whether 80 % means right in 80 of 100 cases: bins of equal width over the largest probability."""
    p, y = _checked("calibration", probabilities, labels)
    if bins < 1:
        raise ValueError(f"calibration: bins={bins} must be at least 1")
    confidence, right = p.max(1), p.argmax(1) == y
    at = np.clip((confidence * bins).astype(np.intp), 0, bins - 1)
    count = np.bincount(at, minlength=bins)
    with np.errstate(invalid="ignore"):
        sure = np.bincount(at, confidence, bins) / count
        hit = np.bincount(at, right, bins) / count
    error = float(np.nansum(np.abs(sure - hit) * count) / len(y))
    return Calibration(sure, hit, count.astype(np.int64), error)


def roc_curve(scores: ArrayLike, positive: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """False and true positive rates, from (0, 0) to (1, 1), as the threshold falls; and the thresholds, inf first.

    scores (N,): higher for positive samples; positive (N,): booleans. ValueError unless both kinds are there.
    """
    s, y = np.asarray(scores, np.float64), np.asarray(positive, bool)
    if s.ndim != 1 or s.shape != y.shape:
        raise ShapeError(f"roc_curve: expected two arrays (N,)   [scores: {s.shape}, positive: {y.shape}]")
    if y.all() or not y.any():
        raise ValueError("roc_curve: needs positive and negative samples")
    order = np.argsort(-s, kind="stable")
    s, y = s[order], y[order]
    ends = np.append(np.flatnonzero(np.diff(s)), len(s) - 1)  # ties share one point
    true, seen = np.cumsum(y)[ends], ends + 1
    return (
        np.append(0.0, (seen - true) / (~y).sum()),
        np.append(0.0, true / y.sum()),
        np.append(np.inf, s[ends]),
    )


def auc(scores: ArrayLike, positive: ArrayLike) -> float:
    """Area under the ROC curve: how often a positive sample has the higher score than a negative one."""
    false, true, _ = roc_curve(scores, positive)
    return float(np.sum(np.diff(false) * (true[1:] + true[:-1]) / 2))


def top_losses(probabilities: ArrayLike, labels: ArrayLike, count: int = 16) -> tuple[NDArray[np.intp], Any]:
    """Indices of the `count` samples with the largest -log p[label], largest first, and these losses."""
    p, y = _checked("top_losses", probabilities, labels)
    losses = -np.log(np.maximum(p[np.arange(len(y)), y], 1e-300))
    order = np.argsort(-losses, kind="stable")[:count]
    return order, losses[order]
