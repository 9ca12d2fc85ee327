"""The tape: order, depth, errors, derivatives of derivatives, modes, threads."""

import math
import threading
import weakref

import numpy as np
import pytest

import autograd as ag
from autograd.ops import namespace

exp = namespace()["exp"]


def leaf(values, dtype=np.float64):
    return ag.Tensor(np.asarray(values, dtype), requires_grad=True)


# ------------------------------------------------------------------------------------------------ shape of the graph


@pytest.mark.parametrize("retain", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_million_nodes(retain):
    """Built, differentiated and freed without recursion."""
    x = leaf([1.0, 2.0])
    y, one = x, ag.Tensor(np.zeros(2))
    for _ in range(1_000_000 if not retain else 100_000):
        y = y + one
    y.backward(np.array([3.0, 4.0]), retain_graph=retain)
    np.testing.assert_array_equal(x.grad.array, [3, 4])
    node = weakref.ref(y.grad_fn)
    del y
    assert node() is None


def test_an_abandoned_chain_is_freed():
    y = leaf([1.0])
    for _ in range(100_000):
        y = y + 1.0
    node = weakref.ref(y.grad_fn)
    del y
    assert node() is None


def test_diamonds_are_visited_once():
    """2 ** 200 paths, 200 nodes."""
    x = leaf([1.0])
    y = x
    for _ in range(200):
        y = y + y
    y.backward(np.ones(1))
    assert x.grad.item() == 2.0**200


def test_unequal_branches():
    x = leaf(2.0)
    a = x * x
    b = a * x
    c = a + b * a
    c.backward()
    assert x.grad.item() == pytest.approx(2 * 2 + 5 * 2**4)


def test_the_same_input_twice():
    x = leaf([3.0])
    (x * x).backward()
    assert x.grad.item() == 6


def test_results_may_be_roots_and_inputs():
    x = leaf(2.0)
    y = x * x
    z = y * x
    gx, gy = ag.grad([z, y], [x, y], [np.array(1.0), np.array(10.0)])
    assert gy.item() == 2 + 10
    assert gx.item() == pytest.approx(3 * 4 + 10 * 4)


def test_intermediate_gradients():
    x = leaf(2.0)
    y = x * x
    y.retain_grad()
    (y * y).backward()
    assert y.grad.item() == 8
    assert x.grad.item() == 32


def test_gradients_add_up():
    x = leaf([1.0, 2.0])
    for _ in range(3):
        (x * x).backward(np.ones(2))
    np.testing.assert_array_equal(x.grad.array, [6, 12])


# ------------------------------------------------------------------------------------------------ twice


def test_backward_twice_is_an_error():
    x = leaf(2.0)
    y = x * x
    y.backward()
    with pytest.raises(ag.GraphError, match="retain_graph=True"):
        y.backward()
    assert x.grad.item() == 4


def test_retain_graph():
    x = leaf(2.0)
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 8


def test_a_shared_part_was_freed():
    x = leaf(2.0)
    shared = x * x
    a, b = shared * x, shared + x
    a.backward()
    with pytest.raises(ag.GraphError, match="already differentiated"):
        b.backward()
    assert x.grad.item() == 12


def test_in_place_change_of_a_saved_tensor():
    x, w = leaf([1.0, 2.0]), ag.Tensor(np.array([3.0, 4.0]))
    y = x * w
    w += 1
    with pytest.raises(ag.GraphError, match="changed in place"):
        y.backward(np.ones(2))
    assert x.grad is None


def test_in_place_change_of_what_nobody_saved():
    x, w = leaf([1.0, 2.0]), ag.Tensor(np.array([3.0, 4.0]))
    y = x + w
    w += 1
    y.backward(np.ones(2))
    np.testing.assert_array_equal(x.grad.array, [1, 1])


def test_in_place_change_of_a_result():
    x = leaf([0.0, 1.0])
    y = exp(x)
    y += 1
    with pytest.raises(ag.GraphError, match=r"exp.*changed in place"):
        y.backward(np.ones(2))


def test_an_op_in_place_keeps_the_old_value_that_its_rule_needs():
    x = leaf([0.5, 2.0])
    y = x * 2
    y.sin_()
    y **= 3
    y *= y
    (first,) = ag.grad(y.sum(), x, create_graph=True)
    sin, cos = np.sin([1.0, 4.0]), np.cos([1.0, 4.0])
    np.testing.assert_allclose(first.detach().numpy(), 12 * sin**5 * cos)
    (second,) = ag.grad(first.sum(), x)
    np.testing.assert_allclose(second.numpy(), 24 * (5 * sin**4 * cos**2 - sin**6))


def test_in_place_change_of_a_leaf():
    x = leaf([1.0])
    with pytest.raises(ag.GraphError, match="no_grad"):
        x += 1
    with ag.no_grad():
        x += 1
    assert x.item() == 2


def test_no_gradient_to_sweep():
    with pytest.raises(ag.GraphError, match="no_grad"):
        ag.Tensor(np.ones(())).backward()
    with pytest.raises(ag.ShapeError, match="needs a gradient"):
        (leaf([1.0, 2.0]) * leaf([1.0, 2.0])).backward()
    with pytest.raises(ag.ShapeError, match="gradient"):
        (leaf([1.0, 2.0]) * leaf([1.0, 2.0])).backward(np.ones(3))


# ------------------------------------------------------------------------------------------------ higher order


def test_derivatives_of_x_exp_x_to_sixth_order():
    """The n-th derivative is (x + n) e^x."""
    x = leaf(0.7)
    y = x * exp(x)
    for n in range(1, 7):
        (y,) = ag.grad(y, x, create_graph=True)
        assert y.item() == pytest.approx((0.7 + n) * math.exp(0.7), rel=1e-12)


def test_third_order_by_backward():
    x = leaf(2.0)
    y = x * x * x * x
    y.backward(create_graph=True)
    first = x.grad
    assert first.item() == 32
    x.grad = None
    first.backward(create_graph=True)
    second = x.grad
    assert second.item() == 48
    x.grad = None
    second.backward()
    assert x.grad.item() == 48


def test_gradient_of_a_gradient_by_its_seed():
    x, v = leaf([1.0, 2.0]), leaf([3.0, 5.0])
    (g,) = ag.grad(x * x, x, v, create_graph=True)
    (gv,) = ag.grad(g, v, np.ones(2))
    np.testing.assert_array_equal(gv.array, [2, 4])


# ------------------------------------------------------------------------------------------------ modes and threads


def test_no_grad_records_nothing():
    x = leaf(2.0)
    with ag.no_grad():
        assert not (x * x).requires_grad
        with ag.enable_grad():
            assert (x * x).requires_grad
        assert not ag.is_grad_enabled()
    assert ag.is_grad_enabled()


@pytest.mark.parametrize(
    "decorate",
    [
        lambda f: ag.no_grad(f),
        lambda f: ag.no_grad()(f),
        lambda f: ag.inference_mode()(f),
        lambda f: ag.set_grad_enabled(False)(f),
    ],
)
def test_modes_decorate(decorate):
    def enabled():
        return ag.is_grad_enabled()

    assert decorate(enabled)() is False
    assert ag.is_grad_enabled()


def test_set_grad_enabled_acts_at_once():
    ag.set_grad_enabled(False)
    assert not ag.is_grad_enabled()
    ag.set_grad_enabled(True)
    with ag.set_grad_enabled(False):
        assert not ag.is_grad_enabled()
    assert ag.is_grad_enabled()


@pytest.mark.parametrize("mode", [ag.no_grad, ag.enable_grad, ag.inference_mode, lambda: ag.set_grad_enabled(False)])
def test_modes_are_restored_after_exceptions(mode):
    with pytest.raises(KeyError), mode():
        raise KeyError
    assert ag.is_grad_enabled()


def test_modes_belong_to_the_thread():
    seen = []
    with ag.no_grad():
        thread = threading.Thread(target=lambda: seen.append(ag.is_grad_enabled()))
        thread.start()
        thread.join()
        assert not ag.is_grad_enabled()
    assert seen == [True]


def test_two_threads_in_backward():
    """Graphs that share leaves: every gradient arrives, whatever the order."""
    x = leaf(np.ones(100))
    errors = []

    def work():
        try:
            for _ in range(200):
                y = exp(x * 0.0) * x
                y.backward(np.ones(100))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    np.testing.assert_array_equal(x.grad.array, np.full(100, 400.0))


def test_two_threads_on_one_graph():
    """Once with retain_graph by all: the sum; without: one wins, the others get a GraphError."""
    for retain in (True, False):
        x = leaf(np.ones(10))
        y = x * x
        outcomes = []

        def work(y=y, retain=retain, outcomes=outcomes):
            try:
                y.backward(np.ones(10), retain_graph=retain)
                outcomes.append(1)
            except ag.GraphError:
                outcomes.append(0)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(outcomes) == (4 if retain else 1)
        np.testing.assert_array_equal(x.grad.array, np.full(10, 2.0 * sum(outcomes)))


# ------------------------------------------------------------------------------------------------ autograd.grad


def test_grad_leaves_grad_alone():
    x = leaf([1.0, 2.0])
    (g,) = ag.grad(x * x, x, np.ones(2))
    np.testing.assert_array_equal(g.array, [2, 4])
    assert x.grad is None


@pytest.mark.parametrize("inputs, runs", [("x", False), ("w", True), ("xw", True)])
def test_grad_runs_the_rules_of_no_other_inputs(inputs, runs):
    given = {"x": ag.ones(4, 3, requires_grad=True), "w": ag.ones(2, 3, requires_grad=True)}
    y = ag.nn.functional.linear(given["x"], given["w"]).sum()
    with ag.profile() as profile:
        gradients = ag.grad(y, [given[name] for name in inputs])
    for name, gradient in zip(inputs, gradients):
        assert gradient.tolist() == {"x": [[2.0] * 3] * 4, "w": [[4.0] * 3] * 2}[name]
    assert ("linear_grad_w" in str(profile)) is runs
    assert ("matmul" in str(profile)) is ("x" in inputs)


def test_grad_of_unused_inputs():
    x, y = leaf(1.0), leaf(2.0)
    with pytest.raises(ag.GraphError, match="allow_unused"):
        ag.grad(x * x, [x, y])
    gx, gy = ag.grad(x * x, [x, y], allow_unused=True)
    assert gx.item() == 2 and gy is None


def test_grad_refuses_what_has_none():
    x = leaf([1.0, 2.0])
    with pytest.raises(ag.GraphError, match="input 0"):
        ag.grad(x * x, ag.Tensor(np.ones(2)), np.ones(2))
    with pytest.raises(ag.GraphError, match="output 0"):
        ag.grad(ag.Tensor(np.ones(2)), x, np.ones(2))
    with pytest.raises(ag.ShapeError, match="grad_outputs"):
        ag.grad(x * x, x)
    with pytest.raises(ag.ShapeError, match="its gradient"):
        ag.grad(x * x, x, np.ones(3))
    with pytest.raises(ag.ShapeError, match="1 outputs, but 2"):
        ag.grad(x * x, x, [np.ones(2), np.ones(2)])


def test_broadcast_gradients_are_summed():
    x, b = leaf(np.ones((3, 4))), leaf(np.ones(4))
    (x * b + b).sum().backward()
    np.testing.assert_array_equal(b.grad.array, np.full(4, 6.0))
    assert b.grad.shape == (4,)


def test_dtype_of_gradients():
    x, y = leaf([1.0, 2.0], np.float32), leaf([1.0, 2.0], np.float32)
    (x * y).backward(np.ones(2))
    assert x.grad.dtype == y.grad.dtype == np.float32


def test_many_inputs_and_many_axes():
    """More inputs than a call holds on the stack, more axes than a node holds itself."""
    xs = [leaf([float(i)]) for i in range(40)]
    (ag.cat(xs) * np.arange(40.0)).sum().backward()
    assert [x.grad.item() for x in xs] == list(range(40))
    deep, row = leaf(np.ones((1, 2, 1, 2, 1, 2, 3))), leaf([1.0, 2.0, 3.0])
    product = deep * row
    assert product.grad_fn.shape == deep.shape
    product.sum().backward()
    np.testing.assert_array_equal(row.grad.array, [8, 8, 8])
    assert deep.grad.shape == deep.shape


def test_a_change_elsewhere_is_none_of_a_nodes_business():
    x, other = leaf([1.0, 2.0]), ag.Tensor(np.zeros(2))
    y = x * x
    other += 1.0
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.array, [2, 4])
