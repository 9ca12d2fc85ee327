cimport numpy as cnp
from autograd.nn.base cimport Callable, Shortcut
from autograd.tape cimport Op
from autograd.value cimport Value, Watch
from cpython.object cimport PyObject

cdef Op _conv2d, _conv2d_relu


cdef class Fold:
    cdef object weight, bias, eps
    cdef Watch watch

    cdef bint is_of(self, tuple parts, eps) except -1
    cdef make(self, tuple parts, eps)


cdef class ConvNorm(Fold):
    cdef readonly Callable conv, norm, relu
    cdef readonly Op op
    cdef readonly object activation, second
    cdef object conv_type, norm_type

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


cdef class Waiting:
    cdef Value x
    cdef object weight, bias
    cdef tuple attrs

    cdef value(self, like, list reads)


cdef class Convolution(Shortcut):
    pass


cdef class Norm(Shortcut):
    pass
