"""Checkpoints: nested state as tensors and JSON in one safetensors file.

Arrays become tensors named by their place in the state ("model/features.0.weight"); the rest becomes JSON in the file's
metadata. No pickle is involved, so opening a checkpoint runs nobody's code.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import Tensor, io
from autograd.errors import FormatError

STATE = "autograd.state"  # key of the JSON in the metadata
Arrays = dict[str, NDArray[Any]]


def save_checkpoint(path: str | os.PathLike[str], state: Mapping[str, Any]) -> None:
    """Writes nested dicts, lists and tuples of arrays, tensors, numbers, texts, booleans and None.

    The file appears as a whole or not at all: a crash while it is written leaves an older one intact.
    Raises TypeError, naming the place, for anything else in the state.
    """
    arrays: Arrays = {}
    tree = flatten(state, arrays)
    io.save_safetensors(arrays, path, metadata={STATE: json.dumps(tree)})


def load_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What `save_checkpoint` wrote, tensors as arrays.

    Raises FormatError if the file is damaged or is no checkpoint, FileNotFoundError if there is none.
    """
    arrays, metadata = io.load_safetensors(path)
    if STATE not in metadata:
        raise FormatError(f"{os.fspath(path)}: holds weights, but no state of a training run")
    try:
        state = unflatten(json.loads(metadata[STATE]), arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{os.fspath(path)}: damaged state ({type(error).__name__}: {error})") from None
    if not isinstance(state, dict):
        raise FormatError(f"{os.fspath(path)}: the state is no dict")
    return state


def flatten(value: Any, arrays: Arrays, place: str = "") -> Any:
    """`value` as JSON, its arrays moved to `arrays` by place."""
    if isinstance(value, Tensor):
        value = value.array
    if isinstance(value, np.ndarray):
        arrays[place] = value
        return {"$array": place}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        items = [flatten(item, arrays, f"{place}/{i}") for i, item in enumerate(value)]
        return items if isinstance(value, list) else {"$tuple": items}
    if isinstance(value, Mapping):
        inner = {key: flatten(item, arrays, f"{place}/{key}" if place else str(key)) for key, item in value.items()}
        plain = all(isinstance(key, str) and not key.startswith("$") for key in inner)
        return inner if plain else {"$items": [[key, item] for key, item in inner.items()]}
    raise TypeError(f"save_checkpoint: cannot store a {type(value).__name__} at {place!r}; arrays and plain values only")


def unflatten(tree: Any, arrays: Mapping[str, Any]) -> Any:
    """The inverse of `flatten`."""
    if isinstance(tree, list):
        return [unflatten(item, arrays) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if "$array" in tree:
        return arrays[tree["$array"]]
    if "$tuple" in tree:
        return tuple(unflatten(item, arrays) for item in tree["$tuple"])
    if "$items" in tree:
        return {key: unflatten(item, arrays) for key, item in tree["$items"]}
    return {key: unflatten(item, arrays) for key, item in tree.items()}
