"""How each op is written in ONNX: op name -> function (trace, input arrays, attributes, results) -> name of the result.

An op without attributes whose record names an ONNX operator needs no entry.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd.onnx.export_along import ALONG
from autograd.onnx.export_layers import LAYERS, Writer, raise_unsupported
from autograd.onnx.proto import library

if TYPE_CHECKING:
    from autograd.onnx.export import Trace


def axes_of(axis: Any, ndim: int) -> list[int]:
    if axis is None:
        return list(range(ndim))
    return [int(a) for a in (axis if isinstance(axis, (tuple, list)) else [axis])]


def _simple(kind: str, **renamed: str) -> Writer:
    """An operator with some of the op's attributes, under other names."""

    def write(t, inputs, attrs, outs):
        given = {theirs: attrs[ours] for theirs, ours in renamed.items()}
        return t.emit(kind, *[t.name(x) for x in t._alike(inputs)], **given)

    return write


def _with_constant(kind: str, first: Any, **more: str) -> Writer:
    """An op of one input that ONNX has as an operator of two, one of them a constant."""

    def write(t, inputs, attrs, outs):
        x = inputs[0]
        return t.emit(kind, t.constant(np.asarray(first, x.dtype)), t.name(x))

    return write


def _chain(*steps: tuple[str, Any]) -> Writer:
    """Unary operators one after another; a number is a factor or exponent for the operator beside it."""

    def write(t, inputs, attrs, outs):
        name, dtype = t.name(inputs[0]), inputs[0].dtype
        for kind, number in steps:
            name = t.emit(kind, name, *([] if number is None else [t.constant(np.asarray(number, dtype))]))
        return name

    return write


def _scaled(kind: str) -> Writer:
    def write(t, inputs, attrs, outs):
        x, y = t._alike(inputs)
        other = t.name(y)
        if attrs["alpha"] != 1:
            other = t.emit("Mul", other, t.constant(np.asarray(attrs["alpha"], y.dtype)))
        return t.emit(kind, t.name(x), other)

    return write


def _div(t, inputs, attrs, outs):
    x, y = t._alike(inputs)
    out = t.emit("Div", t.name(x), t.name(y))
    mode = attrs["rounding_mode"]
    return out if mode is None else t.emit({"floor": "Floor", "trunc": "Round"}[mode], out)


def _reshape(t, inputs, attrs, outs):
    """The first size is left open where it is the input's first: a batch of any size then passes."""
    x, shape = inputs[0], list(outs[0].shape)
    if shape and x.ndim and x.size and shape[0] == x.shape[0]:
        shape[0] = 0
    elif shape and x.size and x.ndim and shape[0] and shape[0] % x.shape[0] == 0 and x.shape[0] > 1:
        shape[0] = -1
    return t.emit("Reshape", t.name(x), t.ints(shape))


def _expand(t, inputs, attrs, outs):
    """What is repeated for each of an open number of samples (a class token) is repeated by their number."""
    x, shape = inputs[0], outs[0].shape
    if t.batch is not None and x.ndim and x.shape[0] == 1 and shape[0] == t.batch[1]:
        count = t.emit("Slice", t.emit("Shape", t.batch[0]), t.ints([0]), t.ints([1]))
        return t.emit("Expand", t.name(x), t.emit("Concat", count, t.ints(shape[1:]), axis=0))
    return t.emit("Expand", t.name(inputs[0]), t.ints(outs[0].shape))


def _astype(t, inputs, attrs, outs):
    to = library().helper.np_dtype_to_tensor_dtype(outs[0].dtype)
    return t.emit("Cast", t.name(inputs[0]), to=to)


def _reduce(kind: str) -> Writer:
    """Axes are an input of ReduceSum and, in operator set 18, of all others."""

    def write(t, inputs, attrs, outs):
        x = inputs[0]
        axes = axes_of(attrs["axis"], x.ndim)
        name = t.name(x)
        if attrs.get("dtype") is not None and outs[0].dtype != x.dtype:
            name = t.emit("Cast", name, to=library().helper.np_dtype_to_tensor_dtype(outs[0].dtype))
        return [t.emit(kind, name, t.ints(axes), keepdims=int(bool(attrs["keepdims"])))]

    return write


def _arg(kind: str) -> Writer:
    def write(t, inputs, attrs, outs):
        x, axis = t.name(inputs[0]), attrs["axis"]
        if axis is None:
            x, axis = t.emit("Reshape", x, t.ints([-1])), 0
        y = t.emit(kind, x, axis=int(axis), keepdims=int(bool(attrs["keepdims"])))
        return y

    return write


def _clip(t, inputs, attrs, outs):
    x, low, high = t._alike([*inputs, None, None][:3])
    return t.emit("Clip", t.name(x), "" if low is None else t.name(low), "" if high is None else t.name(high))


