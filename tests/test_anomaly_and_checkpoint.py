"""Anomaly mode, checkpoints, hooks of saved tensors, and drawings of the graph."""

import threading
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import autograd as ag
from autograd import graph, nn
from autograd.autograd import AnomalyError, Function
from autograd.errors import GraphError
from autograd.utils.checkpoint import checkpoint, checkpoint_sequential

# ------------------------------------------------------------------------------------------- anomaly mode


def test_the_error_names_the_op_and_its_line():
    x = ag.tensor([0.0, 4.0], requires_grad=True)
    with ag.detect_anomaly():
        y = x.sqrt()  # the slope at 0 is infinite
        loss = (y * ag.tensor([0.0, 1.0])).sum()
        with pytest.raises(AnomalyError) as caught:
            loss.backward()
    message = str(caught.value)
    assert message.startswith("sqrt: the gradient of x, shape (2,), has NaN")
    assert f"{__file__}:" in message and "y = x.sqrt()" in message
    assert x.grad is None and not ag.is_anomaly_enabled()


def test_the_error_names_the_first_nan_of_the_forward_pass():
    x = ag.tensor([-1.0, 4.0], requires_grad=True)
    with ag.detect_anomaly(), np.errstate(invalid="ignore"):
        y = x.log()
        with pytest.raises(AnomalyError, match=r"first NaN .* made by log, .*y = x\.log\(\)"):
            (y * y).sum().backward()


def test_anomaly_mode_ends_and_nests():
    x = ag.tensor([0.0], requires_grad=True)
    with ag.detect_anomaly(check_nan=False):
        (x.sqrt() * 0).sum().backward()
        with ag.autograd.detect_anomaly():
            assert ag.is_anomaly_enabled()
        assert ag.is_anomaly_enabled()
    ag.set_detect_anomaly(True)
    assert ag.is_anomaly_enabled()
    ag.set_detect_anomaly(False)
    (x.sqrt() * 0).sum().backward()
    with ag.autograd.set_detect_anomaly(True):
        assert ag.is_anomaly_enabled()
    assert not ag.is_anomaly_enabled() and np.isnan(x.grad.numpy()).all()


# ------------------------------------------------------------------------------------------- checkpoints

NET = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3))


class Double(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return 2 * x * x

    @staticmethod
    def backward(ctx, g):
        return 4 * ctx.saved_tensors[0] * g


def step(run):
    """All gradients, the result, the random numbers after it, and the bytes that the graph kept."""
    ag.manual_seed(3)
    x = ag.randn(5, 4, requires_grad=True)
    NET.zero_grad()
    y = run(x)
    loss = (y * y).sum()
    kept = graph.saved_bytes(loss)
    loss.backward()
    return [*(p.grad.numpy() for p in NET.parameters()), x.grad.numpy(), y.detach().numpy(), ag.rand(3).numpy()], kept


@pytest.mark.parametrize(
    "run",
    [
        lambda x: checkpoint(NET, x, use_reentrant=False),
        lambda x: checkpoint_sequential(NET, 2, x),
        lambda x: checkpoint(lambda x: checkpoint(NET[3:], checkpoint(NET[:3], x)), x),
    ],
    ids=["whole", "sequential", "nested"],
)
def test_a_checkpoint_has_the_same_bits_and_keeps_less(run):
    expected, kept = step(NET)
    found, less = step(run)
    for a, b in zip(expected, found):
        np.testing.assert_array_equal(a, b)
    assert less < kept


def test_derivatives_through_checkpoints(rng):
    x = ag.tensor(rng.standard_normal((2, 3)), requires_grad=True)

    def inner(x):
        return checkpoint(lambda x: Double.apply(x).sin() * x, x)

    ag.gradcheck(lambda x: checkpoint(lambda x: inner(x) * x, x), [x])
    ag.gradgradcheck(lambda x: checkpoint(lambda x: inner(x) * x, x), [x])


def test_a_retained_graph_through_a_checkpoint():
    x = ag.tensor([2.0], requires_grad=True)
    y = checkpoint(lambda x: x**3, x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 24
    with pytest.raises(GraphError):
        y.backward()


def test_mistakes_around_checkpoints():
    x = ag.tensor([2.0], requires_grad=True)
    calls = iter([lambda x: x.exp(), lambda x: x.sin()])
    with pytest.raises(GraphError, match="first: exp; second: sin"):
        checkpoint(lambda x: next(calls)(x), x).sum().backward()
    z = x * 1
    y = checkpoint(lambda z: z * z, z)
    z += 1
    with pytest.raises(GraphError, match="changed in place"):
        y.sum().backward()
    with pytest.raises(ValueError, match="segments is 7, expected 1 to 6"):
        checkpoint_sequential(NET, 7, x)
    with ag.no_grad():
        assert not checkpoint(lambda x: x * x, x).requires_grad


# ------------------------------------------------------------------------------------------- saved tensors, drawings


def test_hooks_of_saved_tensors():
    x, store = ag.tensor([2.0, 3.0], requires_grad=True), []

    def pack(t):
        store.append(t.detach().numpy().copy())
        return len(store) - 1

    with graph.saved_tensors_hooks(pack, lambda i: ag.tensor(store[i])):
        y = (x * x).exp()
        other = threading.Thread(target=lambda: x.sin())
        other.start()
        other.join()
    assert len(store) == 3  # both inputs of the product, the result of exp; nothing of the other thread
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * x.detach().numpy() * np.exp(x.detach().numpy() ** 2), rtol=1e-6)


def test_a_picture_of_the_graph():
    x = ag.tensor(np.ones((2, 3)), requires_grad=True)
    picture = ElementTree.fromstring(graph.svg((x @ x.T).relu().sum()))
    texts = [t.text for t in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["leaf", "2 3", "permute", "3 2", "matmul", "2 2", "relu", "2 2", "sum", "number"]
    assert len(list(picture.iter("{http://www.w3.org/2000/svg}line"))) == 5
