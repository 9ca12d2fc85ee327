"""Pooling. Letters: N batch, C channels, H W input, P Q output."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import kernels
from autograd.errors import ShapeError
from autograd.op import Direct, composite, op
from autograd.ops.geometry import steps
from autograd.ops.linalg import need, tensor_of
from autograd.sampling import Case, Sampler
from autograd.shapes import pair
from autograd.tensor import Tensor

AXES = {"x": "N C H W"}


def windows(name: str, size, stride, padding, dilation) -> tuple:
    """Kernel, stride, padding and dilation as pairs within sane limits; the kernels check them against H and W."""
    kernel = steps(size, f"{name}: kernel_size", 1)
    stride = kernel if stride is None or stride in ((), []) else steps(stride, f"{name}: stride", 1)
    return kernel, stride, steps(padding, f"{name}: padding", 0), steps(dilation, f"{name}: dilation", 1)


# ---------------------------------------------------------------------------------------------- samples, references


def _draw(s: Sampler, dilated: bool, draw: Callable | None = None) -> tuple[np.ndarray, dict[str, Any]]:
    """Kernel, stride, padding, dilation first; H and W follow."""
    kernel = (s.integer(1, 3), s.integer(1, 3))
    stride = s.choice([None, (s.integer(1, 3), s.integer(1, 3))])
    dilation = (s.integer(1, 2), s.integer(1, 2)) if dilated else (1, 1)
    padding = (s.integer(0, kernel[0] // 2), s.integer(0, kernel[1] // 2))
    near_block = s.lanes() + s.integer(-1, 1)
    wide = s.choice(["C", "Q", "none"])
    out = (s.integer(1, 3), near_block if wide == "Q" else s.integer(1, 3))
    size = [
        max((p - 1) * t + d * (k - 1) + 1 - 2 * a + s.integer(0, t - 1), d * (k - 1) + 1 - 2 * a, 1)
        for p, t, d, k, a in zip(out, stride or kernel, dilation, kernel, padding)
    ]
    shape = (s.integer(1, 2), near_block if wide == "C" else s.integer(1, 3), *size)
    attrs = {"kernel_size": kernel if kernel[0] != kernel[1] else kernel[0], "stride": stride, "padding": padding}
    if dilated:
        attrs["dilation"] = dilation
    return (draw or s.array)(shape), {**attrs, "ceil_mode": s.boolean()}


def _max_samples(s: Sampler) -> Case:
    x, attrs = _draw(s, dilated=True, draw=s.distinct)
    return s.case(x, **attrs)


def _avg_samples(s: Sampler) -> Case:
    x, attrs = _draw(s, dilated=False)
    return s.case(x, **attrs, count_include_pad=s.boolean(), divisor_override=s.choice([None, None, 3]))


def _spans(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> list[range]:
    """Positions of every window along one axis, those in the padding included."""
    reach = dilation * (kernel - 1)
    starts = list(range(-padding, size + padding - reach, stride))
    if ceil_mode and starts[-1] + reach + 1 < size + padding and starts[-1] + stride < size:
        starts.append(starts[-1] + stride)
    return [range(a, a + reach + 1, dilation) for a in starts]


def _grid(x_shape, kernel_size, stride, padding, dilation, ceil_mode) -> tuple[list[range], list[range]]:
    kernel = pair(kernel_size)
    attrs = zip(x_shape[2:], kernel, kernel if stride is None else pair(stride), pair(padding), pair(dilation))
    rows, columns = (_spans(*along, ceil_mode) for along in attrs)
    return rows, columns


def _max_reference(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    rows, columns = _grid(x.shape, kernel_size, stride, padding, dilation, ceil_mode)
    y = np.empty((*x.shape[:2], len(rows), len(columns)), x.dtype)
    index = np.empty(y.shape, np.int64)
    for p, hs in enumerate(rows):
        for q, ws in enumerate(columns):
            inside = [(h, w) for h in hs for w in ws if 0 <= h < x.shape[2] and 0 <= w < x.shape[3]]
            if not inside:  # a dilated window with nothing but padding under it
                y[:, :, p, q], index[:, :, p, q] = -np.inf, -1
                continue
            values = np.stack([x[:, :, h, w] for h, w in inside], -1)
            best = values.argmax(-1)
            y[:, :, p, q] = values.max(-1)
            index[:, :, p, q] = np.array([h * x.shape[3] + w for h, w in inside])[best]
    return y, index


def _shares(x_shape, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    """For every output pixel: the input pixels it averages, and the divisor."""
    rows, columns = _grid(x_shape, kernel_size, stride, padding, 1, ceil_mode)
    (h, w), (pad_h, pad_w) = x_shape[2:], pair(padding)
    for p, hs in enumerate(rows):
        for q, ws in enumerate(columns):
            inside = slice(max(hs[0], 0), min(hs[-1] + 1, h)), slice(max(ws[0], 0), min(ws[-1] + 1, w))
            count = (inside[0].stop - inside[0].start) * (inside[1].stop - inside[1].start)
            if count_include_pad:  # the padding counts, what ceil_mode adds beyond it does not
                count = (min(hs[-1] + 1, h + pad_h) - hs[0]) * (min(ws[-1] + 1, w + pad_w) - ws[0])
            yield p, q, inside, divisor_override or count


def _avg_reference(
    x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    attrs = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    means = {(p, q): x[:, :, a, b].sum((2, 3)) / n for p, q, (a, b), n in _shares(x.shape, *attrs)}
    rows, columns = max(means)
    stacked = np.stack([means[p, q] for p in range(rows + 1) for q in range(columns + 1)], -1)
    return stacked.reshape(*x.shape[:2], rows + 1, columns + 1).astype(x.dtype)


def _avg_grad_reference(u, x_shape, **attrs):
    defaults = {"stride": None, "padding": 0, "ceil_mode": False, "count_include_pad": True, "divisor_override": None}
    gx = np.zeros(x_shape, u.dtype)
    for p, q, (a, b), n in _shares(x_shape, **(defaults | attrs)):
        gx[:, :, a, b] += u[:, :, p : p + 1, q : q + 1] / n
    return gx


# ---------------------------------------------------------------------------------------------- maximum


def _select_samples(s: Sampler) -> Case:
    n, c, p, q, h, w = s.size(2), s.size(3, (s.lanes(),)), s.size(2), s.size(3), s.size(3), s.size(3)
    return s.case(s.array((n, c, h, w)), index=s.integers((n, c, p, q), 0, h * w))


@op(
    reference=lambda x, index: np.take_along_axis(
        x.reshape(*x.shape[:2], -1), index.reshape(*index.shape[:2], -1), 2
    ).reshape(index.shape),
    samples=_select_samples,
    axes=AXES,
    linear_in=("x",),
)
def select_pixels(x, *, index):
    """y[n, c, p, q] = x[n, c, h, w] with index[n, c, p, q] = h * W + w; 0 where the index is -1 (padding)."""
    if x.ndim != 4:
        raise ValueError(f"x has {x.ndim} dimensions, expected 4")
    flat = np.ascontiguousarray(x).reshape(*x.shape[:2], x.shape[2] * x.shape[3])
    at = np.ascontiguousarray(index).reshape(*index.shape[:2], index.shape[2] * index.shape[3]).astype(np.int64)
    if x.shape[:2] != index.shape[:2] or (at.size and not -1 <= at.min() <= at.max() < flat.shape[2]):
        raise ValueError(f"index of shape {index.shape} does not point into x")
    if not flat.size:
        return np.zeros(index.shape, x.dtype)
    return np.where(at < 0, 0, np.take_along_axis(flat, np.maximum(at, 0), 2)).reshape(index.shape).astype(x.dtype)


def _scatter_reference(u, index, x_shape):
    gx = np.zeros((*x_shape[:2], x_shape[2] * x_shape[3]), u.dtype)
    for n, c, p, q in np.ndindex(*u.shape):
        gx[n, c, index[n, c, p, q]] += u[n, c, p, q]
    return gx.reshape(x_shape)


def _scatter_samples(s: Sampler) -> Case:
    (x,), attrs = _select_samples(s)
    return s.case(s.array(attrs["index"].shape), **attrs, x_shape=x.shape)


@op(
    reference=_scatter_reference,
    samples=_scatter_samples,
    axes={"u": "N C P Q"},
    kernel=kernels.max_pool2d_grad,
    tallies=True,
    linear_in=("u",),
)
def scatter_pixels(u, *, index, x_shape, kernel_size=None, stride=None, padding=0, dilation=1, ceil_mode=False):
    """Adds u[n, c, p, q] to pixel index[n, c, p, q] = h * W + w of zeros of x_shape: the adjoint of select_pixels.

    kernel_size, ...: those of the pooling that the index came from, which makes it faster.
    """
    return kernels.max_pool2d_grad(u, index, x_shape, kernel_size, stride, padding, dilation, ceil_mode)


scatter_pixels.grads(u=lambda g, index: select_pixels(g, index=index))
select_pixels.grads(x=lambda g, index, x_shape: scatter_pixels(g, index=index, x_shape=x_shape))


def _flops(out, x, *, kernel_size, **_):
    return math.prod(out) * math.prod(pair(kernel_size))


@op(
    axes=AXES,
    reference=_max_reference,
    samples=_max_samples,
    extras=("index",),
    flops=_flops,
    kernel=kernels.max_pool2d,
    takes=("x", kernels.batch_norm_apply, kernels.max_pool2d_normalizes),
    onnx="MaxPool",
)
def max_pool2d_with_index(x, *, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """max_pool2d, and for every maximum its place h * W + w in x, the first of equals (an extra)."""
    return _maxima(kernels.max_pool2d, x, kernel_size, stride, padding, dilation, ceil_mode)


def _maxima(kernel, x, kernel_size, stride, padding, dilation, ceil_mode):
    need(x=x)
    try:
        return kernel(x, kernel_size, stride, padding, dilation, ceil_mode)
    except (ValueError, TypeError) as error:  # in the name of the op that was called
        windows("max_pool2d", kernel_size, stride, padding, dilation)
        if isinstance(error, TypeError):
            raise
        raise ShapeError(f"{error}  [x: {x.shape}]") from None


WINDOW = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
max_pool2d_with_index.grads(x=Direct(scatter_pixels, "g", "index", "x_shape", *WINDOW))


def _max_relu_samples(s: Sampler) -> Case:
    x, attrs = _draw(s, dilated=True, draw=s.distinct)
    return s.case(x + x.dtype.type(0.05), **attrs)  # none is 0, where a ReLU has a kink


def _max_relu_reference(x, **attrs):
    y, index = _max_reference(x, **attrs)
    return np.maximum(y, 0), np.where(y > 0, index, -1)


@op(
    axes=AXES,
    reference=_max_relu_reference,
    samples=_max_relu_samples,
    extras=("index",),
    flops=_flops,
    kernel=kernels.max_pool2d_relu,
    takes=("x", kernels.batch_norm_apply, kernels.max_pool2d_normalizes),
)
def max_pool2d_relu(x, *, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """relu(max_pool2d(x)), undilated also max_pool2d(relu(x)), and the places of maxima, -1 for those not above 0."""
    return _maxima(kernels.max_pool2d_relu, x, kernel_size, stride, padding, dilation, ceil_mode)


max_pool2d_relu.grads(x=Direct(scatter_pixels, "g", "index", "x_shape", *WINDOW))


def four_axes(name: str, x: Any) -> Tensor:
    x = tensor_of(x)
    if x.ndim != 4:
        cure = "; missing batch dimension? x[None]" if x.ndim == 3 else ""
        raise ShapeError(f"{name}: x (N C H W) has {x.ndim} dimensions, expected 4{cure}  [x: {x.shape}]")
    return x


@composite(axes=AXES, reference=lambda x, **attrs: _max_reference(x, **attrs)[0], samples=_max_samples, onnx="MaxPool")
def max_pool2d(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """y[n, c, p, q] = max over (r, s) of x[n, c, p*stride + r*dilation - padding, q*stride + s*dilation - padding]

    x (N, C, H, W) -> (N, C, P, Q), P = floor or (ceil_mode) ceil((H + 2 padding - dilation (R - 1) - 1) / stride) + 1;
    a window must start inside the input or its top or left padding. Sizes are ints or pairs; stride None: kernel_size.
    NaN in a window gives NaN; padding never wins; of equals the first counts. return_indices: also h * W + w, int64.
    Raises ShapeError for a kernel larger than the padded input and a padding above half of the kernel.
    Source: torch.nn.functional.max_pool2d.
    """
    x = four_axes("max_pool2d", x)
    window = (kernel_size, stride, padding, dilation, ceil_mode)
    if not return_indices:
        return max_pool2d_with_index(x, *window)
    y, index = max_pool2d_with_index.with_extras(x, *window)
    return y, Tensor(index.astype(np.int64))  # a copy: users may change it before backward


# ---------------------------------------------------------------------------------------------- average


@op(
    axes=AXES,
    reference=_avg_reference,
    samples=_avg_samples,
    linear_in=("x",),
    flops=_flops,
    kernel=kernels.avg_pool2d,
    onnx="AveragePool",
)
def avg_pool2d(
    x, *, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    """y[n, c, p, q] = mean over (r, s) of x[n, c, p*stride + r - padding, q*stride + s - padding]

    x (N, C, H, W) -> (N, C, P, Q), sizes and errors as for max_pool2d. count_include_pad: zeros of the padding count
    as values; divisor_override replaces the number of values. Source: torch.nn.functional.avg_pool2d.
    """
    need(x=x)
    kernel, stride, padding, _ = windows("avg_pool2d", kernel_size, stride, padding, 1)
    return kernels.avg_pool2d(x, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _avg_grad_samples(s: Sampler) -> Case:
    (x,), attrs = _avg_samples(s)
    return s.case(s.array(_avg_reference(x, **attrs).shape), x_shape=x.shape, **attrs)


@op(
    axes={"u": "N C P Q"},
    reference=_avg_grad_reference,
    samples=_avg_grad_samples,
    linear_in=("u",),
    flops=lambda out, u, **attrs: _flops(u, None, **attrs),
    kernel=kernels.avg_pool2d_grad,
)
def avg_pool2d_grad(
    u, *, x_shape, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    """Shares every u among the pixels of its window: the adjoint of avg_pool2d."""
    kernel, stride, padding, _ = windows("avg_pool2d", kernel_size, stride, padding, 1)
    return kernels.avg_pool2d_grad(u, x_shape, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override)


MEAN = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
avg_pool2d.grads(x=Direct(avg_pool2d_grad, "g", "x_shape", *MEAN))
avg_pool2d_grad.grads(u=Direct(avg_pool2d, "g", *MEAN))


# ---------------------------------------------------------------------------------------------- one axis


def _one_axis(samples: Callable[[Sampler], Case]) -> Callable[[Sampler], Case]:
    """Samples of a 1-d pooling from those of the 2-d one: the last row, and the second of every pair."""

    def draw(s: Sampler) -> Case:
        (x,), attrs = samples(s)
        attrs = {n: v[1] if isinstance(v, tuple) else v for n, v in attrs.items() if n != "divisor_override"}
        return s.case(x[:, :, 0], **attrs)

    return draw


def _with_height(attrs: dict[str, Any]) -> dict[str, Any]:
    """Attributes of a 1-d pooling as those of a 2-d one of height 1."""
    first = {"kernel_size": 1, "stride": 1, "padding": 0, "dilation": 1}
    return {
        name: (first[name], value[0] if isinstance(value, (tuple, list)) else value)
        if name in first and value is not None
        else value
        for name, value in attrs.items()
    }


def _with_row(name: str, x: Any) -> Tensor:
    x = tensor_of(x)
    if x.ndim != 3:
        raise ShapeError(f"{name}: x (N C L) has {x.ndim} dimensions, expected 3  [x: {x.shape}]")
    return x.reshape(*x.shape[:2], 1, x.shape[2])


@composite(
    axes={"x": "N C L"},
    reference=lambda x, **attrs: _max_reference(x[:, :, None], **_with_height(attrs))[0][:, :, 0],
    samples=_one_axis(_max_samples),
    onnx="MaxPool",
)
def max_pool1d(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """max_pool2d of x (N, C, L) -> (N, C, Q), along the one axis; indices count from the start of it."""
    attrs = _with_height({"kernel_size": kernel_size, "stride": stride, "padding": padding, "dilation": dilation})
    result = max_pool2d(_with_row("max_pool1d", x), **attrs, ceil_mode=ceil_mode, return_indices=return_indices)
    rows = [y.reshape(*y.shape[:2], y.shape[3]) for y in (result if return_indices else (result,))]
    return tuple(rows) if return_indices else rows[0]


@composite(
    axes={"x": "N C L"},
    reference=lambda x, **attrs: _avg_reference(x[:, :, None], **_with_height(attrs))[:, :, 0],
    samples=_one_axis(_avg_samples),
    linear_in=("x",),
    onnx="AveragePool",
)
def avg_pool1d(x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    """avg_pool2d of x (N, C, L) -> (N, C, Q), along the one axis."""
    attrs = _with_height({"kernel_size": kernel_size, "stride": stride, "padding": padding})
    y = avg_pool2d(_with_row("avg_pool1d", x), **attrs, ceil_mode=ceil_mode, count_include_pad=count_include_pad)
    return y.reshape(*y.shape[:2], y.shape[3])
