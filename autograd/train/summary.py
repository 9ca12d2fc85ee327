"""The layers of a model as a table: output shape, parameters, floating-point operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import autograd
from autograd.onnx.load import Graph
from autograd.profiler import profile


class LayerInfo(NamedTuple):
    """One call of a layer; flops counts the operations of the forward pass, as its ops declare it."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    flops: int


def summarize(model: Any, shape: Sequence[int]) -> list[LayerInfo]:
    """What every layer without sublayers does with an input of zeros (N, C, H, W), in the order of the calls.

    A layer that is called twice appears twice, with its parameters the first time. The mode and the statistics of the
    model stay as they are.
    """
    found: list[LayerInfo] = []
    counted: set[int] = set()
    work = profile()

    def forget(module: Any, args: Any) -> None:
        work.spans.clear()  # ops between layers belong to none

    def watch(name: str, layer: Any) -> Any:
        def hook(module: Any, args: Any, output: Any) -> None:
            own = [p for p in module.parameters() if id(p) not in counted]
            counted.update(map(id, own))
            size = sum(p.array.size for p in own)
            flops = int(sum(span.flops for span in work.spans if span.counted))
            found.append(LayerInfo(name, type(module).__name__, tuple(output.shape), size, flops))

        return layer.register_forward_hook(hook)

    if isinstance(model, Graph):
        return _summarize_graph(model, shape, work)
    leaves = [(name, layer) for name, layer in model.named_modules() if not list(layer.children())]
    handles = [watch(name, layer) for name, layer in leaves]
    handles += [layer.register_forward_pre_hook(forget) for _, layer in leaves]
    was_training = model.training
    try:
        with autograd.no_grad(), work:
            model.eval()(autograd.Tensor(np.zeros(tuple(shape), np.float32)))
    finally:
        model.train(was_training)
        for handle in handles:
            handle.remove()
    return found


def _summarize_graph(model: Graph, shape: Sequence[int], work: profile) -> list[LayerInfo]:
    """The nodes of an ONNX model, each with the parameters that it is the first to read."""
    found: list[LayerInfo] = []
    known = {id(p) for p in model.parameters()}
    values = {name: getattr(module, last) for name, (module, last) in model.places.items()}
    weights = {name: value.array.size for name, value in values.items() if id(value) in known}

    def watch(step: Any, values: dict[str, Any]) -> None:
        size = sum(weights.pop(name, 0) for name in step.inputs)
        flops = int(sum(span.flops for span in work.spans if span.counted))
        work.spans.clear()
        result = values.get(step.outputs[0])
        if isinstance(result, autograd.Tensor):
            found.append(LayerInfo(step.outputs[0], step.key[1], tuple(result.shape), size, flops))

    model.program.watch = watch
    try:
        with autograd.no_grad(), work:
            model(autograd.Tensor(np.zeros(tuple(shape), np.float32)))
    finally:
        model.program.watch = None
    return found


def format_summary(layers: Sequence[LayerInfo]) -> str:
    """The table as text, with totals."""
    name_width = max([5, *(len(layer.name) for layer in layers)])
    kind_width = max([4, *(len(layer.kind) for layer in layers)])
    shapes = [" x ".join(map(str, layer.shape)) for layer in layers]
    shape_width = max([6, *map(len, shapes)])
    lines = [
        f"{'layer':{name_width}}  {'kind':{kind_width}}  {'output':{shape_width}}  {'parameters':>12}  {'FLOPs':>16}"
    ]
    lines += [
        f"{layer.name:{name_width}}  {layer.kind:{kind_width}}  {shape:{shape_width}}  "
        f"{layer.parameters:12,}  {layer.flops:16,}"
        for layer, shape in zip(layers, shapes)
    ]
    parameters, flops = sum(layer.parameters for layer in layers), sum(layer.flops for layer in layers)
    gap = name_width + kind_width + shape_width + 4
    lines += ["-" * len(lines[0]), f"{'total':{gap}}  {parameters:12,}  {flops:16,}"]
    return "\n".join(lines)
