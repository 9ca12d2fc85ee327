"""The checks are checked: wrong gradients and results are planted into every op, and every check must see them."""

import functools
from contextlib import contextmanager

import numpy as np
import pytest

from autograd.checking.checks import CheckFailed, check_reference
from autograd.checking.gradcheck import GradientError, adjoint_check, examine
from autograd.checking.opcall import OpCall
from autograd.deferred import Deferred
from autograd.op import intercepted, registry
from autograd.sampling import Sampler
from autograd.tensor import Tensor

PRIMITIVES = [
    pytest.param(r, id=n) for n, r in registry().items() if r.module.startswith("autograd.") and not r.composite
]
WITH_GRADIENT = [p for p in PRIMITIVES if p.values[0].differentiable and p.values[0].rules]
DRAWS = 60


def _transposed(a):
    if a.ndim >= 2 and a.shape[-1] == a.shape[-2]:
        return a.swapaxes(-1, -2).copy()
    return a


def _first_axis_rolled(a):
    return np.roll(a, 1, 0) if a.ndim else a


FAULTS = {
    "sign": lambda a: -a,
    "factor": lambda a: 2 * a,
    "missing": lambda a: 0 * a,
    "one percent": lambda a: 1.01 * a,
    "offset": lambda a: a + 0.5,
    "rolled": lambda a: np.roll(a, 1, -1) if a.ndim else a,
    "rolled along the first axis": _first_axis_rolled,
    "transposed": _transposed,
    "last element lost": lambda a: np.concatenate([a.reshape(-1)[:-1], [0.0]]).reshape(a.shape) if a.size else a,
}
NAMED = ("sign", "factor", "missing")  # faults whose name the checker must find out
ALWAYS_VISIBLE = ("sign", "factor", "missing", "offset")


@contextmanager
def planted(record, name, fault):
    """The op with one gradient rule broken."""
    rules = dict(record.rules)
    rule = rules[name]

    def spoil(g):
        g = g.compute() if isinstance(g, Deferred) else g
        return None if g is None else Tensor(np.asarray(fault(np.asarray(g.array if isinstance(g, Tensor) else g))))

    @functools.wraps(rule)
    def broken(*args):
        found = rule(*args)
        return [spoil(g) for g in found] if record.variadic else spoil(found)

    at_once = record.at_once
    record.grads(**{**rules, name: broken})
    try:
        yield
    finally:
        record.grads(**rules)
        record.at_once = at_once


def draw(record, number):
    return OpCall(record, record.samples(Sampler(1000 + number)))


def small(record):
    """Calls with few elements, so that many faults can be tried."""
    calls = (draw(record, number) for number in range(4 * DRAWS))
    return [call for call in calls if sum(a.size for a in call.arrays) <= 250][:DRAWS]


def applies(call, name):
    return any(call.names[i].partition("[")[0] == name for i in call.differentiable())


def gradients(call):
    with np.errstate(all="ignore"):
        return call.value_and_grads(call.arrays)[-len(call.differentiable()) :]


def visible(call, clean, name):
    """Whether the planted fault changes any gradient of this call (a rolled constant does not)."""
    return any(not np.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True) for a, b in zip(clean, gradients(call)))


@pytest.mark.parametrize("record", WITH_GRADIENT)
def test_planted_gradients_are_seen(record, count):
    calls = small(record)
    assert calls, "all sample calls are large"
    cleans = {}
    for name in [n for n, rule in record.rules.items() if n in record.inputs and rule is not None]:
        seen = []
        for fault_name, fault in FAULTS.items():
            call = None
            with planted(record, name, fault):
                for k, candidate in enumerate(calls):
                    if not applies(candidate, name):
                        continue
                    if k not in cleans:
                        record_rules = dict(record.rules)
                        cleans[k] = _clean(record, name, candidate, record_rules)
                    if visible(candidate, cleans[k], name):
                        call = candidate
                        break
                if call is None:
                    count(equivalent=1)
                    continue
                seen.append(fault_name)
                count(planted=1)
                with np.errstate(all="ignore"), pytest.raises(GradientError) as caught:
                    examine(call, call.checked(call.differentiable()))
                if fault_name in NAMED:
                    assert caught.value.cause == fault_name, str(caught.value)
                count(caught=1)
                if name in record.linear_in and fault_name not in ("offset",):
                    count(planted=1)
                    linear = [i for i in call.differentiable() if call.names[i].partition("[")[0] == name]
                    with pytest.raises(GradientError):
                        adjoint_check(call, call.checked(call.differentiable()), linear)
                    count(caught=1)
        assert set(seen) & set(ALWAYS_VISIBLE), (
            f"no fault in the rule for {name} changes anything on {len(calls)} calls"
        )


def _clean(record, name, call, broken_rules):
    """Gradients by the right rules, while a fault is planted."""
    right = {**broken_rules, name: broken_rules[name].__wrapped__}
    record.grads(**right)
    try:
        return gradients(call)
    finally:
        record.grads(**broken_rules)


def wrong_forward(record, change):
    """While active, the op's forward function is broken."""

    def broken(forward, found_in):
        if found_in is not record:
            return forward

        def spoilt(*args, **attrs):
            found = forward(*args, **attrs)
            out = change(np.array(found[0] if record.extras else found, order="C"), args)
            return (out, *found[1:]) if record.extras else out

        return spoilt

    return intercepted(broken)


def _last_value(out, args):
    if out.size:
        flat = out.reshape(-1)
        if out.dtype.kind == "b":
            flat[-1] = ~flat[-1]
        else:
            flat[-1] += np.asarray(
                1e-3 * (np.abs(flat[np.isfinite(flat)]).max(initial=0) + 1) if out.dtype.kind == "f" else 1, out.dtype
            )
    return out


def _input_changed(out, args):
    for a in args:
        for part in a if isinstance(a, (list, tuple)) else [a]:
            if isinstance(part, np.ndarray) and part.size and part.dtype.kind == "f":
                part.reshape(-1)[0] = 12345.0
                return out
    return out


@pytest.mark.parametrize("record", [p for p in PRIMITIVES if not p.values[0].random])
@pytest.mark.parametrize("change", [_last_value, _input_changed])
def test_planted_results_are_seen(record, change, count):
    for call in small(record):
        has_float = any(a.dtype.kind == "f" and a.size for a in call.arrays)
        if (change is _input_changed and not has_float) or not call.results(call.arrays)[0].size:
            continue
        if change is _last_value and not np.isfinite(call.results(call.arrays)[0].reshape(-1)[-1:]).all():
            continue
        count(planted=1)
        with wrong_forward(record, change), pytest.raises(CheckFailed):
            check_reference(call)
        count(caught=1)
        return
    if change is _input_changed:
        count(equivalent=1)  # an op without floating-point inputs
    else:
        pytest.fail("no sample call has a result")
