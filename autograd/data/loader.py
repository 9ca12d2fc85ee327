"""The loader: batches of Tensors from a dataset, in a reproducible order that a resumed run can continue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from autograd.data.collate import default_convert, map_first, stack
from autograd.data.dataset import batch_getter
from autograd.data.processes import ProcessPrefetcher
from autograd.data.sampler import BatchSampler, RandomSampler, SequentialSampler
from autograd.data.seeds import SeededTransform, resolve_seed, sample_seeds
from autograd.data.workers import Prefetcher, Task
from autograd.errors import FormatError

_STATE_VERSION = 1
CONTEXTS = ("fork", "spawn", "forkserver")


class DataLoader:
    """Iterates over a dataset in batches.

    A dataset with `__getitems__` (see :class:`~autograd.data.Dataset`), an array or a Tensor is read by one call per
    batch; any other is read sample by sample and collated. Tuples arrive as lists, arrays as Tensors.

    Two passes with the same seed, epoch and position give the same bits, whatever `num_workers` is.

    Args:
        dataset: anything with `__len__` and `__getitem__`.
        batch_size: samples per batch.
        shuffle: visit the samples in a random order, a new one each epoch.
        sampler: an iterable of indices instead of `shuffle`.
        batch_sampler: an iterable of lists of indices instead of `batch_size`, `shuffle`, `sampler` and `drop_last`.
        num_workers: threads, or processes, that fetch ahead; 0 fetches when asked.
        collate_fn: makes the batch out of a list of samples; what it returns is passed on as it is.
        drop_last: leave out a last batch of fewer than `batch_size` samples.
        generator, seed: an int or a `numpy.random.Generator`; order and transforms follow from it; a new one if None.
        prefetch_factor: batches per worker that may be under way or waiting.
        transform: `transform(inputs, seeds)`, applied to the array, or the first array, of every batch before it is
            a Tensor; see :mod:`autograd.vision.transforms` and :class:`~autograd.data.PerSample`. `seeds` depend on
            the seed, the epoch and the index of each sample and on nothing else.
        worker_init_fn: called as `worker_init_fn(k)` in worker k before its first batch.
        multiprocessing_context: "fork", "spawn" or "forkserver": the workers are processes, for datasets whose Python
            code holds the GIL; with the last two, the dataset and the functions must be picklable.
        pin_memory, persistent_workers: accepted for PyTorch's sake; threads on a CPU have no use for them.

    Attributes:
        epoch: number of the pass under way, or of the next one.
        seed: what all randomness follows from.

    Raises ValueError for options that are out of range or exclude each other, TypeError for a dataset without length or
    indexing. An exception in the dataset is raised in the loop with its own traceback and a note naming the batch.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Sequence[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        *,
        drop_last: bool = False,
        generator: Any = None,
        seed: int | None = None,
        prefetch_factor: int | None = 2,
        transform: SeededTransform | None = None,
        worker_init_fn: Callable[[int], object] | None = None,
        multiprocessing_context: str | None = None,
        pin_memory: bool = False,
        persistent_workers: bool = False,
    ) -> None:
        if not hasattr(dataset, "__getitem__"):
            raise TypeError(f"DataLoader: {type(dataset).__name__} has no __getitem__; iterables do not make a dataset")
        if sampler is None and batch_sampler is None and not hasattr(dataset, "__len__"):
            raise TypeError(f"DataLoader: {type(dataset).__name__} has no __len__; define it, or pass sampler=")
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: sampler= decides the order, so shuffle= has to go")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError("DataLoader: batch_sampler= excludes batch_size, shuffle, sampler and drop_last")
        if num_workers < 0:
            raise ValueError(f"DataLoader: num_workers={num_workers} must not be negative")
        prefetch_factor = 2 if prefetch_factor is None else prefetch_factor
        if prefetch_factor < 1:
            raise ValueError(f"DataLoader: prefetch_factor={prefetch_factor} must be at least 1")
        if multiprocessing_context not in (None, *CONTEXTS):
            raise ValueError(
                f"DataLoader: multiprocessing_context={multiprocessing_context!r}; there are {', '.join(CONTEXTS)}"
            )
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = prefetch_factor
        self.collate_fn = collate_fn
        self.transform = transform
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.generator = generator
        self.seed = resolve_seed(generator, seed)
        self.batch_size: int | None = None
        self.drop_last = drop_last
        if batch_sampler is None:
            if sampler is None:
                sampler = RandomSampler(dataset, seed=self.seed) if shuffle else SequentialSampler(dataset)
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
            self.batch_size = batch_sampler.batch_size
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self._next_epoch = 0
        self._skip = 0  # batches that a restored state has already seen
        self._progress: _Progress | None = None  # of the latest pass

    def __len__(self) -> int:
        """Batches per epoch. TypeError if the sampler has no length."""
        return len(self.batch_sampler)  # type: ignore[arg-type]

    @property
    def epoch(self) -> int:
        """Number of the pass under way, or of the next one."""
        progress = self._progress
        return self._next_epoch if progress is None or progress.finished else progress.epoch

    def __iter__(self) -> Iterator[Any]:
        epoch, skip = self._next_epoch, self._skip
        self._next_epoch, self._skip = epoch + 1, 0
        progress = self._progress = _Progress(epoch, skip, self._order_state())
        batches = enumerate(islice(iter(self.batch_sampler), skip, None), skip)
        tasks = ((epoch, number, _as_indices(indices)) for number, indices in batches)
        return _Pass(self._batches(tasks), progress)

    def _batches(self, tasks: Iterator[tuple[Any, ...]]) -> Iterator[Any]:
        """The batches, fetched here, by threads or by processes."""
        fetch = partial(_fetch, self.dataset, self.collate_fn, self.transform, self.seed)
        workers, window = self.num_workers, self.num_workers * self.prefetch_factor
        if workers and self.multiprocessing_context:
            found = ProcessPrefetcher(fetch, tasks, workers, window, self.multiprocessing_context, self.worker_init_fn)
            return _Converted(found) if self.collate_fn is None else found
        convert = default_convert if self.collate_fn is None else _same
        calls = (partial(_converted, convert, fetch, *task) for task in tasks)
        return Prefetcher(calls, workers, window, self.worker_init_fn) if workers else _Inline(calls)

    # -- state ---------------------------------------------------------------------------------------------------------

    def _order_state(self) -> dict[str, Any] | None:
        state = self.batch_sampler.state_dict() if hasattr(self.batch_sampler, "state_dict") else None
        return state or None

    def state_dict(self) -> dict[str, Any]:
        """Where the loader is, as plain numbers: called inside the loop, it names the batch after the one just given.

        Holds seed, epoch, position (batches of the epoch already given), the sampler's own state, and the sizes by
        which `load_state_dict` recognises another dataset.
        """
        progress = self._progress
        if progress is None or progress.finished:
            epoch, position, order = self._next_epoch, self._skip, self._order_state()
        else:
            epoch, position, order = progress.epoch, progress.position, progress.order
        return {
            "version": _STATE_VERSION,
            "seed": self.seed,
            "epoch": epoch,
            "position": position,
            "sampler": order,
        } | self._sizes()

    def _sizes(self) -> dict[str, Any]:
        samples = len(self.dataset) if hasattr(self.dataset, "__len__") else None
        return {"samples": samples, "batch_size": self.batch_size, "drop_last": self.drop_last}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues where `state_dict` was taken: the next pass starts there, in the same order, with the same bits.

        Raises FormatError if `state` is not such a state, ValueError if it belongs to another dataset or batch size.
        """
        try:
            version, order = state["version"], state["sampler"]
            seed, epoch, position = (_count(state[key]) for key in ("seed", "epoch", "position"))
            theirs = {key: state[key] for key in self._sizes()}
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"DataLoader: not the state of a loader ({type(error).__name__}: {error})") from None
        if version != _STATE_VERSION:
            raise FormatError(f"DataLoader: state of version {version!r}, this library reads {_STATE_VERSION}")
        for key, mine in self._sizes().items():
            if theirs[key] != mine:
                raise ValueError(
                    f"DataLoader: the state has {key}={theirs[key]}, this loader has {key}={mine}; "
                    "build it with the same dataset and batch size, or start afresh without the state"
                )
        if hasattr(self.batch_sampler, "__len__") and position > len(self):
            raise FormatError(f"DataLoader: the state is at batch {position} of {len(self)}")
        if order and hasattr(self.batch_sampler, "load_state_dict"):
            self.batch_sampler.load_state_dict(order)
        self.seed, self._next_epoch, self._skip, self._progress = resolve_seed(seed=seed), epoch, position, None


class _Progress:
    """How far one pass has come. Shared by pass and loader, so that the loader keeps no pass alive."""

    def __init__(self, epoch: int, position: int, order: dict[str, Any] | None) -> None:
        self.epoch, self.position, self.order = epoch, position, order
        self.finished = False


class _Pass(Iterator[Any]):
    """One pass over the loader's batches."""

    def __init__(self, batches: Iterator[Any], progress: _Progress) -> None:
        self._progress = progress
        self._batches = batches

    def __next__(self) -> Any:
        try:
            batch = next(self._batches)
        except StopIteration:
            self._progress.finished = True
            raise
        self._progress.position += 1
        return batch

    def close(self) -> None:
        """Stops the workers now; dropping the iterator does it too."""
        self._progress = _Progress(0, 0, None)  # the end that follows is not the end of the epoch
        if not isinstance(self._batches, _Inline):
            self._batches.close()  # type: ignore[attr-defined]


