from autograd.tape cimport Node, Op, Value, Version


cdef class Tensor(Value):
    cpdef Tensor change(self, Value result)
