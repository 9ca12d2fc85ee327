"""Convolution and pooling of volumes (N C D H W), slice by slice with the ops on images, and transposed convolution
along one axis. Letters: D depth, T kernel depth."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from autograd.errors import ShapeError
from autograd.op import composite
from autograd.ops.conv import conv2d
from autograd.ops.conv_forms import conv_transpose2d
from autograd.ops.elementwise import add, raw
from autograd.ops.index import getitem, put_at
from autograd.ops.join import concatenate, constant_pad
from autograd.ops.linalg import tensor_of
from autograd.ops.shape import permute, reshape
from autograd.sampling import Case, Sampler
from autograd.tensor import Tensor


def triple(value: Any, name: str, least: int = 0) -> tuple[int, int, int]:
    """An int or three ints as (depth, height, width)."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    values = values * 3 if len(values) == 1 else values
    if len(values) != 3 or any(operator.index(v) < least for v in values):
        raise ShapeError(f"{name}: expected an int or three ints of at least {least}, got {value!r}")
    return tuple(operator.index(v) for v in values)  # type: ignore[return-value]


def five_axes(name: str, x: Any) -> Tensor:
    x = tensor_of(x)
    if x.ndim != 5:
        cure = "; missing batch dimension? x[None]" if x.ndim == 4 else ""
        raise ShapeError(f"{name}: x (N C D H W) has {x.ndim} dimensions, expected 5{cure}  [x: {x.shape}]")
    return x


def as_images(x: Tensor) -> Tensor:
    """(N, C, D, H, W) as (N D, C, H, W)."""
    n, c, d, h, w = x.shape
    return reshape(permute(x, (0, 2, 1, 3, 4)), (n * d, c, h, w))


def as_volumes(y: Tensor, n: int, depth: int) -> Tensor:
    """The reverse of as_images, for n volumes."""
    return permute(reshape(y, (n, depth, *y.shape[1:])), (0, 2, 1, 3, 4))


# --------------------------------------------------------------------------------------------- convolution


def last(index: Any) -> tuple:
    """An index of the last axes."""
    return (..., *index)


def _samples(s: Sampler) -> Case:
    groups = s.choice((1, 1, 2))
    kernel, dilation = [s.integer(1, 2) for _ in range(3)], s.choice((1, (2, 1, 1)))
    steps = (dilation,) * 3 if isinstance(dilation, int) else dilation
    size = [d * (k - 1) + 1 + s.integer(0, 2) for k, d in zip(kernel, steps)]
    x, w = s.array((2, groups, *size)), s.array((2 * groups, 1, *kernel))
    b = s.array((2 * groups,)) if s.boolean() else None
    attrs = {"stride": s.choice((1, (2, 1, 1))), "padding": s.choice((0, (1, 0, 1))), "dilation": dilation}
    return s.case(x, w, b, **attrs, groups=groups)


