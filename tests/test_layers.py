"""What layers compute, against PyTorch where installed and against NumPy formulas; initial values; clipping."""

import math

import numpy as np
import pytest

import autograd
from autograd import nn
from autograd.errors import DTypeError, ShapeError
from autograd.nn import functional as F
from autograd.nn import init
from autograd.nn.utils import clip_grad_norm_, clip_grad_value_, parameters_to_vector, vector_to_parameters
from autograd.tensor import Tensor

LAYERS = {
    "Linear": (lambda nn: nn.Linear(5, 3), (2, 4, 5)),
    "Conv1d": (lambda nn: nn.Conv1d(4, 6, 3, 2, 1, 1, 2), (2, 4, 9)),
    "Conv1d unbatched": (lambda nn: nn.Conv1d(2, 3, 3, padding="same"), (2, 9)),
    "Conv2d": (lambda nn: nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 0), (1, 2), 2), (2, 4, 7, 6)),
    "Conv2d unbatched": (lambda nn: nn.Conv2d(2, 3, 3, bias=False), (2, 5, 6)),
    "Conv2d same": (lambda nn: nn.Conv2d(2, 3, (4, 3), padding="same", dilation=(1, 2)), (2, 2, 6, 7)),
    "Conv2d valid": (lambda nn: nn.Conv2d(2, 3, 3, padding="valid"), (2, 2, 5, 5)),
    "Conv2d reflect": (lambda nn: nn.Conv2d(2, 3, 3, 2, (2, 1), padding_mode="reflect"), (2, 2, 5, 6)),
    "Conv2d replicate": (lambda nn: nn.Conv2d(2, 3, 3, padding=1, padding_mode="replicate"), (2, 2, 5, 6)),
    "Conv2d circular same": (lambda nn: nn.Conv2d(2, 3, 4, padding="same", padding_mode="circular"), (2, 2, 5, 6)),
    "ConvTranspose2d": (lambda nn: nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, 2, dilation=2), (2, 4, 5, 4)),
    "ConvTranspose2d unbatched": (lambda nn: nn.ConvTranspose2d(2, 3, (2, 3)), (2, 5, 4)),
    "MaxPool1d": (lambda nn: nn.MaxPool1d(3, 2, 1), (2, 3, 9)),
    "MaxPool2d": (lambda nn: nn.MaxPool2d((3, 2), 2, (1, 0), ceil_mode=True), (2, 3, 7, 7)),
    "MaxPool2d unbatched": (lambda nn: nn.MaxPool2d(2), (3, 6, 5)),
    "AvgPool1d": (lambda nn: nn.AvgPool1d(3, 2, 1), (2, 3, 8)),
    "AvgPool2d": (lambda nn: nn.AvgPool2d(3, 2, 1, count_include_pad=False), (2, 3, 7, 6)),
    "AvgPool2d divisor": (lambda nn: nn.AvgPool2d(2, divisor_override=3), (3, 6, 5)),
    "AdaptiveAvgPool2d": (lambda nn: nn.AdaptiveAvgPool2d((3, None)), (2, 3, 7, 5)),
    "AdaptiveMaxPool2d": (lambda nn: nn.AdaptiveMaxPool2d(2), (2, 3, 7, 5)),
    "BatchNorm1d": (lambda nn: nn.BatchNorm1d(4), (6, 4)),
    "BatchNorm1d with length": (lambda nn: nn.BatchNorm1d(4, momentum=0.3), (6, 4, 5)),
    "BatchNorm2d": (lambda nn: nn.BatchNorm2d(3, eps=1e-3), (4, 3, 5, 2)),
    "BatchNorm2d cumulative": (lambda nn: nn.BatchNorm2d(3, momentum=None), (4, 3, 5, 2)),
    "BatchNorm2d untracked": (lambda nn: nn.BatchNorm2d(3, affine=False, track_running_stats=False), (4, 3, 5, 2)),
    "LayerNorm": (lambda nn: nn.LayerNorm((3, 4)), (2, 3, 4)),
    "LayerNorm without bias": (lambda nn: nn.LayerNorm(4, bias=False), (2, 3, 4)),
    "GroupNorm": (lambda nn: nn.GroupNorm(2, 6), (2, 6, 3, 4)),
    "InstanceNorm2d": (lambda nn: nn.InstanceNorm2d(3, affine=True), (2, 3, 4, 5)),
    "InstanceNorm2d tracked": (lambda nn: nn.InstanceNorm2d(3, track_running_stats=True), (2, 3, 4, 5)),
    "LocalResponseNorm": (lambda nn: nn.LocalResponseNorm(3, 1e-2, 0.6, 2.0), (2, 5, 3, 4)),
    "Embedding": (lambda nn: nn.Embedding(7, 3, padding_idx=2), "integers"),
    "Bilinear": (lambda nn: nn.Bilinear(3, 4, 2), "two"),
    "PReLU": (lambda nn: nn.PReLU(4), (3, 4, 2)),
    "Flatten": (lambda nn: nn.Flatten(1, 2), (2, 3, 4, 5)),
    "Unflatten": (lambda nn: nn.Unflatten(-1, (2, 3)), (2, 6)),
    "GLU": (lambda nn: nn.GLU(1), (3, 4, 2)),
    "Softmax": (lambda nn: nn.Softmax(dim=1), (3, 4, 2)),
    "Softmin": (lambda nn: nn.Softmin(dim=1), (3, 4, 2)),
    "LogSoftmax": (lambda nn: nn.LogSoftmax(dim=-1), (3, 4, 2)),
    "LeakyReLU": (lambda nn: nn.LeakyReLU(0.2), (3, 7)),
    "ELU": (lambda nn: nn.ELU(0.7), (3, 7)),
    "CELU": (lambda nn: nn.CELU(0.7), (3, 7)),
    "GELU tanh": (lambda nn: nn.GELU("tanh"), (3, 7)),
    "Softplus": (lambda nn: nn.Softplus(2.0, 1.5), (3, 7)),
    "Hardtanh": (lambda nn: nn.Hardtanh(-0.5, 0.7), (3, 7)),
    **{
        name: (lambda nn, name=name: getattr(nn, name)(), (3, 7))
        for name in (
            "ReLU", "ReLU6", "SiLU", "Mish", "Hardswish", "Hardsigmoid", "SELU", "Sigmoid", "Tanh", "LogSigmoid",
            "Softsign", "GELU", "Identity",
        )
    },
}  # fmt: skip


