"""nn.utils: weights computed from others, batch norms taken into layers, modules as functions of their parameters."""

import copy

import numpy as np
import pytest

import autograd as ag
from autograd import nn
from autograd.errors import ShapeError, StateDictError
from autograd.nn import utils
from autograd.nn.utils import parametrizations, parametrize


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).T

    def right_inverse(self, value):
        return value.triu()


class Doubled(nn.Module):
    def forward(self, x):
        return x * 2


def close(got, want, tolerance=1e-5):
    np.testing.assert_allclose(got.array, getattr(want, "array", want), rtol=tolerance, atol=tolerance)


# --------------------------------------------------------------------------------------------- parametrize


def test_a_parametrized_weight():
    layer = nn.Linear(3, 3)
    weight, before = layer.weight, layer.weight.array.copy()
    optimizer = ag.optim.SGD(layer.parameters(), lr=0.1)
    assert parametrize.register_parametrization(layer, "weight", Symmetric()) is layer
    assert type(layer).__name__ == "ParametrizedLinear" and isinstance(layer, nn.Linear)
    assert parametrize.type_before_parametrizations(layer) is nn.Linear
    assert list(layer.state_dict()) == ["bias", "parametrizations.weight.original"]
    assert layer.parametrizations.weight.original is weight, "optimizers know it"
    close(layer.weight, np.triu(before) + np.triu(before, 1).T)
    layer(ag.rand(2, 3)).sum().backward()
    optimizer.step()
    close(layer.weight, layer.weight.T)
    close(copy.deepcopy(layer).weight, layer.weight)
    layer.weight = ag.eye(3)
    close(layer.weight, np.eye(3))
    parametrize.register_parametrization(layer, "weight", Doubled())
    close(layer.weight, 2 * np.eye(3))
    with pytest.raises(ValueError, match="Doubled has no right_inverse"):
        layer.weight = ag.eye(3)
    assert parametrize.is_parametrized(layer, "weight") and not parametrize.is_parametrized(layer, "bias")
    parametrize.remove_parametrizations(layer, "weight")
    assert type(layer) is nn.Linear and not parametrize.is_parametrized(layer)
    assert layer.weight is weight and list(layer.state_dict()) == ["bias", "weight"]
    close(layer.weight, 2 * np.eye(3))


def test_parametrizations_are_computed_once_where_cached():
    layer = parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    assert layer.weight is not layer.weight
    with parametrize.cached(), parametrize.cached():
        assert layer.weight is layer.weight
    assert layer.weight is not layer.weight


def test_parametrizations_in_a_network():
    """The fused steps of Sequential see the computed weight, too."""
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    x = ag.rand(3, 4)
    want = net(x)
    close(net(x), want)
    parametrize.register_parametrization(net[0], "weight", Doubled())
    close(net(x), net[2](ag.relu(x @ (net[0].parametrizations.weight.original * 2).T + net[0].bias)))


def test_mistakes_in_parametrizations():
    class Flat(nn.Module):
        def forward(self, x):
            return x.flatten()

    layer = nn.Linear(2, 2)
    weight = layer.weight.array.copy()
    with pytest.raises(ShapeError, match=r"Linear.weight: the tensor has shape \(2, 2\), the result \(4,\)"):
        parametrize.register_parametrization(layer, "weight", Flat())
    close(layer.weight, weight)
    with pytest.raises(ValueError, match=r"Linear\.other is no parameter"):
        parametrize.register_parametrization(layer, "other", Flat())
    with pytest.raises(ValueError, match=r"Linear\.weight is not parametrized"):
        parametrize.remove_parametrizations(layer, "weight")


@pytest.mark.parametrize("dim", [0, 1, None])
def test_weight_norm(dim):
    layer = nn.Conv2d(3, 4, 2)
    before = layer.weight.array.copy()
    old = utils.weight_norm(copy.deepcopy(layer), dim=dim)
    parametrizations.weight_norm(layer, dim=dim)
    g, v = layer.parametrizations.weight.original0, layer.parametrizations.weight.original1
    axes = None if dim is None else tuple(i for i in range(4) if i != dim)
    close(g, np.sqrt((before**2).sum(axes, keepdims=dim is not None)))
    for weight in (layer.weight, old.weight):
        close(weight, before)
    with ag.no_grad():
        v *= 3  # only the direction counts
        old.weight_v *= 3
    x = ag.rand(1, 3, 4, 4)
    close(layer(x), old(x))
    close(layer.weight, before)
    assert set(old.state_dict()) == {"bias", "weight_g", "weight_v"}
    utils.remove_weight_norm(old)
    assert set(old.state_dict()) == {"bias", "weight"} and not old._hooks
    close(old.weight, before)
    with pytest.raises(ValueError, match=r"remove_weight_norm: Conv2d\.weight has none"):
        utils.remove_weight_norm(old)


