"""The learning-rate range test: which rates make the loss fall   (Smith 2017)"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograd.bars import watched
from autograd.nn import functional as F
from autograd.train import random_state
from autograd.train.techniques import loss_of

SMOOTH = 0.9
DIVERGED = 4.0  # times the best loss
FELL = 0.99  # of the first loss, at least


class RateCurve(NamedTuple):
    """Learning rates, the smoothed loss at each, and the suggestion: a tenth of the rate at which it was lowest."""

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    suggestion: float


def find_rate(
    model: Any,
    optimizer: Any,
    loader: Any,
    loss: Callable[[Any, Any], Any] = F.cross_entropy,
    low: float = 1e-5,
    high: float = 1.0,
    steps: int = 100,
) -> RateCurve:
    """Trains for up to `steps` batches while the rate grows from `low` to `high`; then weights, optimizer, loader and
    random numbers are as before.

    Raises ValueError if the loss never fell.
    """
    if not 0 < low < high or steps < 10:
        raise ValueError(f"find_rate: 0 < low={low} < high={high} and steps={steps} >= 10 must hold")
    state = {name: value.array.copy() for name, value in model.state_dict().items()}
    kept, random, place = optimizer.state_dict(), random_state.read(), getattr(loader, "state_dict", lambda: None)()
    rates: list[float] = []
    losses: list[float] = []
    mean = 0.0
    try:
        model.train()
        for step, (x, y) in enumerate(watched(islice(_again(loader), steps), "range test", steps)):
            rate = low * (high / low) ** (step / (steps - 1))
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.zero_grad()
            value, _ = loss_of(loss, model(x), y)
            mean = SMOOTH * mean + (1 - SMOOTH) * value.item()
            smooth = mean / (1 - SMOOTH ** (step + 1))
            if losses and not smooth < DIVERGED * min(losses):
                break
            rates.append(rate)
            losses.append(smooth)
            value.backward()
            optimizer.step()
    finally:
        optimizer.zero_grad()
        model.load_state_dict(state)
        optimizer.load_state_dict(kept)
        random_state.write(random)
        if place is not None:
            loader.load_state_dict(place)
    best = int(np.argmin(losses)) if losses else 0
    if not losses or losses[best] > FELL * losses[0]:
        raise ValueError(f"find_rate: the loss never fell between the rates {low} and {high}")
    return RateCurve(np.array(rates), np.array(losses), rates[best] / 10)


def _again(loader: Any) -> Any:
    while True:
        yield from loader
