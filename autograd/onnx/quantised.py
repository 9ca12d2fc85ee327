"""Casts between all dtypes of ONNX, and quantised arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.onnx.layers import TABLE as LAYERS
from autograd.onnx.proto import library
from autograd.onnx.values import array, axis_of, tensor
from autograd.tensor import Tensor


def numpy_dtype(number: int) -> np.dtype:
    return np.dtype(library().helper.tensor_dtype_to_np_dtype(number))


def _cast(x: Any, *, to: int, saturate: int = 1, round_mode: str = "up") -> Any:
    onnx = library()
    if to == onnx.TensorProto.STRING:
        return _strings(array(x))
    dtype = numpy_dtype(to)
    a = array(x)
    if a.dtype == object:
        a = a.astype(np.float64) if dtype.kind != "i" else a.astype(np.int64)
    if isinstance(x, Tensor) and x.dtype.kind == "f" and dtype in (np.float32, np.float64):
        return x.astype(dtype)
    name = dtype.name
    if name.startswith("float8") or name.startswith("float4"):
        return tensor(_to_small_float(a, dtype, bool(saturate), round_mode))
    if name in ("int4", "uint4", "int2", "uint2"):
        return tensor(a.astype(np.float32).astype(np.int64).astype(dtype) if a.dtype.kind == "f" else a.astype(dtype))
    with np.errstate(invalid="ignore", over="ignore"):
        return tensor(a.astype(dtype))


def _strings(a: np.ndarray) -> np.ndarray:
    if a.dtype.kind == "f":
        return np.array(
            [np.format_float_positional(v, trim="-") if np.isfinite(v) else str(v) for v in a.reshape(-1)], object
        ).reshape(a.shape)
    return a.astype(str).astype(object)


def _to_small_float(a: np.ndarray, dtype: np.dtype, saturate: bool, round_mode: str = "up") -> np.ndarray:
    """float8 and float4; ml_dtypes rounds to even and overflows to inf or NaN, saturation keeps the largest number."""
    import ml_dtypes

    wide = a.astype(np.float32)
    if dtype.name == "float8_e8m0fnu":
        return _to_power_of_two(wide, dtype, saturate, round_mode)
    with np.errstate(invalid="ignore", over="ignore"):
        if not saturate and dtype.name != "float4_e2m1fn":
            return wide.astype(dtype)
        top = float(ml_dtypes.finfo(dtype).max)
        return np.where(np.isnan(wide), wide, np.clip(wide, -top, top)).astype(dtype)


def _to_power_of_two(a: np.ndarray, dtype: np.dtype, saturate: bool, round_mode: str) -> np.ndarray:
    """float8_e8m0: 2 ** (byte - 127); 255 is NaN."""
    with np.errstate(divide="ignore"):
        power = np.log2(np.abs(a).astype(np.float64))
    exponent = np.floor(power)
    if round_mode == "up":
        exponent = np.ceil(power)
    elif round_mode == "nearest":
        exponent = np.where(np.abs(a) >= 1.5 * 2.0**exponent, exponent + 1, exponent)
    byte = np.clip(exponent + 127, 0, 254 if saturate else 255)
    return np.where(np.isnan(a), 255, byte).astype(np.uint8).view(dtype)


def _cast_like(x: Any, like: Any, *, saturate: int = 1, round_mode: str = "up") -> Any:
    if isinstance(like, np.ndarray):
        return _strings(array(x))
    return _cast(x, to=library().helper.np_dtype_to_tensor_dtype(like.dtype), saturate=saturate, round_mode=round_mode)


def _bit_cast(x: Tensor, *, to: int) -> Tensor:
    dtype = numpy_dtype(to)
    return tensor(array(x).view(dtype))


# ---------------------------------------------------------------------------------------------- quantisation


def _along(v: np.ndarray, x: np.ndarray, axis: int, block: int) -> np.ndarray:
    """A scale or zero point for the whole, each index of an axis, or each block, in the shape of x."""
    if v.ndim == 0 or v.size == 1:
        return v.reshape(())
    if v.ndim == 1 and not block:
        return v.reshape([-1 if i == axis_of(axis, x.ndim) else 1 for i in range(x.ndim)])
    return np.repeat(v, block, axis)[tuple(slice(n) for n in x.shape)]


def _limits(dtype: np.dtype) -> tuple[int, int]:
    bits = int("".join(c for c in dtype.name if c.isdigit()))
    return (0, 2**bits - 1) if dtype.name.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _quantise(x, scale, zero=None, *, axis=1, block_size=0, output_dtype=0, precision=0, saturate=1):
    a, s = array(x).astype(np.float32), _along(array(scale).astype(np.float32), array(x), axis, block_size)
    dtype = array(zero).dtype if zero is not None else numpy_dtype(output_dtype) if output_dtype else np.dtype(np.uint8)
    if dtype.name.startswith("float"):
        return tensor(_to_small_float(a / s, dtype, bool(saturate)))
    low, high = _limits(dtype)
    z = 0 if zero is None else _along(array(zero).astype(np.int64), a, axis, block_size)
    return tensor(np.clip(np.rint(a / s) + z, low, high).astype(np.int64).astype(dtype))


def _dequantise(x, scale, zero=None, *, axis=1, block_size=0, output_dtype=0):
    a, s = array(x), array(scale)
    out = numpy_dtype(output_dtype) if output_dtype else s.dtype
    z = 0 if zero is None else _along(array(zero).astype(np.float32), a, axis, block_size)
    wide = a.astype(np.float32) - z
    return tensor((wide * _along(s.astype(np.float32), a, axis, block_size)).astype(out))


def _dynamic_quantise(x):
    a = array(x)
    low, high = min(float(a.min()), 0.0), max(float(a.max()), 0.0)
    scale = np.float32((high - low) / 255 or 1)
    zero = np.uint8(np.clip(np.rint(-low / scale), 0, 255))
    return _quantise(x, tensor(scale), tensor(zero)), tensor(scale), tensor(zero)


def _centred(x: Any, zero: Any, axis: int) -> np.ndarray:
    """x minus its zero point, in float64, which holds the products of integers exactly."""
    a = array(x).astype(np.float64)
    return a if zero is None else a - _along(array(zero).astype(np.float64), a, axis, 0)


def _matmul_integer(a, b, a_zero=None, b_zero=None):
    x, y = _centred(a, a_zero, -2), _centred(b, b_zero, -1)
    return tensor((x @ y).astype(np.int32))


def _conv_integer(x, w, x_zero=None, w_zero=None, *, attrs):
    y = LAYERS["Conv"](tensor(_centred(x, x_zero, 1)), tensor(_centred(w, w_zero, 0)), **attrs)
    return tensor(np.rint(y.array).astype(np.int32))


def _requantise(y: np.ndarray, scale: Any, zero: Any) -> Tensor:
    low, high = _limits(array(zero).dtype)
    return tensor(np.clip(np.rint(y * scale) + array(zero).astype(np.int64), low, high).astype(array(zero).dtype))


def _qlinear_matmul(a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero):
    product = _centred(a, a_zero, -2) @ _centred(b, b_zero, -1)
    scale = array(a_scale).astype(np.float32) * array(b_scale).astype(np.float32) / array(y_scale).astype(np.float32)
    return _requantise(product, scale, y_zero)


def _qlinear_conv(x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, b=None, *, attrs):
    y = array(_conv_integer(x, w, x_zero, w_zero, attrs=attrs))
    y = y if b is None else y + array(b).reshape(-1, *[1] * (y.ndim - 2))
    scale = array(x_scale) * array(w_scale).reshape(-1, *[1] * (y.ndim - 2)) / array(y_scale)
    return _requantise(y, scale, y_zero)


TABLE: dict[str, Callable[..., Any]] = {
    "Cast": _cast,
    "CastLike": _cast_like,
    "BitCast": _bit_cast,
    "QuantizeLinear": _quantise,
    "DequantizeLinear": _dequantise,
    "DynamicQuantizeLinear": _dynamic_quantise,
    "MatMulInteger": _matmul_integer,
    "ConvInteger": _conv_integer,
    "QLinearMatMul": _qlinear_matmul,
    "QLinearConv": _qlinear_conv,
}
