"""Layers that one op computes together give what they give apart: the same bits, or (folded) the same to rounding."""

import numpy as np
import pytest

import autograd as ag
from autograd import nn
from autograd.backends import flags
from autograd.nn.fusion import ConvNorm, WithReLU, fused, norm_relu


def batch(rng, *shape):
    return ag.from_numpy(rng.standard_normal(shape).astype("f4"))


def trained(*layers):
    """The layers in sequence, all with weights that depend on their order alone, batch norms with statistics too."""
    rng = np.random.default_rng(0)
    model = nn.Sequential(*layers)
    for value in model.parameters():
        value.array[...] = rng.standard_normal(value.shape) * 0.3
    for layer in model.modules():
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            layer.running_mean.array[...] = rng.standard_normal(layer.running_mean.shape)
            layer.running_var.array[...] = rng.uniform(0.5, 2, layer.running_var.shape)
    return model


def steep(*layers):
    """As trained; what comes out of batch norms exceeds 6 here and there."""
    model = trained(*layers)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.weight.array[...] *= 30
    return model


MODELS = {
    "linear, relu": (lambda: trained(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2)), (4, 6)),
    "conv, relu": (lambda: trained(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True)), (2, 3, 6, 6)),
    "conv, relu, pool": (lambda: trained(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.MaxPool2d(2)), (2, 3, 9, 9)),
    "conv, relu, overlapping pool": (
        lambda: trained(nn.Conv2d(3, 9, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1)),
        (2, 3, 9, 9),
    ),
    "conv, pool, relu": (lambda: trained(nn.Conv2d(3, 4, 3), nn.MaxPool2d((2, 3)), nn.ReLU()), (2, 3, 9, 9)),
    "norm, relu": (lambda: trained(nn.BatchNorm2d(3), nn.ReLU()), (4, 3, 5, 5)),
    "norm 1d, relu": (lambda: trained(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU()), (8, 6)),
    "conv, norm": (lambda: trained(nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4)), (3, 3, 9, 9)),
    "conv, norm, relu": (lambda: trained(nn.Conv2d(3, 5, 3, bias=False), nn.BatchNorm2d(5), nn.ReLU()), (3, 3, 9, 9)),
    "norm, relu6": (lambda: steep(nn.BatchNorm2d(3), nn.ReLU6()), (4, 3, 5, 5)),
    "conv, norm, relu6": (lambda: steep(nn.Conv2d(3, 5, 3, bias=False), nn.BatchNorm2d(5), nn.ReLU6()), (3, 3, 9, 9)),
    "no affine": (lambda: trained(nn.Conv2d(3, 5, 1), nn.BatchNorm2d(5, affine=False), nn.ReLU()), (3, 3, 9, 9)),
    "grouped": (lambda: trained(nn.Conv2d(4, 8, 3, groups=4), nn.BatchNorm2d(8), nn.ReLU()), (3, 4, 9, 9)),
    "no statistics": (lambda: trained(nn.Conv2d(3, 5, 1), nn.Flatten(), nn.Linear(405, 3), nn.ReLU()), (3, 3, 9, 9)),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("training", [True, False])
def test_together_as_apart(name, training, rng):
    make, shape = MODELS[name]
    x = batch(rng, *shape)
    found = {}
    for fusion in (True, False):
        model = make().train(training)
        inputs = x.clone().requires_grad_()
        with flags(fusion=fusion):
            y = model(inputs)
            (y * y).sum().backward()
        found[fusion] = [y, inputs.grad, *(p.grad for p in model.parameters()), *model.buffers()]
    for a, b in zip(found[True], found[False]):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=2e-5, atol=2e-5)
    np.testing.assert_array_equal(found[True][0].detach().numpy(), found[False][0].detach().numpy())


@pytest.mark.parametrize("name", [n for n in MODELS if "conv, norm" in n or n in ("no affine", "grouped")])
def test_inference_folds_batch_norm_into_the_convolution(name, rng):
    make, shape = MODELS[name]
    model, x = make().eval(), batch(rng, *shape)
    assert any(isinstance(step, ConvNorm) and step.is_ready() for step in fused(model))
    with ag.no_grad():
        folded = model(x).numpy()
        with flags(fusion=False):
            apart = model(x).numpy()
    np.testing.assert_allclose(folded, apart, rtol=1e-4, atol=1e-5)
    model[0].weight.array[...] *= 2
    with ag.no_grad():
        np.testing.assert_allclose(model(x).numpy(), model.train(False)(x).numpy(), rtol=1e-4)
        assert not np.allclose(model(x).numpy(), folded)


