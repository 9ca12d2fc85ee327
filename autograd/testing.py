"""Hypothesis strategies for ops and arrays, so that new ops can be tested as this package tests its own.

    @given(cases("conv2d"))
    def test_conv2d(case):
        assert_gradients("conv2d", case)

Needs Hypothesis: pip install cygrad[test].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from autograd import kernels
from autograd.checking.checks import check_case, record_of
from autograd.checking.gradcheck import gradcheck, gradgradcheck
from autograd.checking.opcall import LAYOUTS
from autograd.checking.opcheck import samples
from autograd.sampling import Case, Sampler

try:
    from hypothesis import strategies as st
except ImportError as missing:
    raise ImportError("autograd.testing needs Hypothesis: pip install cygrad[test]") from missing

Choice = TypeVar("Choice")
VALUES = ("normal", "integers", "subnormal", "special")


class HypothesisSampler(Sampler):
    """Draws sizes and choices from Hypothesis, which shrinks them; array values come from one drawn seed."""

    def __init__(self, draw: Callable, dtype: Any = np.float64):
        super().__init__(draw(st.integers(0, 2**16)), dtype)
        self.draw = draw

    def integer(self, low: int, high: int) -> int:
        return int(self.draw(st.integers(low, high)))

    def choice(self, options: Sequence[Choice]) -> Choice:
        return self.draw(st.sampled_from(options))


@st.composite
def cases(draw: Callable, op: Any, dtype: Any = np.float64) -> Case:
    """Sample calls of an op (itself, its record or its name), as its declaration draws them."""
    return samples(record_of(op))(HypothesisSampler(draw, dtype))


def sizes(most: int = 4, blocks: Sequence[int] | None = None) -> st.SearchStrategy[int]:
    """1 to `most`, and v - 1, v, v + 1 for each block size (default: the lanes of float32 and float64)."""
    widths = [kernels.lanes(4), kernels.lanes(8)] if blocks is None else blocks
    return st.sampled_from([*range(1, most + 1), *sorted({v + d for v in widths for d in (-1, 0, 1) if v + d > most})])


def shapes(min_dims: int = 0, max_dims: int = 3, most: int = 4) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes whose last size may be next to the width of a vector register."""
    small = st.integers(1, most)
    return st.integers(min_dims, max_dims).flatmap(
        lambda n: st.tuples(*[small] * (n - 1), sizes(most)) if n else st.just(())
    )


@st.composite
def broadcastable(draw: Callable, count: int = 2, max_dims: int = 3) -> list[tuple[int, ...]]:
    """Shapes that broadcast together."""
    full = draw(shapes(0, max_dims))
    found = []
    for _ in range(count):
        kept = full[draw(st.integers(0, len(full))) :]
        found.append(tuple(draw(st.sampled_from([n, 1])) for n in kept))
    return found


def layouts() -> st.SearchStrategy[str]:
    """Names of memory layouts: "contiguous", "Fortran", "sliced", "misaligned", "big-endian", ..."""
    return st.sampled_from(["contiguous", *LAYOUTS])


@st.composite
def arrays(
    draw: Callable, dtype: Any = np.float64, shape: Any = None, layout: Any = "contiguous", values: str = "normal"
) -> np.ndarray:
    """Arrays of a dtype, shape (or a strategy of shapes) and layout (a name or a strategy of names).

    values: "normal"; "integers" in [-4, 4], for exact equality; "subnormal"; "special", normals with NaN,
    infinities and -0 among them.
    """
    if values not in VALUES:
        raise ValueError(f"arrays: values is one of {', '.join(VALUES)}, not {values!r}")
    drawn = (
        draw(shapes() if shape is None else shape) if shape is None or isinstance(shape, st.SearchStrategy) else shape
    )
    size = tuple(drawn)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    a = rng.integers(-4, 5, size).astype(dtype) if values == "integers" else np.asarray(rng.normal(size=size), dtype)
    if values == "subnormal":
        a = (a * float(np.finfo(dtype).tiny) / 8).astype(dtype)
    if values == "special":
        odd = rng.choice(np.array([np.nan, np.inf, -np.inf, -0.0]), size)
        a = np.where(rng.random(size) < 0.2, odd, a).astype(dtype)
    name = draw(layout) if isinstance(layout, st.SearchStrategy) else layout
    return np.asarray(a) if name == "contiguous" else LAYOUTS[name](np.asarray(a))


class Geometry(NamedTuple):
    """Sizes of a convolution or pooling that fit: x is (n, c, h, w), the weight (k, c / groups, *kernel)."""

    n: int
    c: int
    h: int
    w: int
    k: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int


@st.composite
def geometries(draw: Callable, pool: bool = False) -> Geometry:
    """Kernel, stride, padding, dilation and groups first; sizes follow from them, so that nothing is filtered away.

    pool: one group, k = c, padding at most half the kernel.
    """
    pairs = st.tuples
    kernel = draw(pairs(st.integers(1, 3), st.integers(1, 3)))
    stride = draw(pairs(st.integers(1, 3), st.integers(1, 3)))
    dilation = draw(pairs(st.integers(1, 2), st.integers(1, 2)))
    most = [r // 2 if pool else 2 for r in kernel]
    padding = draw(pairs(st.integers(0, most[0]), st.integers(0, most[1])))
    groups = 1 if pool else draw(st.integers(1, 3))
    c = groups * draw(sizes(2) if groups == 1 else st.integers(1, 2))
    k = c if pool else groups * draw(sizes(2) if groups == 1 else st.integers(1, 2))
    spans = [d * (r - 1) + 1 for d, r in zip(dilation, kernel)]
    outs = draw(pairs(st.integers(1, 3), sizes(3)))
    h, w = (max(1, (o - 1) * s + span - 2 * p) for o, s, span, p in zip(outs, stride, spans, padding))
    h, w = (max(size, span - 2 * p) for size, span, p in zip((h, w), spans, padding))
    return Geometry(draw(st.integers(1, 2)), c, h, w, k, kernel, stride, padding, dilation, groups)


def assert_gradients(op: Any, case: Case, second_order: bool = True) -> None:
    """Checks first and second derivatives of an op, or of any function of the case's arrays.

    For a registered op also its result against the reference, and the adjoint identity where the op is linear.
    """
    if not isinstance(op, str) and getattr(op, "record", None) is None and callable(op):

        def function(*args: Any) -> Any:
            return op(*args, **case.attrs)

        gradcheck(function, case.args)
        if second_order:
            gradgradcheck(function, case.args)
        return
    record = record_of(op)
    wanted = ["gradients", "adjoint"] + ["second order"] * second_order + ["reference"] * (record.reference is not None)
    check_case(record, case, wanted)
