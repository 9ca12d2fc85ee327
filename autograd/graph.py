"""Looking at a recorded graph: what it keeps alive, and a drawing of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from autograd.errors import GraphError
from autograd.tensor import Tensor


def nodes(result: Tensor) -> Iterator[Any]:
    """The nodes that a result was made by, itself first, each once; leaves included."""
    if result.node is None:
        raise GraphError("graph: this tensor does not require gradients, so it has no graph")
    seen, stack = {id(result.node)}, [result.node]
    while stack:
        node = stack.pop()
        yield node
        for edge in node.edges or ():
            if edge is not None and id(edge) not in seen:
                seen.add(id(edge))
                stack.append(edge)


def _owner(array: np.ndarray) -> np.ndarray:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def saved_bytes(result: Tensor) -> int:
    """Bytes of all arrays that the graph keeps for the backward pass, shared memory counted once.

    Parameters and inputs that ops have saved count too: they are kept alive as well.
    """
    arrays = {}
    for node in nodes(result):
        for item in node.saved_values:
            array = item.array if isinstance(item, Tensor) else getattr(item, "array", item)
            if isinstance(array, np.ndarray):
                owner = _owner(array)
                arrays[id(owner)] = owner.nbytes
    return sum(arrays.values())


def dot(result: Tensor) -> str:
    """The graph in Graphviz's language: ops as boxes with the shape of their result, leaves as ellipses."""
    lines = ["digraph {", "  rankdir=BT; node [fontname=monospace];"]
    for node in nodes(result):
        shape = " ".join(map(str, node.shape)) or "number"
        label, form = (f"{node.op.name}\\n{shape}", "box") if node.op is not None else (shape, "ellipse")
        lines.append(f'  n{node.seq} [label="{label}", shape={form}];')
        lines += [f"  n{edge.seq} -> n{node.seq};" for edge in node.edges or () if edge is not None]
    return "\n".join([*lines, "}"])
