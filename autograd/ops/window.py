"""Windows in any number of dimensions: pooling of lines and volumes, its reverse, unfold and fold, pixel shuffles."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from autograd.errors import ShapeError
from autograd.op import composite
from autograd.ops.adaptive import average_regions
from autograd.ops.adaptive import spans as regions
from autograd.ops.elementwise import mul, raw, where
from autograd.ops.index import getitem, put_at, take_along_axis
from autograd.ops.linalg import tensor_of
from autograd.ops.pool import _spans as spans
from autograd.ops.pool import avg_pool1d, avg_pool2d
from autograd.ops.reduce import sum
from autograd.ops.shape import reshape
from autograd.ops.unary import abs
from autograd.sampling import Case, Sampler
from autograd.tensor import Tensor


def sizes_of(value: Any, count: int, name: str, least: int = 0) -> tuple[int, ...]:
    """An int or `count` ints."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    values = values * count if len(values) == 1 else values
    if len(values) != count or any(not isinstance(v, (int, np.integer)) or v < least for v in values):
        raise ShapeError(f"{name}: expected an int or {count} ints of at least {least}, got {value!r}")
    return tuple(int(v) for v in values)


def image_axes(name: str, x: Any, count: int) -> Tensor:
    """x as a tensor (N, C, ...) with `count` spatial axes."""
    x = tensor_of(x)
    if x.ndim != count + 2:
        cure = "; missing batch dimension? x[None]" if x.ndim == count + 1 else ""
        letters = " ".join("DHW"[3 - count :]) if count > 1 else "L"
        raise ShapeError(
            f"{name}: x (N C {letters}) has {x.ndim} dimensions, expected {count + 2}{cure}  [x: {x.shape}]"
        )
    return x


def every(index: Any) -> tuple:
    """An index of all of N and C, and this one of the spatial axes."""
    return (slice(None), slice(None), *index)


# --------------------------------------------------------------------------------------------- windows, by index


class Windows:
    """The elements of every window of each spatial axis, checked."""

    def __init__(self, name, x_shape, kernel_size, stride, padding, dilation, ceil_mode):
        count = len(x_shape) - 2
        self.kernel = sizes_of(kernel_size, count, f"{name}: kernel_size", 1)
        self.stride = sizes_of(self.kernel if stride in (None, (), []) else stride, count, f"{name}: stride", 1)
        self.padding = sizes_of(padding, count, f"{name}: padding")
        self.dilation = sizes_of(dilation, count, f"{name}: dilation", 1)
        for k, p, d, n in zip(self.kernel, self.padding, self.dilation, x_shape[2:]):
            if 2 * p > d * (k - 1) + 1:
                raise ShapeError(f"{name}: padding {p} must be at most half of the kernel {k}  [x: {x_shape}]")
            if d * (k - 1) + 1 > n + 2 * p:
                raise ShapeError(f"{name}: the kernel {k} is larger than the padded input {n + 2 * p}  [x: {x_shape}]")
        self.axes = [
            spans(*along, ceil_mode)
            for along in zip(x_shape[2:], self.kernel, self.stride, self.padding, self.dilation)
        ]
        self.x_shape = x_shape

    @property
    def out(self) -> tuple[int, ...]:
        return tuple(len(axis) for axis in self.axes)

    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """Flat places of each window's elements (windows, elements), and whether they lie inside."""
        shape = self.x_shape[2:]
        place, inside = np.zeros((1, 1), np.int64), np.ones((1, 1), bool)
        for axis, n in zip(self.axes, shape):
            index = np.array([list(span) for span in axis])
            fits = (index >= 0) & (index < n)
            count = len(place) * len(axis), place.shape[1] * index.shape[1]
            place = (place[:, None, :, None] * n + index.clip(0, n - 1)[None, :, None]).reshape(count)
            inside = (inside[:, None, :, None] & fits[None, :, None]).reshape(count)
        return place, inside


