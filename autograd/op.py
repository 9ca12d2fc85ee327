"""Declaring ops: one record says what an op computes, how it is differentiated, tested, explained and counted.

    @op(axes={"x": "... C", "w": "K C", "b": "K"}, reference=..., samples=...)
    def linear(x, w, b=None):
        \"\"\"y[..., k] = b[k] + sum_c x[..., c] * w[k, c]\"\"\"
        return kernels.linear(x, w, b)

    linear.grads(
        x=lambda g, w: g @ w,
        w=lambda g, x: ...,
        b=lambda g: ...,
    )

The forward function gets arrays (inputs, before `*`) and attributes (after it). A rule is named after the input
it differentiates; its parameter names say what it needs, and exactly that is saved: `g` (the gradient of the
result), an input, an attribute, `out`, a declared extra, `NAME_shape` of an input, or another rule. A rule named
after no input is a shared step, run once. Rules are written with ops on tensors, so they can be differentiated again.
"""

from __future__ import annotations

import contextlib
import copyreg
import functools
import inspect
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from autograd.errors import DTypeError, ShapeError
from autograd.halves import is_number, narrowed, widened
from autograd.plan import (
    FROM_ATTRIBUTE,
    FROM_GRADIENT,
    FROM_NOTHING,
    FROM_SAVED,
    FROM_STEP,
    FROM_TALLY,
    MAX_ARGUMENTS,
    SAVE_EXTRA,
    SAVE_INPUT,
    SAVE_OUT,
    SAVE_SHAPE,
    Plan,
    Step,
)
from autograd.shapes import explain_axes, explain_broadcast
from autograd.signature import Signature
from autograd.tape import Op, declare, has_halves

POSITIONAL = inspect.Parameter.POSITIONAL_ONLY

# Families whose ops only move data.
MOVING = ("autograd.ops.index", "autograd.ops.join", "autograd.ops.matrix", "autograd.ops.shape", "autograd.ops.table")


class Direct:
    """A gradient rule that is one call of an op: Direct(matmul, "g", "w") is `lambda g, w: matmul(g, w)`, faster."""

    def __init__(self, op: Op, *wanted: str) -> None:
        self.op = op
        self.__signature__ = inspect.Signature([inspect.Parameter(name, POSITIONAL) for name in wanted])

    def __call__(self, *args: Any) -> Any:
        return self.op(*args)


