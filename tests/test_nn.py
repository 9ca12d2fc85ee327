"""Modules, containers, layers and initial values; PyTorch, where installed, is the oracle."""

import copy
import pickle
import re
from collections import OrderedDict

import numpy as np
import pytest

import autograd
from autograd import nn
from autograd.errors import DTypeError, ShapeError, StateDictError
from autograd.nn import functional as F
from autograd.nn import init
from autograd.tensor import Tensor


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU())
        self.classifier = nn.Linear(2 * 4 * 4, 3)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


def image(rng, *shape):
    return Tensor(rng.standard_normal(shape).astype(np.float32))


# --------------------------------------------------------------------------------------------- Module


def test_registration_and_names():
    net = Net()
    assert [n for n, _ in net.named_parameters()] == [
        "features.0.weight",
        "features.0.bias",
        "features.1.weight",
        "features.1.bias",
        "classifier.weight",
        "classifier.bias",
    ]
    assert [n for n, _ in net.named_buffers()] == [
        f"features.1.{n}" for n in ("running_mean", "running_var", "num_batches_tracked")
    ]
    assert [n for n, _ in net.named_modules()] == [
        "",
        "features",
        "features.0",
        "features.1",
        "features.2",
        "classifier",
    ]
    assert list(net.children()) == [net.features, net.classifier]
    assert list(net.parameters(recurse=False)) == []
    assert net.get_submodule("features.1") is net.features[1]
    assert net.get_parameter("classifier.bias") is net.classifier.bias


def test_shared_parameters_are_listed_once_but_stored_under_both_names():
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight = net[0].weight
    assert len(list(net.parameters())) == 3
    assert [k for k in net.state_dict() if k.endswith("weight")] == ["0.weight", "1.weight"]


def test_forward_before_init_says_what_to_do():
    class Early(nn.Module):
        def __init__(self):
            self.fc = nn.Linear(2, 2)

    with pytest.raises(AttributeError, match=r"Early: call super\(\).__init__\(\) first in __init__, before assigning"):
        Early()

    class Never(nn.Module):
        def __init__(self):
            self.width = 3

    with pytest.raises(AttributeError, match=r"Never: call super\(\).__init__\(\) first"):
        Never()(1)


def test_assignments_keep_the_kind_of_a_name():
    layer = nn.Linear(2, 2)
    with pytest.raises(TypeError, match="'weight' is a parameter; expected a Parameter or None, got Tensor"):
        layer.weight = Tensor(np.zeros((2, 2)))
    layer.bias = None
    assert [n for n, _ in layer.named_parameters()] == ["weight"]
    with pytest.raises(KeyError, match="without dots"):
        layer.register_buffer("a.b", Tensor(1.0))
    with pytest.raises(KeyError, match="already has an attribute 'forward'"):
        layer.register_parameter("forward", nn.Parameter(np.zeros(2)))
    with pytest.raises(AttributeError, match=r"no attribute 'wieght'.*'weight'"):
        getattr(layer, "wieght")  # noqa: B009
    with pytest.raises(AttributeError, match=r"no submodule 'feature.1'.*'features.1'"):
        Net().get_submodule("feature.1")


def test_buffers_are_replaced_and_may_be_left_out_of_the_state():
    module = nn.Module()
    module.register_buffer("mean", Tensor(np.zeros(2)))
    module.register_buffer("cache", Tensor(np.ones(3)), persistent=False)
    module.mean = Tensor(np.ones(2))
    assert list(module.state_dict()) == ["mean"]
    assert [n for n, _ in module.named_buffers()] == ["mean", "cache"]
    with pytest.raises(TypeError, match="buffer 'mean' must be a Tensor"):
        module.mean = 3.0
    del module.mean
    assert not hasattr(module, "mean") and not module.state_dict()


def test_modes_freezing_apply_and_zero_grad(rng):
    net = Net()
    assert net.eval() is net and not net.features[1].training
    net.train()
    assert all(m.training for m in net.modules())
    with pytest.raises(TypeError, match="train: expected a bool"):
        net.train("yes")
    visited = []
    net.apply(lambda m: visited.append(type(m).__name__))
    assert visited == ["Conv2d", "BatchNorm2d", "ReLU", "Sequential", "Linear", "Net"]
    net.features.requires_grad_(False)
    net(image(rng, 2, 1, 4, 4)).sum().backward()
    assert net.features[0].weight.grad is None and net.classifier.weight.grad is not None
    net.zero_grad(set_to_none=False)
    assert not net.classifier.weight.grad.numpy().any()
    net.zero_grad()
    assert net.classifier.weight.grad is None


