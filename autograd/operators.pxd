from autograd.tape cimport Op, Value


cdef class Operators(Value):
    cpdef Operators change(self, Value result)
    cdef check_changeable(self)
    cdef changed(self, Value result)
