"""cygrad: a deep-learning engine for CPUs, small enough to read, gradient-checked, fast."""

from autograd import ops
from autograd.errors import DTypeError, FormatError, GraphError, ShapeError
from autograd.op import composite, op
from autograd.tensor import Tensor

__version__ = "0.1.0"
__all__ = ["DTypeError", "FormatError", "GraphError", "ShapeError", "Tensor", "composite", "op", "ops"]
