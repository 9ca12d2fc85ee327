"""Winograd convolution: its stated error bound, the same bits however the work is split, and when it runs."""

import re

import numpy as np
import pytest

import autograd
from autograd import kernels, nn
from autograd.checking.opcheck import check_op
from autograd.ops.conv import _grad_w_reference, _grad_x_reference, conv_reference

ROUNDOFF = {np.float32: 2.0**-24, np.float64: 2.0**-53}
CONSTANT = {3: 32, 4: 80}  # of the bound in winograd.h for numbers of random sign, by the side of the tile

# N, C, H, W, K, padding: around tiles of 3 and 4, vectors, panels, and blocks of 24 to 60 tiles and 64 channels
SHAPES = [
    (1, 1, 3, 3, 1, (0, 0)),
    (2, 5, 7, 9, 3, (1, 1)),
    (3, 33, 13, 10, 40, (0, 0)),
    (1, 64, 4, 4, 63, (2, 2)),
    (2, 100, 19, 6, 48, (1, 1)),
    (5, 24, 5, 5, 17, (1, 2)),
    (2, 70, 37, 13, 130, (1, 1)),
    (20, 48, 8, 9, 65, (1, 1)),
    (1, 300, 9, 9, 290, (1, 0)),
    (1, 9, 1, 2, 17, (1, 1)),  # tiles that miss rows on both sides
    (2, 17, 3, 4, 9, (1, 1)),
    (3, 33, 6, 9, 40, (1, 1)),
    (2, 65, 3, 5, 17, (1, 1)),
    (2, 100, 18, 6, 48, (1, 1)),
    (40, 48, 3, 3, 65, (1, 1)),
    (1, 300, 9, 9, 290, (1, 1)),
    (1, 9, 3, 1, 17, (2, 1)),
    (2, 60, 9, 9, 500, (1, 1)),
]
RUN_BY_DEFAULT = [
    (3, 32, 13, 13, 40, 1),
    (4, 16, 10, 10, 24, 1),
    (8, 48, 19, 19, 33, 0),
    (20, 100, 7, 7, 64, 1),
    (2, 260, 14, 14, 300, 2),
    (6, 100, 6, 6, 72, 1),
    (3, 260, 9, 9, 300, 1),
    (1, 64, 5, 9, 80, 1),
    (20, 60, 8, 8, 510, 1),  # large weights and few tiles: transformed where they are used, ...
    (40, 190, 8, 8, 160, 1),  # ... and too many tiles for it, but not those of one image
]


def normal(rng, *shape, dtype=np.float32):
    return rng.standard_normal(shape).astype(dtype)


