"""Loaders whose workers are processes: the same stream, errors, deaths."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import numpy as np
import pytest

from autograd import Tensor
from autograd.data import DataLoader, PerSample, TensorDataset

CONTEXTS = ["fork", *(pytest.param(name, marks=pytest.mark.slow) for name in ("spawn", "forkserver"))]


class Squares:
    """Samples (x, label) made by Python; sample `bad` does something else."""

    def __init__(self, bad: int | None = None, deed: str = "") -> None:
        self.bad, self.deed = bad, deed

    def __len__(self) -> int:
        return 20

    def __getitem__(self, index: int) -> Any:
        if index == self.bad and self.deed == "raise":
            raise KeyError("no such sample")
        if index == self.bad and self.deed == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if index == self.bad and self.deed == "exit":
            os._exit(3)
        return np.full((1, 2, 2), index, np.float32) ** 2, index


def noise(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return x + rng.normal(size=x.shape).astype(np.float32)


def batches(**options: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    loader = DataLoader(Squares(), 6, shuffle=True, seed=3, transform=PerSample(noise), **options)
    assert isinstance(next(iter(loader))[0], Tensor)
    loader.load_state_dict(loader.state_dict() | {"epoch": 2, "position": 0})
    return [(x.numpy().copy(), y.numpy().copy()) for x, y in loader]


@pytest.mark.parametrize("context", CONTEXTS)
def test_the_stream_does_not_depend_on_the_workers(context: str) -> None:
    expected = batches()
    for workers in (1, 3):
        found = batches(num_workers=workers, multiprocessing_context=context)
        for (x, y), (ours, labels) in zip(expected, found, strict=True):
            assert np.array_equal(x, ours) and np.array_equal(y, labels)
    threads = batches(num_workers=2)
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(expected, threads, strict=True))


def test_errors_arrive_at_their_turn() -> None:
    loader = iter(DataLoader(Squares(13, "raise"), 5, num_workers=2, multiprocessing_context="fork"))
    assert [next(loader)[1].numpy()[0] for _ in range(2)] == [0, 5]
    with pytest.raises(KeyError, match="no such sample") as caught:
        next(loader)
    assert "while fetching batch 2" in "".join(caught.value.__notes__)
    assert next(loader)[1].numpy()[0] == 15


@pytest.mark.parametrize(("deed", "text"), [("die", "was killed by SIGKILL"), ("exit", "ended with exit code 3")])
def test_dead_workers_are_named(deed: str, text: str) -> None:
    loader = DataLoader(Squares(7, deed), 5, num_workers=2, multiprocessing_context="fork")
    start = time.monotonic()
    with pytest.raises(RuntimeError, match=rf"worker process \d+ {text}"):
        list(loader)
    assert time.monotonic() - start < 20


def test_processes_end_with_their_loader() -> None:
    before = len(os.listdir("/proc/self/fd"))
    batches_ = iter(DataLoader(Squares(), 2, num_workers=3, multiprocessing_context="fork"))
    next(batches_)
    workers = [process for process, _ in batches_._batches._batches._workers]
    assert all(process.is_alive() for process in workers)
    batches_.close()
    assert not any(process.is_alive() for process in workers)
    del batches_, workers
    assert len(os.listdir("/proc/self/fd")) <= before + 2


def test_options() -> None:
    with pytest.raises(ValueError, match="multiprocessing_context='thread'; there are fork, spawn, forkserver"):
        DataLoader(Squares(), multiprocessing_context="thread")
    data = TensorDataset(Tensor(np.arange(6)))
    seen = [x.numpy().tolist() for (x,) in DataLoader(data, 3, num_workers=1, multiprocessing_context="fork")]
    assert seen == [[0, 1, 2], [3, 4, 5]]
    collated = DataLoader(Squares(), 10, num_workers=1, multiprocessing_context="fork", collate_fn=len)
    assert list(collated) == [10, 10]
