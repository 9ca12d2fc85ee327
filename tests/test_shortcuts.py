"""What the fast ways through layers and gradients must not change."""

import copy
import functools
import pickle
from types import MethodType

import numpy as np
import pytest

import autograd as ag
from autograd import nn
from autograd.errors import ShapeError
from autograd.nn.fusion import fused
from autograd.op import registry
from autograd.sampling import Sampler

LAYERS = {
    "Linear": (lambda: nn.Linear(6, 5), (4, 6)),
    "Linear without bias": (lambda: nn.Linear(6, 5, bias=False), (3, 4, 6)),
    "Conv2d": (lambda: nn.Conv2d(4, 6, 3, stride=(1, 2), padding="valid", groups=2), (2, 4, 7, 8)),
    "Conv2d same": (lambda: nn.Conv2d(2, 3, (3, 2), padding="same", dilation=3), (2, 2, 7, 8)),
    "Conv2d reflect": (lambda: nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"), (2, 2, 5, 5)),
    "Conv2d of one image": (lambda: nn.Conv2d(2, 3, 3), (2, 5, 5)),
    "MaxPool2d": (lambda: nn.MaxPool2d(3, 2, 1, ceil_mode=True), (2, 3, 8, 7)),
    "MaxPool2d of one image": (lambda: nn.MaxPool2d(2), (3, 8, 7)),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("relu", [False, True])
def test_a_call_is_forward(name, relu, rng):
    make, shape = LAYERS[name]
    layer, x = make(), ag.from_numpy(rng.standard_normal(shape).astype("f4")).requires_grad_()
    step, expected = layer, layer.forward(x)
    if relu and type(layer) is not nn.MaxPool2d:
        (step,), expected = fused([layer, nn.ReLU()]), expected.relu()
    for call in (step, copy.deepcopy(step), pickle.loads(pickle.dumps(step))):
        np.testing.assert_array_equal(call(x).detach().numpy(), expected.detach().numpy())


def double(self, x):
    return x * 2


def test_a_replaced_forward_is_called(monkeypatch):
    x = ag.ones(1, 3)

    class Own(nn.Linear):
        forward = double

    layer = nn.Linear(3, 3)
    layer.forward = MethodType(double, layer)
    assert Own(3, 3)(x).tolist() == layer(x).tolist() == nn.Sequential(layer, nn.ReLU())(x).tolist() == [[2, 2, 2]]
    monkeypatch.setattr(nn.Linear, "forward", double)
    assert nn.Linear(3, 3)(x).tolist() == [[2, 2, 2]]


def test_a_sequence_is_what_it_now_holds_and_does(monkeypatch):
    x = ag.full((1, 3), 2.0)
    layers = nn.Sequential(nn.Identity(), nn.Sequential(nn.ReLU(), nn.Identity()))
    for _ in range(2):  # at the first call the steps are listed
        assert layers(x).tolist() == layers(x=x).tolist() == [[2, 2, 2]]
    layers[1].append(nn.Linear(3, 5))
    assert layers(x).shape == (1, 5)
    with pytest.raises(ShapeError, match=r"in 1\.2: Linear"):
        layers(ag.ones(1, 4))
    with pytest.raises(TypeError):
        layers(x, x)
    layers[1].forward = MethodType(double, layers[1])
    assert layers(x).tolist() == [[4, 4, 4]]
    monkeypatch.setattr(nn.Sequential, "forward", lambda self, x: x + 1)
    assert layers(x).tolist() == [[3, 3, 3]]


def test_arguments_by_name_and_changed_attributes():
    layer, x = nn.MaxPool2d(2), ag.arange(16.0).reshape(1, 1, 4, 4)
    assert layer(x=x).tolist() == layer(x).tolist() == [[[[5, 7], [13, 15]]]]
    layer.return_indices = True
    assert layer(x)[1].tolist() == [[[[5, 7], [13, 15]]]]
    layer.return_indices, layer.stride = False, 1
    assert layer(x).shape == (1, 1, 3, 3)


def test_any_way_to_change_what_a_call_has_seen():
    class Doubled(nn.Linear):
        forward = double

    x, layer, called = ag.ones(1, 2), nn.Linear(2, 1, bias=False), []
    ones, twos = nn.Parameter(ag.ones(1, 2)), nn.Parameter(ag.full((1, 2), 2.0))

    def change(how, expected):
        how()
        for steps in ([layer], [layer], fused([layer, nn.ReLU()])):
            assert functools.reduce(lambda y, step: step(y), steps, x).tolist() == expected

    change(lambda: setattr(layer, "weight", ones), [[2]])
    change(lambda: layer.__dict__.update(weight=twos), [[4]])
    change(lambda: layer.load_state_dict({"weight": ag.ones(1, 2)}), [[2]])
    change(lambda: layer.register_parameter("bias", nn.Parameter(ag.ones(1))), [[3]])
    change(lambda: delattr(layer, "bias") or layer.register_parameter("bias", None), [[2]])
    change(lambda: layer.__dict__.update(_hooks=dict(layer._hooks)), [[2]])
    hook = layer.register_forward_hook(lambda *args: called.append(args))
    change(lambda: None, [[2]])
    assert len(called) == 3
    change(hook.remove, [[2]])
    assert len(called) == 3
    change(lambda: setattr(layer, "__class__", Doubled), [[2, 2]])
    change(lambda: setattr(layer, "__class__", nn.Linear), [[2]])
    del layer.weight
    with pytest.raises(AttributeError, match="no attribute 'weight'"):
        layer(x)


class Slotted(nn.Module):
    __slots__ = ("extra",)


def test_copies_keep_slots_and_forget_what_was_seen():
    layer = Slotted()
    layer.inner, layer.extra = nn.Linear(2, 1), 5
    layer.inner(ag.ones(1, 2))
    for other in (copy.deepcopy(layer), copy.copy(layer), pickle.loads(pickle.dumps(layer))):
        assert other.extra == 5
        with ag.no_grad():
            other.inner.weight = nn.Parameter(ag.full((1, 2), 3.0))
            other.inner.bias = None
        assert other.inner(ag.ones(1, 2)).tolist() == [[6]]


def test_attributes_of_a_class_of_ones_own():
    class Own(nn.Linear):
        def __getattr__(self, name):
            return 7 if name == "seven" else super().__getattr__(name)

    layer = Own(2, 3)
    assert (layer.seven, layer.weight.shape) == (7, (3, 2))
    for module in (layer, nn.Linear(2, 3)):
        with pytest.raises(AttributeError, match=r"'wight' \(did you mean 'weight'\?\)"):
            _ = module.wight
    Own.__getattr__ = lambda self, name: name
    assert layer.anything == "anything"
    del Own.__getattr__
    with pytest.raises(AttributeError, match="no attribute 'anything'"):
        _ = layer.anything


def test_gradients_share_no_memory():
    x, y, z = (ag.ones(3).requires_grad_() for _ in range(3))
    kept = []
    z.register_hook(kept.append)
    seed = ag.ones(3)
    (x + y + z).backward(seed)
    arrays = [x.grad.array, y.grad.array, z.grad.array, seed.array, kept[0].array]
    for i, a in enumerate(arrays):
        assert a.flags.writeable
        assert not any(np.shares_memory(a, b) for b in arrays[:i] if not (a is kept[0].array and b is seed.array))


def test_what_a_kernel_refuses_the_forward_function_computes():
    whole = ag.tensor([[1, -2], [3, 4]])
    assert ag.exp(whole).dtype == np.float32
    assert (-whole).tolist() == [[-1, 2], [-3, -4]]
    assert (whole @ whole).tolist() == [[-5, -10], [15, 10]]
    assert ag.relu(ag.tensor([-1.0, 2.0]), inplace=True).tolist() == [0, 2]
    loss = nn.functional.cross_entropy(ag.zeros(2, 2), ag.tensor([[0.5, 0.5], [1.0, 0.0]]))
    assert loss.item() == pytest.approx(np.log(2))


@pytest.mark.parametrize("name", ["conv2d", "conv2d_relu", "cross_entropy", "gelu", "relu"])
def test_a_kernel_has_the_defaults_of_its_op(name):
    record, agreed = registry()[name], 0
    for seed in range(12):
        args, _ = record.samples(Sampler(seed))
        try:
            results = record.kernel(*args), record.kernel(*args, *record.defaults.values())
        except ValueError:  # the forward function's part
            continue
        for left_out, given in zip(*(r if isinstance(r, tuple) else (r,) for r in results)):
            np.testing.assert_array_equal(left_out, given)
        agreed += 1
    assert agreed