def inputs_of(rng, shape):
    if shape == "integers":
        return [rng.integers(0, 7, (2, 5))]
    if shape == "two":
        return [rng.standard_normal((5, 3)), rng.standard_normal((5, 4))]
    return [rng.standard_normal(shape)]


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_layer_is_torchs(rng, name):
    """Result, gradients of inputs and parameters, state names and values after two training steps, and in eval mode."""
    torch = pytest.importorskip("torch")
    make, shape = LAYERS[name]
    theirs, ours = make(torch.nn).double(), make(nn).double()
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    for train in (True, True, False):
        theirs.train(train)
        ours.train(train)
        arrays = inputs_of(rng, shape)
        floating = arrays[0].dtype.kind == "f"
        xs = [Tensor(a.copy(), requires_grad=floating) for a in arrays]
        us = [torch.tensor(a, requires_grad=floating) for a in arrays]
        y, z = ours(*xs), theirs(*us)
        np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol=1e-10, atol=1e-12)
        if z.requires_grad:
            g = rng.standard_normal(z.shape)
            y.backward(Tensor(g))
            z.backward(torch.tensor(g))
        pairs = [*zip(xs, us), *zip(ours.parameters(), theirs.parameters())]
        for x, u in pairs:
            if u.grad is not None:
                np.testing.assert_allclose(
                    x.grad.numpy(), u.grad.numpy(), rtol=1e-7, atol=1e-10
                )  # torch: 1/6 is a float32
    mine, other = ours.state_dict(), theirs.state_dict()
    assert list(mine) == list(other)
    for key, value in other.items():
        np.testing.assert_allclose(mine[key].numpy(), value.numpy(), rtol=1e-12, err_msg=key)


