"""What is probably wrong with a gradient, from how it differs from finite differences."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from autograd.errors import GraphError


class GradientError(ValueError):
    """A gradient that disagrees with finite differences.

    cause: one of causes.CAUSES; input: its number; index: the element of the input; analytic, numeric: the values.
    """

    def __init__(
        self,
        message: str,
        cause: str,
        input: int | None = None,
        index: tuple[int, ...] | None = None,
        analytic: float | None = None,
        numeric: float | None = None,
    ):
        super().__init__(message)
        self.cause = cause
        self.input = input
        self.index = index
        self.analytic = analytic
        self.numeric = numeric


CAUSES = {
    "missing": "the gradient is missing (None or zero everywhere): no rule for this input, a rule that returns None, "
    "or a result computed from .numpy() or .detach()",
    "sign": "the sign is reversed",
    "factor": "a constant factor",
    "transposed": "the gradient is transposed",
    "shifted": "the gradient is shifted",
    "reversed": "the gradient is reversed",
    "part": "part of the gradient is missing: the other entries are zero where they should not be "
    "(a forgotten term, or a missing sum over a broadcast axis)",
    "ignores g": "the rule does not multiply by g",
    "not linear": "the rule is not linear in g (g used twice, or not at all)",
    "random gradient": "two backward passes gave two gradients: the rule is not deterministic",
    "random": "the function is not deterministic",
    "changed input": "the function changes its input",
    "not finite": "the gradient is not finite here (a division by zero, or the log of zero, in the rule)",
    "shape": "the gradient has the wrong shape",
    "kink": "the function is not differentiable at this point",
    "unknown": "no simple pattern; the derivative itself is probably wrong",
}


def text(cause: str) -> str:
    """One line about a cause."""
    return CAUSES[cause]


def likely(exact: np.ndarray, numeric: np.ndarray, shape: tuple[int, ...], tolerance: float) -> tuple[str, str]:
    """The likely cause and a line about it; both matrices have one row per result and one column per element."""
    if not np.isfinite(exact).all():
        return "not finite", CAUSES["not finite"]
    near = 10 * tolerance

    def same(a: np.ndarray, b: np.ndarray) -> bool:
        return bool((np.abs(a - b) <= near * max(1.0, float(np.abs(a).max(initial=0)))).all())

    if not exact.any():
        return "missing", CAUSES["missing"]
    if same(exact, -numeric):
        return "sign", CAUSES["sign"]
    square = float((numeric * numeric).sum())
    factor = float((exact * numeric).sum()) / square if square else 0.0
    if factor and same(exact / factor, numeric):
        return (
            "factor",
            f"the gradient is {factor:.6g} times what it should be{_factor_hint(factor, shape, len(exact))}",
        )
    moved = _moved(exact, numeric, shape, same)
    if moved is not None:
        return moved
    if (
        len(exact) > 1
        and (np.abs(exact - exact[0]) <= near).all()
        and not same(numeric, np.broadcast_to(numeric[0], numeric.shape))
    ):
        return "ignores g", CAUSES["ignores g"]
    zero = np.abs(exact) <= near
    if zero.any() and same(np.where(zero, 0, numeric), exact):
        return "part", CAUSES["part"]
    return "unknown", CAUSES["unknown"]


def _factor_hint(factor: float, shape: tuple[int, ...], results: int) -> str:
    """Which size or usual constant a factor might be."""
    sizes = {n: f"the size of axis {axis}" for axis, n in reversed(list(enumerate(shape)))}
    sizes |= {math.prod(shape): "the number of elements", results: "the number of results"}
    for n, what in sizes.items():
        if n > 1 and math.isclose(abs(factor), n, rel_tol=1e-4):
            return f" ({what}: a mean taken for a sum?)" if n != 2 else f" (twice; or {what})"
        if n > 1 and math.isclose(abs(factor), 1 / n, rel_tol=1e-4):
            return f" (1 / {what}: a mean where a sum belongs?)" if n != 2 else f" (half; or 1 / {what})"
    if math.isclose(abs(factor), 2, rel_tol=1e-4):
        return " (twice: a term counted double?)"
    if math.isclose(abs(factor), 0.5, rel_tol=1e-4):
        return " (half: a term counted once instead of twice?)"
    return ""


def _moved(exact: np.ndarray, numeric: np.ndarray, shape: tuple[int, ...], same) -> tuple[str, str] | None:
    """Transposed, shifted or reversed along an axis."""
    if math.prod(shape) != exact.shape[1]:
        return None
    left, right = exact.reshape(-1, *shape), numeric.reshape(-1, *shape)
    for a in range(len(shape)):
        for b in range(a + 1, len(shape)):
            if shape[a] == shape[b] > 1 and same(np.swapaxes(left, a + 1, b + 1), right):
                return "transposed", f"{CAUSES['transposed']} (axes {a} and {b} are exchanged)"
    for a, n in enumerate(shape):
        for step in (1, -1) if n > 1 else ():
            if same(np.roll(left, -step, a + 1), right):
                return "shifted", f"{CAUSES['shifted']} by {step} along axis {a}"
        if n > 1 and same(np.flip(left, a + 1), right):
            return "reversed", f"{CAUSES['reversed']} along axis {a}"
    return None


def of_adjoint(forward: float, backward: float) -> tuple[str, str]:
    """The likely cause from two sides of the adjoint identity."""
    if backward == 0:
        return "missing", CAUSES["missing"]
    ratio = backward / forward if forward else math.inf
    if math.isclose(ratio, -1, rel_tol=1e-9):
        return "sign", CAUSES["sign"]
    for factor in (2.0, 0.5, -2.0, -0.5, 3.0, 4.0, 0.25):
        if math.isclose(ratio, factor, rel_tol=1e-9):
            return "factor", f"the gradient is {factor:g} times what it should be"
    return "unknown", CAUSES["unknown"]


def of_shapes(got: Sequence[int], wanted: Sequence[int]) -> str:
    """Why a gradient might have this shape instead of its input's."""
    got, wanted = tuple(got), tuple(wanted)
    if len(got) >= len(wanted):
        aligned = got[len(got) - len(wanted) :]
        lost = [a for a, n in enumerate(wanted) if n == 1 != aligned[a]]
        if all(n == 1 or n == aligned[a] for a, n in enumerate(wanted)) and (lost or len(got) > len(wanted)):
            axes = [*range(len(got) - len(wanted)), *(a + len(got) - len(wanted) for a in lost)]
            return (
                f"a missing sum over the broadcast {'axes' if len(axes) > 1 else 'axis'} "
                f"{', '.join(map(str, axes))}: sum there, or declare the op with broadcasts=True"
            )
    if sorted(got) == sorted(wanted):
        return CAUSES["transposed"]
    if [n for n in got if n != 1] == [n for n in wanted if n != 1]:
        return "an axis of size 1 too many or too few (keepdims?)"
    return "the rule returns the gradient of something else than this input"


