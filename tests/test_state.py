"""What Modules do with their state beside reading and writing it: hooks, extra state, parts by name, conversions."""

import numpy as np
import pytest

import autograd as ag
from autograd import nn
from autograd.errors import StateDictError


class Counting(nn.Module):
    """A layer with state that is no tensor."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(np.ones(2))
        self.seen = {"calls": 3}

    def get_extra_state(self):
        return dict(self.seen)

    def set_extra_state(self, state):
        self.seen = state


def test_extra_state():
    net, other = nn.Sequential(Counting(), nn.ReLU()), nn.Sequential(Counting(), nn.ReLU())
    state = net.state_dict()
    assert list(state) == ["0.weight", "0._extra_state"] and state["0._extra_state"] == {"calls": 3}
    other[0].seen = {}
    assert str(other.load_state_dict(state)) == "<All keys matched successfully>"
    assert other[0].seen == {"calls": 3}
    del state["0._extra_state"]
    with pytest.raises(StateDictError, match=r"missing \(1\):\n    0._extra_state"):
        other.load_state_dict(state)
    with pytest.raises(StateDictError, match=r"unexpected \(1\):\n    _extra_state"):
        nn.ReLU().load_state_dict({"_extra_state": 1})
    with pytest.raises(TypeError, match="ReLU: has no extra state"):
        nn.ReLU().get_extra_state()


def test_hooks_around_reading():
    net, seen = nn.Sequential(nn.Linear(2, 2), nn.ReLU()), []

    def drop_bias(module, state, prefix, metadata):
        del state[prefix + "bias"]

    first = net[0].register_state_dict_pre_hook(lambda module, *args: seen.append((module is net[0], *args)))
    net[0].register_state_dict_post_hook(drop_bias)
    assert list(net.state_dict(prefix="net.")) == ["net.0.weight"]
    first.remove()
    net.state_dict()
    assert seen == [(True, "net.0.", False)]
    net.register_state_dict_post_hook(lambda module, state, prefix, _: state)
    with pytest.raises(TypeError, match="a post hook must return None"):
        net.state_dict()


def test_hooks_before_writing():
    """An old name is renamed; what the caller passed stays as it is."""
    net = nn.Sequential(nn.Linear(2, 2, bias=False))

    def rename(module, state, prefix, metadata, strict, missing, unexpected, errors):
        if prefix + "kernel" in state:
            state[prefix + "weight"] = state.pop(prefix + "kernel")

    net[0].register_load_state_dict_pre_hook(rename)
    old = {"0.kernel": np.full((2, 2), 7.0)}
    net.load_state_dict(old)
    assert list(old) == ["0.kernel"] and (net[0].weight.array == 7).all()
    net.register_load_state_dict_pre_hook(lambda *args: args[-1].append("made by version 1"))
    with pytest.raises(StateDictError, match="the state does not fit\n  made by version 1"):
        net.load_state_dict(old)


def test_hooks_after_writing():
    net, found = nn.Linear(2, 2), []
    net.register_load_state_dict_post_hook(lambda module, keys: found.append((module.weight[0, 0].item(), [*keys[0]])))
    with pytest.raises(StateDictError, match="bias"):
        net.load_state_dict({"weight": np.full((2, 2), 5.0)})
    net.register_load_state_dict_post_hook(lambda module, keys: keys.missing_keys.clear())
    assert net.load_state_dict({"weight": np.full((2, 2), 6.0)}).missing_keys == []
    assert found == [(5.0, ["bias"]), (6.0, ["bias"])]


def test_parts_by_name():
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    assert net.get_buffer("1.running_mean") is net[1].running_mean
    with pytest.raises(AttributeError, match=r"has no buffer '1.runing_mean' \(did you mean '1.running_mean'"):
        net.get_buffer("1.runing_mean")
    net.set_submodule("0", nn.Identity())
    assert isinstance(net[0], nn.Identity) and net(ag.rand(3, 2)).shape == (3, 2)
    with pytest.raises(AttributeError, match="has no submodule 'last'"):
        net.set_submodule("last", nn.ReLU(), strict=True)
    with pytest.raises(ValueError, match="set_submodule: expected a name and a Module"):
        net.set_submodule("", nn.ReLU())


def test_conversions():
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    assert net.half() is net and {p.dtype for p in net.parameters()} == {ag.float16}
    assert net.type(ag.float64)[1].running_var.dtype == ag.float64
    assert net[1].num_batches_tracked.dtype == ag.int64
    before, weight = net[0].weight.data_ptr(), net[0].weight
    assert net.to_empty(device="cpu")[0].weight is weight and weight.data_ptr() != before
    with pytest.raises(RuntimeError, match="CPU only"):
        net.to_empty(device="cuda")
    assert all(x.is_shared() for x in net.share_memory().state_dict().values())
