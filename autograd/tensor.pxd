from autograd.operators cimport Operators
from autograd.tape cimport Op
from autograd.value cimport Node, Value, Version


cdef class Tensor(Operators):
    pass
