cdef extern from "Python.h":
    dict instance_dict "PyObject_GenericGetDict" (object module, void *context)

cdef class Callable:
    cdef dict __dict__
