"""Models from names and checkpoints."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autograd import onnx
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
    """The model in a file, in evaluation mode, and its settings: a checkpoint of `autograd train`, or an ONNX file."""
    if str(path).endswith(".onnx"):
        return load_onnx(path)
    state = read_checkpoint(path)
    model = build_model(state["config"])
    average = state.get("average")
    model.load_state_dict(average["values"] if average else state["model"])
    return model.eval(), state["config"]


# What an exported model carries along, so that predict prepares pictures as in training.
CARRIED = ("classes", "mean", "std")


def load_onnx(path: str | os.PathLike[str]) -> tuple[Any, dict[str, Any]]:
    """An ONNX model of one picture input (N, C, H, W), and settings like a checkpoint's; classes without names are
    numbered."""
    model = onnx.load(path, external_data=True)
    shape = model.input_shapes[model.input_names[0]]
    if len(model.input_names) != 1 or len(shape) != 4 or shape[1] not in (1, 3):
        raise UserError(f"{path}: takes {model.input_shapes}, expected pictures (N, 1 or 3, height, width)")
    size = shape[2] or 224
    count = _outputs(model, (1, shape[1], size, size))
    config = {
        "data": str(path), "model": str(path), "classes": [str(k) for k in range(count)], "channels": shape[1],
        "size": size, "input_size": size, "mean": [0.0] * shape[1], "std": [1.0] * shape[1],
    }  # fmt: skip
    for key in CARRIED:
        if f"cygrad.{key}" in model.metadata:
            config[key] = json.loads(model.metadata[f"cygrad.{key}"])
    return model, config


def _outputs(model: Any, shape: tuple[int, ...]) -> int:
    result = model(np.zeros(shape, np.float32))
    return int((result[0] if isinstance(result, tuple) else result).shape[-1])
