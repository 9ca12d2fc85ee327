"""The zoo: published parameter counts, names of weights, shapes, weights from files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import autograd
from autograd import Tensor, io, nn
from autograd.errors import FormatError, ShapeError, StateDictError
from autograd.vision import models
from autograd.vision.layers import LayerNorm2d, SqueezeExcitation, StochasticDepth, make_divisible

# Parameters for 1,000 classes as torchvision's documentation gives them.
PUBLISHED = {
    "alexnet": 61_100_840,
    "convnext_base": 88_591_464,
    "convnext_large": 197_767_336,
    "convnext_small": 50_223_688,
    "convnext_tiny": 28_589_128,
    "densenet121": 7_978_856,
    "densenet161": 28_681_000,
    "densenet169": 14_149_480,
    "densenet201": 20_013_928,
    "efficientnet_b0": 5_288_548,
    "efficientnet_b1": 7_794_184,
    "efficientnet_b2": 9_109_994,
    "efficientnet_b3": 12_233_232,
    "efficientnet_b4": 19_341_616,
    "efficientnet_b5": 30_389_784,
    "efficientnet_b6": 43_040_704,
    "efficientnet_b7": 66_347_960,
    "googlenet": 13_004_888,
    "inception_v3": 27_161_264,
    "mobilenet_v2": 3_504_872,
    "mobilenet_v3_large": 5_483_032,
    "mobilenet_v3_small": 2_542_856,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "resnext50_32x4d": 25_028_904,
    "resnext101_32x8d": 88_791_336,
    "resnext101_64x4d": 83_455_272,
    "shufflenet_v2_x0_5": 1_366_792,
    "shufflenet_v2_x1_0": 2_278_604,
    "shufflenet_v2_x1_5": 3_503_624,
    "shufflenet_v2_x2_0": 7_393_996,
    "squeezenet1_0": 1_248_424,
    "squeezenet1_1": 1_235_496,
    "vgg11": 132_863_336,
    "vgg11_bn": 132_868_840,
    "vgg13": 133_047_848,
    "vgg13_bn": 133_053_736,
    "vgg16": 138_357_544,
    "vgg16_bn": 138_365_992,
    "vgg19": 143_667_240,
    "vgg19_bn": 143_678_248,
    "vit_b_16": 86_567_656,
    "vit_b_32": 88_224_232,
    "vit_l_16": 304_326_632,
    "vit_l_32": 306_535_400,
    "wide_resnet50_2": 68_883_240,
    "wide_resnet101_2": 126_886_696,
}
# Millions for 10 classes, as in table 6 of the paper; LeNet-5 has all of its maps connected.
SMALL = {"resnet20": 0.27, "resnet32": 0.46, "resnet44": 0.66, "resnet56": 0.85, "resnet110": 1.7, "lenet5": 0.06}
OWN = {"digits_cnn", "mlp", "resnet9", "small_cnn"}
# Weights of each family that only torchvision's structure has, with their shapes.
NAMES = {
    "alexnet": ("classifier.6.weight", (1000, 4096)),
    "convnext_tiny": ("features.5.8.layer_scale", (384, 1, 1)),
    "densenet121": ("features.denseblock3.denselayer24.conv2.weight", (32, 128, 3, 3)),
    "efficientnet_b0": ("features.2.0.block.2.fc1.weight", (4, 96, 1, 1)),
    "googlenet": ("aux1.fc1.weight", (1024, 2048)),
    "inception_v3": ("Mixed_7c.branch3x3dbl_3b.conv.weight", (384, 384, 3, 1)),
    "mobilenet_v2": ("features.17.conv.3.running_var", (320,)),
    "mobilenet_v3_large": ("features.15.block.2.fc2.weight", (960, 240, 1, 1)),
    "resnet50": ("layer4.0.downsample.1.weight", (2048,)),
    "resnext50_32x4d": ("layer1.0.conv2.weight", (128, 4, 3, 3)),
    "shufflenet_v2_x1_0": ("stage4.0.branch1.2.weight", (232, 232, 1, 1)),
    "squeezenet1_1": ("features.12.expand3x3.weight", (256, 64, 3, 3)),
    "vit_b_16": ("encoder.layers.encoder_layer_11.self_attention.in_proj_weight", (2304, 768)),
    "vgg16_bn": ("features.41.running_mean", (512,)),
}


def count(model: nn.Module) -> int:
    return sum(p.array.size for p in model.parameters())


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_as_many_as_published(name: str) -> None:
    with nn.init.skip():
        model = models.get_model(name, 1000)
    assert count(model) == PUBLISHED[name]


@pytest.mark.parametrize("name", SMALL)
def test_small_models_have_the_size_of_their_paper(name: str) -> None:
    assert f"{count(models.get_model(name, 10)) / 1e6:.3g}".startswith(str(SMALL[name]))


def test_resnet9_of_the_published_width() -> None:
    assert count(models.get_model("resnet9", 10, width=64)) == 6_573_130  # Page: 6.57 million


def test_every_model_has_a_published_count() -> None:
    assert set(models.list_models()) == {*PUBLISHED, *SMALL, *OWN}


def test_googlenet_without_heads() -> None:
    with nn.init.skip():
        assert count(models.googlenet(aux_logits=False)) == 6_624_904
        assert count(models.inception_v3(aux_logits=False)) == 23_834_568


@pytest.mark.parametrize("name", NAMES)
def test_names_of_weights(name: str) -> None:
    with nn.init.skip():
        state = models.get_model(name, 1000).state_dict()
    key, shape = NAMES[name]
    assert state[key].shape == shape


LARGE = [
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "googlenet", "inception_v3", "resnet18",
    "resnext50_32x4d", "vgg11_bn",
]  # fmt: skip
FAMILIES = [
    "lenet5", "mobilenet_v2", "mobilenet_v3_small", "resnet20", "shufflenet_v2_x0_5", "squeezenet1_0", "squeezenet1_1",
    *sorted(OWN), *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE),
]  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_smallest_pictures_and_own_channels(name: str) -> None:
    size = models.model_entry(name).min_size
    size = 12 if size == 1 else size
    model = models.get_model(name, 7, 2, image_size=size)
    scores = model.eval()(Tensor(np.random.default_rng(0).normal(size=(2, 2, size, size)).astype(np.float32)))
    assert scores.shape == (2, 7) and np.isfinite(scores.array).all()


@pytest.mark.parametrize(("name", "heads"), [("googlenet", 2), ("inception_v3", 1)])
def test_auxiliary_heads_speak_in_training_only(name: str, heads: int) -> None:
    model = models.get_model(name, 4)
    size = max(64, models.model_entry(name).min_size)
    x = Tensor(np.random.default_rng(0).normal(size=(2, 3, size, size)).astype(np.float32))
    outputs = model(x)
    assert [part.shape for part in outputs] == [(2, 4)] * (1 + heads)
    sum(part.sum() for part in outputs[1:]).backward()
    assert model.fc.weight.grad is None  # the heads hang on the middle, not on the end
    assert next(model.parameters()).grad.abs().sum().item() > 0


def test_attention_is_torchs() -> None:
    torch = pytest.importorskip("torch")
    autograd.manual_seed(0)
    block = models.vit.EncoderBlock(24, 3, 48, 0.0).double().eval()
    twin = torch.nn.MultiheadAttention(24, 3, batch_first=True, dtype=torch.float64)
    state = block.self_attention.state_dict()
    twin.load_state_dict({name: torch.tensor(value.array) for name, value in state.items()})
    x = np.random.default_rng(0).normal(size=(2, 5, 24))
    expected = twin(*[torch.tensor(x)] * 3, need_weights=False)[0].detach().numpy()
    np.testing.assert_allclose(block.self_attention(Tensor(x)).array, expected, rtol=1e-9)


def test_vision_transformer_is_for_one_size() -> None:
    model = models.vit_b_32(num_classes=3, in_channels=1, image_size=64).eval()
    assert model(Tensor(np.zeros((2, 1, 64, 64), np.float32))).shape == (2, 3)
    with pytest.raises(ShapeError, match=r"expected pictures \(N, C, 64, 64\), got \(2, 1, 96, 96\)"):
        model(Tensor(np.zeros((2, 1, 96, 96), np.float32)))
    with pytest.raises(ShapeError, match="multiple of the patch size 32"):
        models.vit_b_32(image_size=48)


# ------------------------------------------------------------------------------------------- weights from files


def test_weights_come_back_from_a_file(tmp_path: Path) -> None:
    first = models.resnet20(num_classes=5)
    io.save(first.state_dict(), tmp_path / "w.safetensors")
    before = autograd.get_rng_state()
    second = models.resnet20(num_classes=5, weights=tmp_path / "w.safetensors")
    assert all(np.array_equal(a.array, b.array) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert str(autograd.get_rng_state()) == str(before)  # nothing was drawn for weights that are replaced


def test_new_head_keeps_its_own_weights(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    first, second = models.resnet20(num_classes=5), models.resnet20(num_classes=3)
    io.save({"model": first.state_dict()}, path)
    head = second.fc.weight.array.copy()
    with pytest.raises(StateDictError, match=r"w.safetensors: .*\n.*wrong shape(.|\n)*fc.weight: has shape \(5, 64\)"):
        models.load_weights(second, path)
    assert models.load_weights(second, path, new_head=True) == ["fc.weight", "fc.bias"]
    assert np.array_equal(second.fc.weight.array, head)
    assert np.array_equal(second.conv1.weight.array, first.conv1.weight.array)


def test_files_that_are_no_weights(tmp_path: Path) -> None:
    io.save([1, 2], tmp_path / "list.safetensors")
    with pytest.raises(FormatError, match=r"list.safetensors: holds no tensors by name"):
        models.resnet20(weights=tmp_path / "list.safetensors")
    io.save(models.lenet5().state_dict(), tmp_path / "lenet.safetensors")
    with pytest.raises(StateDictError, match="missing"):
        models.resnet20(weights=tmp_path / "lenet.safetensors")


# ------------------------------------------------------------------------------------------- shared layers


def test_stochastic_depth_drops_samples_and_keeps_the_mean() -> None:
    autograd.manual_seed(0)
    layer = StochasticDepth(0.25)
    x = Tensor(np.ones((4000, 2, 1, 1), np.float32))
    y = layer(x).array
    assert set(np.unique(y)) == {0.0, np.float32(1 / 0.75)} and (y[:, 0] == y[:, 1]).all()
    assert abs(y.mean() - 1) < 0.03
    assert layer.eval()(x) is x
    assert len(np.unique(StochasticDepth(0.25, "batch")(x).array)) == 1
    with pytest.raises(ValueError, match="probability"):
        StochasticDepth(1.0)


def test_layer_norm_2d_works_on_each_pixel() -> None:
    x = np.random.default_rng(0).normal(size=(2, 5, 3, 4))
    y = LayerNorm2d(5, dtype=np.float64)(Tensor(x)).array
    expected = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(y, expected, rtol=1e-12)


def test_squeeze_excitation_scales_channels() -> None:
    layer = SqueezeExcitation(4, 2)
    x = np.random.default_rng(0).uniform(1, 2, (1, 4, 3, 3)).astype(np.float32)
    ratio = layer(Tensor(x)).array / x
    assert np.allclose(ratio, ratio[:, :, :1, :1], rtol=1e-5) and (ratio > 0).all() and (ratio < 1).all()


def test_widths_are_rounded_to_multiples() -> None:
    assert [make_divisible(v) for v in (3, 11, 12, 36, 37.4, 140)] == [8, 16, 16, 40, 40, 144]


def test_wrong_channels_name_the_layer() -> None:
    with pytest.raises(ShapeError, match="conv1"):
        models.resnet20()(Tensor(np.zeros((1, 1, 32, 32), np.float32)))