LOSSES = {
    "MSELoss": (lambda nn: nn.MSELoss(), "real"),
    "L1Loss": (lambda nn: nn.L1Loss(reduction="sum"), "real"),
    "SmoothL1Loss": (lambda nn: nn.SmoothL1Loss(reduction="none", beta=0.5), "real"),
    "HuberLoss": (lambda nn: nn.HuberLoss(delta=0.5), "real"),
    "BCELoss": (lambda nn: nn.BCELoss(), "probability"),
    "BCEWithLogitsLoss": (lambda nn: nn.BCEWithLogitsLoss(), "share"),
    "NLLLoss": (lambda nn: nn.NLLLoss(ignore_index=1), "label"),
    "CrossEntropyLoss": (lambda nn: nn.CrossEntropyLoss(label_smoothing=0.1), "label"),
    "CrossEntropyLoss sum": (lambda nn: nn.CrossEntropyLoss(ignore_index=2, reduction="sum"), "label"),
    "CrossEntropyLoss probabilities": (lambda nn: nn.CrossEntropyLoss(), "distribution"),
    "KLDivLoss": (lambda nn: nn.KLDivLoss(reduction="batchmean"), "distribution"),
}


def targets_of(rng, kind):
    x = rng.standard_normal((6, 4))
    if kind == "label":
        return x, rng.integers(0, 4, 6)
    if kind == "real":
        return x, rng.standard_normal((6, 4))
    share = rng.uniform(0.1, 0.9, (6, 4))
    if kind == "distribution":
        return x, share / share.sum(1, keepdims=True)
    return (rng.uniform(0.1, 0.9, (6, 4)) if kind == "probability" else x), share


@pytest.mark.parametrize("name", LOSSES)
def test_loss_is_torchs(rng, name):
    torch = pytest.importorskip("torch")
    make, kind = LOSSES[name]
    x, t = targets_of(rng, kind)
    ours, theirs = Tensor(x.copy(), requires_grad=True), torch.tensor(x, requires_grad=True)
    y, z = make(nn)(ours, Tensor(t)), make(torch.nn)(theirs, torch.tensor(t))
    np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol=1e-10)
    y.sum().backward()
    z.sum().backward()
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_class_weights_are_state():
    loss = nn.CrossEntropyLoss(Tensor(np.array([1.0, 2.0])))
    assert list(loss.state_dict()) == ["weight"] and not list(loss.parameters())


# --------------------------------------------------------------------------------------------- by formula


def test_batch_norm_statistics(rng):
    layer = nn.BatchNorm2d(2, momentum=0.25).double()
    mean, var = np.zeros(2), np.ones(2)
    for _ in range(3):
        x = rng.standard_normal((3, 2, 4, 5)) * 2 + 1
        y = layer(Tensor(x)).detach().numpy()
        m, v = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)
        np.testing.assert_allclose(y, (x - m) / np.sqrt(v + 1e-5), rtol=1e-10)
        mean = 0.75 * mean + 0.25 * m.ravel()
        var = 0.75 * var + 0.25 * x.var((0, 2, 3), ddof=1)
    np.testing.assert_allclose(layer.running_mean.numpy(), mean, rtol=1e-12)
    np.testing.assert_allclose(layer.running_var.numpy(), var, rtol=1e-12)
    assert layer.num_batches_tracked.item() == 3
    average = nn.BatchNorm1d(2, momentum=None).double()
    batches = rng.standard_normal((4, 8, 2))
    for x in batches:
        average(Tensor(x))
    np.testing.assert_allclose(average.running_mean.numpy(), batches.mean((0, 1)), rtol=1e-12, atol=1e-15)
    layer.reset_running_stats()
    assert layer.num_batches_tracked.item() == 0 and not layer.running_mean.numpy().any()


def test_padding_modes_are_numpys(rng):
    x = rng.standard_normal((1, 2, 5, 6))
    for mode, name in (("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap")):
        layer = nn.Conv2d(2, 3, 3, padding=(1, 2), padding_mode=mode).double()
        plain = nn.Conv2d(2, 3, 3).double()
        plain.load_state_dict(layer.state_dict())
        padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (2, 2)), name)
        y, z = layer(Tensor(x)).detach().numpy(), plain(Tensor(padded)).detach().numpy()
        np.testing.assert_allclose(y, z, rtol=1e-12, atol=1e-14)


def test_dropout_drops_in_training_only():
    x = Tensor(np.ones((50, 40), np.float32))
    autograd.manual_seed(0)
    layer = nn.Dropout(0.25)
    y = layer(x).numpy()
    assert set(np.unique(y)) == {np.float32(0), np.float32(1) / np.float32(0.75)}
    assert abs((y == 0).mean() - 0.25) < 0.04
    assert layer.eval()(x) is x
    z = nn.Dropout2d(0.5)(Tensor(np.ones((8, 6, 3, 3), np.float32))).numpy().reshape(48, 9)
    assert ((z == 0).all(1) | (z == 2).all(1)).all() and 8 < (z[:, 0] == 0).sum() < 40


