"""What the tests of datasets, loaders and their workers share."""

from __future__ import annotations

import threading

import numpy as np

from autograd.data import (
    Dataset,
    seeds,
)

WORKERS = [0, 1, 2, 4]


def loader_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("autograd-data")]


class Items(Dataset):
    """Per-item dataset; `reads` lists what was asked for."""

    def __init__(self, n=23, action=None):
        self.n, self.action, self.reads = n, action, []

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        self.reads.append(index)
        if self.action:
            self.action(index)
        return np.full((2, 3), index, np.float32), index


def arrays(n=23):
    return np.arange(n * 6, dtype=np.float32).reshape(n, 2, 3), np.arange(n)


def labels(loader):
    return [np.asarray(batch[1]).tolist() for batch in loader]


def contents(batches):
    return [[(np.asarray(f).dtype, np.asarray(f).shape, np.asarray(f).tobytes()) for f in batch] for batch in batches]


def noise(batch, row_seeds):
    return batch + seeds.uniform(seeds.words(row_seeds))[:, 0].reshape(-1, 1, 1).astype(batch.dtype)
