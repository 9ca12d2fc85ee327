"""The profile: stands timing wrappers in for forward functions, gradient rules and optimizer steps while it is active.

Without an active profile nothing is wrapped, so it costs nothing.
"""

from __future__ import annotations

import functools
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from autograd.op import Record, registry
from autograd.optim import Optimizer
from autograd.profiler import spans
from autograd.profiler.spans import BACKWARD, OTHER, USER, Recorder, Span, spanned, spanned_forward
from autograd.profiler.table import Total, table, totals
from autograd.tape import Op


def work(record: Record, arrays: tuple, attrs: dict[str, Any], results: Any) -> tuple[float, float]:
    """FLOPs and bytes of one call: the record says the first, the arrays that are read and written the second."""
    if results is None:
        return 0.0, 0.0
    outputs = results if isinstance(results, tuple) else (results,)
    shapes = [None if a is None else np.shape(a) for a in arrays]
    flops = record.count_flops(np.shape(outputs[0]), shapes, {**record.defaults, **attrs})
    return float(flops), float(sum(a.nbytes for a in (*arrays, *outputs) if isinstance(a, np.ndarray)))


@functools.cache
def wrapped_forward(forward: Callable, record: Record) -> Callable:
    return spanned_forward(forward, record.name, functools.partial(work, record))


@functools.cache
def wrapped_kernel(kernel: Callable, record: Record) -> Callable:
    """A kernel gets attributes by position; what it refuses is called again, as the forward function's."""
    count = None if record.variadic else len(record.inputs)

    def measure(arguments: tuple, _: dict[str, Any], results: Any) -> tuple[float, float]:
        return work(record, arguments[:count], dict(zip(record.attrs, arguments[count:])) if count else {}, results)

    return spanned_forward(kernel, record.name, measure, refusals=(ValueError, TypeError, IndexError))


@functools.cache
def last_pass(name: str) -> Callable:
    """What calls a pass over memory that had waited: the FLOPs were counted with the op's other passes."""

    def measure(arguments: tuple, _: dict[str, Any], result: Any) -> tuple[float, float]:
        return 0.0, float(sum(a.nbytes for a in (*arguments, result) if isinstance(a, np.ndarray)))

    return spanned_forward(lambda call, *arguments: call(*arguments), name, measure)


@functools.cache
def wrapped_rule(rule: Callable, name: str) -> Callable:
    return spanned(rule, name, BACKWARD)


def wrapped_rules(rules: dict[str, Callable | None], name: str) -> dict[str, Callable | None]:
    return {target: rule and wrapped_rule(rule, name) for target, rule in rules.items()}


class Instrument:
    """Everything that a profile replaces, and its way back."""

    def __init__(self) -> None:
        self.undo: list[Callable[[], None]] = []

    def replace(self, owner: Any, attribute: str, new: Any) -> None:
        old = getattr(owner, attribute)
        self.undo.append(lambda: setattr(owner, attribute, old))
        setattr(owner, attribute, new)

    def install(self) -> None:
        for record in registry().values():
            op = record.call
            if not isinstance(op, Op):
                continue  # a composite: its ops are seen themselves
            self.replace(op, "forward", wrapped_forward(op.forward, record))
            if op.part is not None:
                self.replace(op, "part", wrapped_forward(op.part, record))
            self.replace(op, "timed", last_pass(op.name if op.part is None else f"{op.name}, last pass"))
            if op.kernel is not None:  # called in its place
                self.replace(op, "kernel", wrapped_kernel(op.kernel, record))
            self.replace(record, "rules", wrapped_rules(record.rules, op.name))
            through = {outer: wrapped_rules(rules, op.name) for outer, rules in record.rules_through.items()}
            self.replace(record, "rules_through", through)
            self.undo.append(op.forget_plans)
            op.forget_plans()
        self.replace(Optimizer, "step", spanned(Optimizer.step, "optimizer step", OTHER))
        self.replace(Optimizer, "zero_grad", spanned(Optimizer.zero_grad, "optimizer zero_grad", OTHER))

    def remove(self) -> None:
        for undo in self.undo:
            undo()
        self.undo.clear()


class profile:
    """Context manager: notes each op's calls, time, FLOPs and bytes, forward and backward.

        with autograd.profile() as p:
            loss = criterion(model(x), labels)
            loss.backward()
        print(p)                                 # a table, slowest op first
        p.export_chrome_trace("trace.json")      # for chrome://tracing or ui.perfetto.dev

    A rule's time counts as the backward time of its op, with all that runs inside. Timing an op costs about a
    microsecond, which small models feel. clock: time.thread_time leaves out what other processes take.
    """

    _instrument = Instrument()

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._recorder = Recorder(clock)
        self.seconds = 0.0
        self._start = 0.0

    def __enter__(self) -> profile:
        if spans.active is not None:
            raise RuntimeError("profile: another profile is active; they cannot be nested")
        self._recorder = Recorder(self._recorder.clock)
        self._instrument.install()
        spans.activate(self._recorder)
        self._start = self._recorder.clock()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = self._recorder.clock() - self._start
        spans.activate(None)
        self._instrument.remove()

    @property
    def spans(self) -> list[Span]:
        """Every call, in the order in which they ended."""
        return self._recorder.spans

    def key_averages(self, group_by_input_shape: bool = False) -> list[Total]:
        """One entry for each op (and shapes of its inputs), slowest first."""
        return totals(self.spans, group_by_input_shape)

    def table(self, sort_by: str = "seconds", row_limit: int | None = None, group_by_input_shape: bool = False) -> str:
        """The entries as text. sort_by: a field of Total (seconds, forward, backward, calls, flops, bytes, name)."""
        return table(self.key_averages(group_by_input_shape), self.seconds, sort_by, row_limit)

    def __str__(self) -> str:
        return self.table()

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Writes the spans in Chrome's trace format; times are in microseconds since the profile began."""
        threads = {ident: i for i, ident in enumerate(dict.fromkeys(span.thread for span in self.spans))}
        events = [
            {
                "name": span.name,
                "cat": span.phase,
                "ph": "X",
                "ts": (span.start - self._start) * 1e6,
                "dur": span.seconds * 1e6,
                "pid": os.getpid(),
                "tid": threads[span.thread],
                "args": {"shapes": [list(s) for s in span.shapes], "FLOPs": span.flops, "bytes": span.bytes},
            }
            for span in sorted(self.spans, key=lambda span: span.start)
        ]
        Path(path).write_text(json.dumps({"traceEvents": events, "displayTimeUnit": "ms"}))


class record_function:
    """Context manager: a span of one's own in the trace, around whatever runs inside."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> record_function:
        self._recorder = spans.active
        self._span = self._recorder.open(self.name, USER) if self._recorder else None
        return self

    def __exit__(self, *_: object) -> None:
        if self._recorder and self._span:
            self._recorder.close(self._span)
