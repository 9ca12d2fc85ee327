"""What this machine can do at most: the yardsticks of the profiler and of the benchmarks."""

from __future__ import annotations

import functools
import time

import numpy as np

from autograd import kernels


@functools.cache
def fma_peak(seconds: float = 0.2) -> float:
    """FLOP/s of independent fused multiply-adds in registers, one thread, float32."""
    best = 0.0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        flops = kernels.fma_peak(200_000)
        best = max(best, flops / (time.perf_counter() - start))
    return best


@functools.cache
def copy_bandwidth(megabytes: int = 128, rounds: int = 5) -> float:
    """Bytes read and written per second by a large copy, one thread."""
    source = np.ones(megabytes << 20, np.uint8)
    target = np.zeros_like(source)
    best = 0.0
    for _ in range(rounds):
        start = time.perf_counter()
        np.copyto(target, source)
        best = max(best, 2 * source.nbytes / (time.perf_counter() - start))
    return best
