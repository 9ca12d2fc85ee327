"""Gradient flow: how large gradients and updates are, layer by layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


class GradientFlow:
    """Means over an epoch of ||g|| and ||dw|| / ||w|| for every weight (parameters of two or more axes).

    Reads every `every`-th step, since norms cost a pass over the weights. Norms are summed in float64, so that what is
    read is the same for any number of threads.
    """

    def __init__(self, parameters: Iterable[tuple[str, Any]], every: int = 10) -> None:
        if every < 1:
            raise ValueError(f"GradientFlow: every={every} must be at least 1")
        self.parameters = [(name, p) for name, p in parameters if p.ndim >= 2]
        self.every = every
        self.reset()

    def reset(self) -> None:
        """Starts a new epoch."""
        self.reads = 0
        self.norms = {name: 0.0 for name, _ in self.parameters}
        self.ratios = {name: 0.0 for name, _ in self.parameters}

    def before(self, step: int) -> list[NDArray[Any]] | None:
        """To be called between backward and the optimizer's step; what it returns goes to `after`."""
        if step % self.every or not self.parameters:
            return None
        for name, p in self.parameters:
            self.norms[name] += 0.0 if p.grad is None else norm(p.grad.array)
        return [p.array.copy() for _, p in self.parameters]

    def after(self, before: list[NDArray[Any]] | None) -> None:
        """To be called after the optimizer's step."""
        if before is None:
            return
        self.reads += 1
        for (name, p), old in zip(self.parameters, before, strict=True):
            self.ratios[name] += norm(p.array - old) / max(norm(old), 1e-12)

    def means(self) -> dict[str, dict[str, float]]:
        """{"gradient_norms": {name: mean}, "update_ratios": {name: mean}} of the epoch so far."""
        count = max(self.reads, 1)
        return {
            "gradient_norms": {name: total / count for name, total in self.norms.items()},
            "update_ratios": {name: total / count for name, total in self.ratios.items()},
        }

    def state_dict(self) -> dict[str, Any]:
        """The sums so far."""
        return {"reads": self.reads, "norms": dict(self.norms), "ratios": dict(self.ratios)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores what `state_dict` gave."""
        self.reads, self.norms, self.ratios = state["reads"], dict(state["norms"]), dict(state["ratios"])


def norm(array: NDArray[Any]) -> float:
    """sqrt(sum x^2), summed in float64."""
    wide = np.ascontiguousarray(array, dtype=np.float64).ravel()
    return float(np.sqrt(np.add.reduce(wide * wide)))
