"""The examples run, and show what they say."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from autograd.cli import main
from autograd.ops.random import manual_seed
from autograd.vision.datasets import ImageArrays

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_logistic_regression_settles_the_sign() -> None:
    example = load("logistic_regression")
    found = example.compare_gradients()
    truth = found["finite differences"]
    assert np.abs(truth).min() > 0.01  # so that a sign can be seen
    np.testing.assert_allclose(found["autograd"], found["(y_hat - y) x"], rtol=1e-12)
    np.testing.assert_allclose(found["autograd"], truth, rtol=1e-7)
    np.testing.assert_allclose(found["(y - y_hat) x"], -truth, rtol=1e-7)
    loss, accuracy = example.train()
    assert loss < 0.35 and accuracy > 0.85


def test_lenet_learns() -> None:
    """Noisy copies of ten patterns stand in for MNIST."""
    rng = np.random.default_rng(0)
    patterns = rng.integers(0, 255, (10, 1, 28, 28))
    labels = np.arange(640) % 10
    images = (0.7 * patterns[labels] + rng.integers(0, 76, (640, 1, 28, 28))).astype(np.uint8)
    data = ImageArrays(images, labels)
    data.mean, data.std = (0.5,), (0.25,)
    manual_seed(0)
    assert load("lenet_mnist").train(data, data, epochs=4) > 0.9


def test_custom_op_passes_gradcheck(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gradcheck", f"{EXAMPLES / 'custom_op.py'}:softclip", "--cases", "4"]) == 0, capsys.readouterr().out
    assert re.search(r"^softclip +4 .* ok", capsys.readouterr().out, re.M)
