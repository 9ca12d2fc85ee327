"""Normalisation within an image: over its last axes, groups of channels, or each channel."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd import kernels
from autograd.errors import ShapeError
from autograd.op import composite, op
from autograd.ops.elementwise import raw
from autograd.ops.linalg import tensor_of
from autograd.ops.norm import EPSILONS, affine, batch_norm, check_channels, per_channel, scaled, standardised
from autograd.sampling import Case, Sampler
from autograd.tensor import Tensor
from autograd.value import array_of

# ---------------------------------------------------------------------------------------------- layer norm


def _rows_samples(s: Sampler) -> Case:
    features = (*s.shape(0, 1), s.integer(2, 3) if s.boolean() else s.lanes() + s.integer(-1, 1))
    shape, size = (*s.shape(0, 2), *features), math.prod(features)
    return s.case(s.array(shape), *affine(s, features), size=size, eps=s.choice(EPSILONS))


def _row_axes(x: Any, size: int) -> tuple[int, ...]:
    """The last axes of x that hold `size` values."""
    first, held = x.ndim, 1
    while held < size and first:
        first -= 1
        held *= x.shape[first]
    return tuple(range(first, x.ndim))


def _rows_reference(x, w=None, b=None, size=1, eps=1e-5):
    axes = _row_axes(x, size)
    y = scaled(standardised(x, axes, eps), w, b, x.shape[axes[0] :])
    return y, x.mean(axes), 1 / np.sqrt(x.var(axes) + eps)


def _rows_twin(x, w=None, b=None, size=1, eps=1e-5):
    x = tensor_of(x)
    axes = _row_axes(x, size)
    d = x - x.mean(axes, keepdims=True)
    y = d * ((d * d).mean(axes, keepdims=True) + eps) ** -0.5
    y = y if w is None else y * w
    return y if b is None else y + b


@op(
    reference=_rows_reference,
    samples=_rows_samples,
    flops=lambda out, *_, **__: 5 * math.prod(out),
    extras=("mean", "rstd"),
    twin=_rows_twin,
    onnx="LayerNormalization",
    bound=3e-5,
)
def layer_norm_rows(x, w=None, b=None, *, size, eps=1e-5):
    """layer_norm over the last axes of x, which hold `size` values; extras mean and (var + eps) ** -0.5 of each row."""
    return kernels.layer_norm(x, size, w, b, eps)


layer_norm_rows.grads(
    parts=lambda g, x, w, size, mean, rstd: kernels.layer_norm_grad(
        g.array, array_of(x), size, array_of(w), mean, rstd
    ),
    x=lambda parts: parts[0],
    w=lambda parts, w_shape: parts[1].reshape(w_shape),
    b=lambda parts, b_shape: parts[2].reshape(b_shape),
)


def _layer_samples(s: Sampler) -> Case:
    features = (*s.shape(0, 1), s.integer(2, 3) if s.boolean() else s.lanes() + s.integer(-1, 1))
    w, b = affine(s, features)
    return s.case(s.array((*s.shape(0, 2), *features)), features, w, b, eps=s.choice(EPSILONS))


def _layer_reference(x, normalized_shape, weight=None, bias=None, eps=1e-5):
    return _rows_reference(x, weight, bias, math.prod(normalized_shape), eps)[0]


@composite(reference=_layer_reference, samples=_layer_samples, onnx="LayerNormalization", bound=3e-5)
def layer_norm(x, normalized_shape, weight=None, bias=None, eps=1e-5):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, mean and (biased) variance over the last axes

    normalized_shape: the sizes of those axes (an int for one), also of weight and bias.
    Raises ShapeError if x does not end in normalized_shape. Source: Ba et al., arXiv:1607.06450.
    """
    x = tensor_of(x)
    features = (normalized_shape,) if isinstance(normalized_shape, (int, np.integer)) else tuple(normalized_shape)
    context = f"[x: {x.shape}, normalized_shape={features}]"
    if not features or x.shape[-len(features) :] != features:
        raise ShapeError(f"layer_norm: the last axes of x must have the sizes normalized_shape  {context}")
    for name, v in (("weight", weight), ("bias", bias)):
        if v is not None and np.shape(array_of(v)) != features:
            raise ShapeError(f"layer_norm: {name} has shape {np.shape(array_of(v))}, expected {features}  {context}")
    return layer_norm_rows(x, weight, bias, size=math.prod(features), eps=eps)


# ---------------------------------------------------------------------------------------------- groups, instances


def _group_samples(s: Sampler) -> Case:
    groups, rest = s.integer(1, 3), tuple(s.integer(1, 3) for _ in range(s.integer(0, 2)))
    shape = (s.integer(1, 2), groups * s.size(2, (s.lanes(),) if groups == 1 else ()), *rest)
    if math.prod(shape[1:]) == groups:
        shape = (*shape, 2)
    w, b = affine(s, (shape[1],))
    return s.case(s.array(shape), groups, w, b, eps=s.choice(EPSILONS))


