"""Where a ReLU's result was used twice, the last gradient's sum and the ReLU's own rule are one pass: the same bits."""

import numpy as np
import pytest

import autograd as ag
from autograd import kernels
from autograd.backends import flags


def make(shape=(2, 5, 7, 6), channels_last=True):
    rng = np.random.default_rng(0)
    array = rng.standard_normal((shape[0], *shape[2:], shape[1]) if channels_last else shape).astype("f4")
    return ag.from_numpy(np.moveaxis(array, -1, 1) if channels_last else array).requires_grad_()


USES = {
    "two": lambda y: (y * 3).sum() + (y * y).sum(),
    "three": lambda y: (y * 3).sum() + (y * y).sum() + y.exp().sum(),
    "itself": lambda y: (y + y).sum() + (y * y * y).sum(),
    "a residual block": lambda y: (y + ag.relu(y * 2 - 1)).sum() * 2,
    "views": lambda y: (y[1:] * 3).sum() + y.permute(1, 0, 2, 3).reshape(5, -1).square().sum(),
    "broken order": lambda y: (y * y.contiguous()).sum() + y.flatten(1).square().sum(),
    "once": lambda y: (y * 3).sum(),
}


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("use", USES)
def test_the_same_bits(use, channels_last):
    found = []
    for fusion in (True, False):
        x = make(channels_last=channels_last)
        with flags(fusion=fusion):
            loss = USES[use](ag.relu(x * 2))
            loss.backward(retain_graph=True)
            loss.backward()
        found.append(x.grad.numpy())
    np.testing.assert_array_equal(*found)
    assert (found[0] != 0).any() and (found[0] == 0).any()


def test_whoever_wants_the_sum_gets_it():
    x, seen = make(), []
    y = ag.relu(x * 2)
    y.register_hook(lambda g: seen.append(g.numpy().copy()))
    USES["two"](y).backward()
    expected = 3 + 2 * y.detach().numpy()
    np.testing.assert_allclose(seen[0], expected, rtol=1e-6)

    x = make()
    y = ag.relu(x * 2)
    y.retain_grad()
    USES["two"](y).backward()
    np.testing.assert_allclose(y.grad.numpy(), expected, rtol=1e-6)
    np.testing.assert_allclose(x.grad.numpy(), 2 * expected * (x.detach().numpy() > 0), rtol=1e-6)

    y = ag.relu(x * 2)
    gy, gx = ag.grad(USES["two"](y), [y, x])
    np.testing.assert_allclose(gy.numpy(), expected, rtol=1e-6)
    np.testing.assert_allclose(gx.numpy(), 2 * expected * (x.detach().numpy() > 0), rtol=1e-6)


def test_a_result_changed_in_place_is_an_error():
    x = make()
    y = ag.relu(x * 2)
    loss = (y * 3).sum() + (y + 1).sum()
    y.detach().add_(1)
    with pytest.raises(ag.GraphError, match="relu"):
        loss.backward()


def test_second_derivatives():
    x = ag.tensor([[-1.5, 0.5, 2.0]], dtype="float64", requires_grad=True)
    assert ag.gradcheck(lambda x: USES["two"](ag.relu(x * 2)), (x,))
    assert ag.gradgradcheck(lambda x: (ag.relu(x * 2) ** 3 + ag.relu(x * 2).exp()).sum(), (x,))


def test_the_kernel(rng):
    a, b, y = (rng.standard_normal(40_001).astype("f4") for _ in range(3))
    a[:3], y[3:6] = (np.nan, np.inf, -np.inf), (np.nan, 0, -0.0)
    expected = np.where(y <= 0, np.float32(0), a + b)
    for threads in (1, 2, 3):
        with flags(num_threads=threads):
            np.testing.assert_array_equal(kernels.add_relu_grad(a, b, y), expected)
    into = a.copy()
    assert kernels.add_relu_grad(into, b, y, into) is into
    np.testing.assert_array_equal(into, expected)
    assert kernels.add_relu_grad(a, b[::-1], y) is None
    assert kernels.add_relu_grad(a, b.astype("f8"), y) is None
    with pytest.raises(TypeError):
        kernels.add_relu_grad(a, b, None)
