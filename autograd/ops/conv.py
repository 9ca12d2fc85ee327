"""Convolutions. Letters: N batch, C in-channels, H W input, K out-channels, R S kernel, P Q output.

conv2d and its two adjoints are closed under differentiation: each is linear in both operands,
and its gradients are the other two, so derivatives of any order exist.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd import kernels
from autograd.op import Direct, op
from autograd.ops.geometry import Geometry
from autograd.ops.linalg import need
from autograd.ops.shape import expand, reshape
from autograd.sampling import Case, Sampler
from autograd.shapes import pair
from autograd.tape import declare
from autograd.value import array_of
from autograd.waiting import waits_for

_relu_grad, _hardtanh_grad = declare("relu_grad"), declare("hardtanh_grad")

# ---------------------------------------------------------------------------------------------- samples, references


def draw_geometry(s: Sampler, blocks: bool = True) -> tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]:
    """Kernel, stride, dilation, padding, groups first; H and W follow, so that every draw is a valid call."""
    r, t, groups = s.integer(1, 3), s.integer(1, 3), s.choice([1, 1, 2, 3])
    stride, dilation = (s.integer(1, 3), s.integer(1, 2)), (s.integer(1, 2), s.integer(1, 2))
    padding: Any = s.choice(["same", "valid", s.integer(0, 2), (s.integer(0, 2), s.integer(0, 2))])
    if padding == "same":
        stride = (1, 1)
    wide = s.choice(["C", "K", "Q", "N", "none"]) if blocks and groups == 1 else "none"
    near_block = s.lanes() + s.integer(-1, 1)
    batch = near_block + s.lanes() if wide == "N" else s.integer(1, 2)
    c, k = (near_block if wide == letter else groups * s.integer(1, 2) for letter in "CK")
    if groups > 1 and s.boolean():
        c = k = groups * s.choice([2, 4, 8])  # which share a vector
    out = (s.integer(1, 3), near_block if wide == "Q" else s.integer(1, 3))
    around = (0, 0) if isinstance(padding, str) else pair(padding)
    h, w = (
        max(1, (p - 1) * st + 1 + (0 if padding == "same" else d * (n - 1) - 2 * a) + (s.integer(0, st - 1)))
        for p, st, d, n, a in zip(out, stride, dilation, (r, t), around)
    )
    attrs = {
        "stride": stride if s.boolean() or stride[0] != stride[1] else stride[0],
        "padding": padding,
        "dilation": dilation if s.boolean() or dilation[0] != dilation[1] else dilation[0],
        "groups": groups,
    }
    h, w = (max(n, d * (m - 1) + 1 - 2 * a) if padding != "same" else n
            for n, d, m, a in zip((h, w), dilation, (r, t), around))  # fmt: skip
    return (batch, c, h, w), (k, c // groups, r, t), attrs


def _conv_samples(s: Sampler) -> Case:
    x, w, attrs = draw_geometry(s)
    return s.case(s.array(x), s.array(w), s.array((w[0],)) if s.boolean() else None, **attrs)


def _relu_samples(s: Sampler) -> Case:
    """Results away from the kink: products are even, the bias is odd."""
    x_shape, w_shape, attrs = draw_geometry(s)
    x, w, b = (s.integers(shape, -2, 3).astype(s.dtype) for shape in (x_shape, w_shape, w_shape[:1]))
    return s.case(x, w * 2, b * 2 + 1, **attrs)


def _grad_x_samples(s: Sampler) -> Case:
    x, w, attrs = draw_geometry(s)
    return s.case(s.array(Geometry("conv2d", x, w, **attrs).out), s.array(w), x_shape=x, **attrs)


def _grad_w_samples(s: Sampler) -> Case:
    x, w, attrs = draw_geometry(s)
    return s.case(s.array(Geometry("conv2d", x, w, **attrs).out), s.array(x), w_shape=w, **attrs)


def _taps(x_shape, w_shape, stride, padding, dilation, groups):
    """For every kernel position (r, s): the pixels of the padded input that it meets, as two slices."""
    (stride, dilation), reach = (pair(stride), pair(dilation)), (0, 0)
    reach = tuple(d * (n - 1) for d, n in zip(dilation, w_shape[2:]))
    if padding == "same":
        pads = [(r // 2, r - r // 2) for r in reach]
    else:
        pads = [(0, 0)] * 2 if padding == "valid" else [(p, p) for p in pair(padding)]
    sizes = [n + a + b for n, (a, b) in zip(x_shape[2:], pads)]
    out = [(n - r - 1) // s + 1 for n, r, s in zip(sizes, reach, stride)]
    windows = {
        (r, s): tuple(slice(i * d, i * d + (n - 1) * st + 1, st) for i, d, n, st in zip((r, s), dilation, out, stride))
        for r in range(w_shape[2])
        for s in range(w_shape[3])
    }
    return [(0, 0), (0, 0), *pads], out, windows


def conv_reference(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    pads, out, windows = _taps(x.shape, w.shape, stride, padding, dilation, groups)
    n, k = x.shape[0], w.shape[0]
    padded = np.pad(x, pads)
    padded = padded.reshape(n, groups, -1, *padded.shape[2:])
    weights = w.reshape(groups, k // groups, *w.shape[1:])
    y = np.zeros((n, groups, k // groups, *out), np.result_type(x, w))
    for (r, s), (rows, columns) in windows.items():
        y += np.einsum("ngchw,gkc->ngkhw", padded[..., rows, columns], weights[..., r, s])
    y = y.reshape(n, k, *out)
    return y if b is None else y + b[:, None, None]


def _grad_x_reference(u, w, x_shape, stride=1, padding=0, dilation=1, groups=1):
    pads, out, windows = _taps(x_shape, w.shape, stride, padding, dilation, groups)
    n, c, h, width = x_shape
    padded = np.zeros((n, groups, c // groups, h + sum(pads[2]), width + sum(pads[3])), np.result_type(u, w))
    grouped = u.reshape(n, groups, -1, *out)
    weights = w.reshape(groups, -1, *w.shape[1:])
    for (r, s), (rows, columns) in windows.items():
        padded[..., rows, columns] += np.einsum("ngkhw,gkc->ngchw", grouped, weights[..., r, s])
    return padded.reshape(n, c, *padded.shape[3:])[:, :, pads[2][0] : pads[2][0] + h, pads[3][0] : pads[3][0] + width]


def _grad_w_reference(u, x, w_shape, stride=1, padding=0, dilation=1, groups=1):
    pads, out, windows = _taps(x.shape, w_shape, stride, padding, dilation, groups)
    padded = np.pad(x, pads)
    padded = padded.reshape(x.shape[0], groups, -1, *padded.shape[2:])
    grouped = u.reshape(x.shape[0], groups, -1, *out)
    gw = np.zeros((groups, w_shape[0] // groups, *w_shape[1:]), np.result_type(u, x))
    for (r, s), (rows, columns) in windows.items():
        gw[..., r, s] = np.einsum("ngkhw,ngchw->gkc", grouped, padded[..., rows, columns])
    return gw.reshape(w_shape)


# ---------------------------------------------------------------------------------------------- the three ops

KERNEL_AXES = "K C/groups R S"


def _advice(shapes: dict[str, tuple[int, ...]], attrs: dict[str, Any]) -> str | None:
    x, w = shapes.get("x", ()), shapes.get("w", ())
    if len(x) == 4 and len(w) == 4 and x[1] != w[1] == x[3] and attrs["groups"] == 1:
        return "NHWC input? x.permute(0, 3, 1, 2)"
    return None


def _flops(out, x, w, b=None, **_):
    return 2 * math.prod(out) * math.prod(w[1:])


@op(
    axes={"x": "N C H W", "w": KERNEL_AXES, "b": "K"},
    reference=conv_reference,
    samples=_conv_samples,
    flops=_flops,
    kernel=kernels.conv2d,
    keeps="w",
    takes=("x", kernels.batch_norm_apply, kernels.conv2d_normalizes),
    tallies=True,
    linear_in=("x", "w"),
    advice=_advice,
    onnx="Conv",
)
def conv2d(x, w, b=None, *, stride=1, padding=0, dilation=1, groups=1):
    """y[n, k, p, q] = b[k] + sum_crs x[n, c, h(p, r), w(q, s)] * w[k, c, r, s], h(p, r) = p*stride + r*dilation - pad

    x (N, C, H, W), w (K, C/groups, R, S), b (K,) or None -> (N, K, P, Q) with
    P = floor((H + 2 padding - dilation (R - 1) - 1) / stride) + 1, Q likewise; all float32 or all float64.
    stride, padding, dilation: an int or a pair (height, width). padding "same" keeps H and W (stride 1 only; an odd
    padding puts its last zero at the bottom and right), "valid" is 0. Channels of group i of x meet group i of w.
    Raises ShapeError for sizes that do not fit and for a kernel larger than the padded input.
    float32 with a 3x3 kernel of stride 1 and C, K >= 16, unless the batch is tiny, runs Winograd's F(4x4, 3x3) or
    F(3x3, 3x3): for numbers of random sign within 80 or 32 u sum_c max|w| max|x| of the exact result, u = 2^-24, maxima
    over 6 x 6 or 5 x 5 inputs; AUTOGRAD_WINOGRAD=0 turns it off.
    Source: torch.nn.functional.conv2d; Dumoulin and Visin, A guide to convolution arithmetic, arXiv:1603.07285.
    """
    return _forward(x, w, b, stride, padding, dilation, groups, None)


@op(
    axes={"x": "N C H W", "w": KERNEL_AXES, "b": "K"},
    reference=lambda *inputs, **attrs: np.maximum(conv_reference(*inputs, **attrs), 0),
    samples=_relu_samples,
    flops=_flops,
    kernel=kernels.conv2d_relu,
    keeps="w",
    advice=_advice,
)
def conv2d_relu(x, w, b=None, *, stride=1, padding=0, dilation=1, groups=1):
    """max(conv2d(x, w, b, ...), 0) in one pass, with the same bits."""
    return _forward(x, w, b, stride, padding, dilation, groups, "relu")


@op(
    axes={"x": "N C H W", "w": KERNEL_AXES, "b": "K"},
    reference=lambda *inputs, **attrs: np.clip(conv_reference(*inputs, **attrs), 0, 6),
    samples=_relu_samples,
    flops=_flops,
    kernel=kernels.conv2d_relu6,
    keeps="w",
    advice=_advice,
)
def conv2d_relu6(x, w, b=None, *, stride=1, padding=0, dilation=1, groups=1):
    """min(max(conv2d(x, w, b, ...), 0), 6) in one pass, with the same bits."""
    return _forward(x, w, b, stride, padding, dilation, groups, "relu6")


def _forward(x, w, b, stride, padding, dilation, groups, activation):
    """What the kernel refuses: Geometry says why, or pads by hand."""
    need(x=x, w=w)
    geometry = Geometry("conv2d", x.shape, w.shape, stride, padding, dilation, groups)
    return kernels.conv2d(geometry.pad(x), w, b, *geometry.arguments, activation)


@op(
    axes={"u": "N K P Q", "w": KERNEL_AXES},
    reference=_grad_x_reference,
    samples=_grad_x_samples,
    flops=lambda out, u, w, **_: 2 * math.prod(u) * math.prod(w[1:]),
    kernel=kernels.conv2d_grad_x,
    tallies=True,
    linear_in=("u", "w"),
)
def conv2d_grad_x(u, w, *, x_shape, stride=1, padding=0, dilation=1, groups=1):
    """gx[n, c, h, w] = sum of u[n, k, p, q] * w[k, c, r, s] over all (k, p, q, r, s) where conv2d meets x[n, c, h, w]

    u (N, K, P, Q), w (K, C/groups, R, S) -> x_shape (N, C, H, W): the adjoint of conv2d in x, and the
    transposed convolution. Raises ShapeError if u is not what conv2d gives for x_shape.
    """
    need(u=u, w=w)
    geometry = Geometry("conv2d_grad_x", tuple(x_shape), w.shape, stride, padding, dilation, groups)
    _expect(u.shape, geometry.out)
    gx = kernels.conv2d_grad_x(u, w, geometry.padded, *geometry.arguments)
    return gx if geometry.extra == (0, 0) else gx[:, :, : x_shape[2], : x_shape[3]]


@op(
    axes={"u": "N K P Q", "x": "N C H W"},
    reference=_grad_w_reference,
    samples=_grad_w_samples,
    flops=lambda out, u, x, **_: 2 * math.prod(u) * math.prod(out[1:]),
    kernel=kernels.conv2d_grad_w,
    takes=("x", kernels.batch_norm_apply, kernels.conv2d_grad_w_normalizes),
    linear_in=("u", "x"),
)
def conv2d_grad_w(u, x, *, w_shape, stride=1, padding=0, dilation=1, groups=1):
    """gw[k, c, r, s] = sum_npq u[n, k, p, q] * x[n, c, h(p, r), w(q, s)], h(p, r) = p*stride + r*dilation - padding

    u (N, K, P, Q), x (N, C, H, W) -> w_shape (K, C/groups, R, S): the adjoint of conv2d in w.
    Raises ShapeError if u is not what conv2d gives for w_shape.
    """
    need(u=u, x=x)
    geometry = Geometry("conv2d_grad_w", x.shape, tuple(w_shape), stride, padding, dilation, groups)
    _expect(u.shape, geometry.out)
    return kernels.conv2d_grad_w(u, geometry.pad(x), tuple(w_shape), *geometry.arguments)


@op(
    axes={"u": "N K P Q"},
    reference=lambda u: u.sum((0, 2, 3)),
    samples=lambda s: s.case(s.array((s.size(2), s.size(3, (s.lanes(),)), s.size(3), s.size(3)))),
    kernel=kernels.conv2d_grad_b,
    linear_in=("u",),
)
def conv2d_grad_b(u):
    """gb[k] = sum_npq u[n, k, p, q]: the adjoint of conv2d in b."""
    need(u=u)
    return kernels.conv2d_grad_b(u)


conv2d_grad_b.grads(u=lambda g, u_shape: expand(reshape(g, (1, u_shape[1], 1, 1)), u_shape))


def _expect(u: tuple[int, ...], out: tuple[int, ...]) -> None:
    if tuple(u) != out:
        raise ValueError(f"u has shape {tuple(u)}, but conv2d gives {out}")


GEOMETRY = ("stride", "padding", "dilation", "groups")
conv2d.grads(
    x=Direct(conv2d_grad_x, "g", "w", "x_shape", *GEOMETRY),
    w=Direct(conv2d_grad_w, "g", "x", "w_shape", *GEOMETRY),
    b=Direct(conv2d_grad_b, "g"),
)


def _fits(g, x, x_shape, w_shape, stride, padding, dilation, groups):
    """Whether both gradients at once, of a batch norm's gradient that is still to be computed, are better."""
    geometry = stride, padding, dilation, groups
    return kernels.conv2d_grads_fit(g.dtype, x_shape, w_shape, *geometry, norm=waits_for(x))


