"""Gradients of all inputs by one call of a kernel, in place of a rule for each."""

import numpy as np
import pytest

import autograd as ag
from autograd.checking.opcheck import check_op
from autograd.nn import functional as F
from autograd.op import registry


def rows(*shape, requires_grad=True):
    return ag.tensor(np.random.default_rng(len(shape)).normal(size=shape).astype("f4"), requires_grad=requires_grad)


def planted(at_once):
    @ag.op(name="product_at_once", samples=lambda s: s.case(*[s.array((3,))] * 2), reference=lambda x, y: x * y)
    def product(x, y):
        """x * y"""
        return x * y

    product.grads(x=lambda g, y: g * y, y=lambda g, x: g * x)
    return product.grads_at_once(at_once, "g", "x", "y")


def both(g, x, y, which):
    return [g * y if which & 1 else None, g * x if which & 2 else None]


def test_declared_by_a_user():
    op = planted(both)
    report = check_op(op, 3)
    assert report.ok and report.runs["at once"] == 3, str(report)
    x, y = rows(4), rows(4)
    op(x, y).backward(ag.ones(4))
    np.testing.assert_array_equal(x.grad.array, y.array)
    np.testing.assert_array_equal(y.grad.array, x.array)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda g, x, y, which: [g * y, g * x * 1.0001],
        lambda g, x, y, which: [g * y, None],
        lambda g, x, y, which: [None if y is None else g * y, None if x is None else g * (x if which & 1 else -x)],
        lambda g, x, y, which: both(g, x, y, which)[:1],
        lambda g, x, y, which: tuple(both(g, x, y, which)),
    ],
    ids=["value", "missing", "alone", "short", "tuple"],
)
def test_check_op_finds_what_differs_from_the_rules(wrong):
    report = check_op(planted(wrong), 3, checks=["at once"])
    assert not report.ok


def test_what_cannot_be_declared():
    op = planted(both)
    with pytest.raises(TypeError, match="grads_at_once"):
        op.grads_at_once(both, "g", "z")
    with pytest.raises(TypeError, match="variadic"):
        registry()["concatenate"].grads_at_once(both, "g")
    op.grads(x=lambda g, y: g * y, y=lambda g, x: g * x * 2)  # leaves nothing of the call for other rules
    x, y = rows(4), rows(4)
    op(x, y).backward(ag.ones(4))
    np.testing.assert_array_equal(y.grad.array, 2 * x.array)


def test_a_refusal_leaves_it_to_the_rules():
    def refuse(g, x, y, which):
        raise ValueError("not this one")

    x, y = rows(4), rows(4)
    planted(refuse)(x, y).backward(ag.ones(4))
    np.testing.assert_array_equal(x.grad.array, y.array)


def test_only_what_is_asked_for_is_made():
    asked = []
    op = planted(lambda g, x, y, which: asked.append(which) or both(g, x, y, which))
    x, y = rows(4), rows(4)
    (gx,) = ag.grad(op(x, y), x, ag.ones(4))
    op(x.detach(), y).backward(ag.ones(4))
    op(x, y).backward(ag.ones(4))
    ag.grad(op(x, y), y, ag.ones(4), create_graph=True)  # by the rules
    assert asked == [1, 2, 3] and gx.tolist() == y.tolist()


def test_what_no_rule_needs_is_not_saved():
    x, w = rows(4, 3), rows(2, 3, requires_grad=False)
    y = F.linear(x, w)
    assert [v.shape for v in y.node.saved_values] == [w.shape]
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.array, np.broadcast_to(w.array.sum(0), x.shape))


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 4, 3), (0, 3)])
@pytest.mark.parametrize("op", [F.linear, F.linear_relu])
def test_layers_twice_and_with_hooks(op, shape):
    x, w, b = rows(*shape), rows(2, 3), rows(2)
    seen = []
    x.register_hook(lambda g: seen.append(g.shape))
    y = op(x, w, b)
    y.sum().backward(retain_graph=True)
    once = [p.grad.array.copy() for p in (x, w, b)]
    y.sum().backward()
    for p, g in zip((x, w, b), once):
        assert p.grad.shape == p.shape
        np.testing.assert_array_equal(p.grad.array, 2 * g)
    assert seen == [shape, shape]