def test_embedding_takes_integers_and_pads(rng):
    layer = nn.Embedding(4, 3, padding_idx=-1)
    assert not layer.weight.array[3].any() and layer.weight.array[:3].all()
    layer(Tensor(np.array([[0, 3, 3]]))).sum().backward()
    np.testing.assert_array_equal(layer.weight.grad.numpy(), [[1, 1, 1], [0] * 3, [0] * 3, [0] * 3])
    with pytest.raises(DTypeError, match=r"Embedding: expected integers, got float32; use x.long\(\)"):
        layer(Tensor(np.zeros(2, np.float32)))
    table = nn.Embedding.from_pretrained(Tensor(rng.standard_normal((5, 2))))
    assert not table.weight.requires_grad and table.weight.dtype == np.float64


def test_transposed_convolution_reaches_the_wanted_size(rng):
    layer = nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1)
    x = Tensor(rng.standard_normal((1, 2, 4, 4)).astype(np.float32))
    assert layer(x).shape == (1, 3, 7, 7) and layer(x, output_size=(8, 7)).shape == (1, 3, 8, 7)
    with pytest.raises(ShapeError, match=r"output_size=\(9, 7\) is not within \(2, 2\) above the least size \(7, 7\)"):
        layer(x, output_size=(9, 7))


# --------------------------------------------------------------------------------------------- initial values


def drawn(fill, *shape):
    autograd.manual_seed(1)
    return fill(Tensor(np.empty(shape, np.float64))).numpy()


def test_initial_values_of_layers():
    autograd.manual_seed(0)
    layer = nn.Conv2d(8, 64, 3)
    bound = 1 / math.sqrt(8 * 9)
    for values in (layer.weight.array, layer.bias.array):
        assert np.abs(values).max() <= bound and np.abs(values).max() > 0.9 * bound
    np.testing.assert_allclose(layer.weight.array.std(), bound / math.sqrt(3), rtol=0.03)
    autograd.manual_seed(0)
    np.testing.assert_array_equal(nn.Conv2d(8, 64, 3).weight.array, layer.weight.array)


@pytest.mark.parametrize(
    ("fill", "std", "limit"),
    [
        (lambda t: init.uniform_(t, -3, 1), 4 / math.sqrt(12), 3),
        (lambda t: init.normal_(t, 0, 2), 2, None),
        (lambda t: init.xavier_uniform_(t, 2), 2 * math.sqrt(2 / (50 * 20 + 40 * 20)), 2 * math.sqrt(6 / 1800)),
        (lambda t: init.xavier_normal_(t), math.sqrt(2 / 1800), None),
        (lambda t: init.kaiming_uniform_(t, math.sqrt(5)), math.sqrt(1 / 1000 / 3), math.sqrt(1 / 1000)),
        (lambda t: init.kaiming_normal_(t, mode="fan_out", nonlinearity="relu"), math.sqrt(2 / 800), None),
        (lambda t: init.trunc_normal_(t, 0, 1, -1, 1), 0.5396, 1),
    ],
)  # fmt: skip
def test_spread_of_initial_values(fill, std, limit):
    values = drawn(fill, 40, 50, 4, 5)
    np.testing.assert_allclose(values.std(), std, rtol=0.02)
    assert limit is None or 0.97 * limit < np.abs(values).max() <= limit


def test_exact_initial_values():
    q = drawn(lambda t: init.orthogonal_(t, 2), 4, 3, 5)
    np.testing.assert_allclose(q.reshape(4, 15) @ q.reshape(4, 15).T, 4 * np.eye(4), atol=1e-12)
    q = drawn(init.orthogonal_, 6, 2)
    np.testing.assert_allclose(q.T @ q, np.eye(2), atol=1e-12)
    np.testing.assert_array_equal(drawn(init.eye_, 2, 3), np.eye(2, 3))
    assert (drawn(init.ones_, 3) == 1).all() and not drawn(init.zeros_, 3).any()
    assert (drawn(lambda t: init.constant_(t, 0.5), 2, 2) == 0.5).all()
    sparse = drawn(lambda t: init.sparse_(t, 0.4), 10, 7)
    assert ((sparse == 0).sum(0) == 4).all()
    x = np.random.default_rng(0).standard_normal((1, 4, 5, 5))
    same = F.conv2d(Tensor(x), Tensor(drawn(lambda t: init.dirac_(t, 2), 4, 2, 3, 3)), None, 1, 1, 1, 2).numpy()
    np.testing.assert_array_equal(same, x)
    assert init.calculate_gain("leaky_relu", 0.5) == math.sqrt(2 / 1.25) and init.calculate_gain("tanh") == 5 / 3


