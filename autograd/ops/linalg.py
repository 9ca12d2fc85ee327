"""Products: matrix multiplication, the linear layer, Einstein sums."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd import kernels
from autograd.errors import ShapeError
from autograd.op import composite, op
from autograd.sampling import Case, Sampler
from autograd.shapes import near
from autograd.tensor import Tensor


def tensor_of(x: Any) -> Tensor:
    """x itself, or an array or number as a tensor."""
    return x if isinstance(x, Tensor) else Tensor(x)


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
    if x.dtype != y.dtype or x.dtype.kind != "f" or not x.ndim or not y.ndim:
        if x.dtype.kind == y.dtype.kind == "f" and x.dtype != y.dtype:
            raise TypeError(f"x is {x.dtype}, but y is {y.dtype}; use x.astype(y.dtype)")
        return np.matmul(x, y)
    a = x[None, :] if x.ndim == 1 else x
    b = y[:, None] if y.ndim == 1 else y
    if a.shape[-1] != b.shape[-2]:
        raise ValueError(f"x has inner size {a.shape[-1]}, but y has {b.shape[-2]}")
    out = kernels.matmul(a, b)
    if y.ndim == 1:
        out = out[..., 0]
    if x.ndim == 1:
        out = out[..., 0, :] if y.ndim > 1 else out[..., 0]
    return out


def _matmul_x(g: Tensor, y: Any, x_shape: tuple[int, ...]) -> Tensor:
    y = tensor_of(y)
    if y.ndim == 1:
        return g.reshape(*g.shape, 1) * y
    if len(x_shape) == 1:
        return matmul(y, g.reshape(*g.shape, 1)).reshape(*g.shape[:-1], y.shape[-2])
    return matmul(g, y.mT)


def _matmul_y(g: Tensor, x: Any, y_shape: tuple[int, ...]) -> Tensor:
    x = tensor_of(x)
    if x.ndim == 1:
        return x * g if len(y_shape) == 1 else x.reshape(-1, 1) * g.reshape(*g.shape[:-1], 1, g.shape[-1])
    if len(y_shape) == 1:
        return matmul(x.mT, g.reshape(*g.shape, 1)).reshape(*g.shape[:-1], x.shape[-1])
    if x.ndim > 2 and len(y_shape) == 2:  # one product over all rows, instead of a sum of products
        return matmul(rows_of(x).T, rows_of(g))
    return matmul(x.mT, g)


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
    if len(w) == 2 and len(x) > 1:
        if math.prod(x[1:]) == w[1]:
            return "image input? x.flatten(1)"
        if x[-1] == w[0]:
            return "w is (out, in); transposed? w.T"
    return None


@op(
    axes={"x": "... C", "w": "K C", "b": "K"},
    reference=_linear_reference,
    samples=_linear_samples,
    linear_in=("x", "w"),
    advice=_linear_advice,
    onnx="Gemm",
)
def linear(x, w, b=None):
    """y[..., k] = b[k] + sum_c x[..., c] * w[k, c]

    x (..., C), w (K, C), b (K,) or None -> (..., K); all float32 or all float64.
    Raises ShapeError if C or K differ, DTypeError if the dtypes do. Source: torch.nn.functional.linear.
    """
    return kernels.linear(x, w, b)


linear.grads(
    x=lambda g, w: matmul(g, w),
    w=lambda g, x: matmul(rows_of(g).T, rows_of(x)),
    b=lambda g: g.sum(tuple(range(g.ndim - 1))) if g.ndim > 1 else g,
)


# ---------------------------------------------------------------------------------------------- einsum

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _contract_samples(s: Sampler) -> Case:
    equation = s.choice(["ab,bc->ac", "abc,acd->abd", "ab,cb->ca", "ab,ab->b", "a,b->ba", "abc,bc->a", "ab,b->ab", "ab,->ba"])
    sizes = {letter: s.size(3, (s.lanes(),) if letter == "b" else ()) for letter in "abcd"}
    left, right = equation.split("->")[0].split(",")
    return s.case(s.array([sizes[i] for i in left]), s.array([sizes[i] for i in right]), equation=equation)


@op(
    reference=lambda x, y, equation: np.einsum(equation, x, y),
    samples=_contract_samples,
    broadcasts=True,
    linear_in=("x", "y"),
)
def contract(x, y, *, equation):
    """The Einstein sum of two operands, e.g. equation "abc,cd->abd": the step that einsum is made of.

    Every letter stands once in an operand, and stands in at least two of x, y and the result.
    """
    left, right, out = _parts(equation)
    sizes: dict[str, int] = {}
    for letters, array in ((left, x), (right, y)):
        for letter, size in zip(letters, array.shape):
            if size != sizes.setdefault(letter, size):
                raise ValueError(f"{letter!r} of {equation!r} is {sizes[letter]} in x and {size} in y")
    if x.dtype != y.dtype or x.dtype.kind != "f":
        return np.einsum(equation, x, y)
    batch = [i for i in out if i in left and i in right]
    inner = [i for i in left if i in right and i not in out]
    rows = [i for i in left if i not in right]
    columns = [i for i in right if i not in left]

    def arranged(array: np.ndarray, letters: str, *groups: list[str]) -> np.ndarray:
        """The axes of an operand as batch axes and two more, which are products of axes."""
        moved = array.transpose([letters.index(i) for group in groups for i in group])
        return moved.reshape(*(sizes[i] for i in groups[0]), *(math.prod(sizes[i] for i in g) for g in groups[1:]))

    product = kernels.matmul(arranged(x, left, batch, rows, inner), arranged(y, right, batch, inner, columns))
    order = batch + rows + columns
    return product.reshape([sizes[i] for i in order]).transpose([order.index(i) for i in out])


def _parts(equation: str) -> tuple[str, str, str]:
    inputs, out = equation.split("->")
    left, right = inputs.split(",")
    return left, right, out


def _contract_x(g: Tensor, y: Tensor, equation: str) -> Tensor:
    left, right, out = _parts(equation)
    return contract(g, y, equation=f"{out},{right}->{left}")


def _contract_y(g: Tensor, x: Tensor, equation: str) -> Tensor:
    left, right, out = _parts(equation)
    return contract(g, x, equation=f"{out},{left}->{right}")


contract.grads(x=_contract_x, y=_contract_y)


def _einsum_samples(s: Sampler) -> Case:
    equation = s.choice(
        ["ij,jk->ik", "ij,jk", "bij,bjk->bik", "ij,jk,kl->il", "ii->i", "ii", "ij->ji", "ij->j", "...ij,...jk->...ik", "i,i,i->i"]
        + ["i,j->ij", "ijk,jl->kl", "ij,ij->", "b...,b->...", "ik,jk->", "ij,kl->ik"]
    )
    sizes = {letter: s.size(3, (s.lanes(),) if letter == "j" else ()) for letter in "bijkl"}
    batch = s.shape(0, 2)
    terms = equation.split("->")[0].split(",")
    shapes = [[n for i in t.replace("...", ".") for n in (batch if i == "." else (sizes[i],))] for t in terms]
    return s.case(equation, *[s.array(shape) for shape in shapes])


@composite(
    reference=lambda equation, *operands: np.einsum(equation, *operands), samples=_einsum_samples, onnx="Einsum"
)
def einsum(equation, *operands):
    """The sum over all letters that the right side lacks: einsum("ij,jk->ik", x, y) is x @ y.

    Operands may also come as one list. "..." stands for any further axes, which broadcast; without "->" the letters
    that occur once form the result, in alphabetical order. A letter twice in one operand is its diagonal.
    Raises ShapeError for an equation that does not fit the operands. Source: numpy.einsum, torch.einsum.
    """
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    tensors = [tensor_of(x) for x in operands]
    terms, out = _read_equation(equation, [x.shape for x in tensors])
    sizes = _letter_sizes(equation, terms, [x.shape for x in tensors])
    steps = [part for x, term in zip(tensors, terms) for part in _without_repeats(x, term, sizes)]
    x, left = _reduced(*steps[0], out, [term for _, term in steps[1:]])
    for i, (y, right) in enumerate(steps[1:]):
        later = [term for _, term in steps[i + 2 :]]
        y, right = _reduced(y, right, out, [left, *later])
        kept = "".join(i for i in dict.fromkeys(left + right) if i in out or any(i in term for term in later))
        x, left = _joined(x, left, y, right, kept)
    missing = [i for i in out if i not in left]
    if missing:
        raise ShapeError(f"einsum: {equation!r}: {missing[0]!r} of the result is in no operand")
    order = [left.index(i) for i in out]
    return x if order == list(range(len(left))) else x.permute(order)


def _read_equation(equation: str, shapes: list[tuple[int, ...]]) -> tuple[list[str], str]:
    """One string of letters per operand and for the result, ellipses replaced by unused letters."""
    inputs, arrow, out = equation.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(shapes):
        raise ShapeError(f"einsum: {equation!r} has {len(terms)} operands, but {len(shapes)} are given")
    free = [i for i in reversed(LETTERS) if i not in equation]
    for term, shape in zip(terms, shapes):
        named = len(term.replace("...", ""))
        if len(shape) < named or (len(shape) > named and "..." not in term):
            raise ShapeError(f"einsum: {term!r} of {equation!r} names {named} axes, but the operand has shape {shape}")
    widest = max((len(s) - len(t.replace("...", "")) for t, s in zip(terms, shapes) if "..." in t), default=0)
    dots = "".join(free[:widest])
    letters = [t.replace("...", dots[widest - (len(s) - len(t) + 3) :]) if "..." in t else t for t, s in zip(terms, shapes)]
    if arrow:
        out = out.replace("...", dots)
    else:
        once = "".join(sorted(i for i in set(inputs) - set(".,") if inputs.count(i) == 1))
        out = dots + once
    for i in "".join(letters) + out:
        if i not in LETTERS:
            raise ShapeError(f"einsum: {i!r} in {equation!r}: expected letters, ',', '...' and '->'{near(i, LETTERS)}")
    if len(set(out)) != len(out):
        raise ShapeError(f"einsum: the result of {equation!r} names a letter twice")
    return letters, out


def _letter_sizes(equation: str, terms: list[str], shapes: list[tuple[int, ...]]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes):
        for letter, size in zip(term, shape):
            if sizes.get(letter, 1) != size and 1 not in (sizes.get(letter, 1), size):
                raise ShapeError(f"einsum: {letter!r} of {equation!r} is {sizes[letter]} and {size}  [{shapes}]")
            sizes[letter] = size if letter not in sizes or sizes[letter] == 1 else sizes[letter]
    return sizes


def _without_repeats(x: Tensor, term: str, sizes: dict[str, int]) -> list[tuple[Tensor, str]]:
    """A repeated letter as a product with the identity: "ii" becomes "ij" and "ij"."""
    steps = []
    for position, letter in enumerate(term):
        if letter in term[:position]:
            fresh = next(i for i in LETTERS if i not in sizes)
            sizes[fresh] = sizes[letter]
            term = term[:position] + fresh + term[position + 1 :]
            steps.append((Tensor(np.eye(sizes[letter], dtype=x.dtype)), letter + fresh))
    return [(x, term), *steps]


def _reduced(x: Tensor, term: str, out: str, others: list[str]) -> tuple[Tensor, str]:
    """Sums over the letters that nothing else mentions."""
    alone = tuple(i for i, letter in enumerate(term) if letter not in out and not any(letter in t for t in others))
    if not alone:
        return x, term
    return x.sum(alone), "".join(letter for i, letter in enumerate(term) if i not in alone)


def _joined(x: Tensor, left: str, y: Tensor, right: str, out: str) -> tuple[Tensor, str]:
    """The product of two operands. Axes of size 1 that broadcast are dropped before and cost nothing."""
    pairs = [(left.index(i), right.index(i)) for i in left if i in right]
    thin_x = tuple(i for i, j in pairs if x.shape[i] == 1 != y.shape[j])
    thin_y = tuple(j for i, j in pairs if y.shape[j] == 1 != x.shape[i])
    for axes in (thin_x, thin_y):
        if axes and axes is thin_x:
            x, left = x.sum(axes), "".join(c for i, c in enumerate(left) if i not in axes)
        elif axes:
            y, right = y.sum(axes), "".join(c for i, c in enumerate(right) if i not in axes)
    x, left = _reduced(x, left, out, [right])
    y, right = _reduced(y, right, out, [left])
    return contract(x, y, equation=f"{left},{right}->{out}"), out


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
