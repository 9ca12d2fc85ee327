"""The tape: ops, which compute, and record a node for their result.

The files from deferred.py to tensor.py are the hot core; Cython compiles them in pure-Python mode (types: .pxd).
"""

import inspect
import operator

import cython
import numpy as np
from cython.cimports import numpy as cnp
from cython.cimports.autograd.capi import (
    tape_call,
    tape_drop,
    tape_hold,
    tape_items,
    tape_pack,
    tape_pointer,
    tape_set,
    tape_tuple,
)
from cython.cimports.autograd.deferred import Deferred
from cython.cimports.autograd.plan import MAX_ARGUMENTS, Plan, with_frozen_index
from cython.cimports.autograd.value import Node, Value, forms_of, new_node, number_array, owner, wrap
from cython.cimports.autograd.waiting import (
    WITH_BOTH,
    WITH_NORM,
    all_taken,
    defer,
    join,
    may_wait,
    postpone,
    taken,
    tally_for,
)
from cython.cimports.cpython.object import PyObject

from autograd.errors import DTypeError, GraphError, ShapeError
from autograd.halves import FLOAT32, is_half, is_number, widened

cnp.import_array()


def grad_enabled() -> bool:
    """Whether ops called by this thread record nodes."""
    return tape_grad_mode != 0


def set_grad_enabled(on: bool) -> bool:
    """Switches recording for this thread; returns what it was."""
    global tape_grad_mode
    before = tape_grad_mode != 0
    tape_grad_mode = 1 if on else 0
    return before


REQUIRED = cython.declare(object, inspect.Parameter.empty)
WITH_FORMS = cython.declare(tuple, ("kept",))
_observers = cython.declare(tuple, ())


def observe(observer, on: bool = True):
    """observer(node, inputs, out) is called after every recorded op, until it is switched off."""
    global _observers
    others = tuple([other for other in _observers if other != observer])
    _observers = (*others, observer) if on else others


def alike(arguments, n):
    """Whether these are float32 or float64 arrays of one native dtype, or numbers and None beside one."""
    i: cython.Py_ssize_t
    first: cython.pointer(PyObject) = cython.NULL
    for i in range(n):
        if not cnp.PyArray_Check(cython.cast(object, arguments[i])):
            continue
        if first == cython.NULL:
            first = arguments[i]
        elif tape_descr(arguments[i]) != tape_descr(first):
            return False
    if first == cython.NULL:
        return False
    array = cython.cast(cnp.ndarray, first)
    number: cython.int = cnp.PyArray_TYPE(array)
    return (number == cnp.NPY_FLOAT32 or number == cnp.NPY_FLOAT64) and not cnp.PyArray_ISBYTESWAPPED(array)


def has_halves(inputs: tuple) -> bool:
    """Whether there are 16-bit floats among these tensors, arrays and numbers."""
    for x in inputs:
        if isinstance(x, Value):
            x = cython.cast(Value, x).array
        if cnp.PyArray_Check(x) and cnp.PyArray_TYPE(x) >= NPY_HALF:
            return True
    return False


