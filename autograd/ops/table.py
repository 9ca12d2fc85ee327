"""Masks, labels and tables: filling and picking by mask, one-hot labels, embeddings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.errors import DTypeError, ShapeError
from autograd.op import composite, op
from autograd.ops.dtypes import result_type
from autograd.ops.elementwise import mul, raw, where
from autograd.ops.index import IndexRangeError, getitem, put_at
from autograd.ops.linalg import tensor_of
from autograd.ops.places import blend
from autograd.ops.shape import astype, expand, reshape
from autograd.sampling import Case, Sampler
from autograd.tape import declare

_amax = declare("amax")


@composite(
    reference=lambda x, mask, value: x * ~mask + value * mask,
    samples=lambda s: s.case(s.array((s.size(), 3)), s.mask((s.size(1), 3)), s.choice((0.0, -2.5))),
)
def masked_fill(x, mask, value):
    """x with the value (a number or a tensor of one element) where the mask holds."""
    return where(mask, value, x)


def _masked(s: Sampler) -> Case:
    shape = (s.size(), 3)
    return s.case(s.array(shape), s.mask(shape))


@composite(
    reference=lambda x, mask: np.array([v for v, m in zip(x.flat, mask.flat) if m]).reshape(-1),
    samples=_masked,
)
def masked_select(x, mask):
    """The elements of x where the mask holds, as a vector; both broadcast."""
    shape = np.broadcast_shapes(np.shape(raw(x)), np.shape(raw(mask)))
    return getitem(expand(x, shape), np.broadcast_to(np.asarray(raw(mask), bool), shape))


@op(
    reference=lambda x: np.stack(np.nonzero(x), 1),
    samples=lambda s: s.case(s.mask((s.size(), s.size()))),
    differentiable=False,
)
def argwhere(x):
    """The indices of the nonzero elements, one row each: (count, ndim), int64."""
    return np.argwhere(x)


@composite(
    reference=lambda x: np.stack(np.nonzero(x), 1),
    samples=lambda s: s.case(s.mask((s.size(), s.size()))),
    differentiable=False,
)
def nonzero(x, *, as_tuple=False):
    """The indices of the nonzero elements: one row each, or (as_tuple) one vector for each axis."""
    found = argwhere(reshape(x, 1) if as_tuple and np.ndim(raw(x)) == 0 else x)
    return tuple(getitem(found, (slice(None), i)) for i in range(found.shape[1])) if as_tuple else found


@op(
    reference=lambda x, num_classes=-1: np.eye(num_classes if num_classes > 0 else x.max() + 1, dtype=np.int64)[x],
    samples=lambda s: s.case(s.integers((s.size(), s.size()), 0, 4), num_classes=s.choice((4, 6, -1))),
    differentiable=False,
    onnx="OneHot",
)
def one_hot(x, *, num_classes=-1):
    """y[..., k] = 1 if x[...] = k else 0, int64; num_classes -1: one more than the largest label."""
    if x.dtype.kind not in "iu":
        raise DTypeError(f"one_hot: x has dtype {x.dtype}, expected ints")
    n = num_classes if num_classes > 0 else int(x.max()) + 1
    if x.size and (x.min() < 0 or x.max() >= n):
        raise ShapeError(f"one_hot: label {x.min() if x.min() < 0 else x.max()} is not in [0, {n})  [x: {x.shape}]")
    return (x[..., None] == np.arange(n)).astype(np.int64)


def _embedding_samples(s: Sampler) -> Case:
    rows = s.size(4)
    padded = rows > 1 and s.boolean()  # ids stay off the padding row, whose gradient is left out on purpose
    ids = s.integers((s.integer(0, 4), 3)[: s.integer(1, 2)], 1 if padded else 0, rows)
    return s.case(ids, s.array((rows, s.size(3, (s.lanes(),)))), padding_idx=0 if padded else None)


def _ids_of(name: str, x: Any, w: np.ndarray) -> np.ndarray:
    """x as ids of the rows of w, checked."""
    if np.ndim(w) != 2:
        raise ValueError("w is no table")
    ids = np.asarray(x)
    if ids.dtype.kind not in "iu":
        raise DTypeError(f"{name}: x has dtype {ids.dtype}, expected ints")
    if ids.size and (ids.min() < 0 or ids.max() >= len(w)):
        wrong = int(ids.min()) if ids.min() < 0 else int(ids.max())
        raise IndexRangeError(f"{name}: id {wrong} is not in a table of {len(w)} rows  [x: {ids.shape}, w: {w.shape}]")
    return ids


@op(
    axes={"w": "V C"},
    reference=lambda x, w, padding_idx=None: (np.arange(len(w)) == x[..., None]).astype(w.dtype) @ w,
    samples=_embedding_samples,
    linear_in=("w",),
)
def embedding(x, w, *, padding_idx=None):
    """y[..., :] = w[x[...], :]: rows of a table (V, C) by ids in [0, V). The row padding_idx gets no gradient."""
    return w.take(_ids_of("embedding", x, w), 0)


def _embedding_grad(g, x, w_shape, padding_idx):
    ids = np.asarray(raw(x), np.int64)
    if padding_idx is not None and w_shape[0]:
        g = mul(g, (ids != padding_idx % w_shape[0])[..., None])
    return put_at(g, shape=w_shape, index=(ids,))


embedding.grads(x=None, w=_embedding_grad)


def _bag_samples(s: Sampler) -> Case:
    mode, weighted = s.choice((("sum", False), ("sum", True), ("mean", False), ("max", False)))
    table = s.distinct((5, s.size(3)))
    shape = (s.integer(1, 3), s.integer(1, 3))
    weights = {"per_sample_weights": s.array(shape)} if weighted else {}
    return s.case(s.integers(shape, 0, 5), table, mode=mode, **weights)


def _bag_reference(x, w, mode="mean", per_sample_weights=None):
    rows = w[x] if per_sample_weights is None else w[x] * per_sample_weights[..., None]
    reduce: dict[str, Callable] = {"sum": np.sum, "mean": np.mean, "max": np.max}
    return reduce[mode](rows, 1)


def _bags(ids: np.ndarray, offsets: Any, include_last_offset: bool) -> tuple[np.ndarray, np.ndarray]:
    """Bags of ids as a table of places in the flat ids, one row each, and which of them count."""
    if ids.ndim == 2:
        if offsets is not None:
            raise ValueError(f"bags (N, L) are given by x, offsets must be None, got {np.shape(raw(offsets))}")
        return np.arange(ids.size).reshape(ids.shape), np.ones(ids.shape, bool)
    if ids.ndim != 1 or np.ndim(raw(offsets)) != 1 or offsets is None:
        raise ValueError("expected ids (N, L), or ids (L,) and the offsets (N,) at which bags begin")
    starts = np.asarray(raw(offsets), np.int64)
    if include_last_offset:
        starts, ends = starts[:-1], starts[1:]
    else:
        ends = np.append(starts[1:], ids.size)
    if starts.size and (starts[0] != 0 or (ends < starts).any() or ends[-1] > ids.size):
        raise ValueError(f"offsets must rise from 0 to at most {ids.size}")
    places = starts[:, None] + np.arange(int((ends - starts).max(initial=0)))
    counts = places < ends[:, None]
    return np.where(counts, places, 0), counts


@composite(reference=_bag_reference, samples=_bag_samples, linear_in=())
def embedding_bag(
    x, w, offsets=None, *, mode="mean", per_sample_weights=None, include_last_offset=False, padding_idx=None
):
    """The sum, mean or maximum of the rows w[x] of each bag: x (N, L), or all bags in a row and their offsets (N,)."""
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"mode must be 'sum', 'mean' or 'max', got {mode!r}")
    if per_sample_weights is not None and mode != "sum":
        raise ValueError(f"per_sample_weights go with mode 'sum', not {mode!r}")
    ids, w = np.asarray(raw(x)), tensor_of(w)
    places, counts = _bags(ids, offsets, include_last_offset)
    bags = ids.reshape(-1)[places] if ids.size else np.zeros(places.shape, np.int64)
    if padding_idx is not None:
        counts = counts & (bags != padding_idx % np.shape(raw(w))[0])
    if mode == "max" and places.shape[1]:
        filled = np.any(counts, 1, keepdims=True)
        return where(filled, _amax(where(counts[..., None], embedding(bags, w), -np.inf), 1), 0.0)
    bags = np.where(counts, _ids_of("embedding_bag", bags, raw(w)), -1)
    weights: Any = np.ones((places.shape[1], 1, len(places)), raw(w).dtype)
    if per_sample_weights is not None:
        weights = getitem(reshape(per_sample_weights, -1), places.T[:, None])
        both = result_type(raw(w), raw(weights))
        w, weights = (x if raw(x).dtype == both else astype(x, dtype=both) for x in (w, weights))
    rows, columns = w.shape
    total = blend(reshape(w, (1, rows, columns)), weights, places=bags.T[:, None])
    total = reshape(total, (len(places), columns))
    return total / np.maximum(counts.sum(1), 1)[:, None].astype(total.dtype) if mode == "mean" else total
