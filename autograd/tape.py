"""The tape: values, the nodes that record how they were made, and the ops that record them.

This file, sweep.py and tensor.py are the hot core; Cython compiles them in pure-Python mode (types: tape.pxd).
There is no global list of nodes: a value holds its node, a node holds the nodes of its inputs, and
reference counting frees a graph as soon as nobody can differentiate it any more.
"""

import inspect

import cython
import numpy as np

from autograd import kernels
from autograd.errors import DTypeError, GraphError, ShapeError

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


_changes = cython.declare(cython.ulonglong, 0)  # changes of any memory in place so far
_default_dtype = cython.declare(object, np.dtype("float32"))


def default_dtype():
    """What Python floats become, and ints that meet them: float32, as in PyTorch, unless somebody chose another."""
    return _default_dtype


def set_default_dtype(dtype):
    """Chooses what Python floats become: a floating-point dtype."""
    global _default_dtype
    chosen = np.dtype(dtype)
    if chosen.kind != "f":
        raise DTypeError(f"set_default_dtype: expected a floating-point dtype, got {chosen}")
    _default_dtype = np.dtype(chosen.type)  # the one object of this native dtype


@cython.freelist(64)
@cython.cclass
class Version:
    """Counts in-place changes of memory; shared by all values that alias it."""

    def changed(self):
        global _changes
        _changes += 1
        self.count += 1
        self.last = _changes


@cython.freelist(64)
@cython.cclass
class Stamp:
    """A state of a value's memory. It holds as long as nobody can have changed the memory since.

    Changes by ops count up the version; a look at the array by Python code, which may write to it, counts as a look.
    A stamp is taken only where no other reference to the array is left, so that later looks are all there are.
    """

    def take(self, value: Value, references: cython.Py_ssize_t):
        """Notes the state; a stamp that is not taken, because more than so many references exist, never holds."""
        if is_private(value, references):
            self.version = value.share_version()
            self.count = self.version.count
            self.looks = self.version.looks

    def holds(self, value: Value):
        version: Version = self.version
        return (
            version is not None
            and version is value.version
            and version.count == self.count
            and version.looks == self.looks
        )


@cython.cclass
class Kept(Stamp):
    """The forms that kernels keep of a weight, as long as the stamp holds."""


@cython.cclass
class Watch:
    """Stamps of some values, or Nones, from which something was computed."""

    def __init__(self, values: tuple):
        stamps: list = []
        stamp: Stamp
        for x in values:
            stamp = Stamp.__new__(Stamp)
            if x is not None:
                stamp.take(x, 1)
            stamps.append(stamp)
        self.values = values
        self.stamps = tuple(stamps)

    def holds(self, values: tuple):
        """Whether these are the same values, and their memory the same as then."""
        i: cython.Py_ssize_t
        for i in range(len(self.stamps)):
            if values[i] is not self.values[i]:
                return False
            if values[i] is not None and not cython.cast(Stamp, self.stamps[i]).holds(values[i]):
                return False
        return True


@cython.freelist(256)
@cython.cclass
class Value:
    """An array and the node that made it; the base of Tensor."""

    def looked_at(self):
        """Python code gets the array, and may change it unseen."""
        if self.version is not None:
            self.version.looks = self.version.looks + 1

    def share_version(self):
        if self.version is None:
            self.version = Version.__new__(Version)
        return self.version

    def bump(self):
        """Records that the memory was changed in place."""
        version: Version = self.share_version()
        version.changed()

    @property
    def changes(self):
        """How often the memory was changed in place."""
        return 0 if self.version is None else self.version.count

    def set_array(self, array):
        """Gives the value another array."""
        self.looked_at()
        self.array = array

    def set_node(self, node):
        """Gives the value another history: None, or the node that made it."""
        self.node = node


RESULT = cython.declare(object, Value)
NO_ARGUMENTS = cython.declare(tuple, ())
REQUIRED = cython.declare(object, inspect.Parameter.empty)
WITH_FORMS = cython.declare(tuple, ("kept",))


def set_result_type(tensor_type):
    """The public class of results (tensor.py sets it, being above this file)."""
    global RESULT
    RESULT = tensor_type
    tape_inherit_dealloc(tensor_type, Value)


def wrap(array, node):
    """A new value of the public class."""
    value: Value = tape_instance(RESULT, NO_ARGUMENTS)
    value.array = array
    value.node = node
    return value


_sequence = cython.declare(cython.ulonglong, 0)
_observers = cython.declare(tuple, ())


def observe(observer, on: bool = True):
    """observer(node, inputs, out) is called after every recorded op, until it is switched off."""
    global _observers
    others = tuple([other for other in _observers if other != observer])
    _observers = (*others, observer) if on else others