# --------------------------------------------------------------------------------------------- nn.utils


def with_gradients(rng, *shapes):
    params = [nn.Parameter(np.zeros(s)) for s in shapes]
    for p in params:
        p.grad = Tensor(rng.standard_normal(p.shape))
    return params


@pytest.mark.parametrize("kind", [2.0, 1.0, math.inf])
def test_clipping_the_norm(rng, kind):
    params = with_gradients(rng, (3, 4), (5,))
    flat = np.concatenate([p.grad.numpy().ravel() for p in params])
    norm = clip_grad_norm_((p for p in params), 0.5, kind)
    np.testing.assert_allclose(norm.item(), np.linalg.norm(flat, kind), rtol=1e-12)
    clipped = np.concatenate([p.grad.numpy().ravel() for p in params])
    np.testing.assert_allclose(clipped, flat * 0.5 / (norm.item() + 1e-6), rtol=1e-12)
    clip_grad_norm_(params, 100.0)
    np.testing.assert_array_equal(np.concatenate([p.grad.numpy().ravel() for p in params]), clipped)
    params[0].grad.array[0, 0] = np.nan
    with pytest.raises(ValueError, match="total norm of the gradients is nan"):
        clip_grad_norm_(params, 1.0, error_if_nonfinite=True)


def test_clipping_values_and_vectors(rng):
    params = with_gradients(rng, (3, 4), (5,))
    clip_grad_value_(params, 0.1)
    assert max(np.abs(p.grad.numpy()).max() for p in params) == 0.1
    vector = parameters_to_vector(params)
    assert vector.shape == (17,) and vector.requires_grad
    vector_to_parameters(Tensor(np.arange(17.0)), params)
    assert params[1].array[0] == 12
    with pytest.raises(ShapeError, match="expected a vector of 17 elements"):
        vector_to_parameters(Tensor(np.zeros(16)), params)


@pytest.mark.parametrize(
    "name", ["mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "binary_cross_entropy", "kl_div"]
)
def test_a_loss_takes_arrays_beside_tensors(name):
    a, b = np.random.default_rng(0).uniform(0.1, 0.9, (2, 3, 4))
    loss = getattr(F, name)
    x, y = autograd.tensor(a, requires_grad=True), autograd.tensor(b, requires_grad=True)
    loss(x, y).backward()
    for place, tensor in enumerate((x, y)):
        inputs = [a, b]
        inputs[place] = alone = autograd.tensor((a, b)[place], requires_grad=True)
        loss(*inputs).backward()
        assert np.array_equal(alone.grad.numpy(), tensor.grad.numpy())


# --------------------------------------------------------------------------------------------- fractional pooling


def test_fractional_pooling():
    """With u = 0 the windows begin at whole multiples of the step, the last one at the end."""
    x = autograd.tensor(np.arange(30.0).reshape(1, 1, 5, 6))
    layer = nn.FractionalMaxPool2d(2, output_size=(2, 3), return_indices=True, _random_samples=autograd.zeros(1, 1, 2))
    y, index = layer(x)
    np.testing.assert_array_equal(y.array, [[[[7, 9, 11], [25, 27, 29]]]])
    np.testing.assert_array_equal(index.array, y.array)
    assert nn.FractionalMaxPool3d(2, output_ratio=0.5)(autograd.rand(3, 8, 6, 4)).shape == (3, 4, 3, 2)
    with pytest.raises(ValueError, match="give either output_size or output_ratio"):
        nn.FractionalMaxPool2d(2)
    with pytest.raises(ShapeError, match="6 windows of 2 do not fit into 5 elements"):
        nn.FractionalMaxPool2d(2, 6)(x)