def tile_maxima(x, side, step, origin):
    """max |x| over windows of side x side pixels, one every `step` pixels from `origin`, as many as meet x."""
    n, c, h, w = x.shape
    counts = [-(-(m - o) // step) for m, o in zip((h, w), origin)]
    padded = np.zeros((n, c, *(count * step + side for count in counts)), x.dtype)
    padded[:, :, -origin[0] : h - origin[0], -origin[1] : w - origin[1]] = abs(x)
    rows, columns = (np.arange(count)[:, None] * step + np.arange(side) for count in counts)
    return padded[:, :, rows][..., columns].max((3, 5))


def tile_side(kind, *shapes_and_settings, **padding):
    """Of the tiles of outputs: 3 or 4."""
    name, why = kernels.explain_conv(kind, *shapes_and_settings, **padding)
    assert name == "winograd"
    return int(re.search(r"tiles of (\d)x\1 outputs", why)[1])


def test_the_shapes_above_meet_both_tiles():
    kernels.set_winograd("always")
    for kind in ("forward", "grad_x", "grad_w"):
        sides = [tile_side(kind, (n, c, h, w), (k, c, 3, 3), padding=p) for n, c, h, w, k, p in SHAPES]
        assert sides.count(3) > 5 and sides.count(4) > 5


def spread(bound, side, out):
    """One value per tile, to the outputs of the tile."""
    return bound.repeat(side, 2).repeat(side, 3)[:, :, : out.shape[2], : out.shape[3]]


def forward_bound(x, w, padding, side, out):
    tiles = tile_maxima(x, side + 2, side, [-p for p in padding])
    return CONSTANT[side] * spread(np.einsum("nchw,kc->nkhw", tiles, abs(w).max((2, 3))), side, out)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("isa", kernels.isas())
@pytest.mark.parametrize("n, c, h, w, k, padding", SHAPES)
def test_error_stays_within_the_bound(isa, dtype, n, c, h, w, k, padding, rng):
    kernels.set_isa(isa)
    kernels.set_winograd("always")
    settings, wide = ((1, 1), padding, (1, 1), 1), np.float64
    if dtype == np.float64:
        wide = np.longdouble
        if n * c * h * w * k > 10**6:
            pytest.skip("the extended-precision reference is slow")
    x, weight = normal(rng, n, c, h, w, dtype=dtype), normal(rng, k, c, 3, 3, dtype=dtype)
    bias, limit = normal(rng, k, dtype=dtype), ROUNDOFF[dtype]
    sides = {kind: tile_side(kind, x.shape, weight.shape, *settings) for kind in ("forward", "grad_x", "grad_w")}
    y = kernels.conv2d(x, weight, bias, *settings)
    g = normal(rng, *y.shape, dtype=dtype)
    gx = kernels.conv2d_grad_x(g, weight, x.shape, *settings)
    gw = kernels.conv2d_grad_w(g, x, weight.shape, *settings)
    x, weight, bias, g = (a.astype(wide) for a in (x, weight, bias, g))

    error = abs(y - conv_reference(x, weight, bias, padding=padding))
    assert (error <= limit * (forward_bound(x, weight, padding, sides["forward"], y) + abs(bias)[:, None, None])).all()

    error = abs(gx - _grad_x_reference(g, weight, x.shape, padding=padding))
    flipped = weight.transpose(1, 0, 2, 3)
    assert (error <= limit * forward_bound(g, flipped, [2 - p for p in padding], sides["grad_x"], gx)).all()

    error = abs(gw - _grad_w_reference(g, x, weight.shape, padding=padding))
    side = sides["grad_w"]
    tiles_x, tiles_g = tile_maxima(x, side + 2, side, [-p for p in padding]), tile_maxima(g, side, side, (0, 0))
    tiles_x = tiles_x[:, :, : tiles_g.shape[2], : tiles_g.shape[3]]
    bound = CONSTANT[side] * np.einsum("nkhw,nchw->kc", tiles_g, tiles_x)
    assert (error <= limit * bound[:, :, None, None]).all()


@pytest.mark.parametrize("isa", kernels.isas())
def test_tiles_may_lie_wholly_in_the_padding(isa, rng):
    kernels.set_isa(isa)
    kernels.set_winograd("always")
    x, weight, padding = normal(rng, 2, 8, 6, 2), normal(rng, 8, 8, 3, 3), (4, 7)
    settings = ((1, 1), padding, (1, 1), 1)
    y = kernels.conv2d(x, weight, None, *settings)
    g = normal(rng, *y.shape)
    close = {"rtol": 0, "atol": 1e-4}
    np.testing.assert_allclose(y, conv_reference(x, weight, None, padding=padding), **close)
    gx = kernels.conv2d_grad_x(g, weight, x.shape, *settings)
    np.testing.assert_allclose(gx, _grad_x_reference(g, weight, x.shape, padding=padding), **close)
    gw = kernels.conv2d_grad_w(g, x, weight.shape, *settings)
    np.testing.assert_allclose(gw, _grad_w_reference(g, x, weight.shape, padding=padding), **close)


@pytest.mark.parametrize("n, c, h, w, k, padding", RUN_BY_DEFAULT)
def test_same_bits_for_any_number_of_threads_and_any_split_of_the_batch(n, c, h, w, k, padding, rng):
    settings = ((1, 1), (padding, padding), (1, 1), 1)
    x, weight, bias = normal(rng, n, c, h, w), normal(rng, k, c, 3, 3), normal(rng, k)
    for kind in ("forward", "grad_x", "grad_w"):
        assert kernels.explain_conv(kind, x.shape, weight.shape, *settings)[0] == "winograd"
    results = []
    for threads in (1, 2, 3, 8):
        kernels.set_num_threads(threads)
        y = kernels.conv2d(x, weight, bias, *settings, "relu")
        g = np.ascontiguousarray(y[::-1])
        gx = kernels.conv2d_grad_x(g, weight, x.shape, *settings)
        gw = kernels.conv2d_grad_w(g, x, weight.shape, *settings)
        results.append((y.tobytes(), gx.tobytes(), gw.tobytes()))
    assert results == results[:1] * 4
    kernels.set_winograd("always")  # also for a batch that is too small to choose it
    for i in range(n):
        np.testing.assert_array_equal(kernels.conv2d(x[i : i + 1], weight, bias, *settings, "relu"), y[i : i + 1])


@pytest.mark.parametrize("name", ["conv2d", "conv2d_grad_x", "conv2d_grad_w"])
def test_the_declared_checks_hold_with_winograd_everywhere(name, count):
    kernels.set_winograd("always")
    report = check_op(name, 24, seed=7)
    count(cases=sum(report.runs.values()))
    assert report.ok, str(report)


def test_fused_relu_is_relu_of_the_sum(rng):
    kernels.set_winograd("always")
    x, w, b = normal(rng, 2, 33, 9, 10), normal(rng, 35, 33, 3, 3), normal(rng, 35)
    settings = ((1, 1), (1, 1), (1, 1), 1)
    plain = kernels.conv2d(x, w, b, *settings)
    np.testing.assert_array_equal(kernels.conv2d(x, w, b, *settings, "relu"), np.maximum(plain, 0))
    x[0, 0, 0, 0] = np.nan
    assert np.isnan(kernels.conv2d(x, w, b, *settings, "relu")[0, :, :2, :2]).all()


def test_the_choice_is_explained():
    x, w = (2, 64, 16, 16), (48, 64, 3, 3)
    assert kernels.explain_conv("forward", x, w, padding=(1, 1))[0] == "winograd"
    assert kernels.explain_conv("grad_w", x, w, padding=(1, 1))[0] == "winograd"
    for h, w_, side in ((4, 4, 4), (5, 5, 3), (6, 6, 3), (7, 7, 4), (9, 9, 3), (10, 10, 4), (12, 12, 4), (6, 12, 3)):
        assert tile_side("grad_x", (20, 48, h, w_), (64, 48, 3, 3), padding=(1, 1)) == side
    for channels, side in ((64, 3), (16, 4)):  # where both take as many products
        assert tile_side("forward", (20, channels, 17, 18), (channels, channels, 3, 3), padding=(1, 1)) == side
    assert kernels.explain_conv("forward", (8, 16, 8, 8), (16, 16, 3, 3), padding=(1, 1))[0] == "winograd"
    assert kernels.explain_conv("forward", (8, 64, 9, 9), (15, 64, 3, 3), padding=(1, 1))[1].endswith(
        "than 16 channels"
    )
    assert kernels.explain_conv("forward", (8, 15, 9, 9), (16, 15, 3, 3), padding=(1, 1))[0] == "taps"
    assert kernels.explain_conv("forward", x, w, dtype=np.float64) == ("rows", "float64 is computed directly")
    assert kernels.explain_conv("forward", x, w, (2, 2)) == ("rows", "3x3, but not of stride 1")
    name, why = kernels.explain_conv("grad_x", x, w, (2, 2))
    assert name == "pointwise" or why.startswith("4 phases")
    assert kernels.explain_conv("forward", x, (64, 1, 3, 3), groups=64)[0] == "depthwise"
    assert kernels.explain_conv("forward", x, (9, 64, 1, 1))[0] == "pointwise"
    assert kernels.explain_conv("forward", (64, 64, 2, 2), w, padding=(1, 1))[0] == "images"
    small, large = (1, 64, 4, 4), (8, 512, 4, 4)
    assert kernels.explain_conv("forward", small, w, padding=(1, 1))[1].startswith("too few pixels")
    assert (
        kernels.explain_conv("forward", large, (512, 512, 3, 3), padding=(1, 1))[1]
        == "short or much padded rows, many images"
    )
    assert kernels.explain_conv("forward", (1, 1, 64, 64), (1, 1, 3, 3))[0] == "plane"
    kernels.set_winograd(False)
    assert kernels.explain_conv("forward", x, w) == ("rows", "Winograd is switched off")
    with pytest.raises(ValueError, match="forward, grad_x, grad_w"):
        kernels.explain_conv("backward", x, w)
    with pytest.raises(ValueError, match="do not fit groups"):
        kernels.explain_conv("forward", x, (48, 63, 3, 3))
    with pytest.raises(ValueError, match="always"):
        kernels.set_winograd("sometimes")


def test_training_gives_the_same_losses_with_and_without(rng):
    images, labels = normal(rng, 32, 32, 12, 12), rng.integers(0, 10, 32)

    def losses():
        autograd.manual_seed(3)
        model = nn.Sequential(nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 144, 10))
        optimizer = autograd.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
        found = []
        for _ in range(12):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(autograd.from_numpy(images)), autograd.from_numpy(labels))
            loss.backward()
            optimizer.step()
            found.append(loss.item())
        return found

    by_winograd = losses()
    kernels.set_winograd(False)
    direct = losses()
    assert direct[-1] < direct[0] / 2
    np.testing.assert_allclose(by_winograd, direct, rtol=1e-4)
