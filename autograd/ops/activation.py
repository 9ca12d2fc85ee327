"""Activation functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import kernels
from autograd.deferred import Deferred
from autograd.errors import ShapeError
from autograd.op import Direct, composite, op
from autograd.ops.dtypes import real
from autograd.ops.linalg import tensor_of
from autograd.sampling import Case, Sampler
from autograd.tape import declare
from autograd.tensor import Tensor
from autograd.value import array_of
from autograd.waiting import waits_for

_scatter = declare("scatter_pixels")


def any_shape(*away: float, **attrs: Callable[[Sampler], Any]) -> Callable[[Sampler], Case]:
    """Samples of one array of any shape, away from kinks, with attributes drawn."""

    def draw(s: Sampler) -> Case:
        return s.case(s.array(s.shape(), -4, 4, away=away), **{name: pick(s) for name, pick in attrs.items()})

    return draw


def two_alike(s: Sampler, *away: float, **attrs: Any) -> Case:
    shape = s.shape()
    return s.case(s.array(shape), s.array(shape, away=away), **attrs)


def same(x: np.ndarray, *others: np.ndarray) -> None:
    for other in others:
        if np.shape(other) != np.shape(x):
            raise ValueError(f"the inputs have shapes {np.shape(x)} and {np.shape(other)}, expected the same")


# ---------------------------------------------------------------------------------------------- rectifiers


@op(
    reference=lambda x, inplace=False: np.where(x < 0, 0.0, x), samples=any_shape(0.0), kernel=kernels.relu, onnx="Relu"
)
def relu(x, *, inplace=False):
    """max(x, 0); NaN stays NaN, the slope at 0 is 0.

    inplace, here and below, is accepted for PyTorch's sake and changes nothing: x.relu_() works in place.
    Source: Nair and Hinton, Rectified linear units improve restricted Boltzmann machines, ICML 2010.
    """
    return real(kernels.relu, x)


@op(
    reference=lambda u, y: u * (y > 0),
    samples=lambda s: two_alike(s, 0.0),
    kernel=kernels.relu_grad,
    linear_in=("u",),
)
def relu_grad(u, y):
    """u where y > 0, else 0: the gradient of relu, given its result y."""
    same(u, y)
    return kernels.relu_grad(u, y)


def _masked_places(fits, g, out):
    """The gradient of a maximum over windows goes on as it is, less what belongs to zeros of the result."""
    u, index, *window = waits_for(g) or ()
    y = array_of(out)
    return Deferred(kernels.max_pool2d_grad, (u, kernels.max_pool2d_positive(u, index, y), *window), _scatter, y)


relu.grads(x=Direct(relu_grad, "g", "out"))
relu.grads_waiting(kernels.max_pool2d_grad, needs=("x",), fits=lambda g: True, x=_masked_places)
relu_grad.grads(u=Direct(relu_grad, "g", "y"), y=None)


def _leaky_reference(x, negative_slope=0.01, inplace=False):
    return np.where(x > 0, x, negative_slope * x)


@op(
    reference=_leaky_reference,
    samples=any_shape(0.0, negative_slope=lambda s: s.choice([0.01, 0.2, -0.5, 1.5])),
    kernel=kernels.leaky_relu,
    onnx="LeakyRelu",
)
def leaky_relu(x, *, negative_slope=0.01, inplace=False):
    """x where x > 0, else negative_slope * x. Source: Maas et al., ICML 2013."""
    return real(lambda a: kernels.leaky_relu(a, negative_slope), x)


@op(
    reference=lambda u, x, negative_slope: np.where(x > 0, u, negative_slope * u),
    samples=lambda s: two_alike(s, 0.0, negative_slope=s.choice([0.01, 0.2, -0.5])),
    linear_in=("u",),
)
def leaky_relu_grad(u, x, *, negative_slope):
    """u where x > 0, else negative_slope * u: the gradient of leaky_relu."""
    same(u, x)
    return kernels.leaky_relu_grad(u, x, negative_slope)


leaky_relu.grads(x=lambda g, x, negative_slope: leaky_relu_grad(g, x, negative_slope=negative_slope))
leaky_relu_grad.grads(u=lambda g, x, negative_slope: leaky_relu_grad(g, x, negative_slope=negative_slope), x=None)


def _elu_reference(x, alpha=1.0, inplace=False):
    return np.where(x > 0, x, alpha * (np.exp(np.minimum(x, 0)) - 1))


@op(reference=_elu_reference, samples=any_shape(0.0, alpha=lambda s: s.choice([1.0, 0.3, 2.5])), onnx="Elu")
def elu(x, *, alpha=1.0, inplace=False):
    """x where x > 0, else alpha * (e ** x - 1). Source: Clevert et al., arXiv:1511.07289."""
    return real(lambda a: kernels.elu(a, alpha), x)


@op(
    reference=lambda u, x, alpha: u * np.where(x > 0, 1.0, alpha * np.exp(np.minimum(x, 0))),
    samples=lambda s: two_alike(s, 0.0, alpha=s.choice([1.0, 0.3, 2.5])),
    linear_in=("u",),
)
def elu_grad(u, x, *, alpha):
    """u where x > 0, else u * alpha * e ** x: the gradient of elu."""
    same(u, x)
    return kernels.elu_grad(u, x, alpha)


elu.grads(x=lambda g, x, alpha: elu_grad(g, x, alpha=alpha))
elu_grad.grads(
    u=lambda g, x, alpha: elu_grad(g, x, alpha=alpha),
    x=lambda g, u, x, alpha: elu_grad(g * u, x, alpha=alpha) * (x <= 0).astype(g.dtype),
)

SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


@composite(
    reference=lambda x, inplace=False: SELU_SCALE * _elu_reference(x, SELU_ALPHA), samples=any_shape(0.0), onnx="Selu"
)
def selu(x, inplace=False):
    """1.0507 * elu(x, 1.6733), the self-normalising constants. Source: Klambauer et al., arXiv:1706.02515."""
    return elu(x, alpha=SELU_ALPHA) * SELU_SCALE


@composite(
    reference=lambda x, alpha=1.0, inplace=False: np.where(x > 0, x, alpha * (np.exp(np.minimum(x, 0) / alpha) - 1)),
    samples=any_shape(0.0, alpha=lambda s: s.choice([1.0, 0.3, 2.5])),
    onnx="Celu",
)
def celu(x, alpha=1.0, inplace=False):
    """max(x, 0) + min(0, alpha * (e ** (x / alpha) - 1)). Source: Barron, arXiv:1704.07483."""
    return elu(tensor_of(x) / alpha) * alpha


def _prelu_samples(s: Sampler) -> Case:
    shape = (s.size(2), s.size(3, (s.lanes(),)), *s.shape(0, 2))
    return s.case(s.array(shape, away=(0.0,)), s.array((1,) if s.boolean() else (shape[1],)))


def _prelu_reference(x, w):
    return np.where(x > 0, x, w.reshape(-1, *[1] * (x.ndim - 2)) * x)


@composite(reference=_prelu_reference, samples=_prelu_samples, linear_in=("w",), onnx="PRelu")
def prelu(x, w):
    """x where x > 0, else w[c] * x; w holds one value, or one per channel (axis 1). Source: arXiv:1502.01852."""
    x, w = tensor_of(x), tensor_of(w)
    if x.ndim == 0:
        w = w.reshape(())
    channels = x.shape[1] if x.ndim > 1 else 1
    if w.array.size not in (1, channels) or w.ndim > 1:
        raise ShapeError(f"prelu: w has shape {w.shape}, expected (1,) or ({channels},)  [x: {x.shape}]")
    return relu(x) - relu(-x) * (w.reshape(-1, *[1] * max(x.ndim - 2, 0)) if x.ndim else w)


# ---------------------------------------------------------------------------------------------- sigmoids


def _sigmoid_reference(x):
    return 1 / (1 + np.exp(-x))


@op(kernel=kernels.sigmoid, reference=_sigmoid_reference, samples=any_shape(), onnx="Sigmoid")
def sigmoid(x):
    """1 / (1 + e ** -x)"""
    return real(kernels.sigmoid, x)


@op(reference=lambda u, y: u * y * (1 - y), samples=two_alike, linear_in=("u",))
def sigmoid_grad(u, y):
    """u * y * (1 - y): the gradient of sigmoid, given its result y."""
    same(u, y)
    return kernels.sigmoid_grad(u, y)


sigmoid.grads(x=Direct(sigmoid_grad, "g", "out"))
sigmoid_grad.grads(u=lambda g, y: sigmoid_grad(g, y), y=lambda g, u, y: g * u * (1 - 2 * y))


@op(
    kernel=kernels.tanh, reference=lambda x: (np.exp(2 * x) - 1) / (np.exp(2 * x) + 1), samples=any_shape(), onnx="Tanh"
)
def tanh(x):
    """(e ** x - e ** -x) / (e ** x + e ** -x)"""
    return real(kernels.tanh, x)


@op(reference=lambda u, y: u - u * y * y, samples=two_alike, linear_in=("u",))
def tanh_grad(u, y):
    """u * (1 - y ** 2): the gradient of tanh, given its result y."""
    same(u, y)
    return kernels.tanh_grad(u, y)


tanh.grads(x=Direct(tanh_grad, "g", "out"))
tanh_grad.grads(u=lambda g, y: tanh_grad(g, y), y=lambda g, u, y: -2 * g * u * y)


def _softplus_reference(x, beta=1.0, threshold=20.0):
    return np.where(beta * x > threshold, x, np.log1p(np.exp(np.minimum(beta * x, threshold))) / beta)


def _softplus_samples(s: Sampler) -> Case:
    beta, threshold = s.choice([1.0, 0.5, 3.0]), s.choice([20.0, 2.0, 5.0])
    return s.case(s.array(s.shape(), -4, 6, away=(threshold / beta,)), beta=beta, threshold=threshold)


@op(reference=_softplus_reference, samples=_softplus_samples, onnx="Softplus")
def softplus(x, *, beta=1.0, threshold=20.0):
    """log(1 + e ** (beta * x)) / beta; x itself where beta * x > threshold. Source: Dugas et al., NIPS 2000."""

    def forward(a: np.ndarray) -> np.ndarray:
        if beta == 0:
            raise ValueError("beta must not be 0")
        scaled = a if beta == 1 else a * a.dtype.type(beta)
        y = kernels.softplus(scaled)
        y = y if beta == 1 else y / a.dtype.type(beta)
        if _rounds_to_x(a, threshold):
            return y
        above = scaled > threshold
        return np.where(above, a, y) if above.any() else y

    return real(forward, x)


def _rounds_to_x(x: np.ndarray, threshold: float) -> bool:
    """Whether log(1 + e ** x) is x above the threshold anyway."""
    return threshold >= 20 and x.dtype == np.float32


def _softplus_x(g: Tensor, x: Tensor, beta: float, threshold: float) -> Tensor:
    if beta == 1 and (_rounds_to_x(x.array, threshold) or (threshold >= 20 and not (x.array > threshold).any())):
        return g * sigmoid(x)
    above = x.array * beta > threshold
    return g * (sigmoid(x * beta) * Tensor((~above).astype(x.dtype)) + Tensor(above.astype(x.dtype)))


softplus.grads(x=_softplus_x)


@composite(reference=lambda x: -np.log1p(np.exp(-x)), samples=any_shape())
def logsigmoid(x):
    """log(1 / (1 + e ** -x)) = -log(1 + e ** -x), without overflow."""
    return -softplus(-tensor_of(x), threshold=math.inf)


# ---------------------------------------------------------------------------------------------- smooth gates


def _gelu_reference(x, approximate="none"):
    if approximate == "tanh":
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return np.asarray(x * 0.5 * (1 + np.vectorize(math.erf, otypes=[float])(x / math.sqrt(2)))).astype(x.dtype)


def _gelu_twin(x: Tensor, approximate: str = "none") -> Tensor:
    if approximate == "tanh":
        return 0.5 * x * (1 + tanh((x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)))
    return 0.5 * x * (1 + (x * math.sqrt(0.5)).erf())


@op(
    reference=_gelu_reference,
    samples=any_shape(approximate=lambda s: s.choice(["none", "tanh"])),
    kernel=kernels.gelu,
    twin=_gelu_twin,
    onnx="Gelu",
)
def gelu(x, *, approximate="none"):
    """x * Phi(x) with the normal distribution Phi(x) = (1 + erf(x / sqrt 2)) / 2

    approximate "tanh": 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))). Source: Hendrycks, Gimpel, arXiv:1606.08415.
    """
    return real(lambda a: kernels.gelu(a, approximate), x)


gelu.grads(x=lambda g, x, approximate: kernels.gelu_grad(g.array, x.array, approximate))


@op(
    reference=lambda x, inplace=False: x / (1 + np.exp(-x)),
    samples=any_shape(),
    kernel=kernels.silu,
    twin=lambda x, inplace=False: x * sigmoid(x),
    onnx="Swish",
)
def silu(x, *, inplace=False):
    """x * sigmoid(x), also known as swish. Source: Ramachandran et al., arXiv:1710.05941; arXiv:1702.03118."""
    return real(kernels.silu, x)


silu.grads(x=lambda g, x: kernels.silu_grad(g.array, x.array))


@composite(reference=lambda x, inplace=False: x * np.tanh(np.log1p(np.exp(x))), samples=any_shape(), onnx="Mish")
def mish(x, inplace=False):
    """x * tanh(softplus(x)). Source: Misra, arXiv:1908.08681."""
    x = tensor_of(x)
    return x * tanh(softplus(x))


@composite(reference=lambda x: x / (1 + abs(x)), samples=any_shape(0.0), onnx="Softsign")
def softsign(x):
    """x / (1 + |x|)"""
    x = tensor_of(x)
    return x / (1 + abs(x))


def _glu_samples(s: Sampler) -> Case:
    shape = list(s.shape(1, 3))
    axis = s.axis(len(shape))
    shape[axis] *= 2
    return s.case(s.array(shape), axis)


def _glu_reference(x, axis=-1):
    a, b = np.split(x, 2, axis)
    return a / (1 + np.exp(-b))


def _glu_twin(x, axis=-1):
    half, before = x.shape[axis] // 2, (slice(None),) * (axis % x.ndim)
    lower, upper = (*before, slice(0, half)), (*before, slice(half, None))
    return x[lower] * sigmoid(x[upper])


@op(reference=_glu_reference, samples=_glu_samples, twin=_glu_twin)
def glu(x, *, axis=-1):
    """a * sigmoid(b), where a and b are the halves of x along axis. Source: Dauphin et al., arXiv:1612.08083."""
    if not -x.ndim <= axis < x.ndim or x.shape[axis] % 2:
        raise ShapeError(f"glu: axis {axis} of x must exist and have an even size  [x: {x.shape}]")
    return real(lambda a: kernels.glu(a, axis), x)


glu.grads(x=lambda g, x, axis: kernels.glu_grad(g.array, x.array, axis))
