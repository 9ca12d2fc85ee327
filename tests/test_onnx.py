"""ONNX both ways: what is imported runs and trains, what is exported means the same to other programs."""

import os
from pathlib import Path

import numpy as np
import pytest

import autograd as ag
from autograd import nn, optim
from autograd.errors import FormatError
from autograd.nn import functional as F
from autograd.op import registry
from autograd.vision import models

onnx = pytest.importorskip("onnx")

from autograd.onnx import export, load  # noqa: E402
from autograd.onnx.export import trace  # noqa: E402
from autograd.onnx.export_table import EXPORTS, REASONS  # noqa: E402

DATA = os.environ.get("AUTOGRAD_DATA")


def tensor(name, array, **kwargs):
    return onnx.numpy_helper.from_array(np.asarray(array, **kwargs), name)


def model_of(nodes, inputs, outputs, constants=(), opset=18, functions=()):
    """A small model; inputs and outputs: name -> shape (float32)."""
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes,
        "g",
        [value(n, 1, s) for n, s in inputs.items()],
        [value(n, 1, s) for n, s in outputs.items()],
        list(constants),
    )
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)], functions=list(functions))


def run_elsewhere(model, *inputs):
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {i.name: x for i, x in zip(session.get_inputs(), inputs)})


# ---------------------------------------------------------------------------------------------- import


def dense():
    nodes = [onnx.helper.make_node("Gemm", ["x", "fc.weight", "fc.bias"], ["y"], transB=1)]
    constants = [tensor("fc.weight", [[1.0, 2], [3, 4]], dtype="f4"), tensor("fc.bias", [0.5, -0.5], dtype="f4")]
    return model_of(nodes, {"x": (None, 2)}, {"y": (None, 2)}, constants)


def test_weights_are_parameters_under_their_own_names():
    model = load(dense())
    assert sorted(n for n, _ in model.named_parameters()) == ["fc.bias", "fc.weight"]
    assert sorted(model.state_dict()) == ["fc.bias", "fc.weight"] and not model.training
    y = model(ag.tensor([[1.0, 1.0]]))
    np.testing.assert_array_equal(y.detach().numpy(), [[3.5, 6.5]])
    y.sum().backward()
    np.testing.assert_array_equal(model.get_parameter("fc.weight").grad.numpy(), [[1, 1], [1, 1]])
    np.testing.assert_array_equal(model(x=ag.tensor([[0.0, 0.0]])).detach().numpy(), [[0.5, -0.5]])


def test_training_moves_batch_norm_and_lowers_the_loss(rng):
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    x = ag.from_numpy(rng.standard_normal((12, 1, 4, 4)).astype("f4"))
    labels = ag.from_numpy(rng.integers(0, 3, 12))
    again = load(trace(model, x, dynamic_axes={"input": {0: "n"}, "output": {0: "n"}}))
    again.train()
    before = np.array(dict(again.named_buffers())["1.running_mean"].numpy())
    optimizer = optim.SGD(again.parameters(), lr=0.1)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = F.cross_entropy(again(x), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert not np.array_equal(before, dict(again.named_buffers())["1.running_mean"].numpy())
    assert again.eval()(x[:5]).shape == (5, 3)


def test_functions_of_the_model_and_control_flow():
    value = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node
    double = onnx.helper.make_function(
        "own", "Double", ["a"], ["b"], [node("Add", ["a", "a"], ["b"])], [onnx.helper.make_opsetid("", 18)]
    )
    body = onnx.helper.make_graph(
        [node("Identity", ["go"], ["on"]), node("Mul", ["s", "x"], ["t"])],
        "body",
        [value("i", 7, ()), value("go", 9, ()), value("s", 1, (1,))],
        [value("on", 9, ()), value("t", 1, (1,))],
    )
    nodes = [
        node("Double", ["x"], ["d"], domain="own"),
        node("Loop", ["n", "", "d"], ["y"], body=body),
    ]
    model = model_of(nodes, {"x": (1,)}, {"y": (1,)}, [tensor("n", 3, dtype="i8")], functions=[double])
    model.opset_import.append(onnx.helper.make_opsetid("own", 1))
    x = ag.tensor([3.0], requires_grad=True)
    y = load(model)(x)
    assert y.item() == 6 * 27
    y.sum().backward()
    assert x.grad.item() == 2 * 4 * 27  # d(2 x ** 4)/dx


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda m: b"not a model", "not an ONNX model"),
        (lambda m: setattr(m.graph.node[0], "op_type", "Gem"), "no operator 'Gem'"),
        (lambda m: m.graph.node[0].input.__setitem__(0, "z"), "reads 'z', which nothing has made"),
        (lambda m: m.graph.initializer[0].dims.__setitem__(0, 5), "'fc.weight' has 16 bytes, but shape \\(5, 2\\)"),
        (lambda m: m.graph.initializer[0].dims.__setitem__(0, 2**62), "has dimensions"),
        (lambda m: m.graph.node[0].attribute.append(onnx.helper.make_attribute("transC", 1)), "'transC' is not known"),
    ],
)  # fmt: skip
def test_unsound_models_are_refused(break_it, message):
    model = dense()
    broken = break_it(model)
    with pytest.raises(FormatError, match=message):
        load(broken if isinstance(broken, bytes) else model)(ag.zeros(1, 2))


