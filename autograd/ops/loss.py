"""Losses. reduction is "mean" (the default), "sum" or "none". Shapes must be equal: nothing broadcasts by accident."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import kernels
from autograd.errors import ShapeError
from autograd.op import composite, op
from autograd.ops.activation import softplus
from autograd.ops.dtypes import FLOAT32, has_kernels, promote_float
from autograd.ops.elementwise import raw
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


def fused(name: str, x: np.ndarray, y: np.ndarray, reduction: str, kind: str, p: float = 0.0) -> np.ndarray:
    """A loss by its kernel; explains what does not fit, and brings both arrays into one dtype."""
    alike(name, x, y)
    check_reduction(name, reduction)
    x, y = promote_float(x, y)
    if has_kernels(x):
        return kernels.pair_loss(x, y, reduction, kind, p)
    return kernels.pair_loss(x.astype(FLOAT32), y.astype(FLOAT32), reduction, kind, p).astype(x.dtype)


def fused_grad(g: Any, x: Any, y: Any, reduction: str, kind: str, p: float = 0.0) -> np.ndarray:
    """The gradient of a fused loss for x, in x's dtype."""
    g, x, y = raw(g), raw(x), raw(y)
    if x.dtype == y.dtype and has_kernels(x):
        return kernels.pair_loss_grad(g, x, y, reduction, kind, p)
    g_, x_, y_ = promote_float(g, x, y)
    return kernels.pair_loss_grad(np.asarray(g_, x_.dtype), x_, y_, reduction, kind, p).astype(x.dtype)


def _mse_twin(x, y, reduction="mean"):
    d = x - y
    return reduced(d * d, reduction)


@op(
    reference=lambda x, y, reduction="mean": reduced((x - y) ** 2, reduction),
    samples=samples_of(),
    kernel=kernels.pair_loss,
    twin=_mse_twin,
)
def mse_loss(x, y, *, reduction="mean"):
    """(x - y) ** 2, its mean or its sum; x and y (the target) of one shape."""
    return fused("mse_loss", x, y, reduction, "squared")


mse_loss.grads(
    x=lambda g, x, y, reduction: fused_grad(g, x, y, reduction, "squared"),
    y=lambda g, x, y, reduction: fused_grad(g, y, x, reduction, "squared"),
)


@op(
    reference=lambda x, y, reduction="mean": reduced(abs(x - y), reduction),
    samples=_kinked(),
    twin=lambda x, y, reduction="mean": reduced(abs(x - y), reduction),
)
def l1_loss(x, y, *, reduction="mean"):
    """|x - y|, its mean or its sum; x and y (the target) of one shape."""
    return fused("l1_loss", x, y, reduction, "absolute")


l1_loss.grads(
    x=lambda g, x, y, reduction: fused_grad(g, x, y, reduction, "absolute"),
    y=lambda g, x, y, reduction: fused_grad(g, y, x, reduction, "absolute"),
)


def _huber_reference(x, y, reduction="mean", delta=1.0):
    d = abs(x - y)
    return reduced(np.where(d < delta, 0.5 * d * d, delta * (d - 0.5 * delta)), reduction)


def _huber_twin(x, y, reduction="mean", delta=1.0):
    d = x - y
    near_part = d.clip(-delta, delta)
    return reduced(near_part * (d - near_part * 0.5), reduction)


@op(reference=_huber_reference, samples=_kinked(delta=[1.0, 0.5, 2.0]), twin=_huber_twin)
def huber_loss(x, y, *, reduction="mean", delta=1.0):
    """d ** 2 / 2 where d = |x - y| < delta, else delta * (d - delta / 2). Source: Huber, Ann. Math. Stat. 35 (1964)."""
    if not delta > 0:
        raise ValueError(f"huber_loss: delta must be above 0, got {delta}")
    return fused("huber_loss", x, y, reduction, "huber", delta)


huber_loss.grads(
    x=lambda g, x, y, reduction, delta: fused_grad(g, x, y, reduction, "huber", delta),
    y=lambda g, x, y, reduction, delta: fused_grad(g, y, x, reduction, "huber", delta),
)


def _smooth_reference(x, y, reduction="mean", beta=1.0):
    d = abs(x - y)
    return reduced(np.where(d < beta, 0.5 * d * d / max(beta, 1e-300), d - 0.5 * beta), reduction)


def _smooth_twin(x, y, reduction="mean", beta=1.0):
    return l1_loss(x, y, reduction) if beta == 0 else _huber_twin(x, y, reduction, beta) / beta


@op(reference=_smooth_reference, samples=_kinked(beta=[1.0, 0.5, 2.0, 0.0]), twin=_smooth_twin)
def smooth_l1_loss(x, y, *, reduction="mean", beta=1.0):
    """d ** 2 / (2 beta) where d = |x - y| < beta, else d - beta / 2. Source: Girshick, Fast R-CNN, arXiv:1504.08083."""
    if not beta >= 0:
        raise ValueError(f"smooth_l1_loss: beta must not be below 0, got {beta}")
    return fused("smooth_l1_loss", x, y, reduction, "smooth" if beta else "absolute", beta)


smooth_l1_loss.grads(
    x=lambda g, x, y, reduction, beta: fused_grad(g, x, y, reduction, "smooth" if beta else "absolute", beta),
    y=lambda g, x, y, reduction, beta: fused_grad(g, y, x, reduction, "smooth" if beta else "absolute", beta),
)


