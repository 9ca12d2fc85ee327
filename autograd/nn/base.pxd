from autograd.tape cimport Op
from cpython.object cimport PyObject

cdef extern from *:
    """
    /* Lets a Python subclass find attributes as its base does, without a search for __getattr__ at each. */
    static inline void inherit_getattr(PyObject *subclass, PyObject *base) {
        ((PyTypeObject *)subclass)->tp_getattro = ((PyTypeObject *)base)->tp_getattro;
        PyType_Modified((PyTypeObject *)subclass);
    }

    /* A number that every change of a dict changes; where Python no longer keeps one, as if something always did. */
    static inline unsigned long long dict_version(PyObject *dict) {
    #if PY_VERSION_HEX < 0x030c0000
        return ((PyDictObject *)dict)->ma_version_tag;
    #else
        static unsigned long long last;
        return ++last;
    #endif
    }

    static _Thread_local int nesting __attribute__((unused)) = 0; /* of this thread's forward methods */
    """
    unsigned long long dict_version(dict items)
    int nesting
    void inherit_getattr(object subclass, object base)

cdef extern from "Python.h":
    dict instance_dict "PyObject_GenericGetDict" (object module, void *context)

cdef class Seen:
    cdef unsigned long long version
    cdef object kind, known
    cdef dict hooks
    cdef bint own_forward
    cdef Op op
    cdef Py_ssize_t given
    cdef tuple rest, attrs


cdef class Callable:
    cdef dict __dict__
    cdef Seen seen


cdef class Shortcut:
    cdef object forward
    cdef readonly Op op, with_relu
    cdef readonly tuple names, only_if
    cdef int dimensions

    cdef take(self, Callable module, Seen seen, Op op, tuple arguments)
    cdef bint look(self, Seen seen, dict state, Op op, Py_ssize_t given) except -1
    cdef call(self, Callable module, Op op, tuple inputs, tuple attrs)


cdef class Chain:
    cdef object forward
    cdef str name

    cdef list steps_of(self, Callable module)


cdef class WithReLU:
    cdef readonly Callable layer, relu
    cdef readonly str forward

    cdef run(self, x)


cdef class ReLUBeforePool:
    cdef readonly WithReLU layer, last
    cdef readonly Callable pool

    cdef run(self, x)


cpdef bint is_plain(Callable module) except -1
cpdef object call_forward(Callable module, tuple args, dict kwargs, list steps=*)
cpdef bint inside_forward() noexcept
