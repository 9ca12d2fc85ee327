"""The examples run, and show what they say."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
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


def test_perceptron_learns() -> None:
    assert load("mlp_digits").train(epochs=4) > 0.93


@pytest.mark.slow
def test_fine_tuning_beats_training_from_scratch() -> None:
    tuned, scratch = load("fine_tuning").compare()
    assert tuned > 0.7 and tuned > scratch


CHECK = """
import numpy as np
import hardshrink_op
from autograd.cli import main

values, gradients, passed = hardshrink_op.demonstrate()
assert values.tolist() == [-2, 0, 0, 0.7] and gradients.tolist() == [1, 0, 0, 1] and passed == 2
try:
    hardshrink_op.native.hardshrink(np.arange(3), np.arange(3), 0.5)
except TypeError as error:
    assert "int64" in str(error)
raise SystemExit(main(["gradcheck", "hardshrink_op.py:hardshrink", "--cases", "4"]))
"""


@pytest.mark.slow
def test_cython_op_compiled_outside(tmp_path: Path) -> None:
    for path in (EXAMPLES / "cython_op").iterdir():
        if path.suffix in (".py", ".pyx"):
            shutil.copy(path, tmp_path)
    for arguments in (["setup.py", "-q", "build_ext", "--inplace"], ["-c", CHECK]):
        done = subprocess.run([sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^hardshrink +4 .* ok", done.stdout, re.M)
