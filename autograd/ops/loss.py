"""Losses. reduction is "mean" (the default), "sum" or "none". Shapes must be equal: nothing broadcasts by accident."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.errors import ShapeError
from autograd.op import composite, op
from autograd.ops.activation import softplus
from autograd.ops.linalg import tensor_of
from autograd.sampling import Case, Sampler
from autograd.shapes import near
from autograd.tensor import Tensor

REDUCTIONS = ("mean", "sum", "none")


def check_reduction(name: str, reduction: str, allowed: tuple[str, ...] = REDUCTIONS) -> None:
    if reduction not in allowed:
        options = ", ".join(map(repr, allowed))
        raise ValueError(f"{name}: reduction is one of {options}, not {reduction!r}{near(str(reduction), allowed)}")


def reduced(loss: Any, reduction: str) -> Any:
    """A loss per element as the result: works on tensors and, for the references, on arrays."""
    return loss.mean() if reduction == "mean" else loss.sum() if reduction == "sum" else loss


def alike(name: str, x: Any, y: Any, what: str = "target") -> tuple[Tensor, Tensor]:
    """Two tensors of one shape."""
    x, y = tensor_of(x), tensor_of(y)
    if x.shape != y.shape:
        cure = ""
        if x.array.size == y.array.size:
            cure = f"; {what}.reshape(x.shape)?" if y.ndim else ""
        context = f"[x: {x.shape}, {what}: {y.shape}]"
        raise ShapeError(f"{name}: x and {what} must have one shape, not broadcast  {context}{cure}")
    return x, y


def weighted(name: str, loss: Tensor, weight: Any) -> Tensor:
    """The loss times a weight that broadcasts to it."""
    if weight is None:
        return loss
    weight = tensor_of(weight)
    try:
        fits = np.broadcast_shapes(weight.shape, loss.shape) == loss.shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(f"{name}: weight of shape {weight.shape} does not broadcast to x of shape {loss.shape}")
    return loss * weight


def samples_of(low: float = -2.0, high: float = 2.0, targets: tuple = (-2.0, 2.0), **attrs: Any) -> Callable:
    """Samples of x and a target of one shape; attrs are lists to choose from."""

    def draw(s: Sampler) -> Case:
        shape = s.shape(1, 3)
        chosen = {name: s.choice(options) for name, options in attrs.items()}
        return s.case(s.array(shape, low, high), s.array(shape, *targets), reduction=s.choice(REDUCTIONS), **chosen)

    return draw


def _kinked(**attrs: Any) -> Callable:
    """As samples_of, with differences x - y away from 0 and from the first attribute's value."""

    def draw(s: Sampler) -> Case:
        shape = s.shape(1, 3)
        chosen = {name: s.choice(options) for name, options in attrs.items()}
        kinks = [k for v in chosen.values() for k in (v, -v)]
        y = s.array(shape)
        x = y + s.array(shape, away=(0.0, *kinks))
        return s.case(x, y, reduction=s.choice(REDUCTIONS), **chosen)

    return draw


# ---------------------------------------------------------------------------------------------- distances


@composite(reference=lambda x, y, reduction="mean": reduced((x - y) ** 2, reduction), samples=samples_of())
def mse_loss(x, y, reduction="mean"):
    """(x - y) ** 2, its mean or its sum; x and y (the target) of one shape."""
    x, y = alike("mse_loss", x, y)
    check_reduction("mse_loss", reduction)
    d = x - y
    return reduced(d * d, reduction)


@composite(reference=lambda x, y, reduction="mean": reduced(abs(x - y), reduction), samples=_kinked())
def l1_loss(x, y, reduction="mean"):
    """|x - y|, its mean or its sum; x and y (the target) of one shape."""
    x, y = alike("l1_loss", x, y)
    check_reduction("l1_loss", reduction)
    return reduced(abs(x - y), reduction)


def _huber_reference(x, y, reduction="mean", delta=1.0):
    d = abs(x - y)
    return reduced(np.where(d < delta, 0.5 * d * d, delta * (d - 0.5 * delta)), reduction)


