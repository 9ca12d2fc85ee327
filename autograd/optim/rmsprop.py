"""RMSprop."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import kernels
from autograd.optim.many import count_steps
from autograd.optim.optimizer import Optimizer, Params
from autograd.tensor import Tensor


class RMSprop(Optimizer):
    """v = alpha v + (1-alpha) g^2;  p -= lr g / (sqrt(v) + eps)

    centered: v minus the squared running mean of g (Graves 2013). momentum: b = momentum b + g / (sqrt(v) + eps);
    p -= lr b. weight_decay is added to g. Hinton 2012, in PyTorch's form. foreach, capturable and differentiable are
    accepted for PyTorch's sake: there is one implementation.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _check(self, group: dict[str, Any]) -> None:
        super()._check(group)
        if not group["alpha"] >= 0:
            raise ValueError(f"RMSprop: alpha must be at least 0, got {group['alpha']!r}")

    def _update(
        self, group: dict[str, Any], params: list[Tensor], arrays: list[np.ndarray], grads: list[np.ndarray]
    ) -> None:
        count_steps(self.state, params)
        kernels.rmsprop_step(
            arrays,
            grads,
            self._kept("square_avg", params),
            group["lr"],
            group["alpha"],
            group["eps"],
            group["weight_decay"],
            self._kept("momentum_buffer", params) if group["momentum"] > 0 else None,
            group["momentum"],
            self._kept("grad_avg", params) if group["centered"] else None,
        )
