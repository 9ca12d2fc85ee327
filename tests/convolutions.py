"""What the tests of convolution kernels share: the three passes in NumPy, tap by tap."""

from __future__ import annotations

import numpy as np

from autograd import kernels


def passes(x, w, b, g, stride, padding, dilation, groups):
    """conv2d, and the gradients for x and w of its product with g."""
    edge = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    padded, n = np.pad(x, edge), len(x)
    grad = g.reshape(n, groups, -1, *g.shape[2:])
    y, gx, gw = np.zeros_like(g) + b.reshape(-1, 1, 1), np.zeros_like(padded), np.zeros_like(w)
    for r in range(w.shape[2]):
        for s in range(w.shape[3]):
            at = (slice(None), slice(None), *(
                slice(tap * dilation, tap * dilation + stride * (size - 1) + 1, stride)
                for tap, size in zip((r, s), g.shape[2:])
            ))  # fmt: skip
            seen = padded[at].reshape(n, groups, -1, *g.shape[2:])
            tap = w[:, :, r, s].reshape(groups, -1, w.shape[1])
            y += np.einsum("ngchw,gkc->ngkhw", seen, tap).reshape(g.shape)
            gx[at] += np.einsum("ngkhw,gkc->ngchw", grad, tap).reshape(gx[at].shape)
            gw[:, :, r, s] = np.einsum("ngkhw,ngchw->gkc", grad, seen).reshape(w.shape[:2])
    return y, gx[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]], gw


def agree(rng, x_shape, w_shape, stride=1, padding=0, dilation=1, groups=1):
    """Checks the kernels' forward and both gradients in both dtypes."""
    x, w, b = (rng.standard_normal(shape) for shape in (x_shape, w_shape, w_shape[:1]))
    reach = [(taps - 1) * dilation + 1 for taps in w_shape[2:]]
    p, q = ((length + 2 * padding - taps) // stride + 1 for length, taps in zip(x_shape[2:], reach))
    g = rng.standard_normal((x_shape[0], w_shape[0], p, q))
    wanted = passes(x, w, b, g, stride, padding, dilation, groups)
    geometry = ((stride,) * 2, (padding,) * 2, (dilation,) * 2, groups)
    for dtype, bound in ((np.float32, 2e-4), (np.float64, 1e-11)):
        x_, w_, b_, g_ = (array.astype(dtype) for array in (x, w, b, g))
        found = (
            kernels.conv2d(x_, w_, b_, *geometry),
            kernels.conv2d_grad_x(g_, w_, x.shape, *geometry),
            kernels.conv2d_grad_w(g_, x_, w.shape, *geometry),
        )
        for result, exact in zip(found, wanted):
            np.testing.assert_allclose(result, exact, rtol=bound, atol=bound)


def algorithm(kind, x_shape, w_shape, stride=1, padding=0, dilation=1, groups=1):
    """The name of what runs for these arguments of `agree`."""
    return kernels.explain_conv(kind, x_shape, w_shape, (stride,) * 2, (padding,) * 2, (dilation,) * 2, groups)[0]