# ---------------------------------------------------------------------------------------------- two classes


def _unit_pair(s: Sampler, low: float = 0.1, high: float = 0.9) -> Case:
    shape = s.shape()
    return s.case(s.array(shape, low, high), s.array(shape, 0.1, 0.9), reduction=s.choice(REDUCTIONS))


def _bernoulli_twin(x, y, reduction="mean"):
    one_less = (-x + 1).log().clip(-100.0)
    return reduced((y - 1) * one_less - y * x.log().clip(-100.0), reduction)


@op(
    reference=lambda x, y, reduction="mean": reduced((y - 1) * np.log(1 - x) - y * np.log(x), reduction),
    samples=_unit_pair,
    twin=_bernoulli_twin,
)
def bernoulli_loss(x, y, *, reduction="mean"):
    """-y log(x) - (1 - y) log(1 - x) for 0 <= x <= 1, each logarithm at least -100; its mean or its sum."""
    loss = fused("bernoulli_loss", x, y, reduction, "bernoulli")
    total = loss if loss.ndim == 0 else kernels.sum(loss)
    if np.isnan(total) and ((x < 0) | (x > 1)).any():  # outside of [0, 1] a logarithm is NaN
        wrong = x[(x < 0) | (x > 1)].flat[0]
        raise ShapeError(
            f"binary_cross_entropy: x must lie between 0 and 1, but holds {wrong}; for logits there is "
            "binary_cross_entropy_with_logits"
        )
    return loss


def share(g: Tensor, x: Tensor, reduction: str) -> Tensor:
    """The gradient of each element's loss, from that of the reduced one."""
    return g / max(x.array.size, 1) if reduction == "mean" else g


def _bernoulli_target(g, x, y, reduction):
    x = tensor_of(x)
    slope = (-x + 1).log().clip(-100.0) - x.log().clip(-100.0)
    return (share(g, x, reduction) * slope).astype(y.dtype)


bernoulli_loss.grads(
    x=lambda g, x, y, reduction: fused_grad(g, x, y, reduction, "bernoulli"),
    y=_bernoulli_target,
)


def _logistic_reference(x, y, reduction="mean"):
    return reduced((1 - y) * x + np.log(1 + np.exp(-x)), reduction)


@op(
    reference=_logistic_reference,
    samples=lambda s: _unit_pair(s, -4, 4),
    twin=lambda x, y, reduction="mean": reduced((1 - y) * x + softplus(-x, threshold=math.inf), reduction),
    bound=3e-5,
)
def logistic_loss(x, y, *, reduction="mean"):
    """(1 - y) x + log(1 + e^-x): bernoulli_loss of sigmoid(x), without overflow; its mean or its sum."""
    return fused("logistic_loss", x, y, reduction, "logistic")


logistic_loss.grads(
    x=lambda g, x, y, reduction: fused_grad(g, x, y, reduction, "logistic"),
    y=lambda g, x, y, reduction: (share(g, tensor_of(x), reduction) * -tensor_of(x)).astype(y.dtype),
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
    if weight is None:
        return bernoulli_loss(x, y, reduction)
    return reduced(weighted("binary_cross_entropy", bernoulli_loss(x, y, "none"), weight), reduction)


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
    if pos_weight is None:
        loss = logistic_loss(x, y, reduction if weight is None else "none")
        return loss if weight is None else reduced(weighted(name, loss, weight), reduction)
    missed = softplus(-x, threshold=math.inf)  # -log(p)
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


def _kl_twin(x, y, reduction="mean", log_target=False):
    if log_target:
        loss = y.exp() * (y - x)
    else:
        zero = Tensor((y.array == 0).astype(y.dtype))
        loss = y * ((y + zero).log() - x)
    return loss.sum() / (x.shape or (1,))[0] if reduction == "batchmean" else reduced(loss, reduction)


@op(reference=_kl_reference, samples=_kl_samples, twin=_kl_twin)
def kl_div(x, y, *, reduction="mean", log_target=False):
    """y * (log(y) - x) for log-probabilities x and probabilities y (log-probabilities if log_target); 0 where y = 0

    reduction "batchmean" divides the sum by x.shape[0]: the divergence itself. Source: torch.nn.functional.kl_div.
    """
    kind = "kl_log" if log_target else "kl"
    if reduction == "batchmean":
        total = fused("kl_div", x, y, "sum", kind)
        return total / total.dtype.type((x.shape or (1,))[0])
    check_reduction("kl_div", reduction, (*REDUCTIONS, "batchmean"))
    return fused("kl_div", x, y, reduction, kind)


def _kl_grad_x(g, x, y, reduction, log_target):
    if reduction == "batchmean":
        g, reduction = g / (x.shape or (1,))[0], "sum"
    return fused_grad(g, x, y, reduction, "kl_log" if log_target else "kl")


def _kl_grad_y(g, x, y, reduction, log_target):
    x = tensor_of(x)
    each = g / (x.shape or (1,))[0] if reduction == "batchmean" else share(g, x, reduction)
    if log_target:
        return (each * (y.exp() * (y - x + 1))).astype(y.dtype)
    gone = y.array == 0  # log(y) is replaced by 0 there
    return (each * ((y + Tensor(gone.astype(y.dtype))).log() - x + Tensor((~gone).astype(y.dtype)))).astype(y.dtype)


kl_div.grads(x=_kl_grad_x, y=_kl_grad_y)


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
