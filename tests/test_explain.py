"""Attributions on models whose answer is known, statistics against scikit-learn, pictures, the command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import autograd
from autograd import Tensor, explain, nn
from autograd.cli import main
from autograd.data import DataLoader, TensorDataset
from autograd.errors import ShapeError
from autograd.vision.datasets import Digits
from autograd.vision.models import get_model

RNG = np.random.default_rng(0)


class Corner(nn.Module):
    """Class 1 is the brightness of the upper left quarter, class 0 that of the lower right one."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 1, bias=False)
        self.conv.weight.array[...] = 1

    def forward(self, x: Tensor) -> Tensor:
        maps = self.conv(x)
        upper, lower = maps[:, 0, :4, :4].sum((1, 2)), maps[:, 1, 4:, 4:].sum((1, 2))
        return nn.functional.stack([lower, upper], 1)


UPPER = np.zeros((8, 8), bool)
UPPER[:4, :4] = True
IMAGES = RNG.uniform(0.5, 1, (3, 1, 8, 8))


@pytest.mark.parametrize("method", [explain.saliency, explain.smooth_grad, explain.occlusion])
def test_attributions_find_the_place(method: Any) -> None:
    heat = method(Corner().double(), IMAGES, 1)
    assert heat.shape == (3, 8, 8)
    assert heat[:, UPPER].min() > 2 * heat[:, 4:, :4].mean()
    other = method(Corner().double(), IMAGES, 0)
    assert other[:, 5:, 5:].min() > 2 * other[:, :4, 4:].mean()


def test_integrated_gradients_add_up() -> None:
    autograd.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(144, 3)).double()
    parts = explain.integrated_gradients(model, IMAGES, 2, steps=200)
    with autograd.no_grad():
        difference = (model(Tensor(IMAGES)) - model(Tensor(0 * IMAGES))).array[:, 2]
    assert parts.shape == IMAGES.shape
    np.testing.assert_allclose(parts.sum((1, 2, 3)), difference, rtol=1e-4)


