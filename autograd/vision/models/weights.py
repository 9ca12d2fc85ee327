"""Weights from files: all of them, or all but those of a new head."""

from __future__ import annotations

import os

from autograd import io, nn
from autograd.errors import StateDictError


def load_weights(model: nn.Module, path: str | os.PathLike[str], new_head: bool = False) -> list[str]:
    """Copies a file's weights into a model; returns the names of those that it kept.

    Args:
        new_head: fine-tuning: where the file has another number of classes (the sizes differ in the first dimension
            only), the model keeps its own, random weights.

    Raises StateDictError, listing all that does not fit; then the model is unchanged.
    """
    state, own = io.load_weights(os.fspath(path)), model.state_dict()
    kept = [name for name in own if new_head and name in state and _other_classes(state[name].shape, own[name].shape)]
    try:
        model.load_state_dict({**state, **{name: own[name] for name in kept}})
    except StateDictError as error:
        raise StateDictError(f"{os.fspath(path)}: {error}") from None
    return kept


def _other_classes(there: tuple[int, ...], here: tuple[int, ...]) -> bool:
    return len(there) == len(here) and there[0:1] != here[0:1] and there[1:] == here[1:]
