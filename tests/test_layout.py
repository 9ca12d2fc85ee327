"""Copies between orders of memory: every size around a vector and a tile, every instruction set, any strides."""

import numpy as np
import pytest

from autograd import kernels

VIEWS = {
    "C order": lambda x: x,
    "Fortran": np.asfortranarray,
    "channels reversed": lambda x: x[:, ::-1],
    "images reversed": lambda x: x[::-1],
    "pixels reversed": lambda x: x[:, :, ::-1, ::-1],
    "rows cut": lambda x: x[:, :, 1:],
    "columns cut": lambda x: x[:, :, :, 1:],
    "one image for all": lambda x: np.broadcast_to(x[:1], x.shape),
    "one channel for all": lambda x: np.broadcast_to(x[:, :1], x.shape),
    "big-endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "misaligned": lambda x: np.frombuffer(b"?" + x.tobytes(), x.dtype, offset=1).reshape(x.shape),
}


@pytest.mark.parametrize("isa", kernels.isas())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("view", VIEWS)
def test_any_memory_becomes_channels_last_and_back(isa, dtype, view):
    kernels.set_isa(isa)
    rng = np.random.default_rng(0)
    for n, c, h, w in [(2, 3, 5, 7), (1, 17, 9, 9), (2, 64, 8, 33), (3, 130, 3, 2), (2, 2, 3, 3), (2, 100, 17, 23)]:
        x = VIEWS[view](rng.standard_normal((n, c, h, w)).astype(dtype))
        for threads in (1, 3):
            kernels.set_num_threads(threads)
            last = kernels.avg_pool2d(x, 1)
            assert last.transpose(0, 2, 3, 1).flags.c_contiguous
            np.testing.assert_array_equal(last, x)
            back = kernels.layer_norm(last, 1, None, None)
            assert back[0].flags.c_contiguous  # rows of one feature: only their means tell them apart
            np.testing.assert_array_equal(back[1], x)


@pytest.mark.parametrize("isa", kernels.isas())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("axis", range(4))
def test_blocks_of_rows_are_copied_and_joined(isa, dtype, axis):
    """Parts of arrays so large that threads share them: pictures whose channels lie inside or outside."""
    kernels.set_isa(isa)
    rng = np.random.default_rng(0)
    for order in [(0, 1, 2, 3), (0, 3, 1, 2)]:
        x = rng.standard_normal((5, 21, 23, 41)).astype(dtype).transpose(order)
        parts = [x.take(range(start, stop), axis).copy("K") for start, stop in [(0, 1), (1, 4), (4, x.shape[axis])]]
        for threads in (1, 3):
            kernels.set_num_threads(threads)
            np.testing.assert_array_equal(kernels.concatenate(tuple(parts), axis), x)
            cut = (slice(None),) * axis + (slice(1, 4),)
            for view in (x, x[cut], x[cut][:, :, ::-1]):
                np.testing.assert_array_equal(kernels.copy(view), view)
    with pytest.raises(ValueError):
        kernels.concatenate((x, x[:, :, 1:]), 0)


@pytest.mark.parametrize("isa", kernels.isas())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 3, 8, 41])
def test_batch_norm_takes_a_gradient_from_any_memory(isa, dtype, channels):
    """The rows of a part of a concatenation are read where they lie, with the bits of a copy of them."""
    kernels.set_isa(isa)
    rng = np.random.default_rng(0)
    whole = rng.standard_normal((3, 5, 7, channels + 5)).astype(dtype).transpose(0, 3, 1, 2)
    part = whole[:, 2 : channels + 2]
    x = rng.standard_normal(part.shape).astype(dtype)
    y, mean, rstd = kernels.batch_norm_train(x, None, None, relu=1)
    for name in VIEWS:
        if "cut" in name:
            continue
        g = VIEWS[name](part)
        for options in ({}, {"relu": 1}, {"out": y, "relu": 1}):
            expected = kernels.batch_norm_grad(g.astype(dtype, copy=True), x, None, mean, rstd, **options)
            found = kernels.batch_norm_grad(g, x, None, mean, rstd, **options)
            assert all(a is b is None or np.array_equal(a, b) for a, b in zip(expected, found))
