"""Threads that fetch ahead: order, errors, interruption, end."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
import traceback

import numpy as np
import pytest
from loaders import WORKERS, Items, labels, loader_threads

from autograd.data import (
    DataLoader,
)

pytestmark = pytest.mark.usefixtures("no_leaked_threads")


# -- loader: workers ---------------------------------------------------------------------------------------------------


def test_workers_work_at_the_same_time():
    barrier = threading.Barrier(3, timeout=10)
    assert len(list(DataLoader(Items(9, lambda index: barrier.wait()), 1, num_workers=3))) == 9


def test_prefetching_is_bounded_and_in_order():
    dataset = Items(100, lambda index: time.sleep(0.001 * (index % 3)))
    loader = iter(DataLoader(dataset, 1, num_workers=2, prefetch_factor=3))
    assert np.asarray(next(loader)[1]).tolist() == [0]
    time.sleep(0.1)
    assert len(dataset.reads) <= 1 + 2 * 3
    assert [np.asarray(batch[1]).item() for batch in loader] == list(range(1, 100))


@pytest.mark.parametrize("workers", WORKERS)
def test_an_exception_comes_through(workers):
    def fail(index):
        if index == 13:
            raise KeyError("planted")

    loader = iter(DataLoader(Items(23, fail), 5, num_workers=workers))
    next(loader), next(loader)
    with pytest.raises(KeyError, match="planted") as caught:
        next(loader)
    assert "fail" in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert caught.value.__notes__ == [
        "DataLoader: while fetching batch 2 of epoch 0 (samples 10, 11, 12, 13, 14)",
    ]
    assert np.asarray(next(loader)[1]).tolist() == [15, 16, 17, 18, 19]


@pytest.mark.parametrize("workers", WORKERS)
def test_a_stop_iteration_does_not_pass_for_the_end(workers):
    def stop(index):
        if index == 7:
            raise StopIteration

    loader = iter(DataLoader(Items(23, stop), 5, num_workers=workers))
    next(loader)
    with pytest.raises(RuntimeError, match="StopIteration in batch 1"):
        next(loader)


@pytest.mark.parametrize("workers", WORKERS)
def test_a_failing_sampler_fails_at_its_turn(workers):
    def indices():
        yield from range(7)
        raise LookupError("sampler")

    loader = iter(DataLoader(Items(), 2, sampler=indices(), num_workers=workers))
    for _ in range(3):
        next(loader)
    with pytest.raises(LookupError, match="sampler"):
        next(loader)
    assert list(loader) == []


def test_a_failing_worker_start_is_reported():
    def start(worker):
        raise OSError(f"worker {worker}")

    with pytest.raises(OSError, match="worker"):
        list(DataLoader(Items(), 4, num_workers=2, worker_init_fn=start))
    started = []
    list(DataLoader(Items(), 4, num_workers=2, worker_init_fn=started.append))
    assert started
    assert sorted(set(started)) == sorted(started)


@pytest.mark.parametrize("workers", WORKERS)
def test_breaking_out_ends_the_threads(workers):
    loader = DataLoader(Items(1000, lambda index: time.sleep(0.001)), 4, num_workers=workers)
    for _ in range(5):
        start = time.monotonic()
        for _ in loader:
            assert len(loader_threads()) == workers
            break
        assert time.monotonic() - start < 1
        assert not loader_threads()
    iter(loader)  # never used
    assert not loader_threads()


def test_breaking_out_drops_what_was_queued():
    dataset = Items(100, lambda index: time.sleep(0.02))
    for _ in DataLoader(dataset, 1, num_workers=1, prefetch_factor=50):
        break
    assert len(dataset.reads) < 10


def test_a_resumed_pass_counts_on():
    def fail(index):
        if index == 13:
            raise KeyError("planted")

    loader = DataLoader(Items(23, fail), 5)
    loader.load_state_dict(loader.state_dict() | {"epoch": 4, "position": 2})
    with pytest.raises(KeyError) as caught:
        list(loader)
    assert "batch 2 of epoch 4 (samples 10," in caught.value.__notes__[0]


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals between threads on this system")
@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_while_waiting_loses_no_batch(workers):
    main = threading.get_ident()

    def interrupt(index):
        if index == 4:
            time.sleep(0.05)  # the consumer waits for this batch by now
            signal.pthread_kill(main, signal.SIGINT)
            time.sleep(0.05)

    steps = iter(DataLoader(Items(23, interrupt), 4, num_workers=workers))
    next(steps)
    with pytest.raises(KeyboardInterrupt):
        next(steps)
    assert [np.asarray(batch[1])[0] for batch in steps] == [4, 8, 12, 16, 20]


def test_close_stops_without_ending_the_epoch():
    loader = DataLoader(Items(), 4, num_workers=2)
    steps = iter(loader)
    next(steps)
    steps.close()
    assert not loader_threads()
    assert list(steps) == []
    assert (loader.state_dict()["epoch"], loader.state_dict()["position"]) == (0, 1)
    steps.close()


def test_a_stuck_worker_does_not_hold_up_a_break(monkeypatch):
    monkeypatch.setattr("autograd.data.workers.JOIN_SECONDS", 0.1)
    release = threading.Event()
    loader = DataLoader(Items(50, lambda index: index < 4 or release.wait(20)), 4, num_workers=2)
    start = time.monotonic()
    for _ in loader:
        break
    assert time.monotonic() - start < 5
    release.set()


def test_a_pass_in_a_reference_cycle_is_collected():
    cycle = [iter(DataLoader(Items(), 4, num_workers=2))]
    cycle.append(cycle)
    assert len(loader_threads()) == 2
    del cycle
    gc.collect()
    assert not loader_threads()


def test_two_passes_at_once():
    loader = DataLoader(Items(), 5, num_workers=2)
    pairs = list(zip(labels(loader), labels(loader), strict=True))
    assert all(a == b for a, b in pairs)
    assert sum(1 for _ in zip(loader, loader, strict=True)) == 5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_pass_does_not_cross_a_fork_but_the_loader_does():
    loader = DataLoader(Items(), 4, num_workers=2)
    steps = iter(loader)
    next(steps)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            next(steps)
        except RuntimeError:
            code = 0 if len(list(loader)) == 6 else 2
        finally:
            os._exit(code)
    deadline = time.monotonic() + 20
    while (done := os.waitpid(pid, os.WNOHANG))[0] == 0:
        if time.monotonic() > deadline:
            os.kill(pid, 9)
        time.sleep(0.01)
    assert done[1] == 0
    assert len(list(steps)) == 5