def _hardtanh(t, inputs, attrs, outs):
    x = inputs[0]
    low, high = (t.constant(np.asarray(attrs[bound], x.dtype)) for bound in ("min_val", "max_val"))
    return t.emit("Clip", t.name(x), low, high)


def _getitem(t, inputs, attrs, outs):
    """Slices and integers as Slice and Squeeze; one array of integers as Gather; masks and more cannot be written."""
    x, index = inputs[0], attrs["index"]
    index = list(index) if isinstance(index, tuple) else [index]
    if any(i is Ellipsis for i in index):
        at = next(k for k, i in enumerate(index) if i is Ellipsis)
        index[at : at + 1] = [slice(None)] * (x.ndim - sum(i is not None for i in index) + 1)
    name, axis, gathered = t.name(x), 0, 0
    squeeze: list[int] = []
    unsqueeze: list[int] = []
    starts, ends, steps, axes = [], [], [], []
    for i in index:
        if i is None:
            unsqueeze.append(axis - len(squeeze) + len(unsqueeze))
            continue
        if isinstance(i, slice):
            if i != slice(None):
                begin, end, step = i.indices(x.shape[axis])
                full = i.stop is None
                starts.append(begin)
                ends.append((2**62 if step > 0 else -(2**62)) if full or end < 0 else end)
                steps.append(step)
                axes.append(axis)
        elif isinstance(i, (int, np.integer)):
            starts.append(int(i))
            ends.append(int(i) + 1 if i != -1 else 2**62)
            steps.append(1)
            axes.append(axis)
            squeeze.append(axis)
        else:
            array = np.asarray(i)
            if array.dtype.kind not in "iu" or gathered or squeeze or unsqueeze:
                raise_unsupported("indexing with masks or with several arrays")
            gathered += 1
            name = t.emit("Gather", name, t.name(array.astype(np.int64)), axis=axis)
            axis += array.ndim - 1
        axis += 1
    if starts:
        name = t.emit("Slice", name, t.ints(starts), t.ints(ends), t.ints(axes), t.ints(steps))
    if squeeze:
        name = t.emit("Squeeze", name, t.ints(squeeze))
    if unsqueeze:
        name = t.emit("Unsqueeze", name, t.ints(unsqueeze))
    return name if name != t.name(x) else t.emit("Identity", name)