class Record(Signature):
    """Everything known about one op. The registry of records drives tests, checks, benchmarks and docs.

    call         what users call: the Op, or the function of a composite
    reference    independent NumPy implementation: arrays and attributes -> array (or a tuple, extras included)
    samples      function of a sampling.Sampler that draws one Case
    kernel       called in place of the forward function, which computes or explains what the kernel refuses, attributes
                 too; for an op that broadcasts only on float arrays of one dtype, or numbers and None beside one
    part         the forward function without its last pass over memory: (Deferred, extras...), or None; in place of the
                 forward function where that pass may wait for ops that it can be computed with (`continues`)
    keeps        the weight among the inputs, of which the kernel keeps what it has packed (autograd.value.Kept)
    takes        (input, call, fits): an input that may wait for call(*arguments), if fits(the kernel's arguments,
                 norm=arguments): the kernel gets norm=arguments, too, and makes of the input what the call would.
                 Of a variadic op any of the inputs; then norm has arguments or None for each
    tallies      whether the kernel takes tally=kernels.Tally(), to sum up for a batch norm what it writes
    linear_in    inputs in which the op is linear, each by itself (adjoint identities are checked for them)
    mutates      inputs that the op updates in place (running statistics)
    widens       whether 16-bit floats are computed with as float32 (all but views and copies)
    flops        function of the result's shape, the inputs' shapes (None: absent) and the attributes -> additions and
                 multiplications of one call; by default one for each element of the result or of the largest input
    bound        relative error of a float32 result, in units of the reference's own scale
    """

    def __init__(self, function: Callable, **declaration: Any):
        self.name: str = declaration.pop("name", None) or function.__name__.rstrip("_")
        super().__init__(function)
        self.function = function
        self.doc = inspect.getdoc(function)
        self.module = function.__module__
        self.axes: dict[str, str] = declaration.pop("axes", None) or {}
        self.reference: Callable | None = declaration.pop("reference", None)
        self.samples: Callable | None = declaration.pop("samples", None)
        self.linear_in: tuple[str, ...] = tuple(declaration.pop("linear_in", ()))
        self.mutates: tuple[str, ...] = tuple(declaration.pop("mutates", ()))
        self.advice: Callable | None = declaration.pop("advice", None)
        self.kernel: Callable | None = declaration.pop("kernel", None)
        self.part: Callable | None = declaration.pop("part", None)
        self.keeps: str | None = declaration.pop("keeps", None)
        self.takes: tuple[str, Callable, Callable] | None = declaration.pop("takes", None)
        self.tallies: bool = declaration.pop("tallies", False)
        self.flops: Callable | None = declaration.pop("flops", None)
        self.onnx: str | None = declaration.pop("onnx", None)
        self.extras: tuple[str, ...] = tuple(declaration.pop("extras", ()))
        self.bound: float = declaration.pop("bound", 1e-5)
        self.composite: bool = declaration.pop("composite", False)
        self.differentiable: bool = declaration.pop("differentiable", True)
        self.second_order: bool = declaration.pop("second_order", True)
        self.random: bool = declaration.pop("random", False)
        self.view: bool = declaration.pop("view", False)
        self.widens: bool = declaration.pop("widens", not self.view)
        self.broadcasts: bool = declaration.pop("broadcasts", False)
        self.twin: Callable | None = declaration.pop("twin", None)
        if declaration:
            raise TypeError(f"op {self.name!r}: unknown declaration {', '.join(declaration)}")
        self.rules: dict[str, Callable | None] = {}
        self.rules_through: dict[Any, dict[str, Callable | None]] = {}
        self.needs: dict[Any, Sequence[str]] = {}  # the inputs without which these rules are not used
        self.at_once: tuple[Callable, tuple[str | None, ...]] | None = None
        self.call: Any = function

    # -------------------------------------------------------------------------------------------- gradients

    def grads(self, **rules: Callable | None) -> Op:
        """Sets the gradient rules by input name; None says that an input has no gradient.

        One named `tally` makes a kernels.Tally of g from what is saved. The others may ask for it: it is None unless
        it was given to the kernel that made g. Rules for the first input of an op get one to give to their kernel.
        """
        self._check_rules(rules)
        self.rules = dict(rules)
        self.at_once = None  # is of the rules before
        return self._with_new_rules()

    def grads_at_once(self, kernel: Callable, *wanted: str | None) -> Op:
        """Sets the kernel that stands in for all rules where nothing is recorded, as fewer calls take less time.

        kernel(*wanted, which) gets arrays where a rule gets tensors, None for what no rule saves, and returns a list of
        the inputs' gradients, with the same bits; None for those whose bit is not in `which`.
        """
        known = {"g", "out", None, *self.inputs, *self.attrs, *self.extras, *(f"{i}_shape" for i in self.inputs)}
        if self.variadic or len(wanted) >= MAX_ARGUMENTS or not known.issuperset(wanted):
            raise TypeError(f"{self.name}.grads_at_once: not for variadic ops, or some of {wanted} is no argument")
        self.at_once = kernel, wanted
        return self._with_new_rules()

    def grads_through(self, outer: Op, **rules: Callable | None) -> Op:
        """Sets the rules that take the place of those of the same names where `outer` was called on the result.

        Then g is the gradient of the outer op's result, and both are differentiated at once: if nothing is recorded and
        the gradient between the two goes nowhere else.
        """
        self._check_rules(rules)
        self.rules_through[outer] = self.rules | rules
        self.needs[outer] = [name for name in rules if name in self.inputs]
        outer.joints = outer.joints or {}
        return self._with_new_rules()

    def grads_waiting(self, call: Callable, needs: Sequence[str], **rules: Callable | None) -> Op:
        """Sets the rules for a g that is still to be computed by call(*arguments) and goes nowhere else.

        They get the arguments by autograd.waiting.waits_for(g), and are for where all that are in `needs` are wanted.
        The one named `fits` tells whether g may wait. call may be the kernel of an op that is a rule: then that rule
        need not run.
        """
        self._check_rules(rules)
        self.rules_through[call] = self.rules | rules
        self.needs[call] = needs
        return self._with_new_rules()

    def continues(self, call: Callable, rule: Callable[[tuple, list, tuple], tuple | None]) -> None:
        """This op of a result that waits for call(*arguments) may be computed by it, too, with other arguments.

        rule(arguments, the arrays of the other inputs, attributes) gives these, or None if not.
        """
        if any(name in self.inputs for gradient in self.rules.values() if gradient for name in _parameters(gradient)):
            raise TypeError(f"{self.name}.continues: the gradient rules need an input, which would not be there")
        self.call.joints = {**(self.call.joints or {}), call: rule}

    def _with_new_rules(self) -> Op:
        if isinstance(self.call, Op):
            self.call.forget_plans()
        return self.call

    def _check_rules(self, rules: dict[str, Callable | None]) -> None:
        shapes = [f"{i}_shape" for i in self.inputs]
        known = {"g", "out", "tally", *self.inputs, *self.attrs, *self.extras, *shapes, *rules}
        for name, rule in rules.items():
            if rule is None:
                if name not in self.inputs:
                    raise TypeError(f"{self.name}.grads: {name!r} is not an input ({', '.join(self.inputs)})")
                continue
            for wanted in _parameters(rule):
                if wanted not in known:
                    raise TypeError(
                        f"{self.name}.grads: the rule for {name!r} asks for {wanted!r}, which is none of "
                        f"{', '.join(sorted(known))}"
                    )

    def plan(self, mask: int, count: int) -> Plan:
        """What to save and which rules to run when the inputs in `mask` need gradients."""
        if not self.rules and self.twin is None:
            raise DTypeError(f"{self.name}: has no gradient; call it under no_grad() or on x.detach()")
        if self.variadic:
            targets = {self.inputs[0]: 0}
        else:
            targets = {n: i for i, n in enumerate(self.inputs) if mask >> i & 1 and self.rules.get(n) is not None}
        if not targets:
            return Plan((), ())
        saves = [(SAVE_INPUT, i) for i in range(count)] if self.twin is not None else []
        steps = self._steps(self.rules, targets, saves)
        through = {
            key: self._steps(rules, targets, saves)
            for key, rules in self.rules_through.items()
            if all(name in targets for name in self.needs[key])
        }
        tallies = {
            key: self._steps({"tally": rules["tally"]}, {"tally": -1}, saves)[0]
            for key, rules in ((None, self.rules), *self.rules_through.items())
            if "tally" in rules
        }
        tallied = self.inputs.index(self.keeps) if self.tallies and self.keeps is not None else -1
        gives = any(isinstance(rule, Direct) and rule.op.record.tallies for rule in self.rules.values())
        at_once, asked = None, 0
        if self.at_once is not None:
            kernel, wanted = self.at_once
            at_once = Step(kernel, -1, tuple(self._source_at_once(name, saves) for name in wanted))
            asked = sum(1 << i for i in targets.values())
        return Plan(tuple(saves), steps, through or None, tallies or None, tallied, gives, at_once, asked)

    def _steps(self, rules: dict[str, Any], targets: dict[str, int], saves: list[tuple[int, int]]) -> tuple[Step, ...]:
        """The rules for these inputs, and the shared ones before them; adds to `saves` what they need."""
        order: list[str] = []

        def visit(name: str) -> None:
            for wanted in _parameters(rules[name]):
                if wanted not in (*self.inputs, "tally") and wanted in rules and wanted not in order:
                    visit(wanted)
            if name not in order:
                order.append(name)

        for name in (*(["fits"] if "fits" in rules else []), *targets):
            visit(name)
        steps = []
        for name in order:
            rule = rules[name]
            args = tuple(self._source(wanted, saves, order) for wanted in _parameters(rule))
            called = getattr(rule, "op", None)  # a profile's wrapper has the rule's
            steps.append(Step(rule.op if isinstance(rule, Direct) else rule, targets.get(name, -1), args, called))
        return tuple(steps)

    def _source(self, wanted: str, saves: list[tuple[int, int]], order: list[str]) -> tuple[int, int]:
        if wanted == "g":
            return FROM_GRADIENT, 0
        if wanted == "tally":
            return FROM_TALLY, 0
        if wanted in self.attrs:
            return FROM_ATTRIBUTE, self.attrs.index(wanted)
        if wanted in order and wanted not in self.inputs:
            return FROM_STEP, order.index(wanted)
        if wanted == "out":
            key = SAVE_OUT, 0
        elif wanted in self.inputs:
            key = SAVE_INPUT, self.inputs.index(wanted)
        elif wanted in self.extras:
            key = SAVE_EXTRA, 1 + self.extras.index(wanted)
        else:
            key = SAVE_SHAPE, self.inputs.index(wanted.removesuffix("_shape"))
        if key not in saves:
            saves.append(key)
        return FROM_SAVED, saves.index(key)

    def _source_at_once(self, wanted: str | None, saves: list[tuple[int, int]]) -> tuple[int, int]:
        """The same for a call that makes do with what is saved."""
        more = saves.copy()
        source = (FROM_NOTHING, 0) if wanted is None else self._source(wanted, more, [])
        return source if more == saves else (FROM_NOTHING, 0)

    # -------------------------------------------------------------------------------------------- calls

    def narrowed(self, results: Any, inputs: Sequence[Any], wide: Sequence[Any], attrs: dict[str, Any]) -> Any:
        """The results of a call with `wide` as those of one with the inputs, which it widened."""
        for name in self.mutates:
            given, changed = (xs[self.inputs.index(name)] for xs in (inputs, wide))
            if given is not changed:
                given[...] = changed
        asked = attrs.get("dtype")
        return narrowed(results, inputs, None if asked is None else np.dtype(asked))

    def count_flops(self, out: tuple[int, ...], shapes: Sequence[tuple[int, ...] | None], attrs: dict[str, Any]) -> int:
        """Additions and multiplications of one call with inputs of these shapes and a result of shape out."""
        if self.flops is not None:
            return self.flops(out, *shapes, **attrs)
        if self.view or self.module in MOVING:
            return 0
        return max(math.prod(shape) for shape in (out, *shapes) if shape is not None)

    def explain(self, error: Exception, arrays: Sequence[Any], attrs: dict[str, Any]) -> Exception:
        """The typed error for what a kernel refused: op, argument, shapes, likely cure."""
        if isinstance(error, (ShapeError, DTypeError)):
            return self.named(error, arrays)
        names = self.inputs if not self.variadic else [f"{self.inputs[0]}[{i}]" for i in range(len(arrays))]
        shapes = {n: np.shape(a) for n, a in zip(names, arrays) if a is not None and not isinstance(a, (str, bool))}
        told = [f"{n}={v!r}" for n, v in attrs.items() if v is not self.defaults.get(n) or n in str(self.axes)]
        context = ", ".join([f"{n}: {s}" for n, s in shapes.items()] + told)
        for name, array in zip(names, arrays):
            dtype = getattr(array, "dtype", None)
            if dtype is not None and not is_number(dtype):
                return DTypeError(f"{self.name}: {name} has dtype {dtype}, expected numbers  [{context}]")
        if isinstance(error, TypeError):
            dtypes = ", ".join(f"{n}: {a.dtype}" for n, a in zip(names, arrays) if hasattr(a, "dtype"))
            missing = [n for n, a in zip(names, arrays) if a is None and self.names_required(n)]
            if missing:
                return DTypeError(f"{self.name}: {missing[0]} is None, expected a tensor  [{context}]")
            numbers = [(n, a) for n, a in zip(names, arrays) if isinstance(a, (int, float))]
            if numbers and str(error).startswith("Argument "):  # a kernel took arrays only
                return DTypeError(f"{self.name}: {numbers[0][0]} is the number {numbers[0][1]}, expected a tensor")
            return DTypeError(f"{self.name}: {str(error).removeprefix(f'{self.name}: ')}  [{dtypes}]")
        message = explain_axes(self.axes, shapes, attrs) or str(error).removeprefix(f"{self.name}: ")
        if self.broadcasts:
            message = explain_broadcast(shapes) or message
        advice = self.advice(shapes, attrs) if self.advice is not None else None
        return ShapeError(f"{self.name}: {message}  [{context}]" + (f"; {advice}" if advice else ""))

    def named(self, error: Exception, args: Sequence[Any]) -> Exception:
        """A typed error of a helper, with the op's name and the shapes of its inputs; others are left as they are."""
        if re.match(r"\w+: ", str(error)):
            return error
        shapes = ", ".join(f"{n}: {a.shape}" for n, a in zip(self.inputs, args) if hasattr(a, "shape"))
        return type(error)(f"{self.name}: {error}  [{shapes}]")


