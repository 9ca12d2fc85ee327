"""Convolutions one after another as one op, so that rows of a picture stay in the cache from one to the next."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from autograd import kernels
from autograd.op import op
from autograd.ops.conv import (
    conv2d,
    conv2d_grad_b,
    conv2d_grad_w,
    conv2d_grad_x,
    conv2d_relu,
    conv2d_relu6,
    conv_reference,
)
from autograd.ops.geometry import Geometry
from autograd.ops.join import concatenate
from autograd.ops.linalg import need
from autograd.ops.shape import reshape
from autograd.sampling import Case, Sampler
from autograd.tape import declare

_relu_grad, _hardtanh_grad = declare("relu_grad"), declare("hardtanh_grad")
Layers = tuple[tuple[Any, ...], ...]
OPS = {None: conv2d, "relu": conv2d_relu, "relu6": conv2d_relu6}
TOPS = {None: (-np.inf, np.inf), "relu": (0, np.inf), "relu6": (0, 6)}


def _parts(w: Any, channels: int, layers: Layers) -> Iterator[tuple[Any, Any]]:
    """Weight and bias of each layer."""
    at = 0
    for outputs, kernel, _, _, groups, _ in layers:
        shape = (outputs, channels // groups, kernel, kernel)
        bias = at + math.prod(shape)
        at, channels = bias + outputs, outputs
        yield w[bias - math.prod(shape) : bias].reshape(shape), w[bias:at]


def _through(step: Any, x: Any, w: Any, layers: Layers) -> Any:
    for (weight, bias), (_, _, stride, padding, groups, activation) in zip(_parts(w, x.shape[1], layers), layers):
        x = step(activation, x, weight, bias, stride, padding, groups)
    return x


def _reference(x, w, layers):
    return _through(
        lambda a, x, w, b, s, p, groups: np.clip(conv_reference(x, w, b, s, p, 1, groups), *TOPS[a]), x, w, layers
    )


def _samples(s: Sampler) -> Case:
    """Results away from the kinks: products are even, biases are odd."""
    channels, wide, out = (s.size(2, (s.lanes(),)) for _ in range(3))
    x = s.integers((s.size(2), channels, s.size(3, (8,)), s.size(3, (8,))), -2, 3).astype(s.dtype)
    activations = [s.choice(list(OPS)) for _ in range(3)]
    layers = ((wide, 1, 1, 0, 1, activations[0]), (wide, 3, s.integer(1, 2), 1, wide, activations[1]),
              (out, 1, 1, 0, 1, activations[2]))  # fmt: skip
    length = wide * channels + wide + 9 * wide + wide + out * wide + out
    w = s.integers((length,), -2, 3).astype(s.dtype) * 2
    for _, bias in _parts(w, channels, layers):
        bias += 1
    return s.case(x, w, layers=layers)


def _flops(out, x, w, layers):
    total = 0
    for channels, kernel, stride, padding, groups, _ in layers:
        shape = (channels, x[1] // groups, kernel, kernel)
        x = Geometry("conv_chain", x, shape, stride, padding, 1, groups).out
        total += 2 * math.prod(x) * math.prod(shape[1:])
    return total


@op(
    axes={"x": "N C H W", "w": "L"},
    reference=_reference,
    samples=_samples,
    flops=_flops,
    kernel=kernels.conv_chain,
    keeps="w",
)
def conv_chain(x, w, *, layers):
    """x through 1x1 and depthwise 3x3 convolutions, with the bits of one after the other: MobileNetV2's blocks.

    layers: a tuple of (channels, kernel, stride, padding, groups, activation), activation None, "relu" or "relu6"; w
    (L,) holds the weight and the bias of each, one after another.
    """
    need(x=x, w=w)
    return _through(lambda a, x, w, b, s, p, groups: kernels.conv2d(x, w, b, s, p, 1, groups, a), x, w, layers)


def _grads(g, x, w, layers):
    """The gradients of x and w; what is between the layers is computed again."""
    parts, values, grads = list(_parts(w, x.shape[1], layers)), [x], []
    for (weight, bias), (_, _, stride, padding, groups, activation) in zip(parts, layers):
        values.append(OPS[activation](values[-1], weight, bias, stride, padding, 1, groups))
    for (weight, _), layer, before, out in zip(parts[::-1], layers[::-1], values[-2::-1], values[::-1]):
        _, _, stride, padding, groups, activation = layer
        if activation:
            g = _relu_grad(g, out) if activation == "relu" else _hardtanh_grad(g, out, min_val=0.0, max_val=6.0)
        grads += [conv2d_grad_b(g), reshape(conv2d_grad_w(g, before, weight.shape, stride, padding, 1, groups), (-1,))]
        g = conv2d_grad_x(g, weight, before.shape, stride, padding, 1, groups)
    return g, concatenate(grads[::-1])


conv_chain.grads(parts=_grads, x=lambda parts: parts[0], w=lambda parts: parts[1])
