"""Picking elements by index, writing at indices, sorting, sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import autograd as ag
from autograd.onnx.values import array, axis_of, ints, scalar, tensor
from autograd.tensor import Tensor


def _gather(x: Tensor, index: Tensor, *, axis: int = 0) -> Tensor:
    return x[(slice(None),) * axis_of(axis, x.ndim) + (array(index),)]


def _gather_elements(x: Tensor, index: Tensor, *, axis: int = 0) -> Tensor:
    i, axis = array(index), axis_of(axis, x.ndim)
    return x[_along(np.where(i < 0, i + x.shape[axis], i), axis)]


def _along(index: np.ndarray, axis: int) -> tuple[np.ndarray, ...]:
    """The full index of every element that an index along one axis picks."""
    return tuple(index if a == axis else g for a, g in enumerate(_grid(index.shape)))


def _grid(shape: tuple[int, ...]) -> Any:
    return np.indices(shape, sparse=True)


def _gather_nd(x: Tensor, index: Tensor, *, batch_dims: int = 0) -> Tensor:
    i = array(index)
    batch = _grid(i.shape[:batch_dims])
    places = (*(b.reshape(b.shape + (1,) * (i.ndim - 1 - batch_dims)) for b in batch), *np.moveaxis(i, -1, 0))
    return x[places]


REDUCTIONS = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}


def _write(x: Tensor, index: tuple[np.ndarray, ...], updates: Tensor, reduction: str) -> Tensor:
    """x with updates at an index; assignment and addition have gradients."""
    if reduction == "none" and x.dtype.kind == "f":
        return ag.setitem(x, updates, index)  # type: ignore[no-any-return]
    if reduction == "add" and x.dtype.kind == "f":
        return x + ag.put_at(updates, shape=x.shape, index=index)
    out = x.array.copy()
    if reduction == "none":
        out[index] = updates.array
    else:
        REDUCTIONS[reduction].at(out, index, updates.array)
    return tensor(out)


def _scatter_elements(x: Tensor, index: Tensor, updates: Tensor, *, axis: int = 0, reduction: str = "none") -> Tensor:
    i, axis = array(index), axis_of(axis, x.ndim)
    return _write(x, _along(np.where(i < 0, i + x.shape[axis], i), axis), updates, reduction)


def _scatter_nd(x: Tensor, index: Tensor, updates: Tensor, *, reduction: str = "none") -> Tensor:
    return _write(x, tuple(np.moveaxis(array(index), -1, 0)), updates, reduction)


def _tensor_scatter(
    past: Tensor, update: Tensor, position: Any = None, *, mode: str = "linear", axis: int = -2
) -> Tensor:
    """Writes the update of each sequence of a batch at its own position of a cache."""
    axis = axis_of(axis, past.ndim)
    starts = np.zeros(past.shape[0], np.int64) if position is None else array(position)
    index = list(_grid(update.shape))
    index[axis] = index[axis] + starts.reshape((-1,) + (1,) * (past.ndim - 1))
    if mode == "circular":
        index[axis] = index[axis] % past.shape[axis]
    return _write(past, tuple(index), update, "none")


def _top_k(x: Tensor, k: Any = None, *, attrs: dict[str, Any]) -> tuple[Tensor, Tensor]:
    axis, count = attrs.get("axis", -1), ints(k)[0] if k is not None else attrs["k"]
    a = (
        x.array
        if not attrs.get("largest", 1)
        else -x.array
        if x.dtype.kind in "fi"
        else x.array.max(initial=0) - x.array
    )
    order = np.take(np.argsort(a, axis, kind="stable"), np.arange(count), axis)
    return x[_along(order, axis_of(axis, x.ndim))], tensor(order.astype(np.int64))


def _unique(x: Tensor, *, axis: int | None = None, sorted: int = 1) -> tuple[Tensor, ...]:
    values, first, inverse, counts = np.unique(x.array, True, True, True, axis=axis)
    inverse = inverse.reshape(-1)
    if not sorted:
        order = np.argsort(first)
        values = np.take(values, order, 0 if axis is None else axis)
        first, counts, inverse = first[order], counts[order], np.argsort(order)[inverse]
    return tensor(values), *(tensor(a.astype(np.int64)) for a in (first, inverse, counts))


def _one_hot(index: Tensor, depth: Tensor, values: Tensor, *, axis: int = -1) -> Tensor:
    n, (off, on) = int(scalar(depth)), array(values)
    i = array(index).astype(np.int64)
    hot = np.expand_dims(np.where(i < 0, i + n, i), axis)
    places = np.arange(n).reshape([-1 if a == axis_of(axis, hot.ndim) else 1 for a in range(hot.ndim)])
    return tensor(np.where(hot == places, on, off))


def _compress(x: Tensor, condition: Tensor, *, axis: int | None = None) -> Tensor:
    x = x.reshape(-1) if axis is None else x
    return _gather(x, tensor(np.flatnonzero(array(condition))), axis=axis or 0)


def _eye_like(x: Tensor, *, dtype: int | None = None, k: int = 0) -> Tensor:
    from autograd.onnx.quantised import numpy_dtype

    return tensor(np.eye(x.shape[0], x.shape[1], k=k, dtype=x.dtype if dtype is None else numpy_dtype(dtype)))


def _boxes(boxes: np.ndarray, centred: int) -> np.ndarray:
    """(y1, x1, y2, x2) with y1 <= y2, x1 <= x2."""
    if centred:
        x, y, w, h = boxes.T
        return np.stack([y - h / 2, x - w / 2, y + h / 2, x + w / 2], 1)
    first, second = boxes[:, :2], boxes[:, 2:]
    return np.concatenate([np.minimum(first, second), np.maximum(first, second)], 1)


def _overlap(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    common = np.maximum(high - low, 0).prod(1)
    return common / ((box[2:] - box[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(1) - common)


def _non_max_suppression(boxes, scores, most=None, threshold=None, least=None, *, center_point_box: int = 0):
    count = 0 if most is None else int(scalar(most))
    limit = 0.0 if threshold is None else float(scalar(threshold))
    found = []
    for n, image in enumerate(array(boxes)):
        places = _boxes(image, center_point_box)
        for c, row in enumerate(array(scores)[n]):
            order = [i for i in np.argsort(-row, kind="stable") if least is None or row[i] > scalar(least)]
            kept: list[int] = []
            while order and len(kept) < count:
                kept.append(order.pop(0))
                order = [i for i, o in zip(order, _overlap(places[kept[-1]], places[order])) if o <= limit]
            found += [(n, c, i) for i in kept]
    return tensor(np.array(found, np.int64).reshape(-1, 3))


TABLE: dict[str, Callable[..., Any]] = {
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "Scatter": _scatter_elements,
    "ScatterElements": _scatter_elements,
    "ScatterND": _scatter_nd,
    "TensorScatter": _tensor_scatter,
    "TopK": _top_k,
    "Unique": _unique,
    "NonZero": lambda x: tensor(np.array(np.nonzero(np.atleast_1d(array(x))), np.int64)),
    "OneHot": _one_hot,
    "Compress": _compress,
    "EyeLike": _eye_like,
    "NonMaxSuppression": _non_max_suppression,
    "ai.onnx.ml.ArrayFeatureExtractor": lambda x, i: x[..., array(i).reshape(-1)],
    "ai.onnx.ml.Binarizer": lambda x, *, threshold=0.0: tensor((array(x) > threshold).astype(x.dtype)),
}
