"""The table of operators: ONNX name -> function of the inputs, whose keyword arguments are the attributes.

Functions may also ask for `opset`, `outputs` (how many the node has), `training`, `scope` (values by name, for bodies
of control flow) and `attrs` (all attributes as a dict).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograd.onnx import control, elementwise, layers, quantised, recurrent, reduce, select, shape, signal

OPERATORS: dict[str, Callable[..., Any]] = {
    **elementwise.TABLE,
    **reduce.TABLE,
    **shape.TABLE,
    **select.TABLE,
    **layers.TABLE,
    **recurrent.TABLE,
    **quantised.TABLE,
    **signal.TABLE,
    **control.TABLE,
}

# Operators that take 16-bit floating-point numbers as they are; for all others these are widened and narrowed again.
HALF_AWARE = {*quantised.TABLE, *control.TABLE, "Shape", "Size", "Constant", "Identity", "Reshape", "Transpose"}
HALF_AWARE |= {
    "Attention",
    "LayerNormalization",
    "RMSNormalization",
    "RotaryEmbedding",
}  # their bodies cast by themselves
