"""The order in which a loader visits its dataset.

Orders are functions of (seed, epoch): two numbers restore any of them, and nothing is drawn from a shared stream.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from autograd.data.seeds import order_source, permutation, resolve_seed

T_co = TypeVar("T_co", covariant=True)


class Sampler(Generic[T_co]):
    """Base of samplers: iterating gives indices, or lists of them for a batch sampler.

    A sampler may offer `state_dict()` and `load_state_dict(state)`: the loader takes the state before each pass and has
    it with its own, so that a resumed pass repeats the order. Without them, restoring the order is up to the caller.
    """

    def __iter__(self) -> Iterator[T_co]:
        raise TypeError(f"{type(self).__name__}: has no __iter__ method; define __iter__(self) in the class")


class SequentialSampler(Sampler[int]):
    """0, 1, ..., len(data_source) - 1."""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class _EpochSampler(Sampler[int], ABC):
    """A sampler whose order depends on a seed and an epoch that grows by one with every pass."""

    def __init__(self, generator: Any, seed: int | None) -> None:
        self.seed = resolve_seed(generator, seed)
        self.epoch = 0

    @abstractmethod
    def order(self, epoch: int) -> NDArray[np.intp]:
        """The indices of one epoch."""

    def set_epoch(self, epoch: int) -> None:
        """Chooses the epoch of the next pass."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        # Not a generator function: the epoch is settled when the pass starts, not when its first index is taken.
        epoch, self.epoch = self.epoch, self.epoch + 1
        return iter(self.order(epoch).tolist())

    def state_dict(self) -> dict[str, Any]:
        """Seed and next epoch."""
        return {"seed": self.seed, "epoch": self.epoch}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores what `state_dict` gave."""
        self.seed, self.epoch = resolve_seed(seed=state["seed"]), int(state["epoch"])


class RandomSampler(_EpochSampler):
    """A random order of the whole dataset, or draws with replacement; another one each epoch.

    Args:
        data_source: anything with a length.
        replacement: draw each index independently.
        num_samples: indices per epoch; default: the length. More than the length without replacement starts a second
            permutation after the first.
        generator, seed: see :func:`autograd.data.seeds.resolve_seed`.
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Any = None,
        *,
        seed: int | None = None,
    ) -> None:
        super().__init__(generator, seed)
        if num_samples is not None and num_samples < 0:
            raise ValueError(f"RandomSampler: num_samples={num_samples} must not be negative")
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples

    @property
    def num_samples(self) -> int:
        """Indices per epoch."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def order(self, epoch: int) -> NDArray[np.intp]:
        n, count = len(self.data_source), self.num_samples
        if n == 0:
            return np.empty(0, dtype=np.intp)
        source = order_source(self.seed, epoch)
        if self.replacement:
            return (source.random_raw(count) % np.uint64(n)).astype(np.intp)
        rounds = [permutation(source, n) for _ in range(-(-count // n))]
        return np.concatenate(rounds)[:count] if rounds else np.empty(0, dtype=np.intp)

    def __len__(self) -> int:
        return self.num_samples if len(self.data_source) else 0


class SubsetRandomSampler(_EpochSampler):
    """The given indices, each once, in a random order; another one each epoch."""

    def __init__(self, indices: Sequence[int], generator: Any = None, *, seed: int | None = None) -> None:
        super().__init__(generator, seed)
        self.indices = indices

    def order(self, epoch: int) -> NDArray[np.intp]:
        indices = np.asarray(self.indices, dtype=np.intp)
        return indices[permutation(order_source(self.seed, epoch), len(indices))]

    def __len__(self) -> int:
        return len(self.indices)


class BatchSampler(Sampler[list[Any]]):
    """Lists of `batch_size` consecutive indices of `sampler`; the last may be shorter, or is left out by `drop_last`.

    Raises ValueError when batch_size is not a positive int.
    """

    def __init__(self, sampler: Iterable[Any], batch_size: int, drop_last: bool = False) -> None:
        if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise ValueError(f"batch_size={batch_size!r}: must be an int of at least 1")
        self.sampler = sampler
        self.batch_size = int(batch_size)
        self.drop_last = bool(drop_last)

    def __iter__(self) -> Iterator[list[Any]]:
        return self._cut(iter(self.sampler))

    def _cut(self, indices: Iterator[Any]) -> Iterator[list[Any]]:
        while batch := list(islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        n = len(self.sampler)  # type: ignore[arg-type]  # a sampler without a length makes a loader without one
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def state_dict(self) -> dict[str, Any]:
        """The sampler's state; empty if it has none."""
        return dict(self.sampler.state_dict()) if hasattr(self.sampler, "state_dict") else {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores what `state_dict` gave."""
        if state and hasattr(self.sampler, "load_state_dict"):
            self.sampler.load_state_dict(state)
