"""The report of a run: its pictures, and the sentences that say what they show."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_train import CLASSES, make, pictures

from autograd.train import Evaluation, History, Report, diagnosis
from autograd.train.report import class_aucs
from autograd.train.scores import calibration
from autograd.vision.models import get_model


def png_size(data: bytes) -> tuple[int, int]:
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and data[-8:-4] == b"IEND"
    return struct.unpack(">II", data[16:24])  # type: ignore[return-value]


@pytest.mark.slow
def test_report_has_its_files(tmp_path: Path) -> None:
    trainer, train, test = make(tmp_path)
    trainer.fit(train, test, 3)
    images, _ = pictures(30, seed=1)
    page = Report(trainer.history, trainer.evaluate(test), images, trainer.model, CLASSES).write(tmp_path / "report")
    text = page.read_text()
    names = {"accuracy", "loss", "confusion", "calibration", "roc", "mistakes", "filters", "gradient_flow"}
    assert {p.stem for p in page.parent.glob("*.png")} == names
    for name in names:
        data = (page.parent / f"{name}.png").read_bytes()
        width, height = png_size(data)
        assert len(data) > 5000 and width > 300 and height > 150, name
    assert text.count("data:image/png;base64,") == len(names) and 'src="http' not in text
    assert History.read(page.parent / "history.json").rows == trainer.history.rows
    assert (page.parent / "history.csv").read_text().count("\n") == 4


@pytest.mark.slow
def test_report_of_an_mlp_without_mistakes(tmp_path: Path) -> None:
    images, labels = pictures(30)
    model = get_model("mlp", 3, 1, image_size=8, hidden=(5,))
    rows = [{"epoch": 1, "train_loss": 0.1, "train_accuracy": 1.0, "test_loss": None, "test_accuracy": None, "lr": 0.1,
             "seconds": 1.0, "images_per_s": 9.0}]  # fmt: skip
    seen = Evaluation(0.0, 1.0, labels, np.eye(3, dtype=np.float32)[labels], labels)
    panels = Report(History(rows), seen, images, model, CLASSES).panels()
    says = {p.name: p.says for p in panels}
    assert list(says) == ["accuracy", "loss", "confusion", "calibration", "roc", "mistakes", "filters"]
    assert "No mistakes" in says["mistakes"] and "All 30" in says["confusion"]
    assert "can be believed" in says["calibration"] and "100.00 % of cases" in says["roc"]


def test_calibration_and_roc_are_put_into_words() -> None:
    labels = np.arange(40) % 2
    p = np.full(40, 0.9)
    p[:20] = 0.1  # says "the second" to half of each class: right in half of the cases, and 90 % sure
    seen = np.stack([1 - p, p], 1)
    sure = diagnosis.about_calibration(calibration(seen, labels))
    assert "40.0 points off" in sure and "too sure of itself" in sure
    doubting = np.where(labels[:, None] == np.arange(2), 0.6, 0.4)
    assert "less sure than it could be" in diagnosis.about_calibration(calibration(doubting, labels))
    areas = class_aucs(Evaluation(0.0, 0.5, labels, seen, labels))
    np.testing.assert_allclose(areas, 0.5)
    assert "in 50.00 % of cases" in diagnosis.about_roc(areas, ["a", "b"])
    assert "one class only" in diagnosis.about_roc(
        class_aucs(Evaluation(0.0, 1.0, labels, seen, 0 * labels)), ["a", "b"]
    )


def row(train: float, test: float, **more: Any) -> dict[str, Any]:
    return {"train_accuracy": train, "test_accuracy": test, "train_loss": 1 - train, "test_loss": 1 - test, **more}


def test_diagnosis_names_what_the_curves_show() -> None:
    over = History([row(0.5, 0.5), row(0.9, 0.88), row(0.999, 0.86)])
    assert "13.9 points below train: overfitting" in diagnosis.about_accuracy(over)
    assert "lowest after epoch 2" in diagnosis.about_loss(over) and "overfitting" in diagnosis.about_loss(over)
    assert "underfitting" in diagnosis.about_accuracy(History([row(0.3, 0.3), row(0.4, 0.4)]))
    assert "no overfitting" in diagnosis.about_accuracy(History([row(0.99, 0.985)]))
    flow = {
        "gradient_norms": {"a.weight": 1e-7, "b.weight": 1.0},
        "update_ratios": {"a.weight": 1e-3, "b.weight": 1e-3},
    }
    assert "vanishing gradients" in diagnosis.about_flow(History([row(0.5, 0.5, **flow)]))
    flow["gradient_norms"]["a.weight"] = 0.5
    assert "healthy" in diagnosis.about_flow(History([row(0.5, 0.5, **flow)]))


def test_history_survives_json() -> None:
    history = History([row(0.5, 0.25, epoch=1)])
    assert History(json.loads(json.dumps(history.rows))).column("test_accuracy") == [0.25]
