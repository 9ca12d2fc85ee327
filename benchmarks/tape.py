"""What the tape itself costs: nanoseconds to record and to differentiate one op on (4, 4) float32.

`python -m benchmarks.tape` times chains of 100 ops in this engine and, where it is installed, in PyTorch, each in a
process of its own in alternating rounds. One thread, processor time, the best of many repetitions.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
LENGTH = 100

CHAINS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "x * w": lambda engine, x, w: x * w,
    "x + w": lambda engine, x, w: x + w,
    "x * 1.01": lambda engine, x, w: x * 1.01,
    "exp": lambda engine, x, w: engine.exp(x),
    "relu": lambda engine, x, w: engine.relu(x),
    "x @ w": lambda engine, x, w: x @ w,
}


def fastest(function: Callable[[], Any], seconds: float) -> float:
    """The least processor time of one call."""
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.process_time_ns()
        function()
        best = min(best, time.process_time_ns() - start)
    return best


def measure(engine: Any, step: Callable[[Any, Any, Any], Any], seconds: float) -> dict[str, float]:
    """Nanoseconds per op. Backward is what is left of a whole pass without its recording."""
    array = np.eye(4, dtype=np.float32)  # stays away from subnormal numbers
    x, w = (engine.from_numpy(array.copy()).requires_grad_() for _ in range(2))
    seed = engine.from_numpy(np.ones((4, 4), np.float32))

    def record() -> Any:
        y = x
        for _ in range(LENGTH):
            y = step(engine, y, w)
        return y

    def whole() -> None:
        record().backward(seed)
        x.grad = w.grad = None

    times = fastest(record, seconds), fastest(whole, seconds)
    return {"record": times[0] / LENGTH, "backward": (times[1] - times[0]) / LENGTH}


def worker(name: str, seconds: float) -> None:
    engine = importlib.import_module(name)
    engine.set_num_threads(1)
    print(json.dumps({chain: measure(engine, step, seconds) for chain, step in CHAINS.items()}))


def compare(rounds: int, seconds: float) -> dict[str, dict[str, dict[str, float]]]:
    """Per engine and chain, the best of all rounds."""
    best: dict[str, dict[str, dict[str, float]]] = {}
    engines = ["autograd", *(["torch"] if importlib.util.find_spec("torch") else [])]
    for _ in range(rounds):
        for engine in engines:
            command = [sys.executable, "-m", "benchmarks.tape", "--engine", engine, "--seconds", str(seconds)]
            times = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
            kept = best.setdefault(engine, times)
            for chain in kept:
                kept[chain] = {what: min(ns, times[chain][what]) for what, ns in kept[chain].items()}
    return best


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tape", description=__doc__)
    parser.add_argument("--engine", help="time this one only and print JSON (used by the comparison)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.2, help="for each figure and round")
    options = parser.parse_args()
    if options.engine:
        worker(options.engine, options.seconds)
        return
    best = compare(options.rounds, options.seconds)
    for chain, ours in best["autograd"].items():
        text = f"{chain:<10}"
        for what, ns in ours.items():
            text += f"  {what} {ns:6.0f} ns"
            if "torch" in best:
                theirs = best["torch"][chain][what]
                text += f" (torch {theirs:6.0f}, {theirs / ns:4.1f}x)"
        print(text)


if __name__ == "__main__":
    main()
