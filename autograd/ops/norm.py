"""Batch normalisation: to zero mean and unit variance of each channel; and what all normalisations share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd import kernels
from autograd.deferred import Deferred
from autograd.errors import ShapeError
from autograd.op import composite, op
from autograd.ops.elementwise import raw
from autograd.ops.linalg import tensor_of
from autograd.sampling import Case, Sampler
from autograd.tensor import Tensor
from autograd.value import array_of


def per_channel(v: Any, ndim: int) -> Tensor:
    """A vector over axis 1 of an array of ndim axes."""
    return tensor_of(v).reshape(-1, *[1] * (ndim - 2))


def standardised(x: np.ndarray, axes: tuple[int, ...], eps: float) -> np.ndarray:
    """The reference that all these ops share: NumPy's own mean and variance."""
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


def scaled(y: np.ndarray, w: Any, b: Any, shape: tuple[int, ...]) -> np.ndarray:
    y = y if w is None else y * w.reshape(shape)
    return y if b is None else y + b.reshape(shape)


def affine(s: Sampler, shape: Any) -> tuple[Any, Any]:
    return (s.array(shape) if s.boolean() else None), (s.array(shape) if s.boolean() else None)


def images(s: Sampler, least: int = 0) -> tuple[int, ...]:
    """(N, C, ...) with at least two values per channel."""
    return (s.integer(2, 3), s.size(3, (s.lanes(),)), *(s.integer(1, 3) for _ in range(s.integer(least, 3))))


EPSILONS = (1e-5, 1e-3, 0.1)

# ---------------------------------------------------------------------------------------------- batch norm


def _train_samples(s: Sampler) -> Case:
    shape = images(s)
    return s.case(s.array(shape), *affine(s, (shape[1],)), eps=s.choice(EPSILONS))


def train_reference(x, w=None, b=None, eps=1e-5, running_mean=None, running_var=None, momentum=0.1):
    axes, shape = (0, *range(2, x.ndim)), (-1, *[1] * (x.ndim - 2))
    return scaled(standardised(x, axes, eps), w, b, shape), x.mean(axes), 1 / np.sqrt(x.var(axes) + eps)


def train_twin(x, w=None, b=None, eps=1e-5, running_mean=None, running_var=None, momentum=0.1):
    x = tensor_of(x)
    axes = (0, *range(2, x.ndim))
    d = x - x.mean(axes, keepdims=True)
    y = d * ((d * d).mean(axes, keepdims=True) + eps) ** -0.5
    y = y if w is None else y * per_channel(w, x.ndim)
    return y if b is None else y + per_channel(b, x.ndim)


def train_part(x, w=None, b=None, *, relu=0, tally=None, **attrs):
    if not x.size:
        return None
    arguments, rstd = kernels.batch_norm_begin(x, w, b, **attrs, tally=tally)
    return Deferred(kernels.batch_norm_apply, (*arguments, None, relu), batch_norm_train), arguments[1], rstd


@op(
    reference=train_reference,
    samples=_train_samples,
    part=train_part,
    flops=lambda out, *_, **__: 5 * math.prod(out),
    extras=("mean", "rstd"),
    twin=train_twin,
    onnx="BatchNormalization",
    bound=3e-5,
)
def batch_norm_train(x, w=None, b=None, *, eps=1e-5, running_mean=None, running_var=None, momentum=0.1):
    """y[n, c, ...] = (x[n, c, ...] - mean[c]) * rstd[c] * w[c] + b[c], rstd = (var + eps) ** -0.5 of the batch

    x (N, C, ...). running_mean and running_var are arrays that move towards the batch's in place; extras mean, rstd.
    """
    if not x.size:
        channels = np.zeros((2, x.shape[1]), x.dtype)
        return np.zeros_like(x), channels[0], channels[1]
    return kernels.batch_norm_train(x, w, b, eps, running_mean, running_var, momentum)


def train_parts(g, x, w, mean, rstd, b=None, relu=0, out=None, tally=None):
    """The gradients for x, w, b and the residual, that for x deferred; relu: g is the gradient of max(result, 0).

    Without `out`, that result, there is no residual.
    """
    if not math.prod(g.shape):
        channels = np.zeros((2, x.shape[1]), g.dtype)
        return np.zeros(g.shape, g.dtype), channels[0], channels[1], g
    arrays = [array_of(v) for v in (x, w, mean, rstd, b, out)]
    later, *others = kernels.batch_norm_grad_begin(array_of(g), *arrays, relu=relu, tally=tally)
    return Deferred(kernels.batch_norm_grad_apply, later, batch_norm_train), *others


def train_tally(x, w, b, mean, rstd, relu):
    return kernels.Tally(array_of(x), array_of(w), array_of(b), mean, rstd, relu)


batch_norm_train.grads(
    tally=lambda x, w, mean, rstd: train_tally(x, w, None, mean, rstd, 0),
    parts=lambda g, x, w, mean, rstd, tally: train_parts(g, x, w, mean, rstd, tally=tally),
    x=lambda parts: parts[0],
    w=lambda parts: parts[1],
    b=lambda parts: parts[2],
)


