"""What PyTorch users ask of a tensor or call on the package, beside the ops: operators, properties, windows, dtypes."""

import math
import operator

import numpy as np
import pytest

import autograd as ag
from autograd import DTypeError, GraphError, ShapeError
from autograd.nn import functional as F


def equal(got, want):
    np.testing.assert_array_equal(getattr(got, "array", got), want)


# --------------------------------------------------------------------------------------------- operators

OPERATORS = [
    (operator.iadd, 7), (operator.isub, 7), (operator.imul, 3), (operator.ifloordiv, 3), (operator.imod, 4),
    (operator.ipow, 2), (operator.iand, 6), (operator.ior, 9), (operator.ixor, 5), (operator.ilshift, 2),
    (operator.irshift, 1),
]  # fmt: skip


@pytest.mark.parametrize(("change", "number"), OPERATORS, ids=[change.__name__ for change, _ in OPERATORS])
def test_changes_in_place(change, number):
    """As NumPy's, in the same memory."""
    values = np.array([5, 12, 3])
    x = ag.tensor(values)
    y = change(x, number)
    assert y is x
    equal(x, change(values.copy(), number))
    plain = getattr(operator, {"iand": "and_", "ior": "or_"}.get(change.__name__, change.__name__[1:]))
    equal(plain(ag.tensor(values), number), plain(values, number))
    equal(plain(number, ag.tensor(values % 4 + 1)), plain(number, values % 4 + 1))


