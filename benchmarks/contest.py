"""Engines against each other: alternating rounds in separate processes, medians of ratios.

A peer is first tried in every mode by two short rounds; the rounds that count are run with its best two. PyTorch is
also timed with an allocator told to keep its memory (the winning mode only), because that alone speeds it up.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

# glibc: never mmap for a large block, never give memory back, grow in steps of 64 MB.
TUNED = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
    "MALLOC_TOP_PAD_": str(64 << 20),
}

# Held to AVX2: the names under which each library takes that wish.
AVX2 = {
    "AUTOGRAD_ISA": "avx2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}


class WorkerError(RuntimeError):
    """A worker could not build or run its workload."""


class Worker:
    """A process of one engine (worker.py) that runs one workload after the other."""

    def __init__(self, engine: str, python: str = sys.executable, fork: bool = True, **environment: Any):
        self.engine = engine
        command = [python, "-m", "benchmarks.worker", engine, *([] if fork else ["--no-fork"])]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        )  # fmt: skip
        self.version = self._answer()["version"]

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise WorkerError(f"{self.engine}: the worker ended with status {self.process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(f"{self.engine}: {answer['error']}")
        return answer

    def _send(self, request: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()

    def start(self, **spec: Any) -> None:
        """Builds and warms up a workload; the one before must have been stopped."""
        self._send(json.dumps(spec))
        self._answer()

    def round(self, seconds: float) -> dict[str, Any]:
        """Seconds per call over a round of this length, and the peak memory so far."""
        self._send(json.dumps({"seconds": seconds}))
        return self._answer()

    def stop(self) -> None:
        """Ends the workload."""
        self._send("")
        self._answer()

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Pool:
    """Workers by engine, environment and number; started when first asked for."""

    def __init__(self, isa: str | None = None, jax_python: str | None = None):
        self.environment = AVX2 if isa == "avx2" else {}
        self.jax_python = jax_python
        self.lost: set[tuple[str, ...]] = set()  # kind, workload, label: modes far behind, not tried with more threads
        self.workers: dict[tuple[str, bool, int, int], Worker] = {}

    def get(self, engine: str, threads: int, tuned: bool = False, number: int = 0) -> Worker:
        key = engine, tuned, number, threads
        if key not in self.workers:
            environment: dict[str, Any] = {
                **self.environment,
                "OMP_NUM_THREADS": str(threads),
                **(TUNED if tuned else {}),
            }
            python = self.jax_python if engine == "jax" and self.jax_python else sys.executable
            self.workers[key] = Worker(engine, python, **environment)
        return self.workers[key]

    def drop(self, worker: Worker) -> None:
        """Forgets a worker that failed; the next of its kind is a new process."""
        self.workers = {key: w for key, w in self.workers.items() if w is not worker}
        worker.process.kill()
        worker.close()

    def close(self) -> None:
        for worker in self.workers.values():
            worker.close()
        self.workers.clear()


@dataclass
class Entry:
    """One engine in one mode, its seconds per call in each round, and in the fastest batch of calls."""

    label: str
    worker: Worker
    times: list[float] = field(default_factory=list)
    best: float = float("inf")
    trial: float = float("inf")

    @property
    def median(self) -> float:
        return statistics.median(self.times)


@dataclass(frozen=True)
class Rules:
    """How long and how often; see the options of `autograd bench`."""

    rounds: int = 9
    seconds: float = 0.2
    limit: float = 45.0  # seconds for the rounds of one row: beyond it a row has fewer rounds, at least 3
    clock: str = "wall"
    pin: bool = False
    images: int = 60_000

    def spec(self, kind: str, name: str, mode: str, threads: int) -> dict[str, Any]:
        cores = sorted(os.sched_getaffinity(0))[:threads] if self.pin else None
        return {"kind": kind, "name": name, "mode": mode, "threads": threads,
                "clock": self.clock, "cores": cores, "images": self.images}  # fmt: skip


def enter(pool: Pool, worker: Worker, label: str, spec: dict[str, Any], rules: Rules) -> Entry | None:
    """Starts a workload and tries it by two short rounds; None where the engine cannot run it."""
    try:
        worker.start(**spec)
        entry = Entry(label, worker)
        entry.trial = min(worker.round(rules.seconds / 2)["seconds"] for _ in range(2))
    except WorkerError as error:
        print(f"  {label}: {str(error).strip().splitlines()[-1]}", file=sys.stderr)
        pool.drop(worker)
        return None
    return entry


def keep_best(entries: list[Entry], count: int) -> list[Entry]:
    """The fastest by trial; the others are stopped."""
    entries = sorted(entries, key=lambda e: e.trial)
    for entry in entries[count:]:
        entry.worker.stop()
    return entries[:count]


def candidates(pool: Pool, engine: str, modes: Sequence[str], rules: Rules, spec: dict[str, Any]) -> list[Entry]:
    """The engine's best two modes by trial. "compile" is tried in the memory format that won without it."""
    entries: list[Entry] = []
    for mode in modes:
        if mode == "compile" and entries and "channels_last" in entries[0].label:
            mode = "compile channels_last"
        label = f"{engine} {mode}".strip()
        if (spec["kind"], spec["name"], label) in pool.lost:
            continue
        busy = [e.worker for e in entries]
        free = next(w for n in range(len(modes)) if (w := pool.get(engine, spec["threads"], number=n)) not in busy)
        if entry := enter(pool, free, label, {**spec, "mode": mode}, rules):
            if entries and entry.trial > 1.5 * entries[0].trial:
                pool.lost.add((spec["kind"], spec["name"], label))
            entries = keep_best([*entries, entry], 2)
    return entries


