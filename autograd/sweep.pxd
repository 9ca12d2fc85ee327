from cpython.object cimport PyObject

cdef extern from "Python.h":
    Py_ssize_t sweep_references "Py_REFCNT" (PyObject *x)
    PyObject *sweep_item "PyList_GET_ITEM" (object items, Py_ssize_t i)

cpdef sweep(list roots, list seeds, list wanted=*, bint retain_graph=*, bint create_graph=*)
