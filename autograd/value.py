"""Values, which hold an array, and the nodes that record how they were made.

There is no global list of nodes: a value holds its node, a node holds the nodes of its inputs, and
reference counting frees a graph as soon as nobody can differentiate it any more.
"""

import cython
import numpy as np
from cython.cimports import numpy as cnp
from cython.cimports.autograd.capi import tape_items
from cython.cimports.autograd.deferred import compute_readers
from cython.cimports.autograd.kernels import retire

from autograd import kernels
from autograd.errors import DTypeError
from autograd.halves import is_float

cnp.import_array()

_changes = cython.declare(cython.ulonglong, 0)  # changes of any memory in place so far
_default_dtype = cython.declare(object, np.dtype("float32"))


def default_dtype():
    """What Python floats become, and ints that meet them: float32, as in PyTorch, unless somebody chose another."""
    return _default_dtype


def set_default_dtype(dtype):
    """Chooses what Python floats become: float32 or float64."""
    global _default_dtype
    chosen = np.dtype(dtype)
    if chosen not in (np.float32, np.float64):
        raise DTypeError(f"set_default_dtype: expected float32 or float64, got {chosen}")
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

    def __dealloc__(self):
        retire(cython.cast(cython.pointer(PyObject), self.array))

    def now(self):
        """The array, computed by now."""
        deferred: Deferred = self.deferred  # held: another thread may be done first
        if deferred is not None:
            result = deferred.compute()
            if self.deferred is deferred:
                self.array = result
                self.deferred = None
        return self.array

    def defer(self, deferred: Deferred):
        """The array is to be computed when somebody looks at it, or before what it is made of may change."""
        self.array = deferred.like
        self.deferred = deferred
        deferred.wait()

    def about_to_change(self):
        """The memory is going to be changed in place."""
        if self.version is not None:
            compute_readers(self.version)

    def looked_at(self):
        """Python code gets the array, and may change it unseen."""
        self.now()
        version: Version = self.share_version()
        version.looks = version.looks + 1
        self.about_to_change()

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
        self.now()
        self.node = node


RESULT = cython.declare(object, Value)
NO_ARGUMENTS = cython.declare(tuple, ())


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

    def nbytes(self):
        """Of the value, or its gradient."""
        bytes: cython.Py_ssize_t = cython.cast(cnp.dtype, self.dtype).itemsize
        i: cython.int
        for i in range(self.ndim):
            bytes *= self.sizes[i] if self.wide is None else self.wide[i]
        return bytes

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

    def keep_old(self, value: Value):
        """Before a value's memory changes: what this node saved of it becomes a copy with the history it had."""
        i: cython.Py_ssize_t
        for i in range(self.degree, len(self.held)):
            if self.held[i] is value:
                old: Value = wrap(value.now().copy(order="K"), value.node)
                self.held = tuple([old if x is value else x for x in self.held])
                return

    def release(self):
        """Lets go of all that a backward pass needs."""
        if self.op is not None:
            held: tuple = self.held
            if held is not None and tape_references(cython.cast(cython.pointer(PyObject), held)) == 2:
                i: cython.Py_ssize_t
                for i in range(self.degree, len(held)):
                    if cnp.PyArray_CheckExact(cython.cast(object, tape_items(held)[i])):  # an extra result
                        retire(tape_items(held)[i])
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
    node.stamp = _changes
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


def leaf_node(array):
    """The node of a value that gradients are wanted for."""
    if not is_float(array.dtype):
        raise DTypeError(f"requires_grad: only floating-point tensors can require gradients, this one is {array.dtype}")
    return new_node(None, array)


def number_array(x):
    """A Python number as an array."""
    return np.asarray(x, _default_dtype if type(x) is float else None)


def owner(array):
    """The array that owns the memory of an array."""
    base: cython.pointer(PyObject) = tape_base(array)
    while base != cython.NULL and cnp.PyArray_Check(cython.cast(object, base)):
        array = cython.cast(object, base)
        base = tape_base(array)
    return array


def array_of(x):
    """The array of a value, for our own rules, which only read it: unlike `value.array` it is no look at it.

    What is no value stays as it is.
    """
    return cython.cast(Value, x).now() if isinstance(x, Value) else x


def is_private(value: Value, references: cython.Py_ssize_t):
    """Whether nobody else holds the array, its memory or a view of it, beyond so many references to the array."""
    array: cython.pointer(PyObject) = cython.cast(cython.pointer(PyObject), value.array)
    while tape_references(array) <= references:
        references = 1  # to the array below, by its view
        base: cython.pointer(PyObject) = tape_base(cython.cast(cnp.ndarray, array))
        if base == cython.NULL:
            return cnp.PyArray_CHKFLAGS(cython.cast(cnp.ndarray, array), cnp.NPY_ARRAY_OWNDATA)
        if not cnp.PyArray_Check(cython.cast(object, base)):
            return False
        array = base
    return False


def is_unseen(value: Value):
    """Whether an op of ours made the array for this value, and nobody has looked at it: all changes will be known."""
    node: Node = value.node
    return (
        node is not None
        and node.op is not None
        and not node.op.view
        and not node.op.custom
        and (value.version is None or value.version.looks == 0)
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


def look(value, unused):
    """The attribute `array` as Python sees it."""
    self: Value = value
    self.looked_at()
    return self.array


tape_add_property(Value, b"array", look)
set_result_type(Value)
