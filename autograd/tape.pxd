# C-level view of the tape, for tensor.py and for Cython code of other people.

cimport numpy as cnp
from cpython.object cimport PyObject

cdef extern from *:
    """
    static _Thread_local int tape_grad_mode __attribute__((unused)) = 1;

    /* An instance without the cost of a Python call. */
    static inline PyObject *tape_instance(PyObject *type, PyObject *no_arguments) {
        return ((PyTypeObject *)type)->tp_new((PyTypeObject *)type, no_arguments, NULL);
    }

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

    static inline void tape_drop(PyObject **places, Py_ssize_t n) {
        while (n-- > 0) Py_XDECREF(places[n]);
    }

    static inline PyObject *tape_pack(PyObject *const *items, Py_ssize_t n) {
        PyObject *tuple = PyTuple_New(n);
        for (Py_ssize_t i = 0; tuple && i < n; i++) tape_set(tuple, i, items[i]);
        return tuple;
    }

    /* A subclass without fields of its own is freed as its base is, without a call for each class between them. */
    static inline void tape_inherit_dealloc(PyObject *subclass, PyObject *base) {
        ((PyTypeObject *)subclass)->tp_dealloc = ((PyTypeObject *)base)->tp_dealloc;
    }

    #define tape_descr(array) PyArray_DESCR((PyArrayObject *)(array))

    /* Cython gives its classes no vectorcall: from now on instances are called through the pointer at this offset. */
    static inline void tape_enable_vectorcall(PyObject *type, Py_ssize_t offset) {
        PyTypeObject *t = (PyTypeObject *)type;
        t->tp_vectorcall_offset = offset;
        t->tp_call = PyVectorcall_Call;
        t->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
        PyType_Modified(t);
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
    int tape_grad_mode
    object tape_instance(object type, object no_arguments)
    tuple tape_tuple "PyTuple_New" (Py_ssize_t n)
    void tape_set(tuple items, Py_ssize_t i, object x)
    void tape_hold(PyObject **place, object x)
    void tape_drop(PyObject **places, Py_ssize_t n)
    tuple tape_pack(PyObject **items, Py_ssize_t n)
    PyObject **tape_items "PySequence_Fast_ITEMS" (tuple items)
    object tape_call "PyObject_Vectorcall" (object function, PyObject **arguments, size_t positional, PyObject *names)
    Py_ssize_t tape_positional "PyVectorcall_NARGS" (size_t flags)
    void *tape_descr(PyObject *array)
    void tape_inherit_dealloc(object subclass, object base)
    void tape_enable_vectorcall(object type, Py_ssize_t offset)
    int tape_add_property(object type, const char *name, object (*get)(object, void *)) except -1
    Py_ssize_t tape_references "Py_REFCNT" (PyObject *x)

cdef extern from "numpy/arrayobject.h":
    PyObject *tape_base "PyArray_BASE" (cnp.ndarray array)
    tuple tape_shape "PyArray_IntTupleFromIntp" (int ndim, const cnp.npy_intp *shape)


cpdef enum:
    # What a plan saves: an input, its shape, the result, or an extra result of the forward function.
    SAVE_INPUT = 0
    SAVE_SHAPE = 1
    SAVE_OUT = 2
    SAVE_EXTRA = 3
    # Where an argument of a rule comes from.
    FROM_GRADIENT = 0
    FROM_SAVED = 1
    FROM_ATTRIBUTE = 2
    FROM_STEP = 3
    # The most arguments of a rule, and the most values that a plan saves.
    MAX_ARGUMENTS = 32
    # The most axes whose sizes a node holds itself.
    FEW_AXES = 5


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


cdef class Value:
    cdef object array  # from Python a property; code that writes to it must bump()
    cdef readonly Node node
    cdef Version version
    cdef long seen
    cdef Kept kept
    cdef object __weakref__

    cdef Version share_version(self)
    cdef looked_at(self)


cdef class Node:
    cdef readonly Op op
    cdef readonly object dtype
    cdef readonly unsigned long long seq
    cdef Plan plan
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
    cdef object __weakref__

    cdef bint is_leaf(self)
    cdef bint has_shape_of(self, cnp.ndarray array)
    cdef bint is_stale(self)
    cdef release(self)


cdef class Step:
    cdef object rule
    cdef Op op
    cdef int target
    cdef int count
    cdef bint chained  # whether an argument is what another step has returned
    cdef signed char[MAX_ARGUMENTS] sources
    cdef signed char[MAX_ARGUMENTS] places


cdef class Plan:
    cdef int count
    cdef signed char[MAX_ARGUMENTS] kinds
    cdef signed char[MAX_ARGUMENTS] places
    cdef int out
    cdef bint chained
    cdef tuple steps


cdef class Op:
    cdef void *vectorcall
    cdef readonly str name
    cdef public object forward
    cdef public object kernel
    cdef public object record
    cdef readonly long inputs
    cdef long plain
    cdef readonly bint variadic
    cdef readonly bint broadcasts
    cdef readonly bint view
    cdef readonly bint custom
    cdef readonly tuple names
    cdef readonly tuple defaults
    cdef readonly tuple absent
    cdef public object twin
    cdef long extras
    cdef long indexed
    cdef long keeps
    cdef list plans
    cdef dict calls
    cdef bint differentiable

    cdef tuple places(self, Py_ssize_t count, names)
    cdef run(self, PyObject **inputs, Py_ssize_t n, tuple attrs, list extras)
    cdef compute(self, PyObject **arguments, Py_ssize_t n, Py_ssize_t total, tuple attrs, forms=*)
    cdef forms(self, PyObject **inputs, Py_ssize_t n, long mask)
    cdef bint suits(self, PyObject **arguments, Py_ssize_t n) noexcept
    cdef long gather(self, PyObject **inputs, Py_ssize_t n, PyObject **arrays) except -1
    cdef Plan plan(self, long mask, long count)
    cdef Value record_node(self, PyObject **inputs, Py_ssize_t n, tuple attrs, long mask, array, results)
    cdef Value call1(self, x)
    cdef Value call2(self, x, y)


cdef object call_op(object op, PyObject **arguments, size_t flags, PyObject *names)
cdef Value wrap(object array, Node node)
cdef Node new_node(Op op, cnp.ndarray array)
cpdef owner(object array)
cdef bint is_private(Value value, Py_ssize_t references) noexcept
cdef forms_of(Value value)
cdef object look(object value, void *unused)
cdef bint alike(PyObject **arguments, Py_ssize_t n) noexcept
cpdef Node leaf_node(array)
cpdef bint grad_enabled() noexcept
cpdef bint set_grad_enabled(bint on) noexcept
