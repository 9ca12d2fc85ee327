"""Convolutions, pools, normalisation, dropout, losses."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

import autograd as ag
from autograd.errors import FormatError
from autograd.onnx.values import array, scalar, tensor
from autograd.tensor import Tensor

# ---------------------------------------------------------------------------------------------- windows


def _pads(x, kernel, strides, dilations, pads, auto_pad, ceil_mode=0) -> list[int]:
    """Padding before and after each spatial axis."""
    if auto_pad in ("NOTSET", ""):
        return list(pads) if pads is not None else [0] * (2 * len(kernel))
    if auto_pad == "VALID":
        return [0] * (2 * len(kernel))
    before, after = [], []
    for n, k, s, d in zip(x.shape[2:], kernel, strides, dilations):
        total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        less, more = total // 2, total - total // 2
        before.append(more if auto_pad == "SAME_LOWER" else less)
        after.append(less if auto_pad == "SAME_LOWER" else more)
    return before + after


def _pad(x: Tensor, pads: list[int], value: float = 0.0) -> Tensor:
    """x with spatial padding that a kernel's symmetric padding cannot express."""
    if not any(pads):
        return x
    half = len(pads) // 2
    return ag.pad(x, [p for a in range(half)[::-1] for p in (pads[a], pads[a + half])], "constant", value)  # type: ignore[no-any-return]


def _spatial_index(parts: Iterable[Any]) -> tuple[Any, ...]:
    """An index of the axes after N and C."""
    return slice(None), slice(None), *parts


def _spatial(name: str, rank: int) -> Any:
    function = getattr(ag, f"{name}{rank}d", None)
    if function is None:
        raise FormatError(f"{name} over {rank} spatial axes is not supported")
    return function


def _conv(x, w, b=None, *, auto_pad="NOTSET", dilations=None, group=1, kernel_shape=None, pads=None, strides=None):
    rank = x.ndim - 2
    strides, dilations = tuple(strides or (1,) * rank), tuple(dilations or (1,) * rank)
    sides = _pads(x, w.shape[2:], strides, dilations, pads, auto_pad)
    if sides[:rank] == sides[rank:]:
        padding = tuple(sides[:rank])
    else:
        x, padding = _pad(x, sides), (0,) * rank
    return _spatial("conv", rank)(x, w, b, strides, padding, dilations, group)


