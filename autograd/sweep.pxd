from cpython.object cimport PyObject

cdef extern from "Python.h":
    PyObject *sweep_item "PyList_GET_ITEM" (object items, Py_ssize_t i)

cpdef sweep(list roots, list seeds, list wanted=*, bint retain_graph=*, bint create_graph=*)
