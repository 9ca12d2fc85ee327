"""PyTorch's import paths `autograd.utils.data` and `autograd.utils.checkpoint`."""

from __future__ import annotations

import importlib
from typing import Any

from autograd.shapes import near

_PARTS = ("checkpoint", "data")


def __getattr__(name: str) -> Any:
    """The parts are imported when somebody asks for them, so that `import autograd` is quick."""
    if name not in _PARTS:
        raise AttributeError(f"autograd.utils has no {name!r}{near(name, _PARTS)}")
    return importlib.import_module(f"autograd.utils.{name}")
