"""Products: matrix multiplication in all its forms, and the linear layer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd import kernels
from autograd.errors import ShapeError
from autograd.op import Direct, composite, op
from autograd.sampling import Case, Sampler
from autograd.tape import declare
from autograd.tensor import Tensor

_relu_grad = declare("relu_grad")


def tensor_of(x: Any) -> Tensor:
    """x itself, or an array or number as a tensor."""
    return x if isinstance(x, Tensor) else Tensor(x)


def need(**arrays: Any) -> None:
    """Refuses None and plain numbers where an op needs arrays."""
    for name, x in arrays.items():
        if not isinstance(x, np.ndarray):
            raise TypeError(f"{name} is {'None' if x is None else f'the number {x}'}, expected a tensor")


# ---------------------------------------------------------------------------------------------- matmul


def _matmul_samples(s: Sampler) -> Case:
    """Vectors, matrices, and stacks of matrices whose batch axes broadcast."""
    m, k, n = s.size(3), s.size(3, (s.lanes(),)), s.size(3, (s.lanes(),) if s.boolean() else ())
    batch_x, batch_y = s.broadcastable(2, most=2) if s.boolean() else ((), ())
    x = (k,) if s.integer(0, 4) == 0 else (*batch_x, m, k)
    y = (k,) if s.integer(0, 4) == 0 else (*batch_y, k, n)
    return s.case(s.array(x), s.array(y))


def _matmul_reference(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    a = x[None, :] if x.ndim == 1 else x
    b = y[:, None] if y.ndim == 1 else y
    out = (a[..., :, :, None] * b[..., None, :, :]).sum(-2)
    out = out[..., 0] if y.ndim == 1 else out
    return out[..., 0, :] if x.ndim == 1 and y.ndim > 1 else out[..., 0] if x.ndim == 1 else out


def _matmul_advice(shapes: dict[str, tuple[int, ...]], attrs: dict[str, Any]) -> str | None:
    x, y = shapes.get("x", ()), shapes.get("y", ())
    if not x or not y:
        return "for a number use x * y"
    if len(y) > 1 and x[-1] == y[-1]:
        return "transposed? x @ y.mT"
    return "transposed? x.mT @ y" if len(x) > 1 and x[-2] == y[max(len(y) - 2, 0)] else None


@op(
    reference=_matmul_reference,
    samples=_matmul_samples,
    flops=lambda out, x, y, **_: 2 * math.prod(out) * x[-1],
    kernel=kernels.matmul,
    broadcasts=True,
    linear_in=("x", "y"),
    advice=_matmul_advice,
    onnx="MatMul",
)
def matmul(x, y):
    """z[..., m, n] = sum_k x[..., m, k] * y[..., k, n]; the axes before the last two broadcast.

    A vector x (k,) counts as one row, a vector y (k,) as one column, and that axis is dropped from the result.
    float32 and float64 go to the native kernel, both of one dtype; other dtypes follow NumPy.
    Raises ShapeError if the inner sizes differ or the batch axes do not broadcast.
    Source: numpy.matmul, torch.matmul.
    """
    need(x=x, y=y)
    if x.dtype != y.dtype or x.dtype.kind != "f" or not x.ndim or not y.ndim:
        if x.dtype.kind == y.dtype.kind == "f" and x.dtype != y.dtype:
            raise TypeError(f"x is {x.dtype}, but y is {y.dtype}; use x.astype(y.dtype)")
        return np.matmul(x, y)
    return kernels.matmul(x, y)


def _matmul_x(g: Tensor, y: Any, x_shape: tuple[int, ...]) -> Tensor:
    y = tensor_of(y)
    if y.ndim == 1:
        return g.reshape(*g.shape, 1) * y
    if len(x_shape) == 1:
        return matmul(y, g.reshape(*g.shape, 1)).reshape(*g.shape[:-1], y.shape[-2])
    return linear(g, y) if y.ndim == 2 and _are_native(g, y) else matmul(g, y.mT)


def _matmul_y(g: Tensor, x: Any, y_shape: tuple[int, ...]) -> Tensor:
    x = tensor_of(x)
    if x.ndim == 1:
        return x * g if len(y_shape) == 1 else x.reshape(-1, 1) * g.reshape(*g.shape[:-1], 1, g.shape[-1])
    if len(y_shape) == 1:
        return matmul(x.mT, g.reshape(*g.shape, 1)).reshape(*g.shape[:-1], x.shape[-1])
    if len(y_shape) == 2:  # one product over all rows, instead of a sum of products
        return linear_grad_w(x, g) if _are_native(x, g) else matmul(rows_of(x).T, rows_of(g))
    return matmul(x.mT, g)


def _are_native(x: Tensor, y: Tensor) -> bool:
    """Whether both have the same dtype, of those that native products take."""
    return x.dtype == y.dtype and x.dtype.char in "fd"


matmul.grads(x=_matmul_x, y=_matmul_y)


def rows_of(x: Any) -> Tensor:
    """All axes but the last as one."""
    x = tensor_of(x)
    return x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


# ---------------------------------------------------------------------------------------------- linear


def _linear_samples(s: Sampler) -> Case:
    c, k = s.size(4, (s.lanes(),)), s.size(4, (s.lanes(),))
    x = s.array((*s.shape(0, 2), c))
    return s.case(x, s.array((k, c)), s.array((k,)) if s.boolean() else None)


def _linear_reference(x: np.ndarray, w: np.ndarray, b: np.ndarray | None = None) -> np.ndarray:
    y = np.einsum("...c,kc->...k", x, w)
    return y if b is None else y + b


def _linear_advice(shapes: dict[str, tuple[int, ...]], attrs: dict[str, Any]) -> str | None:
    x, w = shapes.get("x", ()), shapes.get("w", ())
    if len(w) == 2 and len(x) > 1 and x[-1] != w[1]:
        if math.prod(x[1:]) == w[1]:
            return "image input? x.flatten(1)"
        if x[-1] == w[0]:
            return "w is (out, in); transposed? w.T"
    return None


def _linear_flops(out, x, w, b=None):
    return 2 * math.prod(out) * w[-1]


@op(
    axes={"x": "... C", "w": "K C", "b": "K"},
    reference=_linear_reference,
    samples=_linear_samples,
    flops=_linear_flops,
    kernel=kernels.linear,
    keeps="w",
    linear_in=("x", "w"),
    advice=_linear_advice,
    onnx="Gemm",
)
def linear(x, w, b=None):
    """y[..., k] = b[k] + sum_c x[..., c] * w[k, c]

    x (..., C), w (K, C), b (K,) or None -> (..., K); all float32 or all float64.
    Raises ShapeError if C or K differ, DTypeError if the dtypes do. Source: torch.nn.functional.linear.
    """
    need(x=x, w=w)
    return kernels.linear(x, w, b)


def _grad_w_samples(s: Sampler) -> Case:
    rows = s.shape(0, 2)
    return s.case(*(s.array((*rows, s.size(4, (s.lanes(),)))) for _ in range(2)))


@op(
    axes={"u": "... K", "x": "... C"},
    reference=lambda u, x: u.reshape(-1, u.shape[-1]).T @ x.reshape(-1, x.shape[-1]),
    samples=_grad_w_samples,
    flops=lambda out, u, x: 2 * math.prod(u) * x[-1],
    kernel=kernels.linear_grad_w,
    linear_in=("u", "x"),
)
def linear_grad_w(u, x):
    """gw[k, c] = sum over ... of u[..., k] * x[..., c]: the adjoint of linear in w."""
    need(u=u, x=x)
    return kernels.linear_grad_w(u, x)


linear_grad_w.grads(u=Direct(linear, "x", "g"), x=Direct(matmul, "u", "g"))


def _linear_b(g: Tensor) -> Tensor:
    return g.sum(tuple(range(g.ndim - 1)))


linear.grads(x=Direct(matmul, "g", "w"), w=Direct(linear_grad_w, "g", "x"), b=_linear_b)
linear.grads_at_once(kernels.linear_grads, "g", "x", "w", None)


def _relu_samples(s: Sampler) -> Case:
    """Results away from the kink: every sum is 1 or more from 0, as the bias is odd and the products are even."""
    c, k = s.size(4, (s.lanes(),)), s.size(4, (s.lanes(),))
    x, w = s.integers((*s.shape(0, 2), c), -2, 3), s.integers((k, c), -2, 3) * 2
    return s.case(x.astype(s.dtype), w.astype(s.dtype), (s.integers((k,), -2, 3) * 2 + 1).astype(s.dtype))


@op(
    axes={"x": "... C", "w": "K C", "b": "K"},
    reference=lambda x, w, b=None: np.maximum(_linear_reference(x, w, b), 0),
    samples=_relu_samples,
    flops=_linear_flops,
    kernel=kernels.linear_relu,
    keeps="w",
    advice=_linear_advice,
)
def linear_relu(x, w, b=None):
    """max(linear(x, w, b), 0) in one pass, with the same bits."""
    need(x=x, w=w)
    return kernels.linear_relu(x, w, b)


linear_relu.grads(
    gz=Direct(_relu_grad, "g", "out"),
    x=Direct(matmul, "gz", "w"),
    w=Direct(linear_grad_w, "gz", "x"),
    b=lambda gz: _linear_b(gz),
)
linear_relu.grads_at_once(kernels.linear_grads, "g", "x", "w", "out")


# ---------------------------------------------------------------------------------------------- PyTorch's short forms


def _check(name: str, x: Tensor, y: Tensor, dims: tuple[int, int]) -> None:
    if (x.ndim, y.ndim) != dims:
        raise ShapeError(f"{name}: expected {dims[0]}-d x and {dims[1]}-d y, got {x.shape} and {y.shape}; see matmul")


def _product(s: Sampler, x: str, y: str) -> Case:
    sizes = {letter: s.size(3, (s.lanes(),) if letter == "k" else ()) for letter in "bmkn"}
    return s.case(s.array([sizes[i] for i in x]), s.array([sizes[i] for i in y]))


@composite(reference=lambda x, y: np.einsum("mk,kn->mn", x, y), samples=lambda s: _product(s, "mk", "kn"))
def mm(x, y):
    """z[m, n] = sum_k x[m, k] * y[k, n] of two matrices."""
    x, y = tensor_of(x), tensor_of(y)
    _check("mm", x, y, (2, 2))
    return matmul(x, y)


@composite(reference=lambda x, y: np.einsum("bmk,bkn->bmn", x, y), samples=lambda s: _product(s, "bmk", "bkn"))
def bmm(x, y):
    """z[b, m, n] = sum_k x[b, m, k] * y[b, k, n] of two stacks of matrices, of one length."""
    x, y = tensor_of(x), tensor_of(y)
    _check("bmm", x, y, (3, 3))
    if x.shape[0] != y.shape[0]:
        raise ShapeError(f"bmm: x has {x.shape[0]} matrices, y has {y.shape[0]}  [x: {x.shape}, y: {y.shape}]")
    return matmul(x, y)


@composite(reference=lambda x, y: np.einsum("mk,k->m", x, y), samples=lambda s: _product(s, "mk", "k"))
def mv(x, y):
    """z[m] = sum_k x[m, k] * y[k]"""
    x, y = tensor_of(x), tensor_of(y)
    _check("mv", x, y, (2, 1))
    return matmul(x, y)


@composite(reference=lambda x, y: np.einsum("k,k->", x, y), samples=lambda s: _product(s, "k", "k"))
def dot(x, y):
    """sum_k x[k] * y[k] of two vectors, as torch.dot."""
    x, y = tensor_of(x), tensor_of(y)
    _check("dot", x, y, (1, 1))
    return matmul(x, y)


@composite(reference=lambda x, y: np.einsum("m,n->mn", x, y), samples=lambda s: _product(s, "m", "n"))
def outer(x, y):
    """z[m, n] = x[m] * y[n] of two vectors."""
    x, y = tensor_of(x), tensor_of(y)
    _check("outer", x, y, (1, 1))
    return x.reshape(-1, 1) * y