def compare(
    pool: Pool, kind: str, name: str, threads: int, peers: dict[str, Sequence[str]], rules: Rules
) -> dict[str, Any]:
    """One row: our time, each peer's best, the medians of the ratios of neighbouring rounds."""
    spec = rules.spec(kind, name, "0 workers" if kind == "epoch" else "", threads)
    ours = enter(pool, pool.get("autograd", threads), "autograd", spec, rules)
    if ours is None:
        raise WorkerError(f"autograd cannot run {name!r} ({kind})")
    found = {}
    for engine, modes in peers.items():
        if engine != "torch tuned" and (entries := candidates(pool, engine, modes, rules, spec)):
            found[engine] = entries
    if "torch tuned" in peers and "torch" in found:
        mode = found["torch"][0].label.removeprefix("torch ")
        worker = pool.get("torch", threads, tuned=True)
        entry = enter(pool, worker, f"torch {mode}, tuned allocator", {**spec, "mode": mode}, rules)
        if entry:
            found["torch tuned"] = [entry]
    everyone = [ours, *(e for entries in found.values() for e in entries)]
    run_rounds(everyone, rules)
    return {"workload": name, "kind": kind, "threads": threads, "value": ours.median, **rated(ours, found)}


def run_rounds(entries: list[Entry], rules: Rules) -> None:
    """Alternating rounds, then the end of the workloads."""
    once = sum(max(e.trial, rules.seconds) for e in entries)
    rounds = min(rules.rounds, max(3, int(rules.limit / once)))
    for _ in range(rounds):
        for entry in entries:
            answer = entry.worker.round(rules.seconds)
            entry.times.append(answer["seconds"])
            entry.best = min(entry.best, answer["best"])
    for entry in entries:
        entry.worker.stop()


def rated(ours: Entry, found: dict[str, list[Entry]]) -> dict[str, Any]:
    """Our fastest batch, and the peers' columns of a row: best mode, its time, the ratio to ours."""
    peers = {}
    for engine, entries in found.items():
        best = min(entries, key=lambda e: e.median)
        ratio = statistics.median(theirs / own for theirs, own in zip(best.times, ours.times))
        peers[engine] = {"mode": best.label, "version": best.worker.version, "value": best.median, "ratio": ratio}
    return {"best": ours.best, "rounds": len(ours.times), "peers": peers}
