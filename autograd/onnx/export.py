"""export: a model as an ONNX file, by noting which ops it calls on an example input."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autograd.backends import flags
from autograd.errors import FormatError
from autograd.grad_mode import no_grad
from autograd.io.atomic import write_atomically
from autograd.nn.module import Module
from autograd.onnx.export_layers import Unsupported
from autograd.onnx.export_table import EXPORTS, REASONS
from autograd.onnx.proto import library
from autograd.op import Record, intercepted
from autograd.tensor import Tensor
from autograd.version import __version__

OPSET = 18


class Trace:
    """The nodes so far, and a name for every array that an op has met."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.names: dict[int, str] = {}
        self.kept: list[np.ndarray] = []  # an identity is one only while the array lives
        self.initialisers: dict[str, np.ndarray] = {}
        self.parameters: dict[int, str] = {}
        self.failure: str | None = None  # why the file cannot be written
        self.batch: tuple[str, int] | None = None  # the input whose first size is left open, and its size here

    def know(self, array: np.ndarray, name: str) -> str:
        self.names[id(array)] = name
        self.kept.append(array)
        return name

    def name(self, array: Any) -> str:
        """The name of an op's input: a value made before, a parameter, or a constant."""
        if array is None:
            return ""
        if not isinstance(array, np.ndarray):
            array = np.asarray(array)
        known = self.names.get(id(array))
        if known is not None:
            return known
        return self.constant(array, self.parameters.get(id(array)))

    def constant(self, array: Any, name: str | None = None) -> str:
        """A parameter as an initialiser under its own name; anything else as a Constant, which no importer trains."""
        dense = np.ascontiguousarray(array).reshape(np.shape(array))
        if name is None:
            name = self.emit("Constant", value=library().numpy_helper.from_array(dense))
        else:
            self.initialisers[name] = dense
        return self.know(array, name) if isinstance(array, np.ndarray) else name

    def ints(self, values: Any) -> str:
        return self.constant(np.asarray(list(values) if isinstance(values, (tuple, list)) else values, np.int64))

    def emit(
        self, kind: str, *inputs: str, out: str | None = None, outputs: int = 1, domain: str = "", **attrs: Any
    ) -> Any:
        """Adds a node; returns the name of its result, or names."""
        number = len(self.nodes)
        names = [out if out and i == 0 else f"{kind}_{number}" + (f"_{i}" if i else "") for i in range(outputs)]
        given = list(inputs)
        while given and not given[-1]:
            given.pop()
        attrs = {k: v for k, v in attrs.items() if v is not None}
        self.nodes.append(library().helper.make_node(kind, given, names, f"{kind}_{number}", domain=domain, **attrs))
        return names[0] if outputs == 1 else names

    # ------------------------------------------------------------------------------------- observing ops

    def watch(self, forward: Callable, record: Record) -> Callable:
        def observed(*arguments: Any, **given: Any) -> Any:
            results = forward(*arguments, **given)
            count = len(arguments) if record.variadic else len(record.inputs)
            inputs = [*arguments[:count], *[None] * (0 if record.variadic else count - len(arguments))]
            attrs = {**record.defaults, **given}
            if self.failure is None:
                try:
                    self.record(record, inputs, attrs, results)
                except Unsupported as error:
                    self.failure = f"{record.name} cannot be written: {error}"
            return results

        return observed

    def record(self, record: Record, inputs: list[Any], attrs: dict[str, Any], results: Any) -> None:
        outs = results if isinstance(results, tuple) else (results,)
        if not self._concerns(inputs):
            return  # made of constants alone: its result is one
        writer = EXPORTS.get(record.name)
        if writer is None and record.onnx and not record.attrs:
            names = [self.name(x) for x in self._alike(inputs)]
            made: Any = self.emit(record.onnx, *names)
        elif writer is not None:
            made = writer(self, inputs, attrs, outs)
        else:
            raise Unsupported(REASONS.get(record.name, "it has no counterpart in ONNX"))
        for array, name in zip(outs, made if isinstance(made, (list, tuple)) else [made]):
            if isinstance(array, np.ndarray) and name:
                self.know(array, name)

    def _concerns(self, inputs: Sequence[Any]) -> bool:
        """Whether any input depends on the model's inputs or parameters."""
        return any(isinstance(x, np.ndarray) and (id(x) in self.names or id(x) in self.parameters) for x in inputs)

    def _alike(self, inputs: Sequence[Any]) -> list[Any]:
        """Plain numbers take the dtype of the arrays beside them, as the op did."""
        dtypes = [x.dtype for x in inputs if isinstance(x, np.ndarray)]
        kind = np.result_type(*dtypes) if dtypes else np.dtype(np.float32)
        return [x if x is None or isinstance(x, np.ndarray) else np.asarray(x, kind) for x in inputs]


