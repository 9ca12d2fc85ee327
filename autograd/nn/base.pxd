from autograd.tape cimport Op
from cpython.object cimport PyObject

cdef extern from *:
    """
    /* Lets a Python subclass find attributes as its base does, without a search for __getattr__ at each. */
    static inline void inherit_getattr(PyObject *subclass, PyObject *base) {
        ((PyTypeObject *)subclass)->tp_getattro = ((PyTypeObject *)base)->tp_getattro;
        PyType_Modified((PyTypeObject *)subclass);
    }

    static _Thread_local int nesting __attribute__((unused)) = 0; /* of this thread's forward methods */
    """
    int nesting
    void inherit_getattr(object subclass, object base)

cdef extern from "Python.h":
    dict instance_dict "PyObject_GenericGetDict" (object module, void *context)

cdef class Callable:
    cdef dict __dict__


cdef class Shortcut:
    cdef object forward
    cdef readonly Op op, with_relu
    cdef readonly tuple names, only_if
    cdef int dimensions

    cdef take(self, Callable module, Op op, tuple arguments)
    cdef call(self, Callable module, Op op, tuple inputs, tuple attrs)


cdef class Chain:
    cdef object forward
    cdef str name

    cdef list steps_of(self, Callable module)


cdef class WithReLU:
    cdef readonly Callable layer, relu
    cdef readonly str forward

    cdef run(self, x)


cdef class ReLUBeforePool:
    cdef readonly WithReLU layer, last
    cdef readonly Callable pool

    cdef run(self, x)


cpdef bint is_plain(Callable module) except -1
cpdef object call_forward(Callable module, tuple args, dict kwargs, list steps=*)
cpdef bint inside_forward() noexcept
