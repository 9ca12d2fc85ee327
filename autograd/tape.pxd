# C-level view of ops, for the other files of the hot core and for Cython code of other people.

cimport numpy as cnp
from autograd.value cimport Deferred, Node, Value, Version, forms_of, is_unseen, new_node, number_array, owner, tape_shape, wrap
from cpython.object cimport PyObject

cdef extern from *:
    """
    static _Thread_local int tape_grad_mode __attribute__((unused)) = 1;

    /* Fills a place of a tuple that tape_tuple has just made. */
    static inline void tape_set(PyObject *tuple, Py_ssize_t i, PyObject *x) {
        Py_INCREF(x);
        PyTuple_SET_ITEM(tuple, i, x);
    }

    /* Fills a place of an array of owned references. */
    static inline void tape_hold(PyObject **place, PyObject *x) {
        Py_INCREF(x);
        *place = x;
    }

    static inline void tape_exchange(PyObject **place, PyObject *x) {
        PyObject *before = *place;
        tape_hold(place, x);
        Py_DECREF(before);
    }

    static inline void tape_drop(PyObject **places, Py_ssize_t n) {
        while (n-- > 0) Py_XDECREF(places[n]);
    }

    static inline PyObject *tape_pack(PyObject *const *items, Py_ssize_t n) {
        PyObject *tuple = PyTuple_New(n);
        for (Py_ssize_t i = 0; tuple && i < n; i++) tape_set(tuple, i, items[i]);
        return tuple;
    }

    #define HALVES (1L << 32) /* beside the bits of 32 inputs: 16-bit numbers are among them */
    #define tape_pointer(x) ((PyObject *)(x)) /* borrowed */
    #define tape_descr(array) PyArray_DESCR((PyArrayObject *)(array))

    /* Cython gives its classes no vectorcall: from now on instances are called through the pointer at this offset. */
    static inline void tape_enable_vectorcall(PyObject *type, Py_ssize_t offset) {
        PyTypeObject *t = (PyTypeObject *)type;
        t->tp_vectorcall_offset = offset;
        t->tp_call = PyVectorcall_Call;
        t->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
        PyType_Modified(t);
    }
    """
    int NPY_HALF  # the first of the dtypes that are neither ints nor float32 and float64
    long HALVES
    int tape_grad_mode
    tuple tape_tuple "PyTuple_New" (Py_ssize_t n)
    void tape_set(tuple items, Py_ssize_t i, object x)
    void tape_hold(PyObject **place, object x)
    void tape_exchange(PyObject **place, object x)
    void tape_drop(PyObject **places, Py_ssize_t n)
    tuple tape_pack(PyObject **items, Py_ssize_t n)
    PyObject **tape_items "PySequence_Fast_ITEMS" (tuple items)
    object tape_call "PyObject_Vectorcall" (object function, PyObject **arguments, size_t positional, PyObject *names)
    Py_ssize_t tape_positional "PyVectorcall_NARGS" (size_t flags)
    PyObject *tape_pointer(object x)
    void *tape_descr(PyObject *array)
    void tape_enable_vectorcall(object type, Py_ssize_t offset)


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
    # The most arguments of a rule, and the most values that a plan saves.
    MAX_ARGUMENTS = 32


cdef class Step:
    cdef object rule
    cdef Op op
    cdef int target
    cdef int count
    cdef bint chained  # whether an argument is what another step has returned
    cdef signed char[MAX_ARGUMENTS] sources
    cdef signed char[MAX_ARGUMENTS] places


cdef class Plan:
    cdef int count
    cdef signed char[MAX_ARGUMENTS] kinds
    cdef signed char[MAX_ARGUMENTS] places
    cdef int out
    cdef bint chained
    cdef tuple steps
    cdef dict through  # Op, or call of a Deferred -> steps; or None


cdef class Op:
    cdef void *vectorcall
    cdef readonly str name
    cdef public object forward
    cdef public object kernel
    cdef public object record
    cdef readonly long inputs
    cdef long plain
    cdef readonly bint variadic
    cdef readonly bint broadcasts
    cdef readonly bint view
    cdef readonly bint widens  # whether it computes with 16-bit numbers, as float32
    cdef readonly bint custom
    cdef readonly tuple names
    cdef readonly tuple defaults
    cdef readonly tuple absent
    cdef public object twin
    cdef public object part  # the forward function without its last pass, if that may wait
    cdef public dict joints  # last passes of the op before that this op can be part of; None: it joins nothing
    cdef public object timed  # who calls this op's last passes, if they are timed
    cdef long extras
    cdef long indexed
    cdef long casts  # which attribute is the dtype to compute in
    cdef long keeps
    cdef long takes  # which input may wait for a call that the kernel does itself
    cdef list plans
    cdef dict calls
    cdef bint differentiable

    cdef tuple places(self, Py_ssize_t count, names)
    cdef run(self, PyObject **inputs, Py_ssize_t n, tuple attrs, list extras)
    cdef compute(self, PyObject **arguments, Py_ssize_t n, Py_ssize_t total, tuple attrs, forms=*, tuple norm=*)
    cdef run_in_float32(self, PyObject **inputs, Py_ssize_t n, tuple attrs, list extras)
    cdef forms(self, PyObject **inputs, Py_ssize_t n, long mask)
    cdef tuple taken(self, Value value, PyObject **arguments, Py_ssize_t total)
    cdef Deferred join(self, PyObject **inputs, Py_ssize_t n, tuple attrs, PyObject **arrays)
    cdef postpone(self, PyObject **inputs, Py_ssize_t n, Py_ssize_t total, tuple attrs, long mask, PyObject **arrays)
    cdef bint may_wait(self, Deferred later, long mask, long n) except -1
    cdef bint suits(self, PyObject **arguments, Py_ssize_t n) noexcept
    cdef long gather(self, PyObject **inputs, Py_ssize_t n, PyObject **arrays) except -1
    cdef Plan plan(self, long mask, long count)
    cdef Value record_node(self, PyObject **inputs, Py_ssize_t n, tuple attrs, long mask, array, results)
    cdef Value call1(self, x)
    cdef Value call2(self, x, y)


cdef object call_op(object op, PyObject **arguments, size_t flags, PyObject *names)
cdef bint alike(PyObject **arguments, Py_ssize_t n) noexcept
cpdef bint has_halves(tuple inputs) noexcept
cpdef bint grad_enabled() noexcept
cpdef bint set_grad_enabled(bint on) noexcept
