"""Runs PyTorch's own sample inputs (OpInfo) through the ops of the same dotted name here, and prints the score.

    python tests/conformance/runner.py [NAME ...]

Every float64 sample input must agree in value, dtype and gradient; every error input must raise a typed error.
What deviates on purpose is in deviations.py, with the reason. Needs torch and expecttest.
"""

from __future__ import annotations

import argparse
import random
import sys
import traceback
import types
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from deviations import DEVIATIONS, INVARIANTS, OTHER_GRADIENTS, UNDETERMINED
from torch.testing._internal.common_methods_invocations import op_db
from translate import VALUE, Untranslatable, accepts, array, brief, compare_gradients, differs, find, flat, ours

import autograd
from autograd.tensor import Tensor


class Score(NamedTuple):
    """What became of one op: sample inputs and error inputs, how many were right, skipped with a reason; faults."""

    name: str
    samples: int
    errors: int
    skipped: Counter
    faults: list[str]

    @property
    def passed(self) -> bool:
        return not self.faults and self.samples > 0


def names() -> dict[str, list[Any]]:
    """The OpInfos by dotted name; one name may have several variants."""
    found: dict[str, list[Any]] = {}
    for info in op_db:
        if torch.float64 in info.dtypes or torch.int64 in info.dtypes or torch.bool in info.dtypes:
            found.setdefault(info.name, []).append(info)
    return found


def arguments(sample: Any) -> tuple[tuple, dict[str, Any]]:
    return (sample.input, *sample.args), sample.kwargs


def compare(info: Any, function: Callable, sample: Any) -> str | None:
    """What is wrong with one sample call, or None."""
    leaves: list[tuple[torch.Tensor, Tensor]] = []
    known: dict[int, Tensor] = {}
    args = [ours(x, leaves, known) for x in (sample.input, *sample.args)]
    kwargs = {k: ours(v, leaves, known) for k, v in sample.kwargs.items()}
    wants = list(flat(info.op(sample.input, *sample.args, **sample.kwargs)))
    want_arrays = [array(y) for y in wants]
    gots = list(flat(function(*args, **kwargs)))
    if info.name in INVARIANTS:
        invariant = INVARIANTS[info.name][1]
        wants, gots = list(invariant(*wants)), list(invariant(*gots))
        want_arrays = [array(y) for y in wants]
    if len(gots) != len(wants):
        return f"{len(gots)} results, expected {len(wants)}"
    for k, (got, want) in enumerate(zip(gots, want_arrays)):
        if isinstance(wants[k], torch.Tensor) and array(got).dtype != want.dtype:
            return f"result {k} has dtype {array(got).dtype}, expected {want.dtype}"
        if array(got).shape != want.shape:
            return f"result {k}: shape {array(got).shape}, expected {want.shape}"
        if info.name not in UNDETERMINED and (fault := differs(array(got), want, VALUE)):
            return f"result {k}: {fault}"
    if info.name in OTHER_GRADIENTS or info.name in UNDETERMINED:
        return None
    return compare_gradients(leaves, wants, gots)


# --------------------------------------------------------------------------------------------- running


def samples_of(info: Any) -> Iterator[Any]:
    dtype = next(d for d in (torch.float64, torch.int64, torch.bool) if d in info.dtypes)
    differentiable = info.supports_autograd and dtype == torch.float64
    yield from info.sample_inputs("cpu", dtype, requires_grad=differentiable)


def errors_of(info: Any) -> Iterator[Any]:
    """Error inputs; a few of torch's generators need hardware that is not there."""
    if info.error_inputs_func is not None:
        yield from info.error_inputs("cpu")


def excused(name: str, sample: Any, what: str) -> str | None:
    """The reason why this call may deviate."""
    for reason, applies in DEVIATIONS.get(name, []) + DEVIATIONS.get("*", []):
        if applies(sample, what):
            return reason
    return None


