"""Depthwise kernels against NumPy: every unrolled number of taps, widths about a tile, channels about a vector."""

import numpy as np
import pytest

from autograd import kernels


def columns(x, r, s, stride, dilation, p, q):
    """The padded input that each output pixel sees through tap (r, s)."""
    rows, cols = r * dilation, s * dilation
    return x[:, :, rows : rows + stride * (p - 1) + 1 : stride, cols : cols + stride * (q - 1) + 1 : stride]


def reference(x, w, g, stride, padding, dilation):
    """The result, and the gradients for x and w of its product with g, in groups of w.shape[1] channels."""
    edge = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    padded, group, taps = np.pad(x, edge), *w.shape[1:3]
    grad = g.reshape(len(g), -1, group, *g.shape[2:])
    y, gx, gw = np.zeros(g.shape, x.dtype), np.zeros_like(padded), np.zeros_like(w)
    for r in range(taps):
        for s in range(taps):
            seen = columns(padded, r, s, stride, dilation, *g.shape[2:]).reshape(grad.shape)
            weight = w[:, :, r, s].reshape(-1, group, group)
            y += np.einsum("ngchw,gkc->ngkhw", seen, weight).reshape(g.shape)
            columns(gx, r, s, stride, dilation, *g.shape[2:])[...] += np.einsum(
                "ngkhw,gkc->ngchw", grad, weight
            ).reshape(g.shape)
            gw[:, :, r, s] = np.einsum("ngkhw,ngchw->gkc", grad, seen).reshape(w.shape[:2])
    return y, gx[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]], gw


def agrees(rng, width, channels, group, taps, stride, dilation):
    """Forward and both gradients in both dtypes; returns the float64 arguments of conv2d."""
    reach = (taps - 1) * dilation + 1
    size, padding = (width - 1) * stride + 1, reach // 2
    x = rng.standard_normal((2, channels, size + 1, size))
    w = rng.standard_normal((channels, group, taps, taps))
    p, q = ((length + 2 * padding - reach) // stride + 1 for length in x.shape[2:])
    g = rng.standard_normal((2, channels, p, q))
    wanted = reference(x, w, g, stride, padding, dilation)
    geometry = ((stride,) * 2, (padding,) * 2, (dilation,) * 2, channels // group)
    for dtype, bound in ((np.float32, 2e-4), (np.float64, 1e-11)):
        a, b, c = (array.astype(dtype) for array in (x, w, g))
        found = (
            kernels.conv2d(a, b, None, *geometry),
            kernels.conv2d_grad_x(c, b, x.shape, *geometry),
            kernels.conv2d_grad_w(c, a, w.shape, *geometry),
        )
        for result, exact in zip(found, wanted):
            np.testing.assert_allclose(result, exact, rtol=bound, atol=bound)
    return x, w.shape, *geometry


@pytest.mark.parametrize("taps", [1, 2, 3, 4, 5, 7, 9])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (3, 1), (1, 2), (2, 2), (4, 2)])
def test_taps_strides_and_widths(rng, taps, stride, dilation):
    for width in (1, 2, 5, 6, 7, 14):
        for channels in (2, kernels.lanes(4), 2 * kernels.lanes(4) + 3):
            agrees(rng, width, channels, 1, taps, stride, dilation)


@pytest.mark.parametrize("group", [2, 4, 8])
@pytest.mark.parametrize(("taps", "stride", "dilation"), [(1, 1, 1), (3, 1, 1), (3, 2, 1), (3, 2, 2), (5, 1, 1)])
def test_small_groups(rng, group, taps, stride, dilation):
    for width in (1, 3, 7, 13):
        for channels in (8, 2 * kernels.lanes(4) + 8):
            x, *geometry = agrees(rng, width, channels, group, taps, stride, dilation)
    if group < kernels.lanes(4):
        assert kernels.explain_conv("forward", x.shape, *geometry)[0] == "groups"
