"""Arithmetic, comparisons, logic and activations."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

import autograd as ag
from autograd.onnx.values import array, tensor
from autograd.tensor import Tensor


def _div(x: Tensor, y: Tensor) -> Tensor:
    if x.dtype.kind == "f":
        return x / y
    return tensor(
        np.fix(np.true_divide(x.array, y.array)).astype(x.dtype) if x.dtype.kind == "i" else x.array // y.array
    )


def _pow(x: Tensor, y: Tensor) -> Tensor:
    if x.dtype.kind == "f":
        return x ** y.astype(x.dtype)
    return tensor(np.power(x.array, y.array).astype(x.dtype))


def _mod(x: Tensor, y: Tensor, *, fmod: int = 0) -> Tensor:
    return ag.fmod(x, y) if fmod else ag.remainder(x, y)


def _fold(function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """An operator of any number of inputs, two at a time."""
    return lambda *xs: functools.reduce(function, xs)


def _array_op(function: Callable[..., Any]) -> Callable[..., Any]:
    """An operator without gradient, by NumPy."""
    return lambda *xs: tensor(function(*map(array, xs)))


def _comparison(function: Callable[..., Any]) -> Callable[..., Any]:
    """As _array_op; strings are compared as objects, whose results are no truth values yet."""
    return lambda *xs: tensor(np.asarray(function(*map(array, xs))).astype(np.bool_))


def _clip(
    x: Tensor, low: Any = None, high: Any = None, *, min: float | None = None, max: float | None = None
) -> Tensor:
    low, high = (min if low is None else low), (max if high is None else high)
    x = x if low is None else ag.maximum(x, low)
    return x if high is None else ag.minimum(x, high)


def _shift(x: Tensor, y: Tensor, *, direction: str) -> Tensor:
    return tensor((np.left_shift if direction == "LEFT" else np.right_shift)(x.array, y.array))


def _isinf(x: Tensor, *, detect_negative: int = 1, detect_positive: int = 1) -> Tensor:
    a = x.array
    return tensor((np.isposinf(a) & bool(detect_positive)) | (np.isneginf(a) & bool(detect_negative)))


def _shrink(x: Tensor, *, lambd: float = 0.5, bias: float = 0.0) -> Tensor:
    zero = x * 0
    return ag.where(x < -lambd, x + bias, ag.where(x > lambd, x - bias, zero)).astype(x.dtype)


def _prelu(x: Tensor, slope: Tensor) -> Tensor:
    if slope.ndim == 1 and x.ndim > 2 and slope.shape[0] not in (1, x.shape[-1]):  # old files: one for each channel
        slope = slope.reshape(-1, *[1] * (x.ndim - 2))
    return ag.where(x < 0, slope * x, x)


def _hard_sigmoid(x: Tensor, *, alpha: float = 0.2, beta: float = 0.5) -> Tensor:
    return ag.clip(alpha * x + beta, 0.0, 1.0)


def _selu(x: Tensor, *, alpha: float = 1.67326319217681884765625, gamma: float = 1.05070102214813232421875) -> Tensor:
    return gamma * ag.elu(x, alpha=alpha)


TABLE: dict[str, Callable[..., Any]] = {
    "Add": lambda x, y: x + y,
    "Sub": lambda x, y: x - y,
    "Mul": lambda x, y: x * y,
    "Div": _div,
    "Pow": _pow,
    "Mod": _mod,
    "Neg": lambda x: -x,
    "Abs": lambda x: ag.abs(x),
    "Sum": _fold(lambda x, y: x + y),
    "Mean": lambda *xs: functools.reduce(lambda x, y: x + y, xs) / len(xs),
    "Max": _fold(lambda x, y: ag.maximum(x, y)),
    "Min": _fold(lambda x, y: ag.minimum(x, y)),
    "Clip": _clip,
    "Reciprocal": lambda x: 1.0 / x,
    "Sign": lambda x: ag.sign(x),
    "Floor": lambda x: ag.floor(x),
    "Ceil": lambda x: ag.ceil(x),
    "Round": lambda x: ag.round(x),
    **{
        name: getattr(ag, name.lower())
        for name in (
            "Exp", "Log", "Sqrt", "Erf", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh",
            "Atanh", "Tanh", "Sigmoid", "Relu", "Softplus", "Softsign", "HardSwish", "Mish",
        )
    },
    "Elu": lambda x, *, alpha=1.0: ag.elu(x, alpha=alpha),
    "Celu": lambda x, *, alpha=1.0: ag.celu(x, alpha),
    "Selu": _selu,
    "LeakyRelu": lambda x, *, alpha=0.01: ag.leaky_relu(x, alpha),
    "ThresholdedRelu": lambda x, *, alpha=1.0: ag.where(x > alpha, x, x * 0),
    "PRelu": _prelu,
    "HardSigmoid": _hard_sigmoid,
    "Gelu": lambda x, *, approximate="none": ag.gelu(x, approximate=approximate),
    "Swish": lambda x, *, alpha=1.0: x * ag.sigmoid(alpha * x),
    "Shrink": _shrink,
    "Equal": _comparison(np.equal),
    "Less": _comparison(np.less),
    "LessOrEqual": _comparison(np.less_equal),
    "Greater": _comparison(np.greater),
    "GreaterOrEqual": _comparison(np.greater_equal),
    "Not": _array_op(np.logical_not),
    "And": _array_op(np.logical_and),
    "Or": _array_op(np.logical_or),
    "Xor": _array_op(np.logical_xor),
    "BitwiseNot": _array_op(np.bitwise_not),
    "BitwiseAnd": _array_op(np.bitwise_and),
    "BitwiseOr": _array_op(np.bitwise_or),
    "BitwiseXor": _array_op(np.bitwise_xor),
    "BitShift": _shift,
    "IsNaN": _array_op(np.isnan),
    "IsInf": _isinf,
    "Where": lambda condition, x, y: ag.where(condition, x, y),
}  # fmt: skip
