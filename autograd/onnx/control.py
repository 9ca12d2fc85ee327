"""Control flow, sequences (Python lists) and optional values (None where empty)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

import autograd as ag
from autograd.onnx.values import array, ints, scalar, tensor
from autograd.tensor import Tensor


def _if(condition: Any, *, then_branch: Any, else_branch: Any, scope: Mapping[str, Any], training: bool) -> tuple:
    branch = then_branch if bool(scalar(condition)) else else_branch
    return tuple(branch.call(scope, (), training))


def _loop(trips: Any, condition: Any, *carried: Any, body: Any, scope: Mapping[str, Any], training: bool) -> tuple:
    limit = None if trips is None else int(scalar(trips))
    going, state, scans = condition is None or bool(scalar(condition)), list(carried), []
    i = 0
    while going and (limit is None or i < limit):
        go_on, *rest = body.call(scope, [tensor(np.int64(i)), tensor(np.bool_(True)), *state], training)
        going, i = bool(scalar(go_on)), i + 1
        state = rest[: len(carried)]
        scans.append(rest[len(carried) :])
    stacked = [
        ag.stack(*parts) if parts[0].dtype.kind == "f" else tensor(np.stack([array(p) for p in parts]))
        for parts in zip(*scans)
    ]
    missing = len(body.outputs) - 1 - len(carried) - len(stacked)
    return (*state, *stacked, *(tensor(np.zeros((0,), np.float32)) for _ in range(missing)))


def _scan(*inputs: Any, attrs: dict[str, Any], scope: Mapping[str, Any], training: bool, opset: int) -> tuple:
    body, m = attrs["body"], attrs["num_scan_inputs"]
    if opset < 9:  # the first version ran over a batch, and its first input was the lengths
        batches = [[v[n] for v in inputs[1:]] for n in range(inputs[1].shape[0])]
        results = [
            _scan(*parts, attrs={"body": body, "num_scan_inputs": m}, scope=scope, training=training, opset=9)
            for parts in batches
        ]
        return tuple(ag.stack(*parts) for parts in zip(*results))
    state, scanned = list(inputs[: len(inputs) - m]), inputs[len(inputs) - m :]
    k = len(body.outputs) - len(state)
    in_axes, out_axes = attrs.get("scan_input_axes", [0] * m), attrs.get("scan_output_axes", [0] * k)
    in_back, out_back = attrs.get("scan_input_directions", [0] * m), attrs.get("scan_output_directions", [0] * k)
    length, collected = scanned[0].shape[in_axes[0]], [[] for _ in range(k)]  # type: ignore[var-annotated]
    for t in range(length):
        now = [
            v[(slice(None),) * (a % v.ndim) + (length - 1 - t if b else t,)]
            for v, a, b in zip(scanned, in_axes, in_back)
        ]
        results = body.call(scope, [*state, *now], training)
        state = results[: len(state)]
        for parts, value in zip(collected, results[len(state) :]):
            parts.append(value)
    ends = [ag.stack(*(parts[::-1] if b else parts), axis=a) for parts, a, b in zip(collected, out_axes, out_back)]
    return (*state, *ends)


def _sequence_map(sequence: list, *others: Any, body: Any, scope: Mapping[str, Any], training: bool) -> tuple:
    results = [
        body.call(scope, [x, *(o[i] if isinstance(o, list) else o for o in others)], training)
        for i, x in enumerate(sequence)
    ]
    return tuple(map(list, zip(*results))) or tuple([] for _ in body.outputs)


def _place(position: Any, default: int) -> int:
    return default if position is None else ints(position)[0]


def _insert(sequence: list, x: Any, position: Any = None) -> tuple:
    copy = list(sequence)
    copy.insert(_place(position, len(copy)), x)
    return (copy,)


def _erase(sequence: list, position: Any = None) -> tuple:
    copy = list(sequence)
    del copy[_place(position, -1)]
    return (copy,)


def _split_to_sequence(x: Tensor, given: Any = None, *, axis: int = 0, keepdims: int = 1) -> tuple:
    n = x.shape[axis]
    if given is None:
        sizes = [1] * n
    elif array(given).ndim:
        sizes = ints(given)
    else:
        each = ints(given)[0]
        sizes = [each] * (n // each) + ([n % each] if n % each else [])
    return (list(_cut(x, sizes, axis % x.ndim, keepdims or given is not None)),)


def _cut(x: Tensor, sizes: list[int], axis: int, keep: Any) -> Iterator[Tensor]:
    start = 0
    for size in sizes:
        yield x[(slice(None),) * axis + (slice(start, start + size) if keep else start,)]
        start += size


def _concat_from_sequence(sequence: list, *, axis: int, new_axis: int = 0) -> Tensor:
    return (ag.stack if new_axis else ag.concatenate)(*sequence, axis=axis)  # type: ignore[no-any-return]


TABLE: dict[str, Callable[..., Any]] = {
    "If": _if,
    "Loop": _loop,
    "Scan": _scan,
    "SequenceMap": _sequence_map,
    "SequenceEmpty": lambda *, dtype=1: ([],),
    "SequenceConstruct": lambda *xs: (list(xs),),
    "SequenceAt": lambda sequence, position: sequence[_place(position, 0)],
    "SequenceInsert": _insert,
    "SequenceErase": _erase,
    "SequenceLength": lambda sequence: tensor(np.int64(len(sequence))),
    "SplitToSequence": _split_to_sequence,
    "ConcatFromSequence": _concat_from_sequence,
    "Optional": lambda x=None, *, type=None: (x,),
    "OptionalGetElement": lambda x: (x,),
    "OptionalHasElement": lambda x=None: tensor(np.bool_(x is not None)),
}
