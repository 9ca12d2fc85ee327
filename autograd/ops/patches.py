"""Moving pixels: windows as columns and back, pixel and channel shuffles."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from autograd.errors import ShapeError
from autograd.op import composite, op
from autograd.ops.join import constant_pad
from autograd.ops.linalg import tensor_of
from autograd.ops.shape import permute, reshape
from autograd.ops.window import sizes_of
from autograd.sampling import Case, Sampler


def _windows(name: str, size: tuple[int, ...], kernel: Any, dilation: Any, padding: Any, stride: Any) -> tuple:
    """Kernel, dilation, padding and stride as pairs, and how many windows there are along both axes."""
    kernel, stride = sizes_of(kernel, 2, f"{name}: kernel_size", 1), sizes_of(stride, 2, f"{name}: stride", 1)
    dilation, pads = sizes_of(dilation, 2, f"{name}: dilation", 1), sizes_of(padding, 2, f"{name}: padding")
    count = tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, p, d, k, s in zip(size, pads, dilation, kernel, stride))
    if min(count) < 1:
        raise ShapeError(f"{name}: a kernel of {kernel} with dilation {dilation} does not fit {size} padded by {pads}")
    return kernel, dilation, pads, stride, count


def _cells(x: np.ndarray, kernel: Any, count: Any, dilation: Any, stride: Any) -> Iterator[tuple[tuple, np.ndarray]]:
    """For each position in the kernel the pixels (N, C, P, Q) that lie there in all windows: a view."""
    for at in np.ndindex(*kernel):
        rows, columns = (
            slice(d * i, d * i + s * (m - 1) + 1, s) for i, d, s, m in zip(at, dilation, stride, count, strict=True)
        )
        yield (slice(None), slice(None), *at), x[:, :, rows, columns]


def _cell_reference(x, kernel, count, dilation, stride):
    y = np.zeros((*x.shape[:2], *kernel, *count))
    for i, j, p, q in np.ndindex(*kernel, *count):
        y[:, :, i, j, p, q] = x[:, :, p * stride[0] + i * dilation[0], q * stride[1] + j * dilation[1]]
    return y


def _added_reference(x, size, dilation, stride):
    y = np.zeros((*x.shape[:2], *size))
    for i, j, p, q in np.ndindex(*x.shape[2:]):
        y[:, :, p * stride[0] + i * dilation[0], q * stride[1] + j * dilation[1]] += x[:, :, i, j, p, q]
    return y


def _draw_cells(s: Sampler, added: bool) -> Case:
    pairs = [(s.integer(1, 2), s.integer(1, 2)) for _ in range(4)]
    kernel, count, dilation, stride = pairs
    size = tuple(d * (k - 1) + t * (m - 1) + 1 + s.integer(0, 1) for k, m, d, t in zip(*pairs))
    attrs = {"dilation": dilation, "stride": stride}
    if added:
        return s.case(s.array((s.size(2), 2, *kernel, *count)), size=size, **attrs)
    return s.case(s.array((s.size(2), 2, *size)), kernel=kernel, count=count, **attrs)


@op(reference=_cell_reference, samples=lambda s: _draw_cells(s, False), linear_in=("x",))
def window_cells(x, *, kernel, count, dilation, stride):
    """y[n, c, i, j, p, q] = x[n, c, p stride + i dilation, q stride + j dilation]: windows by position in the kernel"""
    y = np.empty((*x.shape[:2], *kernel, *count), x.dtype)
    for at, pixels in _cells(x, kernel, count, dilation, stride):
        y[at] = pixels
    return y


@op(reference=_added_reference, samples=lambda s: _draw_cells(s, True), linear_in=("x",))
def window_cells_added(x, *, size, dilation, stride):
    """The adjoint of window_cells: every x[n, c, i, j, p, q] added to its pixel of images (N, C, *size)."""
    y = np.zeros((*x.shape[:2], *size), x.dtype)
    for at, pixels in _cells(y, x.shape[2:4], x.shape[4:], dilation, stride):
        pixels += x[at]
    return y


window_cells.grads(
    x=lambda g, x_shape, dilation, stride: window_cells_added(g, size=x_shape[2:], dilation=dilation, stride=stride)
)
window_cells_added.grads(
    x=lambda g, x_shape, dilation, stride: window_cells(
        g, kernel=x_shape[2:4], count=x_shape[4:], dilation=dilation, stride=stride
    )
)


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
    kernel, dilation, (a, b), stride, count = _windows("unfold", x.shape[2:], kernel_size, dilation, padding, stride)
    padded = constant_pad(x, pad=(b, b, a, a)) if a or b else x
    cells = window_cells(padded, kernel=kernel, count=count, dilation=dilation, stride=stride)
    return reshape(cells, (x.shape[0], x.shape[1] * math.prod(kernel), math.prod(count)))


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
    kernel, dilation, (a, b), stride, count = _windows("fold", size, kernel_size, dilation, padding, stride)
    taps = math.prod(kernel)
    if x.shape[1] % taps or x.shape[2] != math.prod(count):
        raise ShapeError(f"fold: expected x (N, C * {taps}, {math.prod(count)}) for output_size {size}  [x: {x.shape}]")
    cells = reshape(x, (x.shape[0], x.shape[1] // taps, *kernel, *count))
    padded = window_cells_added(cells, size=(size[0] + 2 * a, size[1] + 2 * b), dilation=dilation, stride=stride)
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