def _group_reference(x, num_groups, weight=None, bias=None, eps=1e-5):
    grouped = x.reshape(x.shape[0], num_groups, -1)
    return scaled(standardised(grouped, (2,), eps).reshape(x.shape), weight, bias, (-1, *[1] * (x.ndim - 2)))


def _groups_reference(x, w=None, b=None, groups=1, eps=1e-5):
    grouped = x.reshape(x.shape[0], groups, -1)
    return _group_reference(x, groups, w, b, eps), grouped.mean(2), 1 / np.sqrt(grouped.var(2) + eps)


def _groups_twin(x, w=None, b=None, groups=1, eps=1e-5):
    x = tensor_of(x)
    y = _rows_twin(x.reshape(x.shape[0], groups, -1), size=x.array[0].size // groups, eps=eps).reshape(x.shape)
    y = y if w is None else y * per_channel(w, x.ndim)
    return y if b is None else y + per_channel(b, x.ndim)


def _groups_samples(s: Sampler) -> Case:
    (x, groups, w, b), attrs = _group_samples(s)
    return s.case(x, w, b, groups=groups, **attrs)


@op(
    reference=_groups_reference,
    samples=_groups_samples,
    flops=lambda out, *_, **__: 5 * math.prod(out),
    extras=("mean", "rstd"),
    twin=_groups_twin,
    onnx="GroupNormalization",
    bound=3e-5,
)
def group_norm_train(x, w=None, b=None, *, groups, eps=1e-5):
    """group_norm; extras mean and (var + eps) ** -0.5 of each image and group."""
    return kernels.group_norm(x, groups, w, b, eps)


group_norm_train.grads(
    parts=lambda g, x, w, groups, mean, rstd: kernels.group_norm_grad(
        g.array, array_of(x), groups, array_of(w), mean, rstd
    ),
    x=lambda parts: parts[0],
    w=lambda parts: parts[1],
    b=lambda parts: parts[2],
)


@composite(reference=_group_reference, samples=_group_samples, onnx="GroupNormalization", bound=3e-5)
def group_norm(x, num_groups, weight=None, bias=None, eps=1e-5):
    """y = (x - mean) / sqrt(var + eps) * weight[c] + bias[c], statistics per image and group of C / num_groups channels

    x (N, C, ...). Raises ShapeError if num_groups does not divide C. Source: Wu and He, arXiv:1803.08494.
    """
    x = tensor_of(x)
    check_channels("group_norm", x, weight=weight, bias=bias)
    if num_groups < 1 or x.shape[1] % num_groups:
        raise ShapeError(f"group_norm: num_groups={num_groups} does not divide C={x.shape[1]}  [x: {x.shape}]")
    return group_norm_train(x, weight, bias, groups=num_groups, eps=eps) if x.array.size else x * 1


def _instance_samples(s: Sampler) -> Case:
    rest = tuple(s.integer(1, 2) for _ in range(s.integer(0, 1)))
    shape = (s.integer(1, 2), s.size(2, (s.lanes(),)), s.integer(2, 4), *rest)
    w, b = affine(s, (shape[1],))
    return s.case(s.array(shape), None, None, w, b, eps=s.choice(EPSILONS))


def _instance_reference(x, running_mean=None, running_var=None, weight=None, bias=None, eps=1e-5):
    y = standardised(x, tuple(range(2, x.ndim)), eps)
    return scaled(y, weight, bias, (-1, *[1] * (x.ndim - 2)))


@composite(reference=_instance_reference, samples=_instance_samples, onnx="InstanceNormalization", bound=3e-5)
def instance_norm(
    x, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True, momentum=0.1, eps=1e-5
):
    """group_norm with one channel per group; use_input_stats=False takes the running statistics, as batch_norm

    x (N, C, ...). Running statistics move towards the means over the batch in place.
    Raises ShapeError for one value per channel and image. Source: Ulyanov et al., arXiv:1607.08022.
    """
    x = tensor_of(x)
    check_channels("instance_norm", x, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    if not use_input_stats:
        return batch_norm(x, running_mean, running_var, weight, bias, eps=eps)
    values, axes = math.prod(x.shape[2:]), tuple(range(2, x.ndim))
    if values == 1:
        raise ShapeError(f"instance_norm: expected more than 1 value per channel and image  [x: {x.shape}]")
    y = group_norm(x, max(x.shape[1], 1), weight, bias, eps)
    if running_mean is not None and x.array.size:
        _move(running_mean, x.array.mean(axes).mean(0), momentum)
    if running_var is not None and x.array.size:
        _move(running_var, x.array.var(axes, ddof=1).mean(0), momentum)
    return y


def _move(running: Any, value: np.ndarray, momentum: float) -> None:
    """running = (1 - momentum) * running + momentum * value, in place."""
    array = raw(running)
    array[...] = (1 - momentum) * array + momentum * value
    if isinstance(running, Tensor):
        running.bump()
