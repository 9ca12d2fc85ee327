"""Help with parameters, gradients, sequences, and weights computed from others: torch.nn.utils."""

from typing import Any

from autograd.nn import init
from autograd.nn.utils import parametrizations, parametrize, rnn, stateless
from autograd.nn.utils.clip_grad import (
    clip_grad_norm,
    clip_grad_norm_,
    clip_grad_value_,
    clip_grads_with_norm_,
    get_total_norm,
)
from autograd.nn.utils.convert_parameters import parameters_to_vector, vector_to_parameters
from autograd.nn.utils.fusion import (
    fuse_conv_bn_eval,
    fuse_conv_bn_weights,
    fuse_linear_bn_eval,
    fuse_linear_bn_weights,
)
from autograd.nn.utils.recomputed import remove_spectral_norm, remove_weight_norm, spectral_norm, weight_norm
from autograd.shapes import names_only

__all__ = [
    "clip_grad_norm",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "fuse_conv_bn_eval",
    "fuse_conv_bn_weights",
    "fuse_linear_bn_eval",
    "fuse_linear_bn_weights",
    "get_total_norm",
    "parameters_to_vector",
    "parametrizations",
    "parametrize",
    "remove_spectral_norm",
    "remove_weight_norm",
    "rnn",
    "skip_init",
    "spectral_norm",
    "stateless",
    "vector_to_parameters",
    "weight_norm",
]


def skip_init(module_cls: Any, *args: Any, **kwargs: Any) -> Any:
    """module_cls(*args, **kwargs) whose parameters hold any values: for weights that are loaded next."""
    with init.skip():
        return module_cls(*args, **kwargs)


__getattr__ = names_only("autograd.nn.utils", __all__)