def export(
    model: Module | Callable[..., Any],
    args: Tensor | tuple[Any, ...],
    f: str | os.PathLike[str],
    *,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    dynamic_axes: Mapping[str, Any] | None = None,
    metadata: Mapping[str, str] | None = None,
    opset_version: int = OPSET,
    check: bool = True,
) -> None:
    """Writes `model` as an ONNX file (operator set 18), in evaluation mode, as it runs on the example inputs `args`.

    dynamic_axes: {"input": {0: "batch"}} or {"input": [0]}: axes whose size is left open. metadata: text by name that
    the file carries along. Parameters keep the names of
    the state dict. What Python decides (if, for) is written as it went for the example, as with torch.onnx's tracing.
    The file is checked with onnx.checker. Raises FormatError for ops that ONNX cannot express, naming the op.
    """
    if opset_version != OPSET:
        raise FormatError(f"export: writes operator set {OPSET}, not {opset_version}")
    onnx = library()
    proto = trace(model, args, input_names, output_names, dynamic_axes)
    onnx.helper.set_model_props(proto, dict(metadata or {}))
    if check:
        onnx.checker.check_model(proto, full_check=True)
    write_atomically(f, [proto.SerializeToString()])


def trace(
    model: Any, args: Any, input_names: Sequence[str] | None = None, output_names: Sequence[str] | None = None,
    dynamic_axes: Mapping[str, Any] | None = None,
) -> Any:  # fmt: skip
    """The ModelProto of a model on example inputs."""
    inputs = [x if isinstance(x, Tensor) else Tensor(x) for x in (args if isinstance(args, tuple) else (args,))]
    names = list(input_names or (["input"] if len(inputs) == 1 else [f"input_{i}" for i in range(len(inputs))]))
    t = Trace()
    if isinstance(model, Module):
        t.parameters = {id(v.array): n for n, v in model.state_dict(keep_vars=True).items()}
    # own memory for each: an op's view of an input must not be taken for the input
    inputs = [Tensor(x.array.copy()) for x in inputs]
    for x, name in zip(inputs, names):
        t.know(x.array, name)
        if t.batch is None and x.ndim and 0 in (dynamic_axes or {}).get(name, ()):
            t.batch = name, x.shape[0]
    training = getattr(model, "training", False)
    try:
        if isinstance(model, Module):
            model.eval()
        with no_grad(), flags(fusion=False), intercepted(t.watch):
            results = model(*inputs)
    finally:
        if isinstance(model, Module) and training:
            model.train()
    if t.failure is not None:
        raise FormatError(f"export: {t.failure}")
    outputs = list(results) if isinstance(results, (tuple, list)) else [results]
    wanted = list(output_names or (["output"] if len(outputs) == 1 else [f"output_{i}" for i in range(len(outputs))]))
    for tensor, name in zip(outputs, wanted):
        t.emit("Identity", t.name(tensor.array), out=name)
    return _model(t, dict(zip(names, inputs)), dict(zip(wanted, outputs)), dynamic_axes or {})


def _model(t: Trace, inputs: dict[str, Tensor], outputs: dict[str, Tensor], dynamic: Mapping[str, Any]) -> Any:
    onnx = library()

    def info(name: str, x: Tensor) -> Any:
        axes = dynamic.get(name, {})
        axes = axes if isinstance(axes, Mapping) else {a: f"{name}_{a}" for a in axes}
        shape = [axes.get(i, n) for i, n in enumerate(x.shape)]
        return onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(x.dtype), shape)

    used = {name for node in t.nodes for name in node.input}
    constants = [onnx.numpy_helper.from_array(a, n) for n, a in t.initialisers.items() if n in used]
    graph = onnx.helper.make_graph(
        t.nodes, "model", [info(n, x) for n, x in inputs.items()], [info(n, x) for n, x in outputs.items()], constants
    )
    opsets = [onnx.helper.make_opsetid("", OPSET)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, producer_name="cygrad", producer_version=__version__)
    model.ir_version = min(model.ir_version, 10)
    return model
