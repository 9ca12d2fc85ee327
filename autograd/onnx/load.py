"""load: an ONNX file as a module whose weights are parameters under their own names."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from autograd.errors import FormatError, MissingExtraError, ShapeError
from autograd.nn.module import Module, Parameter
from autograd.onnx.program import Program, Scope
from autograd.onnx.proto import operator_set, read_model
from autograd.onnx.values import tensor
from autograd.tensor import Tensor

# Inputs that are settings rather than weights, by operator: their initialisers are buffers.
SETTINGS = {
    "BatchNormalization": (3, 4), "Resize": (1, 2, 3), "Clip": (1, 2), "Pad": (2,), "QuantizeLinear": (1, 2),
    "DequantizeLinear": (1, 2), "Dropout": (1, 2), "Range": (0, 1, 2), "Upsample": (1,), "Pow": (1,),
}  # fmt: skip


class Graph(Module):
    """An ONNX model: called with its inputs in order, or by name; gives its output, or a tuple of several.

    Floating-point initialisers that the operators use as weights are Parameters, so the model can be trained; in
    training mode batch norm uses and updates statistics and dropout is active. Dotted names become submodules:
    the state dict has the names of the file.
    """

    def __init__(self, model: Any, mapped: dict[str, np.ndarray] | None = None) -> None:
        super().__init__()
        opsets = {operator_set(i.domain): i.version for i in model.opset_import} or {"": 1}
        functions = {(operator_set(f.domain), f.name): f for f in model.functions}
        self.program = Program(model.graph, Scope(opsets, functions, mapped))
        constants = self.program.constants
        self.input_names = [name for name in self.program.inputs if name not in constants]
        self.input_shapes = {
            v.name: tuple(d.dim_value or None for d in v.type.tensor_type.shape.dim)
            for v in model.graph.input
            if v.type.tensor_type.HasField("shape")
        }  # None: a size that is left open
        self.output_names = self.program.outputs
        self.metadata = {entry.key: entry.value for entry in model.metadata_props}
        self.places: dict[str, tuple[Module, str]] = {}
        settings = {
            name
            for step in self.program.steps
            for i, name in enumerate(step.inputs)
            if i in SETTINGS.get(step.key[1], ())
        }
        for name in list(constants):
            if constants[name].dtype.kind == "f":
                self._adopt(name, constants.pop(name), constants, settings)

    def _own_place(self, name: str) -> tuple[Module, str]:
        """The submodule and the attribute for a dotted name."""
        module: Module = self
        *folders, last = name.split(".")
        for folder in folders:
            inner = getattr(module, folder, None)
            if inner is None:
                inner = Module()
                module.add_module(folder, inner)
            if not isinstance(inner, Module):
                return self, name.replace(".", "_")
            module = inner
        return module, last or "_"

    def _adopt(self, name: str, value: Tensor, constants: dict[str, Tensor], settings: set[str]) -> None:
        module, last = self._own_place(name)
        if hasattr(module, last):
            last = f"{last}_"
        if value.ndim and name not in settings and value.dtype in (np.float32, np.float64):
            module.register_parameter(last, Parameter(value))
        elif value.ndim and value.dtype in (np.float32, np.float64):
            module.register_buffer(last, value)
        else:
            constants[name] = value
            return
        self.places[name] = module, last

    def forward(self, *inputs: Any, **named: Any) -> Any:
        values = dict(zip(self.input_names, inputs))
        if len(inputs) > len(self.input_names) or not set(named) <= {*self.input_names, *self.places}:
            raise TypeError(f"this model takes {', '.join(self.input_names)}; got {len(inputs)} and {list(named)}")
        values |= named
        missing = [name for name in self.input_names if name not in values]
        if missing:
            raise TypeError(f"this model takes {', '.join(self.input_names)}; {missing[0]!r} is missing")
        values = {
            name: tensor(v) if isinstance(v, np.ndarray) and v.dtype != object else v for name, v in values.items()
        }
        for name, shape in self.input_shapes.items():
            x = values.get(name)
            if isinstance(x, Tensor) and x.ndim != len(shape):
                raise ShapeError(f"{name} has {x.ndim} dimensions, the model expects {len(shape)}  [{name}: {x.shape}]")
        for name, (module, last) in self.places.items():
            values.setdefault(name, getattr(module, last))
        results = self.program.run(values, self.training)
        return results[0] if len(results) == 1 else tuple(results)


def load(path: str | os.PathLike[str] | bytes | Any, *, external_data: bool = False) -> Graph:
    """The model in an ONNX file (a path, bytes, or a ModelProto), in evaluation mode.

    external_data: also map weights that lie in other files, which must be plain files in the same folder and must not
    shrink while the model is in use.
    Raises FormatError for files that are no sound models and for operators that are not supported.
    """
    what = os.fspath(path) if isinstance(path, (str, os.PathLike)) else "the model"
    try:
        graph = Graph(*read_model(path, external_data))
    except (OSError, MemoryError, MissingExtraError):
        raise
    except Exception as error:  # whatever a bad file provokes
        raise FormatError(f"{what}: {error or type(error).__name__}") from None
    graph.eval()
    return graph
