"""torch.autograd's names, for scripts that say `import autograd as torch`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd import func as functional
from autograd import graph
from autograd.anomaly import AnomalyError, detect_anomaly, set_detect_anomaly
from autograd.checking.gradcheck import gradcheck, gradgradcheck
from autograd.function import Function
from autograd.grad_mode import enable_grad, grad, inference_mode, no_grad, set_grad_enabled
from autograd.tensor import Tensor


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Adds the gradients of several results to the `grad` of every leaf, as Tensor.backward does for one."""
    roots = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    seeds = [None] * len(roots) if grad_tensors is None else grad_tensors
    seeds = list(seeds) if isinstance(seeds, (list, tuple)) else [seeds]
    last = len(roots) - 1
    for i, (y, g) in enumerate(zip(roots, seeds)):
        y.backward(g, retain_graph=True if i < last else retain_graph, create_graph=create_graph, inputs=inputs)


def Variable(data: Any, requires_grad: bool = False) -> Tensor:
    """The tensor, as in PyTorch since tensors remember how they were made: for old scripts."""
    return Tensor(data, requires_grad=requires_grad)


__all__ = [
    "AnomalyError",
    "Function",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
]