class Weighted(nn.Module):
    """Two feature maps: where x is bright and where it is dark, pooled and weighed 2 and -1."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Conv2d(1, 2, 1)
        self.maps.weight.array[:, 0, 0, 0] = (1, -1)
        self.maps.bias.array[:] = (0, 1)
        self.fc = nn.Linear(2, 2, bias=False)
        self.fc.weight.array[...] = [[0, 0], [2, -1]]

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.maps(x).mean([2, 3]))


def test_grad_cam_is_its_formula() -> None:
    model = Weighted().double()
    heat = explain.grad_cam(model, IMAGES, 1)
    x = IMAGES[:, 0]
    expected = np.maximum((2 * x - (1 - x)) / 64, 0)  # gradients of means over 64 pixels: 2/64 and -1/64
    np.testing.assert_allclose(heat, expected / expected.max((1, 2), keepdims=True), rtol=1e-6)
    again = explain.grad_cam(model, IMAGES, 1, layer="maps")
    assert np.array_equal(heat, again)
    plus = explain.grad_cam_plus_plus(model, IMAGES, 1)
    g, total = 2 / 64, x.sum((1, 2))
    weight = 64 * g * g**2 / (2 * g**2 + total * g**3)  # the map with a negative gradient counts nothing
    cam = weight[:, None, None] * x
    np.testing.assert_allclose(plus, cam / cam.max((1, 2), keepdims=True), rtol=1e-6)


def test_grad_cam_says_where_it_cannot_look() -> None:
    with pytest.raises(ValueError, match="no layer of this model has feature maps"):
        explain.grad_cam(nn.Sequential(nn.Flatten(), nn.Linear(64, 2)).double(), IMAGES)
    with pytest.raises(AttributeError, match="did you mean 'maps'"):
        explain.grad_cam(Weighted().double(), IMAGES, layer="map")
    with pytest.raises(ValueError, match=r"expected feature maps \(N, C, H, W\)"):
        explain.grad_cam(Weighted().double(), IMAGES, layer="fc")
    with pytest.raises(ValueError, match=r"knows 0 .. 1"):
        explain.grad_cam(Weighted().double(), IMAGES, 2)
    with pytest.raises(ShapeError, match=r"missing batch dimension\? images\[None\]"):
        explain.saliency(Weighted().double(), IMAGES[0])


def test_the_model_stays_as_it_was() -> None:
    model = get_model("digits_cnn").train()
    model.features[0].eval()
    before = {name: value.array.copy() for name, value in model.state_dict().items()}
    x = RNG.normal(size=(4, 1, 8, 8)).astype(np.float32)
    for method in (explain.saliency, explain.occlusion, explain.grad_cam, explain.integrated_gradients):
        method(model, x)
    explain.examine(model, x, np.arange(4))
    assert model.training and model.features[0].training is not model.features[1].training
    assert all(p.grad is None for p in model.parameters())
    assert all(np.array_equal(value.array, before[name]) for name, value in model.state_dict().items())
    assert not model.features._hooks and not any(layer._hooks for layer in model.modules())


# ------------------------------------------------------------------------------------------- health


def verdicts(model: Any, x: np.ndarray) -> dict[str, str]:
    found = explain.examine(model, x.astype(np.float32), np.arange(len(x)) % 2)
    return {layer.name: layer.verdict for layer in found}


def test_healthy_layers_get_no_verdict() -> None:
    autograd.manual_seed(0)
    assert set(verdicts(get_model("digits_cnn"), RNG.normal(size=(64, 1, 8, 8))).values()) == {""}


def test_sick_layers_are_named() -> None:
    autograd.manual_seed(0)
    x = RNG.normal(size=(64, 8))
    deep = nn.Sequential(*(layer for _ in range(12) for layer in (nn.Linear(8, 8), nn.Sigmoid())), nn.Linear(8, 2))
    assert verdicts(deep, x)["0"].startswith("vanishing gradient")
    dead = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))
    dead[0].bias.array[...] = -100
    assert verdicts(dead, x)["1"].startswith("dead: 100 %")
    full = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2))
    full[0].weight.array[...] *= 1000
    assert verdicts(full, x)["1"].startswith("saturated")
    large = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 2))
    large[0].weight.array[...] *= 1e7
    assert verdicts(large, x)["0"].startswith("exploding activations")


# ------------------------------------------------------------------------------------------- scores


def test_roc_and_calibration_against_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    y = RNG.random(200) < 0.4
    s = np.round(RNG.normal(size=200) + y, 1)  # with ties
    false, true, thresholds = explain.roc_curve(s, y)
    expected = metrics.roc_curve(y, s, drop_intermediate=False)
    for ours, theirs in zip((false, true, thresholds), expected):
        np.testing.assert_allclose(ours, theirs)
    assert explain.auc(s, y) == pytest.approx(metrics.roc_auc_score(y, s))
    with pytest.raises(ValueError, match="positive and negative"):
        explain.roc_curve(s, y | True)


def test_calibration_by_hand() -> None:
    p = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.45, 0.55]])
    found = explain.calibration(p, [0, 1, 1, 1], bins=10)
    assert found.samples.tolist() == [0, 0, 0, 0, 0, 1, 1, 0, 0, 2]
    assert found.accuracy[9] == 0.5 and found.confidence[9] == pytest.approx(0.9)
    assert found.error == pytest.approx((2 * 0.4 + 0.4 + 0.45) / 4)
    with pytest.raises(ShapeError, match="calibration: expected probabilities"):
        explain.calibration(p, [0, 1])


def test_top_losses() -> None:
    order, losses = explain.top_losses([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]], [1, 1, 0], 2)
    assert order.tolist() == [0, 2] and losses == pytest.approx(-np.log([0.1, 0.5]))


def test_nearest_training_examples() -> None:
    digits = Digits()
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    loader = DataLoader(TensorDataset(Tensor(digits.images[:300] / np.float32(16)), Tensor(digits.labels[:300])), 64)
    features, labels = explain.embed(model, loader)
    assert features.shape == (300, 64) and np.array_equal(labels, digits.labels[:300])
    order, cosines = explain.nearest(features[:50], features, 4)
    assert order[:, 0].tolist() == list(range(50)) and np.allclose(cosines[:, 0], 1)
    assert (labels[order[:, 1:]] == labels[:50, None]).mean() > 0.9  # even raw pixels know that much


# ------------------------------------------------------------------------------------------- pictures


def test_pictures() -> None:
    ramp = np.linspace(0, 1, 12).reshape(3, 4)
    coloured = explain.colours(ramp)
    assert coloured.dtype == np.uint8 and np.all(np.diff(coloured.reshape(-1, 3).astype(int).sum(1)) > 0)
    image = RNG.random((3, 3, 4)).astype(np.float32)
    plain = explain.overlay(image, 0 * ramp)
    assert np.ptp(plain.astype(int), axis=2).max() == 0  # nothing hot: grey
    assert explain.overlay(image, ramp, scale=5).shape == (15, 20, 3)
    assert explain.grid([coloured] * 5, 2, gap=1).shape == (3 * 4 - 1, 2 * 5 - 1, 3)
    model = get_model("lenet5")
    assert explain.filters(model, "features.0", scale=1).shape == (2 * 7 - 2, 3 * 7 - 2, 3)
    maps = explain.feature_maps(model, RNG.random((1, 28, 28)).astype(np.float32), "features.3", scale=1)
    assert maps.shape == (4 * 12 - 2, 4 * 12 - 2, 3)
    with pytest.raises(ValueError, match="expected those of a convolution"):
        explain.filters(model, "classifier.1")


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    digit = Digits(train=False)
    Image.fromarray((digit.images[0, 0] * 15).astype(np.uint8)).save("zero.png")
    assert main(["explain", "zero.png"]) == 2
    assert "--checkpoint: there is no run below runs/" in capsys.readouterr().err
    assert main(["train", "--epochs", "1", "--no-report", "--threads", "1"]) == 0
    for method in ("grad-cam", "grad-cam++", "saliency", "smooth-grad", "integrated-gradients", "occlusion"):
        assert main(["explain", "zero.png", "--method", method, "--out", "seen"]) == 0
        with Image.open(f"seen/zero.{method}.png") as picture:
            assert picture.size == (2 * 256 + 4, 256)
            right = np.asarray(picture)[:, 260:]
        assert np.ptp(right.astype(int), axis=2).max() > 30  # there is colour
    capsys.readouterr()
    assert main(["explain", "zero.png", "--class", "7"]) == 0
    assert capsys.readouterr().out.startswith("zero.png: 7 ")
    for mistake, text in {
        "--method cam": "--method: unknown name 'cam'",
        "--class ten": "--class: unknown name 'ten'",
        "--layer features.9": "--layer: unknown name 'features.9'",
        "--layer features --method occlusion": "--layer: is for grad-cam, not for occlusion",
    }.items():
        assert main(["explain", "zero.png", *mistake.split()]) == 2
        assert text in capsys.readouterr().err
