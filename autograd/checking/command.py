"""`autograd gradcheck`: checks registered ops, or those that a module of yours declares."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from autograd import ops
from autograd.checking.opcheck import Report, check_op
from autograd.op import Record, registry
from autograd.sampling import Case, Sampler
from autograd.shapes import near


class TargetError(ValueError):
    """A target that names no op."""


def run(target: str | None = None, cases: int = 20, seed: int = 0) -> int:
    """Checks the target, prints a table and what failed; returns the exit code: 0 right, 1 wrong, 2 no such op.

    target: None for all ops, the NAME of an op, MODULE:OP or path/to/file.py:OP, or MODULE for all ops it declares.
    """
    try:
        records = resolve(target)
    except TargetError as error:
        print(f"gradcheck: {error}", file=sys.stderr)
        return 2
    width = max([len(r.name) for r in records] + [2])
    print(f"{'op':<{width}}  {'cases':>5}  {'gradient error':>14}  {'value error':>11}  verdict")
    reports = []
    for record in records:
        report = check_record(record, cases, seed)
        reports.append(report)
        print(f"{record.name:<{width}}  {report.cases:>5}  {_error(report, 'gradients', 'second order'):>14}  "
              f"{_error(report, 'reference'):>11}  {_verdict(report)}", flush=True)  # fmt: skip
    failed = [r for r in reports if not r.ok]
    for report in failed:
        print()
        for failure in report.failures:
            print(f"{report.name}: {failure.check}: {failure.case}\n  " + failure.message.replace("\n", "\n  "))
    print(f"\n{len(reports)} ops, {sum(r.cases for r in reports)} cases, {len(failed)} failed")
    return 1 if failed else 0


def check_record(record: Record, cases: int, seed: int) -> Report:
    """check_op; a declaration without samples= gets inputs from its axes=, or a failure that says what to add."""
    if record.samples is None:
        try:
            record.samples = guess_samples(record)
        except TargetError as error:
            report = Report(record.name)
            report.fail("samples", record.name, str(error))
            return report
        try:
            report = check_op(record, cases, seed)
        finally:
            record.samples = None
        report.notes.append("inputs guessed from axes=")
        return report
    return check_op(record, cases, seed)


def _error(report: Report, *checks: str) -> str:
    found = [report.worst[c] for c in checks if c in report.worst]
    return f"{max(found):.1e}" if found else "-"


def _verdict(report: Report) -> str:
    verdict = "ok" if report.ok else "WRONG: " + ", ".join(f.check for f in report.failures)
    return verdict + (f" ({'; '.join(report.notes)})" if report.notes else "")


# ------------------------------------------------------------------------------------------------ which ops


def resolve(target: str | None) -> list[Record]:
    """The records that a target names."""
    known = registry()
    if target is None:
        return list(known.values())
    name = ops.ALIASES.get(target, target)
    if name in known:
        return [known[name]]
    path, _, op_name = target.rpartition(":") if ":" in target else (target, "", "")
    module = load(path, target)
    declared = [r for r in known.values() if r.module == module.__name__]
    if not op_name:
        if not declared:
            raise TargetError(f"{path} declares no op; decorate a function with @autograd.op(...)")
        return declared
    found: Any = getattr(module, op_name, None)
    record = getattr(found, "record", None) or next((r for r in declared if r.name == op_name), None)
    if not isinstance(record, Record):
        raise TargetError(f"{path} has no op {op_name!r}{near(op_name, [r.name for r in declared])}")
    return [record]


def load(path: str, target: str) -> ModuleType:
    """Imports a module by dotted name, or a file by its path; the current directory counts."""
    if path.endswith(".py") or "/" in path:
        file = Path(path)
        if not file.is_file():
            raise TargetError(f"there is no file {path}")
        spec = importlib.util.spec_from_file_location(file.stem, file)
        if spec is None or spec.loader is None:
            raise TargetError(f"{path} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[file.stem] = module
        spec.loader.exec_module(module)
        return module
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name != path.partition(".")[0] and error.name != path:
            raise
        names = [*registry(), *ops.ALIASES]
        raise TargetError(f"{target!r} is neither an op nor a module{near(target, names)}") from None


# ------------------------------------------------------------------------------------------------ inputs from axes


def guess_samples(record: Record) -> Any:
    """A samples function from the declared axes: each letter one size, `C/groups` the size over the attribute."""
    missing = [name for name in record.inputs if not record.axes.get(name)]
    example = f"@op(axes={{{', '.join(f'{n!r}: ...' for n in record.inputs)}}}, samples=lambda s: s.case(...))"
    if missing:
        raise TargetError(
            f"declare samples= (draws the inputs of a call), or axes= for {', '.join(missing)}: {example}"
        )
    unset = [name for name, value in record.defaults.items() if value is record.signature.empty]
    if unset:
        raise TargetError(f"declare samples=, as the attribute {unset[0]!r} has no default: {example}")

    def draw(s: Sampler) -> Case:
        sizes: dict[str, int] = {}
        arrays = [s.array(_shape(record, record.axes[name], sizes, s)) for name in record.inputs]
        return s.case(*arrays)

    return draw


def _shape(record: Record, spec: str, sizes: dict[str, int], s: Sampler) -> tuple[int, ...]:
    shape: list[int] = []
    for letter in spec.split():
        if letter == "...":
            sizes.setdefault("... ndim", s.integer(0, 2))
            shape += [sizes.setdefault(f"... {i}", s.size(3)) for i in range(sizes["... ndim"])]
        elif letter.isdigit():
            shape.append(int(letter))
        else:
            whole, _, divisor = letter.partition("/")
            parts = int(record.defaults.get(divisor, 1)) if divisor else 1
            size = sizes.setdefault(whole, parts * s.size(4, (s.lanes(),) if letter == spec.split()[-1] else ()))
            shape.append(size // parts)
    return tuple(shape)
