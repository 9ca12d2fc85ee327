"""A graph of ONNX nodes as a list of steps, each a call of one function of the operator table."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autograd.errors import FormatError
from autograd.halves import is_half, widened
from autograd.onnx.proto import array_of, library, operator_set
from autograd.onnx.table import HALF_AWARE, OPERATORS
from autograd.shapes import near
from autograd.tensor import Tensor

# Attributes that some exporters write although they mean nothing to the operator.
IGNORED = {"Add": {"axis", "broadcast"}, "Mul": {"axis", "broadcast"}, "Dropout": {"is_test"}, "Gemm": {"broadcast"}}


class Step:
    """One node: its function, the names it reads and writes, and the names nobody reads afterwards."""

    def __init__(self, node: Any, scope: Scope) -> None:
        self.label = f"{node.op_type} {node.name!r}" if node.name else node.op_type
        self.key = (node.domain if node.domain != "ai.onnx" else "", node.op_type)
        self.inputs = list(node.input)
        self.outputs = list(node.output)
        self.attrs = {a.name: _attribute(a, scope) for a in node.attribute}
        self.function = scope.find(node)
        self.asks = _keywords(self.function)
        self.unused: list[str] = []
        for name in IGNORED.get(node.op_type, ()):
            self.attrs.pop(name, None)
        unknown = [n for n in self.attrs if n not in self.asks and "attrs" not in self.asks]
        if unknown:
            raise FormatError(f"{self.label}: attribute {unknown[0]!r} is not known{near(unknown[0], self.asks)}")
        self.half = self.key[1] not in HALF_AWARE
        self.context = {"opset": scope.opsets.get(self.key[0], 0), "outputs": len(self.outputs)}

    def run(self, values: dict[str, Any], training: bool) -> None:
        inputs = [values[name] if name else None for name in self.inputs]
        extra = {k: v for k, v in {**self.context, "training": training, "scope": values}.items() if k in self.asks}
        if "attrs" in self.asks:
            extra["attrs"] = self.attrs
            results = self._call(inputs, extra)
        else:
            results = self._call(inputs, {**extra, **self.attrs})
        for name, result in zip(self.outputs, results if isinstance(results, tuple) else (results,)):
            if name:
                values[name] = result

    def _call(self, inputs: list[Any], keywords: dict[str, Any]) -> Any:
        half = next((x.dtype for x in inputs if isinstance(x, Tensor) and is_half(x.dtype)), None)
        if half is None or not self.half:
            return self.function(*inputs, **keywords)
        # float16 and bfloat16 are for storage: arithmetic is done in float32
        wide = [widened(x) if isinstance(x, Tensor) else x for x in inputs]
        results = self.function(*wide, **keywords)
        results = results if isinstance(results, tuple) else (results,)
        return tuple(r.astype(half) if isinstance(r, Tensor) and r.dtype == np.float32 else r for r in results)


class Scope:
    """What nodes may refer to: operator sets by domain, and the model's own functions."""

    def __init__(
        self,
        opsets: Mapping[str, int],
        functions: Mapping[tuple[str, str], Any],
        mapped: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self.opsets = dict(opsets)
        self.functions = functions
        self.mapped = mapped or {}

    def array(self, tensor: Any) -> np.ndarray:
        """A constant of the model, from the file itself or mapped from another."""
        return self.mapped[tensor.name] if tensor.name in self.mapped else array_of(tensor)

    def find(self, node: Any) -> Callable[..., Any]:
        """The function for a node: the table's, the model's own, or the body that the standard gives for it."""
        domain = node.domain if node.domain != "ai.onnx" else ""
        own = self.functions.get((domain, node.op_type))
        if own is not None:
            return Body(own, node, self)
        name = node.op_type if not domain else f"{domain}.{node.op_type}"
        if name in OPERATORS:
            return OPERATORS[name]
        schema = self._schema(node, domain)
        if schema.has_function:
            defaults = [a.default_value for a in schema.attributes.values() if a.default_value.name]
            return Body(schema.function_body, node, self, defaults)
        if schema.has_context_dependent_function:
            return TypedBody(schema, node, self)
        raise FormatError(f"{name}: this operator is not supported{near(name, OPERATORS)}")

    def _schema(self, node: Any, domain: str) -> Any:
        onnx = library()
        try:
            return onnx.defs.get_schema(node.op_type, self.opsets.get(domain, 1), domain)
        except onnx.defs.SchemaError:
            raise FormatError(f"{domain or 'ai.onnx'} has no operator {node.op_type!r}") from None


class Program:
    """The steps of a graph; values of an outer graph may be read by name."""

    def __init__(self, graph: Any, scope: Scope) -> None:
        self.inputs = [v.name for v in graph.input]
        self.outputs = [v.name for v in graph.output]
        self.constants = {t.name: Tensor(scope.array(t)) for t in graph.initializer}
        self.steps = [Step(node, scope) for node in graph.node]
        self.watch: Callable[[Step, dict[str, Any]], None] | None = None  # told of each step and the values so far
        self._plan_release()

    def _plan_release(self) -> None:
        """Notes behind each step which of this graph's own values are read for the last time."""
        made = {name for step in self.steps for name in step.outputs if name} - set(self.outputs)
        for step in reversed(self.steps):
            read = {name for name in (*step.inputs, *step.outputs) if name in made} | (made & free_names(step))
            step.unused = sorted(read)
            made -= read

    def run(self, values: dict[str, Any], training: bool) -> list[Any]:
        """The outputs; `values` holds the inputs and what the graph reads from outside, and is used up."""
        for name, constant in self.constants.items():
            values.setdefault(name, constant)
        for step in self.steps:
            try:
                step.run(values, training)
            except KeyError as error:
                if error.args and error.args[0] in step.inputs:
                    raise FormatError(f"{step.label}: reads {error.args[0]!r}, which nothing has made") from None
                raise
            if self.watch is not None:
                self.watch(step, values)
            for name in step.unused:
                values.pop(name, None)
        return [values[name] for name in self.outputs]

    def call(self, scope: Mapping[str, Any], arguments: Sequence[Any], training: bool) -> list[Any]:
        """As the body of If, Loop or Scan: with arguments, seeing the values around it."""
        return self.run({**scope, **dict(zip(self.inputs, arguments))}, training)


def free_names(step: Step) -> set[str]:
    """Names that the bodies of a step may read."""
    found: set[str] = set()
    for value in step.attrs.values():
        if isinstance(value, Program):
            for inner in value.steps:
                found |= {name for name in inner.inputs if name} | free_names(inner)
            found |= set(value.outputs)
    return found


class Body:
    """A function of nodes (FunctionProto) as a function of values."""

    def __init__(self, function: Any, node: Any, scope: Scope, defaults: Sequence[Any] = ()) -> None:
        given = {a.name: a for a in (*defaults, *function.attribute_proto, *node.attribute)}
        opsets = {i.domain: i.version for i in function.opset_import} or scope.opsets
        inner = Scope({**scope.opsets, **opsets}, scope.functions, scope.mapped)
        self.inputs, self.outputs = list(function.input), list(function.output)
        self.steps = [Step(_with_attributes(n, given), inner) for n in function.node]

    def __call__(self, *inputs: Any, attrs: Any = None, training: bool = False) -> tuple[Any, ...]:
        values = dict(zip(self.inputs, (*inputs, *[None] * (len(self.inputs) - len(inputs)))))
        for step in self.steps:
            step.run(values, training)
        return tuple(values.get(name) for name in self.outputs)


class TypedBody:
    """An operator whose body depends on the types of its inputs; made when they are known, once for each."""

    def __init__(self, schema: Any, node: Any, scope: Scope) -> None:
        self.schema, self.node, self.scope = schema, node, scope
        self.bodies: dict[tuple[Any, ...], Body] = {}

    def __call__(self, *inputs: Any, attrs: Any = None, training: bool = False) -> tuple[Any, ...]:
        onnx = library()
        types = tuple(None if x is None else (onnx.helper.np_dtype_to_tensor_dtype(x.dtype), x.shape) for x in inputs)
        if types not in self.bodies:
            protos = [
                (onnx.TypeProto() if t is None else onnx.helper.make_tensor_type_proto(*t)).SerializeToString()
                for t in types
            ]
            version = self.scope.opsets.get(operator_set(self.node.domain), 1)
            text = self.schema.get_context_dependent_function_with_opset_version(
                version, self.node.SerializeToString(), protos
            )
            self.bodies[types] = Body(onnx.FunctionProto.FromString(text), self.node, self.scope)
        return self.bodies[types](*inputs, training=training)


def _with_attributes(node: Any, given: Mapping[str, Any]) -> Any:
    """A copy of a function's node with the call's attributes in place of references to them."""
    onnx = library()
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    del copy.attribute[:]
    for attribute in node.attribute:
        if not attribute.ref_attr_name:
            kept = copy.attribute.add()
            kept.CopyFrom(attribute)
            if attribute.type == onnx.AttributeProto.GRAPH:
                inner = [_with_attributes(n, given) for n in attribute.g.node]
                del kept.g.node[:]
                kept.g.node.extend(inner)
        elif attribute.ref_attr_name in given:
            kept = copy.attribute.add()
            kept.CopyFrom(given[attribute.ref_attr_name])
            kept.name = attribute.name
    return copy


def _keywords(function: Callable[..., Any]) -> set[str]:
    parameters = inspect.signature(function).parameters.values()
    return {p.name for p in parameters if p.kind is p.KEYWORD_ONLY}


def _attribute(attribute: Any, scope: Scope) -> Any:
    onnx = library()
    kinds = onnx.AttributeProto
    if attribute.type == kinds.GRAPH:
        return Program(attribute.g, scope)
    if attribute.type == kinds.TENSOR:
        return scope.array(attribute.t)
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode()
    if attribute.type == kinds.STRINGS:
        return [v.decode() for v in value]
    return list(value) if attribute.type in (kinds.INTS, kinds.FLOATS) else value
