"""From samples to batches, and from NumPy arrays to Tensors: two steps, because transforms work in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.errors import DTypeError, ShapeError


def is_tensor(value: Any) -> bool:
    """True for Tensors of this library and of others, which share `detach` and NumPy's `__array__`."""
    return hasattr(value, "detach") and hasattr(value, "__array__")


def as_array(value: Any) -> NDArray[Any]:
    """The array behind a Tensor, or `value` as an array; no copy where NumPy needs none."""
    return np.asarray(value.detach() if is_tensor(value) else value)


def stack(samples: Sequence[Any]) -> Any:
    """Samples of equal structure as one batch of NumPy arrays with a new leading axis N.

    Arrays, Tensors and NumPy scalars keep their dtype; bool, int and float become bool, int64 and float64; strings
    and bytes stay a list; mappings, named tuples, tuples and lists are entered (a tuple gives a list, as in PyTorch).

    Raises ShapeError (arrays of different shapes), ValueError (structures of different length, nothing to stack),
    DTypeError or TypeError (anything that cannot be stacked).
    """
    if not len(samples):
        raise ValueError("collate: no samples, so there is nothing to tell a shape from")
    first = samples[0]
    if is_tensor(first) or isinstance(first, (np.ndarray, np.generic)):
        return _stack_arrays([as_array(sample) for sample in samples])
    if isinstance(first, (bool, int, float, complex)):
        return _stack_numbers(samples, first)
    if isinstance(first, (str, bytes)):
        return list(samples)
    if isinstance(first, Mapping):
        return _like_mapping(first, {key: stack([sample[key] for sample in samples]) for key in first})
    if isinstance(first, (tuple, list)):
        lengths = {len(sample) for sample in samples}
        if len(lengths) > 1:
            raise ValueError(f"collate: samples of different lengths {sorted(lengths)}; pass collate_fn= to say how")
        return _like_sequence(first, [stack(field) for field in zip(*samples, strict=True)])
    cure = "does the dataset's __getitem__ return?" if first is None else "convert it, or pass collate_fn="
    raise TypeError(f"collate: cannot make a batch of {type(first).__name__}; {cure}")


def default_convert(batch: Any) -> Any:
    """Every numeric array inside `batch` as a Tensor sharing its memory; the rest as it is. A tuple gives a list."""
    if isinstance(batch, np.ndarray):
        return _to_tensor(batch) if batch.dtype.kind in "biufc" else batch
    if isinstance(batch, Mapping):
        return _like_mapping(batch, {key: default_convert(value) for key, value in batch.items()})
    if isinstance(batch, (tuple, list)):
        return _like_sequence(batch, [default_convert(value) for value in batch])
    return batch


def default_collate(samples: Sequence[Any]) -> Any:
    """Samples as one batch of Tensors: `stack`, then `default_convert`. Tensors inside are detached."""
    return default_convert(stack(samples))


def map_first(batch: Any, function: Callable[[NDArray[Any]], NDArray[Any]]) -> Any:
    """`batch` with `function` applied to its inputs: the array itself, or the first field of a tuple or list."""
    if isinstance(batch, np.ndarray):
        return function(batch)
    if isinstance(batch, (tuple, list)) and batch and isinstance(batch[0], np.ndarray):
        return _like_sequence(batch, [function(batch[0]), *batch[1:]])
    raise TypeError(
        f"transform= works on an array or on the first field of a tuple, but the batch is a {type(batch).__name__}; "
        "do it in the dataset or in collate_fn="
    )


def _to_tensor(array: NDArray[Any]) -> Any:
    from autograd import from_numpy  # type: ignore[attr-defined,unused-ignore]  # late: the tape is not needed before

    return from_numpy(array)


def _stack_arrays(arrays: list[NDArray[Any]]) -> NDArray[Any]:
    shape = arrays[0].shape
    if arrays[0].dtype.kind not in "biufc":
        raise DTypeError(f"collate: cannot stack arrays of dtype {arrays[0].dtype}; return numbers or Python strings")
    for position, array in enumerate(arrays):
        if array.shape != shape:
            raise ShapeError(
                f"collate: sample {position} of the batch has shape {array.shape}, the first has {shape}; "
                "resize or pad them in the dataset, or pass collate_fn="
            )
    return np.stack(arrays)


def _stack_numbers(samples: Sequence[Any], first: Any) -> NDArray[Any]:
    dtype = np.float64 if isinstance(first, float) else None
    try:
        batch = np.asarray(samples, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise TypeError(f"collate: the first sample is a {type(first).__name__}, but others are not: {error}") from None
    if batch.ndim != 1 or batch.dtype.kind not in "bifc":
        raise DTypeError(f"collate: numbers that no int64 or float64 holds (NumPy makes it {batch.dtype})")
    return batch.astype(np.int64, copy=False) if batch.dtype.kind == "i" else batch


def _like_mapping(model: Mapping[Any, Any], values: dict[Any, Any]) -> Mapping[Any, Any]:
    if type(model) is dict:
        return values
    try:
        return type(model)(values)  # type: ignore[call-arg]
    except TypeError:  # a mapping that is not made from a mapping
        return values


def _like_sequence(model: Sequence[Any], values: list[Any]) -> Any:
    return type(model)(*values) if hasattr(model, "_fields") else values