@functools.cache
def _parameters(rule: Callable) -> tuple[str, ...]:
    return tuple(inspect.signature(rule).parameters)


copyreg.pickle(Op, lambda handle: (declare, (handle.name,)))  # type: ignore[arg-type]  # copied and pickled by name

_registry: dict[str, Record] = {}


def registry() -> dict[str, Record]:
    """All declared ops by name."""
    return _registry


@contextlib.contextmanager
def intercepted(wrap: Callable[[Callable, Record], Callable]) -> Iterator[None]:
    """While active, every op calls wrap(forward, record) in place of its forward function."""
    ops = [(r, r.call) for r in _registry.values() if isinstance(r.call, Op)]
    before = [(call.forward, call.kernel) for _, call in ops]
    try:
        for record, call in ops:
            call.forward, call.kernel = wrap(call.forward, record), None  # the kernel is a short cut past forward
        yield
    finally:
        for (_, call), (forward, kernel) in zip(ops, before):
            call.forward, call.kernel = forward, kernel


def op(**declaration: Any) -> Callable[[Callable], Any]:
    """Declares a primitive op from its forward function on arrays; see the module's docstring."""

    def register(function: Callable) -> Op:
        record = Record(function, **declaration)
        handle = declare(record.name)
        if handle.record is not None and handle.record.module != record.module:
            raise TypeError(f"op {record.name!r} is already declared in {handle.record.module}")
        custom = not record.module.startswith("autograd.")
        handle.complete(record, function, len(record.extras), custom)
        record.call = handle
        _registry[record.name] = record
        return handle

    return register


