"""The tape: values, the nodes that record how they were made, and the ops that record them.

This file, sweep.py and tensor.py are the hot core; Cython compiles them in pure-Python mode (types: tape.pxd).
There is no global list of nodes: a value holds its node, a node holds the nodes of its inputs, and
reference counting frees a graph as soon as nobody can differentiate it any more.
"""

import cython
import numpy as np

from autograd.errors import DTypeError, GraphError


def grad_enabled() -> bool:
    """Whether ops called by this thread record nodes."""
    return tape_grad_mode != 0


def set_grad_enabled(on: bool) -> bool:
    """Switches recording for this thread; returns what it was."""
    global tape_grad_mode
    before = tape_grad_mode != 0
    tape_grad_mode = 1 if on else 0
    return before


class Version:
    """Counts in-place changes of memory; shared by all values that alias it."""


@cython.freelist(256)
@cython.cclass
class Value:
    """An array and the node that made it; the base of Tensor."""

    def share_version(self):
        if self.version is None:
            self.version = Version.__new__(Version)
        return self.version

    def bump(self):
        """Records that the memory was changed in place."""
        version: Version = self.share_version()
        version.count = version.count + 1

    def set_array(self, array):
        """Gives the value another array."""
        self.array = array

    def set_node(self, node):
        """Gives the value another history: None, or the node that made it."""
        self.node = node


RESULT = cython.declare(object, Value)
NO_ARGUMENTS = cython.declare(tuple, ())


def set_result_type(tensor_type):
    """The public class of results (tensor.py sets it, being above this file)."""
    global RESULT
    RESULT = tensor_type


def wrap(array, node):
    """A new value of the public class."""
    value: Value = tape_instance(RESULT, NO_ARGUMENTS)
    value.array = array
    value.node = node
    return value


_sequence = cython.declare(cython.ulonglong, 0)


@cython.freelist(256)
@cython.trashcan(True)
@cython.cclass
class Node:
    """One recorded op call, or (op None) a leaf, which holds the gradient."""

    def is_leaf(self):
        return self.op is None

    def version_sum(self):
        """Sum of the versions of all saved values: it grows when any of them is changed in place."""
        total: cython.long = 0
        for item in self.saved:
            if isinstance(item, Value):
                value: Value = item
                if value.version is not None:
                    total += value.version.count
        return total

    def add_hook(self, hook):
        """Calls hook(gradient) when the gradient of this node is complete; returns a key for remove_hook."""
        if self.hooks is None:
            self.hooks = {}
        key = object()
        self.hooks[key] = hook
        return key

    def remove_hook(self, key):
        if self.hooks is not None:
            self.hooks.pop(key, None)

    def retain_grad(self):
        """Keeps the gradient of a node that is no leaf."""
        self.retains = True

    @property
    def retains_grad(self):
        return self.retains

    @property
    def saved_values(self):
        """What the node keeps alive for the backward pass."""
        return tuple(self.saved or ())

    @property
    def released(self):
        """Whether a backward pass has freed what was saved."""
        return self.op is not None and self.saved is None


def new_node(op, shape, dtype):
    global _sequence
    node: Node = tape_instance(Node, NO_ARGUMENTS)
    _sequence += 1
    node.seq = _sequence
    node.op = op
    node.shape = shape
    node.dtype = dtype
    return node


def number_array(x):
    """A Python number as an array; PyTorch makes floats float32."""
    return np.asarray(x, np.float32 if type(x) is float else None)


@cython.cfunc
def _shape(x):
    if isinstance(x, Value):
        value: Value = x
        return value.array.shape
    return None if x is None else np.shape(x)


def leaf_node(array):
    """The node of a value that gradients are wanted for."""
    if array.dtype.kind != "f":
        raise DTypeError(f"requires_grad: only floating-point tensors can require gradients, this one is {array.dtype}")
    return new_node(None, array.shape, array.dtype)


class Step:
    """One gradient rule as a plan runs it: target is the input it serves, or -1 for a shared step."""

    def __init__(self, rule, target: cython.long, args: tuple):
        self.rule = rule
        self.target = target
        self.args = args


class Plan:
    """What an op saves and which rules run, for one set of inputs that need gradients."""

    def __init__(self, saves: tuple, steps: tuple):
        self.saves = saves
        self.steps = steps


