"""The tape: values, the nodes that record how they were made, ops, and the sweep that differentiates them.

This file and tensor.py are the hot core; Cython compiles them in pure-Python mode (types: tape.pxd).
There is no global list of nodes: a value holds its node, a node holds the nodes of its inputs, and
reference counting frees a graph as soon as nobody can differentiate it any more.
"""

import threading

import cython
import numpy as np

from autograd import kernels
from autograd.errors import DTypeError, GraphError, ShapeError

# What a plan saves: an input, its shape, the result, or an extra result of the forward function.
SAVE_INPUT = cython.declare(cython.int, 0)
SAVE_SHAPE = cython.declare(cython.int, 1)
SAVE_OUT = cython.declare(cython.int, 2)
SAVE_EXTRA = cython.declare(cython.int, 3)
# Where an argument of a rule comes from.
FROM_GRADIENT = cython.declare(cython.int, 0)
FROM_SAVED = cython.declare(cython.int, 1)
FROM_ATTRIBUTE = cython.declare(cython.int, 2)
FROM_STEP = cython.declare(cython.int, 3)


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


def set_result_type(tensor_type):
    """The public class of results (tensor.py sets it, being above this file)."""
    global RESULT
    RESULT = tensor_type


def wrap(array, node):
    """A new value of the public class."""
    value: Value = RESULT.__new__(RESULT)
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
    node: Node = Node.__new__(Node)
    _sequence += 1
    node.seq = _sequence
    node.op = op
    node.shape = shape
    node.dtype = dtype
    return node


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
        self.plans = {}

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
        self.plans = {}

    def forget_plans(self):
        """Reads the gradient rules again at the next call."""
        self.plans = {}

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
        arrays = []
        mask = 0
        i: cython.long = 0
        for x in inputs:
            if isinstance(x, Value):
                value: Value = x
                arrays.append(value.array)
                if value.node is not None:
                    if value.version is not None and value.version.count != value.seen and value.node.op is not None:
                        raise GraphError(
                            f"{self.name}: input {i} was changed in place through another view of its memory, so its "
                            "history no longer says how it was made; change a clone() instead"
                        )
                    mask |= 1 if self.variadic else 1 << i
            elif type(x) is float or type(x) is int or type(x) is bool:
                arrays.append(x)
            elif x is None:
                if i < self.required or self.variadic:
                    raise DTypeError(f"{self.name}: {self.record.input_name(i)} is None, expected a tensor")
                arrays.append(None)
            elif isinstance(x, (float, np.floating, np.integer)):  # NumPy scalars do not decide the dtype
                arrays.append(x.item())
            else:
                arrays.append(self.as_input(x, i))
            i += 1
        try:
            results = self.forward(*arrays) if attrs is self.defaults else self.forward(*arrays, **attrs)
        except (ValueError, TypeError) as error:
            raise self.record.explain(error, arrays, attrs) from None
        results = (results,) if not self.extras else results
        if mask and tape_grad_mode and self.record.differentiable:
            out = self.record_node(inputs, attrs, mask, results)
        else:
            out = wrap(np.asarray(results[0]), None)
        if self.view and isinstance(inputs[0], Value):
            source: Value = inputs[0]
            if np.may_share_memory(source.array, out.array):
                out.version = source.share_version()
                out.seen = out.version.count
        return (out, *results[1:]) if self.extras else (out,)

    def as_input(self, x, i):
        """Data that is no tensor as an array of numbers in native byte order."""
        array = np.asarray(x)
        if array.dtype.kind not in "fiubc":
            raise DTypeError(f"{self.name}: {self.record.input_name(i)} has dtype {array.dtype}, expected numbers")
        return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))

    def record_node(self, inputs: tuple, attrs: dict, mask, results: tuple):
        array = np.asarray(results[0])
        out: Value = wrap(array, None)
        plan = self.plans.get(mask)
        if plan is None:
            plan = self.plans[mask] = self.record.plan(mask, len(inputs))
        if plan is False:  # no gradient reaches any of these inputs
            return out
        node: Node = new_node(self, array.shape, array.dtype)
        node.plan = plan
        node.attrs = attrs
        saved = []
        value: Value
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
                value = x
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


_add: Op = declare("add")
_sum_to: Op = declare("sum_to")
_astype: Op = declare("astype")
_identity: Op = declare("identity")

# ---------------------------------------------------------------------------------------------- the sweep

_lock = threading.RLock()
_active: set = set()  # marks of the sweeps under way in this thread, the innermost last
_marks = cython.declare(cython.ulonglong, 0)


