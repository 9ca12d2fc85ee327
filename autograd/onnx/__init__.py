"""ONNX files as modules that run and train, and modules as ONNX files. Needs the extra 'cygrad[onnx]'."""

from autograd.onnx.load import load

__all__ = ["load"]
