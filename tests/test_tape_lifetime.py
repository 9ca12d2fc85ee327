"""The tape: hooks, and how long its nodes and what they saved live."""

import gc
import sys
import weakref

import numpy as np
import pytest

import autograd as ag
from autograd.ops import namespace

exp = namespace()["exp"]


def leaf(values, dtype=np.float64):
    return ag.Tensor(np.asarray(values, dtype), requires_grad=True)


# ------------------------------------------------------------------------------------------------ hooks


class Wrong(Exception):
    """Raised by hooks and rules of these tests."""


def fails(g):
    raise Wrong


def test_hooks_see_and_replace_gradients():
    x = leaf([1.0, 2.0])
    y = x * x
    seen = []
    y.register_hook(lambda g: seen.append(g.array.copy()))
    handle = y.register_hook(lambda g: ag.Tensor(g.array * 10))
    y.backward(np.ones(2), retain_graph=True)
    np.testing.assert_array_equal(seen, [[1, 1]])
    np.testing.assert_array_equal(x.grad.array, [20, 40])
    handle.remove()
    y.backward(np.ones(2))
    np.testing.assert_array_equal(x.grad.array, [22, 44])


def test_hook_on_a_leaf_runs_once_on_the_whole_gradient():
    x = leaf([1.0, 2.0])
    seen = []
    x.register_hook(lambda g: seen.append(g.array.tolist()))
    (x * x + x).backward(np.ones(2))
    assert seen == [[3.0, 5.0]]


def test_hook_of_the_wrong_shape():
    x = leaf([1.0, 2.0])
    x.register_hook(lambda g: ag.Tensor(np.ones(3)))
    with pytest.raises(ag.ShapeError, match="hook"):
        (x * x).backward(np.ones(2))
    assert x.grad is None


@pytest.mark.parametrize("where", ["leaf", "middle", "root"])
def test_exception_in_a_hook(where):
    """Gradients stay as they were, and the same graph can be differentiated afterwards."""
    x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    x.grad = np.array([7.0, 7.0])
    y = x * w
    z = y * y
    handle = {"leaf": x, "middle": y, "root": z}[where].register_hook(fails)
    with pytest.raises(Wrong):
        z.backward(np.ones(2))
    np.testing.assert_array_equal(x.grad.array, [7, 7])
    assert w.grad is None
    assert ag.is_grad_enabled()
    handle.remove()
    z.backward(np.ones(2))
    np.testing.assert_array_equal(w.grad.array, 2 * x.array**2 * w.array)
    np.testing.assert_array_equal(x.grad.array, 7 + 2 * w.array**2 * x.array)


def test_exception_in_a_rule(scratch_ops):
    broken = [True]

    @ag.op(name="planted")
    def planted(x):
        return x * 2

    def rule(g):
        if broken[0]:
            raise Wrong
        return g + g

    planted.grads(x=rule)
    x = leaf([1.0])
    y = planted(x * x) * x
    with pytest.raises(Wrong):
        y.backward()
    assert x.grad is None and ag.is_grad_enabled()
    broken[0] = False
    y.backward()
    assert x.grad.item() == 6


def test_backward_inside_a_hook():
    """On another graph it works; on the one being differentiated it is an error."""
    x, other = leaf(2.0), leaf(3.0)
    y = x * x
    y.register_hook(ag.enable_grad(lambda g: (other * other).backward()))
    y.backward(retain_graph=True)
    assert (x.grad.item(), other.grad.item()) == (4, 6)
    z = y * y
    y.register_hook(lambda g: z.backward())
    with pytest.raises(ag.GraphError, match="from a hook"):
        z.backward()


# ------------------------------------------------------------------------------------------------ memory


def test_gradients_never_share_memory():
    x, y, seed = leaf([1.0, 2.0]), leaf([3.0, 4.0]), np.ones(2)
    z = x + y
    z.retain_grad()
    z.backward(seed)
    arrays = [x.grad.array, y.grad.array, z.grad.array, seed]
    for i, a in enumerate(arrays):
        for b in arrays[:i]:
            assert not np.may_share_memory(a, b)
    x.grad.array[...] = 100
    np.testing.assert_array_equal(y.grad.array, [1, 1])


def test_gradients_can_be_changed_in_place():
    x, y = leaf(np.ones((2, 3))), leaf(np.ones((2, 3)))
    (x + y).sum().backward()
    for t in (x, y):
        assert t.grad.array.flags.writeable
        assert 0 not in t.grad.array.strides


def test_gradients_of_branches_are_added_in_the_memory_of_one():
    x = leaf(np.ones((64, 1024)))
    y = x * 2
    loss = exp(y).sum() + exp(y).sum() + exp(y).sum()
    before = ag.memory.stats()
    loss.backward()
    after = ag.memory.stats()
    np.testing.assert_allclose(x.grad.array, 6 * np.exp(2))
    assert after.hits + after.misses - before.hits - before.misses == 2 * 3 + 1  # of sum and exp, and x's


def test_unneeded_inputs_die():
    """x * w with a frozen x keeps x for w's gradient, but not w."""

    def saved(x, w):
        y = x * w
        return weakref.ref(x), weakref.ref(w), y

    x, w, _y = saved(ag.Tensor(np.ones(2)), leaf([1.0, 2.0]))
    gc.disable()
    try:
        assert x() is not None
        assert w() is None
    finally:
        gc.enable()


def test_backward_frees_what_was_saved():
    x = leaf([1.0, 2.0])

    def middle():
        hidden = exp(x)
        return weakref.ref(hidden), hidden * hidden

    hidden, y = middle()
    assert hidden() is not None
    y.backward(np.ones(2))
    assert hidden() is None


def test_graphs_are_freed_without_the_garbage_collector():
    gc.collect()
    gc.disable()
    try:
        x = leaf([1.0, 2.0])
        y = exp(x) * x + exp(x * x)
        refs = [weakref.ref(y), weakref.ref(y.grad_fn), weakref.ref(y.grad_fn.edges[0])]
        del y
        assert [r() for r in refs] == [None] * 3
        y = exp(x) * x
        (g,) = ag.grad(y, x, np.ones(2), create_graph=True)
        refs = [weakref.ref(g), weakref.ref(g.grad_fn), weakref.ref(y.grad_fn)]
        del g, y
        assert [r() for r in refs] == [None] * 3
    finally:
        gc.enable()


def test_reference_counts_are_flat():
    """1,000 steps leave no objects behind."""
    x, w = leaf(np.ones(4)), leaf(np.ones(4))

    def step():
        y = exp(x * w) + x
        y.backward(np.ones(4))
        x.grad = w.grad = None

    for _ in range(10):
        step()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(1000):
        step()
    gc.collect()
    assert sys.getallocatedblocks() - before < 200
