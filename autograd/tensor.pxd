from autograd.operators cimport Operators
from autograd.tape cimport Node, Op, Value, Version


cdef class Tensor(Operators):
    pass
