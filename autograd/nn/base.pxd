from autograd.tape cimport Op
from autograd.value cimport Watch
from cpython.object cimport PyObject

cdef extern from *:
    """
    /* Lets a Python subclass find attributes as its base does, without a search for __getattr__ at each. */
    static inline void inherit_getattr(PyObject *subclass, PyObject *base) {
        ((PyTypeObject *)subclass)->tp_getattro = ((PyTypeObject *)base)->tp_getattro;
        PyType_Modified((PyTypeObject *)subclass);
    }
    """
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


cdef class ConvNorm:
    cdef readonly Callable conv, norm, relu
    cdef readonly Op op
    cdef readonly object activation, second
    cdef object conv_type, norm_type
    cdef object weight, bias, eps  # folded
    cdef Watch watch

    cdef convolve(self, x)
    cpdef bint is_ready(self) except -1
    cdef layer(self)


cdef class ConvChain:
    cdef readonly tuple steps
    cdef readonly Op op
    cdef object weight, layers, parts
    cdef tuple judged  # shape, dtype and layers that `suits` speaks of
    cdef bint suits

    cpdef bint is_ready(self, x) except -1
    cdef bint gains(self) except -1
