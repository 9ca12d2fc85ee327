# cython: annotation_typing=False
# (or a learning rate given as an int, an array or a tensor would become a float)
"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.kernels import sgd_step
from autograd.optim.many import kept
from autograd.optim.optimizer import Optimizer, Params
from autograd.tensor import Tensor


class SGD(Optimizer):
    """g += weight_decay p;  m = momentum m + (1 - dampening) g;  p -= lr m      (nesterov: p -= lr (g + momentum m))

    The first m is g. maximize: ascends. Sutskever et al. 2013, in PyTorch's form. foreach, differentiable and fused
    are accepted for PyTorch's sake: there is one implementation, which steps all parameters of a group at once.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def _check(self, group: dict[str, Any]) -> None:
        super()._check(group)
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError("SGD: nesterov needs a momentum above 0 and no dampening")

    def _update(
        self, group: dict[str, Any], params: list[Tensor], arrays: list[np.ndarray], grads: list[np.ndarray]
    ) -> None:
        momentum = group["momentum"]
        momenta: list[np.ndarray] | None = None
        first: list[bool] | bool = False
        if momentum:
            momenta, first = kept(self.state, params, "momentum_buffer")
        sgd_step(
            arrays,
            grads,
            momenta,
            group["lr"],
            momentum,
            group["dampening"],
            group["weight_decay"],
            group["nesterov"],
            first,
        )
