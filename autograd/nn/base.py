"""What every call of a module and every look at its attributes goes through; compiled, as small networks feel it."""

import cython
from cython.cimports import numpy as cnp
from cython.cimports.autograd.capi import tape_items, tape_set, tape_tuple
from cython.cimports.autograd.tape import Op, grad_enabled
from cython.cimports.autograd.value import Value
from cython.cimports.cpython.dict import PyDict_GetItemWithError

from autograd.backends import fusion
from autograd.errors import DTypeError, ShapeError

cnp.import_array()


_shortcuts = cython.declare(dict, {})


class Seen:
    """What the attributes of a module say, until one of them changes: its hooks, whether it has a forward of its own.

    kind: its class; known: the Shortcut or Chain of that. op, given, rest, attrs: how a Shortcut calls this op with so
    many arguments of the module; op None: not looked up.
    """


@cython.cfunc
@cython.returns(Seen)
def look_at(module: Callable):
    state: dict = instance_dict(module, cython.NULL)
    version: cython.ulonglong = dict_version(state)
    seen: Seen = module.seen
    if seen is None:
        seen = module.seen = Seen.__new__(Seen)
    if seen.version != version or seen.kind is not type(module):
        hooks = state.get("_hooks")
        if hooks is None:
            module._explain_missing("_hooks")
        seen.hooks = hooks
        seen.own_forward = "forward" in state
        seen.op = None
        seen.kind = type(module)
        seen.known = _shortcuts.get(type(module))
        seen.version = version
    return seen


@cython.auto_pickle(False)  # the state is __dict__ alone
@cython.cclass
class Callable:
    """The base of Module: a call runs the hooks and forward."""

    def __call__(self, *args, **kwargs):
        try:
            seen: Seen = look_at(self)
            if len(seen.hooks) > 0:
                return self._call_hooked(args, kwargs)
            if not kwargs:
                known = seen.known
                if isinstance(known, Shortcut):
                    shortcut: Shortcut = known
                    result = shortcut.take(self, seen, shortcut.op, args)
                    if result is not None:
                        return result
                elif known is not None:
                    steps: list = cython.cast(Chain, known).steps_of(self)
                    if steps is not None and len(args) == 1:
                        return call_forward(self, args, kwargs, steps)
            return call_forward(self, args, kwargs)
        except (ShapeError, DTypeError) as error:
            self._locate(error)
            raise

    def __getnewargs__(self):
        return ()  # or Python would not copy and pickle what has fields in C, but `seen` is no part of the state

    def __getattr__(self, name):  # only called for what is missing
        self._explain_missing(name)


def find_quickly(subclass):
    """Finds attributes of its instances as Callable does. Python's way looks for a __getattr__ each time, ours."""
    if subclass.__getattr__ is Callable.__getattr__ and subclass.__getattribute__ is Callable.__getattribute__:
        inherit_getattr(subclass, Callable)


def call_forward(module: Callable, args: tuple, kwargs: dict, steps=None):
    """The module's forward method, or the steps that it comes to."""
    global nesting
    nesting += 1
    try:
        result = module.forward(*args, **kwargs) if steps is None else run_steps(steps, args[0])
    finally:
        nesting -= 1
    if nesting == 0 and isinstance(result, Value) and not grad_enabled():
        cython.cast(Value, result).now()  # what waits in inference (folding.py) waits for layers of the same network
    return result


def inside_forward() -> bool:
    """Whether this thread is in the forward method of a module that is more than one op."""
    return nesting > 0


def is_plain(module: Callable):
    """Whether calling the module does nothing beside its class's forward."""
    seen: Seen = look_at(module)
    return len(seen.hooks) == 0 and not seen.own_forward


