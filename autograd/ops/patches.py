"""Moving pixels: windows as columns and back, pixel and channel shuffles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.errors import ShapeError
from autograd.op import composite
from autograd.ops.index import getitem, put_at
from autograd.ops.join import constant_pad
from autograd.ops.linalg import tensor_of
from autograd.ops.shape import permute, reshape
from autograd.ops.window import sizes_of
from autograd.sampling import Case, Sampler


def _places(name: str, size: tuple[int, ...], kernel: Any, dilation: Any, padding: Any, stride: Any) -> tuple:
    """Rows and columns of the padded image for every kernel position and window, and the padding."""
    kernel, stride = sizes_of(kernel, 2, f"{name}: kernel_size", 1), sizes_of(stride, 2, f"{name}: stride", 1)
    dilation, pads = sizes_of(dilation, 2, f"{name}: dilation", 1), sizes_of(padding, 2, f"{name}: padding")
    out = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, p, d, k, s in zip(size, pads, dilation, kernel, stride)]
    if min(out) < 1:
        raise ShapeError(f"{name}: a kernel of {kernel} with dilation {dilation} does not fit {size} padded by {pads}")
    rows, columns = (d * np.arange(k)[:, None] + s * np.arange(m) for d, k, s, m in zip(dilation, kernel, stride, out))
    shape = (kernel[0], kernel[1], out[0], out[1])
    return np.broadcast_to(rows[:, None, :, None], shape), np.broadcast_to(columns[None, :, None, :], shape), pads


def _unfold_samples(s: Sampler) -> Case:
    attrs = {"dilation": s.integer(1, 2), "padding": s.integer(0, 1), "stride": s.integer(1, 2)}
    return s.case(s.array((s.size(2), 2, 3, 4)), kernel_size=(s.integer(1, 2), 2), **attrs)


def _unfold_reference(x, kernel_size, dilation=1, padding=0, stride=1):
    x = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    spans = [dilation * (k - 1) + 1 for k in kernel_size]
    windows = np.lib.stride_tricks.sliding_window_view(x, spans, (2, 3))
    windows = windows[:, :, ::stride, ::stride, ::dilation, ::dilation]
    return windows.transpose(0, 1, 4, 5, 2, 3).reshape(len(x), x.shape[1] * math.prod(kernel_size), -1)


@composite(reference=_unfold_reference, samples=_unfold_samples, linear_in=("x",))
def unfold(x, kernel_size, dilation=1, padding=0, stride=1):
    """The windows of x (N, C, H, W) as columns (N, C R S, windows), known as im2col."""
    x = tensor_of(x)
    if x.ndim != 4:
        cure = "; missing batch dimension? x[None]" if x.ndim == 3 else ""
        raise ShapeError(f"unfold: x (N C H W) has {x.ndim} dimensions, expected 4{cure}  [x: {x.shape}]")
    rows, columns, (a, b) = _places("unfold", x.shape[2:], kernel_size, dilation, padding, stride)
    padded = constant_pad(x, pad=(b, b, a, a)) if a or b else x
    picked = getitem(padded, (slice(None), slice(None), rows, columns))
    r, s, p, q = rows.shape
    return reshape(picked, (x.shape[0], x.shape[1] * r * s, p * q))


def _fold_samples(s: Sampler) -> Case:
    (x,), attrs = _unfold_samples(s)
    columns = _unfold_reference(x, **attrs)
    return s.case(s.array(columns.shape), output_size=x.shape[2:], **attrs)


def _fold_reference(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    n, c = x.shape[0], x.shape[1] // math.prod(kernel_size)
    place = np.arange(math.prod(output_size)).reshape(1, 1, *output_size) + 1
    index = _unfold_reference(place, kernel_size, dilation, padding, stride)[0]
    out = np.zeros((n, c, math.prod(output_size) + 1))
    cells = x.reshape(n, c, *index.shape)
    for i, j in np.ndindex(*index.shape):
        out[:, :, index[i, j]] += cells[:, :, i, j]
    return out[:, :, 1:].reshape(n, c, *output_size)


@composite(reference=_fold_reference, samples=_fold_samples, linear_in=("x",))
def fold(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """The adjoint of unfold: columns (N, C R S, windows) added up into images (N, C, *output_size), known as col2im."""
    x = tensor_of(x)
    if x.ndim != 3:
        cure = "; missing batch dimension? x[None]" if x.ndim == 2 else ""
        raise ShapeError(f"fold: x (N C*R*S L) has {x.ndim} dimensions, expected 3{cure}  [x: {x.shape}]")
    size = sizes_of(output_size, 2, "fold: output_size", 1)
    rows, columns, (a, b) = _places("fold", size, kernel_size, dilation, padding, stride)
    r, s, p, q = rows.shape
    if x.shape[1] % (r * s) or x.shape[2] != p * q:
        raise ShapeError(f"fold: expected x (N, C * {r * s}, {p * q}) for output_size {size}  [x: {x.shape}]")
    n, c = x.shape[0], x.shape[1] // (r * s)
    cells = reshape(x, (n, c, r, s, p, q))
    shape = (n, c, size[0] + 2 * a, size[1] + 2 * b)
    padded = put_at(cells, shape=shape, index=(slice(None), slice(None), rows, columns))
    return constant_pad(padded, pad=(-b, -b, -a, -a)) if a or b else padded


# --------------------------------------------------------------------------------------------- shuffles


def _shuffle_reference(x, r):
    n, c, h, w = x.shape
    y = np.zeros((n, c // (r * r), h * r, w * r))
    for i, j in np.ndindex(r, r):
        y[:, :, i::r, j::r] = x[:, i * r + j :: r * r]
    return y


@composite(
    reference=_shuffle_reference,
    samples=lambda s: (lambda r: s.case(s.array((2, 2 * r * r, s.size(3), 2)), r))(s.integer(1, 3)),
    linear_in=("x",),
    onnx="DepthToSpace",
)
def pixel_shuffle(x, upscale_factor):
    """(..., C r r, H, W) to (..., C, H r, W r): groups of r r channels become squares of pixels. arXiv:1609.05158."""
    x, r = tensor_of(x), upscale_factor
    if x.ndim < 3 or r < 1 or x.shape[-3] % (r * r):
        raise ShapeError(f"pixel_shuffle: C must be a multiple of {r * r} in x (... C H W)  [x: {x.shape}]")
    *batch, c, h, w = x.shape
    b = len(batch)
    cells = reshape(x, (*batch, c // (r * r), r, r, h, w))
    cells = permute(cells, (*range(b), b, b + 3, b + 1, b + 4, b + 2))
    return reshape(cells, (*batch, c // (r * r), h * r, w * r))


def _unshuffle_reference(x, r):
    parts = [x[:, :, i::r, j::r] for i, j in np.ndindex(r, r)]
    return np.stack(parts, 2).reshape(len(x), -1, *parts[0].shape[2:])


@composite(
    reference=_unshuffle_reference,
    samples=lambda s: (lambda r: s.case(s.array((2, 2, s.size(3) * r, 2 * r)), r))(s.integer(1, 3)),
    linear_in=("x",),
    onnx="SpaceToDepth",
)
def pixel_unshuffle(x, downscale_factor):
    """The reverse of pixel_shuffle: squares of r r pixels become channels."""
    x, r = tensor_of(x), downscale_factor
    if x.ndim < 3 or r < 1 or x.shape[-1] % r or x.shape[-2] % r:
        raise ShapeError(f"pixel_unshuffle: H and W must be multiples of {r} in x (... C H W)  [x: {x.shape}]")
    *batch, c, h, w = x.shape
    b = len(batch)
    cells = reshape(x, (*batch, c, h // r, r, w // r, r))
    cells = permute(cells, (*range(b), b, b + 2, b + 4, b + 1, b + 3))
    return reshape(cells, (*batch, c * r * r, h // r, w // r))


@composite(
    reference=lambda x, groups: x[:, np.arange(x.shape[1]).reshape(groups, -1).T.ravel()],
    samples=lambda s: s.case(s.array((2, 6, s.size(3))), s.choice((1, 2, 3))),
    linear_in=("x",),
)
def channel_shuffle(x, groups):
    """Channels dealt out: (N, groups * k, ...) read as k * groups. Source: ShuffleNet, arXiv:1707.01083."""
    x = tensor_of(x)
    if x.ndim < 3 or groups < 1 or x.shape[1] % groups:
        raise ShapeError(f"channel_shuffle: groups={groups} must divide C of x (N C ...)  [x: {x.shape}]")
    n, c, *rest = x.shape
    cells = reshape(x, (n, groups, c // groups, *rest))
    return reshape(permute(cells, (0, 2, 1, *range(3, cells.ndim))), x.shape)
