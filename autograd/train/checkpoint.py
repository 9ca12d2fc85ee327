"""Checkpoints: the state of a training run in one safetensors file, without pickle."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from autograd import io
from autograd.errors import FormatError

FORMAT = "cygrad training run"


def save_checkpoint(path: str | os.PathLike[str], state: Mapping[str, Any]) -> None:
    """Writes `Trainer.state_dict()`. The file appears as a whole or not at all: a crash while it is written leaves an
    older one intact. Raises TypeError, naming the place, for a state that is not made of arrays and plain values."""
    io.save({"format": FORMAT, **state}, os.fspath(path))


def load_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What `save_checkpoint` wrote.

    Raises FormatError if the file is damaged or holds something else, FileNotFoundError if there is none.
    """
    state = io.load(os.fspath(path))
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise FormatError(f"{os.fspath(path)}: holds no state of a training run")
    return state
