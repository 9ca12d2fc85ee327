"""Anomaly mode: a NaN in a gradient is an error that names the op and the line of the forward pass it belongs to."""

from __future__ import annotations

import contextlib
import linecache
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from autograd import sweep, tape
from autograd.errors import GraphError
from autograd.halves import is_float
from autograd.tensor import Tensor
from autograd.value import Node, Value

PACKAGE = str(Path(__file__).parent)


class AnomalyError(GraphError):
    """A NaN in the backward pass, found in anomaly mode."""


class detect_anomaly(contextlib.ContextDecorator):
    """While active, ops note where they were called, and the backward pass stops at the first NaN of a gradient.

    The error names the op, the line of the forward pass that called it and, if the forward pass made the first NaN,
    the op and line that did. Slow: for finding a mistake, not for training. check_nan=False only notes the lines.
    """

    def __init__(self, check_nan: bool = True) -> None:
        self.mode = _Mode(check_nan)

    def __enter__(self) -> None:
        self.before = _current
        _switch(self.mode)

    def __exit__(self, *error: Any) -> None:
        _switch(self.before)


class set_detect_anomaly(detect_anomaly):
    """set_detect_anomaly(on) switches the mode at once; as a context manager it also switches back."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.before = _current
        _switch(_Mode(check_nan) if mode else None)

    def __enter__(self) -> None:
        pass


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on."""
    return _current is not None


class _Mode:
    """What one stretch of anomaly mode has noted: where nodes were made, and which of them made a NaN first."""

    def __init__(self, check_nan: bool) -> None:
        self.check_nan = check_nan
        self.places: weakref.WeakKeyDictionary[Node, str] = weakref.WeakKeyDictionary()
        self.first_nan = ""

    def recorded(self, node: Node, inputs: tuple, out: Value) -> None:
        self.places[node] = place = _place()
        if self.first_nan or not _has_nan(out):
            return
        if not any(_has_nan(x) for x in inputs):
            self.first_nan = f"{_name(node)}, {place}"

    def computed(self, node: Node, edge: Node, g: Value) -> None:
        if not self.check_nan or not _has_nan(g):
            return
        i = (node.edges or ()).index(edge)
        name = node.op.record.input_name(i) if node.op is not None else str(i)
        lines = [f"{_name(node)}: the gradient of {name}, shape {g.array.shape}, has NaN"]
        lines.append(f"  called {self.places.get(node, 'outside of anomaly mode')}")
        if self.first_nan:
            lines.append(f"  the first NaN of the forward pass was made by {self.first_nan}")
        raise AnomalyError("\n".join(lines))


_current: _Mode | None = None


def _switch(mode: _Mode | None) -> None:
    global _current
    if _current is not None:
        tape.observe(_current.recorded, False)
    if mode is not None:
        tape.observe(mode.recorded)
    sweep.watch(None if mode is None else mode.computed)
    _current = mode


def _has_nan(x: Any) -> bool:
    array = x.array if isinstance(x, Tensor) else x
    return isinstance(array, np.ndarray) and is_float(array.dtype) and bool(np.isnan(array).any())


def _name(node: Node) -> str:
    return node.op.name if node.op is not None else "leaf"


def _place() -> str:
    """The innermost line that is not the package's own."""
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back
    file, line = frame.f_code.co_filename, frame.f_lineno
    source = linecache.getline(file, line).strip()
    return f"in {frame.f_code.co_name} ({file}:{line})" + (f": {source}" if source else "")
