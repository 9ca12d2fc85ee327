"""Losses over classes: negative log-likelihood and cross-entropy. x is (N, C), (N, C, d1, ...) or (C,)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd import kernels
from autograd.errors import DTypeError, ShapeError
from autograd.op import Direct, composite, op
from autograd.ops.linalg import linear, need, tensor_of
from autograd.ops.loss import REDUCTIONS, check_reduction, reduced
from autograd.ops.softmax import log_softmax
from autograd.sampling import Case, Sampler
from autograd.tensor import Tensor


def class_axis(x: Any) -> int:
    """Where the classes are: axis 1, or the only one."""
    return 1 if x.ndim > 1 else 0


def check_labels(name: str, x_shape: tuple[int, ...], labels: np.ndarray, ignore_index: int) -> np.ndarray:
    """Labels as int64, each a class or ignore_index; one for every place of x without its class axis."""
    if not x_shape:
        raise ShapeError(f"{name}: x is a single number, expected (N, C, ...) or (C,)")
    axis = 1 if len(x_shape) > 1 else 0
    classes, expected = x_shape[axis], (*x_shape[:axis], *x_shape[axis + 1 :])
    context = f"[x: {x_shape}, target: {labels.shape}, {classes} classes]"
    if labels.dtype.kind not in "iu":
        holds = "nan among " if labels.dtype.kind == "f" and np.isnan(labels).any() else ""
        wanted = f"expected integer class indices of shape {expected}"
        raise DTypeError(f"{name}: target holds {holds}{labels.dtype} values, {wanted}  {context}")
    if labels.shape != expected:
        cure = "; one-hot? target.argmax(1)" if labels.shape == x_shape else ""
        raise ShapeError(f"{name}: target has shape {labels.shape}, expected {expected}{cure}  {context}")
    wrong = ((labels < 0) | (labels >= classes)) & (labels != ignore_index)
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ShapeError(f"{name}: target{[*place]} is {labels[place]}, out of range for {classes} classes  {context}")
    return labels.astype(np.int64, copy=False)


def check_weight(name: str, weight: Any, classes: int) -> None:
    if weight is not None and np.shape(weight) != (classes,):
        raise ShapeError(f"{name}: weight has shape {np.shape(weight)}, expected ({classes},), one per class")


def sample_scales(labels: np.ndarray, weight: Any, ignore_index: int, reduction: str, dtype: Any) -> np.ndarray:
    """The factor of every sample in the loss: its class's weight, 0 if ignored, divided by their sum for the mean."""
    kept = labels != ignore_index
    scale = kept.astype(dtype)
    if weight is not None:
        scale = np.where(kept, np.asarray(weight, dtype)[np.where(kept, labels, 0)], 0)
    if reduction == "mean":
        with np.errstate(invalid="ignore", divide="ignore"):
            scale = scale / scale.sum(dtype=np.float64).astype(dtype)
    return scale.astype(dtype, copy=False)


def total(loss: np.ndarray, reduction: str) -> np.ndarray:
    return loss if reduction == "none" else np.asarray(loss.sum())


# ---------------------------------------------------------------------------------------------- nll


def _label_samples(s: Sampler) -> tuple[np.ndarray, np.ndarray, Any, dict[str, Any]]:
    classes = s.size(4, (s.lanes(),))
    shape = s.choice([(classes,), (s.size(3), classes), (s.size(2), classes, s.size(2)), (2, classes, 2, 2)])
    labels = s.integers((*shape[:1], *shape[2:]) if len(shape) > 1 else (), 0, classes)
    ignore = s.choice([-100, 0, classes - 1])
    weight = s.array((classes,), 0.5, 2) if s.boolean() else None
    if ignore >= 0 and (labels == ignore).all():
        ignore = -100
    return s.array(shape), labels, weight, {"ignore_index": ignore, "reduction": s.choice(REDUCTIONS)}


