"""What this machine can do at most, measured in the same run as the benchmarks."""

from __future__ import annotations

import platform
import time
from pathlib import Path

import numpy as np

from autograd import kernels


def fma_peak(seconds: float = 0.3) -> float:
    """FLOP/s of independent fused multiply-adds in registers, one thread, float32."""
    best = 0.0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        flops = kernels.fma_peak(200_000)
        best = max(best, flops / (time.perf_counter() - start))
    return best


def copy_bandwidth(megabytes: int = 256, rounds: int = 5) -> float:
    """Bytes read and written per second by a large copy, one thread."""
    source = np.ones(megabytes << 20, np.uint8)
    target = np.empty_like(source)
    best = 0.0
    for _ in range(rounds):
        start = time.perf_counter()
        np.copyto(target, source)
        best = max(best, 2 * source.nbytes / (time.perf_counter() - start))
    return best


def describe() -> dict[str, object]:
    """Processor, ISA, versions, and the two limits."""
    cpuinfo = Path("/proc/cpuinfo")
    names = cpuinfo.read_text().split("\n") if cpuinfo.exists() else []
    processor = next(
        (line.split(":")[1].strip() for line in names if line.startswith("model name")), platform.machine()
    )
    return {
        "processor": processor,
        "isa": kernels.isa(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "fma_peak_gflops": fma_peak() / 1e9,
        "copy_gb_per_s": copy_bandwidth() / 1e9,
    }