class Op:
    """A differentiable function of arrays. Calling it runs the forward function and records a node."""

    def __init__(self, name: str):
        self.name = name
        self.vectorcall = cython.cast(cython.p_void, call_op)

    def complete(self, record, forward, extras, custom):
        """Fills in an op that was declared by name only."""
        self.record = record
        self.forward = forward
        self.kernel = record.kernel
        self.part = record.part
        self.extras = extras
        self.custom = custom
        self.inputs = len(record.inputs)
        if self.inputs > MAX_ARGUMENTS:
            raise TypeError(f"op {self.name!r} has {self.inputs} inputs, at most {MAX_ARGUMENTS} are possible")
        self.variadic = record.variadic
        self.plain = -1 if record.variadic or REQUIRED in record.defaults.values() else self.inputs
        self.broadcasts = record.broadcasts
        self.view = record.view
        self.widens = record.widens
        self.twin = record.twin
        self.differentiable = record.differentiable
        self.names = tuple(record.attrs)
        self.casts = self.names.index("dtype") if self.widens and "dtype" in self.names else -1
        self.indexed = self.names.index("index") if "index" in self.names else -1
        self.keeps = -1 if record.keeps is None else record.inputs.index(record.keeps)
        self.taking = record.takes
        self.takes = -1 if record.takes is None else record.inputs.index(record.takes[0])
        self.tallies = record.tallies
        self.defaults = tuple(record.defaults.values())
        self.absent = tuple([record.signature.parameters[name].default for name in record.inputs])
        self.calls = {}
        self.forget_plans()

    def forget_plans(self):
        """Reads the gradient rules again at the next call. One plan for each set of inputs that need gradients."""
        self.plans = [None] * (2 if self.variadic else 1 << self.inputs)

    def __repr__(self):
        return f"<op {self.name}>"

    def __getattr__(self, name):
        """What the declaration says (`op.samples`, `op.grads`, ...) is found on the record."""
        if name == "__name__":
            return self.name
        if name == "__signature__" and self.record is not None:
            return self.record.signature
        if self.record is None or name.startswith("__"):
            raise AttributeError(f"op {self.name!r} has no attribute {name!r}")
        return getattr(self.record, name)

    def __call__(self, *args, **kwargs):
        """Any call that Python allows; call_op answers the usual ones faster."""
        inputs, attrs = self.record.bind(args, kwargs)
        return self.run(tape_items(inputs), len(inputs), attrs, None)

    def with_extras(self, *args, **kwargs):
        """As a call, but returns (result, *extras); extras are arrays."""
        inputs, attrs = self.record.bind(args, kwargs)
        extras: list = []
        return (self.run(tape_items(inputs), len(inputs), attrs, extras), *extras)

    def call1(self, x):
        inputs: cython.pointer(PyObject)[1] = [tape_pointer(x)]
        return self.run(inputs, 1, self.defaults, None)

    def call2(self, x, y):
        inputs: cython.pointer(PyObject)[2] = [tape_pointer(x), tape_pointer(y)]
        return self.run(inputs, 2, self.defaults, None)

    def places(self, count: cython.Py_ssize_t, names):
        """Where the inputs and attributes stand in a call of so many arguments, these names last; see Record.places."""
        known: dict = self.calls.get(names)
        if known is None:
            known = self.calls[names] = {}
        found = known.get(count, False)
        if found is False:
            found = known[count] = self.record.places(count, names or ())
        return found

    def run(self, inputs, n, attrs, extras):
        """Calls the forward function on the arrays of n inputs; appends what it returns beside the result to extras.

        The inputs are borrowed from the caller; the arrays are held, as other threads may give a value another one.
        """
        total: cython.Py_ssize_t = n if attrs is self.defaults else n + len(attrs)
        few: cython.pointer(PyObject)[MAX_ARGUMENTS]
        many: tuple = tape_tuple(total) if total > MAX_ARGUMENTS - 2 else None  # these places are for what is no input
        arguments: cython.pointer(cython.pointer(PyObject)) = few
        if many is not None:
            arguments = tape_items(many)
        i: cython.Py_ssize_t
        for i in range(total):
            arguments[i] = cython.NULL
        forms: object = None
        try:
            mask: cython.long = self.gather(inputs, n, arguments)
            if mask & HALVES or (self.casts >= 0 and _asks_half(attrs[self.casts])):
                return self.run_in_float32(inputs, n, attrs, extras)
            for i in range(n, total):
                tape_hold(arguments + i, attrs[i - n])
            if self.keeps >= 0 or self.custom:
                forms = self.forms(inputs, n, mask)
            norm: tuple = None
            if self.takes >= 0 and self.variadic:
                norm = all_taken(self.taking, inputs, n, arguments, total)
            elif self.takes >= 0:
                norm = taken(self.taking, inputs, self.takes, arguments, total)
            tally = None
            if self.tallies and self.keeps >= 0 and mask != 0 and tape_grad_mode != 0:
                tally = tally_for(inputs[self.keeps])
            results = None
            if self.joints is not None:
                results = join(self, self.joints, inputs, n, attrs, arguments)
            elif self.part is not None and mask & 1 and tape_grad_mode != 0:
                results = postpone(self.part, inputs, n, arguments, total, self.names if total > n else ())
            if results is None:
                results = self.compute(arguments, n, total, attrs, forms, norm, tally)
        finally:
            if many is None:
                tape_drop(few, total)
        array = results[0] if self.extras else results
        recorded: cython.bint = mask != 0 and tape_grad_mode != 0 and self.differentiable
        later: Deferred = None
        if not cnp.PyArray_CheckExact(array):
            if not isinstance(array, Deferred):
                array = np.asarray(array)
            elif recorded and may_wait(array, len(_observers) > 0):
                later = array
                array = later.arguments[0]  # of the same shape
            else:
                array = cython.cast(Deferred, array).compute()
        out: Value
        if recorded:
            out = self.record_node(inputs, n, attrs, mask, array, results)
        else:
            out = wrap(array, None)
        if tally is not None and out.node is not None:
            out.node.tally = tally
        if later is not None:
            defer(out, later, self.plan(mask, n), n)
        if self.view and n > 0 and isinstance(cython.cast(object, inputs[0]), Value):
            source: Value = cython.cast(Value, cython.cast(object, inputs[0]))
            if owner(source.array) is owner(array):
                out.version = source.share_version()
                out.seen = out.version.count
        if extras is not None:
            extras.extend(results[1:])
        return out

    def run_in_float32(self, inputs, n, attrs, extras):
        """As run, with 16-bit numbers among the inputs, or asked for."""
        given = tuple(
            [self.as_input(x, i) if isinstance(x, (list, tuple)) else x for i, x in enumerate(tape_pack(inputs, n))]
        )
        wide_attrs: tuple = attrs
        if self.casts >= 0 and _asks_half(attrs[self.casts]):
            dtype = np.dtype(attrs[self.casts])
            given = tuple([x.astype(dtype) if hasattr(x, "astype") else x for x in given])
            wide_attrs = (*attrs[: self.casts], FLOAT32, *attrs[self.casts + 1 :])
        wide = tuple(map(widened, given))
        if wide_attrs is attrs and all(map(operator.is_, wide, given)):  # float8 and the like
            raise self.record.explain(TypeError("expected real numbers"), given, {})
        out = self.run(tape_items(wide), n, wide_attrs, extras)
        return self.record.narrowed(out, given, wide, dict(zip(self.names, attrs)))

    def forms(self, inputs, n, mask):
        """What the kernel may keep of its weight. Somebody's own code, on the other hand, gets to see the arrays."""
        i: cython.Py_ssize_t
        for i in range(n if self.custom else 0):
            if isinstance(cython.cast(object, inputs[i]), Value):
                cython.cast(Value, inputs[i]).looked_at()
        if self.keeps < 0 or not isinstance(cython.cast(object, inputs[self.keeps]), Value):
            return None
        weight: Value = cython.cast(Value, inputs[self.keeps])
        if mask >> self.keeps & 1 == 0 or tape_grad_mode == 0:
            return forms_of(weight)
        weight.kept = None  # it is about to change
        return None

    def compute(self, arguments, n, total, attrs, forms=None, norm=None, tally=None):
        """The kernel's results for n inputs and perhaps attributes; what it refuses is the forward function's."""
        if self.kernel is not None and self.suits(arguments, n):
            try:
                if norm is not None or tally is not None:
                    arguments[total] = tape_pointer(norm)
                    arguments[total + 1] = tape_pointer(tally)
                    names = WITH_BOTH if self.tallies else WITH_NORM
                    return tape_call(self.kernel, arguments, total, tape_pointer(names))
                if forms is not None:
                    arguments[total] = tape_pointer(forms)
                    return tape_call(self.kernel, arguments, total, tape_pointer(WITH_FORMS))
                return tape_call(self.kernel, arguments, total, cython.NULL)
            except (ValueError, TypeError, IndexError):
                pass
        try:
            return tape_call(self.forward, arguments, n, tape_pointer(self.names) if total > n else cython.NULL)
        except (ValueError, TypeError, IndexError) as error:
            raise self.record.explain(error, tape_pack(arguments, n), dict(zip(self.names, attrs))) from None

    def suits(self, arguments, n):
        """Whether to try the kernel: where inputs broadcast, different dtypes are the forward function's business."""
        return not self.broadcasts or alike(arguments, n)

    def may_leave(self, place):
        """Whether an input that waits need not be computed yet: it may become part of this op."""
        return self.joints is not None or place == self.takes or (self.variadic and self.takes >= 0)

    def gather(self, inputs, n, arrays):
        """Fills in the arrays of the inputs; returns which inputs need gradients, and HALVES, as bits."""
        mask: cython.long = 0
        i: cython.Py_ssize_t
        for i in range(n):
            x = cython.cast(object, inputs[i])
            if isinstance(x, Value):
                value: Value = cython.cast(Value, x)
                if value.deferred is not None and not self.may_leave(i):
                    value.now()
                tape_hold(arrays + i, value.array)
                if cnp.PyArray_TYPE(value.array) >= NPY_HALF and self.widens:
                    mask |= HALVES
                if value.node is not None:
                    if value.version is not None and value.version.count != value.seen and value.node.op is not None:
                        raise GraphError(
                            f"{self.name}: input {i} was changed in place through another view of its memory, so its "
                            "history no longer says how it was made; change a clone() instead"
                        )
                    mask |= 1 if self.variadic else cython.cast(cython.long, 1) << i
            elif type(x) is float or type(x) is int or type(x) is bool:
                tape_hold(arrays + i, x if self.broadcasts else number_array(x))
            elif x is None:
                if self.variadic or self.absent[i] is REQUIRED:
                    raise DTypeError(f"{self.name}: {self.record.input_name(i)} is None, expected a tensor")
                tape_hold(arrays + i, None)
            elif isinstance(x, (float, np.floating, np.integer)):  # NumPy scalars do not decide the dtype
                tape_hold(arrays + i, x.item() if self.broadcasts else number_array(x.item()))
            else:
                x = self.as_input(x, i)
                tape_hold(arrays + i, x)
                if cnp.PyArray_TYPE(x) >= NPY_HALF and self.widens:
                    mask |= HALVES
        return mask

    def as_input(self, x, i):
        """Data that is no tensor as an array of numbers in native byte order."""
        try:
            array = np.asarray(x)
        except ValueError:
            raise ShapeError(f"{self.name}: {self.record.input_name(i)} is a list of different lengths") from None
        if not is_number(array.dtype):
            raise DTypeError(f"{self.name}: {self.record.input_name(i)} has dtype {array.dtype}, expected real numbers")
        return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))

    def plan(self, mask: cython.long, count: cython.long):
        plan = self.plans[mask]
        if plan is None:
            plan = self.plans[mask] = self.record.plan(mask, count)
        return plan

    def record_node(self, inputs, n, attrs, mask, array, results):
        """The result with a node that holds what the plan for these inputs saves."""
        out: Value = wrap(array, None)
        plan: Plan = self.plan(mask, n)
        if not plan.steps:
            return out
        node: Node = new_node(self, cython.cast(cnp.ndarray, array))
        node.plan = plan
        node.attrs = attrs if self.indexed < 0 else with_frozen_index(attrs, self.indexed)
        node.held = plan.hold(inputs, n, self.variadic, out, results)
        node.degree = n
        out.node = node
        if _observers:
            given = tape_pack(inputs, n)
            for observer in _observers:
                observer(node, given, out)
        return out


