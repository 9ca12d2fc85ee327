"""Direct convolution against NumPy: output channels about each width of a panel, rows about each height of a tile."""

import numpy as np
import pytest

from autograd import kernels

LANES = kernels.lanes(4)


def reference(x, w, b, g, stride, padding, groups):
    """The result, and the gradients for x and w of its product with g."""
    padded, taps = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding))), w.shape[2]
    y, gx, gw = np.zeros_like(g) + b.reshape(-1, 1, 1), np.zeros_like(padded), np.zeros_like(w)
    for i in range(groups):
        k, c = (slice(i * n // groups, (i + 1) * n // groups) for n in (g.shape[1], x.shape[1]))
        for r in range(taps):
            for s in range(taps):
                at = (
                    slice(None),
                    c,
                    slice(r, r + stride * g.shape[2], stride),
                    slice(s, s + stride * g.shape[3], stride),
                )
                height, width = padded[at].shape[2:]
                seen, part = padded[at], g[:, k, :height, :width]
                y[:, k, :height, :width] += np.einsum("nchw,kc->nkhw", seen, w[k, :, r, s])
                gx[at] += np.einsum("nkhw,kc->nchw", part, w[k, :, r, s])
                gw[k, :, r, s] = np.einsum("nkhw,nchw->kc", part, seen)
    return y, gx[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]], gw


def agrees(rng, x_shape, w_shape, stride, padding, groups):
    """Forward and both gradients in both dtypes."""
    x, w, b = (rng.standard_normal(shape) for shape in (x_shape, w_shape, w_shape[:1]))
    p, q = ((length + 2 * padding - w_shape[2]) // stride + 1 for length in x_shape[2:])
    g = rng.standard_normal((x_shape[0], w_shape[0], p, q))
    wanted = reference(x, w, b, g, stride, padding, groups)
    geometry = ((stride,) * 2, (padding,) * 2, (1, 1), groups)
    for dtype, bound in ((np.float32, 2e-4), (np.float64, 1e-11)):
        x_, w_, b_, g_ = (array.astype(dtype) for array in (x, w, b, g))
        found = (
            kernels.conv2d(x_, w_, b_, *geometry),
            kernels.conv2d_grad_x(g_, w_, x.shape, *geometry),
            kernels.conv2d_grad_w(g_, x_, w.shape, *geometry),
        )
        for result, exact in zip(found, wanted):
            np.testing.assert_allclose(result, exact, rtol=bound, atol=bound)


@pytest.mark.parametrize("channels", [1, 3, LANES - 1, 2 * LANES + 1, 3 * LANES, 5 * LANES - 2, 7 * LANES])
@pytest.mark.parametrize(
    ("inputs", "groups", "stride"), [(1, 1, 1), (5, 1, 1), (5, 1, 2), (4, 2, 1), (6, 3, 2), (23, 1, 2), (44, 2, 1)]
)
def test_panels_and_tiles(rng, channels, inputs, groups, stride):
    for size, taps, padding in ((2 * LANES + 5, 3, 1), (13, 4, 2), (11, 5, 0)):
        shapes = (2, inputs, size - 1, size), (channels * groups, inputs // groups, taps, taps)
        agrees(rng, *shapes, stride, padding, groups)


def test_few_channels_take_one_sum_over_all_taps(rng):
    for groups in (1, 2):
        x_shape, w_shape = (2, 3 * groups, 20, 21), (2 * LANES * groups, 3, 3, 3)
        agrees(rng, x_shape, w_shape, 1, 1, groups)
        for kind in ("forward", "grad_w"):
            assert kernels.explain_conv(kind, x_shape, w_shape, (1, 1), (1, 1), (1, 1), groups)[0] == "taps"


@pytest.mark.parametrize("channels", [1, 2, 3, LANES - 1])
@pytest.mark.parametrize("images", [2 * LANES, 4 * LANES + 3, 65])
def test_images_in_the_lanes(rng, channels, images):
    for inputs, size, taps, stride, padding in ((3, 5, 3, 1, 0), (2, 9, 5, 1, 4), (1, 4, 2, 2, 1)):
        x_shape, w_shape = (images, inputs, size, size - 1), (channels, inputs, taps, taps)
        agrees(rng, x_shape, w_shape, stride, padding, 1)
    assert kernels.explain_conv("forward", x_shape, w_shape, (2, 2), (1, 1))[0] == "batch"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_weight_gradient_of_many_channels_at_one_pixel(rng, dtype):
    """It is a matrix product from LARGE_POINTWISE on."""
    g, x = (rng.standard_normal((3, channels, 4, 5)).astype(dtype) for channels in (180, 190))
    wanted = np.einsum("nkhw,nchw->kc", g.astype(float), x.astype(float))
    found = kernels.conv2d_grad_w(g, x, (180, 190, 1, 1), (1, 1), (0, 0), (1, 1), 1)
    np.testing.assert_allclose(found[..., 0, 0], wanted, rtol=0, atol=2e-5 if dtype == np.float32 else 1e-12)
