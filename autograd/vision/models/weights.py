"""Weights from files: all of them, or all but those of a new head."""

from __future__ import annotations

import os
from typing import Any

from autograd import io, nn
from autograd.errors import FormatError, StateDictError


def read_weights(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The tensors by name in a file of weights, or in a checkpoint of `autograd train`.

    Raises FormatError if it holds neither.
    """
    state = io.load(os.fspath(path))
    if isinstance(state, dict) and isinstance(state.get("model"), dict):
        state = state["model"]
    if not isinstance(state, dict) or not all(hasattr(value, "shape") for value in state.values()):
        raise FormatError(f"{os.fspath(path)}: holds no weights by name")
    return state


def load_weights(model: nn.Module, path: str | os.PathLike[str], new_head: bool = False) -> list[str]:
    """Copies a file's weights into a model; returns the names of those that it kept.

    Args:
        new_head: fine-tuning: where the file has another number of classes (the sizes differ in the first dimension
            only), the model keeps its own, random weights.

    Raises StateDictError, listing all that does not fit; then the model is unchanged.
    """
    state, own = read_weights(path), model.state_dict()
    kept = [name for name in own if new_head and name in state and _other_classes(state[name].shape, own[name].shape)]
    try:
        model.load_state_dict({**state, **{name: own[name] for name in kept}})
    except StateDictError as error:
        raise StateDictError(f"{os.fspath(path)}: {error}") from None
    return kept


def _other_classes(there: tuple[int, ...], here: tuple[int, ...]) -> bool:
    return len(there) == len(here) and there[0:1] != here[0:1] and there[1:] == here[1:]
