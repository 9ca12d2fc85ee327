"""Adam and AdamW."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import kernels
from autograd.optim.many import count_steps
from autograd.optim.optimizer import Optimizer, Params
from autograd.tensor import Tensor


class Adam(Optimizer):
    """m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2;  p -= lr m/(1-b1^t) / (sqrt(v/(1-b2^t)) + eps)

    weight_decay is added to g. amsgrad: the largest v so far (Reddi et al. 2018). Kingma, Ba 2015. foreach, capturable,
    differentiable and fused are accepted for PyTorch's sake: there is one implementation.
    """

    decoupled = False

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay or self.decoupled,
        }
        super().__init__(params, defaults)

    def _update(
        self, group: dict[str, Any], params: list[Tensor], arrays: list[np.ndarray], grads: list[np.ndarray]
    ) -> None:
        beta1, beta2 = group["betas"]
        kernels.adam_step(
            arrays,
            grads,
            self._kept("exp_avg", params),
            self._kept("exp_avg_sq", params),
            count_steps(self.state, params),
            group["lr"],
            beta1,
            beta2,
            group["eps"],
            group["weight_decay"],
            group["decoupled_weight_decay"],
            self._kept("max_exp_avg_sq", params) if group["amsgrad"] else None,
        )


class AdamW(Adam):
    """Adam with decoupled weight decay: p -= lr weight_decay p before the step   (Loshchilov, Hutter 2019)"""

    decoupled = True

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
        )