@composite(reference=_huber_reference, samples=_kinked(delta=[1.0, 0.5, 2.0]))
def huber_loss(x, y, reduction="mean", delta=1.0):
    """d ** 2 / 2 where d = |x - y| < delta, else delta * (d - delta / 2). Source: Huber, Ann. Math. Stat. 35 (1964)."""
    x, y = alike("huber_loss", x, y)
    check_reduction("huber_loss", reduction)
    if not delta > 0:
        raise ValueError(f"huber_loss: delta must be above 0, got {delta}")
    d = x - y
    near_part = d.clip(-delta, delta)
    return reduced(near_part * (d - near_part * 0.5), reduction)


def _smooth_reference(x, y, reduction="mean", beta=1.0):
    d = abs(x - y)
    return reduced(np.where(d < beta, 0.5 * d * d / max(beta, 1e-300), d - 0.5 * beta), reduction)


@composite(reference=_smooth_reference, samples=_kinked(beta=[1.0, 0.5, 2.0, 0.0]))
def smooth_l1_loss(x, y, reduction="mean", beta=1.0):
    """d ** 2 / (2 beta) where d = |x - y| < beta, else d - beta / 2. Source: Girshick, Fast R-CNN, arXiv:1504.08083."""
    x, y = alike("smooth_l1_loss", x, y)
    check_reduction("smooth_l1_loss", reduction)
    if not beta >= 0:
        raise ValueError(f"smooth_l1_loss: beta must not be below 0, got {beta}")
    return l1_loss(x, y, reduction) if beta == 0 else huber_loss(x, y, reduction, beta) / beta


# ---------------------------------------------------------------------------------------------- two classes


def _log_floor(x: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(x), -100)


@op(
    reference=lambda x, y: np.where(y == 1, 0, (y - 1) * np.log(1 - x)) - y * np.log(x),
    samples=lambda s: s.case(*(s.array(shape, 0.1, 0.9) for shape in [s.shape()] * 2)),
    linear_in=(),
)
def bernoulli_loss(x, y):
    """-y log(x) - (1 - y) log(1 - x) for 0 <= x <= 1, each logarithm at least -100."""
    if x.shape != y.shape:
        raise ValueError(f"x has shape {x.shape}, but y {y.shape}")
    if x.size and not (np.min(x) >= 0 and np.max(x) <= 1) and not np.isnan(x).any():
        wrong = x[(x < 0) | (x > 1)].flat[0]
        raise ShapeError(
            f"binary_cross_entropy: x must lie between 0 and 1, but holds {wrong}; for logits there is "
            "binary_cross_entropy_with_logits"
        )
    return (y - 1) * np.maximum(_log_floor(1 - x), -100) - y * _log_floor(x)


bernoulli_loss.grads(
    x=lambda g, x, y: g * (x - y) / (x * (1 - x)).clip(1e-12),
    y=lambda g, x: g * ((-tensor_of(x) + 1).log().clip(-100.0) - tensor_of(x).log().clip(-100.0)),
)


def _bce_samples(s: Sampler) -> Case:
    (x, y), attrs = samples_of(0.1, 0.9, (0.0, 1.0))(s)
    return s.case(x, y, s.array(x.shape[-1:], 0.5, 2) if s.boolean() else None, **attrs)


def _bce_reference(x, y, weight=None, reduction="mean"):
    return reduced(-(y * np.log(x) + (1 - y) * np.log(1 - x)) * (1 if weight is None else weight), reduction)


@composite(reference=_bce_reference, samples=_bce_samples)
def binary_cross_entropy(x, y, weight=None, reduction="mean"):
    """-weight * (y log(x) + (1 - y) log(1 - x)); probabilities x and targets y of one shape, logarithms at least -100.

    Raises ShapeError if shapes differ or x leaves [0, 1]. Source: torch.nn.functional.binary_cross_entropy.
    """
    x, y = alike("binary_cross_entropy", x, y)
    check_reduction("binary_cross_entropy", reduction)
    return reduced(weighted("binary_cross_entropy", bernoulli_loss(x, y), weight), reduction)