def test_to_converts_parameters_gradients_and_buffers(rng):
    net = Net()
    net(image(rng, 2, 1, 4, 4)).sum().backward()
    assert net.double() is net
    assert {p.dtype for p in net.parameters()} == {np.dtype("float64")}
    assert net.features[1].running_mean.dtype == np.float64 and net.features[1].num_batches_tracked.dtype == np.int64
    assert net.classifier.weight.grad.dtype == np.float64
    net.zero_grad()
    net(Tensor(rng.standard_normal((2, 1, 4, 4)))).sum().backward()
    assert net.classifier.weight.grad.dtype == np.float64
    net.to("cpu").to(autograd.float32)
    assert net.classifier.weight.dtype == np.float32
    with pytest.raises(RuntimeError, match="CPU only"):
        net.to("cuda")
    with pytest.raises(DTypeError, match="only floating-point types"):
        net.to(np.int32)


def test_copies_are_independent(rng):
    net = Net()
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert repr(twin) == repr(net)
        assert isinstance(twin.classifier.weight, nn.Parameter)
        twin.classifier.weight.array[...] = 7
        assert not (net.classifier.weight.array == 7).any()


# --------------------------------------------------------------------------------------------- state dicts


def test_state_round_trip(rng):
    a, b = Net(), Net()
    a(image(rng, 3, 1, 4, 4))
    assert repr(b.load_state_dict(a.state_dict())) == "<All keys matched successfully>"
    for (name, x), y in zip(a.state_dict().items(), b.state_dict().values()):
        np.testing.assert_array_equal(x.numpy(), y.numpy(), err_msg=name)
    x = image(rng, 2, 1, 4, 4)
    np.testing.assert_array_equal(a.eval()(x).detach().numpy(), b.eval()(x).detach().numpy())


def test_a_state_that_does_not_fit_is_explained_and_changes_nothing():
    net = Net()
    state = {k: Tensor(v.numpy() + 1) for k, v in net.state_dict().items()}
    state["classifier.wieght"] = state.pop("classifier.weight")
    state["features.0.bias"] = Tensor(np.zeros(5))
    before = net.classifier.bias.detach().numpy().copy()
    with pytest.raises(StateDictError) as caught:
        net.load_state_dict(state)
    assert str(caught.value) == (
        "Net.load_state_dict: the state does not fit\n"
        "  missing (1):\n"
        "    classifier.weight (did you mean 'classifier.wieght'?)\n"
        "  unexpected (1):\n"
        "    classifier.wieght (did you mean 'classifier.weight'?)\n"
        "  wrong shape (1):\n"
        "    features.0.bias: has shape (5,) in the state, (2,) in the module"
    )
    np.testing.assert_array_equal(net.classifier.bias.detach().numpy(), before)
    with pytest.raises(StateDictError, match="wrong shape"):
        net.load_state_dict(state, strict=False)
    state["features.0.bias"] = np.zeros(2)
    keys = net.load_state_dict(state, strict=False)
    assert keys == (["classifier.weight"], ["classifier.wieght"]) and keys.missing_keys == ["classifier.weight"]
    with pytest.raises(StateDictError, match=r"all names start with 'module.'"):
        net.load_state_dict({f"module.{k}": v for k, v in net.state_dict().items()})


def test_loading_marks_the_parameters_as_changed(rng):
    layer = nn.Linear(2, 2)
    y = layer(Tensor(rng.standard_normal((1, 2)).astype(np.float32), requires_grad=True))
    layer.load_state_dict(layer.state_dict())
    with pytest.raises(autograd.GraphError, match="changed in place"):
        y.sum().backward()


# --------------------------------------------------------------------------------------------- containers