def sweep(roots: list, seeds: list, wanted=None, retain_graph: bool = False, create_graph: bool = False):
    """Propagates the seeds (gradients of the roots) back through the graph.

    wanted None: adds what arrives at leaves to their `grad`. Otherwise a list of nodes:
    returns their gradients (None where none arrives) and leaves every `grad` alone.
    """
    global _marks
    with _lock:
        _marks += 1
        mark = _marks
        before = set_grad_enabled(create_graph)
        visited: list = []
        _active.add(mark)
        try:
            deferred: bool = _count(roots, mark, visited, wanted)
            arrived: list = _propagate(roots, seeds, mark, wanted, retain_graph, create_graph, deferred)
            if not retain_graph:
                for node in visited:
                    _release(node)
        finally:
            _active.discard(mark)
            for node in visited:
                _reset(node)
            set_grad_enabled(before)
        if wanted is None:
            owners: set = {id(_owner(seed)) for seed in seeds}
            for node, g in arrived:
                _accumulate(node, g, create_graph, owners)
            return None
        found = {id(node): g for node, g in arrived}
        return [found.get(id(node)) for node in wanted]


@cython.cfunc
def _reset(node: Node):
    node.pending = None
    node.owned = False


@cython.cfunc
def _release(node: Node):
    if node.op is not None:
        node.saved = None
        node.edges = None
        node.attrs = None


@cython.cfunc
@cython.returns(cython.bint)
def _count(roots: list, mark: cython.ulonglong, visited: list, wanted):
    """Lists the nodes below the roots and counts how many gradients each will get.

    Returns whether to free nothing before the end: a hook or somebody's own rule may raise,
    and then the graph must still be whole.
    """
    stack: list = []
    deferred: cython.bint = False
    node: Node
    edge: Node
    for node in roots:
        if node.mark != mark:
            _enter(node, mark, stack)
    while stack:
        node = stack.pop()
        visited.append(node)
        if node.hooks or (node.op is not None and node.op.custom):
            deferred = True
        if node.op is None:
            continue
        if node.saved is None:
            raise GraphError(
                f"backward: the graph of {node.op.name!r} was already differentiated and freed; "
                "call the first backward with retain_graph=True, or run the forward pass again"
            )
        for item in node.edges:
            if item is not None:
                edge = item
                if edge.mark != mark:
                    _enter(edge, mark, stack)
                edge.count += 1
    if wanted is not None:
        _prune(visited, wanted)
    return deferred


@cython.cfunc
def _enter(node: Node, mark: cython.ulonglong, stack: list):
    if len(_active) > 1 and node.mark in _active:
        raise GraphError("backward: called from a hook or a rule on the graph that is being differentiated")
    node.mark = mark
    node.count = 0
    node.needed = True
    stack.append(node)


@cython.cfunc
def _prune(visited: list, wanted: list):
    """Keeps only what leads to the wanted nodes; inputs are always older than results."""
    node: Node
    edge: Node
    wanted_ids = {id(node) for node in wanted}
    visited.sort(key=_by_age)
    for node in visited:
        node.count = 0
        node.needed = id(node) in wanted_ids
        for item in node.edges or ():
            if item is not None:
                edge = item
                node.needed = node.needed or edge.needed
    for node in visited:
        if node.needed:
            for item in node.edges or ():
                if item is not None:
                    edge = item
                    edge.count += 1


def _by_age(node: Node):
    return node.seq


@cython.cfunc
def _propagate(
    roots: list, seeds: list, mark, wanted, retain_graph: cython.bint, create_graph: cython.bint, deferred: cython.bint
):
    arrived: list = []
    ready: list = []
    node: Node
    edge: Node
    g: Value
    wanted_ids = None if wanted is None else {id(node) for node in wanted}
    for node, seed in zip(roots, seeds):
        _deliver(node, seed, create_graph)
        if node.count == 0 and node not in ready:
            ready.append(node)
    while ready:
        node = ready.pop()
        g = node.pending
        node.pending = None
        if g is not None:
            if node.hooks:
                g = _run_hooks(node, g)
            if node.retains and node.op is not None and wanted is None:
                arrived.append((node, g))
            if wanted_ids is None:
                if node.op is None:
                    arrived.append((node, g))
            elif id(node) in wanted_ids:
                arrived.append((node, g))
        if node.op is None:
            continue
        if g is not None and node.needed:
            _differentiate(node, g, create_graph)
        for item in node.edges:
            if item is not None:
                edge = item
                if not node.needed or not edge.needed:
                    continue
                edge.count -= 1
                if edge.count == 0:
                    ready.append(edge)
        if not retain_graph and not deferred:
            _release(node)
    return arrived


