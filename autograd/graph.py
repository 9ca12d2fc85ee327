"""Looking at a recorded graph: what it keeps alive, and a drawing of it."""

from __future__ import annotations

import html
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograd.errors import GraphError
from autograd.tape import observe
from autograd.tensor import Tensor
from autograd.value import Node, owner


def nodes(result: Tensor) -> Iterator[Node]:
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


def saved_bytes(result: Tensor) -> int:
    """Bytes of all arrays that the graph keeps for the backward pass, shared memory counted once.

    Parameters and inputs that ops have saved count too: they are kept alive as well.
    """
    arrays = {}
    for node in nodes(result):
        for item in node.saved_values:
            array = item.array if isinstance(item, Tensor) else getattr(item, "array", item)
            if isinstance(array, np.ndarray):
                whole = owner(array)
                arrays[id(whole)] = whole.nbytes
    return sum(arrays.values())


class saved_tensors_hooks:
    """While active, tensors that this thread's ops save go through pack, and through unpack when they are needed.

    pack(tensor) may return anything, e.g. the name of a file; unpack(that) returns the tensor again.
    """

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        self.pack, self.unpack = pack_hook, unpack_hook

    def __enter__(self) -> None:
        self.thread = threading.get_ident()
        observe(self._recorded)

    def __exit__(self, *error: Any) -> None:
        observe(self._recorded, False)

    def _recorded(self, node: Node, inputs: tuple, out: Any) -> None:
        if threading.get_ident() != self.thread:
            return
        packed = [(isinstance(x, Tensor), self.pack(x) if isinstance(x, Tensor) else x) for x in node.saved_values]
        attrs, ref = node.attributes, weakref.ref(node)

        def restore() -> None:
            saved = tuple(self.unpack(x) if is_packed else x for is_packed, x in packed)
            found = ref()
            assert found is not None  # the sweep holds it
            found.bring_back(saved, attrs)

        node.put_away(restore)


def _label(node: Node) -> tuple[str, str]:
    """Name and shape of what a node made."""
    return (node.op.name if node.op is not None else "leaf"), " ".join(map(str, node.shape)) or "number"


def dot(result: Tensor) -> str:
    """The graph in Graphviz's language: ops as boxes with the shape of their result, leaves as ellipses."""
    lines = ["digraph {", "  rankdir=BT; node [fontname=monospace];"]
    for node in nodes(result):
        name, shape = _label(node)
        label, form = (f"{name}\\n{shape}", "box") if node.op is not None else (shape, "ellipse")
        lines.append(f'  n{node.seq} [label="{label}", shape={form}];')
        lines += [f"  n{edge.seq} -> n{node.seq};" for edge in node.edges or () if edge is not None]
    return "\n".join([*lines, "}"])


def svg(result: Tensor) -> str:
    """The graph as a picture, leaves below: a row for each distance from the leaves. Needs no other program."""
    order = sorted(nodes(result), key=lambda node: node.seq)
    depth: dict[int, int] = {}
    for node in order:  # inputs are older than results
        depth[node.seq] = 1 + max((depth[e.seq] for e in node.edges or () if e is not None), default=-1)
    rows: dict[int, list[Node]] = {}
    for node in order:
        rows.setdefault(depth[node.seq], []).append(node)
    width, height = 140 * max(map(len, rows.values())), 70 * len(rows)
    place = {
        node.seq: (width * (i + 0.5) / len(row), height - 70 * d - 35)
        for d, row in rows.items()
        for i, node in enumerate(row)
    }
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
    lines, boxes = [head + 'font-family="monospace" font-size="12" text-anchor="middle">'], []
    for node in order:
        (x, y), (name, shape) = place[node.seq], _label(node)
        for edge in node.edges or ():
            if edge is not None:
                u, v = place[edge.seq]
                lines.append(f'<line x1="{u:.0f}" y1="{v - 20:.0f}" x2="{x:.0f}" y2="{y + 20:.0f}" stroke="gray"/>')
        corner, fill = (4, "#eef") if node.op is not None else (20, "#efe")
        boxes += [
            f'<rect x="{x - 60:.0f}" y="{y - 20:.0f}" width="120" height="40" rx="{corner}" fill="{fill}"/>',
            f'<text x="{x:.0f}" y="{y - 3:.0f}">{html.escape(name)}</text>',
            f'<text x="{x:.0f}" y="{y + 13:.0f}">{shape}</text>',
        ]
    return "\n".join([*lines, *boxes, "</svg>"])