def _conv_transpose(
    x, w, b=None, *, auto_pad="NOTSET", dilations=None, group=1, kernel_shape=None, output_padding=None,
    output_shape=None, pads=None, strides=None,
):  # fmt: skip
    rank = x.ndim - 2
    strides, dilations = tuple(strides or (1,) * rank), tuple(dilations or (1,) * rank)
    extra = list(output_padding or (0,) * rank)
    full = [(n - 1) * s + d * (k - 1) + 1 for n, s, k, d in zip(x.shape[2:], strides, w.shape[2:], dilations)]
    if output_shape is not None or auto_pad.startswith("SAME"):
        wanted = output_shape or [n * s for n, s in zip(x.shape[2:], strides)]
        total = [max(f + e - o, 0) for f, e, o in zip(full, extra, wanted)]
        extra = [max(o - f, e) for f, e, o in zip(full, extra, wanted)]
        less, more = [t // 2 for t in total], [t - t // 2 for t in total]
        sides = more + less if auto_pad == "SAME_LOWER" else less + more
    else:
        sides = list(pads) if pads is not None else [0] * (2 * rank)
    y = _spatial("conv_transpose", rank)(x, w, b, strides, 0, 0, group, dilations)
    y = _pad_end(y, extra, b)
    return y[_spatial_index(slice(i, n - j) for i, j, n in zip(sides, sides[rank:], y.shape[2:]))]


def _pad_end(y: Tensor, extra: list[int], b: Any) -> Tensor:
    """Output padding: positions that no tap reaches hold the bias."""
    if not any(extra):
        return y
    bias = 0 if b is None else b.reshape(-1, *[1] * (y.ndim - 2))
    return _pad(y - bias, [0] * len(extra) + extra) + bias


def _windows(x: Tensor, kernel, strides, dilations, pads, ceil_mode, value) -> Tensor:
    """(N, C, outputs..., taps): every window of x, padded with `value`, as a strided picking of elements."""
    rank, half = len(kernel), len(pads) // 2
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilations)]
    outputs = []
    for a in range(rank):
        room = x.shape[2 + a] + pads[a] + pads[a + half] - spans[a]
        count = (-(-room // strides[a]) if ceil_mode else room // strides[a]) + 1
        if ceil_mode and (count - 1) * strides[a] >= x.shape[2 + a] + pads[a]:
            count -= 1
        outputs.append(count)
    more = [
        max((o - 1) * s + w - n - pads[a], 0)
        for a, (o, s, w, n) in enumerate(zip(outputs, strides, spans, x.shape[2:]))
    ]
    x = _pad(x, [*pads[:half], *more], value)
    index = []
    for a in range(rank):
        taps = np.arange(outputs[a])[:, None] * strides[a] + np.arange(kernel[a]) * dilations[a]
        index.append(
            taps.reshape([outputs[a] if i == a else kernel[a] if i == rank + a else 1 for i in range(2 * rank)])
        )
    y = x[_spatial_index(index)]
    return y.reshape(*y.shape[: 2 + rank], -1)


def _average_pool(
    x, *, kernel_shape, auto_pad="NOTSET", ceil_mode=0, count_include_pad=0, dilations=None, pads=None, strides=None
):
    rank = len(kernel_shape)
    strides, dilations = tuple(strides or (1,) * rank), tuple(dilations or (1,) * rank)
    sides = _pads(x, kernel_shape, strides, dilations, pads, auto_pad)
    if (
        rank == 2
        and sides[:2] == sides[2:]
        and set(dilations) == {1}
        and all(2 * p <= k for p, k in zip(sides, kernel_shape))
    ):
        return ag.avg_pool2d(x, kernel_shape, strides, sides[:2], bool(ceil_mode), bool(count_include_pad))
    arguments = kernel_shape, strides, dilations, sides
    total = _windows(x, *arguments, ceil_mode, 0.0).sum(-1)
    ones = tensor(np.ones((1, 1, *x.shape[2:]), x.dtype))
    if count_include_pad:  # padding counts, what ceil_mode adds beyond it does not
        ones, arguments = _pad(ones, sides, 1.0), (*arguments[:3], [0] * len(sides))
    count = _windows(ones, *arguments, ceil_mode, 0.0).sum(-1)
    return total / count[_spatial_index(slice(n) for n in total.shape[2:])]


def _max_pool(
    x,
    *,
    kernel_shape,
    auto_pad="NOTSET",
    ceil_mode=0,
    dilations=None,
    pads=None,
    storage_order=0,
    strides=None,
    outputs=1,
):
    rank = len(kernel_shape)
    strides, dilations = tuple(strides or (1,) * rank), tuple(dilations or (1,) * rank)
    sides = _pads(x, kernel_shape, strides, dilations, pads, auto_pad)
    plain = rank == 2 and outputs == 1 and x.dtype.kind == "f" and sides[:2] == sides[2:]
    if plain and all(2 * p <= k for p, k in zip(sides, kernel_shape)):
        return ag.max_pool2d(x, kernel_shape, strides, sides[:2], dilations, bool(ceil_mode))
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    if x.dtype.kind != "f":  # by way of float64, which holds these integers exactly
        y = _max_pool(
            x.astype(np.float64), kernel_shape=kernel_shape, auto_pad=auto_pad, ceil_mode=ceil_mode,
            dilations=dilations, pads=pads, storage_order=storage_order, strides=strides, outputs=outputs,
        )  # fmt: skip
        return (y[0].astype(x.dtype), y[1]) if outputs > 1 else y.astype(x.dtype)
    windows = _windows(x, kernel_shape, strides, dilations, sides, ceil_mode, lowest)
    best = ag.amax(windows, axis=-1)
    if outputs == 1:
        return best
    order = list(range(x.ndim)) if not storage_order else [0, 1, *range(2, x.ndim)[::-1]]
    flat = np.arange(x.numel()).reshape([x.shape[a] for a in order])
    flat = flat.transpose(np.argsort(order)).astype(np.float64)
    places = _windows(tensor(flat), kernel_shape, strides, dilations, sides, ceil_mode, -1.0).array
    pick = windows.array.argmax(-1)[..., None]
    return best, tensor(np.take_along_axis(places, pick, -1)[..., 0].astype(np.int64))


def _lp_pool(x, *, kernel_shape, auto_pad="NOTSET", ceil_mode=0, dilations=None, p=2, pads=None, strides=None):
    rank = len(kernel_shape)
    strides, dilations = tuple(strides or (1,) * rank), tuple(dilations or (1,) * rank)
    sides = _pads(x, kernel_shape, strides, dilations, pads, auto_pad)
    windows = _windows(x, kernel_shape, strides, dilations, sides, ceil_mode, 0.0)
    return (ag.abs(windows) ** p).sum(-1) ** (1.0 / p)


def _max_unpool(x, index, shape=None, *, kernel_shape, pads=None, strides=None):
    rank = len(kernel_shape)
    strides, pads = strides or [1] * rank, pads or [0] * 2 * rank
    sizes = [
        (n - 1) * s + k - pads[a] - pads[a + rank]
        for a, (n, s, k) in enumerate(zip(x.shape[2:], strides, kernel_shape))
    ]
    natural = (*x.shape[:2], *sizes)
    wanted = natural if shape is None else tuple(array(shape).tolist())
    places = np.unravel_index(array(index), natural)
    return ag.put_at(x.reshape(-1), shape=wanted, index=tuple(p.reshape(-1) for p in places))


def _col2im(x, image_shape, block_shape, *, dilations=None, pads=None, strides=None):
    size, block = array(image_shape).tolist(), array(block_shape).tolist()
    rank = len(size)
    strides, dilations, pads = strides or [1] * rank, dilations or [1] * rank, pads or [0] * 2 * rank
    full = [n + pads[a] + pads[a + rank] for a, n in enumerate(size)]
    counts = [(f - d * (k - 1) - 1) // s + 1 for f, d, k, s in zip(full, dilations, block, strides)]
    n, c = x.shape[0], x.shape[1] // int(np.prod(block))
    y = x.reshape(n, c, *block, *counts)
    index: list[Any] = [np.arange(n).reshape(-1, *[1] * (2 * rank + 1)), np.arange(c).reshape(1, -1, *[1] * (2 * rank))]
    for a in range(rank):
        at = np.arange(block[a])[:, None] * dilations[a] + np.arange(counts[a]) * strides[a]
        index.append(
            at.reshape([1, 1, *(block[a] if i == a else counts[a] if i == rank + a else 1 for i in range(2 * rank))])
        )
    out = ag.put_at(y, shape=(n, c, *full), index=tuple(index))
    return out[_spatial_index(slice(pads[a], pads[a] + size[a]) for a in range(rank))]


# ---------------------------------------------------------------------------------------------- normalisation


def _batch_norm(
    x, scale, b, mean, var, *, epsilon=1e-5, momentum=0.9, spatial=1, training_mode=0, training, outputs=1, **_
):
    if x.ndim == 1:
        x = x[:, None]
    learns = training_mode or training
    mean, var = (mean, var) if not training_mode else (mean.detach().clone(), var.detach().clone())
    if training_mode:  # the standard asks for the biased variance of the batch in the running one
        axes = (0, *range(2, x.ndim))
        batch_mean, batch_var = x.array.mean(axes), x.array.var(axes)
        y = ag.batch_norm(x, None, None, scale, b, True, 0.0, epsilon)
        moved = (momentum * array(v) + (1 - momentum) * n for v, n in ((mean, batch_mean), (var, batch_var)))
        return (y, *(tensor(v.astype(x.dtype)) for v in moved))[:outputs]
    return ag.batch_norm(x, mean, var, scale, b, bool(learns), 1 - momentum, epsilon)


def _batch_norm_any(x, scale, b, mean, var, *, attrs, training, outputs):
    known = {k: v for k, v in attrs.items() if k not in ("is_test", "consumed_inputs")}
    return _batch_norm(x, scale, b, mean, var, **known, training=training, outputs=outputs)


def _layer_norm(x, w, b=None, *, axis=-1, epsilon=1e-5, stash_type=1, outputs=1):
    axis = axis + x.ndim if axis < 0 else axis
    axes = tuple(range(axis, x.ndim))
    half = x.dtype
    wide = x.astype(np.float32) if half.itemsize == 2 else x
    mean = ag.mean(wide, axis=axes, keepdims=True)
    d = wide - mean
    rstd = ((d * d).mean(axes, keepdims=True) + epsilon) ** -0.5
    y = (d * rstd).astype(half) * w
    y = y if b is None else y + b
    return (y, mean, rstd)[:outputs] if outputs > 1 else y


def _group_norm(x, scale, b, *, num_groups, epsilon=1e-5, stash_type=1, opset):
    if opset < 21:  # one scale for each group
        each = x.shape[1] // num_groups
        scale, b = (ag.repeat_interleave(v, each, 0) for v in (scale, b))
    return ag.group_norm(x, num_groups, scale, b, epsilon)


def _lrn(x, *, size, alpha=1e-4, beta=0.75, bias=1.0):
    return ag.local_response_norm(x, size, alpha, beta, bias)


def _dropout(x, ratio=None, mode=None, *, attrs, training, outputs=1):
    p = attrs.get("ratio", 0.5) if ratio is None else float(scalar(ratio))
    active = training if mode is None else bool(scalar(mode)) or training
    if not active or p == 0:
        return (x, tensor(np.ones(x.shape, bool))) if outputs > 1 else x
    generator = ag.Generator().manual_seed(attrs["seed"]) if "seed" in attrs else None
    keep = ag.bernoulli(tensor(np.full(x.shape, 1 - p, x.dtype)), generator=generator)
    y = x * keep / (1 - p)
    return (y, tensor(keep.array.astype(bool))) if outputs > 1 else y


# ---------------------------------------------------------------------------------------------- losses, sampling


def _nll(x, target, weight=None, *, ignore_index=None, reduction="mean"):
    ignore = -100 if ignore_index is None else ignore_index
    return ag.nll_loss(x, target, weight, ignore_index=ignore, reduction=reduction)


def _cross_entropy(x, target, weight=None, *, ignore_index=None, reduction="mean", outputs=1):
    logits = ag.log_softmax(x, axis=1)
    loss = _nll(logits, target, weight, ignore_index=ignore_index, reduction=reduction)
    return (loss, logits) if outputs > 1 else loss


def _grid_sample(x, grid, *, align_corners=0, mode="linear", padding_mode="zeros"):
    mode = {"linear": "bilinear", "cubic": "bicubic"}.get(mode, mode)
    return ag.grid_sample(x, grid, mode=mode, padding_mode=padding_mode, align_corners=bool(align_corners))


def _affine_grid(theta, size, *, align_corners=0):
    return ag.affine_grid(theta, tuple(array(size).tolist()), align_corners=bool(align_corners))


def _roi_align(
    x, rois, batch, *, coordinate_transformation_mode=None, mode="avg", output_height=1, output_width=1,
    sampling_ratio=0, spatial_scale=1.0, opset=16,
):  # fmt: skip
    shift = 0.5 if (coordinate_transformation_mode or ("half_pixel" if opset >= 16 else "")) == "half_pixel" else 0.0
    parts = []
    for (x1, y1, x2, y2), n in zip(array(rois) * spatial_scale - shift, array(batch)):
        h, w = y2 - y1, x2 - x1
        if not shift:
            h, w = max(h, 1.0), max(w, 1.0)
        rows = _roi_axis(y1, h, output_height, sampling_ratio, x.shape[2], x.dtype)
        columns = _roi_axis(x1, w, output_width, sampling_ratio, x.shape[3], x.dtype)
        image = x[int(n)]
        if mode == "avg":
            parts.append((rows.mean(1) @ image @ columns.mean(1).mT)[None])
            continue
        corners = itertools.product(range(rows.shape[1]), range(columns.shape[1]))
        values = [_roi_largest(image, rows.array[:, i], columns.array[:, j]) for i, j in corners]
        parts.append(ag.amax(ag.stack(*values), axis=0)[None])
    return (
        ag.concatenate(*parts, axis=0)
        if parts
        else tensor(np.zeros((0, x.shape[1], output_height, output_width), x.dtype))
    )


def _roi_largest(image, rows, columns):
    """The largest of the four weighted neighbours of each sample, as the standard defines max mode."""
    r, c = rows[:, :, None, None], columns[None, None]
    weights = (r * c).transpose(0, 2, 1, 3)  # (P, Q, H, W)
    p, q, h, w = weights.shape
    products = image.reshape(-1, 1, h * w) * tensor(weights.reshape(1, p * q, h * w))
    return ag.amax(products, axis=-1).reshape(-1, p, q)


def _roi_axis(start, length, outputs, ratio, n, dtype):
    """(outputs, samples, n): bilinear weights of the sampling points of one axis."""
    samples = int(ratio) if ratio > 0 else int(np.ceil(length / outputs))
    at = start + (np.arange(outputs)[:, None] + (np.arange(samples) + 0.5) / samples) * (length / outputs)
    inside = (at >= -1) & (at <= n)
    at = np.clip(at, 0, n - 1)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, n - 1)
    eye = np.eye(n)
    weights = eye[low] * (1 - (at - low))[..., None] + eye[high] * (at - low)[..., None]
    return tensor((weights * inside[..., None]).astype(dtype))


TABLE: dict[str, Callable[..., Any]] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "AveragePool": _average_pool,
    "MaxPool": _max_pool,
    "LpPool": _lp_pool,
    "MaxUnpool": _max_unpool,
    "Col2Im": _col2im,
    "GlobalAveragePool": lambda x: x.mean(tuple(range(2, x.ndim)), keepdims=True),
    "GlobalMaxPool": lambda x: ag.amax(x, axis=tuple(range(2, x.ndim)), keepdims=True),
    "BatchNormalization": _batch_norm_any,
    "InstanceNormalization": lambda x, w, b, *, epsilon=1e-5: ag.instance_norm(x, None, None, w, b, True, 0.1, epsilon),
    "LayerNormalization": _layer_norm,
    "GroupNormalization": _group_norm,
    "LRN": _lrn,
    "Dropout": _dropout,
    "NegativeLogLikelihoodLoss": _nll,
    "SoftmaxCrossEntropyLoss": _cross_entropy,
    "GridSample": _grid_sample,
    "AffineGrid": _affine_grid,
    "RoiAlign": _roi_align,
}
