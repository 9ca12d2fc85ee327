"""What waits: last passes over memory, left out to be computed together with what follows.

An op's `part` leaves its last pass to a Deferred; the op after it joins that pass, or its kernel takes it in. Backward
it is the same with a rule and the rules of the next node, and with a ReLU and the sum of its gradients.
"""

import cython
from cython.cimports import numpy as cnp
from cython.cimports.autograd.capi import tape_call, tape_exchange, tape_pointer
from cython.cimports.autograd.deferred import Deferred
from cython.cimports.autograd.plan import MAX_ARGUMENTS, Plan, Step
from cython.cimports.autograd.value import Node, Value, is_unseen, owner, wrap
from cython.cimports.cpython.object import PyObject

from autograd import kernels
from autograd.backends import fusion

cnp.import_array()

LEAST_WAITING = cython.declare(cython.Py_ssize_t, 1 << 16)  # bytes of a gradient: less is made sooner than asked about
WITH_NORM = ("norm",)
WITH_TALLY = ("tally",)
WITH_BOTH = ("norm", "tally")

_tally = cython.declare(object, kernels.Tally)
_tallied = cython.declare(cython.Py_ssize_t, int(kernels.TALLIED))
_masked_sum = cython.declare(object, kernels.add_relu_grad)


def waits_for(value: Value):
    """The arguments of the call that will compute the value's array; None if it is there."""
    return None if value.deferred is None else value.deferred.arguments


def taken(takes, inputs, place, arguments, total):
    """What the kernel takes as `norm`, so that an input need not be computed; None if it does not.

    takes: what the op declares; inputs, and arguments, of which there are as many as total, and a place for one more.
    """
    norm = _waiting_for(takes, inputs[place], arguments + place)
    if norm is None or _fits(takes, norm, arguments, total):
        return norm
    tape_exchange(arguments + place, cython.cast(Value, cython.cast(object, inputs[place])).now())
    return None


@cython.cfunc
@cython.returns(tuple)
def _waiting_for(takes, item: cython.pointer(PyObject), argument: cython.pointer(cython.pointer(PyObject))):
    """The arguments of the call that an input waits for, if it is the one to take; else the argument is computed.

    It may have waited when the arguments were gathered, and another thread been there since.
    """
    x = cython.cast(object, item)
    if not isinstance(x, Value):
        return None
    deferred: Deferred = cython.cast(Value, x).deferred
    norm: tuple = deferred.arguments if deferred is not None and deferred.call is takes[1] else None
    if norm is None or not fusion.enabled:
        tape_exchange(argument, cython.cast(Value, x).now())
        return None
    return norm


@cython.cfunc
@cython.returns(cython.bint)
def _fits(takes, norm, arguments: cython.pointer(cython.pointer(PyObject)), total: cython.Py_ssize_t):
    """Whether the kernel takes this norm. MAX_ARGUMENTS: there are places for so many."""
    if total >= MAX_ARGUMENTS - 1:
        return False
    arguments[total] = tape_pointer(norm)
    try:
        return tape_call(takes[2], arguments, total, tape_pointer(WITH_NORM))
    except (ValueError, TypeError, IndexError):
        return False  # the forward function says what is wrong


def all_taken(takes, inputs, n, arguments, total):
    """The same of all n inputs of a variadic op: what it takes for each of them, or None."""
    norms: list = [None] * n
    some: cython.bint = False
    i: cython.Py_ssize_t
    for i in range(n):
        norms[i] = _waiting_for(takes, inputs[i], arguments + i)
        some = some or norms[i] is not None
    if not some:
        return None
    norm = tuple(norms)
    if _fits(takes, norm, arguments, total):
        return norm
    for i in range(n):
        if norms[i] is not None:
            tape_exchange(arguments + i, cython.cast(Value, cython.cast(object, inputs[i])).now())
    return None


def tally_for(weight):
    """What sums up a result of this weight as it is written: where a batch norm read the last one."""
    x = cython.cast(object, weight)
    if not isinstance(x, Value):
        return None
    node: Node = cython.cast(Value, x).node
    if node is None or not node.normalised or not fusion.enabled:
        return None
    node.normalised = False
    return _tally()


