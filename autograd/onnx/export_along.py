"""How ops along an axis are written as ONNX nodes."""

from __future__ import annotations

import numpy as np

from autograd.onnx.export_layers import Writer
from autograd.ops.join import roll_steps
from autograd.ops.reduce import axes_of, count, resolve_correction


def _topk_places(t, inputs, attrs, outs):
    count = t.ints([int(attrs["k"])])
    largest = int(attrs["largest"])
    return t.emit("TopK", t.name(inputs[0]), count, axis=int(attrs["axis"]), largest=largest, outputs=2)[1]


def _glu(t, inputs, attrs, outs):
    halves = t.emit("Split", t.name(inputs[0]), axis=int(attrs["axis"]), num_outputs=2, outputs=2)
    return t.emit("Mul", halves[0], t.emit("Sigmoid", halves[1]))


def _cumprod(t, inputs, attrs, outs):
    """By doubling: the product of 2 n factors is that of n and of the n before them."""
    y, axis, n, step = t.name(inputs[0]), t.ints([int(attrs["axis"])]), inputs[0].shape[attrs["axis"]], 1
    while step < n:
        start, earlier = t.emit("Slice", y, t.ints([0]), t.ints([step]), axis), t.ints([n - step])
        later = t.emit("Slice", y, t.ints([step]), t.ints([n]), axis)
        later = t.emit("Mul", later, t.emit("Slice", y, t.ints([0]), earlier, axis))
        y = t.emit("Concat", start, later, axis=int(attrs["axis"]))
        step *= 2
    return t.emit("Identity", y)


def _resample(t, inputs, attrs, outs):
    """Gather along the flattened axes, one tap after another."""
    x, axis, sizes = inputs[0], int(attrs["axis"]), tuple(attrs["sizes"])
    before, after = x.shape[:axis], x.shape[axis + len(sizes) :]
    flat, total = t.emit("Reshape", t.name(x), t.ints([*before, -1, *after])), None
    for tap in range(attrs["places"].shape[1]):
        part = t.emit("Gather", flat, t.constant(np.ascontiguousarray(attrs["places"][:, tap])), axis=axis)
        if attrs["weights"] is not None:
            weights = attrs["weights"][:, tap].astype(x.dtype).reshape(-1, *[1] * len(after))
            part = t.emit("Mul", part, t.constant(weights))
        total = part if total is None else t.emit("Add", total, part)
    return t.emit("Reshape", total, t.ints([*before, *sizes, *after]))


def _blend(t, inputs, attrs, outs):
    places = np.asarray(attrs["places"], np.int64)
    batch = np.broadcast_to(np.arange(places.shape[1])[:, None], places.shape)
    rows = t.emit("GatherND", t.name(inputs[0]), t.constant(np.stack([batch, places], -1)))
    weights = t.emit("Mul", t.name(inputs[1]), t.constant((places >= 0).astype(inputs[1].dtype)))
    weighted = t.emit("Mul", rows, t.emit("Unsqueeze", weights, t.ints([-1])))
    return t.emit("ReduceSum", weighted, t.ints([0]), keepdims=0)


def _var(t, inputs, attrs, outs):
    axis, correction = resolve_correction(attrs["axis"], attrs["unbiased"], attrs["correction"])
    axes, x = t.ints(axes_of(axis, inputs[0].ndim) or list(range(inputs[0].ndim))), t.name(inputs[0])
    distance = t.emit("Sub", x, t.emit("ReduceMean", x, axes, keepdims=1))
    total = t.emit("ReduceSum", t.emit("Mul", distance, distance), axes, keepdims=int(bool(attrs["keepdims"])))
    rest = count(inputs[0].shape, axis) - correction
    return t.emit("Div", total, t.constant(np.asarray(max(rest, 0), inputs[0].dtype)))


def _roll(t, inputs, attrs, outs):
    x, axis = inputs[0], attrs["axis"]
    y = t.name(x) if axis is not None else t.emit("Reshape", t.name(x), t.ints([-1]))
    for a, first in roll_steps(x.shape, attrs["shifts"], axis):
        at, end = t.ints([a]), t.ints([2**62])
        later = t.emit("Slice", y, t.ints([first]), end, at)
        y = t.emit("Concat", later, t.emit("Slice", y, t.ints([0]), t.ints([first]), at), axis=a)
    return t.emit("Reshape", y, t.ints(list(x.shape)))


def _window_cells(t, inputs, attrs, outs):
    """Gather rows (N, C, R, P, W), then columns (N, C, R, P, S, Q)."""
    y = t.name(inputs[0])
    for axis, *sizes in zip((2, 4), *(attrs[name] for name in ("kernel", "count", "dilation", "stride"))):
        k, windows, dilation, stride = sizes
        y = t.emit("Gather", y, t.constant(dilation * np.arange(k)[:, None] + stride * np.arange(windows)), axis=axis)
    return t.emit("Transpose", y, perm=[0, 1, 2, 4, 3, 5])


ALONG: dict[str, Writer] = {
    "topk_places": _topk_places,
    "glu": _glu,
    "cumprod": _cumprod,
    "resample": _resample,
    "blend": _blend,
    "roll": _roll,
    "window_cells": _window_cells,
    "var": _var,
}