class OurTorch:
    """`torch` for the lambdas of OpInfo: our functions, and methods for what is only a method here."""

    def __getattr__(self, name: str) -> Any:
        if name in ("Tensor", "special", "linalg", "nn"):
            return self if name == "Tensor" else getattr(autograd, name)
        found = find(name)
        return found if found is not None else lambda x, *args, **kwargs: getattr(x, name)(*args, **kwargs)


def counterpart(info: Any) -> Callable:
    """Our function to call; where OpInfo's op is a lambda around torch's function, the same lambda around ours."""
    op = info.op
    if isinstance(op, types.LambdaType) and op.__name__ == "<lambda>" and "torch" in op.__code__.co_names:
        return types.FunctionType(
            op.__code__, {**op.__globals__, "torch": OurTorch()}, None, op.__defaults__, op.__closure__
        )
    found = find(info.name)
    assert found is not None
    return found


def some(samples: Iterator[Any], limit: int | None) -> list[Any]:
    """All samples, or `limit` of them, the same ones every time."""
    found = list(samples)
    return found if limit is None or len(found) <= limit else random.Random(0).sample(found, limit)


def run(name: str, infos: list[Any], limit: int | None = None) -> Score:
    """The sample inputs (of each OpInfo at most `limit`) and error inputs of one name."""
    samples = errors = 0
    skipped: Counter = Counter()
    faults: list[str] = []
    torch.manual_seed(0)
    for info in infos:
        function = counterpart(info)
        for sample in some(samples_of(info), limit):
            try:
                fault = compare(info, function, sample)
            except Untranslatable as error:
                skipped[f"no counterpart: {error}"] += 1
                continue
            except Exception as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                fault = f"{type(error).__name__}: {error} ({where.filename.rpartition('/')[2]}:{where.lineno})"
            if fault is None:
                samples += 1
            elif reason := excused(name, sample, fault):
                skipped[reason] += 1
            else:
                faults.append(f"{brief(sample)}: {fault}")
        for wrong in errors_of(info):
            fault = accepts(function, *arguments(wrong.sample_input))
            if fault == "":
                continue
            if fault is None:
                errors += 1
            elif reason := excused(name, wrong.sample_input, f"error: {wrong.error_regex}"):
                skipped[reason] += 1
            else:
                faults.append(f"error input {brief(wrong.sample_input)}: {fault}; torch: {wrong.error_regex:.90}")
    return Score(name, samples, errors, skipped, faults)


def print_reasons(scores: list[Score]) -> None:
    """Why samples were skipped."""
    reasons: Counter = sum((s.skipped for s in scores), Counter())
    for reason, count in reasons.most_common():
        print(f"skipped {count}: {reason}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="torch's dotted names; default: all")
    parser.add_argument("--faults", type=int, default=3, help="how many faults to show for each op")
    parser.add_argument("--limit", type=int, help="how many sample inputs of each op; default: all")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    known = names()
    chosen = {n: known[n] for n in options.names} if options.names else known
    present = {n: infos for n, infos in chosen.items() if find(n) is not None}
    scores = []
    with np.errstate(all="ignore"):
        for name, infos in present.items():
            score = run(name, infos, options.limit)
            scores.append(score)
            if not score.passed:
                print(
                    f"{name}: {score.samples} right, {len(score.faults)} wrong, {sum(score.skipped.values())} skipped"
                )
                for fault in score.faults[: options.faults]:
                    print(f"    {fault:.400}")
    passed = [s for s in scores if s.passed]
    print_reasons(scores)
    print(f"\nabsent ({len(chosen) - len(present)}): {' '.join(n for n in chosen if n not in present)}\n")
    print(
        f"{len(passed)} of {len(present)} ops present agree with torch ({len(chosen)} in op_db): "
        f"{sum(s.samples for s in passed)} sample inputs, {sum(s.errors for s in passed)} error inputs, "
        f"{sum(sum(s.skipped.values()) for s in passed)} skipped with a reason"
    )
    return 0 if len(passed) == len(present) else 1


if __name__ == "__main__":
    sys.exit(main())
