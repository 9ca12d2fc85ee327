"""The machine that benchmarks run on, and its limits measured in the same run."""

from __future__ import annotations

import platform
from pathlib import Path

import numpy as np

from autograd import kernels
from autograd.profiler.machine import copy_bandwidth, fma_peak


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
