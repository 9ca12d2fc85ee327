"""Reductions, products, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import autograd as ag
from autograd.onnx.values import array, ints, tensor
from autograd.tensor import Tensor


def _reduction(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Over axes that are an attribute (old) or an input (new); none given: over all, or over none on request."""

    def call(x: Tensor, given: Any = None, *, axes: Any = None, keepdims: int = 1, noop_with_empty_axes: int = 0):
        over = tuple(axes) if axes is not None else tuple(ints(given)) if given is not None else ()
        if not over and noop_with_empty_axes:
            return function(ag.unsqueeze(x, 0), axis=(0,), keepdims=False)
        return function(x, axis=over or tuple(range(x.ndim)), keepdims=bool(keepdims))

    return call


def _integers_too(function: Callable[..., Tensor], by_numpy: Callable[..., Any]) -> Callable[..., Tensor]:
    """Integers and truth values by NumPy, in their own dtype."""

    def call(x: Tensor, axis: tuple[int, ...], keepdims: bool) -> Tensor:
        if x.dtype.kind == "f" and x.array.size:
            return function(x, axis=axis, keepdims=keepdims)
        return tensor(np.asarray(by_numpy(x.array, axis=axis, keepdims=keepdims)).astype(x.dtype))

    return call


def _extreme(name: str) -> Callable[..., Tensor]:
    def call(x: Tensor, axis: tuple[int, ...], keepdims: bool) -> Tensor:
        if x.array.size and x.dtype.kind == "f":
            return getattr(ag, f"a{name}")(x, axis=axis, keepdims=keepdims)  # type: ignore[no-any-return]
        lowest, highest = (False, True) if x.dtype.kind == "b" else _limits(x.dtype)
        initial = lowest if name == "max" else highest
        return tensor(getattr(np, name)(x.array, axis=axis, keepdims=keepdims, initial=initial))

    return call


def _limits(dtype: Any) -> tuple[Any, Any]:
    return (-np.inf, np.inf) if dtype.kind == "f" else (np.iinfo(dtype).min, np.iinfo(dtype).max)


