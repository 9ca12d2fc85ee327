# C-level view of ops, for the other files of the hot core and for Cython code of other people.

cimport numpy as cnp
from autograd.plan cimport Plan
from autograd.value cimport Value
from cpython.object cimport PyObject

cdef extern from *:
    """
    static _Thread_local int tape_grad_mode __attribute__((unused)) = 1;

    #define HALVES (1L << 32) /* beside the bits of 32 inputs: 16-bit numbers are among them */
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
    Py_ssize_t tape_positional "PyVectorcall_NARGS" (size_t flags)
    void *tape_descr(PyObject *array)
    void tape_enable_vectorcall(object type, Py_ssize_t offset)


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
    cdef tuple taking  # as the record's `takes`
    cdef bint tallies  # whether the kernel takes a tally
    cdef list plans
    cdef dict calls
    cdef bint differentiable

    cdef tuple places(self, Py_ssize_t count, names)
    cdef run(self, PyObject **inputs, Py_ssize_t n, tuple attrs, list extras)
    cdef compute(self, PyObject **arguments, Py_ssize_t n, Py_ssize_t total, tuple attrs, forms=*, tuple norm=*,
                 tally=*)
    cdef run_in_float32(self, PyObject **inputs, Py_ssize_t n, tuple attrs, list extras)
    cdef forms(self, PyObject **inputs, Py_ssize_t n, long mask)
    cdef bint may_leave(self, Py_ssize_t place) noexcept
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