def newest() -> int:
    """The number of the node that was made last."""
    return _sequence


@cython.freelist(256)
@cython.trashcan(True)
@cython.cclass
class Node:
    """One recorded op call, or (op None) a leaf, which holds the gradient."""

    def is_leaf(self):
        return self.op is None

    @property
    def shape(self):
        return tape_shape(self.ndim, self.sizes) if self.wide is None else self.wide

    def has_shape_of(self, array):
        """self.shape == array.shape, without making a tuple."""
        if cnp.PyArray_NDIM(array) != self.ndim:
            return False
        if self.wide is not None:
            return self.wide == tape_shape(cnp.PyArray_NDIM(array), cnp.PyArray_DIMS(array))
        return cnp.PyArray_CompareLists(cnp.PyArray_DIMS(array), self.sizes, self.ndim)

    @property
    def edges(self):
        """The nodes of the inputs, None for inputs without gradient; None for a leaf and after release."""
        return None if self.held is None else self.held[: self.degree]

    def is_stale(self):
        """Whether a saved value was changed in place since."""
        if self.stamp == _changes:
            return False
        i: cython.Py_ssize_t
        for i in range(self.degree, len(self.held)):
            item = self.held[i]
            if isinstance(item, Value):
                value: Value = cython.cast(Value, item)
                if value.version is not None and value.version.last > self.stamp:
                    return True
        return False

    def release(self):
        """Lets go of all that a backward pass needs."""
        if self.op is not None:
            self.held = None
            self.degree = 0
            self.attrs = None
            self.restore = None

    def add_hook(self, hook):
        """Calls hook(gradient) when the gradient of this node is complete; returns a key for remove_hook."""
        if self.hooks is None:
            self.hooks = {}
        key = object()
        self.hooks[key] = hook
        return key

    def add_after(self, hook):
        """Calls hook() after a backward pass has stored the gradient of this leaf; returns a key for remove_hook."""
        if self.after is None:
            self.after = {}
        key = object()
        self.after[key] = hook
        return key

    def remove_hook(self, key):
        if self.hooks is not None:
            self.hooks.pop(key, None)
        if self.after is not None:
            self.after.pop(key, None)

    def retain_grad(self):
        """Keeps the gradient of a node that is no leaf."""
        self.retains = True

    @property
    def retains_grad(self):
        return self.retains

    @property
    def saved_values(self):
        """What the node keeps alive for the backward pass."""
        return () if self.held is None else self.held[self.degree :]

    def put_away(self, restore, kept: tuple = ()):
        """Drops what was saved; the backward sweep calls restore() before it needs it. `kept` is saved until then."""
        self.bring_back(kept, None)
        self.restore = restore

    def bring_back(self, saved: tuple, attrs):
        """Ends put_away."""
        self.held = (self.held or ())[: self.degree] + saved
        self.attrs = attrs
        self.stamp = _changes
        self.restore = None

    @property
    def attributes(self):
        """The attributes of the call, in the order of the op's declaration."""
        return self.attrs

    @property
    def restorer(self):
        """What put_away was given, or None."""
        return self.restore

    @property
    def released(self):
        """Whether a backward pass has freed what was saved."""
        return self.op is not None and self.held is None


def new_node(op, array):
    """A node for a result of this op (None: for a leaf)."""
    global _sequence
    node: Node = tape_instance(Node, NO_ARGUMENTS)
    _sequence += 1
    node.seq = _sequence
    node.op = op
    node.dtype = cython.cast(object, cnp.PyArray_DESCR(array))
    node.ndim = cnp.PyArray_NDIM(array)
    i: cython.int
    if node.ndim > FEW_AXES:
        node.wide = tape_shape(node.ndim, cnp.PyArray_DIMS(array))
    else:
        for i in range(node.ndim):
            node.sizes[i] = cnp.PyArray_DIM(array, i)
    return node


def owner(array):
    """The array that owns the memory of an array."""
    base: cython.pointer(PyObject) = tape_base(array)
    while base != cython.NULL and cnp.PyArray_Check(cython.cast(object, base)):
        array = cython.cast(object, base)
        base = tape_base(array)
    return array


def is_private(value: Value, references: cython.Py_ssize_t):
    """Whether the array owns its memory and nobody else holds it or a view of it, beyond so many references."""
    return (
        tape_references(cython.cast(cython.pointer(PyObject), value.array)) <= references
        and tape_base(value.array) == cython.NULL
        and cnp.PyArray_CHKFLAGS(value.array, cnp.NPY_ARRAY_OWNDATA)
    )


