"""Counts of right and wrong: confusion matrix, precision, recall. NumPy only."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd.errors import ShapeError


class ClassScores(NamedTuple):
    """Per class, float64 (K,): precision, recall, f1, and how many samples have the class. 0/0 counts as 0."""

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: NDArray[np.int64]


def accuracy(labels: ArrayLike, predicted: ArrayLike) -> float:
    """mean(labels == predicted); nan for no samples.

    Raises ShapeError unless both are (N,).
    """
    labels, predicted = _pair("accuracy", labels, predicted)
    return float((labels == predicted).mean()) if len(labels) else float("nan")


def confusion_matrix(labels: ArrayLike, predicted: ArrayLike, num_classes: int | None = None) -> NDArray[np.int64]:
    """counts[i, j] = number of samples of class i that were taken for class j -> int64 (K, K).

    `num_classes` defaults to the largest class present plus one.
    Raises ShapeError unless both are (N,), ValueError for a class outside 0 .. K-1.
    """
    labels, predicted = _pair("confusion_matrix", labels, predicted)
    both = np.concatenate([labels, predicted])
    if num_classes is None:
        num_classes = int(both.max()) + 1 if len(both) else 0
    if len(both) and (both.min() < 0 or both.max() >= num_classes):
        wrong = both[(both < 0) | (both >= num_classes)][0]
        raise ValueError(f"confusion_matrix: class {wrong} lies outside 0 .. {num_classes - 1}")
    counts = np.bincount(labels * num_classes + predicted, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes).astype(np.int64)


def class_scores(confusion: NDArray[np.integer[Any]]) -> ClassScores:
    """precision = tp / (tp + fp), recall = tp / (tp + fn), f1 = 2 tp / (2 tp + fp + fn), from a confusion matrix."""
    confusion = np.asarray(confusion)
    if confusion.ndim != 2 or confusion.shape[0] != confusion.shape[1]:
        raise ShapeError(f"class_scores: a confusion matrix is (K, K), got {confusion.shape}")
    right, taken, support = np.diag(confusion), confusion.sum(0), confusion.sum(1)
    return ClassScores(
        _ratio(right, taken), _ratio(right, support), _ratio(2 * right, taken + support), support.astype(np.int64)
    )


def most_confused(confusion: NDArray[np.integer[Any]], count: int = 3) -> list[tuple[int, int, int]]:
    """The largest counts off the diagonal as (true class, predicted class, samples), largest first."""
    wrong = np.array(confusion)
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:count]
    pairs = [(int(i), int(j)) for i, j in zip(*np.unravel_index(order, wrong.shape), strict=True)]
    return [(i, j, int(wrong[i, j])) for i, j in pairs if wrong[i, j]]


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole != 0)


def _pair(name: str, labels: ArrayLike, predicted: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    a, b = np.asarray(labels), np.asarray(predicted)
    if a.ndim != 1 or a.shape != b.shape:
        cure = "; scores? take argmax(1) first" if b.ndim == 2 else ""
        raise ShapeError(f"{name}: expected two arrays (N,){cure}   [labels: {a.shape}, predicted: {b.shape}]")
    return a.astype(np.int64), b.astype(np.int64)
