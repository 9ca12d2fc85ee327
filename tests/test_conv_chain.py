"""Convolutions whose rows go through one after another: the bits of one by one, and never an old weight."""

import copy

import numpy as np
import pytest

import autograd as ag
from autograd import kernels, nn
from autograd.nn import functional as F
from autograd.nn.fusion import ConvChain, fused

OPS = {None: F.conv2d, "relu": F.conv2d_relu, "relu6": F.conv2d_relu6}


def _draw(rng, channels, layers):
    """The weights and biases of layers, in one array."""
    parts = []
    for outputs, kernel, _, _, groups, _ in layers:
        parts += [
            rng.standard_normal(outputs * (channels // groups) * kernel**2) / kernel,
            rng.standard_normal(outputs),
        ]
        channels = outputs
    return ag.tensor(np.concatenate(parts).astype(np.float32))


def _one_by_one(x, w, layers):
    at = 0
    for outputs, kernel, stride, padding, groups, activation in layers:
        shape = (outputs, x.shape[1] // groups, kernel, kernel)
        size = int(np.prod(shape))
        x = OPS[activation](
            x, w[at : at + size].reshape(shape), w[at + size : at + size + outputs], stride, padding, 1, groups
        )
        at += size + outputs
    return x.numpy()


CHAINS = {
    "block": (24, lambda stride: ((96, 1, 1, 0, 1, "relu6"), (96, 3, stride, 1, 96, "relu6"), (24, 1, 1, 0, 1, None))),
    "separable": (40, lambda stride: ((40, 3, stride, 1, 40, "relu"), (50, 1, 1, 0, 1, "relu"))),
    "long": (
        16,
        lambda stride: (
            (35, 1, 1, 0, 1, None), (35, 3, 1, 1, 35, "relu"), (48, 1, 1, 0, 1, "relu"), (48, 3, stride, 0, 48, None),
            (32, 1, 1, 0, 1, "relu6"), (32, 3, 1, (2, 1), 32, None),
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("isa", kernels.isas())
@pytest.mark.parametrize("stride", [1, 2, (2, 1)])
@pytest.mark.parametrize("name", CHAINS)
def test_rows_through_all_layers_give_the_bits_of_layer_by_layer(name, stride, isa):
    channels, make = CHAINS[name]
    layers = make(stride)
    rng = np.random.default_rng(0)
    with ag.backends.flags(isa=isa), ag.no_grad():
        for n, h, w in ((1, 40, 21), (5, 19, 37), (2, 70, 24)):
            x = ag.tensor(rng.standard_normal((n, channels, h, w)).astype(np.float32))
            weights = _draw(rng, channels, layers)
            expected = _one_by_one(x, weights, layers)
            for threads in (1, 2, 3):
                with ag.backends.flags(num_threads=threads):
                    got = kernels.conv_chain(x.numpy(), weights.numpy(), layers)  # which refuses what it cannot do
                    np.testing.assert_array_equal(got, expected)


def _block(wide=96, stride=1):
    return nn.Sequential(
        nn.Conv2d(16, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU6(),
        nn.Conv2d(wide, wide, 3, stride, 1, groups=wide), nn.BatchNorm2d(wide), nn.ReLU(),
        nn.Conv2d(wide, 24, 1, bias=False), nn.BatchNorm2d(24),
    ).eval()  # fmt: skip


def _step(net):
    net(ag.zeros(1, 16, 9, 9))
    (step,) = net._steps
    assert isinstance(step, ConvChain)
    return step


def _apart(net, x):
    for step in _step(net).steps:
        x = step(x)
    return x.numpy()


def test_a_sequential_uses_it_where_pictures_are_large():
    net, x = _block(), ag.randn(2, 16, 30, 30)
    with ag.no_grad():
        step = _step(net)
        assert step.is_ready(x)
        np.testing.assert_array_equal(net(x).numpy(), _apart(net, x))
        assert not step.is_ready(ag.randn(2, 16, 7, 7))
        assert not step.is_ready(ag.randn(2, 17, 30, 30))
        with pytest.raises(ag.errors.ShapeError, match="17"):
            net(ag.randn(2, 17, 30, 30))
        assert net(ag.randn(16, 30, 30)).shape == (24, 30, 30)
    assert net(x).requires_grad


CHANGES = {
    "a weight": lambda net: net[3].weight.mul_(2),
    "its array": lambda net: np.copyto(net[0].weight.detach().numpy(), 0.01),
    "running statistics": lambda net: net[4].running_var.mul_(3),
    "eps": lambda net: setattr(net[7], "eps", 0.5),
    "a stride": lambda net: setattr(net[3], "stride", (2, 2)),
    "the kind of padding": lambda net: setattr(net[3], "padding_mode", "reflect"),
    "a layer": lambda net: net.__setitem__(5, nn.Sigmoid()),
    "the mode of one": lambda net: net[4].train(),
    "a hook": lambda net: net[6].register_forward_hook(lambda module, inputs, out: out + 1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changes_are_seen(change):
    net, x = _block(), ag.randn(1, 16, 30, 30)
    with ag.no_grad():
        for _ in range(3):
            before = net(x).numpy()
        twin = copy.deepcopy(net)
        CHANGES[change](net)
        after = net(x).numpy()
        np.testing.assert_array_equal(twin(x).numpy(), before)
        CHANGES[change](twin)
        with ag.backends.flags(fusion=False):
            apart = twin(x).numpy()
    assert after.shape != before.shape or not np.allclose(after, before)
    np.testing.assert_allclose(after, apart, rtol=1e-4, atol=1e-4)


def test_long_chains_are_split_and_others_left_alone():
    layers = [layer for _ in range(5) for layer in (nn.Conv2d(16, 16, 1), nn.BatchNorm2d(16))]
    assert not any(isinstance(step, ConvChain) for step in fused(layers))
    deep = [
        layer
        for i in range(11)
        for layer in (nn.Conv2d(16, 16, 3 if i % 2 else 1, 1, i % 2, groups=16 if i % 2 else 1), nn.BatchNorm2d(16))
    ]
    net, x = nn.Sequential(*deep).eval(), ag.randn(1, 16, 40, 40)
    with ag.no_grad():
        joined = net(x).numpy()
        with ag.backends.flags(fusion=False):
            np.testing.assert_allclose(joined, net(x).numpy(), rtol=1e-3, atol=1e-4)
    assert [len(step.steps) for step in fused(deep)] == [8, 3]