def forms_of(value: Value):
    """What kernels keep of a weight; None at its first use since a change, and while its memory may change unseen."""
    if value.kept is not None and value.kept.holds(value):
        if value.kept.forms is None:
            value.kept.forms = kernels.Forms()
        return value.kept.forms
    value.kept = Kept.__new__(Kept)
    value.kept.take(value, 2)  # the value, the arguments of the call
    return None


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
    array: cnp.ndarray = cython.cast(cnp.ndarray, first)
    number: cython.int = cnp.PyArray_TYPE(array)
    return (number == cnp.NPY_FLOAT32 or number == cnp.NPY_FLOAT64) and not cnp.PyArray_ISBYTESWAPPED(array)


def number_array(x):
    """A Python number as an array."""
    return np.asarray(x, _default_dtype if type(x) is float else None)


def leaf_node(array):
    """The node of a value that gradients are wanted for."""
    if array.dtype.kind != "f":
        raise DTypeError(f"requires_grad: only floating-point tensors can require gradients, this one is {array.dtype}")
    return new_node(None, array)


class Step:
    """One gradient rule as a plan runs it: target is the input it serves, or -1 for a shared step.

    arguments: for each of the rule's, where it comes from (FROM_...) and its place there.
    """

    def __init__(self, rule, target: cython.int, arguments: tuple):
        i: cython.int
        self.rule = rule
        self.op = rule if isinstance(rule, Op) and not rule.extras else None  # whose kernel gives the result alone
        self.target = target
        self.count = len(arguments)
        if self.count > MAX_ARGUMENTS:
            raise TypeError(f"a gradient rule has {self.count} arguments, at most {MAX_ARGUMENTS} are possible")
        for i in range(self.count):
            self.sources[i], self.places[i] = arguments[i]
            self.chained = self.chained or self.sources[i] == FROM_STEP


