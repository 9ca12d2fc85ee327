# C-level view of values and nodes, for the other files of the hot core and for Cython code of other people.

cimport numpy as cnp
from autograd.deferred cimport Deferred
from cpython.object cimport PyObject

cdef extern from *:
    """
    /* An instance without the cost of a Python call. */
    static inline PyObject *tape_instance(PyObject *type, PyObject *no_arguments) {
        return ((PyTypeObject *)type)->tp_new((PyTypeObject *)type, no_arguments, NULL);
    }

    /* A subclass without fields of its own is freed as its base is, without a call for each class between them. */
    static inline void tape_inherit_dealloc(PyObject *subclass, PyObject *base) {
        ((PyTypeObject *)subclass)->tp_dealloc = ((PyTypeObject *)base)->tp_dealloc;
    }

    /* Cython's attributes are seen as they are; this one is a property, `get` its function. */
    static inline int tape_add_property(PyObject *type, const char *name, getter get) {
        static PyGetSetDef definition;
        definition.name = name;
        definition.get = get;
        PyObject *property = PyDescr_NewGetSet((PyTypeObject *)type, &definition);
        int failed = !property || PyDict_SetItemString(((PyTypeObject *)type)->tp_dict, name, property);
        Py_XDECREF(property);
        PyType_Modified((PyTypeObject *)type);
        return failed ? -1 : 0;
    }
    """
    object tape_instance(object type, object no_arguments)
    void tape_inherit_dealloc(object subclass, object base)
    int tape_add_property(object type, const char *name, object (*get)(object, void *)) except -1
    Py_ssize_t tape_references "Py_REFCNT" (PyObject *x)

cdef extern from "numpy/arrayobject.h":
    PyObject *tape_base "PyArray_BASE" (cnp.ndarray array)
    tuple tape_shape "PyArray_IntTupleFromIntp" (int ndim, const cnp.npy_intp *shape)


cdef enum:
    FEW_AXES = 5  # the most axes whose sizes a node holds itself


cdef class Version:
    cdef long count
    cdef unsigned long long last  # number, among all changes of whatever memory, of the last one
    cdef long looks

    cdef changed(self)


cdef class Stamp:
    cdef Version version
    cdef long count
    cdef long looks

    cdef take(self, Value value, Py_ssize_t references)
    cdef bint holds(self, Value value) noexcept


cdef class Kept(Stamp):
    cdef object forms


cdef class Watch:
    cdef tuple values
    cdef tuple stamps

    cpdef bint holds(self, tuple values) except -1


cdef class Value:
    cdef object array  # from Python a property; code that writes to it must bump(). While deferred, only a shape: now()
    cdef Deferred deferred
    cdef readonly Node node
    cdef Version version
    cdef long seen
    cdef Kept kept
    cdef object __weakref__

    cdef Version share_version(self)
    cdef looked_at(self)
    cdef now(self)
    cdef about_to_change(self)
    cdef defer(self, Deferred deferred)


cdef class Node:
    cdef readonly object op  # an Op, or None
    cdef readonly object dtype
    cdef readonly unsigned long long seq
    cdef object plan  # the op's Plan
    cdef tuple held  # the nodes of the inputs, then what the gradient rules need; None: a leaf, or released
    cdef Py_ssize_t degree  # how many of these are nodes of inputs
    cdef tuple attrs
    cdef unsigned long long stamp  # how many changes in place there had been when values were saved
    cdef int ndim
    cdef cnp.npy_intp[FEW_AXES] sizes
    cdef tuple wide  # the shape, if it has more axes
    cdef public Value grad
    cdef bint retains
    cdef dict hooks
    cdef dict after
    cdef object restore
    cdef Value pending
    cdef bint owned
    cdef Node link
    cdef long count
    cdef unsigned long long mark
    cdef bint needed
    cdef bint wanted  # itself, and not only by what is below
    cdef bint masked  # the pending gradient has been through the op's mask
    cdef bint normalised  # a batch norm read the last result that this weight gave
    cdef object tally  # what sums up the result, or during a sweep the gradient that it takes or gives; or None
    cdef object __weakref__

    cdef bint is_leaf(self)
    cdef Py_ssize_t nbytes(self)
    cdef bint has_shape_of(self, cnp.ndarray array)
    cdef bint is_stale(self)
    cdef keep_old(self, Value value)
    cdef release(self)


cdef Value wrap(object array, Node node)
cdef Node new_node(op, cnp.ndarray array)
cpdef owner(object array)
cpdef array_of(x)
cpdef number_array(x)
cpdef Node leaf_node(array)
cdef bint is_unseen(Value value) noexcept
cdef bint is_private(Value value, Py_ssize_t references) noexcept
cdef forms_of(Value value)
cdef object look(object value, void *unused)