def test_spectral_norm():
    layer = nn.ConvTranspose2d(3, 4, 2)
    old = utils.spectral_norm(copy.deepcopy(layer), n_power_iterations=30)
    parametrizations.spectral_norm(layer, n_power_iterations=30)
    x = ag.rand(1, 3, 4, 4)
    close(layer(x), old(x), 1e-4)
    rows = layer.weight.movedim(1, 0).flatten(1)  # output channels of a transposed convolution: axis 1
    assert np.linalg.svd(rows.array)[1][0] == pytest.approx(1, abs=1e-3)
    layer.eval()
    u = layer.parametrizations.weight[0]._u.array.copy()
    layer(x).sum().backward()
    close(layer.parametrizations.weight[0]._u, u, 0)
    assert set(old.state_dict()) == {"bias", "weight_orig", "weight_u", "weight_v"}
    utils.remove_spectral_norm(old)
    assert set(old.state_dict()) == {"bias", "weight"}
    vector = nn.BatchNorm1d(4)
    assert np.linalg.norm(parametrizations.spectral_norm(vector).weight.array) == pytest.approx(1)


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4)])
@pytest.mark.parametrize("trivial", [True, False])
@pytest.mark.parametrize("name", ["matrix_exp", "cayley", "householder"])
def test_orthogonal(name, trivial, shape):
    layer = nn.Linear(*shape[::-1], dtype=ag.float64)
    parametrizations.orthogonal(layer, orthogonal_map=name, use_trivialization=trivial)
    optimizer = ag.optim.SGD(layer.parameters(), lr=0.1)
    for _ in range(2):
        (layer(ag.ones(1, shape[1], dtype=ag.float64)) ** 2).sum().backward()
        optimizer.step()
        rows = layer.weight.array if shape[0] <= shape[1] else layer.weight.array.T
        np.testing.assert_allclose(rows @ rows.T, np.eye(min(shape)), atol=1e-12)
    if trivial:
        wanted = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0][: shape[0], : shape[1]]
        square = np.linalg.qr(wanted if shape[0] >= shape[1] else wanted.T)[0]
        layer.weight = ag.tensor(square if shape[0] >= shape[1] else square.T)
        close(layer.weight, square if shape[0] >= shape[1] else square.T, 1e-12)


# --------------------------------------------------------------------------------------------- others


@pytest.mark.parametrize("transposed", [False, True])
def test_batch_norm_taken_into_a_layer(transposed):
    conv = (nn.ConvTranspose2d if transposed else nn.Conv2d)(3, 4, 2)
    norm = nn.BatchNorm2d(4)
    norm(ag.rand(4, 4, 3, 3) * 3 + 1)
    with pytest.raises(ValueError, match="must be in eval mode"):
        utils.fuse_conv_bn_eval(conv, norm)
    x = ag.rand(2, 3, 5, 5)
    fused = utils.fuse_conv_bn_eval(conv.eval(), norm.eval(), transposed)
    close(fused(x), norm(conv(x)))
    linear, norm = nn.Linear(3, 4, bias=False).eval(), nn.BatchNorm1d(4).eval()
    norm.running_mean.fill_(2)
    close(utils.fuse_linear_bn_eval(linear, norm)(x[0, :, 0, :3]), norm(linear(x[0, :, 0, :3])))


def test_total_norm():
    p = nn.Parameter(np.zeros(2))
    p.grad = ag.tensor([3.0, 4.0], dtype=ag.float64)
    assert utils.get_total_norm([p.grad]).item() == 5 and utils.get_total_norm([p.grad], 1).item() == 7
    utils.clip_grads_with_norm_([p], 1.0, ag.tensor(10.0))
    close(p.grad, [0.3, 0.4])


def test_skip_init():
    ag.manual_seed(0)
    before = ag.get_rng_state()
    layer = utils.skip_init(nn.Linear, 3, 4)
    assert layer.weight.shape == (4, 3) and (before == ag.get_rng_state()).all()


def test_a_module_as_a_function():
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    x, own = ag.rand(5, 3), {name: p.array.copy() for name, p in net.state_dict().items()}
    given = {"0.weight": ag.zeros(4, 3), "0.bias": ag.zeros(4), "1.running_mean": ag.ones(4)}
    net.eval()
    y = ag.func.functional_call(net, given, x)
    assert y.shape == (5, 2) and np.ptp(y.array, axis=0).max() == 0
    for name, p in net.state_dict().items():
        np.testing.assert_array_equal(p.array, own[name])
    slope = ag.func.grad(lambda w: ag.func.functional_call(net, {"2.weight": w}, (x,)).sum())(net[2].weight.detach())
    net(x).sum().backward()
    close(slope, net[2].weight.grad)
    with pytest.raises(StateDictError, match=r"unknown: '0.wieght' \(did you mean '0.weight'"):
        ag.func.functional_call(net, {"0.wieght": ag.zeros(4, 3)}, x)
    with pytest.raises(StateDictError, match=r"missing: 0\.bias"):
        ag.func.functional_call(net, {"0.weight": given["0.weight"]}, x, strict=True)


def test_shared_weights_are_replaced_together():
    net = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    net[1].weight = net[0].weight
    x, w = ag.rand(2, 3), ag.rand(3, 3)
    close(ag.func.functional_call(net, {"0.weight": w}, x), x @ w.T @ w.T)
    close(ag.func.functional_call(net, {"0.weight": w}, x, tie_weights=False), x @ w.T @ net[0].weight.T)


def test_many_models_at_once():
    models = [nn.Linear(3, 2) for _ in range(3)]
    params, buffers = ag.func.stack_module_state(models)
    assert params["weight"].shape == (3, 2, 3) and params["weight"].requires_grad and buffers == {}
    x = ag.rand(5, 3)
    call = ag.vmap(lambda p, b, x: ag.func.functional_call(models[0], (p, b), (x,)), in_dims=(0, 0, None))
    close(call(params, buffers, x), np.stack([model(x).array for model in models]))
    with pytest.raises(ValueError, match="models of several classes: Linear, ReLU"):
        ag.func.stack_module_state([models[0], nn.ReLU()])
