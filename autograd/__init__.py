"""cygrad: a deep-learning engine for CPUs, small enough to read, gradient-checked, fast."""

from autograd import ops
from autograd.errors import DTypeError, FormatError, GraphError, ShapeError
from autograd.factories import from_numpy
from autograd.grad_mode import enable_grad, grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from autograd.gradcheck import GradientError, adjoint_check, gradcheck, gradgradcheck
from autograd.op import composite, op
from autograd.tensor import Tensor

__version__ = "0.1.0"
__all__ = [
    "DTypeError",
    "FormatError",
    "GradientError",
    "GraphError",
    "ShapeError",
    "Tensor",
    "adjoint_check",
    "composite",
    "enable_grad",
    "from_numpy",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "is_grad_enabled",
    "no_grad",
    "op",
    "ops",
    "set_grad_enabled",
]
