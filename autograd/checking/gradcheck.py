"""Is a gradient right? Full Jacobians by central differences in float64, and the likely cause where they differ.

    gradcheck(fn, inputs)        first derivatives of any function of tensors
    gradgradcheck(fn, inputs)    second derivatives
    adjoint_check(fn, inputs)    <J u, v> = <u, J'v> to 1e-12, for functions linear in each input

A check on one shape misses half of all mistakes; sizes next to the blocks of the kernels find nearly all.
`check_op` (autograd.checking.opcheck) draws such cases for an op, and `autograd gradcheck` runs it on the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from autograd.checking import causes
from autograd.checking.causes import GradientError
from autograd.checking.differences import Point, tensors
from autograd.errors import DTypeError, GraphError
from autograd.grad_mode import grad
from autograd.tensor import Tensor

LARGE = 20_000  # entries of a Jacobian beyond which fast_mode="auto" contracts it with random vectors
COLUMNS = 192  # elements per input that fast mode tries
KINKS = 32  # elements per input that are looked at again


@dataclass(frozen=True)
class Kink:
    """An element where the function is not differentiable: its one-sided derivatives differ."""

    input: int
    index: tuple[int, ...]
    left: float
    right: float


class Outcome(NamedTuple):
    """What a check that passed has seen: the worst error in units of the largest gradient, and kinks."""

    worst: float
    kinks: list[Kink]


def gradcheck(
    fn: Callable,
    inputs: Any,
    eps: float = 1e-6,
    atol: float = 1e-7,
    rtol: float = 1e-6,
    raise_exception: bool = True,
    *,
    seed: int = 0,
    kinks: str = "detect",
    fast_mode: bool | str = "auto",
) -> bool:
    """|dy/dx - (fn(x + eps) - fn(x - eps)) / 2 eps| <= atol + rtol * max|dy/dx|, for every entry of the Jacobian.

    fn: any function of the inputs that returns a tensor or several. inputs: a tensor or a sequence; those that
    require gradients, and arrays of float64, are checked; the others are constants.
    kinks: "detect" accepts a point without derivative if the gradient lies between the one-sided derivatives and is
    right beside it; "raise" reports it. fast_mode: contract the results with random vectors and sample elements
    ("auto": where the Jacobian has more than 20,000 entries).
    Raises GradientError, which names the input, the worst element and the likely cause (or returns False, with
    raise_exception=False), and DTypeError for inputs that are not float64.
    """
    if kinks not in ("detect", "raise"):
        raise ValueError(f"gradcheck: kinks is 'detect' or 'raise', not {kinks!r}")
    try:
        examine(fn, inputs, eps, atol, rtol, seed, kinks, fast_mode)
    except GradientError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    fn: Callable,
    inputs: Any,
    grad_outputs: Any = None,
    eps: float = 1e-6,
    atol: float = 1e-7,
    rtol: float = 1e-6,
    raise_exception: bool = True,
    *,
    seed: int = 0,
    kinks: str = "detect",
    fast_mode: bool | str = "auto",
) -> bool:
    """As gradcheck, for the gradient of fn as a function of the inputs and of grad_outputs (default: random)."""
    first, arguments = first_order(fn, inputs, grad_outputs, seed)
    return gradcheck(first, arguments, eps, atol, rtol, raise_exception, seed=seed, kinks=kinks, fast_mode=fast_mode)


def first_order(fn: Callable, inputs: Any, grad_outputs: Any = None, seed: int = 0) -> tuple[Callable, list[Any]]:
    """The gradient of fn as a function, and its arguments: the inputs and the gradients of the results."""
    point = Point(fn, inputs)
    results = [y for y in point.evaluate() if y.node is not None]
    if grad_outputs is None:
        rng = np.random.default_rng(seed)
        grad_outputs = [Tensor(rng.uniform(-1, 1, y.shape), requires_grad=True) for y in results]
    elif isinstance(grad_outputs, (Tensor, np.ndarray)):
        grad_outputs = [grad_outputs]
    count = len(point.inputs)

    def gradient(*arguments: Any) -> tuple[Tensor, ...]:
        xs, gs = list(arguments[:count]), arguments[count:]
        ys = [y for y in tensors(fn(*xs)) if y.node is not None]
        wanted = [xs[i] for i in point.checked]
        if not ys:
            return tuple(Tensor(np.zeros(x.shape)) for x in wanted)
        found = grad(ys, wanted, gs, create_graph=True, allow_unused=True)
        return tuple(Tensor(np.zeros(x.shape)) if g is None else g for x, g in zip(wanted, found))

    gradient.__name__ = f"gradient of {point.name}"
    gradient.names = [*point.names, *(f"grad_outputs[{i}]" for i in range(len(grad_outputs)))]  # type: ignore[attr-defined]
    return gradient, [*point.inputs, *grad_outputs]


def adjoint_check(
    fn: Callable, inputs: Any, linear_in: Sequence[int] | None = None, tol: float = 1e-12, *, seed: int = 0
) -> float:
    """<J u, v> = <u, J'v> for random u, v, where fn is linear (or affine) in each input by itself, the others fixed.

    The forward function gives J u exactly, so this sees what finite differences cannot: errors down to 1e-12.
    linear_in: numbers of the inputs (default: all that require gradients). Returns the largest relative error;
    raises GradientError where it exceeds tol.
    """
    point = Point(fn, inputs)
    rng = np.random.default_rng(seed)
    worst = 0.0
    for i in point.checked if linear_in is None else linear_in:
        if i not in point.checked:
            raise GraphError(f"adjoint_check: input {i} ({point.names[i]}) does not require gradients")
        arrays = list(point.arrays)
        u = rng.uniform(-1, 1, arrays[i].shape)
        arrays[i] = u
        results = point.evaluate(arrays)
        arrays[i] = np.zeros_like(u)
        offsets = point.evaluate(arrays)
        vs = [rng.uniform(-1, 1, y.shape) for y in results]
        terms = [(y.array - o.array) * v for y, o, v in zip(results, offsets, vs)]
        back = point.backward(point.arrays, [vs])[point.checked.index(i)]
        forward_sum = sum(float(t.sum()) for t in terms)
        backward_sum = float((u.ravel() * back[0]).sum())
        scale = sum(float((np.abs(y.array) * np.abs(v)).sum()) for y, v in zip(results, vs))
        scale += sum(float((np.abs(o.array) * np.abs(v)).sum()) for o, v in zip(offsets, vs))
        scale += float(np.abs(u.ravel() * back[0]).sum())
        error = abs(forward_sum - backward_sum) / scale if scale else 0.0
        worst = max(worst, error)
        if not error <= tol:
            cause, text = causes.of_adjoint(forward_sum, backward_sum)
            raise GradientError(
                f"adjoint_check: {point.name}: for input {i} ({point.names[i]}), <J u, v> = {forward_sum:.15g}, "
                f"but <u, J'v> = {backward_sum:.15g}\n  likely cause: {text}",
                cause,
                i,
                analytic=backward_sum,
                numeric=forward_sum,
            )
    return worst


# ------------------------------------------------------------------------------------------------ the check itself


def examine(
    fn: Callable,
    inputs: Any,
    eps: float = 1e-6,
    atol: float = 1e-7,
    rtol: float = 1e-6,
    seed: int = 0,
    kinks: str = "detect",
    fast_mode: bool | str = "auto",
) -> Outcome:
    """gradcheck, returning what it saw."""
    point = Point(fn, inputs)
    rng = np.random.default_rng(seed)
    shapes, y = _settled(point)
    entries = y.size * max(point.arrays[i].size for i in point.checked)
    fast = fast_mode is True or (fast_mode == "auto" and entries > LARGE)
    rows = rng.uniform(-1, 1, (2, y.size)) if fast else np.eye(y.size)
    mixed = rng.uniform(-1, 1, (1, y.size))
    cotangents = [point.split(row, shapes) for row in np.concatenate([rows, mixed, mixed])]
    try:
        analytic = point.backward(point.arrays, cotangents)
    except GraphError as error:
        raise causes.explain_shape(error) from error
    noise = 16 * 2.0**-53 * float(np.abs(y).max(initial=0)) * (y.size if fast else 1) / eps
    outcome = Outcome(0.0, [])
    worst = 0.0
    for i, both in zip(point.checked, analytic):
        exact, again, twice = both[:-2], both[-2], both[-1]
        columns = np.arange(exact.shape[1])
        if fast and len(columns) > COLUMNS:
            columns = np.sort(rng.choice(columns, COLUMNS, replace=False))
        numeric = (
            np.stack([rows @ point.difference(point.arrays, i, j, eps) for j in columns], axis=1)
            if len(columns)
            else exact[:, columns]
        )
        if not again.tobytes() == twice.tobytes():
            raise GradientError(f"gradcheck: {point.name}: {causes.text('random gradient')}", "random gradient", i)
        scale = float(np.abs(numeric).max(initial=0))
        tolerance = atol + rtol * scale + noise
        wrong = ~(np.abs(exact[:, columns] - numeric) <= tolerance)
        if wrong.any():
            found = _kinks(point, i, columns[wrong.any(0)], rows, scale, tolerance, eps, kinks)
            good = np.isin(columns, [np.ravel_multi_index(k.index, point.arrays[i].shape) for k in found])
            wrong &= ~good
            outcome.kinks.extend(found)
        if wrong.any():
            raise causes.report(
                point.name,
                point.names[i],
                point.arrays[i].shape,
                i,
                exact[:, columns],
                numeric,
                wrong,
                columns,
                tolerance,
                fast,
                shapes,
            )
        if not fast and not np.abs(mixed[0] @ exact - again).max(initial=0) <= tolerance * max(y.size, 1):
            raise causes.not_linear(point.name, point.names[i], point.arrays[i].shape, i, mixed[0] @ exact, again)
        gaps = np.abs(exact[:, columns] - numeric)[~wrong]
        worst = max(worst, float(gaps.max(initial=0)) / (scale or 1.0))
    return outcome._replace(worst=worst)


def _settled(point: Point) -> tuple[list[tuple[int, ...]], np.ndarray]:
    """Shapes and values of the results; refuses functions that change their inputs or are random."""
    copies = [a.copy() if isinstance(a, np.ndarray) else a for a in point.arrays]
    results = point.evaluate(copies)
    for i, (before, after) in enumerate(zip(point.arrays, copies)):
        if isinstance(before, np.ndarray) and before.tobytes() != after.tobytes():
            raise GradientError(
                f"gradcheck: {point.name}: input {i} ({point.names[i]}) is changed by the function; "
                "finite differences need x = x + 1 instead of x += 1",
                "changed input",
                i,
            )
    if any(y.node is not None and y.dtype != np.float64 for y in results):
        dtypes = ", ".join(str(y.dtype) for y in results)
        raise DTypeError(
            f"gradcheck: {point.name} returns {dtypes} for float64 inputs; finite differences need float64"
        )
    y = np.concatenate([np.asarray(y.array, np.float64).ravel() for y in results] or [np.zeros(0)])
    if not np.isfinite(y).all():
        raise GradientError(f"gradcheck: {point.name} is not finite at this point; move the inputs", "not finite")
    if y.tobytes() != point.flat().tobytes():
        raise GradientError(
            f"gradcheck: {point.name} gives two results for the same inputs; fix its seed inside the function", "random"
        )
    return [y.shape for y in results], y


def _kinks(
    point: Point, i: int, columns: np.ndarray, rows: np.ndarray, scale: float, tolerance: float, eps: float, kinks: str
) -> list[Kink]:
    """Those of the columns where fn has no derivative, but the gradient is one-sided there and right nearby."""
    found = []
    shapes = [y.shape for y in point.evaluate()]
    rng = np.random.default_rng(1)
    cotangents = [point.split(row, shapes) for row in rows]
    here = point.backward(point.arrays, cotangents)[point.checked.index(i)]
    for j in columns[:KINKS]:
        left, right = (rows @ point.difference(point.arrays, i, j, eps, side) for side in ("left", "right"))
        gap = np.abs(right - left)
        if not gap.max() > 1e-3 * scale + 10 * tolerance:
            continue
        arrays = [a.copy() if isinstance(a, np.ndarray) else a for a in point.arrays]
        arrays[i].reshape(-1)[j] += rng.uniform(1e-3, 2e-3) * max(1.0, abs(float(arrays[i].reshape(-1)[j])))
        nearby = point.backward(arrays, cotangents)[point.checked.index(i)][:, j]
        numeric = rows @ point.difference(arrays, i, j, eps)
        if not np.abs(nearby - numeric).max() <= tolerance + 1e-6 * float(np.abs(numeric).max()):
            continue
        worst = int(gap.argmax())
        index = tuple(int(n) for n in np.unravel_index(j, point.arrays[i].shape))
        low, high = np.minimum(left, right) - 10 * tolerance, np.maximum(left, right) + 10 * tolerance
        if kinks == "raise" or not ((low <= here[:, j]) & (here[:, j] <= high)).all():
            raise GradientError(
                f"gradcheck: {point.name}: not differentiable (a kink) in input {i} ({point.names[i]}) at index "
                f"{index}: the derivative is {left[worst]:.6g} from the left and {right[worst]:.6g} from the right, "
                f"the gradient says {here[worst, j]:.6g}; beside this point it is right",
                "kink",
                i,
                index,
                float(here[worst, j]),
                float((left[worst] + right[worst]) / 2),
            )
        found.append(Kink(i, index, float(left[worst]), float(right[worst])))
    return found
