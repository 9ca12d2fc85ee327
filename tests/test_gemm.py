"""Matrix products on sizes that straddle every block of the driver, against NumPy in float64."""

import itertools

import numpy as np
import pytest
import test_guard

from autograd import kernels

rng = np.random.default_rng(0)
DTYPES = [np.float32, np.float64]

# M, K, N around: vectors, tiles, FEW_ROWS, SHORT_SUM, DOT_ROWS, DOT_LENGTH, IN_PLACE_ROWS, M_CHUNK, K_BLOCK,
# N_BLOCK_BYTES, M_BLOCK, a vector of every instruction set that is all of N; the last two have a result that is turned.
SIZES = [
    (1, 1, 1),
    (1, 70, 1),
    (7, 0, 5),
    (1, 513, 33),
    (4, 63, 65),
    (5, 64, 67),
    (12, 65, 9),
    (13, 130, 17),
    (95, 5, 24),
    (97, 7, 129),
    (6, 65, 65),
    (8, 383, 40),
    (101, 513, 130),
    (66, 1030, 257),
    (13, 20, 1041),
    (4105, 9, 10),
    (970, 7, 131),
    (300, 129, 1),
    (24, 500, 131),
    (25, 500, 131),
    (161, 70, 90),
    (300, 130, 70),
    (210, 5, 100),
    (131, 8, 33),
    (70, 1, 68),
    (515, 3, 64),
    *((29, k, 2**i) for i in (1, 2, 3, 4) for k in (0, 1, 2**i, 3 * 2**i, 600)),
    *((700, k, 16) for k in (16, 33, 48)),
    (60, 513, 200),
    (125, 150, 19),
]


@pytest.fixture(params=kernels.isas())
def isa(request):
    kernels.set_isa(request.param)


def layouts(x):
    """x as rows, as columns, and with neither axis contiguous."""
    apart = np.empty((x.shape[0] * 2, x.shape[1] * 3), x.dtype)[::2, ::3]
    apart[...] = x
    return {"rows": np.ascontiguousarray(x), "columns": np.asfortranarray(x), "neither": apart}


def check(out, a, b, start=0.0):
    """Elementwise within the rounding of a sum of k products: k u |a| |b|."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    unit = np.finfo(out.dtype).eps / 2
    bound = (a.shape[-1] + 2) * unit * (np.abs(a) @ np.abs(b) + np.abs(start))
    assert out.shape == (a @ b).shape
    assert (np.abs(out - (a @ b + start)) <= bound).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("m, k, n", SIZES)
def test_products_of_all_layouts(isa, dtype, m, k, n, count):
    a, b = rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)
    for x, y in itertools.product(layouts(a).values(), layouts(b).values()):
        check(kernels.matmul(x, y), a, b)
        count(cases=1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("m, k, n", SIZES)
def test_bias_and_relu_are_applied_once(isa, dtype, m, k, n):
    x, w, bias = (rng.standard_normal(shape).astype(dtype) for shape in ((m, k), (n, k), (n,)))
    plain = kernels.linear(x, w, bias)
    check(plain, x, w.T, bias)
    np.testing.assert_array_equal(kernels.linear(x, w, bias, "relu"), np.maximum(plain, 0))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch, m, k, n", [(3, 70, 30, 50), (9, 65, 64, 33), (33, 4, 20, 9)])
def test_batches(isa, dtype, batch, m, k, n):
    a, b = rng.standard_normal((batch, m, k)).astype(dtype), rng.standard_normal((batch, k, n)).astype(dtype)
    columns = np.ascontiguousarray(b.swapaxes(1, 2)).swapaxes(1, 2)
    check(kernels.matmul(a, b), a, b)
    check(kernels.matmul(a, columns), a, b)
    check(kernels.matmul(a[:1], b), a[:1], b)


def test_rows_on_one_cache_set(isa):
    """A pitch of a multiple of 2 KB makes the driver copy rows of A."""
    a, b = rng.standard_normal((100, 512)).astype(np.float32), rng.standard_normal((512, 130)).astype(np.float32)
    check(kernels.matmul(a, b), a, b)
    check(kernels.matmul(a[:, :70], b[:70]), a[:, :70], b[:70])


def guarded_products():
    """For the child process: every size and layout next to a page that cannot be touched."""
    for name, dtype, at_end in itertools.product(kernels.isas(), DTYPES, (False, True)):
        kernels.set_isa(name)
        for m, k, n in SIZES:
            a, b = (test_guard.guarded(np.ones(shape, dtype), at_end) for shape in ((m, k), (k, n)))
            at, bt = (test_guard.guarded(np.ones(shape, dtype), at_end).T for shape in ((k, m), (n, k)))
            for x, y in itertools.product((a, at), (b, bt)):
                assert (kernels.matmul(x, y) == k).all()
    print("done")


@pytest.mark.skipif(test_guard.mprotect is None, reason="needs mprotect")
def test_products_stay_inside_their_arrays():
    done = test_guard.run("import test_gemm; test_gemm.guarded_products()")
    assert done.returncode == 0 and "done" in done.stdout, done.stderr[-600:]
