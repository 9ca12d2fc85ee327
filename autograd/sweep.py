"""The backward sweep: gradients from results to inputs by the chain rule, iteratively, each node once."""

import threading

import cython
import numpy as np
from cython.cimports import numpy as cnp
from cython.cimports.autograd.capi import tape_call, tape_pointer, tape_set, tape_tuple
from cython.cimports.autograd.deferred import Deferred
from cython.cimports.autograd.plan import MAX_ARGUMENTS, Plan, Step
from cython.cimports.autograd.tape import Op, set_grad_enabled
from cython.cimports.autograd.value import Node, Value, array_of, is_private, owner, tape_base, tape_references, wrap
from cython.cimports.autograd.visit import visit
from cython.cimports.autograd.waiting import (
    WITH_TALLY,
    gradient_may_wait,
    gradient_tally,
    joint_steps,
    mask_sum,
    rule_waits,
)
from cython.cimports.cpython.object import PyObject

from autograd import kernels
from autograd.errors import GraphError, ShapeError
from autograd.tape import declare
from autograd.value import leaf_node

cnp.import_array()

_add = cython.declare(Op, declare("add"))
_sum_to = cython.declare(Op, declare("sum_to"))
_astype = cython.declare(Op, declare("astype"))
_identity = cython.declare(Op, declare("identity"))
_relu = cython.declare(Op, declare("relu"))

_add_into = cython.declare(object, kernels.add_)
_plus = cython.declare(object, kernels.add)
_copy = cython.declare(object, kernels.copy)

_lock = threading.RLock()
_acquire = cython.declare(object, _lock.acquire)
_free = cython.declare(object, _lock.release)
_active = cython.declare(list, [])  # marks of the sweeps under way, the innermost last
_marks = cython.declare(cython.ulonglong, 0)
_watcher = cython.declare(object, None)


def watch(watcher):
    """watcher(node, edge, gradient) is called for every gradient that a rule computes; None: nobody is."""
    global _watcher
    _watcher = watcher


def sweep(roots, seeds, wanted=None, retain_graph=False, create_graph=False):
    """Propagates the seeds (gradients of the roots) back through the graph.

    wanted None: adds what arrives at leaves to their `grad`. Otherwise a list of nodes:
    returns their gradients (None where none arrives) and leaves every `grad` alone.
    """
    global _marks
    node: Node
    _acquire()
    try:
        _marks += 1
        mark: cython.ulonglong = _marks
        i: cython.Py_ssize_t
        before = set_grad_enabled(create_graph)
        visited: list = []
        arrived: list = []
        gradients: list = []
        _active.append(mark)
        try:
            deferred: cython.bint = visit(roots, mark, _active, visited, wanted)
            _propagate(roots, seeds, wanted, retain_graph, create_graph, deferred, arrived, gradients)
            if not retain_graph:
                for node in visited:
                    node.release()
        finally:
            _active.pop()
            for node in visited:
                _reset(node)
            set_grad_enabled(before)
        if wanted is not None:
            found = dict(zip(map(id, arrived), gradients))
            return [found.get(id(node)) for node in wanted]
        owners: set = None
        for i in range(len(arrived)):
            node = arrived[i]
            unshared: cython.bint = not node.hooks and _is_unshared(gradients, i)  # before the call holds it, too
            if owners is None and not unshared:
                owners = {_memory(g) for g in seeds}
            _accumulate(node, gradients[i], unshared, create_graph, owners)
        for node in arrived:
            if node.after is not None:
                for hook in list(node.after.values()):
                    hook()
    finally:
        _free()


@cython.cfunc
def _reset(node: Node):
    node.pending = None
    node.link = None
    node.owned = False
    node.masked = False


