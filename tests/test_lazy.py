"""Lazy layers: shapes from the first call or from a loaded state, then the ordinary layer."""

import copy

import numpy as np
import pytest

import autograd as ag
from autograd import nn
from autograd.errors import ShapeError, StateDictError

LAYERS = {
    "Linear": ((5,), (2, 3, 4), 4),
    "Conv1d": ((6, 3), (2, 4, 8), 4),
    "Conv2d": ((6, 3, 2, 1), (2, 4, 8, 8), 4),
    "Conv3d": ((6, 3), (4, 5, 5, 5), 4),
    "ConvTranspose1d": ((6, 3), (2, 4, 8), 4),
    "ConvTranspose2d": ((6, 3), (2, 4, 8, 8), 4),
    "ConvTranspose3d": ((6, 3), (2, 4, 3, 3, 3), 4),
    "BatchNorm1d": ((), (2, 4), 4),
    "BatchNorm2d": ((1e-4,), (2, 4, 3, 3), 4),
    "BatchNorm3d": ((), (2, 4, 3, 3, 3), 4),
    "InstanceNorm1d": ((), (2, 4, 3), 4),
    "InstanceNorm2d": ((1e-5, 0.1, True), (2, 4, 3, 3), 4),
    "InstanceNorm3d": ((), (2, 4, 3, 3, 3), 4),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_lazy_layer_becomes_the_ordinary_one(name):
    args, shape, size = LAYERS[name]
    kind, x = getattr(nn, name), ag.rand(*shape)
    lazy = getattr(nn, f"Lazy{name}")(*args)
    parameters = list(lazy.parameters())
    before = list(lazy.state_dict())
    assert isinstance(lazy, kind)
    ag.manual_seed(3)
    y = lazy(x)
    ag.manual_seed(3)
    plain = kind(size, *args)
    np.testing.assert_array_equal(y.array, plain(x).array)
    assert type(lazy) is kind and repr(lazy) == repr(plain)
    assert [id(p) for p in lazy.parameters()] == [id(p) for p in parameters], "optimizers still know them"
    assert list(lazy.state_dict()) == list(plain.state_dict()) == before
    assert set(lazy.__dict__) - {"_state_hooks"} == set(plain.__dict__)


def test_in_a_network():
    net = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(5))
    optimizer = ag.optim.SGD(net.parameters(), lr=0.1)
    other, x = copy.deepcopy(net), ag.rand(2, 3, 6, 6)
    assert repr(net[0].weight) == "<UninitializedParameter>"
    with pytest.raises(ShapeError, match="UninitializedParameter: has no shape before the first call"):
        assert net[0].weight.shape
    net(x).sum().backward()
    optimizer.step()
    assert str(other.load_state_dict(net.state_dict())) == "<All keys matched successfully>"
    np.testing.assert_array_equal(other.eval()(x).array, net.eval()(x).array)
    assert type(other[4]) is nn.Linear and other[4].in_features == 64
    np.testing.assert_array_equal(other(x).array, net(x).array)  # by the fused steps


def test_states_of_lazy_layers():
    lazy, other = nn.LazyLinear(3), nn.LazyLinear(3)
    lazy.load_state_dict(other.state_dict())
    assert isinstance(lazy.weight, nn.UninitializedParameter)
    lazy.load_state_dict(nn.Linear(4, 3).state_dict())
    with pytest.raises(ShapeError, match=r"LazyLinear: weight has shape \(3, 4\), this input needs \(3, 5\)"):
        lazy(ag.rand(2, 5))
    assert lazy(ag.rand(2, 4)).shape == (2, 3)
    with pytest.raises(StateDictError, match=r"weight: has shape \(0,\) in the state, \(3, 4\) in the module"):
        lazy.load_state_dict(other.state_dict())
    assert other.double()(ag.rand(2, 4, dtype=ag.float64)).dtype == ag.float64
    with pytest.raises(ShapeError, match="LazyConv2d: expected more axes"):
        nn.LazyConv2d(3, 1)(ag.rand(4))
