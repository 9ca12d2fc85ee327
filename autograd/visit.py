"""Before a sweep: which nodes it will run, and how many gradients each of them gets."""

import cython
from cython.cimports.autograd.tape import Op
from cython.cimports.autograd.value import Node

from autograd.errors import GraphError


def visit(roots, mark, active, visited, wanted):
    """Lists the nodes below the roots and counts how many gradients each will get.

    active: the marks of the sweeps under way. Returns whether to free nothing before the end: a hook or somebody's own
    rule may raise, and then the graph must still be whole.
    """
    top: Node = None  # a stack, linked from node to node
    i: cython.Py_ssize_t
    deferred: cython.bint = False
    node: Node
    edge: Node
    for node in roots:
        if node.mark != mark:
            _enter(node, mark, active)
            node.link, top = top, node
    try:
        while top is not None:
            node = top
            top = node.link
            visited.append(node)
            if node.hooks or (node.op is not None and cython.cast(Op, node.op).custom):
                deferred = True
            if node.op is None:
                continue
            if node.held is None:
                raise GraphError(
                    f"backward: the graph of {node.op.name!r} was already differentiated and freed; "
                    "call the first backward with retain_graph=True, or run the forward pass again"
                )
            for i in range(node.degree):
                item = node.held[i]
                if item is not None:
                    edge = cython.cast(Node, item)
                    if edge.mark != mark:
                        _enter(edge, mark, active)
                        edge.link, top = top, edge
                    edge.count += 1
    finally:
        while top is not None:  # after an error: nodes still linked are reset with the others
            visited.append(top)
            top = top.link
    if wanted is not None:
        _prune(visited, wanted)
    return deferred


@cython.cfunc
def _enter(node: Node, mark: cython.ulonglong, active: list):
    if len(active) > 1 and node.mark in active:
        raise GraphError("backward: called from a hook or a rule on the graph that is being differentiated")
    node.mark = mark
    node.count = 0
    node.needed = True
    node.wanted = False


@cython.cfunc
def _prune(visited: list, wanted: list):
    """Keeps only what leads to the wanted nodes; inputs are always older than results."""
    node: Node
    edge: Node
    wanted_ids = {id(node) for node in wanted}
    visited.sort(key=_by_age)
    for node in visited:
        node.count = 0
        node.needed = node.wanted = id(node) in wanted_ids
        for item in node.edges or ():
            if item is not None:
                edge = item
                node.needed = node.needed or edge.needed
    for node in visited:
        if node.needed:
            for item in node.edges or ():
                if item is not None:
                    edge = item
                    edge.count += 1


def _by_age(node: Node):
    return node.seq
