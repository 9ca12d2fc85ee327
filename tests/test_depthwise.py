"""Depthwise kernels against NumPy: every unrolled number of taps, widths about a tile, channels about a vector."""

import pytest
from convolutions import agree, algorithm

from autograd import kernels

LANES = kernels.lanes(4)


def arguments(width, channels, group, taps, stride, dilation):
    """Of a convolution whose output is so wide, in groups of so many channels."""
    size, padding = (width - 1) * stride + 1, ((taps - 1) * dilation + 1) // 2
    shapes = (2, channels, size + 1, size), (channels, group, taps, taps)
    return *shapes, stride, padding, dilation, channels // group


@pytest.mark.parametrize("taps", [1, 2, 3, 4, 5, 7, 9])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (3, 1), (1, 2), (2, 2), (4, 2)])
def test_taps_strides_and_widths(rng, taps, stride, dilation):
    for width in (1, 2, 5, 6, 7, 14):
        for channels in (2, LANES, 2 * LANES + 3):
            agree(rng, *arguments(width, channels, 1, taps, stride, dilation))


@pytest.mark.parametrize("group", [2, 4, 8])
@pytest.mark.parametrize(("taps", "stride", "dilation"), [(1, 1, 1), (3, 1, 1), (3, 2, 1), (3, 2, 2), (5, 1, 1)])
def test_small_groups(rng, group, taps, stride, dilation):
    for width in (1, 3, 7, 13):
        for channels in (8, 2 * LANES + 8):
            convolution = arguments(width, channels, group, taps, stride, dilation)
            agree(rng, *convolution)
    if group < LANES:
        assert algorithm("forward", *convolution) == "groups"


@pytest.mark.parametrize("outputs", [2, 3, 17])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_several_outputs_per_channel(rng, outputs, stride):
    for channels in (2, LANES + 1, 40):
        shape, (_, _, *taps), *attributes = arguments(9, channels, 1, 3, stride, 1)
        agree(rng, shape, (channels * outputs, 1, *taps), *attributes)


@pytest.mark.parametrize("padding", [0, 2, 3])
def test_stride_2_with_any_padding(rng, padding):
    """The input gradient of 3x3 kernels writes whole rows."""
    for height, width in ((3, 4), (4, 7), (9, 6)):
        agree(rng, (2, LANES + 1, height, width), (LANES + 1, 1, 3, 3), 2, padding, 1, LANES + 1)
