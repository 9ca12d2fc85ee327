"""ONNX files as modules that run and train, and modules as ONNX files. Needs the extra 'cygrad[onnx]'."""

from autograd.onnx.export import export
from autograd.onnx.load import Graph, load

__all__ = ["Graph", "export", "load"]
