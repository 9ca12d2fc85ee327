"""The report of a run: pictures as PNG files, and one HTML file that holds them all."""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograd.train import diagnosis, plots
from autograd.train.history import History
from autograd.train.metrics import class_scores, confusion_matrix
from autograd.train.scores import auc, calibration, top_losses
from autograd.train.trainer import Evaluation

WORST = 24


class Panel(NamedTuple):
    """One plot: name (of the file), title, what it says, PNG bytes."""

    name: str
    title: str
    says: str
    png: bytes


class Report:
    """Draws what a run did and writes it into a folder.

    Args:
        history: of the run.
        evaluation: of the finished model on the test data; None leaves out confusion matrix and mistakes.
        images: the test pictures (N, C, H, W) in 0..1, in the order of `evaluation`: an array, or what has a shape and
            takes index arrays; or None.
        model: its first convolution (or linear layer over the pictures) is drawn.
        classes: names by label.
        facts: lines for the head of the page, e.g. {"model": "lenet5"}.

    Raises ImportError, naming the extra, if matplotlib is missing.
    """

    def __init__(
        self,
        history: History,
        evaluation: Evaluation | None,
        images: Any,
        model: Any,
        classes: Sequence[str],
        facts: Mapping[str, Any] | None = None,
        title: str = "Training report",
    ) -> None:
        if not len(history):
            raise ValueError("Report: the history has no finished epoch")
        self.history = history
        self.evaluation = evaluation
        self.images = images
        self.model = model
        self.classes = [str(name) for name in classes]
        self.facts = dict(facts or {})
        self.title = title

    def panels(self) -> list[Panel]:
        """All plots with their sentences."""
        h = self.history
        found = [
            Panel("accuracy", "Accuracy", diagnosis.about_accuracy(h), plots.curves(h, "accuracy")),
            Panel("loss", "Loss", diagnosis.about_loss(h), plots.curves(h, "loss")),
        ]
        if self.evaluation is not None:
            found += self._of_evaluation(self.evaluation)
        weights = first_filters(self.model)
        if weights is None and self.images is not None:
            weights = first_rows(self.model, self.images.shape[1:])
        if weights is not None:
            found.append(Panel("filters", "First layer", diagnosis.about_filters(weights), plots.filters(weights)))
        if h.flow("gradient_norms"):
            found.append(Panel("gradient_flow", "Gradient flow", diagnosis.about_flow(h), plots.flow(h)))
        return found

    def _of_evaluation(self, seen: Evaluation) -> list[Panel]:
        counts = confusion_matrix(seen.labels, seen.predictions, len(self.classes))
        says = diagnosis.about_confusion(counts, self.classes)
        sure = calibration(seen.probabilities, seen.labels)
        areas = class_aucs(seen)
        found = [
            Panel("confusion", "Confusion matrix", says, plots.confusion(counts, self.classes)),
            Panel("calibration", "Calibration", diagnosis.about_calibration(sure), plots.calibration(sure)),
            Panel("roc", "ROC curves", diagnosis.about_roc(areas, self.classes), plots.roc(seen, areas, self.classes)),
        ]
        if self.images is None:
            return found
        rows = np.arange(len(seen.labels))
        worst, _ = top_losses(seen.probabilities, seen.labels, WORST)
        wrong = np.flatnonzero(seen.predictions != seen.labels)
        confidence = seen.probabilities[rows, seen.predictions]
        drawn = plots.mistakes(
            self.images[worst], seen.labels[worst], seen.predictions[worst], confidence[worst], self.classes
        )
        return [*found, Panel("mistakes", "Largest losses", diagnosis.about_mistakes(confidence[wrong], WORST), drawn)]

    def write(self, folder: str | os.PathLike[str]) -> Path:
        """Writes report.html, one PNG per plot, history.json and history.csv; returns the path of report.html."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        panels = self.panels()
        for panel in panels:
            (folder / f"{panel.name}.png").write_bytes(panel.png)
        self.history.write(folder)
        page = folder / "report.html"
        page.write_text(self._html(panels), encoding="utf-8")
        return page

    def _html(self, panels: Sequence[Panel]) -> str:
        figures = "\n".join(map(_figure, panels))
        facts = _table([[key, str(value)] for key, value in self.facts.items()])
        epochs = _table([EPOCH_HEAD, *map(_epoch_row, self.history)], head=True)
        return PAGE.format(
            title=html.escape(self.title), facts=facts, figures=figures, classes=self._class_table(), epochs=epochs
        )

    def _class_table(self) -> str:
        if self.evaluation is None:
            return ""
        seen = self.evaluation
        scores = class_scores(confusion_matrix(seen.labels, seen.predictions, len(self.classes)))
        rows = [
            [name, f"{100 * p:.2f}", f"{100 * r:.2f}", f"{100 * f:.2f}", f"{area:.4f}", str(n)]
            for name, p, r, f, n, area in zip(self.classes, *scores, class_aucs(seen))
        ]
        head = ["class", "precision %", "recall %", "F1 %", "ROC AUC", "samples"]
        return f"<section><h2>Classes</h2>{_table([head, *rows], head=True)}</section>"


def class_aucs(seen: Evaluation) -> NDArray[np.float64]:
    """Per class, the area under the ROC curve of its probability against all other classes; nan where there is none."""
    found = np.full(seen.probabilities.shape[1], np.nan)
    for k in np.unique(seen.labels):
        if (seen.labels != k).any():
            found[k] = auc(seen.probabilities[:, k], seen.labels == k)
    return found


def first_filters(model: Any) -> NDArray[np.floating] | None:
    """The weights (K, C, R, S) of the first convolution, or None."""
    return next((p.array for _, p in model.named_parameters() if p.ndim == 4 and min(p.shape[2:]) > 1), None)


def first_rows(model: Any, picture: tuple[int, ...]) -> NDArray[np.floating] | None:
    """The first linear layer's weights as pictures (K, C, H, W) if it looks at whole pictures, or None."""
    first = next((p.array for _, p in model.named_parameters() if p.ndim == 2), None)
    if first is None or first.shape[1] != int(np.prod(picture)):
        return None
    return first[:64].reshape(-1, *picture)