def _nll_samples(s: Sampler) -> Case:
    x, labels, weight, attrs = _label_samples(s)
    return s.case(x, labels, weight, **attrs)


def _nll_reference(x, target, weight=None, ignore_index=-100, reduction="mean"):
    loss, scale = np.zeros(target.shape, x.dtype), np.zeros(target.shape, x.dtype)
    for place in np.ndindex(*target.shape):
        label = int(target[place])
        if label != ignore_index:
            scale[place] = 1 if weight is None else weight[label]
            entry = (*place[:1], label, *place[1:])
            loss[place] = -scale[place] * x[entry]
    return loss if reduction == "none" else loss.sum() / (scale.sum() if reduction == "mean" else 1)


@op(
    reference=_nll_reference,
    samples=_nll_samples,
    linear_in=("x",),
    kernel=kernels.nll_loss,
    onnx="NegativeLogLikelihoodLoss",
)
def nll_loss(x, target, weight=None, *, ignore_index=-100, reduction="mean"):
    """-weight[t] * x[n, t, ...] with t = target[n, ...]; the mean divides by the sum of the weights used

    Log-probabilities x (N, C, ...) or (C,), integer class indices target (N, ...) or (); weight (C,).
    Targets equal to ignore_index count nothing (a mean of nothing is NaN).
    Raises DTypeError for labels that are no integers, ShapeError for shapes and labels that do not fit.
    Source: torch.nn.functional.nll_loss.
    """
    need(x=x)
    check_reduction("nll_loss", reduction)
    labels = check_labels("nll_loss", x.shape, np.asarray(target), ignore_index)
    axis = class_axis(x)
    check_weight("nll_loss", weight, x.shape[axis])
    scale = sample_scales(labels, weight, ignore_index, reduction, x.dtype)
    kept = labels != ignore_index
    if reduction == "mean" and not labels.size:
        return np.asarray(np.nan, x.dtype)
    at = np.expand_dims(np.where(kept, labels, 0), axis)
    picked = np.take_along_axis(x, at, axis).squeeze(axis) if kept.any() else np.zeros(labels.shape, x.dtype)
    return total(np.where(kept, -picked, 0).astype(x.dtype) * scale, reduction)


def _nll_grad_samples(s: Sampler) -> Case:
    x, labels, weight, attrs = _label_samples(s)
    u = s.array(labels.shape if attrs["reduction"] == "none" else ())
    return s.case(u, labels, weight, x_shape=x.shape, **attrs)


def _nll_grad_reference(u, target, weight=None, x_shape=(), ignore_index=-100, reduction="mean"):
    gx = np.zeros(x_shape, u.dtype)
    weights = np.ones(x_shape[1 if len(x_shape) > 1 else 0]) if weight is None else weight
    kept = [place for place in np.ndindex(*target.shape) if target[place] != ignore_index]
    divisor = sum(weights[target[place]] for place in kept) if reduction == "mean" else 1
    for place in kept:
        g = u[place] if reduction == "none" else u
        entry = (*place[:1], target[place], *place[1:])
        gx[entry] = -g * weights[target[place]] / divisor
    return gx


@op(reference=_nll_grad_reference, samples=_nll_grad_samples, kernel=kernels.nll_loss_grad, linear_in=("u",))
def nll_loss_grad(u, target, weight=None, *, x_shape, ignore_index=-100, reduction="mean"):
    """Zeros of x_shape, and -u * weight[t] (over the sum of weights for the mean) at every target: its adjoint."""
    labels = check_labels("nll_loss_grad", x_shape, np.asarray(target), ignore_index)
    scale = sample_scales(labels, weight, ignore_index, reduction, u.dtype)
    axis, kept = 1 if len(x_shape) > 1 else 0, labels != ignore_index
    gx = np.zeros(x_shape, u.dtype)
    if not gx.size:
        return gx
    values = np.where(kept, -u * np.where(kept, scale, 0), 0).astype(u.dtype)
    np.put_along_axis(gx, np.expand_dims(np.where(kept, labels, 0), axis), np.expand_dims(values, axis), axis)
    return gx


