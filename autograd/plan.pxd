# C-level view of plans.

from autograd.value cimport Node, Value
from cpython.object cimport PyObject


cpdef enum:
    # What a plan saves: an input, its shape, the result, or an extra result of the forward function.
    SAVE_INPUT = 0
    SAVE_SHAPE = 1
    SAVE_OUT = 2
    SAVE_EXTRA = 3
    # Where an argument of a rule comes from.
    FROM_GRADIENT = 0
    FROM_SAVED = 1
    FROM_ATTRIBUTE = 2
    FROM_STEP = 3
    FROM_TALLY = 4
    FROM_NOTHING = 5
    # The most arguments of a rule, and the most values that a plan saves.
    MAX_ARGUMENTS = 32


cdef class Step:
    cdef object rule
    cdef int target
    cdef int count
    cdef bint chained  # whether an argument is what another step has returned
    cdef object op
    cdef object later
    cdef signed char[MAX_ARGUMENTS] sources
    cdef signed char[MAX_ARGUMENTS] places

    cdef gather(self, Node node, Value g, alias, tuple results, PyObject **arguments)


cdef class Plan:
    cdef int count
    cdef signed char[MAX_ARGUMENTS] kinds
    cdef signed char[MAX_ARGUMENTS] places
    cdef int out
    cdef bint chained
    cdef tuple steps
    cdef Step at_once  # the kernel that makes all gradients, in place of the steps; or None
    cdef int asked  # the inputs that it is asked for, as bits
    cdef dict through  # Op, or call of a Deferred -> steps; or None
    cdef dict tallies  # Op that is differentiated at once, or None -> the step that makes a tally of g; or None
    cdef Py_ssize_t tallied  # the weight among the inputs, if the kernel takes a tally; or -1
    cdef bint gives  # whether the gradient of the first input can be given with a tally

    cdef tuple hold(self, PyObject **inputs, Py_ssize_t n, bint variadic, Value out, results)


cdef tuple with_frozen_index(tuple attrs, Py_ssize_t place)