@cython.cfunc
def _propagate(
    roots: list,
    seeds: list,
    wanted,
    retain_graph: cython.bint,
    create_graph: cython.bint,
    deferred: cython.bint,
    arrived: list,
    gradients: list,
):
    """Runs every node once its gradient is complete; lists the nodes that keep theirs, and these gradients."""
    ready: Node = None  # a stack, linked from node to node
    node: Node
    edge: Node
    g: Value
    wanted_ids = None if wanted is None else {id(node) for node in wanted}
    i: cython.Py_ssize_t
    for i in range(len(roots)):
        _deliver(roots[i], seeds[i], create_graph)
    for node in roots:
        if node.count == 0:
            node.count = -1  # a root may be listed twice
            node.link, ready = ready, node
    while ready is not None:
        node = ready
        ready = node.link
        node.link = None
        g = node.pending
        node.pending = None
        if g is not None:
            if node.hooks:
                g = _run_hooks(node, g)
            kept: cython.bint = node.op is None or node.retains if wanted_ids is None else id(node) in wanted_ids
            if kept:
                arrived.append(node)
                gradients.append(g)
        if node.op is None:
            continue
        if g is not None and node.needed:
            steps: tuple = None
            place: Node = node  # whose rules run
            if g.deferred is not None:  # gradient_may_wait has seen to it that there are steps
                steps = cython.cast(Plan, node.plan).through[g.deferred.call]
            elif cython.cast(Op, node.op).joints is not None and not create_graph:
                steps = joint_steps(node, wanted_ids, _watcher is not None)
                if steps is not None:
                    place = node.held[0]  # which, having got its gradient, will find none
            if steps is None and node.masked:
                _check_saved(node)
                _deliver_checked(node, node.held[0], g, create_graph)
            else:
                if not create_graph and cython.cast(Plan, place.plan).gives:
                    place.tally = gradient_tally(place.held[0], wanted_ids, _watcher is not None)
                _differentiate(place, g, create_graph, cython.cast(Plan, node.plan).steps if steps is None else steps)
                place.tally = None
        for i in range(node.degree):
            item = node.held[i]
            if item is not None:
                edge = cython.cast(Node, item)
                if not node.needed or not edge.needed:
                    continue
                edge.count -= 1
                if edge.count == 0:
                    edge.link, ready = ready, edge
        if not retain_graph and not deferred:
            node.release()


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
            g.now()
            node.owned = False
    return g


@cython.cfunc
def _check_saved(node: Node):
    if node.is_stale():
        raise GraphError(
            f"{node.op.name}: a value saved for the backward pass was changed in place afterwards; "
            "change a copy instead (x = x + y, or x.clone())"
        )


@cython.cfunc
def _differentiate(node: Node, g: Value, create_graph: cython.bint, steps: tuple):
    """Runs the rules of one node, in these steps, and hands the results to its inputs."""
    _check_saved(node)
    while node.restore is not None:  # twice for a checkpoint inside a checkpoint
        node.restore()
    op: Op = cython.cast(Op, node.op)
    plan: Plan = cython.cast(Plan, node.plan)
    if create_graph and op.twin is not None:
        _differentiate_twin(node, g)
        return
    at_once: cython.bint = plan.at_once is not None and steps is plan.steps and not create_graph
    if at_once and op.timed is None and _run_at_once(node, g, plan):  # a profile knows the work of the rules
        return
    held: tuple = node.held
    degree: cython.Py_ssize_t = node.degree
    alias: Value = None
    if create_graph and plan.out >= 0:
        alias = held[degree + plan.out]
        alias = wrap(alias.now(), node)
    arguments: cython.pointer(PyObject)[MAX_ARGUMENTS]
    results: tuple = tape_tuple(len(steps)) if plan.chained or steps is not plan.steps else None
    step: Step
    s: cython.Py_ssize_t
    for s in range(len(steps)):
        step = steps[s]
        if step.target >= 0 and results is None and not op.variadic:
            item = held[step.target]
            if item is not None and not cython.cast(Node, item).needed:
                continue  # autograd.grad() asks for others
        step.gather(node, g, alias, results, arguments)
        result = None
        if step.later is not None and not create_graph:
            result = rule_waits(step, arguments, held[step.target])
        if result is None:
            result = _run_rule(step, arguments, create_graph, node.tally if step.target == 0 else None)
        if results is not None:
            tape_set(results, s, result)
        if step.target >= 0:
            if op.variadic:
                for edge, part in zip(held[:degree], result):
                    if edge is not None and part is not None:
                        _deliver_checked(node, edge, part, create_graph)
            elif result is not None:
                _deliver_checked(node, held[step.target], result, create_graph)


