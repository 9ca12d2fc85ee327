"""Random graphs of ops against a naive tape written here, and (slow) against PyTorch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd as ag

UNARY = {
    "tanh": (np.tanh, lambda g, x, y: g * (1 - y * y)),
    "sin": (np.sin, lambda g, x, y: g * np.cos(x)),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), lambda g, x, y: g * y * (1 - y)),
    "square": (np.square, lambda g, x, y: g * 2 * x),
    "neg": (np.negative, lambda g, x, y: -g),
}
BINARY = {
    "add": (np.add, lambda g, x, y: (g, g)),
    "sub": (np.subtract, lambda g, x, y: (g, -g)),
    "mul": (np.multiply, lambda g, x, y: (g * y, g * x)),
}
SHAPED = {
    "transpose": lambda x: x.T,
    "flip": lambda x: x[::-1],
    "row": lambda x: x[:1],
    "sum": lambda x: x.sum(0, keepdims=True),
}


@st.composite
def programs(draw):
    """Leaves (3, 3), and steps: an op and the numbers of the earlier values that it takes."""
    leaves, steps = draw(st.integers(1, 3)), []
    for k in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from(("unary", "binary", "binary", "matmul", "shaped")))
        names = {"unary": UNARY, "binary": BINARY, "matmul": ("matmul",), "shaped": SHAPED}[kind]
        pick = st.integers(0, leaves + k - 1)
        steps.append((kind, draw(st.sampled_from(sorted(names))), draw(pick), draw(pick)))
    return leaves, steps, draw(st.integers(0, 2**16)), draw(st.lists(st.integers(0, 20), max_size=3))


def runs(leaves, steps, apply):
    """All values of a program; a matrix product of shapes that do not fit becomes a sum."""
    values = list(leaves)
    for kind, name, i, j in steps:
        x, y = values[i], values[j]
        if kind == "matmul" and x.shape[1] != y.shape[0]:
            kind, name = "binary", "add"
        values.append(apply(kind, name, x, y))
    return values


def unbroadcast(g, shape):
    for axis, (n, m) in enumerate(zip(shape, g.shape)):
        if n == 1 != m:
            g = g.sum(axis, keepdims=True)
    return g


class Naive:
    """A value of the naive tape: an array and a list of (input, gradient rule)."""

    def __init__(self, array, sources=()):
        self.array, self.sources, self.grad = array, sources, np.zeros_like(array)
        self.shape = array.shape


def naive(kind, name, x, y):
    if kind == "unary":
        out = UNARY[name][0](x.array)
        return Naive(out, [(x, lambda g: UNARY[name][1](g, x.array, out))])
    if kind == "binary":
        rule = BINARY[name][1]
        return Naive(
            BINARY[name][0](x.array, y.array),
            [(x, lambda g: unbroadcast(rule(g, x.array, y.array)[0], x.shape)),
             (y, lambda g: unbroadcast(rule(g, x.array, y.array)[1], y.shape))],
        )  # fmt: skip
    if kind == "matmul":
        return Naive(x.array @ y.array, [(x, lambda g: g @ y.array.T), (y, lambda g: x.array.T @ g)])
    rules = {
        "transpose": lambda g: g.T,
        "flip": lambda g: g[::-1],
        "row": lambda g: np.concatenate([g, np.zeros((x.shape[0] - 1, x.shape[1]))]),
        "sum": lambda g: np.broadcast_to(g, x.shape),
    }
    return Naive(SHAPED[name](x.array), [(x, rules[name])])


def library(kind, name, x, y):
    """The same step with the methods of tensors: ours, or PyTorch's."""
    if kind == "unary":
        return getattr(x, name)()
    if kind == "binary":
        return getattr(x, name)(y)
    if kind == "matmul":
        return x @ y
    if name == "sum":
        return x.sum(0, keepdims=True)
    return x.flip(0) if name == "flip" else SHAPED[name](x)


def arrays_of(program):
    leaves, steps, seed, roots = program
    rng = np.random.default_rng(seed)
    arrays = [rng.uniform(-1, 1, (3, 3)) for _ in range(leaves)]
    count = leaves + len(steps)
    return arrays, sorted({count - 1, *(r % count for r in roots)})


def bounded(values):
    """Whether the numbers stayed where rounding errors do."""
    return all(np.abs(v).max(initial=0) < 1e3 for v in values)


def compare(program, wants, gots):
    scale = max(1.0, max(float(np.abs(w).max()) for w in wants))
    for want, got in zip(wants, gots, strict=True):
        assert np.abs(got - want).max() <= 1e-9 * scale, program


def results(values, leaves):
    """All values, then the gradient of every leaf."""
    gradients = [np.zeros((3, 3)) if x.grad is None else x.grad.numpy() for x in leaves]
    return [v.detach().numpy() for v in values] + gradients


def ours(program):
    arrays, roots = arrays_of(program)
    leaves = [ag.tensor(a, requires_grad=True) for a in arrays]
    values = runs(leaves, program[1], library)
    if not bounded([v.detach().numpy() for v in values]):
        return None
    total = values[roots[0]].sum()
    for r in roots[1:]:
        total = total + values[r].sum()
    total.backward()
    return results(values, leaves)


def by_hand(program):
    arrays, roots = arrays_of(program)
    leaves = [Naive(a) for a in arrays]
    values = runs(leaves, program[1], naive)
    for r in roots:
        values[r].grad = values[r].grad + 1
    for value in reversed(values):
        for source, rule in value.sources:
            source.grad = source.grad + rule(value.grad)
    return [v.array for v in values] + [x.grad for x in leaves]


def check_against(program, reference):
    gots = ours(program)
    if gots is not None:
        compare(program, reference(program), gots)


@given(programs())
@settings(max_examples=200)
def test_random_graphs_agree_with_a_naive_tape(program):
    check_against(program, by_hand)


def with_torch(program):
    import torch

    arrays, roots = arrays_of(program)
    leaves = [torch.tensor(a, requires_grad=True) for a in arrays]
    values = runs(leaves, program[1], library)
    sum(values[r].sum() for r in roots).backward()
    return results(values, leaves)


@pytest.mark.slow
@pytest.mark.long
@given(programs())
@settings(max_examples=10_000)
def test_ten_thousand_graphs_agree_with_a_naive_tape(program):
    check_against(program, by_hand)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_ten_thousand_graphs_agree_with_torch():
    pytest.importorskip("torch")

    @given(programs())
    @settings(max_examples=10_000)
    def test(program):
        check_against(program, with_torch)

    test()