def external(location, **more):
    model = dense()
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": location, **more}.items():
        entry = weight.external_data.add()
        entry.key, entry.value = key, str(value)
    return model


def test_external_data_only_on_request_and_only_beside_the_model(tmp_path):
    """CVE-2022-25882, CVE-2024-27318 and their like: paths that lead out of the folder."""
    folder = tmp_path / "m"
    folder.mkdir()
    weights = np.array([[1, 2], [3, 4]], "f4")
    (folder / "w.bin").write_bytes(b"pad!" + weights.tobytes())
    (tmp_path / "secret").write_bytes(weights.tobytes())
    path = folder / "m.onnx"
    path.write_bytes(external("w.bin", offset=4, length=16).SerializeToString())
    with pytest.raises(FormatError, match="external_data=True"):
        load(path)
    model = load(path, external_data=True)
    assert model(ag.ones(1, 2)).detach().numpy().tolist() == [[3.5, 6.5]]
    model.get_parameter("fc.weight").array[...] = 0  # trained in memory, the file stays
    assert (folder / "w.bin").read_bytes() == b"pad!" + weights.tobytes()
    os.symlink(tmp_path / "secret", folder / "link")
    os.link(tmp_path / "secret", folder / "hard")
    os.mkfifo(folder / "pipe")
    forged = ["../secret", str(tmp_path / "secret"), "link", "hard", "pipe", ".", "", "none", "w.bin/../../secret"]
    for location in forged:
        path.write_bytes(external(location).SerializeToString())
        with pytest.raises(FormatError):
            load(path, external_data=True)
    for more in ({"offset": -1}, {"offset": 8, "length": 16}, {"length": 2**40}, {"offset": "x"}):
        path.write_bytes(external("w.bin", **more).SerializeToString())
        with pytest.raises(FormatError):
            load(path, external_data=True)


@pytest.mark.parametrize("runs", [300, pytest.param(5_000, marks=pytest.mark.slow)])
def test_damaged_files_give_format_errors(rng, runs):
    data = (Path(__file__).parent / "corpus" / "small.onnx").read_bytes()
    assert load(data)(ag.ones(1, 3)).detach().numpy().tolist() == [[3, 3]]
    for _ in range(runs):
        damaged = bytearray(data)
        for place in rng.integers(0, len(data), 3):
            damaged[place] = rng.integers(256)
        try:
            model = load(bytes(damaged))
        except FormatError:
            continue
        assert isinstance(model, nn.Module)


# ---------------------------------------------------------------------------------------------- export


