"""Sums of spans by op, and their table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from autograd import kernels
from autograd.profiler.machine import copy_bandwidth, fma_peak
from autograd.profiler.spans import BACKWARD, USER, Span


@dataclass
class Total:
    """An op's calls, seconds forward and backward, FLOPs and bytes of both."""

    name: str
    calls: int = 0
    forward: float = 0.0
    backward: float = 0.0
    other: float = 0.0
    flops: float = 0.0
    bytes: float = 0.0

    @property
    def seconds(self) -> float:
        return self.forward + self.backward + self.other


SORTABLE = (*(field.name for field in fields(Total)), "seconds")


def totals(spans: Iterable[Span], group_by_input_shape: bool = False) -> list[Total]:
    """One total for each name. What runs inside a rule belongs to the rule's op.

    group_by_input_shape: one for each op and shapes of its inputs; rules are broken up into the ops that they call.
    """
    found: dict[str, Total] = {}
    for span in spans:
        if span.innermost and span.phase != USER if group_by_input_shape else span.counted:
            name, phase = span.name, span.phase if span.counted else BACKWARD
            if group_by_input_shape and span.shapes:
                name += " " + " ".join("x".join(map(str, shape)) or "()" for shape in span.shapes)
            total = found.setdefault(name, Total(name))
            total.calls += span.phase != BACKWARD
            setattr(total, phase, getattr(total, phase) + span.seconds)
            total.flops += span.flops
            total.bytes += span.bytes
    return sorted(found.values(), key=lambda total: -total.seconds)


def table(rows: Sequence[Total], elapsed: float, sort_by: str, row_limit: int | None) -> str:
    """Times in milliseconds; fractions of what the machine can do with the threads in use."""
    if sort_by not in SORTABLE:
        raise ValueError(f"profile: sort_by is one of {', '.join(SORTABLE)}, not {sort_by!r}")
    rows = sorted(rows, key=lambda row: getattr(row, sort_by), reverse=sort_by != "name")
    peak, copy = fma_peak() * kernels.get_num_threads(), copy_bandwidth()
    width = max([len(row.name) for row in rows] + [len("outside of ops")])
    head = (
        f"{'op':<{width}}  {'calls':>7}  {'forward':>9}  {'backward':>9}  {'share':>6}  "
        f"{'GFLOP':>8}  {'GFLOP/s':>8}  {'of peak':>7}  {'GB':>7}  {'GB/s':>7}  {'of copy':>7}"
    )
    lines = [head, "-" * len(head)]
    for row in rows[:row_limit]:
        rate, moved = row.flops / row.seconds, row.bytes / row.seconds
        lines.append(
            f"{row.name:<{width}}  {row.calls:>7}  {1e3 * (row.forward + row.other):>9.3f}  {1e3 * row.backward:>9.3f}"
            f"  {row.seconds / elapsed:>6.1%}  {row.flops / 1e9:>8.3f}  {rate / 1e9:>8.1f}  {rate / peak:>7.1%}"
            f"  {row.bytes / 1e9:>7.3f}  {moved / 1e9:>7.1f}  {moved / copy:>7.1%}"
        )
    rest = max(0.0, elapsed - sum(row.seconds for row in rows))
    lines.append(f"{'outside of ops':<{width}}  {'':>7}  {1e3 * rest:>9.3f}  {'':>9}  {rest / elapsed:>6.1%}")
    lines += ["-" * len(head), f"elapsed {1e3 * elapsed:.3f} ms on {kernels.get_num_threads()} threads; FMA peak "
              f"{peak / 1e9:.0f} GFLOP/s, copy {copy / 1e9:.1f} GB/s"]  # fmt: skip
    return "\n".join(lines)
