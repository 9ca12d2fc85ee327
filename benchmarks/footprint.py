"""What an engine costs besides time: peak memory of training, import time beyond NumPy's, size of the wheel."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.contest import ROOT, Rules, Worker


def peak_memory(engine: str, name: str, mode: str, threads: int, rules: Rules) -> int:
    """Bytes of peak resident memory of a process that imports the engine and trains for some steps."""
    worker = Worker(engine, fork=False, OMP_NUM_THREADS=str(threads))
    try:
        worker.start(**rules.spec("train", name, mode, threads))
        return worker.round(0)["peak_rss"]
    finally:
        worker.close()


def memory(name: str, threads: int, peers: Sequence[str], rules: Rules) -> dict[str, Any]:
    """Peak memory of one training workload; PyTorch in the better of its memory formats."""
    own = peak_memory("autograd", name, "", threads, rules)
    row: dict[str, Any] = {"workload": name, "kind": "memory", "threads": threads, "value": own}
    if "torch" in peers:
        used = {mode: peak_memory("torch", name, mode, threads, rules) for mode in ("nchw", "channels_last")}
        best = min(used, key=lambda mode: used[mode])
        row["peers"] = {"torch": {"mode": f"torch {best}", "value": used[best], "ratio": used[best] / own}}
    return {"peers": {}, **row}


def import_seconds(module: str, repeats: int = 7) -> float:
    """Least wall time of a process that imports a module and ends."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True, cwd=ROOT)
        times.append(time.perf_counter() - start)
    return min(times)


def imports(peers: Sequence[str]) -> dict[str, Any]:
    """Import time beyond NumPy's, which everybody has imported anyway."""
    numpy = import_seconds("numpy")
    own = import_seconds("autograd") - numpy
    row: dict[str, Any] = {
        "workload": "import, beyond NumPy's",
        "kind": "import",
        "threads": 1,
        "value": own,
        "peers": {},
    }
    if "torch" in peers:
        theirs = import_seconds("torch", 3) - numpy
        row["peers"] = {"torch": {"mode": "import torch", "value": theirs, "ratio": theirs / own}}
    return row


def wheel() -> dict[str, Any]:
    """Bytes of the wheel, built from a copy of the sources; beside it, the installed size of PyTorch."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        unwanted = shutil.ignore_patterns("*.so", "build", "dist", "runs", ".*", "__pycache__", "*.egg-info", "tests")
        shutil.copytree(ROOT, source, ignore=unwanted)
        command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder]
        subprocess.run([*command, str(source)], check=True, stdout=subprocess.DEVNULL)
        size = next(Path(folder).glob("*.whl")).stat().st_size
    row: dict[str, Any] = {"workload": "wheel", "kind": "wheel", "threads": 1, "value": float(size), "peers": {}}
    if importlib.util.find_spec("torch") is not None:
        files = importlib.metadata.files("torch") or []
        theirs = float(sum(file.size or 0 for file in files))
        row["peers"] = {"torch": {"mode": "installed", "value": theirs, "ratio": theirs / size}}
    return row