def test_sequential():
    net = nn.Sequential(OrderedDict(conv=nn.Conv2d(1, 2, 3), act=nn.ReLU()))
    assert list(net.state_dict()) == ["conv.weight", "conv.bias"] and net.act is net[1] and net[-1] is net.act
    numbered = nn.Sequential(nn.Linear(1, 2), nn.Tanh()).append(nn.Linear(2, 3))
    assert len(numbered) == 3 and list(numbered[1:].state_dict()) == ["2.weight", "2.bias"]
    assert numbered[1:][0] is numbered[1]
    del numbered[1]
    assert list(numbered.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    numbered.insert(1, nn.ReLU())
    numbered[1] = nn.Sigmoid()
    assert [type(m).__name__ for m in numbered] == ["Linear", "Sigmoid", "Linear"]
    with pytest.raises(IndexError, match="index 3 is out of range for 3 items"):
        numbered[3]
    with pytest.raises(TypeError, match=r"Sequential: argument 0 must be a Module, got list.*Sequential\(\*layers\)"):
        nn.Sequential([nn.ReLU()])


def test_lists_and_dicts():
    heads = nn.ModuleList([nn.Linear(2, 1) for _ in range(2)])
    heads += [nn.Linear(2, 3)]
    assert len(heads) == 3 and list(heads.state_dict())[-1] == "2.bias" and heads[0] in heads
    assert heads.pop() is not None and len(heads) == 2
    with pytest.raises(TypeError, match="ModuleList: has no forward"):
        heads(1)
    named = nn.ModuleDict({"a": nn.ReLU(), "b": nn.Linear(1, 1)})
    assert list(named) == ["a", "b"] and "a" in named and len(named) == 2
    assert list(named.state_dict()) == ["b.weight", "b.bias"]
    named.pop("a")
    named["c"] = nn.Tanh()
    assert list(named.keys()) == ["b", "c"]
    weights = nn.ParameterList([Tensor(np.zeros(2)), nn.Parameter(np.ones(3))])
    assert list(weights.state_dict()) == ["0", "1"] and all(isinstance(p, nn.Parameter) for p in weights)


def test_printed_tree_is_torchs():
    torch = pytest.importorskip("torch")

    def build(nn):
        return nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1, bias=False),
            nn.Conv2d(8, 8, (3, 1), 2, dilation=2, groups=2, padding="valid", padding_mode="reflect"),
            nn.Sequential(nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.LeakyReLU(0.2, True), nn.GELU("tanh")),
            nn.MaxPool2d(2), nn.AvgPool2d(3, 2), nn.AdaptiveAvgPool2d((1, 1)), nn.AvgPool1d(2),
            nn.ConvTranspose2d(8, 4, 3, output_padding=1, stride=2), nn.Conv1d(2, 4, 3), nn.GroupNorm(2, 4),
            nn.LayerNorm([4, 5], eps=1e-6), nn.InstanceNorm2d(4), nn.LocalResponseNorm(5), nn.PReLU(),
            nn.Flatten(), nn.Unflatten(1, (2, 2)), nn.Dropout(0.3), nn.Embedding(5, 3, padding_idx=0), nn.Softmax(1),
            nn.Hardtanh(-2, 2), nn.Softplus(), nn.ELU(), nn.Identity(), nn.ModuleList([nn.Linear(2, 3)]),
            nn.CrossEntropyLoss(),
        )  # fmt: skip

    ours, theirs = repr(build(nn)), repr(build(torch.nn))
    newer = re.compile(r"(affine=(?:True|False)), bias=(?:True|False)")  # what some versions of PyTorch add for norms
    assert ours == newer.sub(r"\1", theirs)


# --------------------------------------------------------------------------------------------- errors


