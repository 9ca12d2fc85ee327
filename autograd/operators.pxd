from autograd.tape cimport Op
from autograd.value cimport Value


cdef class Operators(Value):
    cpdef Operators change(self, Value result)
    cdef check_changeable(self)
    cdef bint may_take(self, Value result)
    cdef overwritten(self, Value result)
    cdef changed(self, Value result)
