"""Batch norm, a residual and ReLU as one op: each pass over memory that is saved counts more than its arithmetic."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd import kernels
from autograd.errors import ShapeError
from autograd.op import composite, op
from autograd.ops.activation import relu, relu_grad
from autograd.ops.bounded import hardtanh_grad, relu6
from autograd.ops.elementwise import add, raw
from autograd.ops.linalg import tensor_of
from autograd.ops.norm import (
    EPSILONS,
    affine,
    batch_norm_eval,
    batch_norm_train,
    check_training,
    eval_reference,
    eval_scale,
    images,
    train_part,
    train_parts,
    train_reference,
    train_tally,
    train_twin,
)
from autograd.sampling import Case, Sampler
from autograd.tensor import Tensor
from autograd.value import array_of

MARGIN = 0.05  # samples keep ReLU's argument this far from 0


def _away(y: np.ndarray) -> np.ndarray:
    """What to add to y so that no value is close to 0."""
    return np.where(abs(y) < MARGIN, np.where(y < 0, -2 * MARGIN, 2 * MARGIN), 0).astype(y.dtype)


def _shift_away(s: Sampler, y: np.ndarray, kinks: tuple[float, ...] = (0.0,)) -> np.ndarray:
    """A bias per channel that keeps y's values away from the kinks, as far as one bias can."""
    biases = np.linspace(-1, 1, 41) + s.array((1,), -0.02, 0.02)
    rows = y.reshape(y.shape[0], y.shape[1], -1)
    distance = np.min([abs(rows[..., None] + biases - kink).min((0, 2)) for kink in kinks], 0)
    return biases[distance.argmax(1)].astype(y.dtype)


def _samples(s: Sampler) -> Case:
    """With `six` the weights are so large that some results reach 6."""
    shape = images(s)
    x, (w, _), eps, six = s.array(shape), affine(s, (shape[1],)), s.choice(EPSILONS), s.boolean()
    if six:
        w = np.full(shape[1], 4, s.dtype) if w is None else 4 * w
    b = _shift_away(s, train_reference(x, w, None, eps)[0], (0.0, 6.0) if six else (0.0,))
    return s.case(x, w, b, eps=eps, six=six)


def _residual_samples(s: Sampler) -> Case:
    shape = images(s)
    x, residual, (w, b), eps = s.array(shape), s.array(shape), affine(s, (shape[1],)), s.choice(EPSILONS)
    return s.case(x, residual + _away(train_reference(x, w, b, eps)[0] + residual), w, b, eps=eps)


def _bounded(y: np.ndarray, six: bool) -> np.ndarray:
    return np.minimum(np.maximum(y, 0), 6 if six else np.inf)


def _reference(x, w=None, b=None, six=False, **attrs):
    y, mean, rstd = train_reference(x, w, b, **attrs)
    return _bounded(y, six), mean, rstd


def _part(*args, six, **attrs):
    return train_part(*args, **attrs, relu=6 if six else 1)


def _twin(*args, six=False, **attrs):
    return (relu6 if six else relu)(train_twin(*args, **attrs))


def _residual_reference(x, residual, w=None, b=None, **attrs):
    y, mean, rstd = train_reference(x, w, b, **attrs)
    return np.maximum(y + residual, 0), mean, rstd


@op(
    reference=_reference,
    samples=_samples,
    part=_part,
    extras=("mean", "rstd"),
    twin=_twin,
    bound=3e-5,
    flops=lambda out, *_, **__: 6 * math.prod(out),
)
def batch_norm_relu_train(x, w=None, b=None, *, eps=1e-5, running_mean=None, running_var=None, momentum=0.1, six=False):
    """max(batch_norm_train(x, w, b), 0), at most 6 with `six`; the gradient finds the mask again from x."""
    return kernels.batch_norm_train(x, w, b, eps, running_mean, running_var, momentum, relu=6 if six else 1)


batch_norm_relu_train.grads(
    tally=lambda x, w, b, mean, rstd, six: train_tally(x, w, b, mean, rstd, 6 if six else 1),
    parts=lambda g, x, w, b, mean, rstd, six, tally: train_parts(g, x, w, mean, rstd, b, 6 if six else 1, tally=tally),
    x=lambda parts: parts[0],
    w=lambda parts: parts[1],
    b=lambda parts: parts[2],
)


# What a user called one by one runs together, too.


def _with_residual(arguments, others, attrs):
    x, mean, scale, shift, residual, activation = arguments
    (y,) = others
    alike = isinstance(y, np.ndarray) and y.shape == x.shape and y.dtype == x.dtype
    joins = alike and residual is None and not activation and attrs == (1,)
    return (x, mean, scale, shift, y, 0) if joins else None


add.continues(kernels.batch_norm_apply, _with_residual)
relu.continues(kernels.batch_norm_apply, lambda arguments, others, attrs: (*arguments[:-1], arguments[-1] or 1))
batch_norm_train.grads_through(
    relu,
    tally=lambda x, w, b, mean, rstd: train_tally(x, w, b, mean, rstd, 1),
    parts=lambda g, x, w, b, mean, rstd, tally: train_parts(g, x, w, mean, rstd, b, 1, tally=tally),
)