def test_a_wrong_number_of_features_names_layer_and_path(rng):
    net = nn.Sequential(OrderedDict(body=nn.Sequential(nn.Flatten(), nn.Linear(16, 4)), head=nn.Linear(5, 2)))
    with pytest.raises(ShapeError) as caught:
        net(image(rng, 2, 1, 4, 4))
    assert str(caught.value) == (
        "Linear: expected x of shape (..., 5), got (2, 4)\n  in head: Linear(in_features=5, out_features=2, bias=True)"
    )
    with pytest.raises(ShapeError, match=r"in body\.1: Linear\(in_features=16"):
        net(image(rng, 2, 1, 4, 5))


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (lambda: nn.Linear(16, 4), (2, 1, 4, 4), r"x of shape \(..., 16\), got \(2, 1, 4, 4\); flatten it first"),
        (lambda: nn.Conv2d(3, 4, 3), (2, 8, 8, 3), r"x of shape \(N, 3, H, W\), got .*x.permute\(0, 3, 1, 2\)"),
        (lambda: nn.Conv2d(3, 4, 3), (8, 8), r"Conv2d: expected x of shape \(N, 3, H, W\), 4 or 3 dimensions"),
        (lambda: nn.BatchNorm2d(4), (2, 3, 5, 5), r"BatchNorm2d: expected x of shape \(N, 4, H, W\), got \(2, 3, 5, 5"),
        (lambda: nn.BatchNorm2d(4), (4, 5, 5), r"missing batch dimension\? x\[None\]"),
        (lambda: nn.BatchNorm1d(4), (1, 4), r"more than one value per channel .*drop_last"),
        (lambda: nn.LayerNorm((3, 4)), (2, 4, 3), r"LayerNorm: expected x of shape \(..., 3, 4\), got \(2, 4, 3\)"),
        (lambda: nn.GroupNorm(2, 4), (2, 6, 3), r"GroupNorm: expected x of shape \(N, 4, ...\), got \(2, 6, 3\)"),
        (lambda: nn.MaxPool2d(2), (4, 4), r"MaxPool2d: expected x of shape \(N, C, H, W\)"),
    ],
)  # fmt: skip
def test_layers_refuse_wrong_shapes(rng, layer, shape, message):
    with pytest.raises(ShapeError, match=message):
        layer()(image(rng, *shape))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Conv2d(3, 4, 3, groups=2), "groups=2 must divide in_channels=3"),
        (lambda: nn.Conv2d(3, 4, 3, padding_mode="reflekt"), "padding_mode must be one of zeros, reflect"),
        (lambda: nn.Conv2d(3, 4, 3, stride=2, padding="same"), "padding='same' needs stride 1"),
        (lambda: nn.GroupNorm(3, 4), "num_groups=3 must divide num_channels=4"),
        (lambda: nn.Dropout(1.5), r"Dropout: p is a probability, in \[0, 1\], got 1.5"),
        (lambda: nn.MSELoss(reduction="average"), "reduction must be one of mean, sum, none, got 'average'"),
        (lambda: nn.Embedding(4, 2, padding_idx=4), "padding_idx=4 is outside of 4 rows"),
        (lambda: init.calculate_gain("rely"), "unknown nonlinearity 'rely'.*'relu'"),
        (lambda: F.rely, "has no 'rely'.*'relu'"),
    ],
)
def test_impossible_arguments(make, message):
    with pytest.raises((ValueError, AttributeError), match=message):
        make()


# ------------------------------------------------------------------------------------------------ fused neighbours


def sequence(kind):
    autograd.manual_seed(0)
    if kind == "linear":
        layers = [nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3), nn.ReLU()]
        return nn.Sequential(*layers), autograd.randn(4, 5)
    layers = [nn.Conv2d(3, 9, 3, padding=1), nn.ReLU(), nn.Conv2d(9, 4, 3, padding="same", bias=False), nn.ReLU()]
    return nn.Sequential(*layers), autograd.randn(2, 3, 6, 5)


def results_of(net, x, forward):
    """The output and all gradients, as bytes."""
    x = x.clone().requires_grad_()
    net.zero_grad()
    y = forward(x)
    (y * y).sum().backward()
    return [t.array.tobytes() for t in (y, x.grad, *(p.grad for p in net.parameters()))]


@pytest.mark.parametrize("kind", ["linear", "conv"])
def test_relu_in_the_layer_before_it_gives_the_same_bits(kind):
    net, x = sequence(kind)

    def one_by_one(x):
        for layer in net:
            x = layer(x)
        return x

    assert results_of(net, x, net) == results_of(net, x, one_by_one)
    assert net(x.requires_grad_()).grad_fn.op.name == f"{'conv2d' if kind == 'conv' else 'linear'}_relu"


def test_fused_layers_notice_hooks_and_changes():
    net, x = sequence("linear")
    plain, seen = net(x).array, []
    handle = net[0].register_forward_hook(lambda module, args, y: seen.append(y.array.min()))
    np.testing.assert_array_equal(net(x).array, plain)
    assert len(seen) == 1 and seen[0] < 0  # the layer's own result, before the ReLU
    handle.remove()
    net[1].register_forward_hook(lambda module, args, y: y * 2)
    assert not np.array_equal(net(x).array, plain)
    net[1] = nn.Tanh()
    assert net(x).shape == (4, 3)
    net[1] = nn.ReLU()
    np.testing.assert_array_equal(net(x).array, plain)
    net.append(nn.Linear(3, 2))
    assert net(x).shape == (4, 2)
    del net[4]
    np.testing.assert_array_equal(net(x).array, plain)


def test_an_error_in_a_fused_layer_names_the_layer():
    net, _ = sequence("linear")
    with pytest.raises(autograd.ShapeError, match=r"in 0: Linear\(in_features=5"):
        net(autograd.ones(4, 6))
