"""ONNX files as modules that run and train, and modules as ONNX files. Needs the extra 'cygrad[onnx]'."""

import importlib
from typing import Any

from autograd.onnx.export import export
from autograd.onnx.load import Graph, load

__all__ = ["Graph", "export", "load"]


def __getattr__(name: str) -> Any:
    if name == "backend":  # imports onnx, which load and export do when they are called
        return importlib.import_module("autograd.onnx.backend")
    raise AttributeError(f"autograd.onnx has no {name!r}")