@op(
    reference=_residual_reference,
    samples=_residual_samples,
    extras=("mean", "rstd"),
    twin=lambda x, residual, *args, **attrs: relu(train_twin(x, *args, **attrs) + residual),
    bound=3e-5,
    flops=lambda out, *_, **__: 7 * math.prod(out),
)
def batch_norm_add_relu_train(
    x, residual, w=None, b=None, *, eps=1e-5, running_mean=None, running_var=None, momentum=0.1
):
    """max(batch_norm_train(x, w, b) + residual, 0); the gradient takes ReLU's mask from the result."""
    return kernels.batch_norm_train(x, w, b, eps, running_mean, running_var, momentum, residual, relu=1)


batch_norm_add_relu_train.grads(
    parts=lambda g, x, w, mean, rstd, out: train_parts(g, x, w, mean, rstd, relu=1, out=out),
    x=lambda parts: parts[0],
    residual=lambda parts: parts[3],
    w=lambda parts: parts[1],
    b=lambda parts: parts[2],
)


def _eval_samples(s: Sampler) -> Case:
    (x, w, _), attrs = _samples(s)
    mean, var = s.array((x.shape[1],)), s.array((x.shape[1],), 0.5, 2)
    y = eval_reference(x, mean, var, w, None, attrs["eps"])
    if attrs["six"] or s.boolean():
        return s.case(x, mean, var, w, _shift_away(s, y, (0.0, 6.0) if attrs["six"] else (0.0,)), **attrs)
    residual = s.array(x.shape)
    return s.case(x, mean, var, w, None, residual + _away(y + residual), **attrs)


def _eval_reference(x, mean, var, w=None, b=None, residual=None, eps=1e-5, six=False):
    y = eval_reference(x, mean, var, w, b, eps)
    return _bounded(y if residual is None else y + residual, six)


def _eval_twin(x, mean, var, w=None, b=None, residual=None, *, eps=1e-5, six=False):
    y = batch_norm_eval(x, mean, var, w, b, eps=eps)
    return (relu6 if six else relu)(y if residual is None else y + residual)


@op(reference=_eval_reference, samples=_eval_samples, twin=_eval_twin, bound=3e-5)
def batch_norm_relu_eval(x, mean, var, w=None, b=None, residual=None, *, eps=1e-5, six=False):
    """max(batch_norm_eval(x, mean, var, w, b) + residual, 0), in one pass; mean and var are constants.

    six: at most 6, which goes without a residual.
    """
    return kernels.batch_norm_eval(x, w, b, mean, var, eps, residual, relu=6 if six else 1)


batch_norm_relu_eval.grads(
    u=lambda g, out, six: hardtanh_grad(g, out, min_val=0.0, max_val=6.0) if six else relu_grad(g, out),
    x=lambda u, w, var, eps: u * eval_scale(u, w, var, eps),
    mean=None,
    var=None,
    sums=lambda u, x, mean, var, eps: kernels.batch_norm_eval_grad(*map(array_of, (u, x, mean, var)), eps),
    w=lambda sums: sums[0],
    b=lambda sums: sums[1],
    residual=lambda u: u,
)


def _either_samples(s: Sampler) -> Case:
    """Training and evaluation, with and without a residual."""
    if s.boolean():
        return _eval_samples(s)
    if s.boolean():
        (x, residual, w, b), attrs = _residual_samples(s)
        return s.case(x, None, None, w, b, residual, training=True, **attrs)
    (x, w, b), attrs = _samples(s)
    return s.case(x, None, None, w, b, training=True, **attrs)


def _either_reference(
    x, running_mean, running_var, weight=None, bias=None, residual=None, training=False, momentum=0.1, eps=1e-5,
    six=False,
):  # fmt: skip
    if not training:
        return _eval_reference(x, running_mean, running_var, weight, bias, residual, eps, six)
    y = train_reference(x, weight, bias, eps)[0]
    return _bounded(y if residual is None else y + residual, six)


@composite(reference=_either_reference, samples=_either_samples, bound=3e-5, mutates=("running_mean", "running_var"))
def batch_norm_relu(
    x: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    residual: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    six: bool = False,
) -> Tensor:
    """max(batch_norm(x, ...) + residual, 0), in one pass over memory each way

    Arguments and errors as for batch_norm; residual: None, or a tensor of x's shape. six: relu6, without a residual.
    """
    x = tensor_of(x)
    if residual is not None and np.shape(array_of(residual)) != x.shape:
        shapes = f"[x: {x.shape}, residual: {np.shape(array_of(residual))}]"
        raise ShapeError(f"batch_norm_relu: residual and x must have the same shape  {shapes}")
    if six and residual is not None:
        raise ValueError("batch_norm_relu: six=True goes without a residual")
    check_training("batch_norm_relu", x, running_mean, running_var, weight, bias, training)
    if not training:
        return batch_norm_relu_eval(x, running_mean, running_var, weight, bias, residual, eps=eps, six=six)
    attrs = {
        "eps": eps,
        "momentum": momentum,
        "running_mean": raw(running_mean),
        "running_var": raw(running_var),
    }
    if residual is None:
        y = batch_norm_relu_train(x, weight, bias, six=six, **attrs)
    else:
        y = batch_norm_add_relu_train(x, residual, weight, bias, **attrs)
    for statistic in (running_mean, running_var):
        if isinstance(statistic, Tensor):
            statistic.bump()
    return y
