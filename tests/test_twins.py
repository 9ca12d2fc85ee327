"""Forward pass and one training step of the zoo's models against torch twins with the same weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Tensor, optim
from autograd.nn import functional as F
from autograd.vision import models

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")
twins = pytest.importorskip("twins")

CLASSES, LR = 10, 0.05
CASES: dict[str, tuple[Any, int, dict[str, Any]]] = {  # twin, size of the pictures, options that switch dropout off
    "alexnet": (twins.alexnet, 63, {"dropout": 0.0}),
    "vgg16": (twins.vgg16, 32, {"dropout": 0.0}),
    "googlenet": (twins.googlenet, 64, {"dropout": 0.0, "dropout_aux": 0.0}),
    "resnet18": (twins.resnet, 64, {}),
    "resnet50": (twins.resnet, 64, {}),
    "densenet121": (twins.densenet121, 64, {}),
    "mobilenet_v2": (twins.mobilenet_v2, 64, {"dropout": 0.0}),
    "efficientnet_b0": (twins.efficientnet_b0, 64, {"dropout": 0.0, "stochastic_depth": 0.0}),
}


def parts(scores: Any) -> tuple[Any, ...]:
    return scores if isinstance(scores, tuple) else (scores,)


def loss_of(scores: Any, labels: Any, cross_entropy: Any) -> Any:
    first, *others = parts(scores)
    return cross_entropy(first, labels) + 0.3 * sum(cross_entropy(other, labels) for other in others)


def double(value: Any) -> np.ndarray:
    return np.asarray(value.detach().numpy(), np.float64)


def distance(ours: Any, theirs: Any) -> float:
    """||ours - theirs|| / ||theirs||"""
    a, b = double(ours), double(theirs)
    assert a.shape == b.shape
    return float(np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-300))


def build(name: str, dtype: Any, seed: int) -> tuple[Any, np.ndarray, np.ndarray]:
    """The model, with factors and statistics of batch norm that are not the initial ones, pictures, labels."""
    _, size, options = CASES[name]
    autograd.manual_seed(seed)
    model = models.get_model(name, CLASSES, 3, **options).to(dtype)
    rng = np.random.default_rng(seed)
    for key, value in model.state_dict().items():
        if key.endswith(("running_mean", "running_var")) or (value.ndim == 1 and "weight" in key):
            value.array[...] = rng.uniform(0.5, 1.5, value.shape)
    return model, rng.normal(size=(2, 3, size, size)).astype(dtype), rng.integers(0, CLASSES, 2)


def weights_for_torch(model: Any, dtype: Any) -> dict[str, Any]:
    learned = {key for key, _ in model.named_parameters()}
    return {
        key: torch.tensor(value.array.astype(dtype if key in learned or "running" in key else np.int64)).requires_grad_(
            key in learned
        )
        for key, value in model.state_dict().items()
    }


def torch_step(name: str, state: dict[str, Any], x: np.ndarray, y: np.ndarray) -> tuple[Any, dict[str, np.ndarray]]:
    """Scores in training, gradients by name; then `state` holds the weights after one step."""
    scores = CASES[name][0](twins.Weights(state, True), torch.tensor(x))
    loss_of(scores, torch.tensor(y), torch.nn.functional.cross_entropy).backward()
    learned = {key: value for key, value in state.items() if value.requires_grad}
    torch.optim.SGD(learned.values(), lr=LR, momentum=0.9).step()
    return scores, {key: double(value.grad) for key, value in learned.items()}


def compare(name: str, dtype: Any, seed: int) -> set[str]:
    """Asserts that scores, statistics and the step agree; returns the weights whose gradients differ by more."""
    limit = 1e-4 if dtype is np.float32 else 1e-9
    model, x, y = build(name, dtype, seed)
    state = weights_for_torch(model, np.float64)
    with autograd.no_grad():
        scores = model.eval()(Tensor(x))
    assert distance(scores, CASES[name][0](twins.Weights(state, False), torch.tensor(x, dtype=torch.float64))) < limit

    own = weights_for_torch(model, dtype)
    scores = model.train()(Tensor(x))
    loss_of(scores, Tensor(y), F.cross_entropy).backward()
    gradients = {key: double(value.grad) for key, value in model.named_parameters()}
    optim.SGD(model.parameters(), lr=LR, momentum=0.9).step()
    expected_scores, expected = torch_step(name, state, x.astype(np.float64), y)
    rounded_scores, rounded = torch_step(name, own, x, y)

    for ours, theirs, torchs in zip(parts(scores), parts(expected_scores), parts(rounded_scores), strict=True):
        assert distance(ours, theirs) < max(limit, 2 * distance(torchs, theirs))  # batch norms of two pictures
    for key, value in model.named_buffers():
        assert distance(value, state[key]) < limit or "num_batches" in key, key
    floor = 1e-6 * max(np.linalg.norm(g) for g in expected.values())  # some gradients are 0 but for rounding
    different = set()
    for key, g in expected.items():
        error = np.linalg.norm(gradients[key] - g)
        if error > max(limit * max(np.linalg.norm(g), floor), 5 * np.linalg.norm(rounded[key] - g)):
            different.add(key)
        after, difference = double(state[key]), double(model.get_parameter(key)) - double(state[key])
        assert np.linalg.norm(difference) < limit * np.linalg.norm(after) + 1.001 * LR * error, key
    return different


@pytest.mark.parametrize("name", CASES)
def test_twin_float64(name: str) -> None:
    assert not compare(name, np.float64, 3)


@pytest.mark.parametrize("name", CASES)
def test_twin_float32(name: str) -> None:
    """Against torch in float64. Where torch in float32 is itself further off than 1e-4, ours may be five times that; a
    ReLU or a maximum within rounding of its kink changes gradients by more, but others with other weights and data."""
    different = compare(name, np.float32, 3)
    for seed in range(4, 10):
        different = different and different & compare(name, np.float32, seed)
    assert not different