@cython.cfunc
@cython.returns(cython.bint)
def _asks_half(dtype):
    return dtype is not None and is_half(np.dtype(dtype))


def call_op(op, arguments, flags, names):
    """op(*arguments) by Python's vectorcall protocol: the last arguments have names, if names is not NULL."""
    self: Op = op
    count: cython.Py_ssize_t = tape_positional(flags)
    named: tuple = None if names == cython.NULL else cython.cast(tuple, cython.cast(object, names))
    if named is None and count == self.plain:
        return self.run(arguments, count, self.defaults, None)
    places: tuple = None if self.record is None else self.places(count, named)
    if places is None:
        positional: tuple = tape_pack(arguments, count)
        keywords = {} if named is None else dict(zip(named, tape_pack(arguments + count, len(named))))
        return self.__call__(*positional, **keywords)
    inputs: cython.pointer(PyObject)[MAX_ARGUMENTS]
    attrs: tuple = self.defaults
    place: cython.Py_ssize_t
    i: cython.Py_ssize_t
    for i in range(self.inputs):
        place = places[i]
        inputs[i] = arguments[place] if place >= 0 else tape_items(self.absent)[i]
    if len(places) > self.inputs:  # some attribute is given
        attrs = tape_tuple(len(self.defaults))
        for i in range(len(attrs)):
            place = places[self.inputs + i]
            tape_set(attrs, i, cython.cast(object, arguments[place]) if place >= 0 else self.defaults[i])
    return self.run(inputs, self.inputs, attrs, None)


_handles: dict = {}


def declare(name: str) -> Op:
    """The op of this name, which the declaration in autograd.ops completes on import."""
    op = _handles.get(name)
    if op is None:
        op = _handles[name] = Op(name)
    return op


def declared() -> dict:
    """All ops by name."""
    return _handles


@cython.cfunc
def _enable_vectorcall(op: Op):
    here: cython.p_char = cython.cast(cython.p_char, cython.cast(cython.p_void, op))
    tape_enable_vectorcall(Op, cython.cast(cython.p_char, cython.address(op.vectorcall)) - here)


_enable_vectorcall(Op("vectorcall"))
