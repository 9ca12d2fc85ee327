"""Direct convolution against NumPy: output channels about each width of a panel, rows about each height of a tile."""

import numpy as np
import pytest
from convolutions import agree, algorithm

from autograd import kernels

LANES = kernels.lanes(4)


@pytest.mark.parametrize("channels", [1, 3, LANES - 1, 2 * LANES + 1, 3 * LANES, 5 * LANES - 2, 7 * LANES])
@pytest.mark.parametrize(
    ("inputs", "groups", "stride"), [(1, 1, 1), (5, 1, 1), (5, 1, 2), (4, 2, 1), (6, 3, 2), (23, 1, 2), (44, 2, 1)]
)
def test_panels_and_tiles(rng, channels, inputs, groups, stride):
    for size, taps, padding in ((2 * LANES + 5, 3, 1), (13, 4, 2), (11, 5, 0)):
        shapes = (2, inputs, size - 1, size), (channels * groups, inputs // groups, taps, taps)
        agree(rng, *shapes, stride, padding, 1, groups)


@pytest.mark.parametrize("channels", sorted({1, LANES // 2 - 1, LANES // 2, LANES // 2 + 1, LANES - 1}))
@pytest.mark.parametrize("width", [LANES, LANES + 1, 2 * LANES - 4, 3 * LANES - 1])
def test_pixels_in_the_lanes(rng, channels, width):
    """Vectors of planes become pixels and reach into the next row, which is not there after the last."""
    for taps, padding in ((5, 2), (3, 1), (3, 2)):
        convolution = (3, 1, 11, width), (channels, 1, taps, taps), 1, padding
        agree(rng, *convolution)
        assert algorithm("forward", *convolution) == algorithm("grad_w", *convolution) == "plane"
    agree(rng, (3, 2, 11, width), (channels, 2, 3, 3), 1, 1)


def test_few_channels_take_one_sum_over_all_taps(rng):
    for groups in (1, 2):
        convolution = (2, 3 * groups, 20, 21), (2 * LANES * groups, 3, 3, 3), 1, 1, 1, groups
        agree(rng, *convolution)
        for kind in ("forward", "grad_w"):
            assert algorithm(kind, *convolution) == "taps"


@pytest.mark.parametrize("channels", [1, 2, 3, LANES - 1])
@pytest.mark.parametrize("images", [2 * LANES, 4 * LANES + 3, 65])
def test_images_in_the_lanes(rng, channels, images):
    for inputs, size, taps, stride, padding in ((3, 5, 3, 1, 0), (2, 9, 5, 1, 4), (1, 4, 2, 2, 1)):
        convolution = (images, inputs, size, size - 1), (channels, inputs, taps, taps), stride, padding
        agree(rng, *convolution)
    assert algorithm("forward", *convolution) == "batch"


@pytest.mark.parametrize("stride", [2, 3, 7, 21])
@pytest.mark.parametrize("channels", [32, 33])
def test_pixels_that_a_stride_meets_make_one_product(rng, channels, stride):
    for images, outputs in ((1, channels), (3, 5 * LANES + 40)):
        convolution = (images, channels, 13, 20), (outputs, channels, 1, 1), stride
        agree(rng, *convolution)
        for kind in ("forward", "grad_x", "grad_w"):
            assert algorithm(kind, *convolution) == "strided"
    assert algorithm("forward", *convolution, 1) == "rows"  # with padding


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_weight_gradient_of_many_channels_at_one_pixel(rng, dtype):
    """It is a matrix product from LARGE_POINTWISE on."""
    g, x = (rng.standard_normal((3, channels, 4, 5)).astype(dtype) for channels in (180, 190))
    wanted = np.einsum("nkhw,nchw->kc", g.astype(float), x.astype(float))
    found = kernels.conv2d_grad_w(g, x, (180, 190, 1, 1), (1, 1), (0, 0), (1, 1), 1)
    np.testing.assert_allclose(found[..., 0, 0], wanted, rtol=0, atol=2e-5 if dtype == np.float32 else 1e-12)
