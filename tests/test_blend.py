"""Rows at places that differ from batch to batch, in every instruction set, and grid_sample at odd points."""

import numpy as np
import pytest

import autograd as ag
from autograd import kernels
from autograd.nn import functional as F


def arrays(channels, dtype, n=3, rows=11, points=70, taps=3):
    rng = np.random.default_rng(channels)
    shape = (taps, n, points)
    x, g = (rng.standard_normal((n, count, channels)).astype(dtype) for count in (rows, points))
    return x, g, rng.integers(0, rows, shape), rng.standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("isa", kernels.isas())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 3, 8, 29])
def test_every_instruction_set(channels, dtype, isa):
    x, g, places, w = arrays(channels, dtype)
    picked = x[np.arange(3)[:, None], places]
    kernels.set_isa(isa)
    try:
        assert np.allclose(kernels.blend(x, places, w), (picked * w[..., None]).sum(0), atol=1e-5)
        assert np.allclose(kernels.blend_dots(g, x, places), (picked * g).sum(-1), atol=1e-5)
        back = kernels.blend_grad(g, places, w, 11)
    finally:
        kernels.set_isa()
    wanted = np.zeros_like(x)
    np.add.at(wanted, (np.arange(3)[:, None], places), g * w[..., None])
    assert np.allclose(back, wanted, atol=1e-5)


@pytest.mark.parametrize("isa", kernels.isas())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_places_of_points_outside(dtype, isa):
    at = np.array([-np.inf, -3, -1, -0.0, 0, 1, 4, 5, 1e30, np.inf, np.nan] * 3, dtype).reshape(1, 3, 11)
    kernels.set_isa(isa)
    try:
        first, inside = kernels.grid_places(at, None, 5)
        both, _ = kernels.grid_places(np.concatenate([at, at + 1]), first, 5)
    finally:
        kernels.set_isa()
    moved = np.nan_to_num(at, nan=0).clip(0, 4)
    assert np.array_equal(first, moved)
    assert np.array_equal(inside, (at >= 0) & (at < 5))
    assert np.array_equal(
        both, np.concatenate([moved * 5 + moved, moved * 5 + np.nan_to_num(at + 1, nan=0).clip(0, 4)])
    )


def test_same_bits_for_all_threads():
    x, g, places, w = arrays(40, np.float32, n=4, rows=500, points=3000)
    before, results = kernels.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            kernels.set_num_threads(threads)
            y, gw = kernels.blend(x, places, w), kernels.blend_dots(g, x, places)
            results.append(y.tobytes() + gw.tobytes() + kernels.blend_grad(g, places, w, 500).tobytes())
    finally:
        kernels.set_num_threads(before)
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("shape", [(0, 5, 3), (2, 0, 3), (2, 5, 0)])
def test_nothing_to_blend(shape):
    n, points, channels = shape
    x, places = np.ones((n, 4, channels), np.float32), np.zeros((2, n, points), np.int32)
    w = np.ones(places.shape, np.float32)
    assert kernels.blend(x, places, w).shape == shape
    assert not kernels.blend_grad(np.ones(shape, np.float32), places, w, 4).any() or points
    assert kernels.blend_dots(np.ones(shape, np.float32), x, places).shape == places.shape


def test_what_does_not_fit_is_refused():
    x, g, places, w = arrays(3, np.float32)
    for bad in (places + 11, places - 20, places[0], places[:, :2]):
        for call in (lambda p: kernels.blend(x, p, w), lambda p: kernels.blend_dots(g, x, p)):
            with pytest.raises(ValueError, match="blend"):
                call(bad)
        with pytest.raises(ValueError, match="blend_grad"):
            kernels.blend_grad(g, bad, w, 11)
    for call in (
        lambda: kernels.blend(x, places, w[:2]),
        lambda: kernels.blend(x, places, w.astype(np.float64)),
        lambda: kernels.blend(x[0], places, w),
        lambda: kernels.blend_grad(g[:, 1:], places, w, 11),
        lambda: kernels.blend_dots(g[:, 1:], x, places),
        lambda: kernels.grid_places(w[0], None, 5),
        lambda: kernels.grid_places(w, None, 0),
        lambda: kernels.grid_places(w, np.zeros((1, 2, 70), np.int32), 5),
    ):
        with pytest.raises(ValueError, match=r"blend|grid_places"):
            call()


def test_no_rows_and_no_places():
    x, g, nowhere = np.ones((1, 0, 9)), np.ones((1, 2, 9)), np.full((3, 1, 2), -1)
    w = np.ones(nowhere.shape)
    assert not kernels.blend(x, nowhere, w).any() and not kernels.blend_dots(g, x, nowhere).any()
    assert kernels.blend_grad(g, nowhere, w, 0).shape == x.shape
    with pytest.raises(ValueError, match="blend_grad"):
        kernels.blend_grad(g, nowhere, w, -1)


def test_bags_of_whole_numbers():
    table = np.arange(12).reshape(4, 3).tolist()
    bags = F.embedding_bag(np.array([[0, 3], [1, 2]]), table, mode="sum")
    assert bags.dtype == np.int64 and np.array_equal(bags.numpy(), [[9, 11, 13], [9, 11, 13]])


@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
def test_points_far_outside(padding):
    x = ag.tensor(np.arange(1.0, 13).reshape(1, 1, 3, 4))
    grid = ag.tensor(np.array([[[[-1e9, 0.0], [0.0, 1e9], [1e9, 1e9]]]]))
    y = F.grid_sample(x, grid, padding_mode=padding, align_corners=False).numpy().ravel()
    assert np.array_equal(y, [0, 0, 0]) if padding == "zeros" else ((y >= 1) & (y <= 12)).all()
