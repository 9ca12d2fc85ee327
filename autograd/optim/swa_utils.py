"""Averaged weights: a model whose parameters are the mean of another's over training, torch.optim.swa_utils.

Izmailov et al., Averaging Weights Leads to Wider Optima and Better Generalization, UAI 2018.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from autograd.grad_mode import no_grad
from autograd.nn.module import Module
from autograd.nn.norm import _BatchNorm
from autograd.optim.lr_scheduler import LRScheduler
from autograd.optim.optimizer import Optimizer
from autograd.shapes import names_only
from autograd.tensor import Tensor

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]

Average = Callable[[Tensor, Tensor, Any], Tensor]
ManyAverages = Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]


def get_swa_avg_fn() -> Average:
    """average + (new - average) / (n + 1): the mean of all."""
    return lambda average, new, n: average + (new - average) / (int(n) + 1)


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """decay average + (1 - decay) new: the exponential moving average."""
    if not 0 <= decay <= 1:
        raise ValueError(f"decay is {decay}, expected a number in [0, 1]")
    return lambda average, new, n: average + (new - average) * (1 - decay)


def _many(function: Average) -> ManyAverages:
    def update(averages: Sequence[Tensor], news: Sequence[Tensor], n: Any) -> None:
        for average, new in zip(averages, news):
            with no_grad():
                average.copy_(function(average, new, n))

    return update


def get_swa_multi_avg_fn() -> ManyAverages:
    """get_swa_avg_fn for lists, in place."""
    return _many(get_swa_avg_fn())


def get_ema_multi_avg_fn(decay: float = 0.999) -> ManyAverages:
    """get_ema_avg_fn for lists, in place."""
    return _many(get_ema_avg_fn(decay))


class AveragedModel(Module):
    """A copy of the model, whose parameters update_parameters(model) makes the average of the model's so far.

    avg_fn(average, new, number averaged before), or multi_avg_fn for lists in place, says which average; by default the
    mean. use_buffers: buffers (running statistics) are averaged, too, and not copied.
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Average | None = None,
        multi_avg_fn: ManyAverages | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise ValueError("AveragedModel: give avg_fn or multi_avg_fn, not both")
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module.to(device)
        self.register_buffer("n_averaged", Tensor(np.zeros((), np.int64)))
        self._update = multi_avg_fn or _many(avg_fn or get_swa_avg_fn())
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Takes the model's present parameters into the average."""
        own: list[Tensor] = [*self.module.parameters()]
        news: list[Tensor] = [*model.parameters()]
        buffers = list(zip(self.module.buffers(), model.buffers()))
        if self.use_buffers:
            own += self.module.buffers()
            news += model.buffers()
            buffers = []
        if [x.shape for x in own] != [x.shape for x in news]:
            raise ValueError("update_parameters: the model is not of the structure that is averaged")
        with no_grad():
            if int(self.n_averaged) == 0:
                buffers = [*buffers, *zip(own, news)]
            else:
                self._update([x.detach() for x in own], [x.detach() for x in news], self.n_averaged)
            for mine, theirs in buffers:
                mine.detach().copy_(theirs)
            self.n_averaged += 1


class SWALR(LRScheduler):
    """Each group's rate goes to swa_lr in anneal_epochs epochs, along a cosine or a line, and stays there."""

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | Sequence[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"SWALR: anneal_strategy is {anneal_strategy!r}, expected 'cos' or 'linear'")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"SWALR: anneal_epochs is {anneal_epochs!r}, expected an int of at least 0")
        groups = optimizer.param_groups
        rates = list(swa_lr) if isinstance(swa_lr, (tuple, list)) else [swa_lr] * len(groups)
        if len(rates) != len(groups):
            raise ValueError(f"SWALR: {len(rates)} rates for {len(groups)} groups")
        for group, rate in zip(groups, rates):
            group["swa_lr"] = rate
        self.anneal_epochs, self.anneal_strategy = anneal_epochs, anneal_strategy
        super().__init__(optimizer, last_epoch)

    def _weight(self, step: int) -> float:
        """How much of swa_lr the rate is after this many steps."""
        t = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return (1 - math.cos(math.pi * t)) / 2 if self.anneal_strategy == "cos" else t

    def get_lr(self) -> list[float]:
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._weight(step - 1), self._weight(step)
        rates = []
        for group in self.optimizer.param_groups:
            target, lr = group["swa_lr"], group["lr"]
            start = target if before == 1 else (lr - before * target) / (1 - before)
            rates.append(target * now + start * (1 - now))
        return rates


def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Computes the running statistics of batch norms anew, as means over the batches of the loader, in one pass.

    A batch is the model's argument, or a tuple or list of which it is the first.
    """
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    modes = [(module, module.training) for module in model.modules()]
    try:
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean
        model.train()
        with no_grad():
            for batch in loader:
                x = batch[0] if isinstance(batch, (tuple, list)) else batch
                model(x if device is None else x.to(device))
    finally:
        for norm, momentum in zip(norms, momenta):
            norm.momentum = momentum
        for module, mode in modes:
            module.training = mode


__getattr__ = names_only("autograd.optim.swa_utils", __all__)
