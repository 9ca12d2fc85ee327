"""Activation functions of straight pieces between bounds."""

from __future__ import annotations

import numpy as np

from autograd import kernels
from autograd.op import composite, op
from autograd.ops.activation import any_shape, same, two_alike
from autograd.ops.dtypes import real
from autograd.ops.linalg import tensor_of
from autograd.sampling import Case, Sampler


def _hardtanh_samples(s: Sampler) -> Case:
    low, high = s.choice([(-1.0, 1.0), (-0.5, 2.0), (0.25, 0.75)])
    return s.case(s.array(s.shape(), away=(low, high)), low, high)


@op(
    reference=lambda x, min_val=-1.0, max_val=1.0, inplace=False: np.minimum(np.maximum(x, min_val), max_val),
    samples=_hardtanh_samples,
    onnx="Clip",
)
def hardtanh(x, *, min_val=-1.0, max_val=1.0, inplace=False):
    """min(max(x, min_val), max_val); the slope at the bounds is 0, which the result alone tells."""
    if min_val > max_val:
        raise ValueError(f"min_val {min_val} is above max_val {max_val}")
    return real(lambda a: kernels.clip(a, min_val, max_val), x)


def _hardtanh_grad_samples(s: Sampler) -> Case:
    low, high = s.choice([(-1.0, 1.0), (-0.5, 2.0), (0.25, 0.75)])
    return two_alike(s, low, high, min_val=low, max_val=high)


@op(
    reference=lambda u, y, min_val, max_val: u * ((y > min_val) & (y < max_val)),
    samples=_hardtanh_grad_samples,
    linear_in=("u",),
)
def hardtanh_grad(u, y, *, min_val, max_val):
    """u where min_val < y < max_val, else 0: the gradient of hardtanh, given its result y."""
    same(u, y)
    return kernels.hardtanh_grad(u, y, min_val, max_val)


hardtanh.grads(x=lambda g, out, min_val, max_val: hardtanh_grad(g, out, min_val=min_val, max_val=max_val))
hardtanh_grad.grads(u=lambda g, y, min_val, max_val: hardtanh_grad(g, y, min_val=min_val, max_val=max_val), y=None)


@composite(reference=lambda x, inplace=False: np.minimum(np.maximum(x, 0), 6), samples=any_shape(0.0, 6.0), onnx="Clip")
def relu6(x, inplace=False):
    """min(max(x, 0), 6). Source: Howard et al., MobileNets, arXiv:1704.04861."""
    return hardtanh(x, min_val=0.0, max_val=6.0)


def _hardsigmoid_reference(x, inplace=False):
    return np.minimum(np.maximum(x + 3, 0), 6) / 6


@op(
    kernel=kernels.hardsigmoid,
    reference=_hardsigmoid_reference,
    samples=any_shape(-3.0, 3.0),
    twin=lambda x, inplace=False: (tensor_of(x) + 3).clip(0.0, 6.0) / 6,
    onnx="HardSigmoid",
)
def hardsigmoid(x, *, inplace=False):
    """min(max(x + 3, 0), 6) / 6. Source: Courbariaux et al., arXiv:1511.00363."""
    return real(kernels.hardsigmoid, x)


hardsigmoid.grads(x=lambda g, x: kernels.hardsigmoid_grad(g.array, x.array))


@op(
    kernel=kernels.hardswish,
    reference=lambda x, inplace=False: x * _hardsigmoid_reference(x),
    samples=any_shape(-3.0, 3.0),
    twin=lambda x, inplace=False: x * hardsigmoid(x),
    onnx="HardSwish",
)
def hardswish(x, *, inplace=False):
    """x * hardsigmoid(x). Source: Howard et al., Searching for MobileNetV3, arXiv:1905.02244."""
    return real(kernels.hardswish, x)


hardswish.grads(x=lambda g, x: kernels.hardswish_grad(g.array, x.array))
