"""The checks of an op that opcheck runs: each takes one call and returns its error, or None where it does not apply."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from autograd import kernels
from autograd.checking.at_once import check_at_once
from autograd.checking.gradcheck import adjoint_check, examine, first_order
from autograd.checking.half import check_halves
from autograd.checking.opcall import LAYOUTS, CheckFailed, OpCall, emptied, plain
from autograd.errors import DTypeError, GraphError, ShapeError
from autograd.op import Record, registry
from autograd.sampling import Case
from autograd.tensor import Tensor

TYPED = (ShapeError, DTypeError, GraphError)


def compare(got: np.ndarray, want: np.ndarray, bound: float, slack: Any = 0.0, what: str = "result") -> float:
    """Largest error relative to the largest wanted value; NaN and infinities must be in the same places."""
    if got.shape != want.shape:
        raise CheckFailed(f"{what} has shape {got.shape}, expected {want.shape}")
    if got.dtype.kind not in "fc" or want.dtype.kind not in "fc":
        if not np.array_equal(got, want):
            raise CheckFailed(f"{what} is {_brief(got)}, expected {_brief(want)}")
        return 0.0
    with np.errstate(all="ignore"):
        got, want = got.astype(np.float64), want.astype(np.float64)
        finite = np.isfinite(want)
        odd = ~finite & ~((got == want) | (np.isnan(got) & np.isnan(want))) | finite & ~np.isfinite(got)
        error = np.where(finite, np.abs(got - want), 0.0)
    if odd.any():
        at = np.unravel_index(int(odd.argmax()), odd.shape)
        raise CheckFailed(f"{what} at {_index(at)} is {got[at]}, expected {want[at]}")
    scale = float(np.abs(want[finite]).max(initial=0))
    allowed = bound * scale + np.asarray(slack) + 1e-300
    if not (error <= allowed).all():
        at = np.unravel_index(int((error / allowed).argmax()), error.shape)
        raise CheckFailed(
            f"{what} at {_index(at)} is {got[at]:.9g}, expected {want[at]:.9g}: error {error[at]:.2g}, "
            f"allowed {np.broadcast_to(allowed, error.shape)[at]:.2g}"
        )
    return float(error.max(initial=0) / scale) if scale else 0.0


def _index(at: Sequence[Any]) -> tuple[int, ...]:
    return tuple(int(n) for n in at)


def _brief(a: np.ndarray) -> str:
    text = np.array2string(a, threshold=20, separator=", ")
    return text if len(text) < 400 else text[:400] + "..."


def bound64(record: Record) -> float:
    """The float32 bound of an op, carried over to float64."""
    return max(record.bound * 2.0**-29 * 16, 1e-12)


# ------------------------------------------------------------------------------------------------ checks of one case


def check_reference(call: OpCall) -> float | None:
    """float64 and float32 results against the NumPy reference, in float64.

    Besides the op's own bound, a result may move as far as it does when the inputs move by one rounding error.
    """
    if call.record.random:
        return None
    worst = 0.0
    for dtype, bound in ((np.float64, bound64(call.record)), (np.float32, call.record.bound)):
        arrays = [a.astype(dtype) if a.dtype == np.float64 else a for a in call.arrays]
        wide = [a.astype(np.float64) if a.dtype == np.float32 else a for a in arrays]
        wants = call.reference(wide)
        slacks = _conditioning(call, wide, wants, float(np.finfo(dtype).eps))
        gots = call.results(arrays)
        for k, (got, want, slack) in enumerate(zip(gots, wants, slacks)):
            what = "result" if k == 0 else f"extra {call.record.extras[k - 1] if call.record.extras else k}"
            error = compare(got, want, bound, slack, f"{np.dtype(dtype)} {what}")
            worst = max(worst, error if dtype is np.float32 else 0.0)
        narrow = call.arrays and all(a.dtype in (np.float32, np.int64, np.bool_) for a in arrays)
        narrow = narrow and any(a.dtype == np.float32 for a in arrays) and not _wide(call)
        if dtype is np.float32 and narrow and gots[0].dtype == np.float64:
            raise CheckFailed("float32 inputs give a float64 result")
    return worst


def _wide(call: OpCall) -> bool:
    """Whether attributes ask for float64."""
    return "dtype" in call.case.attrs or any(getattr(v, "dtype", None) == np.float64 for v in call.case.attrs.values())


def _conditioning(call: OpCall, arrays: list[np.ndarray], wants: list[np.ndarray], eps: float) -> list[Any]:
    """How far the reference moves when its inputs move by rounding errors: 16 times the worst of three tries."""
    rng = np.random.default_rng(5)
    slacks: list[Any] = [0.0] * len(wants)
    for _ in range(3):
        moved = [a * (1 + eps * rng.choice([-1.0, 1.0], a.shape)) if a.dtype.kind == "f" else a for a in arrays]
        for k, (near, want) in enumerate(zip(call.reference(moved), wants)):
            if want.dtype.kind == "f" and near.shape == want.shape:
                with np.errstate(all="ignore"):
                    gap = np.abs(near - want)
                slacks[k] = np.maximum(slacks[k], 16 * np.where(np.isfinite(gap), gap, 0.0).max(initial=0))
    return slacks


def check_gradients(call: OpCall) -> float | None:
    """First derivatives against central differences."""
    wanted = call.differentiable()
    return examine(call, call.checked(wanted)).worst if wanted and _finite(call) else None


def _finite(call: OpCall) -> bool:
    """Whether differences make sense: the maximum over a window of padding alone is -inf."""
    return all(np.isfinite(y).all() for y in call.results(call.arrays) if y.dtype.kind == "f")


def check_second_order(call: OpCall) -> float | None:
    """Derivatives of the gradients."""
    wanted = call.differentiable()
    if not wanted or not call.record.second_order or not _finite(call):
        return None
    if not any(y.node is not None for y in _results(call(*call.checked(wanted)))):
        return None
    gradient, arguments = first_order(call, call.checked(wanted))
    return examine(gradient, arguments, rtol=1e-5).worst


def _results(found: Any) -> list[Tensor]:
    return [y for y in (found if isinstance(found, (tuple, list)) else [found]) if isinstance(y, Tensor)]


def check_adjoint(call: OpCall) -> float | None:
    """<J u, v> = <u, J'v> for the inputs in which the op is linear (with this case's attributes)."""
    wanted = call.differentiable()
    linear = [i for i in wanted if call.names[i].partition("[")[0] in call.record.linear_in and _is_linear(call, i)]
    return adjoint_check(call, call.checked(wanted), linear) if linear else None


def _is_linear(call: OpCall, i: int) -> bool:
    """f(3 u) - f(0) = 3 (f(u) - f(0)): an attribute may make a declared linearity void (x / y rounded down)."""
    u = np.random.default_rng(9).uniform(-1, 1, call.arrays[i].shape)
    at = [call.results([*call.arrays[:i], np.asarray(t * u), *call.arrays[i + 1 :]])[0] for t in (0.0, 1.0, 3.0)]
    return np.allclose(at[2] - at[0], 3 * (at[1] - at[0]), rtol=1e-6, atol=1e-9)


def check_layouts(call: OpCall) -> float | None:
    """Results and gradients do not depend on strides, alignment, byte order or writeability."""
    if not call.arrays or call.record.random:
        return None
    worst = 0.0
    dtype = np.float32 if len(str(call)) % 2 else np.float64
    bound = max(call.record.bound, 1e-5) if dtype == np.float32 else 1e-10
    arrays = [a.astype(dtype) if a.dtype == np.float64 else a for a in call.arrays]
    for layout, change in LAYOUTS.items():
        changed = [change(a) for a in arrays]
        try:
            wants = call.value_and_grads([plain(a) for a in changed])
        except TYPED as error:  # equal rows may be refused: the matrix is singular
            _also_refused(call, changed, layout, error)
            continue
        gots = call.value_and_grads(changed, _seed_in(change))
        for k, (got, want) in enumerate(zip(gots, wants)):
            what = "result" if k == 0 else f"result or gradient {k}"
            slack = bound * max(
                (float(np.abs(w[np.isfinite(w)]).max(initial=0)) for w in wants if w.dtype.kind == "f"), default=0
            )
            worst = max(worst, compare(got, want, bound, slack, f"{layout}: {what}"))
    return worst


def _also_refused(call: OpCall, arrays: list[np.ndarray], layout: str, error: Exception) -> None:
    try:
        call.value_and_grads(arrays)
    except type(error):
        return
    raise CheckFailed(f"{layout}: accepted, though contiguous arrays are not: {error}")


def _seed_in(change: Callable[[np.ndarray], np.ndarray]) -> Callable:
    """The gradient of the result in a layout too (not stretched: its values must stay the same)."""

    def seed(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        g = np.random.default_rng(7).uniform(-1, 1, shape).astype(dtype)
        return g if change is LAYOUTS["stride 0"] or change is LAYOUTS["big-endian"] else change(g)

    return seed


def check_isas(call: OpCall) -> float | None:
    """Every instruction set gives the same results and gradients, up to rounding."""
    names = kernels.isas()
    if len(names) < 2 or call.record.random:
        return None
    worst, before = 0.0, kernels.isa()
    for dtype, bound in ((np.float64, 1e-11), (np.float32, 4 * max(call.record.bound, 1e-5))):
        arrays = [a.astype(dtype) if a.dtype == np.float64 else a for a in call.arrays]
        wants: list[np.ndarray] | None = None
        try:
            for name in names:
                kernels.set_isa(name)
                gots = call.value_and_grads(arrays)
                wants = wants or gots
                slack = bound * max(
                    (float(np.abs(w[np.isfinite(w)]).max(initial=0)) for w in wants if w.dtype.kind == "f"), default=0
                )
                for got, want in zip(gots, wants):
                    worst = max(worst, compare(got, want, bound, slack, f"{name} {np.dtype(dtype)}"))
        finally:
            kernels.set_isa(before)
    return worst


def check_empty(call: OpCall) -> float | None:
    """Sizes of zero give empty results and zero gradients, or a typed error; never a crash."""
    ran = False
    for what, arrays in emptied(call):
        ran = True
        try:
            values = call.value_and_grads(arrays)
        except TYPED as error:
            if what == "N=0" and not sizes_in_attributes(call) and not isinstance(error, GraphError):
                raise CheckFailed(f"{what}: {error}") from error
            continue
        wanted = call.differentiable()
        for i, g in zip(wanted, values[len(values) - len(wanted) :] if len(values) > len(wanted) else []):
            if g.shape != arrays[i].shape:
                raise CheckFailed(f"{what}: the gradient of {call.names[i]} has shape {g.shape}, not {arrays[i].shape}")
        if values and values[0].size and not call.record.random and call.record.reference is not None:
            try:
                want = call.reference(arrays)[0]
            except (ValueError, IndexError):  # plain NumPy may not take what the op does
                continue
            if np.isfinite(want).all():  # a mean of nothing is anybody's guess
                compare(values[0], want, bound64(call.record), 0.0, what)
    return 0.0 if ran else None


def sizes_in_attributes(call: OpCall) -> bool:
    """Whether an attribute goes with the shapes of the arrays, so that these cannot be changed alone."""
    return any(name.endswith("shape") or isinstance(v, np.ndarray) for name, v in call.case.attrs.items())


def check_nan(call: OpCall) -> float | None:
    """A NaN shows in every result that depends on its element, and in no result where the reference has none.

    Products may have more: 0 * NaN, where a kernel multiplies by the zeros that the reference leaves out.
    """
    floats = [k for k, a in enumerate(call.arrays) if a.dtype.kind == "f" and a.size]
    if call.record.random or not floats:
        return None
    rng = np.random.default_rng(zlib.crc32(str(call).encode()))
    for dtype in (np.float32, np.float64):
        arrays = [a.astype(dtype) if a.dtype == np.float64 else a.copy() for a in call.arrays]
        i = floats[rng.integers(len(floats))]
        j = rng.integers(arrays[i].size)
        try:
            before = call.reference(arrays)[0]
            arrays[i].reshape(-1)[j] *= 0.75
            depends = call.reference(arrays)[0] != before
            arrays[i].reshape(-1)[j] = np.nan
            want = call.reference(arrays)[0]
        except ValueError:  # Python's math refuses NaN and what lies outside the domain
            continue
        got = call.results(arrays)[0]
        if got.dtype.kind != "f" or want.dtype.kind != "f" or not np.isnan(want).any():
            continue
        lost = depends & np.isnan(want) & ~np.isnan(got)
        extra = np.isnan(got) & ~np.isnan(want) & (not call.record.linear_in)
        if lost.any() or extra.any():
            raise CheckFailed(
                f"NaN in {call.names[i]} ({np.dtype(dtype)}): {int(lost.sum())} of {int(np.isnan(want).sum())} NaN "
                f"lost, {int(extra.sum())} extra in the result"
            )
    return 0.0


def check_errors(call: OpCall) -> float | None:
    """None, objects, complex numbers and wrong shapes give typed errors; numbers and lists a result or one."""
    for i, (name, array) in enumerate(zip(call.names, call.arrays)):
        if not call.record.composite and call.record.names_required(name.partition("[")[0]):
            _refused(call, i, None, f"{name}=None")
        _refused(call, i, np.full(array.shape, None, object), f"{name} of objects")
        _refused(call, i, array.astype(np.complex128), f"{name} complex")
        if not call.record.variadic:  # there a list is all of the inputs
            for value in (3.0, 2, True, np.float32(2), [1.0, 2.0]):
                _refused(call, i, value, f"{name}={value!r}", may=True)
    for what, arrays in _misfits(call):
        try:
            call(*arrays)
        except TYPED:
            continue
        except Exception as error:
            raise CheckFailed(f"{what}: {type(error).__name__} instead of ShapeError: {error}") from error
        raise CheckFailed(f"{what}: accepted")
    return 0.0


def _refused(call: OpCall, i: int, value: Any, what: str, may: bool = False) -> None:
    arrays = [*call.arrays[:i], value, *call.arrays[i + 1 :]]
    try:
        call(*arrays)
    except TYPED:
        return
    except Exception as error:
        raise CheckFailed(f"{what}: {type(error).__name__} instead of a typed error: {error}") from error
    if not may:
        raise CheckFailed(f"{what}: accepted")


def _misfits(call: OpCall) -> Iterator[tuple[str, list[Any]]]:
    """Arrays whose sizes break the declared axes."""
    axes = call.record.axes
    seen: set[str] = set()
    for i, (name, array) in enumerate(zip(call.names, call.arrays)):
        letters = axes.get(name.partition("[")[0], "").split()
        if letters and letters[0] != "...":
            yield f"{name} with a dimension too many", [*call.arrays[:i], array[None], *call.arrays[i + 1 :]]
        for k, letter in enumerate(reversed(letters)):
            axis = array.ndim - 1 - k
            if letter in seen and axis >= 0:
                longer = np.concatenate([array, array.take([0], axis)], axis) if array.size else array
                yield f"{name} with {letter} one too large", [*call.arrays[:i], longer, *call.arrays[i + 1 :]]
        seen.update(letters)


def check_threads(call: OpCall) -> float | None:
    """1, 2 and 3 threads give the same bits."""
    if call.record.random:
        return None
    before = kernels.get_num_threads()
    arrays = [a.astype(np.float32) if a.dtype == np.float64 else a for a in call.arrays]
    try:
        found = []
        for threads in (1, 2, 3):
            kernels.set_num_threads(threads)
            found.append([a.tobytes() for a in call.value_and_grads(arrays)])
    finally:
        kernels.set_num_threads(before)
    if found[0] != found[1] or found[0] != found[2]:
        raise CheckFailed("the result or a gradient depends on the number of threads")
    return 0.0


CHECKS: dict[str, Callable[[OpCall], float | None]] = {
    "reference": check_reference,
    "gradients": check_gradients,
    "second order": check_second_order,
    "at once": check_at_once,
    "adjoint": check_adjoint,
    "layouts": check_layouts,
    "ISAs": check_isas,
    "threads": check_threads,
    "empty": check_empty,
    "NaN": check_nan,
    "halves": check_halves,
    "errors": check_errors,
}
# Checks of the same kind for every case: fewer of them say as much.
SHARE = {
    "reference": 1,
    "gradients": 1,
    "adjoint": 1,
    "second order": 2,
    "at once": 1,
    "layouts": 4,
    "ISAs": 2,
    "NaN": 2,
    "halves": 4,
    "empty": 4,
    "errors": 4,
}
NEED_REFERENCE = ("reference", "NaN")


def record_of(op: Any) -> Record:
    """The record of an op, given by itself, its record or its name."""
    if isinstance(op, Record):
        return op
    if isinstance(op, str):
        if op not in registry():
            raise TypeError(f"no op is called {op!r}")
        return registry()[op]
    record = getattr(op, "record", None)
    if not isinstance(record, Record):
        raise TypeError(f"check_op: expected an op, its record or its name, got {op!r}")
    return record


def check_case(op: Any, case: Case, checks: Sequence[str] = ("reference", "gradients", "adjoint")) -> dict[str, float]:
    """Runs checks of one case; raises what the first failing one found. Returns the worst error of each."""
    call = OpCall(record_of(op), case)
    with np.errstate(all="ignore"):
        found = {name: CHECKS[name](call) for name in checks}
    return {name: error for name, error in found.items() if error is not None}