@cython.cfunc
def _run_hooks(node: Node, g: Value):
    for hook in list(node.hooks.values()):
        replaced = hook(g)
        if replaced is not None:
            if not isinstance(replaced, Value) or replaced.array.shape != node.shape:
                raise ShapeError(
                    f"hook: expected a gradient of shape {node.shape}, got {getattr(replaced, 'shape', replaced)!r}"
                )
            g = replaced
            node.owned = False
    return g


@cython.cfunc
def _differentiate(node: Node, g: Value, create_graph: cython.bint):
    """Runs the rules of one node and hands the results to its inputs."""
    if node.version_sum() != node.versions:
        raise GraphError(
            f"{node.op.name}: a value saved for the backward pass was changed in place afterwards; "
            "change a copy instead (x = x + y, or x.clone())"
        )
    if create_graph and node.op.twin is not None:
        _differentiate_twin(node, g)
        return
    results: list = []
    step: Step
    for step in node.plan.steps:
        args = []
        for kind, what in step.args:
            if kind == FROM_GRADIENT:
                args.append(g)
            elif kind == FROM_SAVED:
                item = node.saved[what]
                if create_graph and cython.cast(tuple, node.plan.saves[what])[0] == SAVE_OUT:
                    alias: Value = item
                    item = wrap(alias.array, node)
                args.append(item)
            elif kind == FROM_ATTRIBUTE:
                args.append(node.attrs[what])
            else:
                args.append(results[what])
        result = step.rule(*args)
        results.append(result)
        if step.target >= 0:
            if node.op.variadic:
                for edge, part in zip(node.edges, result):
                    if edge is not None and part is not None:
                        _deliver_checked(node, edge, part, create_graph)
            elif result is not None:
                _deliver_checked(node, node.edges[step.target], result, create_graph)


@cython.cfunc
def _differentiate_twin(node: Node, g: Value):
    """Differentiates node.op.twin, which computes the same from ops, so that the result can be differentiated again."""
    aliases: list = []
    inputs: list = []
    nodes: list = []
    alias_node: Node
    for i, edge in enumerate(node.edges):
        original = node.saved[i]  # an op with a twin saves all its inputs, first
        if edge is None:
            aliases.append(original)
            continue
        alias_node = leaf_node(original.array)
        aliases.append(wrap(original.array, alias_node))
        inputs.append(edge)
        nodes.append(alias_node)
    out: Value = node.op.twin(*aliases, **node.attrs)
    gradients = sweep([out.node], [g], nodes, True, True)
    for alias_node, edge, gradient in zip(nodes, inputs, gradients):
        # the alias was a leaf for the inner sweep; from now on it is the identity of the original
        alias_node.op = _identity
        alias_node.plan = _identity.record.plan(1, 1)
        alias_node.saved = []
        alias_node.attrs = {}
        alias_node.edges = (edge,)
        if gradient is not None:
            _deliver_checked(node, edge, gradient, True)


@cython.cfunc
def _deliver_checked(node: Node, edge: Node, result, create_graph: cython.bint):
    """Brings a rule's result to the shape and dtype of the input and delivers it."""
    g: Value = result if isinstance(result, Value) else wrap(np.asarray(result), None)
    if g.array.shape != edge.shape:
        if not node.op.broadcasts:
            raise GraphError(
                f"{node.op.name}: a gradient rule returned shape {g.array.shape}, but its input has shape {edge.shape}"
            )
        g = _sum_to(g, shape=edge.shape)
    if g.array.dtype != edge.dtype:
        g = _astype(g, dtype=edge.dtype)
    _deliver(edge, g, create_graph)


@cython.cfunc
def _deliver(edge: Node, g: Value, create_graph: cython.bint):
    """Adds to the pending gradient; in place where this sweep made it."""
    if not edge.needed:
        return
    if edge.pending is None:
        edge.pending = g
        edge.owned = False
    elif create_graph:
        edge.pending = _add.call2(edge.pending, g)
    elif edge.owned:
        kernels.add_(edge.pending.array, g.array)
    else:
        edge.pending = wrap(kernels.add(edge.pending.array, g.array), None)
        edge.owned = True


@cython.cfunc
def _owner(g: Value):
    """The array that owns the memory of a gradient."""
    array = g.array
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


@cython.cfunc
def _accumulate(node: Node, g: Value, create_graph: cython.bint, owners: set):
    """Stores what arrived at a leaf; no two gradients may share memory, as users change them in place."""
    if node.grad is not None and node.op is None:
        g = _add.call2(node.grad, g) if create_graph else wrap(kernels.add(node.grad.array, g.array), None)
    elif not create_graph:
        owner = _owner(g)
        if id(owner) in owners or node.hooks or not g.array.flags.writeable or 0 in g.array.strides:
            g = wrap(g.array.copy(), None)
        owners.add(id(owner))
    node.grad = g


set_result_type(Value)
