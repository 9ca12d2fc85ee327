# C-level view of the tape, for tensor.py and for Cython code of other people.

cdef extern from *:
    """
    static _Thread_local int tape_grad_mode __attribute__((unused)) = 1;

    /* An instance without the cost of a Python call. */
    static inline PyObject *tape_instance(PyObject *type, PyObject *no_arguments) {
        return ((PyTypeObject *)type)->tp_new((PyTypeObject *)type, no_arguments, NULL);
    }

    /* function(*arguments) without making a tuple. */
    static inline PyObject *tape_call(PyObject *function, PyObject *arguments) {
        return PyObject_Vectorcall(function, PySequence_Fast_ITEMS(arguments), PyList_GET_SIZE(arguments), NULL);
    }
    """
    int tape_grad_mode
    object tape_instance(object type, object no_arguments)
    object tape_call(object function, list arguments)


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


cdef class Version:
    cdef long count


cdef class Value:
    cdef readonly object array
    cdef readonly Node node
    cdef Version version
    cdef long seen
    cdef object __weakref__

    cdef Version share_version(self)


cdef class Node:
    cdef readonly Op op
    cdef readonly tuple edges
    cdef readonly tuple shape
    cdef readonly object dtype
    cdef readonly unsigned long long seq
    cdef Plan plan
    cdef list saved
    cdef dict attrs
    cdef long versions
    cdef public Value grad
    cdef bint retains
    cdef dict hooks
    cdef Value pending
    cdef bint owned
    cdef long count
    cdef unsigned long long mark
    cdef bint needed
    cdef object __weakref__

    cdef long version_sum(self)
    cdef bint is_leaf(self)


cdef class Step:
    cdef object rule
    cdef long target
    cdef tuple args


cdef class Plan:
    cdef tuple saves
    cdef tuple steps


cdef class Op:
    cdef readonly str name
    cdef public object forward
    cdef public object record
    cdef readonly long inputs
    cdef readonly long required
    cdef readonly bint variadic
    cdef readonly bint broadcasts
    cdef readonly bint view
    cdef readonly bint custom
    cdef readonly dict defaults
    cdef public object twin
    cdef long extras
    cdef list plans
    cdef bint differentiable

    cdef tuple run(self, tuple inputs, dict attrs)
    cdef long gather(self, tuple inputs, list arrays) except -1
    cdef Value record_node(self, tuple inputs, dict attrs, long mask, object array, object results)
    cpdef Value call1(self, x)
    cpdef Value call2(self, x, y)


cdef Value wrap(object array, Node node)
cdef Node new_node(Op op, tuple shape, object dtype)
cpdef Node leaf_node(array)
cpdef bint grad_enabled() noexcept
cpdef bint set_grad_enabled(bint on) noexcept