class Plan:
    """What an op saves and which rules run, for one set of inputs that need gradients. No steps: no gradient.

    saves: kinds (SAVE_...) and which of that kind.
    """

    def __init__(self, saves: tuple, steps: tuple):
        i: cython.int
        self.steps = steps
        self.out = -1
        step: Step
        for step in steps:
            self.chained = self.chained or step.chained
        self.count = len(saves)
        if self.count > MAX_ARGUMENTS:
            raise TypeError(f"the gradient rules save {self.count} values, at most {MAX_ARGUMENTS} are possible")
        for i in range(self.count):
            self.kinds[i], self.places[i] = saves[i]
            if self.kinds[i] == SAVE_OUT:
                self.out = i


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
        self.extras = extras
        self.custom = custom
        self.inputs = len(record.inputs)
        if self.inputs > MAX_ARGUMENTS:
            raise TypeError(f"op {self.name!r} has {self.inputs} inputs, at most {MAX_ARGUMENTS} are possible")
        self.variadic = record.variadic
        self.plain = -1 if record.variadic or REQUIRED in record.defaults.values() else self.inputs
        self.broadcasts = record.broadcasts
        self.view = record.view
        self.twin = record.twin
        self.differentiable = record.differentiable
        self.names = tuple(record.attrs)
        self.indexed = self.names.index("index") if "index" in self.names else -1
        self.keeps = -1 if record.keeps is None else record.inputs.index(record.keeps)
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
        inputs: cython.pointer(PyObject)[1] = [cython.cast(cython.pointer(PyObject), x)]
        return self.run(inputs, 1, self.defaults, None)

    def call2(self, x, y):
        inputs: cython.pointer(PyObject)[2] = [
            cython.cast(cython.pointer(PyObject), x),
            cython.cast(cython.pointer(PyObject), y),
        ]
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
        many: tuple = None
        arguments: cython.pointer(cython.pointer(PyObject)) = few
        if total >= MAX_ARGUMENTS:  # one place is for what is kept of a weight
            many = tape_tuple(total)
            arguments = tape_items(many)
        i: cython.Py_ssize_t
        for i in range(total):
            arguments[i] = cython.NULL
        forms: object = None
        try:
            mask: cython.long = self.gather(inputs, n, arguments)
            for i in range(n, total):
                tape_hold(arguments + i, attrs[i - n])
            if self.keeps >= 0 or self.custom:
                forms = self.forms(inputs, n, mask)
            results = self.compute(arguments, n, total, attrs, forms)
        finally:
            if many is None:
                tape_drop(few, total)
        array = results[0] if self.extras else results
        if not cnp.PyArray_CheckExact(array):
            array = np.asarray(array)
        out: Value
        if mask != 0 and tape_grad_mode != 0 and self.differentiable:
            out = self.record_node(inputs, n, attrs, mask, array, results)
        else:
            out = wrap(array, None)
        if self.view and isinstance(cython.cast(object, inputs[0]), Value):
            source: Value = cython.cast(Value, cython.cast(object, inputs[0]))
            if owner(source.array) is owner(array):
                out.version = source.share_version()
                out.seen = out.version.count
        if extras is not None:
            extras.extend(results[1:])
        return out

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

    def compute(self, arguments, n, total, attrs, forms=None):
        """The kernel's results for n inputs and perhaps attributes; what it refuses is the forward function's."""
        if self.kernel is not None and self.suits(arguments, n):
            try:
                if forms is not None:
                    arguments[total] = cython.cast(cython.pointer(PyObject), forms)
                    return tape_call(self.kernel, arguments, total, cython.cast(cython.pointer(PyObject), WITH_FORMS))
                return tape_call(self.kernel, arguments, total, cython.NULL)
            except (ValueError, TypeError, IndexError):
                pass
        names: cython.pointer(PyObject) = cython.cast(cython.pointer(PyObject), self.names)
        try:
            return tape_call(self.forward, arguments, n, names if total > n else cython.NULL)
        except (ValueError, TypeError, IndexError) as error:
            raise self.record.explain(error, tape_pack(arguments, n), dict(zip(self.names, attrs))) from None

    def suits(self, arguments, n):
        """Whether to try the kernel: where inputs broadcast, different dtypes are the forward function's business."""
        return not self.broadcasts or alike(arguments, n)

    def gather(self, inputs, n, arrays):
        """Fills in the arrays of the inputs; returns which inputs need gradients, as bits."""
        mask: cython.long = 0
        i: cython.Py_ssize_t
        value: Value
        for i in range(n):
            x = cython.cast(object, inputs[i])
            if isinstance(x, Value):
                value = cython.cast(Value, x)
                tape_hold(arrays + i, value.array)
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
                tape_hold(arrays + i, self.as_input(x, i))
        return mask

    def as_input(self, x, i):
        """Data that is no tensor as an array of numbers in native byte order."""
        try:
            array = np.asarray(x)
        except ValueError:
            raise ShapeError(f"{self.name}: {self.record.input_name(i)} is a list of different lengths") from None
        if array.dtype.kind not in "fiub":
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
        node.attrs = attrs if self.indexed < 0 else _with_frozen_index(attrs, self.indexed)
        held: tuple = tape_tuple(n + plan.count)
        value: Value
        i: cython.Py_ssize_t
        for i in range(n):
            x = cython.cast(object, inputs[i])
            tape_set(held, i, cython.cast(Value, x).node if isinstance(x, Value) else None)
        for i in range(plan.count):
            kind: cython.int = plan.kinds[i]
            place: cython.int = plan.places[i]
            if kind == SAVE_INPUT:
                x = cython.cast(object, inputs[place])
                tape_set(held, n + i, x if isinstance(x, Value) else _frozen(x))
            elif kind == SAVE_SHAPE and self.variadic:
                tape_set(held, n + i, [_shape(x) for x in tape_pack(inputs, n)])
            elif kind == SAVE_SHAPE:
                tape_set(held, n + i, _shape(cython.cast(object, inputs[place])))
            elif kind == SAVE_OUT:  # an alias: the result itself holds this node, which would be a cycle
                value = wrap(array, None)
                value.version = out.share_version()
                tape_set(held, n + i, value)
            else:
                tape_set(held, n + i, results[place])
        node.held = held
        node.degree = n
        node.stamp = _changes
        out.node = node
        if _observers:
            given = tape_pack(inputs, n)
            for observer in _observers:
                observer(node, given, out)
        return out


@cython.cfunc
def _frozen(x):
    """Saved data without a version, so that nobody can change it: indices and labels are copied.

    Arrays of floats are not: they may be large, and a user who writes to them can make them a tensor.
    """
    if isinstance(x, tuple):
        return tuple([_frozen(part) for part in x])
    if isinstance(x, list):
        return [_frozen(part) for part in x]
    if isinstance(x, Value):
        x = cython.cast(Value, x).array
    return x.copy() if isinstance(x, np.ndarray) and x.dtype.kind in "iub" else x


@cython.cfunc
def _with_frozen_index(attrs: tuple, place: cython.Py_ssize_t):
    index = attrs[place]
    if type(index) is int or type(index) is slice:
        return attrs
    return (*attrs[:place], _frozen(index), *attrs[place + 1 :])


@cython.cfunc
def _shape(x):
    if isinstance(x, Value):
        value: Value = x
        return tape_shape(cnp.PyArray_NDIM(value.array), cnp.PyArray_DIMS(value.array))
    return None if x is None else np.shape(x)


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


def look(value, unused):
    """The attribute `array` as Python sees it."""
    self: Value = value
    self.looked_at()
    return self.array


_enable_vectorcall(Op("vectorcall"))
tape_add_property(Value, b"array", look)
set_result_type(Value)
