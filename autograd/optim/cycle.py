"""The one-cycle policy: learning rate and momentum over all steps of a training run."""

from __future__ import annotations

import math
from typing import Any

from autograd.optim.optimizer import Optimizer


def cosine(start: float, end: float, part: float) -> float:
    """From start to end as part goes from 0 to 1, flat at both ends."""
    return end + (start - end) / 2.0 * (math.cos(math.pi * part) + 1)


def straight(start: float, end: float, part: float) -> float:
    """From start to end as part goes from 0 to 1."""
    return (end - start) * part + start


ANNEAL = {"cos": cosine, "linear": straight}


def per_group(name: str, value: Any, count: int) -> list[float]:
    """One value for all groups, or one for each."""
    if not isinstance(value, (list, tuple)):
        return [value] * count
    if len(value) != count:
        raise ValueError(f"OneCycleLR: expected {count} values of {name}, one per group, got {len(value)}")
    return list(value)


class OneCycle:
    """Mixed into LRScheduler (lr_scheduler.OneCycleLR, which has the documentation)."""

    optimizer: Optimizer
    last_epoch: int

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR: give total_steps, or epochs and steps_per_epoch")
            total_steps = epochs * steps_per_epoch
        if total_steps < 1 or total_steps != int(total_steps):
            raise ValueError(f"OneCycleLR: the number of steps must be a positive int, got {total_steps}")
        if not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: pct_start must be in [0, 1], got {pct_start}")
        if anneal_strategy not in ANNEAL:
            raise ValueError(f"OneCycleLR: anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}")
        self.total_steps, self.anneal_strategy = total_steps, anneal_strategy
        self.cycle_momentum = cycle_momentum
        up = float(pct_start * total_steps) - 1
        # (last step, rate at start, rate at end, momentum at start, momentum at end) as names in the group
        self.phases = [(up, "initial_lr", "max_lr", "max_momentum", "base_momentum")]
        if three_phase:
            down = float(2 * pct_start * total_steps) - 2
            self.phases += [
                (down, "max_lr", "initial_lr", "base_momentum", "max_momentum"),
                (total_steps - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum"),
            ]
        else:
            self.phases += [(total_steps - 1, "max_lr", "min_lr", "base_momentum", "max_momentum")]
        self._start(optimizer, max_lr, base_momentum, max_momentum, div_factor, final_div_factor, last_epoch)
        super().__init__(optimizer, last_epoch)  # type: ignore[call-arg]

    def _start(
        self,
        optimizer: Optimizer,
        max_lr: Any,
        base_momentum: Any,
        max_momentum: Any,
        div_factor: float,
        final_div_factor: float,
        last_epoch: int,
    ) -> None:
        """Writes the cycle's corner values into the groups."""
        groups = optimizer.param_groups
        self.use_beta1 = "betas" in optimizer.defaults
        if self.cycle_momentum and not self.use_beta1 and "momentum" not in optimizer.defaults:
            raise ValueError(f"OneCycleLR: {type(optimizer).__name__} has no momentum; use cycle_momentum=False")
        highest = per_group("max_lr", max_lr, len(groups))
        strongest = per_group("max_momentum", max_momentum, len(groups))
        weakest = per_group("base_momentum", base_momentum, len(groups))
        if last_epoch != -1:
            return
        for group, top, strong, weak in zip(groups, highest, strongest, weakest):
            group["initial_lr"], group["max_lr"] = top / div_factor, top
            group["min_lr"] = group["initial_lr"] / final_div_factor
            if self.cycle_momentum:
                self._set_momentum(group, strong)
                group["max_momentum"], group["base_momentum"] = strong, weak

    def _set_momentum(self, group: dict[str, Any], momentum: float) -> None:
        if self.use_beta1:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum

    def get_lr(self) -> list[float]:
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(f"OneCycleLR: step {step} of a cycle of {self.total_steps}; give the full total_steps")
        anneal = ANNEAL[self.anneal_strategy]
        begin, (end, low, high, strong, weak) = 0.0, self.phases[0]
        for following in self.phases[1:]:
            if step <= end:
                break
            begin, (end, low, high, strong, weak) = end, following
        part = (step - begin) / (end - begin)
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(anneal(group[low], group[high], part))
            if self.cycle_momentum:
                self._set_momentum(group, anneal(group[strong], group[weak], part))
        return rates