def _eval_samples(s: Sampler) -> Case:
    shape = (s.integer(1, 3), s.size(3, (s.lanes(),)), *(s.integer(1, 3) for _ in range(s.integer(0, 3))))
    c = (shape[1],)
    return s.case(s.array(shape), s.array(c), s.array(c, 0.5, 2), *affine(s, c), eps=s.choice(EPSILONS))


def eval_reference(x, mean, var, w=None, b=None, eps=1e-5):
    shape = (-1, *[1] * (x.ndim - 2))
    return scaled((x - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + eps), w, b, shape)


def _eval_twin(x, mean, var, w=None, b=None, eps=1e-5):
    y = (x - per_channel(tensor_of(mean), x.ndim)) * eval_scale(x, w, var, eps)
    return y if b is None else y + per_channel(b, x.ndim)


@op(reference=eval_reference, samples=_eval_samples, twin=_eval_twin, onnx="BatchNormalization")
def batch_norm_eval(x, mean, var, w=None, b=None, *, eps=1e-5):
    """y[n, c, ...] = (x[n, c, ...] - mean[c]) * (var[c] + eps) ** -0.5 * w[c] + b[c]; mean and var are constants."""
    return kernels.batch_norm_eval(x, w, b, mean, var, eps)


def eval_scale(x: Any, w: Any, var: Any, eps: float) -> Tensor:
    scale = Tensor((array_of(var) + eps) ** -0.5).astype(x.dtype)
    return per_channel(scale if w is None else scale * w, x.ndim)


batch_norm_eval.grads(
    x=lambda g, w, var, eps: g * eval_scale(g, w, var, eps),
    mean=None,
    var=None,
    sums=lambda g, x, mean, var, eps: kernels.batch_norm_eval_grad(*map(array_of, (g, x, mean, var)), eps),
    w=lambda sums: sums[0],
    b=lambda sums: sums[1],
)


def _batch_samples(s: Sampler) -> Case:
    (x, mean, var, w, b), attrs = _eval_samples(s)
    training = s.boolean() and x.size > x.shape[1]
    if training and s.boolean():
        mean = var = None
    return s.case(x, mean, var, w, b, training=training, momentum=s.choice([0.1, 0.5]), **attrs)


def _batch_reference(x, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    if training:
        return train_reference(x, weight, bias, eps)[0]
    return eval_reference(x, running_mean, running_var, weight, bias, eps)


def check_channels(name: str, x: Tensor, **vectors: Any) -> None:
    """Every vector given must have one value per channel."""
    if x.ndim < 2:
        raise ShapeError(f"{name}: x (N C ...) has {x.ndim} dimensions, expected at least 2  [x: {x.shape}]")
    channels = x.shape[1:2]
    for argument, v in vectors.items():
        if v is not None and getattr(v, "shape", ()) != channels and (shape := np.shape(array_of(v))) != channels:
            fault = f"{argument} (C) has shape {shape}, but x (N C ...) has C={channels[0]}"
            raise ShapeError(f"{name}: {fault}  [x: {x.shape}]")


def check_training(name: str, x: Tensor, mean: Any, var: Any, weight: Any, bias: Any, training: bool) -> None:
    """Evaluation needs statistics, training more than one value per channel."""
    check_channels(name, x, running_mean=mean, running_var=var, weight=weight, bias=bias)
    if not training and (mean is None or var is None):
        raise ShapeError(f"{name}: needs running_mean and running_var unless training=True")
    if training and x.numel() == x.shape[1]:
        raise ShapeError(f"{name}: expected more than 1 value per channel when training  [x: {x.shape}]")


@composite(
    reference=_batch_reference,
    samples=_batch_samples,
    onnx="BatchNormalization",
    bound=3e-5,
    mutates=("running_mean", "running_var"),
)
def batch_norm(x, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    """y[n, c, ...] = (x[n, c, ...] - mean[c]) / sqrt(var[c] + eps) * weight[c] + bias[c]

    x (N, C, ...). training: mean and variance of the batch (biased), and running_mean, running_var (tensors, arrays
    or None) become (1 - momentum) * running + momentum * batch in place, with the unbiased variance; else they count.
    Raises ShapeError for vectors that are not (C,) and, in training, for one value per channel.
    Source: Ioffe and Szegedy, arXiv:1502.03167; torch.nn.functional.batch_norm.
    """
    x = tensor_of(x)
    check_training("batch_norm", x, running_mean, running_var, weight, bias, training)
    if not training:
        return batch_norm_eval(x, running_mean, running_var, weight, bias, eps=eps)
    running = {"running_mean": raw(running_mean), "running_var": raw(running_var)}
    y = batch_norm_train(x, weight, bias, eps=eps, momentum=momentum, **running)
    for statistic in (running_mean, running_var):
        if isinstance(statistic, Tensor):
            statistic.bump()
    return y
