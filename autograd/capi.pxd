# Python's C API for tuples and calls as the hot core uses it: without checks, arguments as arrays of pointers.

from cpython.object cimport PyObject

cdef extern from *:
    """
    /* Fills a place of a tuple that tape_tuple has just made. */
    static inline void tape_set(PyObject *tuple, Py_ssize_t i, PyObject *x) {
        Py_INCREF(x);
        PyTuple_SET_ITEM(tuple, i, x);
    }

    /* Fills a place of an array of owned references. */
    static inline void tape_hold(PyObject **place, PyObject *x) {
        Py_INCREF(x);
        *place = x;
    }

    static inline void tape_exchange(PyObject **place, PyObject *x) {
        PyObject *before = *place;
        tape_hold(place, x);
        Py_DECREF(before);
    }

    static inline void tape_drop(PyObject **places, Py_ssize_t n) {
        while (n-- > 0) Py_XDECREF(places[n]);
    }

    static inline PyObject *tape_pack(PyObject *const *items, Py_ssize_t n) {
        PyObject *tuple = PyTuple_New(n);
        for (Py_ssize_t i = 0; tuple && i < n; i++) tape_set(tuple, i, items[i]);
        return tuple;
    }

    #define tape_pointer(x) ((PyObject *)(x)) /* borrowed */
    """
    tuple tape_tuple "PyTuple_New" (Py_ssize_t n)
    void tape_set(tuple items, Py_ssize_t i, object x)
    void tape_hold(PyObject **place, object x)
    void tape_exchange(PyObject **place, object x)
    void tape_drop(PyObject **places, Py_ssize_t n)
    tuple tape_pack(PyObject **items, Py_ssize_t n)
    PyObject **tape_items "PySequence_Fast_ITEMS" (tuple items)
    object tape_call "PyObject_Vectorcall" (object function, PyObject **arguments, size_t positional, PyObject *names)
    PyObject *tape_pointer(object x)
