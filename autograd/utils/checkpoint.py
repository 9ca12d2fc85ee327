"""Trading time for memory: a part of a model that saves nothing and runs again in the backward pass.

After the forward pass the nodes of the part are kept and what they saved is dropped. When the backward sweep comes to
the first of them, the part runs again and its new nodes, made in the same order, give the old ones what they lack.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from autograd.errors import GraphError
from autograd.grad_mode import enable_grad, is_grad_enabled
from autograd.ops.random import get_rng_state, set_rng_state
from autograd.tensor import Tensor
from autograd.value import Node, newest


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    determinism_check: str = "default",
    debug: bool = False,
    **kwargs: Any,
) -> Any:
    """function(*args, **kwargs), of which only the inputs are kept for the backward pass; the rest is computed again.

    preserve_rng_state: the second run draws the same random numbers. Batch norm's running statistics are updated twice.
    use_reentrant, determinism_check and debug are accepted and change nothing: there is one implementation, which also
    allows derivatives of any order and always checks that the second run records the same ops.
    """
    if not is_grad_enabled():
        return function(*args, **kwargs)
    call = functools.partial(function, *args, **kwargs)
    before, state = newest(), get_rng_state() if preserve_rng_state else None
    result = call()
    inputs = tuple(x for x in (*args, *kwargs.values()) if isinstance(x, Tensor))
    _Part(call, state, _since(before, result)).put_away(inputs)
    return result


def checkpoint_sequential(functions: Any, segments: int, input: Any, **options: Any) -> Any:
    """Runs a Sequential (or a list of functions) in `segments` checkpointed parts of about equal length."""
    steps = list(functions)
    if not 1 <= segments <= len(steps):
        raise ValueError(f"checkpoint_sequential: segments is {segments}, expected 1 to {len(steps)} (the functions)")
    bounds = [len(steps) * i // segments for i in range(segments + 1)]
    for start, end in zip(bounds, bounds[1:]):
        part = steps[start:end]
        input = checkpoint(lambda x, part=part: functools.reduce(lambda y, step: step(y), part, x), input, **options)
    return input


class _Part:
    """One checkpointed call. Its nodes are held weakly: they hold it."""

    def __init__(self, call: Callable[[], Any], state: Any, nodes: list[Node]) -> None:
        self.call, self.state = call, state
        self.nodes = [weakref.ref(node) for node in nodes]
        self.ops = [node.op for node in nodes]

    def put_away(self, inputs: tuple[Tensor, ...]) -> None:
        """Inputs and parameters stay with the nodes, so that a change of them in place is noticed."""
        for ref in self.nodes:
            node = ref()
            assert node is not None
            leaves = (x for x in node.saved_values if isinstance(x, Tensor) and x.requires_grad and x.is_leaf)
            node.put_away(self.restore, (*inputs, *leaves))

    def restore(self) -> None:
        """Runs the call again and gives its nodes what they had saved."""
        before, now = newest(), get_rng_state()
        if self.state is not None:
            set_rng_state(self.state)
        try:
            with enable_grad():
                result = self.call()
        finally:
            if self.state is not None:
                set_rng_state(now)
        again = _since(before, result)
        if [node.op for node in again] != self.ops:
            names = [", ".join(op.name for op in ops if op) for ops in (self.ops, [node.op for node in again])]
            raise GraphError(
                f"checkpoint: the second run recorded other ops than the first; first: {names[0]}; second: {names[1]}"
            )
        for ref, new in zip(self.nodes, again):
            node = ref()
            if node is not None and new.restorer is not None:  # of a checkpoint inside this one
                node.put_away(functools.partial(_take, ref, new), new.saved_values)
            elif node is not None:
                node.bring_back(new.saved_values, new.attributes)


def _take(ref: Callable[[], Node | None], new: Node) -> None:
    """Gives a node what its newer twin has saved, or saves when it is restored itself."""
    node = ref()
    while new.restorer is not None:
        new.restorer()
    assert node is not None
    node.bring_back(new.saved_values, new.attributes)


def _since(number: int, result: Any) -> list[Node]:
    """The nodes that a result was made by and that are newer than `number`, in the order of their making."""
    stack = [x.node for x in _tensors(result) if x.node is not None]
    found: dict[int, Node] = {}
    while stack:
        node = stack.pop()
        if node.seq > number and node.op is not None and node.seq not in found:
            found[node.seq] = node
            stack += [edge for edge in node.edges or () if edge is not None]
    return [found[seq] for seq in sorted(found)]


def _tensors(result: Any) -> Iterator[Tensor]:
    if isinstance(result, Tensor):
        yield result
    elif isinstance(result, (list, tuple, dict)):
        for part in result.values() if isinstance(result, dict) else result:
            yield from _tensors(part)


__all__ = ["checkpoint", "checkpoint_sequential"]
