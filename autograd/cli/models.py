"""Models from names and checkpoints."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autograd.cli.errors import UserError
from autograd.train import load_checkpoint
from autograd.vision.models import get_model

NEEDED = ("data", "model", "classes", "channels", "size", "input_size", "mean", "std")


def build_model(config: Mapping[str, Any]) -> Any:
    """The model that a run's settings name, with random weights."""
    return get_model(config["model"], len(config["classes"]), config["channels"], image_size=config["input_size"])


def read_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The state in a file that `autograd train` wrote. Raises UserError for other checkpoints."""
    path = Path(path)
    if path.is_dir():
        path = path / "last.safetensors"
    state = load_checkpoint(path)
    config = state.get("config") or {}
    missing = [key for key in NEEDED if key not in config]
    if missing:
        raise UserError(f"{path}: not a checkpoint of `autograd train` (it lacks {', '.join(missing)})")
    return state


def load_model(path: str | os.PathLike[str]) -> tuple[Any, dict[str, Any]]:
    """The trained model, in evaluation mode, and the settings of its run."""
    state = read_checkpoint(path)
    model = build_model(state["config"])
    average = state.get("average")
    model.load_state_dict(average["values"] if average else state["model"])
    return model.eval(), state["config"]