@cython.cfunc
@cython.returns(cython.bint)
def _run_at_once(node: Node, g: Value, plan: Plan):
    """Has a kernel make all gradients of a node in one call; False if it refuses."""
    arguments: cython.pointer(PyObject)[MAX_ARGUMENTS]
    call: Step = plan.at_once
    call.gather(node, g, None, None, arguments)
    i: cython.int
    for i in range(call.count):
        if isinstance(cython.cast(object, arguments[i]), Value):
            arguments[i] = tape_pointer(cython.cast(Value, cython.cast(object, arguments[i])).now())
    which: cython.int = plan.asked
    for i in range(node.degree):
        if which >> i & 1 and not cython.cast(Node, node.held[i]).needed:
            which -= 1 << i  # autograd.grad() asks for others
    asked: object = which  # or it would be a C number, whose object dies with the next line
    arguments[call.count] = tape_pointer(asked)
    try:
        made = tape_call(call.rule, arguments, call.count + 1, cython.NULL)
    except (ValueError, TypeError, IndexError):
        return False  # the rules compute it otherwise, or say what is wrong
    gradients: list = made
    if len(gradients) != node.degree:
        raise GraphError(f"{node.op.name}: grads_at_once made {len(gradients)} gradients of {node.degree} inputs")
    for i in range(node.degree):
        if which >> i & 1 and gradients[i] is not None:
            part: Value = wrap(gradients[i], None)
            gradients[i] = None  # which leaves the array to its value
            _deliver_checked(node, node.held[i], part, False)
    return True


@cython.cfunc
def _run_rule(step: Step, arguments: cython.pointer(cython.pointer(PyObject)), create_graph: cython.bint, tally):
    """What a rule returns. Where nothing is recorded, a rule that is one op with a kernel is a call of the kernel."""
    op: Op = cython.cast(Op, step.rule) if type(step.rule) is Op else None
    arrays: cython.pointer(PyObject)[MAX_ARGUMENTS]
    value: Value
    i: cython.int
    if not create_graph and op is not None and op.kernel is not None and not op.extras:
        for i in range(step.count):
            arrays[i] = arguments[i]
            if isinstance(cython.cast(object, arguments[i]), Value):
                value = cython.cast(Value, cython.cast(object, arguments[i]))
                if value.deferred is not None:
                    return tape_call(step.rule, arguments, step.count, cython.NULL)
                arrays[i] = tape_pointer(value.array)
        if op.suits(arrays, min(step.count, op.inputs)):
            names: cython.pointer(PyObject) = cython.NULL
            if op.tallies and tally is not None:
                arrays[step.count] = tape_pointer(tally)
                names = tape_pointer(WITH_TALLY)
            try:
                return wrap(tape_call(op.kernel, arrays, step.count, names), None)
            except (ValueError, TypeError, IndexError):
                pass  # the op computes it otherwise, or says what is wrong
    return tape_call(step.rule, arguments, step.count, cython.NULL)


@cython.cfunc
def _differentiate_twin(node: Node, g: Value):
    """Differentiates node.op.twin, which computes the same from ops, so that the result can be differentiated again."""
    aliases: list = []
    inputs: list = []
    nodes: list = []
    alias_node: Node
    saved: tuple = node.held[node.degree :]  # an op with a twin saves all its inputs, first
    for edge, original in zip(node.edges, saved):
        if edge is None:
            aliases.append(original)
            continue
        array = array_of(original)
        alias_node = leaf_node(array)
        aliases.append(wrap(array, alias_node))
        inputs.append(edge)
        nodes.append(alias_node)
    out: Value = node.op.twin(*aliases, **dict(zip(node.op.names, node.attrs)))
    gradients = sweep([out.node], [g], nodes, True, True)
    for alias_node, edge, gradient in zip(nodes, inputs, gradients):
        # the alias was a leaf for the inner sweep; from now on it is the identity of the original
        alias_node.op = _identity
        alias_node.plan = _identity.plan(1, 1)
        alias_node.attrs = ()
        alias_node.held = (edge,)
        alias_node.degree = 1
        if gradient is not None:
            _deliver_checked(node, edge, gradient, True)


