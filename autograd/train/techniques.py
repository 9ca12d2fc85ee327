"""What a step may do beyond the plain one: auxiliary heads, averaged weights, freezing, weights per class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd import nn

AUXILIARY = 0.3  # weight of the losses of auxiliary heads (Szegedy et al. 2015)


def loss_of(loss: Callable[[Any, Any], Any], outputs: Any, target: Any) -> tuple[Any, Any]:
    """Loss and scores of what a model gave: scores, or a tuple of them and those of auxiliary heads."""
    if not isinstance(outputs, tuple):
        return loss(outputs, target), outputs
    scores, *heads = outputs
    total = loss(scores, target)
    for head in heads:
        total = total + AUXILIARY * loss(head, target)
    return total, scores


class WeightAverage:
    """The exponential moving average of a model's weights and statistics: average += (1 - d) (weights - average).

    d is `decay`, and less in the first steps: min(decay, (1 + step) / (10 + step)).
    Raises ValueError for a decay outside 0..1.
    """

    def __init__(self, model: Any, decay: float) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"WeightAverage: decay={decay} must lie in [0, 1)")
        self.model, self.decay, self.steps = model, decay, 0
        self.values = {name: value.array.copy() for name, value in model.state_dict().items()}

    def update(self) -> None:
        """To be called after every step of the optimizer."""
        keep = min(self.decay, (1 + self.steps) / (10 + self.steps))
        self.steps += 1
        for name, value in self.model.state_dict().items():
            mean = self.values[name]
            if mean.dtype.kind == "f":
                mean += mean.dtype.type(1 - keep) * (value.array - mean)
            else:
                mean[...] = value.array

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within it the model has the averaged weights."""
        own = {name: value.array.copy() for name, value in self.model.state_dict().items()}
        self.model.load_state_dict(self.values)
        try:
            yield
        finally:
            self.model.load_state_dict(own)

    def state_dict(self) -> dict[str, Any]:
        """The averages and the number of steps."""
        return {"steps": self.steps, "values": dict(self.values)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores what `state_dict` gave."""
        self.steps = state["steps"]
        for name, value in state["values"].items():
            self.values[name][...] = np.asarray(value)


def head_of(model: Any) -> Any:
    """The layer that gives the class scores: the last linear one or convolution. ValueError if there is none."""
    layers = [layer for layer in model.modules() if isinstance(layer, (nn.Linear, nn.Conv2d))]
    if not layers:
        raise ValueError("head_of: the model has no linear layer and no convolution")
    return layers[-1]


def freeze(model: Any) -> None:
    """Only the head learns: all other parameters keep their values."""
    model.requires_grad_(False)
    head_of(model).requires_grad_(True)


def balanced_weights(labels: ArrayLike, classes: int) -> NDArray[np.float32]:
    """N / (K count[c]): rare classes count as much as frequent ones; classes without samples 0."""
    counts = np.bincount(np.asarray(labels, np.int64), minlength=classes)
    weights = np.divide(counts.sum(), classes * counts, out=np.zeros(classes), where=counts > 0)
    return weights.astype(np.float32)
