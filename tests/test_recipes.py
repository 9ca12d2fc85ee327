"""Accuracy on real data: what the defaults reach soon, and what the documented recipes reach in the end."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from autograd.cli import main
from autograd.train import History

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("AUTOGRAD_DATA" not in os.environ, reason="AUTOGRAD_DATA names no folder with data sets"),
]

SHORT = [("autograd train --data mnist", 99.0)]  # command, target in %
PAGE = Path(__file__).resolve().parent.parent / "docs/recipes.md"
ROW = re.compile(r"^\| `(autograd train [^`]+)` \| ([\d.]+) % \|", re.M)
SLACK = 0.3  # points by which another instruction set's rounding may end elsewhere
LONG = [("autograd train --data mnist --model mlp --no-augment --lr 0.002 --batch-size 128", 98.0)]
LONG += [(command, float(reached) - SLACK) for command, reached in ROW.findall(PAGE.read_text(encoding="utf-8"))]
RECIPES = [*SHORT, *(pytest.param(*recipe, marks=pytest.mark.long) for recipe in LONG)]


@pytest.mark.parametrize(("command", "target"), RECIPES)
def test_recipe(tmp_path: Path, command: str, target: float) -> None:
    assert main([*shlex.split(command)[1:], "--threads", "2", "--out", str(tmp_path), "--no-report"]) == 0
    history = History.read(tmp_path / "history.json")
    reached = 100 * history[-1]["test_accuracy"]
    print(f"{command}: {reached:.2f} % after {len(history)} epochs, {sum(history.column('seconds')):.0f} s")
    assert reached >= target


def test_the_page_lists_recipes() -> None:
    assert {"mnist", "fashion-mnist"} <= {shlex.split(command)[3] for command, _ in LONG}