def _both(fits, g, x, w, stride, padding, dilation, groups, tally):
    """Both gradients at once, of an x that may itself still be to be normalised."""
    norm = waits_for(x)
    array = array_of(x) if norm is None else norm[0]
    return kernels.conv2d_grads(waits_for(g), array, array_of(w), stride, padding, dilation, groups, norm, tally)


conv2d.grads_waiting(
    kernels.batch_norm_grad_apply,
    needs=("x", "w"),
    fits=_fits,
    both=_both,
    x=lambda both: both[0],
    w=lambda both: both[1],
)


def _pooled_fits(g, x_shape, w_shape, stride, padding, dilation, groups):
    """Whether to take the gradients of w and b from that of a maximum over windows, as it is."""
    return kernels.conv2d_pooled_grads_fit(waits_for(g), x_shape, w_shape, stride, padding, dilation, groups)


def _pooled(fits, g, x, w_shape, stride, padding, dilation, groups):
    return kernels.conv2d_pooled_grads(waits_for(g), array_of(x), w_shape, stride, padding, dilation, groups)


conv2d.grads_waiting(
    kernels.max_pool2d_grad,
    needs=("w",),
    fits=_pooled_fits,
    pooled=_pooled,
    x=lambda pooled, g, w, x_shape, stride, padding, dilation, groups: conv2d_grad_x(  # of all of it, made by now
        g, w, x_shape=x_shape, stride=stride, padding=padding, dilation=dilation, groups=groups
    ),
    w=lambda pooled: pooled[0],
    b=lambda pooled: pooled[1],
)
AFTER_ACTIVATION = {
    "x": Direct(conv2d_grad_x, "gz", "w", "x_shape", *GEOMETRY),
    "w": Direct(conv2d_grad_w, "gz", "x", "w_shape", *GEOMETRY),
    "b": Direct(conv2d_grad_b, "gz"),
}
conv2d_relu.grads(gz=Direct(_relu_grad, "g", "out"), **AFTER_ACTIVATION)
conv2d_relu6.grads(gz=lambda g, out: _hardtanh_grad(g, out, min_val=0.0, max_val=6.0), **AFTER_ACTIVATION)
conv2d_grad_x.grads(
    u=lambda g, w, stride, padding, dilation, groups: conv2d(g, w, None, stride, padding, dilation, groups),
    w=Direct(conv2d_grad_w, "u", "g", "w_shape", *GEOMETRY),
)
conv2d_grad_w.grads(
    u=lambda g, x, stride, padding, dilation, groups: conv2d(x, g, None, stride, padding, dilation, groups),
    x=Direct(conv2d_grad_x, "u", "g", "x_shape", *GEOMETRY),
)
