"""What somebody has modules and tensors do around their passes."""

import numpy as np
import pytest

import autograd as ag
from autograd import nn


def test_forward_hooks(rng):
    layer = nn.Linear(3, 2)
    x = ag.tensor(rng.normal(size=(4, 3)).astype(np.float32))
    seen = []
    first = layer.register_forward_pre_hook(lambda m, args: seen.append(args[0].shape) or (args[0] * 2.0,))
    second = layer.register_forward_hook(lambda m, args, out: out + 1.0)
    with_hooks = layer(x).detach().numpy()
    first.remove()
    second.remove()
    plain = layer(x * 2.0).detach().numpy()
    np.testing.assert_allclose(with_hooks, plain + 1, rtol=1e-6)
    assert seen == [(4, 3)]
    order = []
    layer.register_forward_hook(lambda *a: order.append("late"))
    layer.register_forward_hook(lambda *a: order.append("early"), prepend=True)
    with layer.register_forward_pre_hook(lambda m, a, k: order.append(sorted(k)), with_kwargs=True):
        layer(input=x)
    assert order == [["input"], "early", "late"]


class Pair(nn.Module):
    """Two results that need gradients, and one that is no tensor."""

    def forward(self, a, scale, b):
        return a * b, a + scale * b, "text"


def values(gradients):
    return [None if g is None else g.detach().numpy().tolist() for g in gradients]


def test_backward_hooks_see_gradients_of_all_arguments_and_results():
    module, seen = Pair(), []
    module.register_full_backward_pre_hook(lambda m, out: seen.append(values(out)))
    module.register_full_backward_hook(lambda m, into, out: seen.append((m is module, values(into), values(out))))
    x, y = (ag.tensor([v, 1.0], requires_grad=True) for v in (2.0, 3.0))
    product, total, _ = module(x, 5, y)
    (product.sum() + 2 * total.sum()).backward()
    ones, twos = [1.0, 1.0], [2.0, 2.0]
    assert seen == [[ones, twos, None], (True, [[5.0, 3.0], None, [12.0, 11.0]], [ones, twos, None])]
    assert values([x.grad, y.grad]) == [[5.0, 3.0], [12.0, 11.0]]


def test_backward_hooks_replace_gradients():
    layer = nn.Linear(2, 2)
    x = ag.ones(1, 2, requires_grad=True)
    layer(x).sum().backward()
    plain, bias = x.grad.numpy().copy(), layer.bias.grad.numpy().copy()
    x.grad = layer.bias.grad = None
    with (
        layer.register_full_backward_pre_hook(lambda m, out: (out[0] * 2,)),
        layer.register_full_backward_hook(lambda m, into, out: into[0] * 5),
    ):
        layer(x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), plain * 10, rtol=1e-6)
    np.testing.assert_array_equal(layer.bias.grad.numpy(), bias * 2)
    with layer.register_full_backward_hook(lambda m, into, out: (None, None)):
        y = layer(x)
        with pytest.raises(ag.GraphError, match="Linear: a backward hook returned 2 gradients, expected 1"):
            y.sum().backward()


def test_a_backward_hook_of_the_first_layer_runs_too():
    layer, seen = nn.Linear(2, 2), []
    layer.register_full_backward_hook(lambda m, into, out: seen.append(values(into) + values(out)))
    layer(ag.ones(1, 2)).sum().backward()
    assert seen == [[None, [[1.0, 1.0]]]]
    with ag.no_grad():
        assert not layer(ag.ones(1, 2)).requires_grad


def test_a_backward_hook_acts_once_on_second_derivatives():
    x = ag.tensor(1.0, dtype=np.float64, requires_grad=True)
    module = nn.Tanh()
    module.register_full_backward_hook(lambda m, into, out: (into[0] * 3,))
    (first,) = ag.grad(module(x), x, create_graph=True)
    (second,) = ag.grad(first, x)
    t = np.tanh(1)
    assert second.item() == pytest.approx(3 * -2 * t * (1 - t * t))
