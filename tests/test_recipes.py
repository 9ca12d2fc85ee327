"""Accuracy that the defaults reach on real data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autograd.cli import main
from autograd.train import History

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        "AUTOGRAD_DATA" not in os.environ, reason="AUTOGRAD_DATA names no folder with mnist/ and fashion-mnist/"
    ),
]

# data, model, target in %, epochs in which it must be reached, further options
RECIPES = [
    ("mnist", "lenet5", 99.0, 5, []),
    ("mnist", "mlp", 98.0, 5, ["--no-augment", "--lr", "0.002", "--batch-size", "128"]),
    pytest.param("fashion-mnist", "small_cnn", 91.0, 10, ["--epochs", "5"], marks=pytest.mark.long),
]


@pytest.mark.parametrize(("data", "model", "target", "epochs", "options"), RECIPES)
def test_recipe(tmp_path: Path, data: str, model: str, target: float, epochs: int, options: list[str]) -> None:
    settings = ["--data", data, "--model", model, "--threads", "2", *options]
    assert main(["train", *settings, "--out", str(tmp_path), "--no-report"]) == 0
    history = History.read(tmp_path / "history.json")
    accuracy = history[-1]["test_accuracy"]
    print(
        f"{model} on {data}: {100 * accuracy:.2f} % after {len(history)} epochs, {sum(history.column('seconds')):.0f} s"
    )
    assert accuracy >= target / 100 and len(history) <= epochs
