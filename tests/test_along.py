"""Kernels along an axis: what the samples of the ops are too small and too tame for."""

import numpy as np
import pytest

from autograd import kernels


def awkward(shape, dtype):
    """Ties, zeros of both signs, infinities and NaNs of both signs."""
    values = np.array([0.0, -0.0, 1.5, -1.5, np.inf, -np.inf, np.nan, -np.nan, 1e-45, 3.0], dtype)
    return np.random.default_rng(0).choice(values, shape)


def expected_order(x, descending):
    """Stable, NaN as the largest."""
    rank = np.unique(np.where(np.isnan(x), np.inf, x), return_inverse=True)[1].reshape(x.shape) * 2 + np.isnan(x)
    return np.argsort(-rank if descending else rank, axis=-1, kind="stable")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("isa", kernels.isas())
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("shape", [(7, 1), (5, 17), (3, 700), (2, 0)])
def test_order(shape, descending, isa, dtype):
    x = awkward(shape, dtype)
    wanted = expected_order(x, descending) if x.size else np.zeros(shape, np.int64)
    kernels.set_isa(isa)
    try:
        for first in {0, 1, min(3, shape[1]), shape[1] // 4, shape[1]} - ({1} if not shape[1] else set()):
            assert np.array_equal(kernels.argsort(x, -1, descending, first), wanted[:, :first])
        assert np.array_equal(kernels.argsort(x.T, 0, descending), wanted.T)
    finally:
        kernels.set_isa()


def test_order_refuses_more_places_than_there_are():
    with pytest.raises(ValueError, match="4 of 3 places"):
        kernels.argsort(np.zeros((2, 3), np.float32), 1, first=4)


CALLS = {
    "cumsum": lambda x: [kernels.cumsum(x, axis) for axis in range(3)],
    "cumprod": lambda x: [kernels.cumprod(x, axis, True) for axis in range(3)],
    "glu": lambda x: [kernels.glu(x, 1), kernels.glu_grad(x[:, ::2], x, 1)],
    "argsort": lambda x: [kernels.argsort(x, 1), kernels.argsort(x, -1, True, 5)],
    "extremes": lambda x: [kernels.amax(x), kernels.amin(x, 1), kernels.prod(x, (0, 2))],
    "pair_loss": lambda x: [kernels.pair_loss(x, x[::-1], "sum", "huber", 1.0)],
    "resample": lambda x: [kernels.resample(x, 1, (9,), np.arange(9)[:, None])],
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_same_bits_for_all_threads_and_layouts(call):
    x = np.random.default_rng(0).uniform(0.5, 1.5, (24, 50, 130)).astype(np.float32)
    before = kernels.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3):
            kernels.set_num_threads(threads)
            results.append(CALLS[call](x))
    finally:
        kernels.set_num_threads(before)
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other))
    last = np.ascontiguousarray(x.transpose(0, 2, 1)).transpose(0, 2, 1)
    for a, b in zip(results[0], CALLS[call](last)):
        assert np.allclose(a, b, rtol=1e-4)


@pytest.mark.parametrize("isa", kernels.isas())
@pytest.mark.parametrize("weighted", [False, True])
def test_resample_of_pictures(weighted, isa):
    rng = np.random.default_rng(0)
    x, taps = rng.standard_normal((3, 5, 7, 6)), 3 if weighted else 1
    places = rng.integers(0, 42, (20, taps))
    places[:, 0][:8] = np.arange(30, 38)
    weights = rng.standard_normal(places.shape) if weighted else None
    wanted = (x.reshape(3, 5, 42)[:, :, places] * (1 if weights is None else weights)).sum(-1).reshape(3, 5, 4, 5)
    kernels.set_isa(isa)
    try:
        for a in (x, np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)):
            y = kernels.resample(a, 2, (4, 5), places, weights)
            assert np.allclose(y, wanted)
            back = kernels.resample_grad(y, 2, (7, 6), places, weights)
            assert np.isclose((back * x).sum(), (y * wanted).sum())  # the adjoint
    finally:
        kernels.set_isa()


@pytest.mark.parametrize("shape", [(2, 1, 1, 3), (2, 3, 1, 1), (1, 4, 1, 2)])
def test_resample_from_and_to_single_pixels(shape):
    x = np.random.default_rng(0).standard_normal(shape)
    wide = kernels.resample(x, 1, (3, 2), np.zeros((6, 1), np.int64))
    assert np.array_equal(wide, np.broadcast_to(x.reshape(shape[0], -1, shape[3])[:, :1, None], wide.shape))
    back = kernels.resample_grad(wide, 1, shape[1:3], np.zeros((6, 1), np.int64))
    assert back.shape == shape and np.allclose(back[:, 0, 0], 6 * x[:, 0, 0])


def test_places_outside_are_refused():
    x = np.zeros((2, 3), np.float32)
    with pytest.raises(ValueError, match="outside"):
        kernels.resample(x, 1, (1,), [[3]])
    assert kernels.take_along(x, np.array([[3], [0]]), 1) is None
    assert kernels.add_along(x, np.array([[0], [-4]]), x[:, :1], 1) is None