HOLDERS = {
    "nobody": lambda x: None,
    "the array": lambda x: x.numpy(),
    "its address": lambda x: x.data_ptr(),
    "an alias": lambda x: x.detach(),
    "a view": lambda x: x[1:],
    "a graph": lambda x: (ag.ones(3, requires_grad=True) * x).sum(),
    "a list": lambda x: [x],
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_whoever_holds_the_memory_sees_a_change_in_place(holder):
    """Where nobody does, the result's array takes its place without a copy."""
    x, y = ag.randn(3) * 1, ag.tensor([1.0, 2.0, 3.0])
    held, expected = HOLDERS[holder](x), np.asarray(y) + 1
    x.mul_(0).add_(y)
    x += 1
    np.testing.assert_array_equal(np.asarray(x), expected)
    np.testing.assert_array_equal(np.asarray(y), expected - 1)
    if holder == "its address":
        assert x.data_ptr() == held
    elif holder == "a graph":
        with pytest.raises(ag.GraphError, match="in place"):
            held.backward()
    elif held is not None:
        np.testing.assert_array_equal(np.asarray(held).reshape(-1), expected[1:] if holder == "a view" else expected)


def test_a_result_that_somebody_holds_is_copied():
    x, y = ag.randn(3), ag.randn(3) * 2
    x.change(y)
    x += 1
    np.testing.assert_array_equal(np.asarray(x), np.asarray(y) + 1)


def test_in_place_operators_are_differentiated():
    x = ag.tensor([2.0, 3.0], requires_grad=True)
    y = x * 1
    y *= 3
    y %= 4
    y.sum().backward()
    equal(x.grad, [3, 3])


def test_contains_positive_reversed():
    x = ag.tensor([[1.0, 2.0], [3.0, math.nan]])
    assert 2 in x and 2.5 not in x and math.nan not in x
    assert ag.tensor(3.0) in x and np.float32(1) in x
    assert ag.tensor([1.0, 9.0]) in x  # any element, as in PyTorch
    with pytest.raises(DTypeError, match="in: expected a number or a tensor, got str"):
        assert "2" in x
    assert +x is x
    equal(ag.tensor([row.tolist()[0] for row in reversed(x)]), [3, 1])
    assert reversed(ag.tensor(1.0)).item() == 1


# --------------------------------------------------------------------------------------------- what it is


def test_kinds():
    x, i = ag.zeros(2, 3), ag.tensor([1], dtype=ag.uint8)
    assert x.is_floating_point() and x.is_signed() and not x.is_complex() and not x.is_inference()
    assert not i.is_floating_point() and not i.is_signed() and ag.is_signed(ag.tensor([1]))
    assert i.is_nonzero() and not ag.is_nonzero(ag.zeros(1))
    with pytest.raises(ShapeError, match=r"is_nonzero: expected a tensor of one element, got shape \(2, 3\)"):
        x.is_nonzero()
    assert x.is_same_size(ag.ones(2, 3)) and not ag.is_same_size(x, i)
    assert (x.is_cpu, x.is_cuda, x.is_meta, x.is_quantized, x.is_sparse) == (True, False, False, False, False)
    assert x.get_device() == -1 and not x.is_pinned() and x.pin_memory() is x
    assert x.nelement() == ag.numel(x) == 6 and x.ndimension() == 2 and not ag.is_complex(x)


def test_memory():
    x = ag.tensor(np.arange(24.0).reshape(2, 3, 4))
    part = x[1, :, ::2]
    assert x.element_size() == x.itemsize == 8
    assert x.stride() == (12, 4, 1) and x.stride(-1) == 1 and part.stride() == (4, 2)
    assert part.storage_offset() == 12 and part.data_ptr() == x.data_ptr() + 12 * 8
    equal(ag.tensor([[1.0, 2.0]]).H, [[1], [2]])
    assert x.mH.shape == x.adjoint().shape == (2, 4, 3)


def test_shared_memory_is_seen_by_a_forked_process():
    import os

    x = ag.tensor([1.0, 2.0], requires_grad=True)
    assert not x.is_shared()
    assert x.share_memory_() is x and x.is_shared() and x.is_leaf
    if (child := os.fork()) == 0:
        x.array[0] = 5
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    equal(x, [5, 2])


def test_history():
    x = ag.tensor([3.0], requires_grad=True)
    y = x * x
    assert not x.retains_grad and not y.retains_grad
    y.retain_grad()
    assert y.retains_grad
    assert y.detach_() is y and y.is_leaf and not y.requires_grad
    assert not ag.detach(x).requires_grad and ag.clone(x).requires_grad


def test_hook_after_accumulation():
    x, seen = ag.tensor([3.0], requires_grad=True), []
    hook = x.register_post_accumulate_grad_hook(lambda p: seen.append((p is x, p.grad.item())))
    (x * x).backward()
    (x * x).backward()
    ag.grad(x * x, x)
    hook.remove()
    (x * x).backward()
    assert seen == [(True, 6), (True, 12)]
    with pytest.raises(GraphError, match="expected a leaf"):
        (x * x).register_post_accumulate_grad_hook(print)


# --------------------------------------------------------------------------------------------- filling


def test_fill_diagonal():
    equal(ag.zeros(3, 2).fill_diagonal_(1), [[1, 0], [0, 1], [0, 0]])
    tall = np.zeros((7, 2))
    np.fill_diagonal(tall, 4, wrap=True)
    equal(ag.zeros(7, 2).fill_diagonal_(4, wrap=True), tall)
    with pytest.raises(ShapeError, match=r"fill_diagonal_: expected a matrix, or axes of one size, got shape \(3,\)"):
        ag.zeros(3).fill_diagonal_(1)


def test_python_functions():
    x = ag.tensor([[1.0, 2.0], [3.0, 4.0]])
    equal(x.T.apply_(lambda v: v * 10), [[10, 30], [20, 40]])
    equal(x, [[10, 20], [30, 40]])
    equal(x.map_(ag.tensor([1.0, 2.0]), lambda v, w: v + w), [[11, 22], [31, 42]])
    with pytest.raises(GraphError, match="cannot differentiate"):
        ag.ones(2, requires_grad=True).apply_(abs)


MOMENTS = {  # what is drawn in place: mean and variance
    "exponential_": ((4.0,), 1 / 4, 1 / 16),
    "log_normal_": ((0.5, 0.25), math.exp(0.5 + 0.25**2 / 2), math.expm1(0.25**2) * math.exp(1 + 0.25**2)),
    "geometric_": ((0.4,), 1 / 0.4, 0.6 / 0.16),
    "random_": ((3, 10), 6.0, 4.0),
}


@pytest.mark.parametrize("name", MOMENTS)
def test_drawn_in_place(name):
    args, mean, variance = MOMENTS[name]
    x = ag.zeros(200, 100, dtype=ag.float64)
    assert getattr(x, name)(*args, generator=3) is x
    assert x.mean().item() == pytest.approx(mean, rel=0.03)
    assert x.array.var() == pytest.approx(variance, rel=0.08)


def test_random_integers_reach_both_ends():
    x = ag.zeros(2000, dtype=ag.int8).random_()
    assert x.max() > 120 and x.min() >= 0
    assert set(ag.zeros(200).random_(3).tolist()) == {0, 1, 2}
    assert ag.zeros(2000).random_().max() > 2**23
    assert ag.zeros(99, dtype=bool).random_().any()
    with pytest.raises(ValueError, match="no ints in"):
        x.random_(5, 5)


def test_counts_of_events():
    rate = ag.full((20_000,), 3.5)
    assert ag.poisson(rate, generator=1).mean().item() == pytest.approx(3.5, rel=0.02)
    assert ag.binomial(ag.full((20_000,), 10.0), ag.tensor(0.3), generator=1).mean().item() == pytest.approx(
        3, rel=0.02
    )
    assert sorted(ag.tensor([0.0, 1.0, 1.0]).multinomial(2).tolist()) == [1, 2]


# --------------------------------------------------------------------------------------------- functions


def test_functions_in_place():
    x = ag.tensor([-1.0, 0.5, 2.0])
    assert ag.relu_(x) is x and F.hardtanh_(x, 0.0, 1.0) is x
    equal(x, [0, 0.5, 1])
    assert ag.zero_(x) is x and ag.fill_(x, 3) is x
    equal(x, [3, 3, 3])
    assert {"relu_", "elu_", "leaky_relu_", "celu_", "selu_", "threshold_", "rrelu_"} <= {*dir(F)} & {*dir(ag)}
    with pytest.raises(AttributeError, match=r"has no 'sigmoidd_' \(did you mean 'sigmoid_'"):
        ag.sigmoidd_(x)


@pytest.mark.parametrize("name", ["max_pool1d", "max_pool2d", "max_pool3d", "adaptive_max_pool2d"])
def test_pools_with_indices(name):
    x = ag.rand(1, 2, *(4,) * int(name[-2]))
    got, want = getattr(F, f"{name}_with_indices")(x, 2), getattr(F, name)(x, 2, return_indices=True)
    for a, b in zip(got, want):
        equal(a, b.array)


def test_windows():
    """scipy.signal's values, as PyTorch's."""
    close = np.testing.assert_allclose
    close(ag.hann_window(4).array, [0, 0.5, 1, 0.5], atol=1e-7)
    close(ag.hann_window(5, periodic=False).array, np.hanning(5), atol=1e-7)
    close(ag.hamming_window(7, False, dtype=ag.float64).array, np.hamming(7), atol=1e-15)
    close(ag.hamming_window(3, False, 0.6, 0.4).array, [0.2, 1, 0.2], atol=1e-7)
    close(ag.blackman_window(9, False, dtype=ag.float64).array, np.blackman(9), atol=1e-15)
    close(ag.bartlett_window(8).array, np.bartlett(9)[:8], atol=1e-7)
    close(ag.kaiser_window(8, beta=5.0).array, np.kaiser(9, 5.0)[:8], atol=1e-6)
    assert ag.hann_window(0).shape == (0,) and ag.kaiser_window(1).tolist() == [1]
    with pytest.raises(ShapeError, match="hann_window: window_length is -1"):
        ag.hann_window(-1)
    with pytest.raises(DTypeError, match="hann_window: dtype int64"):
        ag.hann_window(4, dtype=ag.int64)


def test_from_a_buffer():
    data = bytearray(np.arange(5, dtype=np.int16).tobytes())
    x = ag.frombuffer(data, dtype=ag.int16, count=2, offset=4)
    equal(x, [2, 3])
    x[0] = 9
    assert data[4] == 9
    with pytest.raises(ShapeError, match=r"frombuffer: .*\[dtype=float64, count=-1, offset=0\]"):
        ag.frombuffer(data, dtype=ag.float64)


def test_shapes_and_dtypes_of_results():
    assert ag.broadcast_shapes((2, 1), 3, (1, 3)) == (2, 3)
    with pytest.raises(ShapeError, match=r"broadcast_shapes: \(2,\) and \(3,\) do not broadcast"):
        ag.broadcast_shapes((2,), (3,))
    assert ag.promote_types(ag.int64, ag.float32) == ag.float32
    ag.use_deterministic_algorithms(True)
    assert ag.are_deterministic_algorithms_enabled() and ag.get_float32_matmul_precision() == "highest"
    assert ag.compile(equal, mode="max-autotune") is ag.compile(dynamic=True)(equal) is equal
    assert ag.default_generator.initial_seed() == ag.initial_seed()
    equal(ag.vmap(lambda x: x.sum())(ag.ones(3, 2)), [2, 2, 2])


def test_default_dtype():
    assert ag.get_default_dtype() == ag.float32
    ag.set_default_dtype(ag.float64)
    try:
        ints = ag.tensor([1, 2])
        made = [
            ag.tensor([0.5]), ag.zeros(1), ag.rand(1), ag.arange(0, 1, 0.5), ag.hann_window(3), ag.eye(2),
            ints * 0.5, ints / 2, ints.exp(), ints.mean(), ag.normal(0.0, 1.0, (2,)), ag.nn.Linear(2, 1).weight,
            ag.nn.BatchNorm1d(2).running_mean, ag.mul(2.0, 3.0), ag.atan2(ints, ints),
        ]  # fmt: skip
        assert {x.dtype for x in made} == {ag.float64}
        assert (ag.ones(2, dtype=ag.float32) * 1.5).dtype == ag.float32
        assert repr(ag.tensor([1.5])) == "tensor([1.5000])"
        assert "dtype=float32" in repr(ag.ones(1, dtype=ag.float32))
        with pytest.raises(DTypeError, match="set_default_dtype: expected float32 or float64, got int64"):
            ag.set_default_dtype(ag.int64)
    finally:
        ag.set_default_dtype(ag.float32)
    assert ag.tensor([0.5]).dtype == ag.float32
