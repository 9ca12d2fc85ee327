"""Everything that can be checked about an op from its declaration alone.

    print(check_op("conv2d"))            all checks, on cases drawn by the op's samples=
    check_op(my_op, cases=100, seed=3)

The command `autograd gradcheck` and the project's own tests run exactly this.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd.checking.checks import CHECKS, NEED_REFERENCE, SHARE, record_of, sizes_in_attributes
from autograd.checking.gradcheck import GradientError
from autograd.checking.opcall import CheckFailed, OpCall
from autograd.op import Record
from autograd.sampling import Case, Sampler


class Failure(NamedTuple):
    """One check of one case that failed."""

    check: str
    case: str
    message: str


class Report:
    """What check_op found: `ok`, the failures, and per check how often it ran and its worst error."""

    def __init__(self, name: str):
        self.name = name
        self.cases = 0
        self.runs: dict[str, int] = {}
        self.worst: dict[str, float] = {}
        self.failures: list[Failure] = []
        self.notes: list[str] = []

    @property
    def ok(self) -> bool:
        return not self.failures

    def add(self, check: str, error: float | None) -> None:
        """One run of a check; None: it does not apply to this case."""
        if error is not None:
            self.runs[check] = self.runs.get(check, 0) + 1
            self.worst[check] = max(self.worst.get(check, 0.0), error)

    def fail(self, check: str, case: str, message: str) -> None:
        """Records a failure."""
        self.failures.append(Failure(check, case, message))

    def __str__(self) -> str:
        lines = [f"{self.name}: {'ok' if self.ok else 'FAILED'} ({self.cases} cases)"]
        lines += [
            f"  {check:<13}{count:>6} runs, worst error {self.worst[check]:.2g}" for check, count in self.runs.items()
        ]
        lines += [f"  note: {note}" for note in self.notes]
        lines += [f"  {f.check}: {f.case}\n    " + f.message.replace("\n", "\n    ") for f in self.failures]
        return "\n".join(lines)


class LargeSampler(Sampler):
    """Shapes with enough elements for several threads."""

    first = True  # one large shape a case: products of two would fill the memory

    def shape(self, least: int = 0, most: int = 3) -> tuple[int, ...]:
        if not self.first:
            return super().shape(least, most)
        self.first = False
        shape = list(super().shape(max(least, 1), max(most, 1)))
        shape[-1] += 70_000 if len(shape) == 1 else 1030
        if len(shape) > 1:
            shape[-2] += 64
        return tuple(shape)


def large_call(record: Record, seed: int) -> OpCall | None:
    """A call with enough elements for several threads: large shapes, or a case with many samples (N) in a batch."""
    for attempt in range(8):
        call = OpCall(record, samples(record)(LargeSampler(seed * 8 + attempt)))
        size = sum(a.size for a in call.arrays)
        if size < 30_000:
            repeat = min(60_000 // max(size, 1), 4000)
            arrays = list(call.arrays)
            for i, (name, array) in enumerate(zip(call.names, call.arrays)):
                letters = record.axes.get(name.partition("[")[0], "").split()
                if letters and letters[0] == "N" and array.ndim == len(letters):
                    arrays[i] = np.concatenate([array] * repeat)
            longer = OpCall(record, Case(tuple(call.place(arrays)), call.case.attrs))
            call = call if sizes_in_attributes(call) else longer
        if sum(a.size for a in call.arrays) < 3_000_000:
            return call
    return None


def samples(record: Record) -> Callable[[Sampler], Case]:
    """The op's samples=, or a TypeError that says how to declare them."""
    if record.samples is None:
        raise TypeError(
            f"{record.name}: no samples= to draw cases from; declare @op(..., "
            "samples=lambda s: s.case(s.array(s.shape())))"
        )
    return record.samples


def check_op(
    op: Any, cases: int = 20, seed: int = 0, checks: Sequence[str] | None = None, sampler: type[Sampler] = Sampler
) -> Report:
    """Checks an op (itself, its record or its name) on `cases` calls drawn by its samples=.

    checks: names out of CHECKS (default all). Failures are in the report, one per check.
    """
    record = record_of(op)
    report = Report(record.name)
    broken: set[str] = set()
    names = list(CHECKS) if checks is None else list(checks)
    if record.reference is None and checks is None:
        names = [name for name in names if name not in NEED_REFERENCE]
        report.notes.append("no reference=, so values are not checked")
    if record.differentiable and not record.composite and not record.rules and record.twin is None:
        rules = ", ".join(f"{name}=lambda g: ..." for name in record.inputs)
        report.fail(
            "gradients", record.name, f"no gradient rules: {record.name}.grads({rules}), or differentiable=False"
        )
    draw = samples(record)
    for number in range(cases):
        case_seed = seed * 100_003 + number
        call = OpCall(record, draw(sampler(case_seed)))
        report.cases += 1
        for name in names:
            if name in broken or (name != "threads" and number % SHARE[name]):
                continue
            if name == "threads":
                large = large_call(record, case_seed) if number < 2 else None
                if large is None:
                    continue
                _run(report, broken, name, large)
            else:
                _run(report, broken, name, call)
    return report


def _run(report: Report, broken: set[str], name: str, call: OpCall) -> None:
    try:
        with np.errstate(all="ignore"):
            report.add(name, CHECKS[name](call))
    except (CheckFailed, GradientError) as error:
        message = str(error)
    except Exception as error:  # whatever an op raises on a valid case is a finding
        message = f"{type(error).__name__}: {error}"
    else:
        return
    broken.add(name)
    report.fail(name, str(call), message)