@cython.cfunc
def _deliver_checked(node: Node, edge: Node, result, create_graph: cython.bint):
    """Brings a rule's result to the shape and dtype of the input and delivers it."""
    g: Value
    if isinstance(result, Value):
        g = cython.cast(Value, result)
        g.now()
    elif isinstance(result, Deferred):
        g = wrap(cython.cast(Deferred, result).like, None)
        g.deferred = result
        if create_graph or not gradient_may_wait(g, edge, _watcher is not None):
            g.now()
    else:
        g = wrap(result if cnp.PyArray_CheckExact(result) else np.asarray(result), None)
    if not edge.has_shape_of(cython.cast(cnp.ndarray, g.array)):
        if not node.op.broadcasts:
            raise GraphError(
                f"{node.op.name}: a gradient rule returned shape {g.array.shape}, but its input has shape {edge.shape}"
            )
        g = _sum_to(g, shape=edge.shape)
    if _watcher is not None:
        _watcher(node, edge, g)
    if cython.cast(object, cnp.PyArray_DESCR(g.array)) is not edge.dtype and g.array.dtype != edge.dtype:
        g = _astype(g, dtype=edge.dtype)
    if edge.pending is not None and not edge.owned and not create_graph and _is_temporary(g):
        edge.pending, g = g, edge.pending  # the sum takes the place of the one that nobody else can see
        edge.owned = True
    _deliver(edge, g, create_graph)


@cython.cfunc
@cython.returns(cython.bint)
def _is_temporary(g: Value):
    """Whether only a variable of _differentiate and one of _deliver_checked hold a rule's result, and it its array."""
    held: cython.Py_ssize_t = tape_references(cython.cast(cython.pointer(PyObject), g))
    return held <= 2 and cnp.PyArray_ISWRITEABLE(g.array) and is_private(g, 1)


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
    elif edge.count == 1 and edge.op is _relu and mask_sum(g, edge, _watcher is not None):
        edge.masked = True
    elif edge.owned:
        _add_into(edge.pending.array, g.array)
    else:
        edge.pending = wrap(_plus(edge.pending.array, g.array), None)
        edge.owned = True


@cython.cfunc
def _memory(g: Value):
    """A number that values on the same memory share: id() of its owner, without calling Python."""
    memory: object = owner(g.array)
    return cython.cast(cython.Py_ssize_t, cython.cast(cython.p_void, memory))


@cython.cfunc
@cython.returns(cython.bint)
def _is_unshared(gradients: list, i: cython.Py_ssize_t):
    """Whether nobody else can have this memory: an array that owns it, in a value that only the list holds."""
    if tape_references(sweep_item(gradients, i)) > 1:
        return False
    g: Value = gradients[i]
    return (
        tape_references(cython.cast(cython.pointer(PyObject), g.array)) == 1
        and tape_base(g.array) == cython.NULL
        and cnp.PyArray_ISWRITEABLE(g.array)
    )


@cython.cfunc
@cython.returns(cython.bint)
def _is_own_memory(array):
    """Whether the elements can be changed one by one: not read-only, not repeated by a stride of 0."""
    i: cython.int
    for i in range(cnp.PyArray_NDIM(array)):
        if cnp.PyArray_STRIDE(array, i) == 0:
            return False
    return cnp.PyArray_ISWRITEABLE(array)


@cython.cfunc
def _accumulate(node: Node, g: Value, unshared: cython.bint, create_graph: cython.bint, owners: set | None):
    """Stores what arrived at a leaf; no two gradients may share memory, as users change them in place."""
    if node.grad is not None and node.op is None:
        g = _add.call2(node.grad, g) if create_graph else wrap(_plus(node.grad.array, g.array), None)
    elif not create_graph and not unshared:
        memory = _memory(g)
        if memory in owners or node.hooks or not _is_own_memory(g.array):
            g = wrap(_copy(g.array), None)
            memory = _memory(g)
        owners.add(memory)
    node.grad = g
