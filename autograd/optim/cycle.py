"""Cycles of learning rate and momentum: one over all steps of a training run, or many."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from autograd.optim.optimizer import Optimizer


def cosine(start: float, end: float, part: float) -> float:
    """From start to end as part goes from 0 to 1, flat at both ends."""
    return end + (start - end) / 2.0 * (math.cos(math.pi * part) + 1)


def straight(start: float, end: float, part: float) -> float:
    """From start to end as part goes from 0 to 1."""
    return (end - start) * part + start


ANNEAL = {"cos": cosine, "linear": straight}


class Cycle:
    """Mixed into LRScheduler (lr_scheduler.OneCycleLR and CyclicLR, which have the documentation)."""

    optimizer: Optimizer
    last_epoch: int
    base_lrs: list[float]
    use_beta1: bool

    def _find_momentum(self, optimizer: Optimizer) -> None:
        """Where the optimizer keeps what is cycled: `momentum`, or the first of `betas`."""
        self.use_beta1 = "betas" in optimizer.defaults
        if not self.use_beta1 and "momentum" not in optimizer.defaults:
            raise ValueError(
                f"{type(self).__name__}: {type(optimizer).__name__} has no momentum; use cycle_momentum=False"
            )

    def _set_momentum(self, group: dict[str, Any], momentum: float) -> None:
        if self.use_beta1:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum

    def _per_group(self, name: str, value: Any, optimizer: Optimizer) -> list[float]:
        """One value for all groups, or one for each."""
        count = len(optimizer.param_groups)
        if not isinstance(value, (list, tuple)):
            return [value] * count
        if len(value) != count:
            kind = type(self).__name__
            raise ValueError(f"{kind}: expected {count} values of {name}, one per group, got {len(value)}")
        return list(value)


class OneCycle(Cycle):
    """lr_scheduler.OneCycleLR without its base."""

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
        if self.cycle_momentum:
            self._find_momentum(optimizer)
        highest = self._per_group("max_lr", max_lr, optimizer)
        strongest = self._per_group("max_momentum", max_momentum, optimizer)
        weakest = self._per_group("base_momentum", base_momentum, optimizer)
        if last_epoch != -1:
            return
        for group, top, strong, weak in zip(optimizer.param_groups, highest, strongest, weakest):
            group["initial_lr"], group["max_lr"] = top / div_factor, top
            group["min_lr"] = group["initial_lr"] / final_div_factor
            if self.cycle_momentum:
                self._set_momentum(group, strong)
                group["max_momentum"], group["base_momentum"] = strong, weak

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


# How the height of a cycle shrinks, and what it depends on: the number of the cycle, or of the step.
HEIGHTS: dict[str, tuple[str, Callable[[float, float], float]]] = {
    "triangular": ("cycle", lambda gamma, n: 1.0),
    "triangular2": ("cycle", lambda gamma, n: 1 / 2.0 ** (n - 1)),
    "exp_range": ("iterations", lambda gamma, n: gamma**n),
}


class Cyclic(Cycle):
    """lr_scheduler.CyclicLR without its base."""

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        if scale_fn is None and mode not in HEIGHTS:
            raise ValueError(f"CyclicLR: mode must be one of {', '.join(HEIGHTS)}, got {mode!r}")
        self.up, self.total = step_size_up, step_size_up + (step_size_up if step_size_down is None else step_size_down)
        if step_size_up <= 0 or self.total < step_size_up:
            raise ValueError(f"CyclicLR: step sizes must be positive, got {step_size_up} and {step_size_down}")
        self.mode, self.gamma, self.scale_fn = mode, gamma, scale_fn
        self.scale_mode = scale_mode if scale_fn is not None else HEIGHTS[mode][0]
        self.cycle_momentum = cycle_momentum
        low = self._per_group("base_lr", base_lr, optimizer)
        self.max_lrs = self._per_group("max_lr", max_lr, optimizer)
        if cycle_momentum:
            self._find_momentum(optimizer)
            self.base_momentums = self._per_group("base_momentum", base_momentum, optimizer)
            self.max_momentums = self._per_group("max_momentum", max_momentum, optimizer)
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, low):
                group["lr"] = lr
        self.base_lrs = low
        super().__init__(optimizer, last_epoch)  # type: ignore[call-arg]
        self.base_lrs = low  # not what an earlier schedule began with

    def get_lr(self) -> list[float]:
        cycle = math.floor(1 + self.last_epoch / self.total)
        part = 1 + self.last_epoch / self.total - cycle
        peak = self.up / self.total
        height = part / peak if part <= peak else (part - 1) / (peak - 1)
        scale = self.scale_fn or (lambda n: HEIGHTS[self.mode][1](self.gamma, n))
        factor = scale(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            for group, low, high in zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums):
                self._set_momentum(group, high - (high - low) * height * factor)
        return [low + (high - low) * height * factor for low, high in zip(self.base_lrs, self.max_lrs)]