class Shortcut:
    """What forward of a class of layers usually comes to: an op of its arguments and of attributes of the layer.

    with_relu: the op for a ReLU after it. only_if: an attribute's name and the value that it must have. dimensions:
    how many the first argument must have, if that matters.
    """

    def __init__(self, layer, op, names, with_relu=None, only_if=None, dimensions=-1):
        self.forward = layer.forward
        self.op = op
        self.with_relu = with_relu
        self.names = names
        self.only_if = only_if
        self.dimensions = dimensions
        _shortcuts[layer] = self

    def take(self, module: Callable, seen: Seen, op: Op, arguments: tuple):
        """The op's result; None where only forward will do, which also says best what is wrong with the arguments."""
        given: cython.Py_ssize_t = len(arguments)
        if seen.own_forward or type(module).forward is not self.forward:
            return None
        looked: cython.bint = seen.op is op and seen.given == given
        if not looked and not self.look(seen, instance_dict(module, cython.NULL), op, given):
            return None
        rest, attrs = seen.rest, seen.attrs  # held: another thread may look anew
        if self.dimensions >= 0 and getattr(arguments[0], "ndim", -1) != self.dimensions:
            return None
        inputs: tuple = tape_tuple(op.inputs)
        i: cython.Py_ssize_t
        for i in range(op.inputs):
            tape_set(inputs, i, arguments[i] if i < given else rest[i - given])
        try:
            return self.call(module, op, inputs, attrs)
        except (ShapeError, DTypeError):
            return None

    def look(self, seen: Seen, state: dict, op: Op, given: cython.Py_ssize_t):
        """Notes the attributes with which to call the op; whether these are what it takes."""
        if given > op.inputs or given + len(self.names) != op.inputs + len(op.defaults):
            return False
        if self.only_if is not None and state.get(self.only_if[0]) != self.only_if[1]:
            return False
        values: list = []
        for name in self.names:
            found: cython.pointer(PyObject) = PyDict_GetItemWithError(state, name)
            if found == cython.NULL:
                return False
            values.append(cython.cast(object, found))
        seen.rest = tuple(values[: op.inputs - given])
        seen.attrs = tuple(values[op.inputs - given :]) if op.defaults else op.defaults
        seen.given = given
        seen.op = op
        return True

    def call(self, module: Callable, op: Op, inputs: tuple, attrs: tuple):
        return op.run(tape_items(inputs), op.inputs, attrs, None)


class Chain:
    """Says that forward of a class of layers usually comes to a list of steps, each called on the result of the last.

    name: of the attribute that holds the list, or None as long as there is none.
    """

    def __init__(self, layer, name: str):
        self.forward = layer.forward
        self.name = name
        _shortcuts[layer] = self

    def steps_of(self, module: Callable):
        state: dict = instance_dict(module, cython.NULL)
        if type(module).forward is not self.forward or "forward" in state:
            return None
        return state.get(self.name)


@cython.cfunc
def run_steps(steps: list, x):
    for step in steps:
        if type(step) is WithReLU:
            x = cython.cast(WithReLU, step).run(x)
        elif type(step) is ReLUBeforePool:
            x = cython.cast(ReLUBeforePool, step).run(x)
        else:
            x = step(x)
    return x


class WithReLU:
    """A layer and the ReLU after it, in one op; in two where somebody hooked one of them.

    forward: name of the layer's method that computes both.
    """

    def __init__(self, layer, relu, forward="forward_relu"):
        self.layer = layer
        self.relu = relu
        self.forward = forward

    def __call__(self, x):
        return self.run(x)

    def run(self, x):
        if not (is_plain(self.layer) and is_plain(self.relu) and fusion.enabled):
            return self.relu(self.layer(x))
        seen: Seen = look_at(self.layer)
        shortcut: Shortcut = seen.known
        if shortcut is not None and shortcut.with_relu is not None and self.forward == "forward_relu":
            result = shortcut.take(self.layer, seen, shortcut.with_relu, (x,))
            if result is not None:
                return result
        try:
            return getattr(self.layer, self.forward)(x)
        except (ShapeError, DTypeError) as error:
            self.layer._locate(error)
            raise


class ReLUBeforePool:
    """A layer, a ReLU and a max pooling: the ReLU comes last, which is the same and has fewer pixels to do.

    layer: a WithReLU. Of dilated windows some may see padding alone, whose maximum, -inf, no ReLU came before.
    """

    def __init__(self, layer, pool):
        self.layer = layer
        self.pool = pool
        self.last = WithReLU(pool, layer.relu)

    def __call__(self, x):
        return self.run(x)

    def run(self, x):
        plain: cython.bint = is_plain(self.layer.relu) and is_plain(self.pool) and fusion.enabled
        if not plain or self.pool.return_indices or self.pool.dilation not in (1, (1, 1)):
            return self.pool(self.layer(x))
        return self.last.run(self.layer.layer(x))
