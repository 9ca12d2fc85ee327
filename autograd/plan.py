"""Plans: what a node saves for the gradient rules, and where these find it again."""

import cython
import numpy as np
from cython.cimports import numpy as cnp
from cython.cimports.autograd.capi import tape_pack, tape_pointer, tape_set, tape_tuple
from cython.cimports.autograd.value import Value, tape_shape, wrap

cnp.import_array()


class Step:
    """One gradient rule as a plan runs it: target is the input it serves, or -1 for a shared step.

    arguments: for each of the rule's, where it comes from (FROM_...) and its place there. op: what the rule is a call
    of, or None; the rules of the input's node may take in the call of its kernel, which is `later`.
    """

    def __init__(self, rule, target: cython.int, arguments: tuple, op=None):
        i: cython.int
        self.rule = rule
        self.target = target
        self.op = op
        self.later = None if op is None or target < 0 else op.record.kernel
        self.count = len(arguments)
        if self.count > MAX_ARGUMENTS:
            raise TypeError(f"a gradient rule has {self.count} arguments, at most {MAX_ARGUMENTS} are possible")
        for i in range(self.count):
            self.sources[i], self.places[i] = arguments[i]
            self.chained = self.chained or self.sources[i] == FROM_STEP

    def gather(self, node, g, alias, results, arguments):
        """The arguments of a node's rule, borrowed: the node owns them all. alias: what stands for the saved result."""
        i: cython.int
        for i in range(self.count):
            source: cython.int = self.sources[i]
            place: cython.int = self.places[i]
            if source == FROM_GRADIENT:
                argument = g
            elif source == FROM_SAVED:
                saved: cython.bint = alias is None or place != cython.cast(Plan, node.plan).out
                argument = node.held[node.degree + place] if saved else alias
            elif source == FROM_ATTRIBUTE:
                argument = node.attrs[place]
            elif source == FROM_TALLY:
                argument = node.tally
            elif source == FROM_NOTHING:
                argument = None
            else:
                argument = results[place]
            arguments[i] = tape_pointer(argument)


class Plan:
    """What an op saves and which rules run, for one set of inputs that need gradients. No steps: no gradient.

    saves: kinds (SAVE_...) and which of that kind. through: the steps for a gradient that comes through another
    op, or that waits for a call. tallies: the step that makes a tally of the gradient, by that op or None. tallied: the
    weight among the inputs of an op whose kernel takes one, or -1. gives: whether its rules do, too. at_once: the call
    that makes the gradients of the inputs `asked` (bits) in place of the steps, or None.
    """

    def __init__(
        self,
        saves: tuple,
        steps: tuple,
        through: dict | None = None,
        tallies: dict | None = None,
        tallied: cython.Py_ssize_t = -1,
        gives: cython.bint = False,
        at_once: Step | None = None,
        asked: cython.int = 0,
    ):
        i: cython.int
        self.steps = steps
        self.through = through
        self.tallies = tallies
        self.tallied = tallied
        self.gives = gives
        self.at_once = at_once
        self.asked = asked
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

    def hold(self, inputs, n, variadic, out, results):
        """What the node of a result holds: the nodes of the n inputs, then what is saved."""
        held: tuple = tape_tuple(n + self.count)
        value: Value
        i: cython.Py_ssize_t
        for i in range(n):
            x = cython.cast(object, inputs[i])
            tape_set(held, i, cython.cast(Value, x).node if isinstance(x, Value) else None)
        for i in range(self.count):
            kind: cython.int = self.kinds[i]
            place: cython.int = self.places[i]
            if kind == SAVE_INPUT:
                x = cython.cast(object, inputs[place])
                tape_set(held, n + i, x if isinstance(x, Value) else _frozen(x))
            elif kind == SAVE_SHAPE and variadic:
                tape_set(held, n + i, [_shape(x) for x in tape_pack(inputs, n)])
            elif kind == SAVE_SHAPE:
                tape_set(held, n + i, _shape(cython.cast(object, inputs[place])))
            elif kind == SAVE_OUT:  # an alias: the result itself holds this node, which would be a cycle
                value = wrap(out.array, None)
                value.version = out.share_version()
                tape_set(held, n + i, value)
            else:
                tape_set(held, n + i, results[place])
        return held


@cython.cfunc
def _frozen(x):
    """Saved data without a version, so that nobody can change it: indices and labels are copied.

    Arrays of floats are not: they may be large, and a user who writes to them can make them a tensor.
    """
    if x is None:
        return None
    if isinstance(x, tuple):
        return tuple([_frozen(part) for part in x])
    if isinstance(x, list):
        return [_frozen(part) for part in x]
    if isinstance(x, Value):
        x = cython.cast(Value, x).now()
    return x.copy() if cnp.PyArray_Check(x) and x.dtype.kind in "iub" else x


def with_frozen_index(attrs, place):
    """The attributes as a node saves them, where the one in this place is an index."""
    index = attrs[place]
    if type(index) is int or type(index) is slice:
        return attrs
    return (*attrs[:place], _frozen(index), *attrs[place + 1 :])


@cython.cfunc
def _shape(x):
    if isinstance(x, Value):
        x = cython.cast(Value, x).array
        return tape_shape(cnp.PyArray_NDIM(x), cnp.PyArray_DIMS(x))
    return None if x is None else np.shape(x)