def agrees_elsewhere(model, proto, x):
    """onnxruntime and our own import give what the model gives."""
    with ag.no_grad():
        y = model(ag.from_numpy(x)).numpy()
        np.testing.assert_allclose(load(proto)(ag.from_numpy(x)).numpy(), y, rtol=1e-4, atol=1e-5 * np.abs(y).max())
    (theirs,) = run_elsewhere(proto, x)
    assert np.abs(theirs - y).max() <= 1e-4 * np.abs(y).max()


QUICK = (
    "densenet121",
    "efficientnet_b0",
    "googlenet",
    "mobilenet_v2",
    "resnet18",
    "shufflenet_v2_x1_0",
    "squeezenet1_1",
)
ZOO = [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.long)
    for name in models.list_models()
    if name != "mlp"
]


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
def test_every_model_of_the_zoo_is_exported(name, rng):
    entry = models.model_entry(name)
    size = min(entry.size, max(entry.min_size, 64))
    channels = 1 if entry.size <= 28 else 3
    ag.manual_seed(0)
    model = models.get_model(name, 10, channels, image_size=size).eval()
    for layer in model.modules():  # statistics as after training: with the initial ones deep models fade to constants
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_var.array[...] = rng.uniform(0.5, 1.5, layer.running_var.shape)
    x = rng.standard_normal((2, channels, size, size)).astype("f4")
    batch = {0: "batch"}
    proto = trace(model, ag.from_numpy(x), dynamic_axes={"input": batch, "output": batch})
    agrees_elsewhere(model, proto, np.concatenate([x, x[:1]]))


SMALL = {"lenet5": 28, "digits_cnn": 8, "resnet20": 32, "googlenet": 64}


@pytest.mark.parametrize("name", SMALL)
def test_models_mean_the_same_elsewhere_and_come_back(name, rng, tmp_path):
    ag.manual_seed(0)
    model = models.get_model(name, 10, 1 if name in ("lenet5", "digits_cnn") else 3, image_size=SMALL[name])
    model.eval()
    x = rng.standard_normal((2, 1 if name in ("lenet5", "digits_cnn") else 3, SMALL[name], SMALL[name])).astype("f4")
    batch = {0: "batch"}
    export(model, ag.from_numpy(x), tmp_path / "m.onnx", dynamic_axes={"input": batch, "output": batch})
    again = load(tmp_path / "m.onnx")
    unused = {n for n, _ in model.named_parameters()} - {n for n, _ in again.named_parameters()}
    assert all(n.startswith("aux") for n in unused)  # heads that work in training only
    x = np.concatenate([x, x[:1]])  # another batch size than the example's
    agrees_elsewhere(model, onnx.load(tmp_path / "m.onnx"), x)


def test_every_op_is_written_or_has_a_reason():
    primitives = [r for r in registry().values() if r.module.startswith("autograd.") and not r.composite]
    silent = [
        r.name for r in primitives if r.name not in EXPORTS and r.name not in REASONS and not (r.onnx and not r.attrs)
    ]
    assert not silent
    assert not {*EXPORTS, *REASONS} - {r.name for r in primitives}


def test_what_cannot_be_written_is_named():
    class Odd(nn.Module):
        def forward(self, x):
            return x[x.numpy() > 0]

    with pytest.raises(FormatError, match="getitem cannot be written: indexing with masks"):
        trace(Odd(), ag.ones(3))


