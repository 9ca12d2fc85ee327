"""What happened in each epoch, as rows that can be written, read and compared."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

COLUMNS = (
    "epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "test_loss",
    "test_accuracy", "lr", "seconds", "images_per_s",
)  # fmt: skip
CLOCK = ("seconds", "images_per_s")  # the only columns that differ between two runs with the same seed
FLOW = ("gradient_norms", "update_ratios")  # dicts by parameter name


def held_out(row: Mapping[str, Any], name: str) -> str:
    """The column of this name; where there is no validation data, the test data's."""
    return name.replace("validation", "test") if row.get(name) is None else name


class History:
    """One row (a dict) per finished epoch.

    epoch counts from 1; losses are means per sample; accuracies lie in 0..1 (None without such data); lr is that of the
    last step; gradient_norms and update_ratios map parameter names to the epoch's means of ||g|| and ||dw|| / ||w||.
    """

    def __init__(self, rows: list[dict[str, Any]] | None = None) -> None:
        self.rows = rows if rows is not None else []

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.rows[index]

    def column(self, name: str) -> list[Any]:
        """One value per epoch; None where an epoch has none."""
        return [row.get(name) for row in self.rows]

    def flow(self, name: str) -> dict[str, list[float]]:
        """ "gradient_norms" or "update_ratios" as one list over the epochs per parameter."""
        names = list(dict.fromkeys(key for row in self.rows for key in row.get(name, {})))
        return {key: [row.get(name, {}).get(key, float("nan")) for row in self.rows] for key in names}

    def without_clock(self) -> list[dict[str, Any]]:
        """The rows without what a clock measured: equal for two runs with the same seed."""
        return [{key: value for key, value in row.items() if key not in CLOCK} for row in self.rows]

    def to_csv(self) -> str:
        """The scalar columns as comma-separated text."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue()

    def write(self, folder: str | os.PathLike[str]) -> tuple[Path, Path]:
        """Writes history.json (everything) and history.csv (scalars); returns both paths."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        as_json, as_csv = folder / "history.json", folder / "history.csv"
        as_json.write_text(json.dumps({"epochs": self.rows}, indent=1) + "\n", encoding="utf-8")
        as_csv.write_text(self.to_csv(), encoding="utf-8")
        return as_json, as_csv

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> History:
        """The history that `write` left in history.json."""
        content: Mapping[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        return cls(list(content["epochs"]))
