"""Datasets: a length, samples by index, and, where it can be had, a whole batch by one index array."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from autograd.data.collate import as_array, is_tensor
from autograd.data.seeds import SPLIT_STREAM, order_source, permutation, resolve_seed
from autograd.errors import DTypeError, ShapeError

T_co = TypeVar("T_co", covariant=True)
Indices: TypeAlias = NDArray[np.intp]
BatchGetter: TypeAlias = Callable[[Indices], Any]


class Dataset(Generic[T_co]):
    """Base of datasets with `__len__` and `__getitem__(index)`; any object that has both serves as well.

    A dataset that can fetch a batch at once adds `__getitems__(indices)`, `indices` being an int array (N,). It returns
    the batch: an array, or a tuple or dict of arrays, with leading axis N. A *list* means N samples to be collated,
    as in PyTorch.
    """

    def __getitem__(self, index: int) -> T_co:
        raise TypeError(f"{type(self).__name__}: has no __getitem__; define __getitem__(self, index) in the class")

    def __add__(self, other: Dataset[Any]) -> ConcatDataset:
        return ConcatDataset([self, other])


def batch_getter(dataset: Any) -> BatchGetter | None:
    """How to fetch a batch of `dataset` at once, or None if only single samples can be had.

    A subclass that overrides `__getitem__` alone changed what a sample is, so an inherited `__getitems__` is not used.
    """
    if isinstance(dataset, np.ndarray) or is_tensor(dataset):
        return as_array(dataset).__getitem__
    for base in type(dataset).__mro__:
        if "__getitems__" in vars(base):
            return dataset.__getitems__  # type: ignore[no-any-return]
        if "__getitem__" in vars(base):
            return None
    return None


def get_items(dataset: Any, indices: Indices) -> Any:
    """The batch at `indices`, or the list of samples there, as the dataset allows."""
    getter = batch_getter(dataset)
    return [dataset[int(i)] for i in indices] if getter is None else getter(indices)


class TensorDataset(Dataset[tuple[Any, ...]]):
    """Arrays or Tensors with the same leading axis; sample i is the tuple of their i-th entries.

    Raises ShapeError when the leading axes differ, ValueError without any array.
    """

    def __init__(self, *tensors: Any) -> None:
        if not tensors:
            raise ValueError("TensorDataset: give at least one array or Tensor")
        self.tensors = tensors
        self._arrays = tuple(as_array(tensor) for tensor in tensors)
        shapes = [array.shape for array in self._arrays]
        if any(not shape or shape[0] != (shapes[0] or (0,))[0] for shape in shapes):
            raise ShapeError(f"TensorDataset: arrays need the same leading axis N   [{', '.join(map(str, shapes))}]")

    def __len__(self) -> int:
        return len(self._arrays[0])

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __getitems__(self, indices: Indices) -> tuple[NDArray[Any], ...]:
        return tuple(array[indices] for array in self._arrays)


class Subset(Dataset[T_co]):
    """The samples of `dataset` at `indices`, in that order."""

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices
        self._indices: Indices = np.asarray(indices, dtype=np.intp).reshape(-1)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> T_co:
        return self.dataset[int(self._indices[index])]  # type: ignore[no-any-return]

    def __getitems__(self, indices: Indices) -> Any:
        return get_items(self.dataset, self._indices[indices])


class ConcatDataset(Dataset[Any]):
    """Datasets one after the other.

    Batches are fetched with one call per dataset. Raises ShapeError or DTypeError when their samples do not fit into
    one batch, ValueError without any dataset.
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset: give at least one dataset")
        self.cumulative_sizes: list[int] = np.cumsum([len(dataset) for dataset in self.datasets]).tolist()

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(f"ConcatDataset: index {index} is out of range for {len(self)} samples")
        which = bisect.bisect_right(self.cumulative_sizes, position)
        return self.datasets[which][position - (self.cumulative_sizes[which - 1] if which else 0)]

    def __getitems__(self, indices: Indices) -> Any:
        if any(batch_getter(dataset) is None for dataset in self.datasets):
            return [self[int(i)] for i in indices]
        n = len(self)
        positions = np.where(indices < 0, indices + n, indices)
        if len(positions) and not (positions.min() >= 0 and positions.max() < n):
            raise IndexError(f"ConcatDataset: an index is out of range for {n} samples")
        which = np.searchsorted(self.cumulative_sizes, positions, side="right")
        starts = np.array([0, *self.cumulative_sizes])
        parts = []
        for number in np.unique(which):
            rows = np.flatnonzero(which == number)
            part = get_items(self.datasets[number], positions[rows] - starts[number])
            if isinstance(part, list):  # its own __getitems__ gives samples
                return [self[int(i)] for i in indices]
            parts.append((rows, part))
        return _merge(parts, len(indices))


def _merge(parts: list[tuple[Indices, Any]], n: int) -> Any:
    """Batches of some rows each as one batch of `n` rows."""
    first = parts[0][1]
    if isinstance(first, Mapping):
        return {key: _merge([(rows, part[key]) for rows, part in parts], n) for key in first}
    if isinstance(first, tuple):
        if len({len(part) for _, part in parts}) > 1:
            raise ValueError("ConcatDataset: the datasets have samples of different lengths")
        fields = [_merge([(rows, part[k]) for rows, part in parts], n) for k in range(len(first))]
        return type(first)(*fields) if hasattr(first, "_fields") else tuple(fields)
    arrays = [(rows, as_array(part)) for rows, part in parts]
    shape, dtype = arrays[0][1].shape[1:], arrays[0][1].dtype
    merged = np.empty((n, *shape), dtype=dtype)
    for rows, array in arrays:
        if array.shape[1:] != shape:
            raise ShapeError(f"ConcatDataset: samples of shape {array.shape[1:]} and {shape} cannot share a batch")
        if array.dtype != dtype:
            raise DTypeError(f"ConcatDataset: samples of dtype {array.dtype} and {dtype} cannot share a batch")
        merged[rows] = array
    return merged


def random_split(
    dataset: Any, lengths: Sequence[int | float], generator: Any = None, *, seed: int | None = None
) -> list[Subset[Any]]:
    """Random disjoint parts of a dataset.

    Args:
        dataset: anything with a length.
        lengths: sizes that add up to the dataset's, or fractions that add up to 1 (each is rounded down, and what
            remains goes to the first parts, one each).
        generator, seed: see :func:`autograd.data.seeds.resolve_seed`; the same seed gives the same parts.
    """
    n = len(dataset)
    sizes = _part_sizes(n, list(lengths))
    order = permutation(order_source(resolve_seed(generator, seed), 0, SPLIT_STREAM), n)
    ends = np.cumsum(sizes)
    return [Subset(dataset, order[end - size : end].tolist()) for size, end in zip(sizes, ends, strict=True)]


def _part_sizes(n: int, lengths: list[int | float]) -> list[int]:
    if any(not math.isfinite(length) or length < 0 for length in lengths):
        raise ValueError(f"random_split: lengths must be finite and not negative, got {lengths}")
    if any(isinstance(length, float) for length in lengths) and abs(sum(lengths) - 1) < 1e-9:
        sizes = [math.floor(n * length) for length in lengths]
        for part in range(n - sum(sizes)):
            sizes[part % len(sizes)] += 1
        return sizes
    if any(int(length) != length for length in lengths) or sum(lengths) != n:
        raise ValueError(
            f"random_split: lengths {lengths} add up to {sum(lengths)}; sizes have to add up to the dataset's {n}, "
            "fractions to 1"
        )
    return [int(length) for length in lengths]
