"""Help with parameters, gradients and sequences: torch.nn.utils."""

from autograd.nn.utils import rnn
from autograd.nn.utils.clip_grad import clip_grad_norm_, clip_grad_value_
from autograd.nn.utils.convert_parameters import parameters_to_vector, vector_to_parameters
from autograd.shapes import names_only

__all__ = [
    "clip_grad_norm_",
    "clip_grad_value_",
    "parameters_to_vector",
    "rnn",
    "vector_to_parameters",
]

__getattr__ = names_only("autograd.nn.utils", __all__)
