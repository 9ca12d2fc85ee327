"""Spans: stretches of time with a name, noted by wrappers that stand in for functions while a profile is active."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

FORWARD, BACKWARD, OTHER, USER = "forward", "backward", "other", "user"


@dataclass
class Span:
    """One call. FLOPs and bytes are those of the ops in it.

    counted: its time adds to its name's total, because no span around it counts already. innermost: no span is in it.
    """

    name: str
    phase: str
    start: float
    thread: int
    counted: bool
    seconds: float = 0.0
    flops: float = 0.0
    bytes: float = 0.0
    shapes: tuple = ()
    innermost: bool = True


@dataclass
class Recorder:
    """The spans of one profile; each thread has its own stack of open ones."""

    clock: Callable[[], float] = time.perf_counter
    spans: list[Span] = field(default_factory=list)
    _local: threading.local = field(default_factory=threading.local)

    def open(self, name: str, phase: str) -> Span:
        stack = self._local.__dict__.setdefault("stack", [])
        counted = phase != USER and not any(span.counted for span in stack)
        span = Span(name, phase, self.clock(), threading.get_ident(), counted)
        stack.append(span)
        return span

    def drop(self) -> None:
        """Forgets the span that was opened last."""
        self._local.stack.pop()

    def close(self, span: Span) -> None:
        span.seconds = span.seconds or self.clock() - span.start
        stack = self._local.stack
        stack.pop()
        if stack:
            stack[-1].flops += span.flops
            stack[-1].bytes += span.bytes
            stack[-1].innermost = False
        self.spans.append(span)


active: Recorder | None = None


def activate(recorder: Recorder | None) -> None:
    """Sets who notes spans; None: nobody."""
    global active
    active = recorder


def spanned(function: Callable, name: str, phase: str) -> Callable:
    """The function, noted as a span while a profile is active."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        recorder = active
        if recorder is None:  # a graph recorded under a profile may be differentiated after it
            return function(*args, **kwargs)
        span = recorder.open(name, phase)
        try:
            return function(*args, **kwargs)
        finally:
            recorder.close(span)

    return wrapper


def spanned_forward(
    function: Callable,
    name: str,
    work: Callable[..., tuple[float, float]],
    refusals: tuple[type[Exception], ...] = (),
) -> Callable:
    """As `spanned`, for an op's forward function: work(arguments, attributes, results) says its FLOPs and bytes.

    A call that raises one of the refusals is not noted.
    """

    @functools.wraps(function)
    def wrapper(*arguments: Any, **attrs: Any) -> Any:
        recorder = active
        if recorder is None:
            return function(*arguments, **attrs)
        span = recorder.open(name, FORWARD)
        try:
            results = function(*arguments, **attrs)
        except refusals:
            recorder.drop()
            raise
        except BaseException:
            recorder.close(span)
            raise
        span.seconds = recorder.clock() - span.start
        span.shapes = tuple(a.shape for a in arguments if isinstance(a, np.ndarray))
        span.flops, span.bytes = work(arguments, attrs, results)
        recorder.close(span)
        return results

    return wrapper