@cython.cfunc
def _tally_of(value: Value):
    """What summed the value's array up, unless it changed; notes that it is wanted of the next result of the weight."""
    node: Node = value.node
    place: cython.Py_ssize_t = cython.cast(Plan, node.plan).tallied
    if place < 0 or node.held is None:
        return None
    weight: Node = node.held[place]
    if weight is not None:
        weight.normalised = cnp.PyArray_NBYTES(cython.cast(cnp.ndarray, value.array)) >= _tallied
    tally = node.tally
    node.tally = None
    return tally if value.version is None or value.version.count == 0 else None


def postpone(part, inputs, n, arrays, total, names):
    """The results of a part, the array a Deferred that may be computed with what follows; or None.

    The first of the n inputs is a Value; names are those of the arguments after them, total in all.
    """
    if not fusion.enabled or not is_unseen(cython.cast(Value, cython.cast(object, inputs[0]))):
        return None
    tally = _tally_of(cython.cast(Value, cython.cast(object, inputs[0])))
    if tally is not None:
        arrays[total] = tape_pointer(tally)
        names = (*names, "tally")
    try:
        results = tape_call(part, arrays, n, tape_pointer(names))
    except (ValueError, TypeError, IndexError):
        return None  # the forward function says what is wrong
    if results is not None:
        _note_reads(results[0], inputs, n)
    return results


def join(op, joints, inputs, n, attrs, arrays):
    """What an input waits for together with this op, deferred; None if no input waits, or both go apart."""
    first: Value = None
    value: Value
    others: list = []
    i: cython.Py_ssize_t
    place: cython.Py_ssize_t = 0
    for i in range(n):
        x = cython.cast(object, inputs[i])
        if isinstance(x, Value) and cython.cast(Value, x).deferred is not None:
            value = cython.cast(Value, x)
            if first is None:
                first, place = value, i
                continue
            tape_exchange(arrays + i, value.now())
        others.append(cython.cast(object, arrays[i]))
    if first is None:
        return None
    before: Deferred = first.deferred
    if before is not None and before.arguments is not None and fusion.enabled:
        rule = joints.get(before.call)
        arguments = None if rule is None else rule(before.arguments, others, attrs)
        if arguments is not None:
            later: Deferred = Deferred(before.call, arguments, None if before.op is None else op)
            later.reads.extend(before.reads)
            _note_reads(later, inputs, n)
            return later
    tape_exchange(arrays + place, first.now())
    return None


@cython.cfunc
def _note_reads(later: Deferred, inputs: cython.pointer(cython.pointer(PyObject)), n: cython.Py_ssize_t):
    """Notes whose changes a call must come before; None if it must not wait, as they may come unseen."""
    value: Value
    i: cython.Py_ssize_t
    for i in range(n):
        x = cython.cast(object, inputs[i])
        if not isinstance(x, Value):
            continue
        value = cython.cast(Value, x)
        if value.deferred is None and _is_read(value.array, later):
            if not is_unseen(value):
                later.reads = None
                return
            later.reads.append(value.share_version())


@cython.cfunc
@cython.returns(cython.bint)
def _is_read(array, later: Deferred):
    """Whether the array's memory is that of an argument."""
    for argument in later.arguments:
        if argument is array or (cnp.PyArray_Check(argument) and owner(argument) is owner(array)):
            return True
    return False


def may_wait(later, watched):
    """Whether nobody needs the array at once: to watch it, or because it is made of what may change."""
    return later.reads is not None and not watched


def defer(out, later, plan, degree):
    """The result waits, and so does the alias of it that its node may have saved."""
    out.defer(later)
    if plan.out >= 0:
        cython.cast(Value, out.node.held[degree + plan.out]).deferred = later


def joint_steps(node, wanted_ids, watched):
    """The rules that differentiate this node and that of its input at once, where nobody wants what is between."""
    edge: Node = node.held[0]
    if edge is None or edge.op is None or cython.cast(Plan, edge.plan).through is None:
        return None
    if edge.count > 1 or edge.pending is not None or edge.hooks or edge.retains or not edge.needed:
        return None
    if wanted_ids is not None and id(edge) in wanted_ids:
        return None
    if watched or node.restore is not None or edge.restore is not None or node.is_stale():
        return None
    if not fusion.enabled:
        return None
    return cython.cast(Plan, edge.plan).through.get(node.op)


