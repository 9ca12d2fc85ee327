"""More losses: margins between classes and pairs, likelihoods of distributions, focal and cosine losses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.errors import DTypeError, ShapeError
from autograd.op import composite
from autograd.ops.activation import logsigmoid, softplus
from autograd.ops.elementwise import maximum, raw, where
from autograd.ops.index import getitem
from autograd.ops.linalg import tensor_of
from autograd.ops.loss import REDUCTIONS, alike, binary_cross_entropy_with_logits, check_reduction, reduced, weighted
from autograd.ops.products import pairwise_distance
from autograd.ops.reduce import sum
from autograd.ops.scale import cosine_similarity
from autograd.sampling import Case, Sampler
from autograd.tensor import Tensor


def _signs(s: Sampler, shape: Any) -> np.ndarray:
    return s.integers(shape, 0, 2) * 2 - 1


def _positive_part(x: Tensor) -> Tensor:
    return maximum(x, 0.0)


def _broadcast(name: str, **tensors: Tensor) -> None:
    try:
        np.broadcast_shapes(*(t.shape for t in tensors.values()))
    except ValueError:
        context = ", ".join(f"{n}: {t.shape}" for n, t in tensors.items())
        raise ShapeError(f"{name}: shapes do not broadcast  [{context}]") from None


# --------------------------------------------------------------------------------------------- pairs


def _ranking_samples(s: Sampler) -> Case:
    shape = s.shape(1, 2)
    return s.case(
        s.distinct(shape),
        s.distinct(shape) + s.dtype.type(0.03),
        _signs(s, shape),
        margin=0.05,
        reduction=s.choice(REDUCTIONS),
    )


@composite(
    reference=lambda x, y, target, margin=0.0, reduction="mean": reduced(
        np.maximum(-target * (x - y) + margin, 0), reduction
    ),
    samples=_ranking_samples,
)
def margin_ranking_loss(x, y, target, margin=0.0, reduction="mean"):
    """max(0, margin - target * (x - y)): x should rank above y where target is 1, below where it is -1."""
    x, y, target = tensor_of(x), tensor_of(y), tensor_of(target)
    check_reduction("margin_ranking_loss", reduction)
    if x.ndim != y.ndim or x.ndim != target.ndim:
        context = f"[x: {x.shape}, y: {y.shape}, target: {target.shape}]"
        raise ShapeError(f"margin_ranking_loss: x, y and target must have as many dimensions  {context}")
    _broadcast("margin_ranking_loss", x=x, y=y, target=target)
    return reduced(_positive_part(margin - target * (x - y)), reduction)


def _embedding_samples(s: Sampler) -> Case:
    n, c = s.size(3), s.size(3) + 1
    return s.case(s.array((n, c)), s.array((n, c)), _signs(s, (n,)), margin=-0.95, reduction=s.choice(REDUCTIONS))


def _embedding_reference(x, y, target, margin=0.0, reduction="mean"):
    cosine = (x * y).sum(-1) / np.sqrt((x * x).sum(-1) * (y * y).sum(-1))
    return reduced(np.where(target == 1, 1 - cosine, np.maximum(cosine - margin, 0)), reduction)


@composite(reference=_embedding_reference, samples=_embedding_samples)
def cosine_embedding_loss(x, y, target, margin=0.0, reduction="mean"):
    """1 - cos(x, y) where target is 1, max(0, cos(x, y) - margin) where it is -1; x, y (N, C) or (C,)."""
    x, y, target = tensor_of(x), tensor_of(y), tensor_of(target)
    check_reduction("cosine_embedding_loss", reduction)
    if target.ndim not in (0, 1) or x.ndim != target.ndim + 1 or y.ndim != x.ndim:
        context = f"[x: {x.shape}, y: {y.shape}, target: {target.shape}]"
        raise ShapeError(f"cosine_embedding_loss: expected x and y (N, C) with target (N,), or (C,) with ()  {context}")
    _broadcast("cosine_embedding_loss", x=x, y=y)
    cosine = cosine_similarity(x, y, -1)
    if cosine.shape != target.shape:
        raise ShapeError(f"cosine_embedding_loss: target has shape {target.shape}, expected {cosine.shape}")
    loss = where(target.array == 1, 1 - cosine, where(target.array == -1, _positive_part(cosine - margin), 0.0))
    return reduced(loss, reduction)


def _triplet_samples(s: Sampler) -> Case:
    shape = (s.size(3), s.size(3))
    swap, p = s.boolean(), s.choice((2.0, 1.0))
    return s.case(
        *(s.distinct(shape) + s.dtype.type(0.031 * k) for k in range(3)),
        margin=20.0,
        p=p,
        swap=swap,
        reduction=s.choice(REDUCTIONS),
    )


def _triplet_reference(anchor, positive, negative, margin=1.0, p=2.0, eps=1e-6, swap=False, reduction="mean"):
    def distance(a, b):
        return (np.abs(a - b + eps) ** p).sum(-1) ** (1 / p)

    far = distance(anchor, negative)
    far = np.minimum(far, distance(positive, negative)) if swap else far
    return reduced(np.maximum(distance(anchor, positive) - far + margin, 0), reduction)


@composite(reference=_triplet_reference, samples=_triplet_samples)
def triplet_margin_loss(anchor, positive, negative, margin=1.0, p=2.0, eps=1e-6, swap=False, reduction="mean"):
    """max(0, d(anchor, positive) - d(anchor, negative) + margin) with p-norm distances along the last axis

    swap: the distance of positive and negative counts where it is smaller. Source: Balntas et al., BMVC 2016.
    """

    def distance(a: Any, b: Any) -> Tensor:
        return pairwise_distance(a, b, p=p, eps=eps)

    return triplet_margin_with_distance_loss(
        anchor, positive, negative, distance_function=distance, margin=margin, swap=swap, reduction=reduction
    )


@composite(
    reference=lambda anchor, positive, negative, margin=1.0, swap=False, reduction="mean": _triplet_reference(
        anchor, positive, negative, margin, swap=swap, reduction=reduction
    ),
    samples=lambda s: (lambda c: s.case(*c.args, margin=20.0, swap=c.attrs["swap"], reduction=c.attrs["reduction"]))(
        _triplet_samples(s)
    ),
)
def triplet_margin_with_distance_loss(
    anchor, positive, negative, *, distance_function=None, margin=1.0, swap=False, reduction="mean"
):
    """triplet_margin_loss with any distance of two tensors."""
    name = "triplet_margin_loss"
    check_reduction(name, reduction)
    if margin <= 0:
        raise ValueError(f"{name}: margin must be above 0, got {margin}")
    anchor, positive, negative = (tensor_of(x) for x in (anchor, positive, negative))
    if len({anchor.ndim, positive.ndim, negative.ndim}) > 1:
        context = f"[anchor: {anchor.shape}, positive: {positive.shape}, negative: {negative.shape}]"
        raise ShapeError(f"{name}: all three must have as many dimensions  {context}")
    _broadcast(name, anchor=anchor, positive=positive, negative=negative)
    distance = distance_function or pairwise_distance
    far = distance(anchor, negative)
    far = -maximum(-far, -distance(positive, negative)) if swap else far
    return reduced(_positive_part(distance(anchor, positive) - far + margin), reduction)


# --------------------------------------------------------------------------------------------- many classes


def _class_samples(s: Sampler) -> Case:
    n, c = s.size(3), s.size(3) + 1
    weight = s.array((c,), 0.5, 2) if s.boolean() else None
    return s.case(
        s.distinct((n, c), 0.13),
        s.integers((n,), 0, c),
        p=s.integer(1, 2),
        margin=1.0,
        weight=weight,
        reduction=s.choice(REDUCTIONS),
    )


def _class_reference(x, target, p=1, margin=1.0, weight=None, reduction="mean"):
    loss = np.zeros(len(x))
    for i, label in enumerate(target):
        for j in range(x.shape[1]):
            if j != label:
                gap = max(0.0, margin - x[i, label] + x[i, j]) ** p
                loss[i] += gap * (1 if weight is None else weight[label]) / x.shape[1]
    return reduced(loss, reduction)


@composite(reference=_class_reference, samples=_class_samples)
def multi_margin_loss(x, target, *, p=1, margin=1.0, weight=None, reduction="mean"):
    """sum over j != t of w[t] max(0, margin - x[t] + x[j]) ** p / C, for scores x (N, C) and classes t (N,)."""
    x, labels = tensor_of(x), np.asarray(raw(target))
    check_reduction("multi_margin_loss", reduction)
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: p must be 1 or 2, got {p}")
    single = x.ndim < 2
    rows = x.reshape(1, -1) if single else x
    labels = labels.reshape(-1) if single else labels
    if rows.ndim != 2 or labels.shape != rows.shape[:1] or not rows.shape[1]:
        raise ShapeError(
            f"multi_margin_loss: expected x (N, C) and target (N,)  [x: {x.shape}, target: {np.shape(raw(target))}]"
        )
    if labels.dtype.kind not in "iu":
        raise DTypeError(f"multi_margin_loss: target holds {labels.dtype} values, expected class indices")
    if weight is not None and np.shape(raw(weight)) != rows.shape[1:]:
        raise ShapeError(f"multi_margin_loss: weight has shape {np.shape(raw(weight))}, expected {rows.shape[1:]}")
    if ((labels < 0) | (labels >= rows.shape[1])).any():
        raise ShapeError(f"multi_margin_loss: target {labels!r:.60} is out of range for {rows.shape[1]} classes")
    at = np.arange(len(labels))
    gaps = _positive_part(margin - getitem(rows, (at, labels)).reshape(-1, 1) + rows)
    gaps = gaps if p == 1 else gaps * gaps
    if weight is not None:
        gaps = gaps * getitem(tensor_of(weight), labels).reshape(-1, 1)
    others = np.ones(rows.shape, rows.dtype)
    others[at, labels] = 0
    loss = sum(gaps * others, 1) / rows.shape[1]
    return reduced(loss.reshape(()) if single else loss, reduction)


def _multilabel_samples(s: Sampler) -> Case:
    n, c = s.size(3), s.size(3) + 1
    target = np.full((n, c), -1, np.int64)
    for row in target:
        count = s.integer(1, c)
        row[:count] = np.argsort(s.distinct((c,)))[:count]
    return s.case(s.distinct((n, c), 0.13), target, reduction=s.choice(REDUCTIONS))


def _multilabel_reference(x, target, reduction="mean"):
    loss = np.zeros(len(x))
    for i, row in enumerate(target):
        wanted = []
        for label in row:
            if label < 0:
                break
            wanted.append(label)
        for j in wanted:
            loss[i] += np.sum([max(0.0, 1 - (x[i, j] - x[i, k])) for k in range(x.shape[1]) if k not in wanted])
    return reduced(loss / x.shape[1], reduction)


@composite(reference=_multilabel_reference, samples=_multilabel_samples)
def multilabel_margin_loss(x, target, reduction="mean"):
    """sum over wanted j and unwanted k of max(0, 1 - x[j] + x[k]) / C; rows of target list wanted classes, then -1."""
    x, labels = tensor_of(x), np.asarray(raw(target))
    check_reduction("multilabel_margin_loss", reduction)
    if labels.shape != x.shape or x.ndim > 2:
        raise ShapeError(
            f"multilabel_margin_loss: expected x and target (N, C)  [x: {x.shape}, target: {labels.shape}]"
        )
    rows = x.reshape(1, -1) if x.ndim < 2 else x
    labels = labels.reshape(rows.shape)
    if ((labels < -1) | (labels >= rows.shape[1])).any():
        raise ShapeError(f"multilabel_margin_loss: target {labels!r:.60} is out of range for {rows.shape[1]} classes")
    kept = np.cumprod(labels >= 0, 1).astype(bool)
    wanted = np.zeros((rows.shape[0], rows.shape[1] + 1), x.dtype)
    np.add.at(wanted, (np.arange(len(labels))[:, None], np.where(kept, labels, rows.shape[1])), 1)
    wanted = wanted[:, :-1]  # how often each class is listed
    pairs = wanted[:, :, None] * (wanted[:, None, :] == 0)
    gaps = _positive_part(1 - rows.reshape(*rows.shape, 1) + rows.reshape(rows.shape[0], 1, -1))
    loss = sum(gaps * pairs, (1, 2)) / max(rows.shape[1], 1)
    return reduced(loss.reshape(()) if x.ndim < 2 else loss, reduction)


def _soft_samples(s: Sampler) -> Case:
    n, c = s.size(3), s.size(3)
    return s.case(s.array((n, c)), s.integers((n, c), 0, 2).astype(s.dtype), reduction=s.choice(REDUCTIONS))


def _soft_reference(x, target, weight=None, reduction="mean"):
    p = 1 / (1 + np.exp(-x))
    loss = -(target * np.log(p) + (1 - target) * np.log(1 - p))
    return reduced((loss if weight is None else loss * weight).mean(-1), reduction)


@composite(reference=_soft_reference, samples=_soft_samples, bound=3e-5)
def multilabel_soft_margin_loss(x, target, weight=None, reduction="mean"):
    """The mean over classes of the binary cross-entropy with logits x (..., C) and targets of 0 and 1."""
    x, target = alike("multilabel_soft_margin_loss", x, target)
    check_reduction("multilabel_soft_margin_loss", reduction)
    loss = -(target * logsigmoid(x) + (1 - target) * logsigmoid(-x))
    loss = weighted("multilabel_soft_margin_loss", loss, weight)
    return reduced(sum(loss, -1) / max(x.shape[-1], 1) if x.ndim else loss, reduction)


@composite(
    reference=lambda x, target, reduction="mean": reduced(np.log1p(np.exp(-target * x)), reduction),
    samples=lambda s: (lambda shape: s.case(s.array(shape), _signs(s, shape), reduction=s.choice(REDUCTIONS)))(
        s.shape(1, 2)
    ),
)
def soft_margin_loss(x, target, reduction="mean"):
    """log(1 + e ** (-target * x)) with targets of 1 and -1."""
    x, target = alike("soft_margin_loss", x, target)
    check_reduction("soft_margin_loss", reduction)
    return reduced(softplus(-(target * x), threshold=math.inf), reduction)


# --------------------------------------------------------------------------------------------- likelihoods


def _poisson_samples(s: Sampler) -> Case:
    shape = s.shape(1, 2)
    log_input = s.boolean()
    return s.case(
        s.array(shape, 0.2, 2),
        s.array(shape, 1.2, 4),
        log_input=log_input,
        full=s.boolean(),
        reduction=s.choice(REDUCTIONS),
    )


def _poisson_reference(x, y, log_input=True, full=False, eps=1e-8, reduction="mean"):
    loss = np.exp(x) - y * x if log_input else x - y * np.log(x + eps)
    if full:
        loss = loss + np.where(y > 1, y * np.log(y) - y + 0.5 * np.log(2 * math.pi * y), 0)
    return reduced(loss, reduction)


@composite(reference=_poisson_reference, samples=_poisson_samples)
def poisson_nll_loss(x, y, log_input=True, full=False, size_average=None, eps=1e-8, reduce=None, reduction="mean"):
    """e ** x - y x for the logarithm x of a Poisson rate (log_input=False: x - y log(x + eps) for the rate itself)

    full adds Stirling's approximation of log(y!) where y > 1.
    """
    x, y = tensor_of(x), tensor_of(y)
    check_reduction("poisson_nll_loss", reduction)
    _broadcast("poisson_nll_loss", x=x, target=y)
    loss = x.exp() - y * x if log_input else x - y * (x + eps).log()
    if full:
        above = y.array > 1
        safe = where(above, y, 2.0)
        loss = loss + where(above, safe * safe.log() - safe + 0.5 * (2 * math.pi * safe).log(), 0.0)
    return reduced(loss, reduction)


def _gaussian_samples(s: Sampler) -> Case:
    shape = (s.size(3), s.size(3))
    var = s.array(shape if s.boolean() else shape[:1], 0.3, 2)
    return s.case(s.array(shape), s.array(shape), var, full=s.boolean(), reduction=s.choice(REDUCTIONS))


def _gaussian_reference(x, y, var, full=False, eps=1e-6, reduction="mean"):
    var = var if var.ndim == x.ndim else var[..., None]
    loss = 0.5 * (np.log(var) + (x - y) ** 2 / var) + full * 0.5 * math.log(2 * math.pi)
    return reduced(loss, reduction)


@composite(reference=_gaussian_reference, samples=_gaussian_samples)
def gaussian_nll_loss(x, y, var, full=False, eps=1e-6, reduction="mean"):
    """(log(var) + (x - y) ** 2 / var) / 2, var held at least eps; var has x's shape, or 1 for (or lacks) its last axis

    full adds log(2 pi) / 2. The gradient passes var unchanged, as in torch.
    """
    x, y = tensor_of(x), tensor_of(y)
    check_reduction("gaussian_nll_loss", reduction)
    var = var if isinstance(var, (int, float)) else tensor_of(var)
    if isinstance(var, (int, float)):
        var = Tensor(np.full(x.shape, var, x.dtype))
    if var.shape != x.shape:
        if x.shape[:-1] == var.shape:
            var = var.unsqueeze(-1)
        elif var.ndim != x.ndim or any(n not in (1, m) for n, m in zip(var.shape, x.shape)):
            raise ShapeError(f"gaussian_nll_loss: var has shape {var.shape}, expected {x.shape}")
    if (var.array < 0).any():
        raise ShapeError("gaussian_nll_loss: var holds a value below 0")
    _broadcast("gaussian_nll_loss", x=x, target=y)
    held = var + np.maximum(eps - var.array, 0).astype(var.dtype)
    d = x - y
    loss = 0.5 * (held.log() + d * d / held)
    return reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


def _focal_reference(x, y, alpha=0.25, gamma=2.0, reduction="none"):
    p = 1 / (1 + np.exp(-x))
    right = np.where(y == 1, p, 1 - p)
    share = np.where(y == 1, alpha, 1 - alpha) if alpha >= 0 else 1
    return reduced(-share * (1 - right) ** gamma * np.log(right), reduction)


def _focal_samples(s: Sampler) -> Case:
    x, y = _soft_samples(s).args
    return s.case(
        x, y.astype(np.int64), alpha=s.choice((0.25, -1)), gamma=s.choice((2.0, 1.0)), reduction=s.choice(REDUCTIONS)
    )


@composite(reference=_focal_reference, samples=_focal_samples, bound=3e-5)
def sigmoid_focal_loss(x, y, alpha=0.25, gamma=2.0, reduction="none"):
    """-share (1 - p) ** gamma log(p), p the probability of the right answer, share alpha for y = 1, else 1 - alpha

    Logits x and targets y of 0 and 1; alpha below 0: no shares. Source: Lin et al., arXiv:1708.02002.
    """
    x, y = alike("sigmoid_focal_loss", x, y)
    check_reduction("sigmoid_focal_loss", reduction)
    y = y.astype(x.dtype)
    entropy = binary_cross_entropy_with_logits(x, y, None, "none")
    loss = entropy * (1 - (-entropy).exp()) ** gamma
    return reduced(loss * (alpha * y + (1 - alpha) * (1 - y)) if alpha >= 0 else loss, reduction)
