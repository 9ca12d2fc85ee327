"""How layers are written in ONNX: products, convolutions, pools, normalisation. The rest is in export_table.py."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from autograd.onnx.export import Trace

# (trace, input arrays, attributes, results) -> name of the result, or names
Writer = Callable[["Trace", list[Any], dict[str, Any], tuple[Any, ...]], Any]


def pair(value: Any) -> list[int]:
    return [int(v) for v in value] if isinstance(value, (tuple, list)) else [int(value)] * 2


class Unsupported(Exception):
    """What an op does here cannot be written."""


def raise_unsupported(why: str) -> None:
    raise Unsupported(f"{why}, which ONNX cannot express")


def _conv2d(t, inputs, attrs, outs):
    p = pair(attrs["padding"])
    return t.emit(
        "Conv", *[t.name(a) for a in inputs[:3]], strides=pair(attrs["stride"]), pads=p + p,
        dilations=pair(attrs["dilation"]), group=attrs["groups"], kernel_shape=list(inputs[1].shape[2:]),
    )  # fmt: skip


def _then_relu(write: Writer) -> Writer:
    return lambda t, inputs, attrs, outs: t.emit("Relu", write(t, inputs, attrs, outs))


def _then_relu6(write: Writer) -> Writer:
    def limits(t, inputs, attrs, outs):
        low, high = (t.constant(np.asarray(limit, outs[0].dtype)) for limit in (0, 6))
        return t.emit("Clip", write(t, inputs, attrs, outs), low, high)

    return limits


def _conv2d_grad_x(t, inputs, attrs, outs):
    """A transposed convolution; the output padding follows from the shape that is asked for."""
    u, w = inputs[:2]
    stride, padding, dilation = (pair(attrs[n]) for n in ("stride", "padding", "dilation"))
    extra = [
        n - ((m - 1) * s - 2 * p + d * (k - 1) + 1)
        for n, m, s, p, d, k in zip(attrs["x_shape"][2:], u.shape[2:], stride, padding, dilation, w.shape[2:])
    ]
    return t.emit(
        "ConvTranspose", t.name(u), t.name(w), strides=stride, pads=padding * 2, dilations=dilation,
        group=attrs["groups"], output_padding=extra, kernel_shape=list(w.shape[2:]),
    )  # fmt: skip


def _pool(kind: str, extras: int, *also: str) -> Writer:
    def write(t, inputs, attrs, outs):
        kernel = pair(attrs["kernel_size"])
        stride = attrs["stride"] if attrs["stride"] not in (None, ()) else kernel
        given: dict[str, Any] = {"kernel_shape": kernel, "strides": pair(stride), "pads": pair(attrs["padding"]) * 2}
        given["ceil_mode"] = int(attrs["ceil_mode"])
        if "dilation" in also:
            given["dilations"] = pair(attrs["dilation"])
        if "count_include_pad" in also:
            given["count_include_pad"] = int(attrs["count_include_pad"])
        y = t.emit(kind, t.name(inputs[0]), **given)
        divisor = attrs.get("divisor_override")
        if divisor:
            factor = math.prod(kernel) / divisor
            y = t.emit("Mul", y, t.constant(np.asarray(factor, inputs[0].dtype)))
        return [y] if extras else y

    return write


def _max_regions(t, inputs, attrs, outs):
    """Adaptive pooling: to one pixel, or where the size divides evenly."""
    x, (p, q) = inputs[0], pair(attrs["output_size"])
    h, w = x.shape[2:]
    if (p, q) == (1, 1):
        return [t.emit("GlobalMaxPool", t.name(x))]
    if h % p or w % q:
        raise_unsupported(f"adaptive max pooling from {h} x {w} to {p} x {q} has windows of unequal size")
    kernel = [h // p, w // q]
    return [t.emit("MaxPool", t.name(x), kernel_shape=kernel, strides=kernel)]


def _linear(t, inputs, attrs, outs):
    x, w, b = [*inputs, None][:3]
    if x.ndim == 2:
        return t.emit("Gemm", t.name(x), t.name(w), t.name(b), transB=1)
    y = t.emit("MatMul", t.name(x), t.emit("Transpose", t.name(w), perm=[1, 0]))
    return y if b is None else t.emit("Add", y, t.name(b))


def _batch_norm(t, inputs, attrs, outs):
    x, mean, var, w, b = [*inputs, None, None][:5]
    ones = t.constant(np.ones_like(mean)) if w is None else t.name(w)
    zeros = t.constant(np.zeros_like(mean)) if b is None else t.name(b)
    return t.emit("BatchNormalization", t.name(x), ones, zeros, t.name(mean), t.name(var), epsilon=float(attrs["eps"]))


def _batch_norm_relu(t, inputs, attrs, outs):
    residual = [*inputs, None, None, None][5]
    y = _batch_norm(t, inputs[:5], attrs, outs)
    y = t.emit("Relu", y if residual is None else t.emit("Add", y, t.name(residual)))
    return t.emit("Min", y, t.constant(np.asarray(6, outs[0].dtype))) if attrs["six"] else y


def _layer_norm(t, inputs, attrs, outs):
    x, w, b = [*inputs, None, None][:3]
    axis, held = x.ndim, 1
    while held < attrs["size"]:
        axis -= 1
        held *= x.shape[axis]
    shape = x.shape[axis:]
    scale = t.constant(np.ones(shape, x.dtype)) if w is None else t.name(w)
    bias = "" if b is None else t.name(b)
    return [t.emit("LayerNormalization", t.name(x), scale, bias, axis=axis, epsilon=float(attrs["eps"]))]


def _group_norm(t, inputs, attrs, outs):
    """Instance norm with the groups as channels; GroupNormalization means different things in different versions."""
    x, w, b = [*inputs, None, None][:3]
    flat = t.emit("Reshape", t.name(x), t.ints([0, attrs["groups"], -1]))
    one, zero = (t.constant(np.full(attrs["groups"], v, x.dtype)) for v in (1, 0))
    y = t.emit("InstanceNormalization", flat, one, zero, epsilon=float(attrs["eps"]))
    y = t.emit("Reshape", y, t.ints([0, *x.shape[1:]]))
    for kind, v in (("Mul", w), ("Add", b)):
        if v is not None:
            y = t.emit(kind, y, t.emit("Reshape", t.name(v), t.ints([-1, *[1] * (x.ndim - 2)])))
    return [y]


def _embedding(t, inputs, attrs, outs):
    return t.emit("Gather", t.name(inputs[1]), t.name(inputs[0]), axis=0)


def _window_sum(t, inputs, attrs, outs):
    """A sum over neighbouring channels: an average pool of (channels, 1) times the number of them."""
    x, size = inputs[0], attrs["before"] + attrs["after"] + 1
    flat = t.emit("Reshape", t.name(x), t.ints([0, 1, x.shape[1], -1]))
    pads = [attrs["before"], 0, attrs["after"], 0]
    mean = t.emit("AveragePool", flat, kernel_shape=[size, 1], strides=[1, 1], pads=pads, count_include_pad=1)
    total = t.emit("Mul", mean, t.constant(np.asarray(size, x.dtype)))
    return t.emit("Reshape", total, t.ints([0, *x.shape[1:]]))


def _dropout(t, inputs, attrs, outs):
    return [t.emit("Identity", t.name(inputs[0]))]  # evaluation mode


LAYERS: dict[str, Writer] = {
    "linear": _linear,
    "linear_relu": _then_relu(_linear),
    "conv2d": _conv2d,
    "conv2d_relu": _then_relu(_conv2d),
    "conv2d_relu6": _then_relu6(_conv2d),
    "conv2d_grad_x": _conv2d_grad_x,
    "max_pool2d_with_index": _pool("MaxPool", 1, "dilation"),
    "max_pool2d_relu": lambda t, *call: [t.emit("Relu", *_pool("MaxPool", 1, "dilation")(t, *call))],
    "avg_pool2d": _pool("AveragePool", 0, "count_include_pad"),
    "max_regions_with_index": _max_regions,
    "embedding": _embedding,
    "batch_norm_eval": _batch_norm,
    "batch_norm_relu_eval": _batch_norm_relu,
    "layer_norm_rows": _layer_norm,
    "group_norm_train": _group_norm,
    "window_sum": _window_sum,
    "dropout": _dropout,
}