nll_loss.grads(
    x=lambda g, target, weight, x_shape, ignore_index, reduction: nll_loss_grad(
        g, target, weight, x_shape=x_shape, ignore_index=ignore_index, reduction=reduction
    ),
    target=None,
    weight=None,
)
nll_loss_grad.grads(
    u=lambda g, target, weight, ignore_index, reduction: nll_loss(
        g, target, weight, ignore_index=ignore_index, reduction=reduction
    ),
    target=None,
    weight=None,
)


# ---------------------------------------------------------------------------------------------- cross-entropy


def _entropy_samples(s: Sampler) -> Case:
    x, target, weight, attrs = _label_samples(s)
    if s.integer(0, 2) == 0:  # class probabilities
        target = s.array(x.shape, 0.05, 1)
        attrs["ignore_index"] = -100
    return s.case(x * 2, target, weight, **attrs, label_smoothing=s.choice([0.0, 0.0, 0.1, 0.5]))


def _entropy_reference(x, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    axis = 1 if x.ndim > 1 else 0
    classes = x.shape[axis]
    x = x - x.max(axis, keepdims=True, initial=-1e300)
    logp = np.moveaxis(x - np.log(np.exp(x).sum(axis, keepdims=True)), axis, -1)
    weights = np.ones(classes) if weight is None else weight
    if target.dtype.kind == "f":
        wanted, kept = np.moveaxis(target, axis, -1), np.ones(logp.shape[:-1])
        divisor = logp.size / classes
    else:
        kept = (target != ignore_index).astype(float)
        wanted = np.arange(classes) == target[..., None]
        divisor = (kept * weights[np.where(kept > 0, target, 0)]).sum()
    wanted = (1 - label_smoothing) * wanted + label_smoothing / classes
    loss = (-(wanted * weights * logp).sum(-1) * kept).astype(x.dtype)
    result = loss if reduction == "none" else loss.sum() / (divisor if reduction == "mean" else 1)
    return result, np.moveaxis(logp, -1, axis)


def _holds_probabilities(x: Any, target: Any) -> bool:
    """Whether the target holds probabilities rather than class indices."""
    return target.dtype.kind == "f" and target.shape == x.shape


def _smoothed(target: Any, label_smoothing: float, classes: int) -> Any:
    return target if label_smoothing == 0 else target * (1 - label_smoothing) + label_smoothing / classes


def _class_weight(weight: Any, x: Any) -> Any:
    """The weights shaped to multiply x; 1 for none."""
    return 1 if weight is None else weight.reshape(-1, *[1] * (x.ndim - 2)) if x.ndim > 1 else weight


def _entropy_twin(x, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    x, target = tensor_of(x), tensor_of(target)
    weight = None if weight is None else tensor_of(weight)
    axis = class_axis(x)
    classes, logp = x.shape[axis], log_softmax(x, axis=axis)
    if _holds_probabilities(x, target):
        loss = -(_smoothed(target, label_smoothing, classes) * logp * _class_weight(weight, x)).sum(axis)
        return reduced(loss, reduction)
    attrs = {"ignore_index": ignore_index, "reduction": reduction}
    loss = nll_loss(logp, target, weight, **attrs)
    if label_smoothing == 0:
        return loss
    scale = sample_scales(target.array, None if weight is None else weight.array, ignore_index, reduction, x.dtype)
    kept = (target.array != ignore_index).astype(x.dtype)
    if reduction == "mean":
        w = sample_scales(target.array, None if weight is None else weight.array, ignore_index, "sum", x.dtype)
        kept = kept / w.sum()
    spread = -(logp * _class_weight(weight, x)).sum(axis) * Tensor(np.asarray(kept, scale.dtype))
    spread = spread if reduction == "none" else spread.sum()
    return loss * (1 - label_smoothing) + spread * (label_smoothing / classes)


def _per_sample(g: np.ndarray, logp: np.ndarray, reduction: str) -> np.ndarray:
    """The gradient of every sample's loss."""
    axis = class_axis(logp)
    if reduction == "none":
        return g
    if reduction == "mean" and logp.size:
        g = g / g.dtype.type(logp.size / logp.shape[axis])
    return np.full((*logp.shape[:axis], *logp.shape[axis + 1 :]), g, logp.dtype)


def _probability_loss(
    x: np.ndarray, target: np.ndarray, weight: Any, ignore_index: int, reduction: str, smoothing: float
) -> tuple:
    if not 0 <= smoothing <= 1:
        raise ValueError(f"label_smoothing must be between 0 and 1, got {smoothing}")
    check_reduction("cross_entropy", reduction)
    axis = class_axis(x)
    check_weight("cross_entropy", weight, x.shape[axis])
    logp = kernels.log_softmax(x, axis)
    wanted = _smoothed(target, smoothing, x.shape[axis]) * _class_weight(weight, x)
    loss = total(-kernels.sum(kernels.mul(wanted, logp), axis), reduction)
    if reduction == "mean":
        loss = loss / loss.dtype.type(x.size / x.shape[axis] if x.size else math.nan)
    return loss, logp


@op(
    reference=_entropy_reference,
    samples=_entropy_samples,
    extras=("logp",),
    kernel=kernels.cross_entropy,
    twin=_entropy_twin,
    onnx="SoftmaxCrossEntropyLoss",
)
def cross_entropy(x, target, weight=None, *, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """-sum_c weight[c] * q[n, c] * log(softmax(x)[n, c]), q[n] = (1 - s) * onehot(target[n]) + s / C

    s is label_smoothing; logits x (N, C), (N, C, d1, ...) or (C,).
    target: integer class indices, one for every sample, of which those equal to ignore_index count nothing,
    and the mean divides by the sum of weight[target]; or class probabilities in place of onehot, with x's shape,
    and the mean divides by the number of samples. weight (C,) or None.
    Raises DTypeError for indices that are no integers, ShapeError for shapes and labels that do not fit.
    Source: torch.nn.functional.cross_entropy; smoothing: Szegedy et al., arXiv:1512.00567.
    """
    need(x=x)
    attrs = (weight, ignore_index, reduction, label_smoothing)
    if _holds_probabilities(x, target):
        return _probability_loss(x, target, *attrs)
    try:
        if x.ndim > 1:
            return kernels.cross_entropy(x, target, *attrs)
        loss, logp = kernels.cross_entropy(x[None], target[None], *attrs)
        return loss.reshape(()), logp[0]
    except (ValueError, TypeError, IndexError):
        check_reduction("cross_entropy", reduction)
        check_labels("cross_entropy", x.shape, target, ignore_index)
        check_weight("cross_entropy", weight, x.shape[class_axis(x)])
        raise


def _entropy_grad_samples(s: Sampler) -> Case:
    (x, *inputs), attrs = _entropy_samples(s)
    axis, u = class_axis(x), ()
    if attrs["reduction"] == "none":
        u = (*x.shape[:axis], *x.shape[axis + 1 :])
    return s.case(s.array(u), s.array(x.shape, -3, 0), *inputs, **attrs)


def _entropy_grad_reference(u, logp, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    axis = class_axis(logp)
    logp = np.moveaxis(logp, axis, -1)
    weights = np.ones(logp.shape[-1]) if weight is None else weight
    if target.dtype.kind == "f":
        wanted, kept, divisor = np.moveaxis(target, axis, -1), np.ones(logp.shape[:-1]), logp[..., 0].size
    else:
        wanted = (np.arange(logp.shape[-1]) == target[..., None]).astype(float)
        kept = target != ignore_index
        divisor = (kept * (wanted @ weights)).sum()
    wanted = ((1 - label_smoothing) * wanted + label_smoothing / logp.shape[-1]) * weights
    g = np.exp(logp) * wanted.sum(-1, keepdims=True) - wanted
    scale = kept * u / (divisor if reduction == "mean" else 1)
    return np.moveaxis(g * scale[..., None], -1, axis)


@op(
    reference=_entropy_grad_reference,
    samples=_entropy_grad_samples,
    kernel=kernels.cross_entropy_grad,
    differentiable=False,
)
def cross_entropy_grad(u, logp, target, weight=None, *, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """u times the gradient of cross_entropy, given the log-probabilities; has no gradient: cross_entropy has a twin."""
    attrs = (weight, ignore_index, reduction, label_smoothing)
    if not _holds_probabilities(logp, target):
        if logp.ndim > 1:
            return kernels.cross_entropy_grad(u, logp, target, *attrs)
        each = u[None] if reduction == "none" else u
        return kernels.cross_entropy_grad(each, logp[None], target[None], *attrs)[0]
    axis = class_axis(logp)
    wanted = _smoothed(target, label_smoothing, logp.shape[axis]) * _class_weight(weight, logp)
    each = np.expand_dims(_per_sample(u, logp, reduction), axis)
    probability = kernels.mul(kernels.exp(logp), kernels.sum(wanted, axis, True))
    return kernels.mul(kernels.sub(probability, wanted), each)


def _entropy_target(g, weight, logp, target_shape, reduction, label_smoothing):
    """For class probabilities; indices never require gradients."""
    axis, weight = class_axis(logp), _array(weight)
    each = np.expand_dims(_per_sample(g.array, logp, reduction), axis)
    return each * logp * _class_weight(weight, logp) * (label_smoothing - 1)


def _array(x: Any) -> Any:
    return x.array if isinstance(x, Tensor) else None if x is None else np.asarray(x)


cross_entropy.grads(
    x=Direct(cross_entropy_grad, "g", "logp", "target", "weight", "ignore_index", "reduction", "label_smoothing"),
    target=_entropy_target,
    weight=None,
)


def _linear_entropy_samples(s: Sampler) -> Case:
    n, c, k = s.size(3), s.size(4), s.size(3) + 1
    return s.case(s.array((n, c)), s.array((k, c)), s.integers((n,), 0, k), linear_bias=s.choice((None, s.array((k,)))))


@composite(
    reference=lambda x, w, target, linear_bias=None: _entropy_reference(
        x @ w.T + (0 if linear_bias is None else linear_bias), target
    )[0],
    samples=_linear_entropy_samples,
)
def linear_cross_entropy(
    x,
    w,
    target,
    *,
    linear_bias=None,
    weight=None,
    reduction="mean",
    ignore_index=None,
    label_smoothing=0.0,
    options=None,
):
    """cross_entropy(x w^T + linear_bias, target, ...); w (K, C), or (K, d1, ..., C) for targets (N, d1, ...).

    options, which say how PyTorch saves memory, change nothing here.
    """
    x, w = tensor_of(x), tensor_of(w)
    if w.ndim < 2 or (w.ndim > 2 and x.ndim < 2):
        raise ShapeError(
            f"linear_cross_entropy: expected w (K C), or x (N C) beside more axes  [x: {x.shape}, w: {w.shape}]"
        )
    if ignore_index is not None and tensor_of(target).dtype.kind == "f":
        raise ValueError("linear_cross_entropy: ignore_index is for class indices, target holds probabilities")
    logits = linear(x, w.reshape(-1, w.shape[-1])).reshape(*x.shape[:-1], *w.shape[:-1])
    logits = logits if linear_bias is None else logits + linear_bias
    return cross_entropy(logits, target, weight, -100 if ignore_index is None else ignore_index, reduction,
                         label_smoothing)  # fmt: skip