SPELLINGS = [
    lambda x: x[:, 1:, ::2],
    lambda x: x[..., -1],
    lambda x: x[0, None],
    lambda x: x[:, [2, 0]],
    lambda x: x[1:-1, ::-1],
    lambda x: x.mean((0, 2), keepdims=True),
    lambda x: x.var(1),
    lambda x: x.std(),
    lambda x: ag.logsumexp(x, axis=-1),
    lambda x: F.gelu(x),
    lambda x: F.gelu(x, approximate="tanh"),
    lambda x: F.silu(x),
    lambda x: F.softplus(x, beta=2),
    lambda x: F.layer_norm(x, x.shape[1:]),
    lambda x: F.pad(x, (1, 2, 0, 1), value=0.5),
    lambda x: x.clip(-0.5, 0.5),
    lambda x: F.adaptive_avg_pool2d(x[None], (2, 3)),
    lambda x: F.local_response_norm(x[None], 3),
    lambda x: F.unfold(x[None], (2, 3), dilation=(1, 2), padding=(1, 0), stride=(2, 1)),
    lambda x: x % 0.7,
    lambda x: ag.einsum("abc,abd->cd", x, x),
    lambda x: ag.concatenate(x, x * 2, axis=1),
    lambda x: x.flatten(),
    lambda x: ag.log1p(abs(x)) + ag.exp2(x) - ag.rsqrt(x * x + 1),
    lambda x: ag.where(x > 0, x, x * 0.1),
    lambda x: F.conv_transpose2d(x[None], ag.ones(3, 2, 3, 3), stride=2, padding=1, output_padding=1),
    lambda x: ag.tril(x),
    lambda x: F.group_norm(x[None], 3),
    lambda x: F.hardswish(x),
    lambda x: x.argmax(1),
    lambda x: ag.cumsum(x, axis=1),
    lambda x: ag.roll(x, 2, 1),
    lambda x: ag.logaddexp(x, x * 2),
    lambda x: ag.frac(x * 5),
    lambda x: (x > 1).any(1),
    lambda x: (x > -1).all(),
    lambda x: ag.argsort(x, axis=2, descending=True),
    lambda x: ag.nan_to_num(ag.log(x), nan=2.0),
    lambda x: ag.isfinite(ag.log(x)),
    lambda x: ag.hypot(x, x + 1),
    lambda x: ag.floor_divide(x, 0.3),
    lambda x: ag.any(x, keepdims=True),
]


@pytest.mark.parametrize("function", SPELLINGS)
def test_ops_mean_the_same_elsewhere(function, rng):
    x = rng.standard_normal((3, 4, 5)).astype("f4")
    proto = trace(function, ag.from_numpy(x))
    onnx.checker.check_model(proto, full_check=True)
    expected = function(ag.from_numpy(x)).numpy()
    for found in (run_elsewhere(proto, x)[0], load(proto)(ag.from_numpy(x)).numpy()):
        assert found.shape == expected.shape and found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


# ---------------------------------------------------------------------------------------------- a real model


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.skipif(not DATA, reason="AUTOGRAD_DATA is not set")
def test_a_real_model_is_scored_tuned_and_handed_on(tmp_path):
    from autograd.vision.datasets import MNIST

    test, train = MNIST(DATA, train=False), MNIST(DATA, train=True)
    pictures = np.asarray(test.images, "f4").reshape(-1, 1, 28, 28)  # the model wants 0 to 255
    labels = np.asarray(test.labels)
    model = load(f"{DATA}/onnx/mnist.onnx")

    def accuracy(run):
        return float(np.mean([run(pictures[i : i + 1]).argmax() == labels[i] for i in range(len(labels))]))

    def ours(x):
        with ag.no_grad():
            return model(ag.from_numpy(x)).numpy()

    before = accuracy(ours)
    assert round(before, 3) == 0.989
    optimizer = optim.Adam(model.parameters(), lr=1e-4)
    model.train()
    for i in range(len(train.labels)):  # the file fixes the batch at one picture, so gradients of 64 are added up
        x = np.asarray(train.images[i], "f4").reshape(1, 1, 28, 28)
        F.cross_entropy(model(ag.from_numpy(x)), ag.tensor([int(train.labels[i])])).backward()
        if i % 64 == 63:
            optimizer.step()
            optimizer.zero_grad()
    model.eval()
    tuned = accuracy(ours)
    print(f"mnist.onnx: {100 * before:.2f} %, after an epoch of fine-tuning {100 * tuned:.2f} %")
    assert tuned > 0.985
    export(model, ag.from_numpy(pictures[:1]), tmp_path / "tuned.onnx")
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(str(tmp_path / "tuned.onnx"), providers=["CPUExecutionProvider"])
    assert accuracy(lambda x: session.run(None, {"input": x})[0]) == tuned
