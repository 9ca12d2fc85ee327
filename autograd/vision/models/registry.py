"""Models by name: `get_model("resnet20", num_classes=10, in_channels=3)`."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from autograd import nn
from autograd.shapes import near
from autograd.vision.models.weights import load_weights


class Entry(NamedTuple):
    """One model: its builder, the smallest and the usual pictures (height = width) it takes, a line about it."""

    build: Callable[..., Any]
    min_size: int
    size: int
    about: str


_ENTRIES: dict[str, Entry] = {}


def register_model(min_size: int = 1, size: int = 224) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorates a builder `name(num_classes=..., in_channels=..., ...)` and gives it `weights=PATH`, a file whose
    weights the model gets instead of random ones. Builders that depend on the size of the pictures take `image_size`.
    The first line of the docstring describes the model in lists.

    Raises ValueError when the name is taken.
    """

    def add(build: Callable[..., Any]) -> Callable[..., Any]:
        name = build.__name__
        if name in _ENTRIES:
            raise ValueError(f"register_model: there is a model {name!r} already")
        builder = _with_weights(build)
        _ENTRIES[name] = Entry(builder, min_size, size, (inspect.getdoc(build) or "").split("\n")[0])
        return builder

    return add


def _with_weights(build: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(build)
    def builder(*args: Any, weights: str | os.PathLike[str] | None = None, **options: Any) -> Any:
        if weights is None:
            return build(*args, **options)
        with nn.init.skip():
            model = build(*args, **options)
        load_weights(model, weights)
        return model

    signature = inspect.signature(build)
    extra = inspect.Parameter("weights", inspect.Parameter.KEYWORD_ONLY, default=None)
    builder.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*signature.parameters.values(), extra]
    )
    return builder


def list_models() -> list[str]:
    """The names that `get_model` knows, sorted."""
    return sorted(_ENTRIES)


def model_entry(name: str) -> Entry:
    """What is known about a model. Raises ValueError, listing near names, if there is none of this name."""
    entry = _ENTRIES.get(name)
    if entry is None:
        raise ValueError(f"no model {name!r}{near(name, _ENTRIES)}; list_models() gives all {len(_ENTRIES)}")
    return entry


def get_model(name: str, num_classes: int = 10, in_channels: int | None = None, **options: Any) -> Any:
    """A new model with random weights for pictures (N, in_channels, H, W), giving scores (N, num_classes).

    Args:
        name: one of `list_models()`.
        in_channels: 1 for grey pictures, 3 for colours; None takes the builder's default.
        options: passed to the builder; `image_size` is left out for models that take any size.

    Raises ValueError for an unknown name, TypeError for an option that the builder does not take.
    """
    entry = model_entry(name)
    known = inspect.signature(entry.build).parameters
    if in_channels is not None:
        options["in_channels"] = in_channels
    if "image_size" not in known:
        options.pop("image_size", None)
    for option in options:
        if option not in known:
            raise TypeError(f"{name}: unknown option {option!r}{near(option, known)}; it takes {', '.join(known)}")
    return entry.build(num_classes=num_classes, **options)
