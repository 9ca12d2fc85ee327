from autograd.tape cimport Op, Value


cdef class Operators(Value):
    cpdef Operators change(self, Value result)
