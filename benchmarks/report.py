"""Rows of results: as lines, as a JSON file that grows while the suite runs, and as a picture of ratios."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks import cases, workloads

Row = dict[str, Any]


class Results:
    """The rows of one JSON file. Every added row is written at once, so that an interrupted run can go on."""

    def __init__(self, path: Path, machine: Row, resume: bool = False):
        self.path = path
        self.machine = machine
        self.rows: list[Row] = json.loads(path.read_text())["rows"] if resume and path.exists() else []

    def has(self, *key: Any) -> bool:
        """Whether there is a row of this kind, workload and number of threads."""
        return any((row["kind"], row["workload"], row["threads"]) == key for row in self.rows)

    def add(self, row: Row) -> None:
        self.rows.append(row)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps({"machine": self.machine, "rows": self.rows}, indent=1) + "\n")
        os.replace(new, self.path)


LEAST_OF_PEAK, LEAST_OF_COPY = 85, 80  # per cent of a limit that a kernel is to reach


def goal(row: Row, peer: str = "torch") -> float:
    """The ratio to a peer that a row is to reach."""
    if peer == "jax":
        return 1.3
    if row["kind"] == "epoch":
        return workloads.EPOCH_GOAL
    if row["kind"] == "train":
        return workloads.TRAINING[row["workload"]].goal
    if row["kind"] == "backward":
        return cases.CASES[row["workload"]].goal
    return 1 / 0.7 if row["kind"] == "memory" else 1.0


def ratio(row: Row, peer: str = "torch") -> float | None:
    """How many times faster than the peer we are."""
    return row.get("peers", {}).get(peer, {}).get("ratio")


def duration(seconds: float) -> str:
    """With a unit that suits: 12.3 us, 4.56 ms, 7.89 s."""
    for factor, unit in ((1e6, "us"), (1e3, "ms")):
        if seconds * factor < 1000:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds:.3g} s"


HEADER = f"{'workload':<32} {'kind':<8} {'th':>2}  {'autograd':>9}  peers: time, ratio, best mode"


def amount(row: Row, value: float) -> str:
    """What a row counts, with its unit: time, or bytes."""
    return f"{value / 1e6:.3g} MB" if row["kind"] in ("memory", "wheel") else duration(value)


def line(row: Row, machine: Row) -> str:
    """A row as text; a single op also says how near the machine's limits it is."""
    text = f"{row['workload']:<32} {row['kind']:<8} {row['threads']:>2}  {amount(row, row['value']):>9}"
    for name, peer in row["peers"].items():
        mode = "tuned" if name == "torch tuned" else f"({peer['mode']})"
        text += f"  {amount(row, peer['value']):>9} {peer['ratio']:6.2f}x {mode}"
    if row["kind"] == "forward":
        peak, copy = limits(row, machine)
        text += f"  {peak:3.0f} % of FMA peak, {copy:3.0f} % of copy bandwidth"
    elif "torch" in row["peers"]:
        text += f"  goal {goal(row):.3g}"
    return text


def limits(row: Row, machine: Row) -> tuple[float, float]:
    """Per cent of the FMA peak and of the copy bandwidth, each at its best, that the fastest calls reach."""
    case, seconds = cases.CASES[row["workload"]], row["best"]
    peak = case.flops / seconds / (machine["fma_peak_gflops"] * 1e9 * row["threads"])
    return 100 * peak, 100 * case.bytes / seconds / (machine["copy_gb_per_s"] * 1e9)


def summary(rows: Iterable[Row], machine: Row) -> list[str]:
    """Geometric means by peer and kind, and what falls short of its goal, the furthest first."""
    lines = []
    rows = [row for row in rows if row.get("peers")]
    for kind in dict.fromkeys(row["kind"] for row in rows):
        for peer in dict.fromkeys(name for row in rows for name in row["peers"]):
            ratios = [r for row in rows if row["kind"] == kind and (r := ratio(row, peer)) is not None]
            if ratios:
                lines.append(
                    f"{kind}: {statistics.geometric_mean(ratios):.2f}x {peer}, geometric mean of {len(ratios)}"
                )
                lines += short_of_goal([row for row in rows if row["kind"] == kind], peer)
    forward = [(row["workload"], *limits(row, machine)) for row in rows if row["kind"] == "forward"]
    short = [(name, peak, copy) for name, peak, copy in forward if peak < LEAST_OF_PEAK and copy < LEAST_OF_COPY]
    if forward:
        lines.append(f"below {LEAST_OF_PEAK} % of the FMA peak and {LEAST_OF_COPY} % of the copy bandwidth: "
                     f"{len(short)} of {len(forward)}")  # fmt: skip
    lines += [f"  {name}: {peak:.0f} % and {copy:.0f} %" for name, peak, copy in short]
    return lines


def short_of_goal(rows: list[Row], peer: str) -> list[str]:
    """The rows that do not reach their goal for a peer, which an allocator's tuning does not change."""
    own = "torch" if peer == "torch tuned" else peer
    rated = [(r / goal(row, own), r, row) for row in rows if (r := ratio(row, peer)) is not None]
    return [
        f"  below its goal of {goal(row, own):.3g}: {r:.2f}x {row['workload']}, {row['threads']} threads"
        for part, r, row in sorted(rated, key=lambda entry: entry[0])
        if part < 1
    ]


def plot(rows: Iterable[Row], path: Path, most: int = 60) -> None:
    """A bar for each ratio to PyTorch's best mode, on a logarithmic axis around 1; a tick marks the goal.

    Of more than `most` rows the lowest ratios are shown.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rated = [(row, r) for row in rows if (r := ratio(row)) is not None]
    if len(rated) > most:
        rated = sorted(rated, key=lambda pair: pair[1])[:most]
    figure, axes = pyplot.subplots(figsize=(9, 1.2 + 0.28 * len(rated)))
    for i, (row, r) in enumerate(rated):
        color = "tab:green" if r >= goal(row) else "tab:orange" if r >= 1 else "tab:red"
        axes.barh(i, r - 1, left=1, color=color)
        axes.plot([goal(row)] * 2, [i - 0.4, i + 0.4], color="black", linewidth=1.5)
        axes.annotate(f" {r:.2f}x", (max(r, 1), i), va="center", fontsize=8)
    names = [f"{row['workload']} ({row['kind']}, {row['threads']} th)" for row, _ in rated]
    axes.set_yticks(range(len(names)), names, fontsize=8)
    ratios = [r for _, r in rated] + [goal(row) for row, _ in rated]
    axes.set_xscale("log")
    axes.set_xlim(0.8 * min(1, *ratios), 1.5 * max(1, *ratios))
    ticks = [t for t in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000) if axes.get_xlim()[0] < t < axes.get_xlim()[1]]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()
    axes.axvline(1, color="black", linewidth=1)
    axes.set_ylim(len(rated) - 0.5, -0.5)
    axes.set_xlabel("times better than PyTorch's best mode (mark: goal)")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