def report(
    name: str,
    input_name: str,
    shape: tuple[int, ...],
    i: int,
    exact: np.ndarray,
    numeric: np.ndarray,
    wrong: np.ndarray,
    columns: np.ndarray,
    tolerance: float,
    fast: bool,
    shapes: Sequence[tuple[int, ...]],
) -> GradientError:
    """The error for one input: worst entry, values, likely cause."""
    error = np.abs(exact - numeric)
    row, column = np.unravel_index(int(np.where(np.isfinite(error), error, np.inf).argmax()), error.shape)
    index = tuple(int(n) for n in np.unravel_index(columns[column], shape))
    whole = len(columns) == math.prod(shape)
    cause, text = likely(exact, numeric, shape if whole else (len(columns),), tolerance)
    a, n = float(exact[row, column]), float(numeric[row, column])
    result = "" if fast else f" (for the result {_result_index(int(row), shapes)})"
    return GradientError(
        f"gradcheck: {name}: wrong gradient of input {i} ({input_name}) at index {index} of shape {shape}"
        f"{result}: analytic {a:.9g}, numeric {n:.9g}; {int(wrong.sum())} of {wrong.size} entries differ"
        f"\n  likely cause: {text}",
        cause,
        i,
        index,
        a,
        n,
    )


def _result_index(row: int, shapes: Sequence[tuple[int, ...]]) -> str:
    for number, shape in enumerate(shapes):
        size = int(np.prod(shape))
        if row < size:
            where = tuple(int(n) for n in np.unravel_index(row, shape))
            return f"{number} at {where}" if len(shapes) > 1 else f"at {where}"
        row -= size
    raise IndexError(row)


def not_linear(
    name: str, input_name: str, shape: tuple[int, ...], i: int, rows: np.ndarray, mixed: np.ndarray
) -> GradientError:
    j = int(np.abs(rows - mixed).argmax())
    index = tuple(int(n) for n in np.unravel_index(j, shape))
    return GradientError(
        f"gradcheck: {name}: gradient of input {i} ({input_name}) at index {index}: {mixed[j]:.9g} for a "
        f"mixed gradient of the result, {rows[j]:.9g} as the sum of its parts"
        f"\n  likely cause: {text('not linear')}",
        "not linear",
        i,
        index,
        float(mixed[j]),
        float(rows[j]),
    )


def explain_shape(error: GraphError) -> Exception:
    """A rule's gradient of the wrong shape, with what the two shapes suggest; other errors stay what they are."""
    shapes = re.search(r"returned shape (\(.*?\)), but its input has shape (\(.*?\))", str(error))
    if shapes is None:
        return error
    got, wanted = (tuple(int(n) for n in re.findall(r"\d+", s)) for s in shapes.groups())
    return GradientError(f"gradcheck: {error}\n  likely cause: {of_shapes(got, wanted)}", "shape")
