"""No kernel reads outside its arrays: inputs and gradients lie flush against pages that cannot be touched.

Runs in a child process, so that a violation (SIGSEGV) is a failed test and not the end of all tests.
"""

import ctypes
import functools
import mmap
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from autograd import kernels
from autograd.checking.opcall import OpCall, default_seed
from autograd.op import registry
from autograd.sampling import Sampler

PAGE = mmap.PAGESIZE
mprotect = None
if hasattr(mmap, "MAP_PRIVATE"):
    mprotect = ctypes.CDLL(None, use_errno=True).mprotect
    mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]

pytestmark = pytest.mark.skipif(mprotect is None, reason="needs mprotect")


def guarded(a, at_end=True):
    """A copy whose last byte (or first) is next to a page without access."""
    a = np.asarray(a)
    pages = -(-max(a.nbytes, 1) // PAGE)
    memory = mmap.mmap(-1, (pages + 1) * PAGE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    guard = start + pages * PAGE if at_end else start
    if mprotect(guard, PAGE, 0):
        raise OSError(ctypes.get_errno(), "mprotect")
    offset = pages * PAGE - a.nbytes if at_end else PAGE
    copy = np.ndarray(a.shape, a.dtype, memory, offset)
    copy[...] = a
    return copy


def guarded_seed(at_end, shape, dtype):
    return guarded(default_seed(shape, dtype), at_end)


def sweep(cases, prefix=""):
    """Every op whose name begins so, on guarded arrays, for every instruction set. Prints each call before it runs."""
    calls = 0
    for isa in kernels.isas():
        kernels.set_isa(isa)
        for record in (record for name, record in registry().items() if name.startswith(prefix)):
            for seed in range(cases):
                call = OpCall(record, record.samples(Sampler(seed)))
                if sum(a.nbytes for a in call.arrays) > 1 << 20:
                    continue
                at_end, dtype = bool(seed % 4), (np.float32, np.float64)[seed % 2]
                arrays = [guarded(a.astype(dtype) if a.dtype == np.float64 else a, at_end) for a in call.arrays]
                print(f"\r{isa} {call} at_end={at_end}", end="", file=sys.stderr)
                with np.errstate(all="ignore"):
                    call.value_and_grads(arrays, functools.partial(guarded_seed, at_end))
                calls += 1
    print(f"{calls} calls")


def run(code):
    root = Path(__file__).resolve().parent
    path = os.pathsep.join([str(root), str(root.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, "-c", f"import test_guard; {code}"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.mark.parametrize("code", ["a[-1:].ctypes.data + 8", "a.ctypes.data - 1"])
def test_the_guard_bites(code):
    """Reading one byte too far kills the process: else this file would prove nothing."""
    at_end = "+" in code
    done = run(f"import ctypes, numpy; a = test_guard.guarded(numpy.ones(5), {at_end}); ctypes.string_at({code}, 1)")
    assert done.returncode < 0


def test_kernels_stay_inside_their_arrays(count):
    done = run("test_guard.sweep(4)")
    assert done.returncode == 0, f"exit {done.returncode}; last call: {done.stderr[-600:]}"
    calls = int(done.stdout.split()[0])
    assert calls > len(registry()) * 2
    count(cases=calls)


def test_winograd_stays_inside_its_arrays(count):
    done = run("test_guard.kernels.set_winograd('always'); test_guard.sweep(24, 'conv')")
    assert done.returncode == 0, f"exit {done.returncode}; last call: {done.stderr[-600:]}"
    count(cases=int(done.stdout.split()[0]))


@pytest.mark.slow
def test_kernels_stay_inside_their_arrays_often(count):
    done = run("test_guard.sweep(30)")
    assert done.returncode == 0, f"exit {done.returncode}; last call: {done.stderr[-600:]}"
    count(cases=int(done.stdout.split()[0]))
