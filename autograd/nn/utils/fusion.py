"""A batch norm's part in inference, taken into the weights of the layer before it."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from autograd.nn.module import Module, Parameter
from autograd.tensor import Tensor


def _fused(w: Any, b: Any, mean: Any, var: Any, eps: float, weight: Any, bias: Any, axis: int) -> tuple:
    """The weight and bias of one layer that does what two did; output channels are along this axis of w."""
    array, mean, var = (np.asarray(x) for x in (w, mean, var))
    b = np.zeros_like(mean) if b is None else np.asarray(b)
    scale = (np.ones_like(mean) if weight is None else np.asarray(weight)) / np.sqrt(var + eps)
    shift = np.zeros_like(mean) if bias is None else np.asarray(bias)
    along = scale.reshape([-1 if i == axis else 1 for i in range(array.ndim)])
    made = array * along, (b - mean) * scale + shift
    wanted = getattr(w, "requires_grad", True)
    return tuple(Parameter(x.astype(array.dtype), wanted) for x in made)


def fuse_conv_bn_weights(
    conv_w: Tensor, conv_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float, bn_w: Tensor | None,
    bn_b: Tensor | None, transpose: bool = False,
) -> tuple[Parameter, Parameter]:  # fmt: skip
    """Weight and bias of the convolution that does what a convolution and a batch norm in inference do."""
    return _fused(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, 1 if transpose else 0)


def fuse_linear_bn_weights(
    linear_w: Tensor, linear_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float, bn_w: Tensor, bn_b: Tensor
) -> tuple[Parameter, Parameter]:
    """Weight and bias of the linear layer that does what a linear layer and a batch norm in inference do."""
    return _fused(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, 0)


def fuse_conv_bn_eval(conv: Any, bn: Any, transpose: bool = False) -> Any:
    """A copy of the convolution that does what conv and bn, both in eval mode, do one after the other."""
    return _with_norm(conv, bn, 1 if transpose else 0)


def fuse_linear_bn_eval(linear: Any, bn: Any) -> Any:
    """A copy of the linear layer that does what linear and bn, both in eval mode, do one after the other."""
    return _with_norm(linear, bn, 0)


def _with_norm(layer: Any, bn: Any, axis: int) -> Module:
    if layer.training or bn.training:
        raise ValueError("fusion: layer and norm must be in eval mode; a batch norm in training needs the batch")
    if bn.running_mean is None:
        raise ValueError("fusion: the batch norm has no running statistics (track_running_stats=False)")
    if layer.weight.shape[axis] != bn.num_features and bn.num_features != 1:
        raise ValueError(f"fusion: the layer has {layer.weight.shape[axis]} features, the norm {bn.num_features}")
    made = copy.deepcopy(layer)
    made.weight, bias = _fused(
        layer.weight, layer.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, axis
    )
    made.register_parameter("bias", bias)
    return made  # type: ignore[no-any-return]
