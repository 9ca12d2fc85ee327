"""Switching the recording of gradients on and off, and differentiating without touching `.grad`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import tape
from autograd.errors import GraphError, ShapeError
from autograd.sweep import sweep
from autograd.tensor import Tensor, as_array


class _Mode:
    """A recording mode of the current thread, as a context manager or a decorator."""

    on: bool

    def __new__(cls, function: Callable | None = None) -> Any:
        """`@no_grad` works as well as `@no_grad()`."""
        self = super().__new__(cls)
        return self if function is None else self(function)

    def __enter__(self) -> None:
        self.before = tape.set_grad_enabled(self.on)

    def __exit__(self, *exception: Any) -> None:
        tape.set_grad_enabled(self.before)

    def __call__(self, function: Callable) -> Callable:
        on = self.on

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            before = tape.set_grad_enabled(on)
            try:
                return function(*args, **kwargs)
            finally:
                tape.set_grad_enabled(before)

        return call


class no_grad(_Mode):
    """Ops record nothing: `with no_grad(): ...`, or `@no_grad()` over a function. For this thread only."""

    on = False


class inference_mode(_Mode):
    """As no_grad; `inference_mode(False)` records."""

    on = False

    def __new__(cls, mode: Any = True) -> Any:
        self = super().__new__(cls)
        if callable(mode):
            return self(mode)
        self.on = not mode
        return self


class enable_grad(_Mode):
    """Ops record again, inside no_grad."""

    on = True


class set_grad_enabled(_Mode):
    """set_grad_enabled(on) switches at once; as a context manager it also switches back."""

    outer: bool

    def __new__(cls, mode: bool) -> Any:
        self = super().__new__(cls)
        self.on = bool(mode)
        self.outer = tape.set_grad_enabled(self.on)
        return self

    def __enter__(self) -> None:
        tape.set_grad_enabled(self.on)
        self.before = self.outer

    def __call__(self, function: Callable) -> Callable:
        tape.set_grad_enabled(self.outer)  # as a decorator it acts inside the function only
        return super().__call__(function)


def is_grad_enabled() -> bool:
    """Whether ops called by this thread record what gradients need."""
    return tape.grad_enabled()


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """Gradients of sum(outputs * grad_outputs) by each of the inputs, as a tuple; no `.grad` changes.

    grad_outputs: one array per output, of its shape; None means 1 for an output of one element.
    create_graph: the results can be differentiated again. allow_unused: None for inputs that no output depends on.
    Raises GraphError for inputs without gradients, for unused inputs, and for a graph that was already freed.
    """
    roots = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    wanted = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    given = [None] * len(roots) if grad_outputs is None else grad_outputs
    given = [given] if isinstance(given, (Tensor, np.ndarray, int, float)) else list(given)
    if len(given) != len(roots):
        raise ShapeError(f"grad: {len(roots)} outputs, but {len(given)} grad_outputs")
    for i, x in enumerate(wanted):
        if x.node is None:
            raise GraphError(f"grad: input {i} does not require gradients")
    nodes, seeds = [], []
    for i, (y, g) in enumerate(zip(roots, given)):
        if y.node is None:
            raise GraphError(f"grad: output {i} does not require gradients; was it made under no_grad()?")
        nodes.append(y.node)
        seeds.append(_seed(i, y, g))
    retain = create_graph if retain_graph is None else retain_graph
    found = sweep(nodes, seeds, [x.node for x in wanted], retain, create_graph)
    for i, g in enumerate(found):
        if g is None and not allow_unused:
            raise GraphError(f"grad: no output depends on input {i}; pass allow_unused=True to get None for it")
    return tuple(found)


def _seed(i: int, y: Tensor, g: Any) -> Tensor:
    """The gradient that one output starts with."""
    if g is None:
        if y.array.size != 1:
            raise ShapeError(f"grad: output {i} has shape {y.shape} and needs grad_outputs; or sum() it first")
        return Tensor(np.ones_like(y.array))
    if not isinstance(g, Tensor) or g.dtype != y.dtype:
        g = Tensor(as_array(g, y.dtype))
    if g.shape != y.shape:
        raise ShapeError(f"grad: output {i} has shape {y.shape}, its gradient {g.shape}")
    return g