def _figure(panel: Panel) -> str:
    title, data = html.escape(panel.title), base64.b64encode(panel.png).decode()
    image = f'<img alt="{title}" src="data:image/png;base64,{data}">'
    return f"<section><h2>{title}</h2><p>{html.escape(panel.says)}</p>{image}</section>"


EPOCH_HEAD = ["epoch", "train loss", "train %", "validation %", "test loss", "test %", "lr", "images/s", "seconds"]


def _epoch_row(row: Mapping[str, Any]) -> list[str]:
    tested = row["test_accuracy"] is not None
    return [
        str(row["epoch"]),
        f"{row['train_loss']:.4f}",
        f"{100 * row['train_accuracy']:.2f}",
        "" if row.get("validation_accuracy") is None else f"{100 * row['validation_accuracy']:.2f}",
        f"{row['test_loss']:.4f}" if tested else "",
        f"{100 * row['test_accuracy']:.2f}" if tested else "",
        f"{row['lr']:.2e}",
        f"{row['images_per_s']:,.0f}",
        f"{row['seconds']:.1f}",
    ]


def _table(rows: Sequence[Sequence[str]], head: bool = False) -> str:
    lines = []
    for number, row in enumerate(rows):
        tag = "th" if head and number == 0 else "td"
        lines.append("<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row) + "</tr>")
    return "<table>" + "\n".join(lines) + "</table>"


PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }}
section {{ margin: 2rem 0 }}
img {{ max-width: 100%; height: auto }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
td, th {{ padding: .15rem .8rem; border-bottom: 1px solid #ddd; text-align: right }}
td:first-child, th:first-child {{ text-align: left }}
</style></head><body>
<h1>{title}</h1>
{facts}
{figures}
{classes}
<section><h2>Epochs</h2>{epochs}</section>
</body></html>
"""