def _pad(t, inputs, attrs, outs):
    """PyTorch counts pairs from the last axis, ONNX has all befores and then all afters."""
    x, flat = inputs[0], list(attrs["pad"])
    before, after = [0] * x.ndim, [0] * x.ndim
    for k in range(len(flat) // 2):
        before[-1 - k], after[-1 - k] = flat[2 * k], flat[2 * k + 1]
    value = t.constant(np.asarray(attrs["value"] or 0, x.dtype))
    return t.emit("Pad", t.name(x), t.ints(before + after), value)


def _softplus(t, inputs, attrs, outs):
    x, beta = t.name(inputs[0]), t.constant(np.asarray(attrs["beta"], inputs[0].dtype))
    return t.emit("Div", t.emit("Softplus", t.emit("Mul", x, beta)), beta)


def _silu(t, inputs, attrs, outs):
    x = t.name(inputs[0])
    return t.emit("Mul", x, t.emit("Sigmoid", x))


def _gelu(t, inputs, attrs, outs):
    x, dtype = t.name(inputs[0]), inputs[0].dtype

    def number(v: float) -> str:
        return t.constant(np.asarray(v, dtype))  # type: ignore[no-any-return]

    if attrs["approximate"] == "tanh":
        cubic = t.emit("Mul", t.emit("Pow", x, number(3)), number(0.044715))
        inner = t.emit("Tanh", t.emit("Mul", t.emit("Add", x, cubic), number(math.sqrt(2 / math.pi))))
    else:
        inner = t.emit("Erf", t.emit("Mul", x, number(math.sqrt(0.5))))
    return t.emit("Mul", t.emit("Mul", x, number(0.5)), t.emit("Add", inner, number(1)))


def _vector_norm(t, inputs, attrs, outs):
    kinds = {1: "ReduceL1", 2: "ReduceL2"}
    if attrs["ord"] not in kinds:
        raise_unsupported(f"vector_norm of order {attrs['ord']}")
    return _reduce(kinds[attrs["ord"]])(t, inputs, attrs, outs)


def _take(t, inputs, attrs, outs):
    x, index = inputs[:2]
    name = t.name(x) if attrs["axis"] is not None else t.emit("Reshape", t.name(x), t.ints([-1]))
    return t.emit("Gather", name, t.name(index), axis=attrs["axis"] or 0)


def _contract(t, inputs, attrs, outs):
    return t.emit("Einsum", *[t.name(x) for x in inputs], equation=attrs["equation"])


def _not_equal(t, inputs, attrs, outs):
    return t.emit("Not", t.emit("Equal", *[t.name(x) for x in t._alike(inputs)]))


def _scatter(**more: str) -> Writer:
    def write(t, inputs, attrs, outs):
        return t.emit("ScatterElements", *[t.name(x) for x in inputs], axis=int(attrs["axis"]), **more)

    return write


def _truncated(t: Trace, x: Any) -> Any:
    return t.emit("Mul", t.emit("Sign", t.name(x)), t.emit("Floor", t.emit("Abs", t.name(x))))


def _is_finite(t, inputs, attrs, outs):
    x = t.name(inputs[0])
    return t.emit("Not", t.emit("Or", t.emit("IsNaN", x), t.emit("IsInf", x)))


def _truth(kind: str) -> Writer:
    """any and all: the largest and the smallest of the truth values as integers."""

    def write(t, inputs, attrs, outs):
        x = inputs[0]
        zero = t.constant(np.zeros((), x.dtype))
        truth = t.name(x) if x.dtype == np.bool_ else t.emit("Not", t.emit("Equal", t.name(x), zero))
        axes, keep = t.ints(axes_of(attrs["axis"], x.ndim)), int(bool(attrs["keepdims"]))
        number = t.emit(kind, t.emit("Cast", truth, to=6), axes, keepdims=keep)
        return t.emit("Cast", number, to=9)

    return write


def _log_add_exp(t, inputs, attrs, outs):
    """max(x, y) + log(1 + exp(-|x - y|))"""
    x, y = (t.name(v) for v in t._alike(inputs))
    distance = t.emit("Neg", t.emit("Abs", t.emit("Sub", x, y)))
    one = t.constant(np.ones((), outs[0].dtype))
    return t.emit("Add", t.emit("Max", x, y), t.emit("Log", t.emit("Add", one, t.emit("Exp", distance))))


def _hypot(t, inputs, attrs, outs):
    x, y = (t.name(v) for v in t._alike(inputs))
    return t.emit("Sqrt", t.emit("Add", t.emit("Mul", x, x), t.emit("Mul", y, y)))


def _argsort(t, inputs, attrs, outs):
    axis = int(attrs["axis"])
    count = t.ints([inputs[0].shape[axis]])
    return t.emit("TopK", t.name(inputs[0]), count, axis=axis, largest=int(attrs["descending"]), outputs=2)[1]


def _one_hot(t, inputs, attrs, outs):
    values = t.constant(np.array([0, 1], outs[0].dtype))
    return t.emit("OneHot", t.name(inputs[0]), t.ints(outs[0].shape[-1]), values, axis=-1)


EXPORTS: dict[str, Writer] = {
    **LAYERS,
    **ALONG,
    "floor_divide": lambda t, i, a, o: t.emit("Floor", t.emit("Div", *[t.name(x) for x in t._alike(i)])),
    "hypot": _hypot,
    "logaddexp": _log_add_exp,
    "put_along_axis": _scatter(),
    "add_along_axis": _scatter(reduction="add"),
    "trunc": lambda t, i, a, o: _truncated(t, i[0]),
    "isfinite": _is_finite,
    "any": _truth("ReduceMax"),
    "all": _truth("ReduceMin"),
    "argsort": _argsort,
    "prod": _reduce("ReduceProd"),
    "argwhere": lambda t, i, a, o: t.emit("Transpose", t.emit("NonZero", t.name(i[0])), perm=[1, 0]),
    "one_hot": _one_hot,
    "relu": _simple("Relu"),
    "leaky_relu": _simple("LeakyRelu", alpha="negative_slope"),
    "elu": _simple("Elu", alpha="alpha"),
    "gelu": _gelu,
    "silu": _silu,
    "softplus": _softplus,
    "add": _scaled("Add"),
    "sub": _scaled("Sub"),
    "div": _div,
    "clip": _clip,
    "hardtanh": _hardtanh,
    "hardsigmoid": lambda t, x, attrs, outs: t.emit("HardSigmoid", t.name(x[0]), alpha=1 / 6, beta=0.5),
    "hardswish": _simple("HardSwish"),
    "ne": _not_equal,
    "softmax": _simple("Softmax", axis="axis"),
    "log_softmax": _simple("LogSoftmax", axis="axis"),
    "fmod": lambda t, i, a, o: t.emit("Mod", *[t.name(x) for x in t._alike(i)], fmod=1),
    "remainder": lambda t, i, a, o: _remainder(t, i),
    "contract": _contract,
    "astype": _astype,
    "sum_to": lambda t, i, a, o: (
        t.emit("Reshape", t.name(i[0]), t.ints(o[0].shape)) if i[0].size == o[0].size else None
    ),
    **dict.fromkeys(("reshape", "flatten"), _reshape),
    "permute": lambda t, i, a, o: t.emit("Transpose", t.name(i[0]), perm=[int(v) % i[0].ndim for v in a["axes"]]),
    "expand": _expand,
    "getitem": _getitem,
    "take": _take,
    "take_along_axis": lambda t, i, a, o: t.emit("GatherElements", t.name(i[0]), t.name(i[1]), axis=int(a["axis"])),
    "exp2": _with_constant("Pow", 2.0),
    "expm1": _chain(("Exp", None), ("Sub", 1.0)),
    "log2": _chain(("Log", None), ("Div", math.log(2))),
    "log10": _chain(("Log", None), ("Div", math.log(10))),
    "log1p": _chain(("Add", 1.0), ("Log", None)),
    "rsqrt": _chain(("Sqrt", None), ("Reciprocal", None)),
    "square": lambda t, i, a, o: t.emit("Mul", t.name(i[0]), t.name(i[0])),
    "round": lambda t, i, a, o: t.emit("Round", t.name(i[0])),
    "sum": _reduce("ReduceSum"),
    "mean": _reduce("ReduceMean"),
    "amax": _reduce("ReduceMax"),
    "amin": _reduce("ReduceMin"),
    "logsumexp": _reduce("ReduceLogSumExp"),
    "vector_norm": _vector_norm,
    "argmax": _arg("ArgMax"),
    "argmin": _arg("ArgMin"),
    "concatenate": lambda t, i, a, o: t.emit("Concat", *[t.name(x) for x in i], axis=int(a["axis"])),
    "constant_pad": _pad,
    "cumsum": lambda t, i, a, o: t.emit("CumSum", t.name(i[0]), t.ints(a["axis"])),
}


def _remainder(t: Trace, inputs: list[Any]) -> Any:
    """x - floor(x / y) y; ONNX's Mod has the divisor's sign for integers only."""
    x, y = t._alike(inputs)
    if x.dtype.kind != "f":
        return t.emit("Mod", t.name(x), t.name(y))
    whole = t.emit("Floor", t.emit("Div", t.name(x), t.name(y)))
    return t.emit("Sub", t.name(x), t.emit("Mul", whole, t.name(y)))


GRADIENT = "it is a gradient, which appears in training only"
TRAINING = "it belongs to training; a model is exported in evaluation mode"
LOSS = "losses are not exported with a model"
RANDOM = "random numbers are drawn in training only"
FUSED = "export writes its steps one by one"
ABSENT = "no operator of ONNX corresponds to it"

# Why other ops are not written.
REASONS: dict[str, str] = {
    **dict.fromkeys(
        ("relu_grad", "clip_grad", "hardtanh_grad", "leaky_relu_grad", "elu_grad",
         "sigmoid_grad", "tanh_grad", "conv2d_grad_w", "conv2d_grad_b", "avg_pool2d_grad",
         "scatter_pixels", "select_pixels", "softmax_grad", "log_softmax_grad", "nll_loss_grad",
         "cross_entropy_grad", "cumsum_grad", "resample_grad", "put_at", "sum_to", "linear_grad_w",
         "window_cells_added", "blend_grad", "blend_dots"),
        GRADIENT,
    ),
    **dict.fromkeys(
        ("normal", "uniform", "bernoulli", "exponential", "cauchy", "log_normal", "geometric", "random_like", "poisson",
         "binomial", "multinomial"), RANDOM),
    **dict.fromkeys(
        ("atan2", "diagonal", "setitem", "bitwise_left_shift", "bitwise_right_shift", "gcd", "lcm", "signbit",
         "copysign", "nextafter", "heaviside", "isclose", "isin", "searchsorted", "bincount", "histc", "logcumsumexp",
         "cholesky_factor", "qr_packed", "eigh_packed", "svd_packed", "solve_matrices", "det", "logabsdet", "pinv_cut",
         "lgamma", "digamma", "zeta", "polygamma_of", "erfc", "erfinv", "i0e", "i1e", "bessel_j0", "bessel_j1"),
        ABSENT,
    ),
    **dict.fromkeys(("batch_norm_train", "batch_norm_relu_train", "batch_norm_add_relu_train"), TRAINING),
    **dict.fromkeys(("lstm", "gru"), FUSED),
    **dict.fromkeys(
        ("nll_loss", "cross_entropy", "mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "bernoulli_loss",
         "logistic_loss", "kl_div", "ctc_losses"), LOSS,
    ),
    "conv_chain": "it joins layers, which export calls one by one",
}  # fmt: skip