class _Inline(Iterator[Any]):
    """The tasks' results without workers. A class, because a generator would not survive an exception in a task."""

    def __init__(self, tasks: Iterator[Task]) -> None:
        self._tasks = tasks

    def __next__(self) -> Any:
        return next(self._tasks)()


class _Converted(Iterator[Any]):
    """Arrays from worker processes as Tensors."""

    def __init__(self, batches: ProcessPrefetcher) -> None:
        self._batches = batches

    def __next__(self) -> Any:
        return default_convert(next(self._batches))

    def close(self) -> None:
        self._batches.close()


def _converted(convert: Callable[[Any], Any], fetch: Callable[..., Any], *task: Any) -> Any:
    return convert(fetch(*task))


def _same(batch: Any) -> Any:
    return batch


def _count(value: Any) -> int:
    if isinstance(value, bool) or int(value) != value or value < 0:
        raise ValueError(f"{value!r} is not a count")
    return int(value)


def _as_indices(indices: Sequence[Any]) -> Any:
    """Integers as an index array, other keys as a list."""
    if all(issubclass(kind, (int, np.integer)) for kind in set(map(type, indices))):
        return np.asarray(indices, dtype=np.intp)
    return list(indices)


def _fetch(
    dataset: Any,
    collate_fn: Callable[[list[Any]], Any] | None,
    transform: SeededTransform | None,
    seed: int,
    epoch: int,
    number: int,
    indices: Any,
) -> Any:
    """One batch, from its indices; errors say which batch it was."""
    try:
        batch = _read(dataset, indices) if collate_fn is None else collate_fn(_samples(dataset, indices))
        if transform is not None:
            if isinstance(indices, list):
                raise TypeError("transform= needs integer indices, from which the seeds of samples are made")
            batch = map_first(batch, lambda inputs: transform(inputs, sample_seeds(seed, epoch, indices)))
        return batch
    except StopIteration as error:  # would end the loop as if the data were complete
        raise RuntimeError(f"DataLoader: the dataset raised StopIteration in batch {number}") from error
    except Exception as error:
        shown = ", ".join(str(index) for index in indices[:8]) + (", ..." if len(indices) > 8 else "")
        _add_note(error, f"DataLoader: while fetching batch {number} of epoch {epoch} (samples {shown})")
        raise


def _read(dataset: Any, indices: Any) -> Any:
    getter = batch_getter(dataset)
    if getter is None:
        return stack(_samples(dataset, indices))
    batch = getter(indices)
    if not isinstance(batch, list):
        return batch
    if len(batch) != len(indices):
        raise ValueError(
            f"{type(dataset).__name__}.__getitems__ gave a list of {len(batch)} for {len(indices)} indices: "
            "a list means one entry per sample; return a batch as an array, a tuple or a dict"
        )
    return stack(batch)


def _samples(dataset: Any, indices: Any) -> list[Any]:
    return [dataset[index] for index in (indices if isinstance(indices, list) else indices.tolist())]


def _add_note(error: BaseException, note: str) -> None:
    if hasattr(error, "add_note"):
        error.add_note(note)
    else:  # Python 3.10: not printed, but there to be read
        error.__notes__ = [*getattr(error, "__notes__", []), note]  # type: ignore[attr-defined]
