"""`autograd bench`: times workloads in alternating rounds with PyTorch's best mode and prints ratios.

Ratio = PyTorch's best mode over ours; above 1 we are faster. Medians over rounds. Where torch is not installed,
only our times are shown.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import autograd
from benchmarks import machine, workloads

ROOT = Path(__file__).resolve().parent.parent


class Worker:
    """A worker process (worker.py) and the times it has reported."""

    def __init__(self, engine: str, kind: str, name: str, mode: str, threads: int):
        self.label = engine if engine == "autograd" else f"torch {mode}"
        self.times: list[float] = []
        self.peak_rss_kb = 0
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads), PYTHONPATH=str(ROOT))
        command = [sys.executable, "-m", "benchmarks.worker", engine, kind, name]
        self.process = subprocess.Popen(
            [*command, "--mode", mode, "--threads", str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT,
        )  # fmt: skip
        self.facts = json.loads(self._answer().removeprefix("ready "))

    def _answer(self) -> str:
        assert self.process.stdout is not None and self.process.stderr is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.label}: the worker ended\n{self.process.stderr.read()[-2000:]}")
        return line

    def round(self, seconds: float) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"round {seconds}\n")
        self.process.stdin.flush()
        answer = json.loads(self._answer())
        self.times.append(answer["seconds"])
        self.peak_rss_kb = answer["peak_rss_kb"]

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def compare(kind: str, name: str, threads: int, modes: Sequence[str], rounds: int, seconds: float) -> dict[str, Any]:
    """One row: our time, torch's best, the median of the ratios of neighbouring rounds."""
    workers = [Worker("autograd", kind, name, "nchw", threads)]
    try:
        for mode in modes:
            workers.append(Worker("torch", kind, name, mode, threads))
        for _ in range(rounds):
            for worker in workers:
                worker.round(seconds)
    finally:
        for worker in workers:
            worker.close()
    ours, peers = workers[0], workers[1:]
    row: dict[str, Any] = {"workload": name, "kind": kind, "threads": threads, "seconds": statistics.median(ours.times)}
    row["peak_rss_mb"] = ours.peak_rss_kb / 1024
    if peers:
        best = min(peers, key=lambda w: statistics.median(w.times))
        row |= {
            "peer": best.label,
            "peer_seconds": statistics.median(best.times),
            "peer_version": best.facts["version"],
        }
        row["ratio"] = statistics.median(t / o for t, o in zip(best.times, ours.times))
        row["peer_peak_rss_mb"] = best.peak_rss_kb / 1024
    if kind == "forward":
        _, _, flops, moved = workloads.OPS[name](autograd)
        row |= {"gflops": flops / row["seconds"] / 1e9, "gb_per_s": moved / row["seconds"] / 1e9}
    return row


def line(row: dict[str, Any], limits: dict[str, Any]) -> str:
    text = f"{row['workload']:<30} {row['kind']:<9} {row['threads']:>2}  {row['seconds'] * 1e3:>10.3f} ms"
    if "ratio" in row:
        text += f"  {row['peer_seconds'] * 1e3:>10.3f} ms  {row['ratio']:>6.2f}x  ({row['peer']})"
    if "gflops" in row:
        peak = 100 * row["gflops"] / (limits["fma_peak_gflops"] * row["threads"])
        copy = 100 * row["gb_per_s"] / limits["copy_gb_per_s"]
        text += f"  {peak:5.1f} % of FMA peak, {copy:5.1f} % of copy bandwidth"
    return text


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """A bar for each ratio, on a logarithmic axis around 1."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rated = [r for r in rows if "ratio" in r]
    figure, axes = pyplot.subplots(figsize=(9, 1 + 0.3 * len(rated)))
    names = [f"{r['workload']} ({r['kind']}, {r['threads']} thread{'s' * (r['threads'] > 1)})" for r in rated]
    ratios = [r["ratio"] for r in rated]
    axes.barh(names, ratios, color=["tab:green" if r >= 1 else "tab:red" for r in ratios])
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=1)
    axes.invert_yaxis()
    axes.set_xlabel("times faster than PyTorch's best mode")
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="autograd bench", description=__doc__)
    parser.add_argument("what", nargs="*", help="parts of workload names; default: all", metavar="NAME")
    parser.add_argument("--kinds", default="train,forward,backward", help="train, infer, forward, backward")
    parser.add_argument("--threads", default="1,2", help="thread counts (default: 1,2)")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.2, help="length of one round")
    parser.add_argument("--modes", default="nchw,channels_last", help="PyTorch's modes: nchw, channels_last, compile")
    parser.add_argument("--no-torch", action="store_true", help="time this engine alone")
    parser.add_argument("--out", type=Path, default=Path("runs/bench"), help="folder for results.json and ratios.png")
    options = parser.parse_args(arguments)

    has_torch = importlib.util.find_spec("torch") is not None and not options.no_torch
    modes = options.modes.split(",") if has_torch else []
    limits = machine.describe()
    print(f"{limits['processor']}, {limits['isa']}: FMA peak {limits['fma_peak_gflops']:.0f} GFLOP/s a core, "
          f"copy {limits['copy_gb_per_s']:.1f} GB/s")  # fmt: skip
    print(f"{'workload':<30} {'kind':<9} {'th':>2}  {'autograd':>13}" + (f"  {'torch':>13}   ratio" if modes else ""))
    rows = []
    for kind in options.kinds.split(","):
        table = workloads.TRAINING if kind in ("train", "infer") else workloads.OPS
        for name in table:
            if options.what and not any(part.lower() in name.lower() for part in options.what):
                continue
            for threads in map(int, options.threads.split(",")):
                row = compare(kind, name, threads, modes, options.rounds, options.seconds)
                rows.append(row)
                print(line(row, limits), flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    results = options.out / "results.json"
    results.write_text(json.dumps({"machine": limits, "rows": rows}, indent=1))
    rated = [row["ratio"] for row in rows if "ratio" in row]
    if rated:
        print(f"geometric mean {statistics.geometric_mean(rated):.2f}x")
        plot(rows, options.out / "ratios.png")
    print(f"results {results}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
