"""Products of matrices and vectors under PyTorch's and NumPy's names: sums of matmul, einsum and elementwise ops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.errors import ShapeError
from autograd.op import composite
from autograd.ops.einsum import einsum
from autograd.ops.elementwise import add, mul, raw, sub
from autograd.ops.join import roll
from autograd.ops.linalg import bmm, dot, matmul, mm, mv, outer, tensor_of
from autograd.ops.matrix import diagonal
from autograd.ops.reduce import sum, vector_norm
from autograd.ops.shape import permute, reshape, unsqueeze
from autograd.sampling import Case, Sampler
from autograd.shapes import normalize_axes, normalize_axis
from autograd.tensor import Tensor


def shapes_of(s: Sampler, *terms: str, **attrs: Any) -> Case:
    """Arrays whose axes are letters: shapes_of(s, "mk", "kn")."""
    sizes = {letter: s.size(3) for term in terms for letter in term}
    return s.case(*(s.array([sizes[i] for i in term]) for term in terms), **attrs)


def _blend(x: Any, product: Tensor, beta: float, alpha: float, name: str) -> Tensor:
    """beta * x + alpha * product; a beta of 0 leaves x out, NaN included."""
    product = product if alpha == 1 else mul(product, alpha)
    if beta == 0:
        return product
    x = tensor_of(x)
    try:
        np.broadcast_to(x.array, product.shape)
    except ValueError:
        raise ShapeError(f"{name}: x of shape {x.shape} does not broadcast to the product's {product.shape}") from None
    return add(product, x if beta == 1 else mul(x, beta))


def _weights(s: Sampler) -> dict[str, float]:
    return s.choice(({}, {"beta": 0.5, "alpha": -2.0}))


def _sum_reference(equation):
    def reference(x, a, b, beta=1, alpha=1):
        return beta * x + alpha * np.einsum(equation, a, b)

    return reference


@composite(
    reference=_sum_reference("mk,kn->mn"), samples=lambda s: shapes_of(s, "n", "mk", "kn", **_weights(s)), onnx="Gemm"
)
def addmm(x, mat1, mat2, *, beta=1, alpha=1):
    """beta * x + alpha * (mat1 @ mat2)"""
    return _blend(x, mm(mat1, mat2), beta, alpha, "addmm")


@composite(reference=_sum_reference("mk,k->m"), samples=lambda s: shapes_of(s, "m", "mk", "k", **_weights(s)))
def addmv(x, mat, vec, *, beta=1, alpha=1):
    """beta * x + alpha * (mat @ vec)"""
    return _blend(x, mv(mat, vec), beta, alpha, "addmv")


@composite(reference=_sum_reference("m,n->mn"), samples=lambda s: shapes_of(s, "mn", "m", "n", **_weights(s)))
def addr(x, vec1, vec2, *, beta=1, alpha=1):
    """beta * x + alpha * outer(vec1, vec2)"""
    return _blend(x, outer(vec1, vec2), beta, alpha, "addr")


@composite(reference=_sum_reference("bmk,bkn->mn"), samples=lambda s: shapes_of(s, "mn", "bmk", "bkn", **_weights(s)))
def addbmm(x, batch1, batch2, *, beta=1, alpha=1):
    """beta * x + alpha * the sum of all products batch1[b] @ batch2[b]"""
    return _blend(x, sum(bmm(batch1, batch2), 0), beta, alpha, "addbmm")


@composite(reference=_sum_reference("bmk,bkn->bmn"), samples=lambda s: shapes_of(s, "bmn", "bmk", "bkn", **_weights(s)))
def baddbmm(x, batch1, batch2, *, beta=1, alpha=1):
    """beta * x[b] + alpha * (batch1[b] @ batch2[b])"""
    return _blend(x, bmm(batch1, batch2), beta, alpha, "baddbmm")


@composite(reference=lambda x, y: np.vdot(x, y), samples=lambda s: shapes_of(s, "k", "k"))
def vdot(x, y):
    """sum_k x[k] * y[k] of two vectors."""
    return dot(x, y)


@composite(
    reference=lambda x, y, axis=-1: (x * y).sum(axis), samples=lambda s: shapes_of(s, "bk", "bk", axis=s.axis(2))
)
def vecdot(x, y, *, axis=-1):
    """sum(x * y) along an axis."""
    return sum(mul(x, y), axis)


@composite(reference=lambda x, y: np.inner(x, y), samples=lambda s: shapes_of(s, "abk", "ck"))
def inner(x, y):
    """z[..., m] = sum_k x[..., k] * y[m, ..., k]; with a number, its product."""
    x, y = tensor_of(x), tensor_of(y)
    if x.ndim == 0 or y.ndim == 0:
        return mul(x, y)
    if x.shape[-1] != y.shape[-1]:
        raise ShapeError(f"inner: last sizes {x.shape[-1]} and {y.shape[-1]} differ  [x: {x.shape}, y: {y.shape}]")
    return tensordot(x, y, dims=([-1], [-1]))


def _tensordot_samples(s: Sampler) -> Case:
    if s.boolean():
        return shapes_of(s, "abk", "kc", dims=1)
    return shapes_of(s, "kal", "lkb", dims=([0, 2], [1, 0]))


@composite(reference=lambda x, y, dims=2: np.tensordot(x, y, dims), samples=_tensordot_samples)
def tensordot(x, y, *, dims=2):
    """Sums over pairs of axes: the last `dims` of x with the first of y, or the listed ones ((of x), (of y))."""
    x, y = tensor_of(x), tensor_of(y)
    dims = raw(dims).tolist() if isinstance(dims, Tensor) else dims
    if isinstance(dims, int):
        if not 0 <= dims <= min(x.ndim, y.ndim):
            raise ShapeError(f"tensordot: dims={dims} for {x.ndim} and {y.ndim} dimensions")
        dims = (list(range(x.ndim - dims, x.ndim)), list(range(dims)))
    a, b = normalize_axes(tuple(dims[0]), x.ndim), normalize_axes(tuple(dims[1]), y.ndim)
    if len(a) != len(b) or any(x.shape[i] != y.shape[j] for i, j in zip(a, b)):
        raise ShapeError(f"tensordot: axes {a} of x do not match axes {b} of y  [x: {x.shape}, y: {y.shape}]")
    rest_x, rest_y = [i for i in range(x.ndim) if i not in a], [j for j in range(y.ndim) if j not in b]
    inner_size = math.prod(x.shape[i] for i in a)
    left = reshape(permute(x, (*rest_x, *a)), (math.prod(x.shape[i] for i in rest_x), inner_size))
    right = reshape(permute(y, (*b, *rest_y)), (inner_size, math.prod(y.shape[j] for j in rest_y)))
    return reshape(matmul(left, right), tuple([x.shape[i] for i in rest_x] + [y.shape[j] for j in rest_y]))


@composite(reference=lambda x, y: np.kron(x, y), samples=lambda s: shapes_of(s, "ab", "cd"))
def kron(x, y):
    """The Kronecker product: every element of x times the whole of y, as one matrix of blocks."""
    x, y = tensor_of(x), tensor_of(y)
    ndim = max(x.ndim, y.ndim)
    a, b = (1,) * (ndim - x.ndim) + x.shape, (1,) * (ndim - y.ndim) + y.shape
    product = mul(reshape(x, tuple(k for n in a for k in (n, 1))), reshape(y, tuple(k for n in b for k in (1, n))))
    return reshape(product, tuple(m * n for m, n in zip(a, b)))


@composite(
    reference=lambda *xs: np.linalg.multi_dot(xs) if len(xs) > 1 else xs[0],
    samples=lambda s: shapes_of(s, *s.choice((("ab", "bc", "cd"), ("ab", "bc"), ("ab", "bc", "cd", "de")))),
)
def multi_dot(*xs):
    """The product of several matrices, in the order that needs the fewest multiplications; the ends may be vectors."""
    chain = [tensor_of(x) for x in xs]
    if len(chain) < 2:
        raise ShapeError(f"multi_dot: expected at least 2 tensors, got {len(chain)}")
    if any(x.ndim != 2 for x in chain[1:-1]) or not {chain[0].ndim, chain[-1].ndim} <= {1, 2}:
        raise ShapeError(f"multi_dot: expected matrices (the ends may be vectors), got {[x.shape for x in chain]}")
    row, column = chain[0].ndim == 1, chain[-1].ndim == 1
    chain[0] = unsqueeze(chain[0], 0) if row else chain[0]
    chain[-1] = unsqueeze(chain[-1], 1) if column else chain[-1]
    for x, y in zip(chain, chain[1:]):
        if x.shape[1] != y.shape[0]:
            raise ShapeError(f"multi_dot: {x.shape} and {y.shape} cannot be multiplied")
    product = _chain(chain, _best_splits([x.shape[0] for x in chain] + [chain[-1].shape[1]]), 0, len(chain) - 1)
    kept = tuple(n for n, gone in zip(product.shape, (row, column)) if not gone)
    return reshape(product, kept) if row or column else product


def _best_splits(sizes: list[int]) -> dict[tuple[int, int], int]:
    """Where to cut the product i..j of a chain, by dynamic programming."""
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    cut = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            costs = {k: cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)}
            cut[i, j] = min(costs, key=costs.__getitem__)
            cost[i, j] = costs[cut[i, j]]
    return cut


def _chain(xs: list[Tensor], cut: dict[tuple[int, int], int], i: int, j: int) -> Tensor:
    return xs[i] if i == j else matmul(_chain(xs, cut, i, cut[i, j]), _chain(xs, cut, cut[i, j] + 1, j))


@composite(
    reference=lambda x, y, axis=-1: np.cross(x, y, axis=axis),
    samples=lambda s: s.case(s.array((2, 3)), s.array((2, 3)), axis=s.choice((1, -1))),
    linear_in=("x", "y"),
)
def cross(x, y, *, axis=None):
    """The vector product along an axis of size 3 (None: the first such axis)."""
    x, y = tensor_of(x), tensor_of(y)
    if axis is None:
        if 3 not in x.shape:
            raise ShapeError(f"cross: no axis of size 3  [x: {x.shape}, y: {y.shape}]")
        axis = x.shape.index(3)
    axis = normalize_axis(axis, x.ndim)
    if x.ndim != y.ndim or x.shape[axis] != 3 or y.shape[axis] != 3:
        raise ShapeError(f"cross: axis {axis} must have size 3 in both  [x: {x.shape}, y: {y.shape}]")
    a, b = (roll(v, -1, axis) for v in (x, y)), (roll(v, -2, axis) for v in (x, y))
    (x1, y1), (x2, y2) = a, b
    return sub(mul(x1, y2), mul(x2, y1))


@composite(reference=lambda x: np.trace(x), samples=lambda s: shapes_of(s, "mn"), linear_in=("x",))
def trace(x):
    """The sum of the diagonal of a matrix."""
    if np.ndim(raw(x)) != 2:
        raise ShapeError(f"trace: expected a matrix  [x: {np.shape(raw(x))}]")
    return sum(diagonal(x))


@composite(
    reference=lambda x, y, w, b=None: np.einsum("nc,kcd,nd->nk", x, w, y) + (0 if b is None else b),
    samples=lambda s: shapes_of(s, "nc", "nd", "kcd", "k"),
    linear_in=("x", "y", "w"),
)
def bilinear(x, y, w, b=None):
    """z[..., k] = b[k] + sum_cd x[..., c] * w[k, c, d] * y[..., d]"""
    x, y, w = tensor_of(x), tensor_of(y), tensor_of(w)
    if w.ndim != 3 or x.shape[-1:] != w.shape[1:2] or y.shape[-1:] != w.shape[2:] or x.shape[:-1] != y.shape[:-1]:
        raise ShapeError(
            f"bilinear: expected x (... C), y (... D), w (K C D)  [x: {x.shape}, y: {y.shape}, w: {w.shape}]"
        )
    z = einsum("nc,kcd,nd->nk", reshape(x, (-1, x.shape[-1])), w, reshape(y, (-1, y.shape[-1])))
    z = reshape(z, (*x.shape[:-1], w.shape[0]))
    return z if b is None else add(z, b)


# --------------------------------------------------------------------------------------------- distances


def _apart(s: Sampler, *terms: str, **attrs: Any) -> Case:
    """Points that differ in every coordinate."""
    x, *rest = shapes_of(s, *terms).args
    values = s.distinct((x.size + int(np.sum([a.size for a in rest])),), 0.15)
    arrays, at = [], 0
    for a in (x, *rest):
        arrays.append(values[at : at + a.size].reshape(a.shape))
        at += a.size
    return s.case(*arrays, **attrs)


def _cdist_reference(x, y, p=2.0):
    d = np.abs(x[:, None] - y[None])
    return d.max(-1) if p == math.inf else (d**p).sum(-1) ** (1 / p)


@composite(reference=_cdist_reference, samples=lambda s: _apart(s, "mk", "nk", p=s.choice((2.0, 1.0, 3.0))))
def cdist(x, y, *, p=2.0, compute_mode=None):
    """d[..., i, j] = ||x[..., i, :] - y[..., j, :]||_p"""
    x, y = tensor_of(x), tensor_of(y)
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        raise ShapeError(f"cdist: expected x (... M K) and y (... N K)  [x: {x.shape}, y: {y.shape}]")
    return vector_norm(sub(unsqueeze(x, -2), unsqueeze(y, -3)), ord=p, axis=-1)


@composite(
    reference=lambda x, p=2.0: _cdist_reference(x, x, p)[np.triu_indices(len(x), 1)],
    samples=lambda s: _apart(s, "mk", p=s.choice((2.0, 1.0, 3.0))),
)
def pdist(x, *, p=2.0):
    """The distances of all pairs of rows of a matrix, those of row 0 first."""
    x = tensor_of(x)
    if x.ndim != 2:
        raise ShapeError(f"pdist: expected a matrix  [x: {x.shape}]")
    if p < 0:
        raise ShapeError(f"pdist: p must not be below 0, got {p}")
    first, second = np.triu_indices(x.shape[0], 1)
    return vector_norm(sub(x[first], x[second]), ord=p, axis=-1)


@composite(
    reference=lambda x, y, p=2: (np.abs(x - y) ** p).sum() ** (1 / p),
    samples=lambda s: _apart(s, "mk", "mk", p=s.choice((2, 1, 3))),
)
def dist(x, y, *, p=2):
    """||x - y||_p over all elements; x and y broadcast."""
    return vector_norm(sub(x, y), ord=p)


@composite(
    reference=lambda x, y, p=2.0, eps=1e-6, keepdims=False: (
        (np.abs(x - y + eps) ** p).sum(-1, keepdims=keepdims) ** (1 / p)
    ),
    samples=lambda s: _apart(s, "nk", "nk", p=s.choice((2.0, 1.0, 3.0)), keepdims=s.boolean()),
)
def pairwise_distance(x, y, *, p=2.0, eps=1e-6, keepdims=False):
    """||x - y + eps||_p along the last axis; x and y broadcast."""
    return vector_norm(add(sub(x, y), eps), ord=p, axis=-1, keepdims=keepdims)