def composite(**declaration: Any) -> Callable[[Callable], Callable]:
    """Declares a function written with other ops; its gradient follows from theirs."""

    def register(function: Callable) -> Callable:
        record = Record(function, composite=True, **declaration)
        parameters = [*record.inputs, *record.attrs]
        required = [name for name in parameters if record.names_required(name)]
        least = parameters.index(required[-1]) + 1 if required else 0

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            attrs: dict[str, Any] = {}
            if kwargs or record.variadic or not least <= len(args) <= len(parameters):
                args, values = record.bind(args, kwargs)
                attrs = dict(zip(record.attrs, values))
            elif len(args) > len(record.inputs):
                attrs = {**record.defaults, **dict(zip(record.attrs, args[len(record.inputs) :]))}
                args = args[: len(record.inputs)]
            try:
                if record.widens and has_halves(args):
                    wide = [*map(widened, args)]
                    return record.narrowed(function(*wide, **attrs), args, wide, attrs)
                return function(*args, **attrs)
            except (ShapeError, DTypeError) as error:
                raise record.named(error, args) from None
            except (ValueError, TypeError, IndexError) as error:
                arrays = [getattr(x, "array", x) for x in args]
                raise record.explain(error, arrays, attrs) from error

        call.record = record  # type: ignore[attr-defined]
        record.call = call
        _registry[record.name] = record
        return call

    return register
