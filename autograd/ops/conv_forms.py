"""Convolutions made of conv2d and its adjoint: transposed, and along one axis."""

from __future__ import annotations

import numpy as np

from autograd.errors import ShapeError
from autograd.op import composite
from autograd.ops.conv import conv2d, conv2d_grad_x, conv_reference, draw_geometry
from autograd.ops.geometry import steps
from autograd.ops.linalg import tensor_of
from autograd.sampling import Case, Sampler
from autograd.shapes import check_count, pair


def _transpose_samples(s: Sampler) -> Case:
    x, w, attrs = draw_geometry(s, blocks=False)
    attrs["padding"] = s.choice([0, (s.integer(0, 1), 0)])
    stride, dilation = pair(attrs["stride"]), pair(attrs["dilation"])
    attrs["output_padding"] = tuple(s.integer(0, max(st, d) - 1) for st, d in zip(stride, dilation))
    h, width = (
        max(s.integer(1, 3), 1 + (max(0, 2 * p + 1 - d * (r - 1) - 1) + st - 1) // st)
        for st, d, r, p in zip(stride, dilation, w[2:], pair(attrs["padding"]))
    )
    b = s.array((w[1] * attrs["groups"],)) if s.boolean() else None
    return s.case(s.array((x[0], w[0], h, width)), s.array(w), b, **attrs)


def _transpose_reference(x, w, b=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    stride, pads, more, dilation = pair(stride), pair(padding), pair(output_padding), pair(dilation)
    n, c, *size = x.shape
    full = [(m - 1) * s + d * (r - 1) + 1 + o for m, s, d, r, o in zip(size, stride, dilation, w.shape[2:], more)]
    y = np.zeros((n, groups, w.shape[1], *full), np.result_type(x, w))
    grouped, weights = x.reshape(n, groups, c // groups, *size), w.reshape(groups, c // groups, *w.shape[1:])
    for r, s in np.ndindex(*w.shape[2:]):
        at = [slice(i * d, i * d + (m - 1) * st + 1, st) for i, d, m, st in zip((r, s), dilation, size, stride)]
        y[..., at[0], at[1]] += np.einsum("ngchw,gck->ngkhw", grouped, weights[..., r, s])
    y = y.reshape(n, -1, *full)[:, :, pads[0] : full[0] - pads[0], pads[1] : full[1] - pads[1]]
    return y if b is None else y + b[:, None, None]


@composite(
    axes={"x": "N C H W", "w": "C K/groups R S", "b": "K"},
    reference=_transpose_reference,
    samples=_transpose_samples,
    linear_in=("x", "w"),
    onnx="ConvTranspose",
)
def conv_transpose2d(x, w, b=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """y = b + the adjoint of conv2d applied to x: each x[n, c, h, w] adds its multiple of w[c] to a window of y

    x (N, C, H, W), w (C, K/groups, R, S), b (K,) or None -> (N, K, P, Q) with
    P = (H - 1) stride - 2 padding + dilation (R - 1) + output_padding + 1, Q likewise.
    output_padding < max(stride, dilation) picks one of the sizes that conv2d maps to H.
    Raises ShapeError for sizes that do not fit. Source: torch.nn.functional.conv_transpose2d; arXiv:1603.07285.
    """
    x, w, name = tensor_of(x), tensor_of(w), "conv_transpose2d"
    context = f"[x: {x.shape}, w: {w.shape}, groups={groups}]"
    if x.ndim != 4 or w.ndim != 4 or x.shape[1] != w.shape[0]:
        raise ShapeError(f"{name}: expected x (N C H W) and w (C K/groups R S)  {context}")
    if groups < 1 or x.shape[1] % groups:
        raise ShapeError(f"{name}: groups={groups} does not divide C={x.shape[1]}  {context}")
    strides, dilations = steps(stride, f"{name}: stride", 1), steps(dilation, f"{name}: dilation", 1)
    pads, more = steps(padding, f"{name}: padding", 0), steps(output_padding, f"{name}: output_padding", 0)
    if any(o >= max(s, d) for o, s, d in zip(more, strides, dilations)):
        raise ShapeError(f"{name}: output_padding {output_padding} must be below stride or dilation  {context}")
    spans = zip(x.shape[2:], w.shape[2:], strides, pads, more, dilations)
    out = tuple((n - 1) * s - 2 * p + d * (r - 1) + o + 1 for n, r, s, p, o, d in spans)
    if min(out) < 1:
        raise ShapeError(f"{name}: the result would have size {out}; padding {padding} is too large  {context}")
    shape = (x.shape[0], w.shape[1] * groups, *out)
    check_count(name, shape)
    if any(o >= s for o, s in zip(more, strides)):  # a whole further step of output: it comes from zeros
        x = x.pad((0, more[1] // strides[1], 0, more[0] // strides[0]))
    y = conv2d_grad_x(x, w, x_shape=shape, stride=strides, padding=pads, dilation=dilations, groups=groups)
    if b is None:
        return y
    b = tensor_of(b)
    if b.shape != (shape[1],):
        raise ShapeError(f"{name}: b (K) has shape {b.shape}, expected ({shape[1]},)  {context}")
    return y + b.reshape(1, -1, 1, 1)


def _conv1d_samples(s: Sampler) -> Case:
    x, w, attrs = draw_geometry(s)
    second = {n: v if n == "groups" or isinstance(v, str) else pair(v)[1] for n, v in attrs.items()}
    b = s.array((w[0],)) if s.boolean() else None
    return s.case(s.array((*x[:2], x[3])), s.array((*w[:2], w[3])), b, **second)


def _conv1d_reference(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    padding = padding if isinstance(padding, str) else (0, padding)
    return conv_reference(x[:, :, None], w[:, :, None], b, (1, stride), padding, (1, dilation), groups)[:, :, 0]


@composite(
    axes={"x": "N C L", "w": "K C/groups S", "b": "K"},
    reference=_conv1d_reference,
    samples=_conv1d_samples,
    linear_in=("x", "w"),
    onnx="Conv",
)
def conv1d(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """y[n, k, q] = b[k] + sum_cs x[n, c, q*stride + s*dilation - padding] * w[k, c, s]

    x (N, C, L), w (K, C/groups, S), b (K,) or None -> (N, K, Q); otherwise as conv2d with height 1.
    """
    x, w = tensor_of(x), tensor_of(w)
    if x.ndim != 3 or w.ndim != 3:
        raise ShapeError(f"conv1d: expected x (N C L) and w (K C/groups S), got {x.shape} and {w.shape}")
    if x.shape[1] != w.shape[1] * groups:
        fault = f"w (K C/groups S) has C/groups={w.shape[1]}, but x (N C L) has C={x.shape[1]}"
        raise ShapeError(f"conv1d: {fault}  [x: {x.shape}, w: {w.shape}, groups={groups}]")
    along = {
        name: value if isinstance(value, str) else (first, value[0] if isinstance(value, (tuple, list)) else value)
        for name, value, first in (("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1))
    }
    x, w = x.reshape(*x.shape[:2], 1, x.shape[2]), w.reshape(*w.shape[:2], 1, w.shape[2])
    y = conv2d(x, w, b, groups=groups, **along)
    return y.reshape(*y.shape[:2], y.shape[3])