def rule_waits(step, arguments, edge):
    """The call that a rule is, if rules may take it in: those of the input's node or, a ReLU, of the one before it.

    None if not. gradient_may_wait tells whether they do.
    """
    if not _takes(edge, step.later) or edge.nbytes() < LEAST_WAITING:
        return None
    if edge.op.name == "relu" and not _takes(edge.held[0], step.later):
        return None
    arrays: list = []
    i: cython.int
    for i in range(step.count):
        x = cython.cast(object, arguments[i])
        arrays.append(cython.cast(Value, x).now() if isinstance(x, Value) else x)
    return Deferred(step.later, tuple(arrays), step.op, kernels.placeholder(edge.shape, edge.dtype))


@cython.cfunc
@cython.returns(cython.bint)
def _takes(node: Node, call):
    """Whether a node has rules for a gradient that waits for this call."""
    if node is None or node.op is None or node.held is None:
        return False
    through: dict = cython.cast(Plan, node.plan).through
    return through is not None and through.get(call) is not None


def gradient_may_wait(g, edge, watched):
    """Whether a gradient need not be computed before the rules of this node run, which nobody else gets it before."""
    later: Deferred = g.deferred
    if edge.op is None or cython.cast(Plan, edge.plan).through is None or not fusion.enabled:
        return False
    steps: tuple = cython.cast(Plan, edge.plan).through.get(later.call)
    if steps is None or edge.count > 1 or edge.pending is not None or edge.held is None:
        return False
    if edge.hooks or edge.retains or edge.wanted or edge.restore is not None or watched:
        return False
    i: cython.Py_ssize_t
    for i in range(edge.degree):
        if edge.held[i] is not None and not cython.cast(Node, edge.held[i]).needed:
            return False  # autograd.grad() asks for others
    arguments: cython.pointer(PyObject)[MAX_ARGUMENTS]
    fits: Step = steps[0]
    fits.gather(edge, g, None, None, arguments)
    try:
        return tape_call(fits.rule, arguments, fits.count, cython.NULL)
    except (ValueError, TypeError, IndexError):
        return False  # what the kernel refuses, the op of each rule computes otherwise


@cython.cfunc
@cython.returns(cython.bint)
def _is_seen(node: Node, watched: cython.bint):
    """Whether somebody besides the node's rules gets its gradient, or that has more parts than the next one."""
    if node.op is None or not node.needed or node.count > 1 or node.pending is not None or watched:
        return True
    return node.hooks or node.retains or node.wanted or node.restore is not None or not fusion.enabled


@cython.cfunc
def _tally_at(norm: Node, through):
    """The tally of a batch norm's gradient, or of the gradient of the op that is differentiated with it."""
    step: Step = cython.cast(Plan, norm.plan).tallies.get(through)
    if step is not None:
        arguments: cython.pointer(PyObject)[MAX_ARGUMENTS]
        step.gather(norm, None, None, None, arguments)
        norm.tally = tape_call(step.rule, arguments, step.count, cython.NULL)
    return norm.tally


def gradient_tally(edge, wanted_ids, watched):
    """What sums up an input's gradient as it is written: where a batch norm is the only one who gets it, and as it is.

    It is noted at that batch norm's node.
    """
    if edge is None or edge.nbytes() < _tallied or _is_seen(edge, watched):
        return None
    if cython.cast(Plan, edge.plan).tallies is not None:
        return _tally_at(edge, None)
    norm: Node = edge.held[0] if edge.degree > 0 else None  # the edge may be the ReLU after one
    if norm is None or norm.op is None or cython.cast(Plan, norm.plan).tallies is None:
        return None
    return None if joint_steps(edge, wanted_ids, watched) is None else _tally_at(norm, edge.op)


def mask_sum(g, edge, watched):
    """Adds the last gradient of a ReLU's result and differentiates the ReLU, in one pass, if nobody sees the sum."""
    if edge.wanted or edge.hooks or edge.retains or edge.restore is not None or watched:
        return False
    saved: Value = edge.held[edge.degree + cython.cast(Plan, edge.plan).out]
    into = edge.pending.array if edge.owned else None
    total = _masked_sum(edge.pending.array, g.array, saved.now(), into) if fusion.enabled else None
    if total is None:
        return False
    if not edge.owned:
        edge.pending = wrap(total, None)
        edge.owned = True
    return True
