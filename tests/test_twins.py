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


def distance(ours: Any, theirs: Any) -> float:
    """||ours - theirs|| / ||theirs||"""
    a, b = np.asarray(ours, np.float64), theirs.detach().numpy().astype(np.float64)
    assert a.shape == b.shape
    return float(np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-300))


def build(name: str, dtype: Any) -> tuple[Any, dict[str, Any], np.ndarray, np.ndarray]:
    """The model with statistics and factors of batch norm that are not the initial ones, its weights for torch, data."""
    _, size, options = CASES[name]
    autograd.manual_seed(3)
    model = models.get_model(name, CLASSES, 3, **options).to(dtype)
    rng = np.random.default_rng(3)
    for key, value in model.state_dict().items():
        if key.endswith(("running_mean", "running_var")) or (value.ndim == 1 and "weight" in key):
            value.array[...] = rng.uniform(0.5, 1.5, value.shape)
    state = {key: torch.tensor(np.array(value.array)) for key, value in model.state_dict().items()}
    for key, _ in model.named_parameters():
        state[key].requires_grad_()
    return model, state, rng.normal(size=(2, 3, size, size)).astype(dtype), rng.integers(0, CLASSES, 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CASES)
def test_twin(name: str, dtype: Any) -> None:
    limit = 1e-4 if dtype is np.float32 else 1e-9
    model, state, x, y = build(name, dtype)
    twin = CASES[name][0]
    with autograd.no_grad():
        scores = model.eval()(Tensor(x))
    assert distance(scores, twin(twins.Weights(state, False), torch.tensor(x))) < limit

    scores = model.train()(Tensor(x))
    loss = loss_of(scores, Tensor(y), F.cross_entropy)
    loss.backward()
    expected = twin(twins.Weights(state, True), torch.tensor(x))
    expected_loss = loss_of(expected, torch.tensor(y), torch.nn.functional.cross_entropy)
    expected_loss.backward()
    for ours, theirs in zip(parts(scores), parts(expected), strict=True):
        assert distance(ours, theirs) < limit
    assert distance(loss, expected_loss) < limit
    largest = max(float(value.grad.norm()) for value in state.values() if value.grad is not None)
    for key, value in model.named_parameters():
        error = np.linalg.norm(value.grad.array.astype(np.float64) - state[key].grad.numpy().astype(np.float64))
        print(key, error / float(state[key].grad.norm()))
        assert error < limit * max(float(state[key].grad.norm()), 1e-6 * largest), key

    optim.SGD(model.parameters(), lr=LR, momentum=0.9).step()
    learned = [state[key] for key, _ in model.named_parameters()]
    torch.optim.SGD(learned, lr=LR, momentum=0.9).step()
    for key, value in model.state_dict().items():
        if "num_batches" not in key:
            assert distance(value, state[key]) < limit, key