def _draw(s: Sampler, count: int, dilated: bool, name: str) -> Case:
    kernel = tuple(s.integer(1, 3) for _ in range(count))
    dilation = s.integer(1, 2) if dilated else 1
    padding = tuple(s.integer(0, k // 2) if dilation == 1 else 0 for k in kernel)
    size = [max(dilation * (k - 1) + 1 - 2 * p, 1) + s.integer(0, 2) for k, p in zip(kernel, padding)]
    attrs = {"kernel_size": kernel, "stride": s.choice((None, 1, 2)), "padding": padding, "ceil_mode": s.boolean()}
    if dilated:
        attrs["dilation"] = dilation
    return s.case(getattr(s, name)((s.size(2), 2, *size)), **attrs)


def _max_reference(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    windows = Windows("reference", x.shape, kernel_size, stride, padding, dilation, ceil_mode)
    y = np.empty((*x.shape[:2], *windows.out))
    for at in np.ndindex(*windows.out):
        rows = [[i for i in axis[k] if 0 <= i < n] for axis, k, n in zip(windows.axes, at, x.shape[2:])]
        cells = x[every(np.ix_(*rows))]
        y[every(at)] = cells.reshape(*x.shape[:2], -1).max(-1)
    return y


def _max_pool(name: str, x: Tensor, windows: Windows, return_indices: bool) -> Any:
    place, inside = windows.places()
    flat = x.array.reshape(*x.shape[:2], math.prod(x.shape[2:]))
    cells = np.where(inside, flat[..., place], -np.inf if flat.dtype.kind == "f" else np.iinfo(flat.dtype).min)
    best = np.where(np.isnan(cells).any(-1), np.isnan(cells).argmax(-1), cells.argmax(-1))
    index = np.take_along_axis(np.broadcast_to(place, cells.shape), best[..., None], -1)[..., 0]
    y = take_along_axis(reshape(x, flat.shape), index, axis=2)
    if not inside.any(-1).all():  # a dilated window with nothing but padding under it
        y = where(inside.any(-1), y, -math.inf)
    shape = (*x.shape[:2], *windows.out)
    return (reshape(y, shape), Tensor(index.reshape(shape))) if return_indices else reshape(y, shape)


@composite(reference=_max_reference, samples=lambda s: _draw(s, 3, True, "distinct"), onnx="MaxPool")
def max_pool3d(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The largest element of every window of x (N, C, D, H, W); return_indices: also its place in the flat volume."""
    x = image_axes("max_pool3d", x, 3)
    windows = Windows("max_pool3d", x.shape, kernel_size, stride, padding, dilation, ceil_mode)
    return _max_pool("max_pool3d", x, windows, return_indices)


def _avg_reference(
    x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    windows = Windows("reference", x.shape, kernel_size, stride, padding, 1, ceil_mode)
    y = np.empty((*x.shape[:2], *windows.out))
    for at in np.ndindex(*windows.out):
        chosen = [axis[k] for axis, k in zip(windows.axes, at)]
        rows = [[i for i in span if 0 <= i < n] for span, n in zip(chosen, x.shape[2:])]
        padded = [[i for i in span if i < n + p] for span, n, p in zip(chosen, x.shape[2:], windows.padding)]
        count = divisor_override or np.prod([len(r) for r in (padded if count_include_pad else rows)])
        y[every(at)] = x[every(np.ix_(*rows))].sum((2, 3, 4)) / count
    return y


@composite(
    reference=_avg_reference, samples=lambda s: _draw(s, 3, False, "array"), linear_in=("x",), onnx="AveragePool"
)
def avg_pool3d(x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    """The mean of every window of x (N, C, D, H, W); padding counts or not, or divisor_override replaces the count."""
    x = image_axes("avg_pool3d", x, 3)
    windows = Windows("avg_pool3d", x.shape, kernel_size, stride, padding, 1, ceil_mode)
    if divisor_override is not None and not divisor_override:
        raise ShapeError("avg_pool3d: divisor_override must not be 0")
    limits = [n + p * bool(count_include_pad) for n, p in zip(x.shape[2:], windows.padding)]
    low = [-p if count_include_pad else 0 for p in windows.padding]
    counts = [[len([i for i in span if a <= i < b]) for span in axis] for axis, a, b in zip(windows.axes, low, limits)]
    divisor = np.asarray(divisor_override or np.multiply.outer(np.multiply.outer(counts[0], counts[1]), counts[2]))
    place, inside = windows.places()
    flat = reshape(x, (*x.shape[:2], math.prod(x.shape[2:])))
    cells = mul(getitem(flat, (..., place)), inside.astype(x.dtype))
    return reshape(sum(cells, -1), (*x.shape[:2], *windows.out)) * (1 / divisor).astype(x.dtype)


# --------------------------------------------------------------------------------------------- adaptive


def _out_sizes(name: str, x: Tensor, output_size: Any) -> tuple[int, ...]:
    count = x.ndim - 2
    wanted = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * count
    if len(wanted) != count:
        raise ShapeError(f"{name}: output_size must be an int or {count}, got {output_size!r}")
    found = tuple(n if want is None else want for want, n in zip(wanted, x.shape[2:]))
    if any(not isinstance(n, (int, np.integer)) or n < 1 for n in found) or min(x.shape[2:]) < 1:
        raise ShapeError(f"{name}: output_size {output_size!r} must be at least 1, as the sizes of x  [x: {x.shape}]")
    return tuple(int(n) for n in found)


def _adaptive_maximum(name: str, x: Any, output_size: Any, return_indices: bool, count: int) -> Any:
    x = image_axes(name, x, count)
    out = _out_sizes(name, x, output_size)
    axes = [regions(n, p) for n, p in zip(x.shape[2:], out)]
    grid = np.arange(math.prod(x.shape[2:])).reshape(x.shape[2:])
    flat = x.array.reshape(*x.shape[:2], grid.size)
    index = []
    for region in itertools.product(*axes):
        places = grid[region].ravel()
        cells = flat[..., places]
        index.append(places[np.where(np.isnan(cells).any(-1), np.isnan(cells).argmax(-1), cells.argmax(-1))])
    place = np.stack(index, -1)
    y = reshape(take_along_axis(reshape(x, flat.shape), place, axis=2), (*x.shape[:2], *out))
    return (y, Tensor(place.reshape(y.shape))) if return_indices else y


def _adaptive_reference(reduce):
    def reference(x, output_size):
        count = x.ndim - 2
        wanted = output_size if isinstance(output_size, tuple) else (output_size,) * count
        out = [n if want is None else want for want, n in zip(wanted, x.shape[2:])]
        y = np.empty((*x.shape[:2], *out))
        for at in np.ndindex(*out):
            region = tuple(slice(i * n // p, -(-(i + 1) * n // p)) for i, n, p in zip(at, x.shape[2:], out))
            y[every(at)] = reduce(x[every(region)].reshape(*x.shape[:2], -1), -1)
        return y

    return reference


def _adaptive_samples(count: int, name: str):
    def draw(s: Sampler) -> Case:
        size = s.choice((1, 2, 3)) if s.boolean() else tuple(s.choice((1, 2, None)) for _ in range(count))
        return s.case(getattr(s, name)((s.size(2), 2, *(s.integer(1, 4) for _ in range(count)))), output_size=size)

    return draw


@composite(reference=_adaptive_reference(np.mean), samples=_adaptive_samples(1, "array"), linear_in=("x",))
def adaptive_avg_pool1d(x, output_size):
    """Means over windows of x (N, C, L) that give `output_size` of them; see adaptive_avg_pool2d."""
    x = image_axes("adaptive_avg_pool1d", x, 1)
    return average_regions(x, _out_sizes("adaptive_avg_pool1d", x, output_size))


@composite(reference=_adaptive_reference(np.mean), samples=_adaptive_samples(3, "array"), linear_in=("x",))
def adaptive_avg_pool3d(x, output_size):
    """Means over windows of x (N, C, D, H, W) that give `output_size` of them; see adaptive_avg_pool2d."""
    x = image_axes("adaptive_avg_pool3d", x, 3)
    return average_regions(x, _out_sizes("adaptive_avg_pool3d", x, output_size))


@composite(reference=_adaptive_reference(np.max), samples=_adaptive_samples(1, "distinct"))
def adaptive_max_pool1d(x, output_size, return_indices=False):
    """Maxima over windows of x (N, C, L) that give `output_size` of them; see adaptive_max_pool2d."""
    return _adaptive_maximum("adaptive_max_pool1d", x, output_size, return_indices, 1)


@composite(reference=_adaptive_reference(np.max), samples=_adaptive_samples(3, "distinct"))
def adaptive_max_pool3d(x, output_size, return_indices=False):
    """Maxima over windows of x (N, C, D, H, W) that give `output_size` of them; see adaptive_max_pool2d."""
    return _adaptive_maximum("adaptive_max_pool3d", x, output_size, return_indices, 3)


# --------------------------------------------------------------------------------------------- powers


def _power_reference(x, norm_type, kernel_size):
    k = kernel_size
    windows = np.lib.stride_tricks.sliding_window_view(
        np.abs(x) ** norm_type, (k,) * (x.ndim - 2), tuple(range(2, x.ndim))
    )
    stepped = windows[every((slice(None, None, k),) * (x.ndim - 2))]
    return stepped.sum(tuple(range(x.ndim, 2 * x.ndim - 2))) ** (1 / norm_type)


def _power_samples(spatial: tuple[int, ...]):
    return lambda s: s.case(
        s.array((2, 2, *spatial), 0.2, 2), norm_type=s.choice((2.0, 3.0)), kernel_size=s.integer(1, 3)
    )


def _power_pool(name, average, count, x, norm_type, kernel_size, stride, ceil_mode):
    kernel = sizes_of(kernel_size, count, name, 1)
    means = average(abs(x) ** norm_type, kernel_size=kernel, stride=stride, ceil_mode=ceil_mode)
    return (means * math.prod(kernel)) ** (1 / norm_type)


@composite(reference=_power_reference, samples=_power_samples((5,)), onnx="LpPool")
def lp_pool1d(x, norm_type, kernel_size, stride=None, ceil_mode=False):
    """(sum of |x| ** p over every window) ** (1 / p) of x (N, C, L)."""
    return _power_pool("lp_pool1d", avg_pool1d, 1, x, norm_type, kernel_size, stride, ceil_mode)


@composite(reference=_power_reference, samples=_power_samples((4, 5)), onnx="LpPool")
def lp_pool2d(x, norm_type, kernel_size, stride=None, ceil_mode=False):
    """(sum of |x| ** p over every window) ** (1 / p) of x (N, C, H, W)."""
    return _power_pool("lp_pool2d", avg_pool2d, 2, x, norm_type, kernel_size, stride, ceil_mode)


@composite(reference=_power_reference, samples=_power_samples((3, 4, 3)), onnx="LpPool")
def lp_pool3d(x, norm_type, kernel_size, stride=None, ceil_mode=False):
    """(sum of |x| ** p over every window) ** (1 / p) of x (N, C, D, H, W)."""
    return _power_pool("lp_pool3d", avg_pool3d, 3, x, norm_type, kernel_size, stride, ceil_mode)


# --------------------------------------------------------------------------------------------- reverse of max pooling


def _unpool_reference(x, index, output_size):
    y = np.zeros((*x.shape[:2], int(np.prod(output_size))))
    for at in np.ndindex(*x.shape):
        y[at[0], at[1], index[at]] = x[at]
    return y.reshape(*x.shape[:2], *output_size)


def _unpool_samples(count: int):
    def draw(s: Sampler) -> Case:
        size = tuple(s.integer(2, 4) for _ in range(count))
        kept = tuple(s.integer(1, 2) for _ in range(count))
        order = [np.argsort(s.distinct((math.prod(size),)))[: math.prod(kept)] for _ in range(4)]
        index = np.reshape(order, (2, 2, *kept)).astype(np.int64)
        return s.case(s.array(index.shape), index=index, kernel_size=1, output_size=size)

    return draw


def _unpool(name: str, x: Any, index: Any, kernel: Any, stride: Any, padding: Any, output_size: Any, count: int):
    x = image_axes(name, x, count)
    ids = np.asarray(raw(index))
    kernel = sizes_of(kernel, count, f"{name}: kernel_size", 1)
    step = kernel if stride in (None, (), []) else sizes_of(stride, count, f"{name}: stride", 1)
    pads = sizes_of(padding, count, f"{name}: padding")
    if ids.shape != x.shape or ids.dtype.kind not in "iu":
        raise ShapeError(
            f"{name}: indices must be ints of x's shape  [x: {x.shape}, indices: {ids.dtype}{list(ids.shape)}]"
        )
    size = tuple((n - 1) * s - 2 * p + k for n, s, p, k in zip(x.shape[2:], step, pads, kernel))
    if output_size is not None:
        size = tuple(output_size)[-count:]
    total = math.prod(size)
    if ids.size and not 0 <= ids.min() <= ids.max() < total:
        raise ShapeError(f"{name}: an index is not within the {total} places of {size}  [x: {x.shape}]")
    n, c = np.ogrid[: x.shape[0], : x.shape[1]]
    rows = reshape(x, (*x.shape[:2], math.prod(x.shape[2:])))
    flat = ids.reshape(rows.shape)
    last = np.full((*x.shape[:2], total), -1)
    np.put_along_axis(last, flat, np.broadcast_to(np.arange(flat.shape[-1]), flat.shape), -1)  # of equal indices
    kept = np.take_along_axis(last, flat, -1) == np.arange(flat.shape[-1])
    y = put_at(mul(rows, kept.astype(x.dtype)), shape=(*x.shape[:2], total), index=(n[..., None], c[..., None], flat))
    return reshape(y, (*x.shape[:2], *size))


@composite(reference=lambda x, index, kernel_size, output_size: _unpool_reference(x, index, output_size),
           samples=_unpool_samples(1), linear_in=("x",))  # fmt: skip
def max_unpool1d(x, index, kernel_size, stride=None, padding=0, output_size=None):
    """Zeros (N, C, L) with x at the places that max_pool1d found; output_size chooses among the sizes that fit."""
    return _unpool("max_unpool1d", x, index, kernel_size, stride, padding, output_size, 1)


@composite(reference=lambda x, index, kernel_size, output_size: _unpool_reference(x, index, output_size),
           samples=_unpool_samples(2), linear_in=("x",), onnx="MaxUnpool")  # fmt: skip
def max_unpool2d(x, index, kernel_size, stride=None, padding=0, output_size=None):
    """Zeros (N, C, H, W) with x at the places that max_pool2d found."""
    return _unpool("max_unpool2d", x, index, kernel_size, stride, padding, output_size, 2)


@composite(reference=lambda x, index, kernel_size, output_size: _unpool_reference(x, index, output_size),
           samples=_unpool_samples(3), linear_in=("x",))  # fmt: skip
def max_unpool3d(x, index, kernel_size, stride=None, padding=0, output_size=None):
    """Zeros (N, C, D, H, W) with x at the places that max_pool3d found."""
    return _unpool("max_unpool3d", x, index, kernel_size, stride, padding, output_size, 3)
