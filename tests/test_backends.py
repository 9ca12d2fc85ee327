"""Switches of the kernels: what they change, and that they are put back."""

import numpy as np
import pytest

import autograd
from autograd import backends, kernels


def test_values_are_read_and_set():
    assert backends.isa == kernels.isa() and backends.isa in backends.isas()
    backends.isa = "base"
    assert kernels.isa() == "base"
    backends.num_threads = 3
    assert autograd.get_num_threads() == backends.num_threads == 3
    with pytest.raises(ValueError, match="'avx9' is not one of"):
        backends.isa = "avx9"


def test_winograd_changes_rounding_only():
    x, w = autograd.randn(2, 64, 20, 20), autograd.randn(64, 64, 3, 3)
    with backends.flags(winograd=True):
        assert backends.winograd.enabled is True
        fast = autograd.nn.functional.conv2d(x, w, padding=1).numpy()
        algorithm, reason = backends.explain("conv2d", x, w, padding=1)["forward"]
        assert algorithm == "winograd" and reason
    with backends.flags(winograd=False):
        direct = autograd.nn.functional.conv2d(x, w, padding=1).numpy()
        assert backends.explain("conv2d", x.shape, w.shape, padding=(1, 1))["forward"][0] != "winograd"
    assert not np.array_equal(fast, direct)
    assert np.allclose(fast, direct, rtol=1e-4, atol=1e-3)


def test_flags_are_put_back_after_an_exception():
    before = backends.isa, backends.num_threads, backends.winograd.enabled
    with pytest.raises(KeyError), backends.flags(isa="base", num_threads=2, winograd=False):
        assert (backends.isa, backends.num_threads, backends.winograd.enabled) == ("base", 2, False)
        raise KeyError
    assert (backends.isa, backends.num_threads, backends.winograd.enabled) == before
    with pytest.raises(ValueError, match="avx9"), backends.flags(num_threads=2, isa="avx9"):
        pass
    assert backends.num_threads == before[1]


def test_unknown_names():
    with (
        pytest.raises(TypeError, match=r"unknown switch 'winogard' \(did you mean 'winograd'\?\)"),
        backends.flags(winogard=False),
    ):
        pass
    with pytest.raises(ValueError, match="conv2d, linear and matmul choose between kernels, 'relu' does not"):
        backends.explain("relu", (2, 3))


def test_explain_takes_what_conv2d_takes():
    passes = backends.explain("conv2d", (1, 8, 9, 9), (8, 1, 3, 3), stride=2, padding=1, groups=8)
    assert list(passes) == ["forward", "grad_x", "grad_w"]
    assert all(name and reason for name, reason in passes.values())


def test_explain_of_products():
    assert backends.explain("linear", (64, 784), (256, 784))["forward"][0] == "blocks"
    assert backends.explain("linear", (1, 784), (256, 784))["forward"][0] == "dots"
    assert backends.explain("matmul", (1, 784), (784, 256))["forward"][0] == "rows"
    assert list(backends.explain("matmul", autograd.ones(2, 3), autograd.ones(3, 4))) == ["forward", "grad_x", "grad_y"]
    assert backends.explain("matmul", (512, 64), (64, 1))["forward"][0] == "dots"
    for wrong in [((2, 3), (4, 5)), ((2, 3),), ((3,), (3, 4)), ((2, 3.5), (3, 4))]:
        with pytest.raises(ValueError, match=r"matmul"):
            backends.explain("matmul", *wrong)
    with pytest.raises(TypeError, match="has no attribute 'padding'"):
        backends.explain("matmul", (2, 3), (3, 4), padding=1)
