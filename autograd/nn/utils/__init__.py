"""torch.nn.utils: clipping of gradients, parameters as one vector, sequences of different lengths."""

from autograd.nn.utils import rnn
from autograd.nn.utils.clip import clip_grad_norm_, clip_grad_value_, parameters_to_vector, vector_to_parameters

__all__ = ["clip_grad_norm_", "clip_grad_value_", "parameters_to_vector", "rnn", "vector_to_parameters"]
