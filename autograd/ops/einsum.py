"""Einstein sums, made of products of two operands."""

from __future__ import annotations

import math

import numpy as np

from autograd import kernels
from autograd.errors import ShapeError
from autograd.op import composite, op
from autograd.ops.linalg import need, tensor_of
from autograd.sampling import Case, Sampler
from autograd.shapes import near
from autograd.tensor import Tensor

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _contract_samples(s: Sampler) -> Case:
    equation = s.choice(
        ["ab,bc->ac", "abc,acd->abd", "ab,cb->ca", "ab,ab->b", "a,b->ba", "abc,bc->a", "ab,b->ab", "ab,->ba"]
    )
    sizes = {letter: s.size(3, (s.lanes(),) if letter == "b" else ()) for letter in "abcd"}
    left, right = equation.split("->")[0].split(",")
    return s.case(s.array([sizes[i] for i in left]), s.array([sizes[i] for i in right]), equation=equation)


def _contract_flops(out, x, y, *, equation):
    left, right = equation.split("->")[0].split(",")
    return 2 * math.prod({**dict(zip(left, x)), **dict(zip(right, y))}.values())


@op(
    reference=lambda x, y, equation: np.einsum(equation, x, y),
    samples=_contract_samples,
    flops=_contract_flops,
    broadcasts=True,
    linear_in=("x", "y"),
)
def contract(x, y, *, equation):
    """The Einstein sum of two operands, e.g. equation "abc,cd->abd": the step that einsum is made of.

    Every letter stands once in an operand, and stands in at least two of x, y and the result.
    """
    need(x=x, y=y)
    left, right, out = _parts(equation)
    sizes: dict[str, int] = {}
    for letters, array in ((left, x), (right, y)):
        for letter, size in zip(letters, array.shape):
            if size != sizes.setdefault(letter, size):
                raise ValueError(f"{letter!r} of {equation!r} is {sizes[letter]} in x and {size} in y")
    need(x=x, y=y)
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
        [
            "ij,jk->ik",
            "ij,jk",
            "bij,bjk->bik",
            "ij,jk,kl->il",
            "ii->i",
            "ii",
            "ij->ji",
            "ij->j",
            "...ij,...jk->...ik",
            "i,i,i->i",
            "i,j->ij",
            "ijk,jl->kl",
            "ij,ij->",
            "b...,b->...",
            "ik,jk->",
            "ij,kl->ik",
        ]
    )
    sizes = {letter: s.size(3, (s.lanes(),) if letter == "j" else ()) for letter in "bijkl"}
    batch = s.shape(0, 2)
    terms = equation.split("->")[0].split(",")
    shapes = [[n for i in t.replace("...", ".") for n in (batch if i == "." else (sizes[i],))] for t in terms]
    return s.case(equation, *[s.array(shape) for shape in shapes])


@composite(reference=lambda equation, *operands: np.einsum(equation, *operands), samples=_einsum_samples, onnx="Einsum")
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
    letters = [t.replace("...", dots[max(widest - len(s) + len(t) - 3, 0) :]) for t, s in zip(terms, shapes)]
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