class Op:
    """A differentiable function of arrays. Calling it runs the forward function and records a node."""

    def __init__(self, name: str):
        self.name = name

    def complete(self, record, forward, inputs, required, variadic, broadcasts, view, custom, defaults, extras, twin):
        """Fills in an op that was declared by name only."""
        self.record = record
        self.forward = forward
        self.inputs = inputs
        self.required = required
        self.variadic = variadic
        self.broadcasts = broadcasts
        self.view = view
        self.custom = custom
        self.defaults = defaults
        self.extras = extras
        self.twin = twin
        self.differentiable = record.differentiable
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
        n: cython.long = len(args)
        if not kwargs and not self.variadic and self.required <= n <= self.inputs:
            if n < self.inputs:
                args = args + (None,) * (self.inputs - n)
            return self.run(args, self.defaults)[0]
        inputs, attrs = self.record.bind(args, kwargs)
        return self.run(inputs, attrs)[0]

    def with_extras(self, *args, **kwargs):
        """As a call, but returns (result, *extras); extras are arrays."""
        inputs, attrs = self.record.bind(args, kwargs)
        return self.run(inputs, attrs)

    def call1(self, x):
        return self.run((x,), self.defaults)[0]

    def call2(self, x, y):
        return self.run((x, y), self.defaults)[0]

    def run(self, inputs: tuple, attrs: dict):
        arrays: list = []
        mask: cython.long = self.gather(inputs, arrays)
        try:
            if attrs is self.defaults:
                results = tape_call(self.forward, arrays)
            else:
                results = self.forward(*arrays, **attrs)
        except (ValueError, TypeError, IndexError) as error:
            raise self.record.explain(error, arrays, attrs) from None
        array = results[0] if self.extras else results
        if type(array) is not np.ndarray:
            array = np.asarray(array)
        out: Value
        if mask != 0 and tape_grad_mode != 0 and self.differentiable:
            out = self.record_node(inputs, attrs, mask, array, results)
        else:
            out = wrap(array, None)
        if self.view and isinstance(inputs[0], Value):
            source: Value = inputs[0]
            if np.may_share_memory(source.array, array):
                out.version = source.share_version()
                out.seen = out.version.count
        return (out, *results[1:]) if self.extras else (out,)

    def gather(self, inputs: tuple, arrays: list):
        """Appends the arrays of the inputs; returns which inputs need gradients, as bits."""
        mask: cython.long = 0
        i: cython.long = 0
        value: Value
        for x in inputs:
            if isinstance(x, Value):
                value = x
                arrays.append(value.array)
                if value.node is not None:
                    if value.version is not None and value.version.count != value.seen and value.node.op is not None:
                        raise GraphError(
                            f"{self.name}: input {i} was changed in place through another view of its memory, so its "
                            "history no longer says how it was made; change a clone() instead"
                        )
                    mask |= 1 if self.variadic else cython.cast(cython.long, 1) << i
            elif type(x) is float or type(x) is int or type(x) is bool:
                arrays.append(x if self.broadcasts else number_array(x))
            elif x is None:
                if self.variadic or self.record.names_required(self.record.inputs[i]):
                    raise DTypeError(f"{self.name}: {self.record.input_name(i)} is None, expected a tensor")
                arrays.append(None)
            elif isinstance(x, (float, np.floating, np.integer)):  # NumPy scalars do not decide the dtype
                arrays.append(x.item() if self.broadcasts else number_array(x.item()))
            else:
                arrays.append(self.as_input(x, i))
            i += 1
        return mask

    def as_input(self, x, i):
        """Data that is no tensor as an array of numbers in native byte order."""
        array = np.asarray(x)
        if array.dtype.kind not in "fiub":
            raise DTypeError(f"{self.name}: {self.record.input_name(i)} has dtype {array.dtype}, expected real numbers")
        return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))

    def record_node(self, inputs: tuple, attrs: dict, mask: cython.long, array, results):
        """The result with a node that holds what the plan for these inputs saves."""
        out: Value = wrap(array, None)
        plan = self.plans[mask]
        if plan is None:
            plan = self.plans[mask] = self.record.plan(mask, len(inputs))
        if plan is False:  # no gradient reaches any of these inputs
            return out
        node: Node = new_node(self, array.shape, array.dtype)
        node.plan = plan
        node.attrs = attrs
        saved = []
        kind: cython.int
        for kind, index in node.plan.saves:
            if kind == SAVE_INPUT:
                saved.append(inputs[index])
            elif kind == SAVE_SHAPE:
                saved.append([_shape(x) for x in inputs] if self.variadic else _shape(inputs[index]))
            elif kind == SAVE_OUT:  # an alias: the result itself holds this node, which would be a cycle
                alias: Value = wrap(array, None)
                alias.version = out.share_version()
                saved.append(alias)
            else:
                saved.append(results[index])
        node.saved = saved
        node.versions = node.version_sum()
        edges = []
        for x in inputs:
            if isinstance(x, Value):
                value: Value = x
                edges.append(value.node)
            else:
                edges.append(None)
        node.edges = tuple(edges)
        out.node = node
        return out


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


set_result_type(Value)