def _arg(name: str) -> Callable[..., Tensor]:
    def call(x: Tensor, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Tensor:
        a = np.flip(x.array, axis) if select_last_index else x.array
        found = getattr(np, name)(a, axis=axis, keepdims=bool(keepdims))
        return tensor((x.shape[axis] - 1 - found if select_last_index else found).astype(np.int64))

    return call


def _gemm(a, b, c=None, *, alpha=1.0, beta=1.0, transA=0, transB=0):
    if transB and not transA and alpha == beta == 1 and a.dtype.kind == "f" and (c is None or c.ndim == 1):
        return ag.linear(a, b, c)
    y = (a.mT if transA else a) @ (b.mT if transB else b)
    y = y if alpha == 1 else y * alpha
    y = y if y.dtype.kind == "f" or alpha == 1 else y.astype(a.dtype)
    return y if c is None or beta == 0 else y + (c if beta == 1 else c * beta)


def _softmax(name: str) -> Callable[..., Tensor]:
    def call(x: Tensor, *, axis: int | None = None, opset: int) -> Tensor:
        function = getattr(ag, name)
        if opset >= 13:
            return function(x, axis=-1 if axis is None else axis)  # type: ignore[no-any-return]
        first = 1 if axis is None else axis
        rows = int(np.prod(x.shape[:first])) if first >= 0 else int(np.prod(x.shape[: x.ndim + first]))
        return function(x.reshape(rows, -1), axis=1).reshape(x.shape)  # type: ignore[no-any-return]

    return call


def _hardmax(x: Tensor, *, axis: int | None = None, opset: int) -> Tensor:
    if opset >= 13:
        best = np.expand_dims(x.array.argmax(-1 if axis is None else axis), -1 if axis is None else axis)
        out = np.zeros_like(x.array)
        np.put_along_axis(out, best, 1, -1 if axis is None else axis)
        return tensor(out)
    rows = x.array.reshape(int(np.prod(x.shape[: 1 if axis is None else axis])), -1)
    out = np.zeros_like(rows)
    out[np.arange(len(rows)), rows.argmax(1)] = 1
    return tensor(out.reshape(x.shape))


def _cumulative(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(x: Tensor, axis: Tensor, *, exclusive: int = 0, reverse: int = 0) -> Tensor:
        i = ints(axis)[0] % x.ndim
        y = ag.flip(x, i) if reverse else x
        if exclusive:
            start = 1 if function is ag.cumprod else 0
            first = tensor(np.full((*x.shape[:i], 1, *x.shape[i + 1 :]), start, x.dtype))
            y = ag.concatenate(first, y[(slice(None),) * i + (slice(0, -1),)], axis=i)
        y = function(y, axis=i) if x.dtype.kind == "f" else _integer_cumulative(function, y, i)
        return ag.flip(y, i) if reverse else y

    return call


def _integer_cumulative(function: Any, x: Tensor, axis: int) -> Tensor:
    return tensor((np.cumprod if function is ag.cumprod else np.cumsum)(x.array, axis).astype(x.dtype))


def _lp_normalisation(x: Tensor, *, axis: int = -1, p: int = 2) -> Tensor:
    length = ag.vector_norm(x, ord=p, axis=axis, keepdims=True)
    return x / ag.where(length == 0, length * 0 + 1, length)


def _einsum(*xs: Tensor, equation: str) -> Tensor:
    return ag.einsum(equation.replace(" ", ""), *xs)  # type: ignore[no-any-return]


_sum, _prod = _integers_too(ag.sum, np.sum), _integers_too(ag.prod, np.prod)

TABLE: dict[str, Callable[..., Any]] = {
    "MatMul": lambda x, y: x @ y,
    "Gemm": _gemm,
    "Einsum": _einsum,
    "ReduceSum": _reduction(_sum),
    "ReduceProd": _reduction(_prod),
    "ReduceMean": _reduction(_integers_too(ag.mean, np.mean)),
    "ReduceMax": _reduction(_extreme("max")),
    "ReduceMin": _reduction(_extreme("min")),
    "ReduceL1": _reduction(lambda x, axis, keepdims: _sum(ag.abs(x), axis, keepdims)),
    "ReduceL2": _reduction(lambda x, axis, keepdims: ag.sqrt(_sum(x * x, axis, keepdims).astype(float_of(x)))),
    "ReduceSumSquare": _reduction(lambda x, axis, keepdims: _sum(x * x, axis, keepdims)),
    "ReduceLogSum": _reduction(lambda x, axis, keepdims: ag.log(_sum(x, axis, keepdims))),
    "ReduceLogSumExp": _reduction(lambda x, axis, keepdims: _log_sum_exp(x, axis, keepdims)),
    "ArgMax": _arg("argmax"),
    "ArgMin": _arg("argmin"),
    "CumSum": _cumulative(ag.cumsum),
    "CumProd": _cumulative(ag.cumprod),
    "Softmax": _softmax("softmax"),
    "LogSoftmax": _softmax("log_softmax"),
    "Hardmax": _hardmax,
    "LpNormalization": _lp_normalisation,
    "Det": lambda x: ag.linalg.det(x) if hasattr(ag, "linalg") else tensor(np.linalg.det(array(x)).astype(x.dtype)),
}


def float_of(x: Tensor) -> Any:
    return x.dtype if x.dtype.kind == "f" else np.dtype(np.float32)


def _log_sum_exp(x: Tensor, axis: tuple[int, ...], keepdims: bool) -> Tensor:
    if not x.array.size:
        return ag.log(_sum(ag.exp(x), axis, keepdims))  # type: ignore[no-any-return]
    return ag.logsumexp(x, axis=axis, keepdims=keepdims)  # type: ignore[no-any-return]
