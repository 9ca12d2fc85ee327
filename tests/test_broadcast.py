"""Elementwise kernels over arrays that broadcast or lie apart, and reductions of many short rows, beside NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import kernels
from autograd.backends import flags

SIZES = st.sampled_from((1, 2, 3, 4, 5, 7, 8, 16, 17, 30, 127, 128, 129, 300))


@st.composite
def operands(draw):
    """Arrays of one to three axes that broadcast: some axes are 1, some memories have gaps or run backwards."""
    ndim = draw(st.integers(1, 3))
    shape = [draw(SIZES if i == ndim - 1 else st.integers(1, 9)) for i in range(ndim)]
    dtype = draw(st.sampled_from((np.float32, np.float64)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    arrays = []
    for _ in range(3):
        own = [n if draw(st.booleans()) else 1 for n in shape][draw(st.integers(0, ndim - 1)) :]
        steps = [draw(st.sampled_from((1, 1, 2, -1))) for _ in own]
        memory = rng.standard_normal([abs(s) * n for s, n in zip(steps, own)]).astype(dtype)
        x = memory[tuple(slice(None, None, s) for s in steps)]
        arrays.append(x.transpose() if draw(st.integers(0, 5)) == 0 and len(set(own)) == 1 else x)
    return arrays


@given(operands(), st.sampled_from(("add", "sub", "mul", "maximum", "minimum")))
@settings(max_examples=300, deadline=None)
def test_broadcasts_are_those_of_numpy(arrays, name):
    x, y, z = arrays
    found = getattr(kernels, name)(x, y)
    np.testing.assert_array_equal(found, getattr(np, {"sub": "subtract", "mul": "multiply"}.get(name, name))(x, y))
    np.testing.assert_array_equal(kernels.where(z > 0, x, y), np.where(z > 0, x, y))


@pytest.mark.parametrize("shape", [(40_000, 1, 3), (300, 200, 2), (20_000, 4), (500, 100), (7, 3, 5000), (3, 200_000)])
def test_threads_share_broadcasts(shape, rng):
    x = rng.standard_normal(shape).astype("f4")
    others = [x[..., :1], x[:1], x[..., ::-1], x[:, :1], np.ascontiguousarray(x[..., 0])[..., None]]
    for y in others:
        with flags(num_threads=3):
            found = kernels.mul(x, y)
        np.testing.assert_array_equal(found, x * y)


@pytest.mark.parametrize("rows", [1, 3, 15, 16, 17, 1000, 70_000])
@pytest.mark.parametrize("columns", [1, 2, 3, 4, 7, 8, 15, 16, 17, 33])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("isa", kernels.isas())
def test_rows_of_any_length_are_reduced(rows, columns, dtype, isa, rng):
    x = rng.standard_normal((rows, columns)).astype(dtype)
    if rows > 2:
        x[rows // 2, columns // 2] = np.nan
    tolerance = 1e-5 if dtype == "f4" else 1e-13
    with flags(isa=isa, num_threads=1):
        found = kernels.sum(x, 1)
        np.testing.assert_array_equal(kernels.amax(x, 1), x.max(1))
        np.testing.assert_array_equal(kernels.amin(x, 1), x.min(1))
        np.testing.assert_allclose(found, x.sum(1, dtype="f8"), rtol=tolerance, atol=tolerance)
    with flags(isa=isa, num_threads=3):
        np.testing.assert_array_equal(found, kernels.sum(x, 1))