def test_a_layer_parametrized_after_the_first_call_is_called_itself(rng):
    model, x = trained(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU()).eval(), batch(rng, 2, 3, 6, 6)
    with ag.no_grad():
        before = model(x).numpy()
        nn.utils.parametrizations.weight_norm(model[0])
        model[0].parametrizations.weight.original0.mul_(2)
        with flags(fusion=False):
            apart = model(x).numpy()
        np.testing.assert_allclose(model(x).numpy(), apart, rtol=1e-4, atol=1e-5)
    assert not np.allclose(before, apart)


def test_hooks_and_subclasses_keep_layers_apart(rng):
    class Own(nn.ReLU):
        def forward(self, x):
            return x * 0

    model = nn.Sequential(nn.BatchNorm2d(3), nn.ReLU())
    x, seen = batch(rng, 2, 3, 4, 4), []
    assert isinstance(fused(model)[0], WithReLU)
    handle = model[0].register_forward_hook(lambda module, args, out: seen.append(float(out.detach().numpy().min())))
    y = model(x)
    assert seen[0] < 0 <= float(y.detach().numpy().min())
    handle.remove()
    model(x)
    assert len(seen) == 1
    assert len(fused([nn.BatchNorm2d(3), Own()])) == 2
    assert len(fused([nn.Conv2d(3, 3, 1, padding_mode="reflect"), nn.BatchNorm2d(3)])) == 2


def test_pooling_before_the_relu_shows_nobody(rng):
    """Infinities, NaN and windows without anything positive; who hooks the ReLU sees what it gives."""
    model, seen = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(), nn.MaxPool2d(2, return_indices=False)), []
    assert len(fused(model)) == 1
    with ag.no_grad():
        model[0].weight.fill_(1)
        model[0].bias.fill_(0)
    x = -ag.rand(1, 1, 4, 4)
    x[0, 0, 0, 0], x[0, 0, 0, 2], x[0, 0, 3, 3] = float("nan"), float("inf"), -float("inf")
    y = model(x)
    np.testing.assert_array_equal(y.detach().numpy(), [[[[np.nan, np.inf], [0, 0]]]])
    model[1].register_forward_hook(lambda module, args, out: seen.append(out.shape))
    np.testing.assert_array_equal(model(x).detach().numpy(), y.detach().numpy())
    assert seen == [(1, 1, 4, 4)]
    model[2].return_indices = True
    assert len(model(x)) == 2
    dilated = nn.Sequential(model[0], nn.ReLU(), nn.MaxPool2d(2, 1, 2, dilation=4))
    with flags(fusion=False):
        apart = dilated(x[:, :, :1, :1].nan_to_num(0)).detach().numpy()
    assert np.isneginf(apart).all()
    np.testing.assert_array_equal(dilated(x[:, :, :1, :1].nan_to_num(0)).detach().numpy(), apart)


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_the_end_of_a_residual_block(residual, training, rng):
    x, other = batch(rng, 3, 4, 5, 5), batch(rng, 3, 4, 5, 5) if residual else None
    results = []
    for fusion in (True, False):
        norm = trained(nn.BatchNorm2d(4))[0].train(training)
        a = x.clone().requires_grad_()
        b = other.clone().requires_grad_() if residual else None
        with flags(fusion=fusion):
            y = norm_relu(norm, nn.ReLU(), a, b)
            (y * y).sum().backward()
        results.append([y, a.grad, norm.weight.grad, norm.bias.grad, *([b.grad] if residual else [])])
    for u, v in zip(*results):
        np.testing.assert_allclose(u.detach().numpy(), v.detach().numpy(), rtol=2e-5, atol=2e-5)


def test_errors_name_the_layer():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(5), nn.ReLU())
    for context in (ag.no_grad(), ag.enable_grad()):
        with context, pytest.raises(ag.ShapeError, match=r"in 1: BatchNorm2d"):
            model(ag.zeros(2, 3, 8, 8))


def test_an_encoder_layer_computes_its_relu_with_the_product():
    """The same bits as one after the other, and a hook on the layer sees its own result."""
    layer, x = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0), ag.randn(5, 3, 8, requires_grad=True)
    results = []
    for enabled in (True, False):
        with flags(fusion=enabled):
            x.grad = None
            y = layer(x)
            y.sum().backward()
        results.append((y.array.copy(), x.grad.array.copy()))
    for together, apart in zip(*results):
        np.testing.assert_array_equal(together, apart)
    seen = []
    layer.linear1.register_forward_hook(lambda module, args, out: seen.append(out.array.min()))
    np.testing.assert_array_equal(layer(x).array, results[0][0])
    assert seen[0] < 0