def _reference(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    stride, pads, dilation = (np.broadcast_to(v, 3) for v in (stride, padding, dilation))
    x = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in pads)])
    out = [(n - d * (k - 1) - 1) // s + 1 for n, d, k, s in zip(x.shape[2:], dilation, w.shape[2:], stride)]
    y = np.zeros((x.shape[0], groups, w.shape[0] // groups, *out))
    grouped, weights = x.reshape(len(x), groups, -1, *x.shape[2:]), w.reshape(groups, -1, *w.shape[1:])
    for tap in np.ndindex(*w.shape[2:]):
        at = [slice(t * d, t * d + (n - 1) * s + 1, s) for t, d, n, s in zip(tap, dilation, out, stride)]
        y += np.einsum("ngcdhw,gkc->ngkdhw", grouped[last(at)], weights[last(tap)])
    y = y.reshape(len(x), -1, *out)
    return y if b is None else y + b[:, None, None, None]


def _same_padding(padding: Any, stride: tuple, reach: list[int]) -> tuple[tuple[int, int], ...]:
    """Padding before and after each axis."""
    if padding == "same":
        if stride != (1, 1, 1):
            raise ShapeError(f"conv3d: padding='same' needs stride 1, got {stride}")
        return tuple((r // 2, r - r // 2) for r in reach)
    if isinstance(padding, str) and padding != "valid":
        raise ShapeError(f"conv3d: padding is 'same', 'valid', an int or three ints, not {padding!r}")
    return tuple((p, p) for p in triple(0 if padding == "valid" else padding, "conv3d: padding"))


@composite(axes={"x": "N C D H W", "w": "K C/groups T R S", "b": "K"}, reference=_reference, samples=_samples,
           linear_in=("x", "w"), onnx="Conv")  # fmt: skip
def conv3d(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """conv2d of volumes: y[n, k, o] = b[k] + sum over c and kernel positions of x times w

    One conv2d of the kernel's slices of x, channels side by side; in groups, one conv2d per slice of w.

    x (N, C, D, H, W), w (K, C/groups, T, R, S), b (K,) or None. Source: torch.nn.functional.conv3d.
    """
    x, w = five_axes("conv3d", x), tensor_of(w)
    stride, dilation = triple(stride, "conv3d: stride", 1), triple(dilation, "conv3d: dilation", 1)
    context = f"[x: {x.shape}, w: {w.shape}, groups={groups}]"
    if w.ndim != 5 or groups < 1 or x.shape[1] != w.shape[1] * groups:
        raise ShapeError(f"conv3d: w must be (K, C/groups, T, R, S)  {context}")
    pads = _same_padding(padding, stride, [d * (k - 1) for d, k in zip(dilation, w.shape[2:])])
    x, plane = _padded(permute(x, (0, 2, 3, 4, 1)), pads)
    depth, span = x.shape[1], dilation[0] * (w.shape[2] - 1) + 1
    if not w.shape[2] or span > depth:
        raise ShapeError(f"conv3d: the kernel is larger than the padded input  {context}")
    if b is not None and np.shape(raw(b)) != w.shape[:1]:
        raise ShapeError(f"conv3d: b (K) has shape {np.shape(raw(b))}, expected {w.shape[:1]}  {context}")
    count, y = (depth - span) // stride[0] + 1, None
    attrs = {"stride": stride[1:], "padding": plane, "dilation": dilation[1:], "groups": groups}
    firsts = range(0, span, dilation[0])
    slices = [getitem(x, (slice(None), slice(t, t + (count - 1) * stride[0] + 1, stride[0]))) for t in firsts]
    if groups == 1:
        joint = slices[0] if len(slices) == 1 else concatenate(slices, -1)
        kernel = reshape(permute(w, (0, 2, 1, 3, 4)), (w.shape[0], -1, *w.shape[3:]))
        y = conv2d(_images(joint), kernel, b, **attrs)
    else:
        for t, part in enumerate(slices):
            z = conv2d(_images(part), getitem(w, (slice(None), slice(None), t)), b if t == 0 else None, **attrs)
            y = z if y is None else add(y, z)
    assert y is not None
    return as_volumes(y, x.shape[0], count)


def _padded(x: Tensor, pads: tuple[tuple[int, int], ...]) -> tuple[Tensor, tuple[int, int]]:
    """x (N, D, H, W, C) with the padding that conv2d would not add, and the rest: as much before as after H and W."""
    depth, *plane = pads
    even = (plane[0][0], plane[1][0]) if all(before == after for before, after in plane) else (0, 0)
    rows, columns = [(before - e, after - e) for (before, after), e in zip(plane, even)]
    flat = (0, 0, *columns, *rows, *depth)
    return (constant_pad(x, pad=flat) if any(flat) else x), even


def _images(x: Tensor) -> Tensor:
    """(N, D, H, W, C) as (N D, C, H, W)."""
    return permute(reshape(x, (-1, *x.shape[2:])), (0, 3, 1, 2))


def _transpose_samples(s: Sampler) -> Case:
    groups = s.choice((1, 2))
    x = s.array((2, groups, s.integer(1, 2), s.integer(1, 2), s.integer(1, 2)))
    w = s.array((groups, 2, s.integer(1, 2), s.integer(2, 3), 2))
    b = s.array((2 * groups,)) if s.boolean() else None
    stride = s.choice((1, 2))
    return s.case(x, w, b, stride=stride, padding=(0, s.integer(0, 1) * (w.shape[3] == 3), 0), groups=groups)


def _transpose_reference(x, w, b=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    stride, pads, more, dilation = (np.broadcast_to(v, 3) for v in (stride, padding, output_padding, dilation))
    size = [
        (n - 1) * s + d * (k - 1) + 1 + o for n, s, d, k, o in zip(x.shape[2:], stride, dilation, w.shape[2:], more)
    ]
    y = np.zeros((len(x), groups, w.shape[1], *size))
    grouped, weights = x.reshape(len(x), groups, -1, *x.shape[2:]), w.reshape(groups, -1, *w.shape[1:])
    for tap in np.ndindex(*w.shape[2:]):
        at = [slice(t * d, t * d + (n - 1) * s + 1, s) for t, d, n, s in zip(tap, dilation, x.shape[2:], stride)]
        y[last(at)] += np.einsum("ngcdhw,gck->ngkdhw", grouped, weights[last(tap)])
    y = y.reshape(len(x), -1, *size)[last(slice(p, n - p) for p, n in zip(pads, size))]
    return y if b is None else y + b[:, None, None, None]


@composite(axes={"x": "N C D H W", "w": "C K/groups T R S", "b": "K"}, reference=_transpose_reference,
           samples=_transpose_samples, linear_in=("x", "w"), onnx="ConvTranspose")  # fmt: skip
def conv_transpose3d(x, w, b=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """The adjoint of conv3d applied to x (N, C, D, H, W), w (C, K/groups, T, R, S); see conv_transpose2d."""
    x, w, name = five_axes("conv_transpose3d", x), tensor_of(w), "conv_transpose3d"
    stride, dilation = triple(stride, f"{name}: stride", 1), triple(dilation, f"{name}: dilation", 1)
    pads, more = triple(padding, f"{name}: padding"), triple(output_padding, f"{name}: output_padding")
    context = f"[x: {x.shape}, w: {w.shape}, groups={groups}]"
    if w.ndim != 5 or x.shape[1] != w.shape[0]:
        raise ShapeError(f"{name}: w must be (C, K/groups, T, R, S)  {context}")
    if more[0] >= max(stride[0], dilation[0]):
        raise ShapeError(f"{name}: output_padding {output_padding} must be below stride or dilation  {context}")
    n, depth = x.shape[0], x.shape[2]
    size = (depth - 1) * stride[0] + dilation[0] * (w.shape[2] - 1) + 1 + more[0]
    if size - 2 * pads[0] < 1:
        raise ShapeError(f"{name}: the result would have depth {size - 2 * pads[0]}  {context}")
    attrs = {"stride": stride[1:], "padding": pads[1:], "output_padding": more[1:], "dilation": dilation[1:]}
    images, y = as_images(x), None
    for t in range(w.shape[2]):
        z = conv_transpose2d(images, getitem(w, (slice(None), slice(None), t)), **attrs, groups=groups)
        z = as_volumes(z, n, depth)
        first = t * dilation[0]
        at = (slice(None), slice(None), slice(first, first + (depth - 1) * stride[0] + 1, stride[0]))
        z = put_at(z, shape=(*z.shape[:2], size, *z.shape[3:]), index=at)
        y = z if y is None else add(y, z)
    if y is None:
        raise ShapeError(f"{name}: the kernel is empty  {context}")
    y = getitem(y, (slice(None), slice(None), slice(pads[0], size - pads[0])))
    if b is None:
        return y
    if np.shape(raw(b)) != (y.shape[1],):
        raise ShapeError(f"{name}: b (K) has shape {np.shape(raw(b))}, expected ({y.shape[1]},)  {context}")
    return add(y, reshape(b, (-1, 1, 1, 1)))


def _line_samples(s: Sampler) -> Case:
    groups = s.choice((1, 2))
    w = s.array((2 * groups, 2, s.integer(1, 3)))
    attrs = {"stride": s.integer(1, 2), "padding": s.integer(0, 1) * (w.shape[2] == 3), "groups": groups}
    return s.case(
        s.array((2, 2 * groups, s.integer(1, 4))), w, s.array((2 * groups,)) if s.boolean() else None, **attrs
    )


def _line_reference(x, w, b=None, stride=1, padding=0, groups=1):
    x, w = x[:, :, None, None], w[:, :, None, None]
    return _transpose_reference(x, w, b, (1, 1, stride), (0, 0, padding), 0, groups)[:, :, 0, 0]


@composite(axes={"x": "N C L", "w": "C K/groups S", "b": "K"}, reference=_line_reference, samples=_line_samples,
           linear_in=("x", "w"), onnx="ConvTranspose")  # fmt: skip
def conv_transpose1d(x, w, b=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """The adjoint of conv1d applied to x (N, C, L), w (C, K/groups, S); see conv_transpose2d."""
    x, w = tensor_of(x), tensor_of(w)
    if x.ndim != 3 or w.ndim != 3:
        raise ShapeError(f"conv_transpose1d: expected x (N C L) and w (C K/groups S), got {x.shape} and {w.shape}")

    def beside(value: Any, first: int) -> tuple[int, int]:
        return first, value[0] if isinstance(value, (tuple, list)) else value

    y = conv_transpose2d(
        x.unsqueeze(2), w.unsqueeze(2), b, stride=beside(stride, 1), padding=beside(padding, 0),
        output_padding=beside(output_padding, 0), groups=groups, dilation=beside(dilation, 1),
    )  # fmt: skip
    return y.squeeze(2)
