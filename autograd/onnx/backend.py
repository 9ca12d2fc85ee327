"""onnx.backend.base.Backend: what ONNX's own test suite and other tools call."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx.backend.base import Backend as BaseBackend
from onnx.backend.base import BackendRep

from autograd.grad_mode import no_grad
from autograd.onnx.load import Graph
from autograd.onnx.values import tensor
from autograd.tensor import Tensor


def _inside(value: Any) -> Any:
    if isinstance(value, list):
        return [_inside(v) for v in value]
    if value is None or (isinstance(value, np.ndarray) and value.dtype.kind in "OUS"):
        return value
    return tensor(value)


def _outside(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_outside(v) for v in value]
    return value.array if isinstance(value, Tensor) else value


class Prepared(BackendRep):  # type: ignore[misc]
    """A model that can be run many times."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Any, ...]:
        given = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        with no_grad():
            results = self.graph(*map(_inside, given))
        results = results if isinstance(results, tuple) else (results,)
        return tuple(map(_outside, results))


class Backend(BaseBackend):  # type: ignore[misc]
    """Runs ONNX models on the CPU with cygrad's kernels."""

    @classmethod
    def prepare(cls, model: Any, device: str = "CPU", **kwargs: Any) -> Prepared:
        graph = Graph(model)
        graph.eval()
        return Prepared(graph)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        return device == "CPU"


prepare = Backend.prepare
run_model = Backend.run_model
supports_device = Backend.supports_device