def _logits_samples(s: Sampler) -> Case:
    (x, y), attrs = samples_of(-4, 4, (0.0, 1.0))(s)
    weight, positive = (s.array(x.shape[-1:], 0.5, 2) if s.boolean() else None for _ in range(2))
    return s.case(x, y, weight=weight, pos_weight=positive, **attrs)


def _logits_reference(x, y, weight=None, reduction="mean", pos_weight=None):
    probability = 1 / (1 + np.exp(-x))
    positive = 1 if pos_weight is None else pos_weight
    loss = -(positive * y * np.log(probability) + (1 - y) * np.log(1 - probability))
    return reduced(loss * (1 if weight is None else weight), reduction)


@composite(reference=_logits_reference, samples=_logits_samples, bound=3e-5)
def binary_cross_entropy_with_logits(x, y, weight=None, reduction="mean", pos_weight=None):
    """-weight * (pos_weight * y * log(p) + (1 - y) * log(1 - p)) with p = sigmoid(x), without overflow

    Logits x and targets y of one shape; weight and pos_weight broadcast to it. Raises ShapeError if shapes differ.
    """
    name = "binary_cross_entropy_with_logits"
    x, y = alike(name, x, y)
    check_reduction(name, reduction)
    missed = softplus(-x, threshold=math.inf)  # -log(p)
    if pos_weight is not None:
        missed = missed * (weighted(name, y, tensor_of(pos_weight) - 1) + 1)
    return reduced(weighted(name, (1 - y) * x + missed, weight), reduction)


# ---------------------------------------------------------------------------------------------- distributions


def _kl_samples(s: Sampler) -> Case:
    log_target, shape = s.boolean(), s.shape(1, 3)
    y = s.array(shape, -3, 0) if log_target else s.array(shape, 0.05, 1)
    return s.case(s.array(shape, -3, 0), y, reduction=s.choice((*REDUCTIONS, "batchmean")), log_target=log_target)


def _kl_reference(x, y, reduction="mean", log_target=False):
    loss = np.exp(y) * (y - x) if log_target else y * (np.log(y) - x)
    return loss.sum() / (x.shape or (1,))[0] if reduction == "batchmean" else reduced(loss, reduction)


@composite(reference=_kl_reference, samples=_kl_samples)
def kl_div(x, y, reduction="mean", log_target=False):
    """y * (log(y) - x) for log-probabilities x and probabilities y (log-probabilities if log_target); 0 where y = 0

    reduction "batchmean" divides the sum by x.shape[0]: the divergence itself. Source: torch.nn.functional.kl_div.
    """
    x, y = alike("kl_div", x, y)
    check_reduction("kl_div", reduction, (*REDUCTIONS, "batchmean"))
    if log_target:
        loss = y.exp() * (y - x)
    else:
        zero = Tensor((y.array == 0).astype(y.dtype))
        loss = y * ((y + zero).log() - x)
    return loss.sum() / (x.shape or (1,))[0] if reduction == "batchmean" else reduced(loss, reduction)


def _hinge_samples(s: Sampler) -> Case:
    shape, margin = s.shape(1, 2), s.choice([1.0, 0.5])
    y = s.integers(shape, 0, 2) * 2 - 1
    return s.case(s.array(shape, away=(margin,)), y, margin=margin, reduction=s.choice(REDUCTIONS))


def _hinge_reference(x, y, margin=1.0, reduction="mean"):
    return reduced(np.where(y == 1, x, np.maximum(margin - x, 0)), reduction)


@composite(reference=_hinge_reference, samples=_hinge_samples)
def hinge_embedding_loss(x, y, margin=1.0, reduction="mean"):
    """x where y = 1, max(0, margin - x) where y = -1."""
    x, y = alike("hinge_embedding_loss", x, y)
    check_reduction("hinge_embedding_loss", reduction)
    positive, negative = (Tensor((y.array != sign).astype(x.dtype)) for sign in (-1, 1))
    return reduced(x * positive + (margin - x).clip(0.0) * negative, reduction)
