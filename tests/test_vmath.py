"""Accuracy of the vector functions, in units of the last place, over floats of all sizes."""

import numpy as np
import pytest

from autograd import kernels

# name: the bound in ulps of a float32 result, NumPy's name where it is another
BOUNDS = {
    "exp": (2, None), "exp2": (2, None), "expm1": (3, None), "log": (2, None), "log2": (3, None), "log10": (3, None),
    "log1p": (4, None), "sin": (2.5, None), "cos": (2.5, None), "tan": (4, None), "asin": (3, "arcsin"),
    "acos": (3, "arccos"), "atan": (2, "arctan"), "sinh": (4, None), "cosh": (3, None), "asinh": (4, "arcsinh"),
    "acosh": (5, "arccosh"), "atanh": (5, "arctanh"), "tanh": (4, None), "sqrt": (1, None), "reciprocal": (1, None),
}  # fmt: skip


def floats(count: int) -> np.ndarray:
    """Floats with random bits, many of them of usual size, and all that is special."""
    rng = np.random.default_rng(0)
    special = [0.0, -0.0, 1, -1, 0.5, -0.5, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 1.1754944e-38, 3.4028235e38]
    usual = np.concatenate([rng.uniform(-100, 100, count), rng.uniform(-2, 2, count), rng.uniform(-9e3, 9e3, count)])
    bits = rng.integers(0, 2**32, count, np.uint32).view(np.float32)
    return np.concatenate([special, usual, bits]).astype(np.float32)


def ulps(y: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Distances in float32's last places; infinite where one is NaN or infinite and the other is not."""
    nearest = exact.astype(np.float32)
    same = (y == nearest) | np.isnan(y) & np.isnan(nearest)
    with np.errstate(all="ignore"):
        distance = np.abs(y - exact) / np.spacing(np.maximum(np.abs(nearest), np.float32(1.1754944e-38)))
        beyond = np.isinf(nearest) & (np.abs(y) > 3.4028e38)  # overflow one place earlier or later
    return np.where(same | beyond, 0, np.where(np.isnan(distance), np.inf, distance))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("isa", kernels.isas())
@pytest.mark.parametrize("name", BOUNDS)
def test_functions_of_one_number(name, isa):
    bound, numpy_name = BOUNDS[name]
    x = floats(20_000)
    kernels.set_isa(isa)
    try:
        y = getattr(kernels, name)(x)
    finally:
        kernels.set_isa()
    off = ulps(y, getattr(np, numpy_name or name)(x.astype(np.float64)))
    assert off.max() <= bound, f"{off.max():.2f} ulps at {x[off.argmax()]!r}: {y[off.argmax()]!r}"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("isa", kernels.isas())
@pytest.mark.parametrize("name, numpy_name, bound", [("atan2", "arctan2", 3), ("pow", "power", 2)])
def test_functions_of_two_numbers(name, numpy_name, bound, isa):
    rng = np.random.default_rng(1)
    x, y = floats(20_000), rng.permutation(floats(20_000))
    y[: y.size // 4] = np.round(y[: y.size // 4] / 20)
    special = floats(0)
    x, y = (np.concatenate([a, b.ravel()]) for a, b in zip((x, y), np.meshgrid(special, special)))
    kernels.set_isa(isa)
    try:
        out = getattr(kernels, name)(x, y)
    finally:
        kernels.set_isa()
    off = ulps(out, getattr(np, numpy_name)(x.astype(np.float64), y.astype(np.float64)))
    assert off.max() <= bound, f"{off.max():.2f} ulps at {x[off.argmax()]!r}, {y[off.argmax()]!r}"


@pytest.mark.parametrize("exponent", [-2, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 4, 5, -2.5])
def test_powers_with_one_exponent(exponent):
    x = np.random.default_rng(0).uniform(0.1, 10, 1000).astype(np.float32)
    assert ulps(kernels.pow(x, exponent), x.astype(np.float64) ** exponent).max() <= 2.5
