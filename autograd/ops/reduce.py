"""Reductions over axes: None (all), an int, or a tuple. Sums do not depend on the thread count."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd import kernels
from autograd.errors import ShapeError
from autograd.grad_mode import enable_grad, grad
from autograd.op import composite, op
from autograd.ops.binary import eq, ne
from autograd.ops.dtypes import floats, has_kernels, quiet
from autograd.ops.elementwise import mul, no_gradient, pow, raw, where
from autograd.ops.index import getitem
from autograd.ops.shape import expand, reshape
from autograd.ops.unary import abs, exp, sign, sqrt, square
from autograd.sampling import Case, Sampler
from autograd.shapes import normalize_axes
from autograd.tape import declare
from autograd.tensor import Tensor

_concatenate = declare("concatenate")


def over_axes(s: Sampler, least: int = 0) -> Case:
    """An array, axes and keepdims."""
    shape = s.shape(least, 3)
    return s.case(s.array(shape), axis=s.axes(len(shape)), keepdims=s.boolean())


def kept(shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    """The shape of a reduction that keeps its axes with size 1."""
    if axis is None:
        return (1,) * len(shape)
    axes = normalize_axes(axis, len(shape))
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def count(shape: tuple[int, ...], axis: Any) -> int:
    """Elements that go into each result."""
    return math.prod(shape) if axis is None else math.prod(shape[i] for i in normalize_axes(axis, len(shape)))


def unreduce(y: Tensor, shape: tuple[int, ...], axis: Any, keepdims: bool) -> Tensor:
    """A result (or its gradient) with its axes back, of size 1."""
    return y if keepdims or (axis is None and not shape) else reshape(y, kept(shape, axis))


def spread(y: Tensor, shape: tuple[int, ...], axis: Any, keepdims: bool) -> Tensor:
    """A result (or its gradient) repeated over the axes it was reduced over."""
    return expand(unreduce(y, shape, axis, keepdims), shape)


def axes_of(axis: Any, ndim: int) -> tuple[int, ...] | None:
    return None if axis is None else normalize_axes(axis, ndim)


# --------------------------------------------------------------------------------------------- sums


def _sum_reference(x, axis=None, keepdims=False, dtype=None):
    return np.einsum("i...->...", _in_front(x, axis)).reshape(reduced(x.shape, axis, keepdims))


def _in_front(x, axis):
    """The reduced axes as one leading axis."""
    axes = normalize_axes(axis, x.ndim)
    return np.moveaxis(x, axes, range(len(axes))).reshape(
        count(x.shape, axis), *(n for i, n in enumerate(x.shape) if i not in axes)
    )


def reduced(shape, axis, keepdims):
    axes = normalize_axes(axis, len(shape))
    return tuple(1 if i in axes else n for i, n in enumerate(shape) if keepdims or i not in axes)


@op(reference=_sum_reference, samples=over_axes, linear_in=("x",), onnx="ReduceSum")
def sum(x, *, axis=None, keepdims=False, dtype=None):
    """The sum over axes; ints and bools add up as int64."""
    if dtype is not None:
        x = x.astype(dtype)
    if has_kernels(x):
        return kernels.sum(x, axis, keepdims)
    if x.dtype.kind == "f":
        return kernels.sum(x, axes_of(axis, x.ndim), keepdims)
    return np.sum(x, axes_of(axis, x.ndim), np.int64 if dtype is None else dtype, keepdims=keepdims)


sum.grads(x=lambda g, x_shape, axis, keepdims: spread(g, x_shape, axis, keepdims))


@op(
    reference=lambda x, axis=None, keepdims=False, dtype=None: np.average(x, axis, keepdims=keepdims),
    samples=over_axes,
    linear_in=("x",),
    onnx="ReduceMean",
)
def mean(x, *, axis=None, keepdims=False, dtype=None):
    """sum(x) / count over axes, of x as dtype if given; ints and bools give floats, nothing gives NaN."""
    if dtype is not None and np.dtype(dtype).kind != "f":
        raise TypeError(f"dtype must be a floating dtype, got {np.dtype(dtype)}")
    total = sum.forward(floats(x) if dtype is None else x.astype(dtype), axis=axis, keepdims=keepdims)
    n = count(x.shape, axis)
    return kernels.mul(total, 1.0 / n) if n else total + math.nan


mean.grads(
    x=lambda g, x_shape, axis, keepdims: spread(g * (1.0 / at_least_one(count(x_shape, axis))), x_shape, axis, keepdims)
)


def at_least_one(n: int) -> int:
    """n, at least 1: no gradient of an empty mean divides by 0."""
    return n or 1


def _prod_samples(s: Sampler) -> Case:
    shape = tuple(s.size(3) for _ in range(s.integer(0, 3)))
    x = s.array(shape)
    return s.case(
        np.where(s.integers(shape, 0, 6) == 0, 0, x).astype(s.dtype), axis=s.axes(len(shape)), keepdims=s.boolean()
    )


def gradient_of_twin(twin: Any, g: Tensor, x: Tensor) -> Any:
    """g times the derivative of a function made of ops, where that of the op would divide by 0."""
    leaf = Tensor(x.array, requires_grad=True)
    with enable_grad():
        return grad(twin(leaf), leaf, g)[0]


def _by_halves(x, axis=None, keepdims=False, dtype=None):
    """As ops that know nothing of division, so that factors of 0 have their gradient."""
    x = x if dtype is None else declare("astype")(x, dtype=np.dtype(dtype))
    shape = x.shape
    axes = normalize_axes(axis, len(shape))
    order = [i for i in range(len(shape)) if i not in axes] + list(axes)
    others = tuple(shape[i] for i in order[: len(order) - len(axes)])
    n = count(shape, axis)
    y = reshape(declare("permute")(x, tuple(order)), (*others, n))
    if not n:
        y = reshape(sum(y, -1) + 1, (*others, 1))
    while n > 1:
        half = n // 2
        paired = mul(getitem(y, (..., slice(half))), getitem(y, (..., slice(half, 2 * half))))
        y = paired if n % 2 == 0 else _concatenate([paired, getitem(y, (..., slice(n - 1, n)))], axis=-1)
        n -= half
    return reshape(y, reduced(shape, axis, keepdims))


@op(
    reference=lambda x, axis=None, keepdims=False: np.multiply.reduce(x, axis, keepdims=keepdims),
    samples=_prod_samples,
    twin=_by_halves,
    onnx="ReduceProd",
)
def prod(x, *, axis=None, keepdims=False, dtype=None):
    """The product over axes; its gradient is right where factors are 0 too. Ints and bools multiply as int64."""
    x = np.asarray(x, dtype)
    if has_kernels(x):
        return kernels.prod(x, axis, keepdims)
    whole = None if x.dtype.kind == "f" else np.int64 if dtype is None else dtype
    return np.asarray(np.prod(x, axes_of(axis, x.ndim), whole, keepdims=keepdims))


def _prod_grad(g, x, out, axis, keepdims):
    shape = x.shape
    if g.dtype != x.dtype or not (raw(x) != 0).all():
        return gradient_of_twin(lambda leaf: _by_halves(leaf, axis, keepdims), g, x)
    return spread(g * out, shape, axis, keepdims) / x


prod.grads(x=_prod_grad)


# --------------------------------------------------------------------------------------------- spread of values


def resolve_correction(axis: Any, unbiased: Any, correction: float) -> tuple[Any, float]:
    """x.var(False) means unbiased=False, as in PyTorch; unbiased is correction 1 or 0."""
    if isinstance(axis, bool):
        axis, unbiased = None, axis
    correction = 1 if correction is None else correction
    return axis, correction if unbiased is None else float(unbiased)


def _var_samples(s: Sampler) -> Case:
    shape = tuple(s.size(3) + 1 for _ in range(s.integer(1, 3)))
    options = s.choice(({}, {"correction": 0}, {"unbiased": False}))
    return s.case(s.array(shape), axis=s.axes(len(shape)), keepdims=s.boolean(), **options)


def _var_reference(x, axis=None, unbiased=None, keepdims=False, correction=1):
    x, correction = np.asarray(x, np.float64), correction if unbiased is None else int(unbiased)
    n = count(x.shape, axis)
    square = np.square(x).mean(axis, keepdims=keepdims) - np.square(x.mean(axis, keepdims=keepdims))
    return square * n / (n - correction)


def _var_twin(x, axis=None, unbiased=None, keepdims=False, correction=1):
    axis, correction = resolve_correction(axis, unbiased, correction)
    rest = count(x.shape, axis) - correction
    total = sum(square(x - mean(x, axis, True)), axis, keepdims)
    return total * (1.0 / rest) if rest > 0 else total / 0.0


@op(
    reference=lambda x, axis=None, **attrs: (_var_reference(x, axis, **attrs), x.mean(axis, keepdims=True)),
    samples=_var_samples,
    extras=("middle",),
    twin=_var_twin,
)
def var(x, *, axis=None, unbiased=None, keepdims=False, correction=1):
    """sum((x - mean(x))^2) / (count - correction) over axes; unbiased=False means correction=0."""
    axis, correction = resolve_correction(axis, unbiased, correction)
    if x.dtype.kind != "f":
        raise TypeError(f"expected floats, got {x.dtype}; use x.float()")
    middle = mean.forward(x, axis=axis, keepdims=True)
    distance, rest = kernels.sub(x, middle), count(x.shape, axis) - correction
    total = sum.forward(kernels.mul(distance, distance), axis=axis, keepdims=keepdims)
    return kernels.mul(total, 1.0 / rest if rest > 0 else math.inf), middle


def _var_grad(g, x, middle, axis, unbiased, keepdims, correction):
    axis, correction = resolve_correction(axis, unbiased, correction)
    rest = count(x.shape, axis) - correction
    scale = g * (2.0 / rest if rest > 0 else math.inf)
    return (x - middle) * unreduce(scale, x.shape, axis, keepdims)


var.grads(x=_var_grad)


@composite(reference=lambda x, **attrs: np.sqrt(_var_reference(x, **attrs)), samples=_var_samples)
def std(x, *, axis=None, unbiased=None, keepdims=False, correction=1):
    """sqrt(var(x)); its gradient is 0 where all values are equal."""
    square_of = var(x, axis=axis, unbiased=unbiased, keepdims=keepdims, correction=correction)
    zero = eq(square_of, 0)
    return where(zero, 0.0, sqrt(where(zero, 1.0, square_of)))


@composite(
    reference=lambda x, **attrs: (_var_reference(x, **attrs), x.mean(attrs["axis"], keepdims=attrs["keepdims"])),
    samples=_var_samples,
)
def var_mean(x, *, axis=None, unbiased=None, keepdims=False, correction=1):
    """(var(x), mean(x)) over axes."""
    axis, correction = resolve_correction(axis, unbiased, correction)
    return var(x, axis, keepdims=keepdims, correction=correction), mean(x, axis, keepdims)


@composite(
    reference=lambda x, **attrs: (
        np.sqrt(_var_reference(x, **attrs)),
        x.mean(attrs["axis"], keepdims=attrs["keepdims"]),
    ),
    samples=_var_samples,
)
def std_mean(x, *, axis=None, unbiased=None, keepdims=False, correction=1):
    """(std(x), mean(x)) over axes."""
    axis, correction = resolve_correction(axis, unbiased, correction)
    return std(x, axis, keepdims=keepdims, correction=correction), mean(x, axis, keepdims)


def winners(x, out, axis, keepdims):
    """The share of each element in an extreme: ties share evenly."""
    a, best = raw(x), raw(out)
    best = best.reshape(kept(a.shape, axis))
    won = (a == best) | np.isnan(a) & np.isnan(best)
    return won / np.maximum(won.sum(axes_of(axis, a.ndim), a.dtype, keepdims=True), 1)


def nonempty(name: str, x: np.ndarray, axis: Any) -> None:
    if count(x.shape, axis) == 0:
        raise ShapeError(f"{name}: no elements to choose from along axis {axis}  [x: {x.shape}]")


# --------------------------------------------------------------------------------------------- norms, logs of sums


def _norm_samples(s: Sampler) -> Case:
    shape = s.shape(1, 3)
    x = np.asarray(s.distinct(shape, 0.2) + s.dtype.type(0.06))  # no two of one size, none near 0
    return s.case(
        x, ord=s.choice((2, 1, 3, 1.5, math.inf, -math.inf, 0)), axis=s.axes(len(shape)), keepdims=s.boolean()
    )


def _norm_reference(x, ord=2, axis=None, keepdims=False):
    flat = np.moveaxis(_in_front(np.asarray(x, np.float64), axis), 0, -1)
    return np.linalg.norm(flat.reshape(-1, flat.shape[-1]), ord, axis=-1).reshape(reduced(x.shape, axis, keepdims))


@op(reference=_norm_reference, samples=_norm_samples)
def vector_norm(x, *, ord=2, axis=None, keepdims=False):
    """(sum |x|^ord)^(1/ord) over axes; ord inf: max |x|, -inf: min |x|, 0: how many are not 0."""
    ord = float(ord)
    a = floats(x)
    if ord != 2:
        a = kernels.abs(a)
    if math.isinf(ord):
        nonempty("vector_norm", x, axis)
        return (np.max if ord > 0 else np.min)(a, axes_of(axis, a.ndim), keepdims=keepdims)
    if ord == 0:
        return sum.forward((a != 0).astype(a.dtype), axis=axis, keepdims=keepdims)
    powers = a if ord == 1 else kernels.mul(a, a) if ord == 2 else quiet(np.power, a, ord)
    total = sum.forward(powers, axis=axis, keepdims=keepdims)
    return total if ord == 1 else kernels.sqrt(total) if ord == 2 else quiet(np.power, total, 1 / ord)


def _norm_grad(g, x, out, ord, axis, keepdims):
    ord, shape = float(ord), raw(x).shape
    if ord == 0:
        return expand(no_gradient(unreduce(g, shape, axis, keepdims)), shape)
    g, out = unreduce(g, shape, axis, keepdims), unreduce(out, shape, axis, keepdims)
    if math.isinf(ord):
        return g * (sign(x) * winners(abs(x), out, axis, True))
    if ord == 1:
        return g * sign(x)
    zero = raw(out) == 0
    if ord == 2:
        return x * where(zero, 0.0, g / where(zero, 1.0, out))
    scale = where(zero, 0.0, g * pow(where(zero, 1.0, out), 1 - ord))
    gone = raw(x) == 0
    return scale * (sign(x) * where(gone, 0.0, pow(where(gone, 1.0, abs(x)), ord - 1)))


vector_norm.grads(x=_norm_grad)


@op(
    reference=lambda x, axis=None, keepdims=False: np.log(np.exp(x).sum(axis, keepdims=keepdims)),
    samples=over_axes,
    onnx="ReduceLogSumExp",
)
def logsumexp(x, *, axis=None, keepdims=False):
    """log(sum(e^x)) over axes, without overflow in between; nothing gives -inf."""
    x = floats(x)
    top = kernels.amax(x, axis, True) if x.size else np.full(kept(x.shape, axis), -np.inf, x.dtype)
    top = np.where(np.isfinite(top), top, x.dtype.type(0))
    total = kernels.sum(kernels.exp(kernels.sub(x, top)), axis, True)
    return (kernels.log(total) + top).reshape(reduced(x.shape, axis, keepdims))


def _logsumexp_grad(g, x, out, axis, keepdims):
    shape = raw(x).shape
    out = unreduce(out, shape, axis, keepdims)
    return unreduce(g, shape, axis, keepdims) * exp(x - where(np.isneginf(raw(out)), 0.0, out))


logsumexp.grads(x=_logsumexp_grad)


# --------------------------------------------------------------------------------------------- truth


def _mask_over_axes(s: Sampler) -> Case:
    shape = s.shape(0, 3)
    return s.case(s.mask(shape), axis=s.axes(len(shape)), keepdims=s.boolean())


@op(
    reference=lambda x, axis=None, keepdims=False: np.sum(x != 0, axis, keepdims=keepdims) > 0,
    samples=_mask_over_axes,
    differentiable=False,
)
def any(x, *, axis=None, keepdims=False):
    """Whether any element is nonzero, over axes."""
    return np.any(x, axes_of(axis, x.ndim), keepdims=keepdims)


@op(
    reference=lambda x, axis=None, keepdims=False: np.sum(x == 0, axis, keepdims=keepdims) == 0,
    samples=_mask_over_axes,
    differentiable=False,
)
def all(x, *, axis=None, keepdims=False):
    """Whether all elements are nonzero, over axes."""
    return np.all(x, axes_of(axis, x.ndim), keepdims=keepdims)


@composite(
    reference=lambda x, axis=None, keepdims=False: np.count_nonzero(x, axis, keepdims=keepdims),
    samples=_mask_over_axes,
    differentiable=False,
)
def count_nonzero(x, *, axis=None, keepdims=False):
    """How many elements are nonzero, over axes; int64."""
    return sum(ne(x, 0), axis, keepdims)
