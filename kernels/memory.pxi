# The memory pool: NumPy arrays that hold their block by NumPy's own means, a memory handler, and so own their data.
# Only arrays made by `empty` and its like carry it: users' arrays are none of its business.

from cpython.object cimport PyObject, PyTypeObject
from cpython.pycapsule cimport PyCapsule_New
from cpython.ref cimport Py_DECREF, Py_INCREF, Py_XDECREF
from libc.stdint cimport uint64_t
from libc.string cimport strcpy

cdef extern from "memory.h" nogil:
    enum: MEMORY_POOLED
    ctypedef struct memory_stats_ "memory_stats":
        int64_t in_use, cached, peak, cap, hits, misses
    void *memory_allocate(size_t size)
    void *memory_allocate_zeros(size_t size)
    void *memory_resize(void *data, size_t size)
    void memory_release(void *data)
    void memory_set_cap_ "memory_set_cap"(int64_t size)
    void memory_trim_ "memory_trim"()
    memory_stats_ memory_read()

cdef extern from "numpy/arrayobject.h":
    ctypedef struct PyDataMemAllocator:
        void *ctx
        void *(*malloc)(void *ctx, size_t size) noexcept nogil
        void *(*calloc)(void *ctx, size_t count, size_t size) noexcept nogil
        void *(*realloc)(void *ctx, void *data, size_t size) noexcept nogil
        void (*free)(void *ctx, void *data, size_t size) noexcept nogil
    ctypedef struct PyDataMem_Handler:
        char name[127]
        unsigned char version
        PyDataMemAllocator allocator
    object PyDataMem_SetHandler(object handler)
    object new_array "PyArray_New"(PyTypeObject *subtype, int ndim, const cnp.npy_intp *shape, int dtype,
                                   const cnp.npy_intp *strides, void *data, int itemsize, int flags, PyObject *obj)


cdef void *pool_malloc(void *ctx, size_t size) noexcept nogil:
    return memory_allocate(size)


cdef void *pool_calloc(void *ctx, size_t count, size_t size) noexcept nogil:
    return memory_allocate_zeros(count * size)


cdef void *pool_realloc(void *ctx, void *data, size_t size) noexcept nogil:
    return memory_resize(data, size)


cdef void pool_free(void *ctx, void *data, size_t size) noexcept nogil:
    memory_release(data)


cdef PyDataMem_Handler pool_handler
strcpy(pool_handler.name, "autograd")
pool_handler.version = 1
pool_handler.allocator.malloc = pool_malloc
pool_handler.allocator.calloc = pool_calloc
pool_handler.allocator.realloc = pool_realloc
pool_handler.allocator.free = pool_free
cdef object pool_capsule = PyCapsule_New(&pool_handler, "mem_handler", NULL)


cdef inline int64_t item_size(int dtype) noexcept:
    return 4 if dtype == cnp.NPY_FLOAT32 or dtype == cnp.NPY_INT32 else 1 if dtype == cnp.NPY_INT8 else 8


cdef cnp.ndarray new_result(int ndim, const cnp.npy_intp *shape, const cnp.npy_intp *strides, int dtype):
    """The one place where results are allocated: an array of float32, float64, int8, int32 or int64."""
    cdef int64_t size = item_size(dtype)
    cdef int i
    cdef PyObject *old
    for i in range(ndim):  # no kernel's result comes near 2^63 bytes: wrappers check sizes
        size *= shape[i]
    if size < MEMORY_POOLED:
        old = retired_array(ndim, shape, strides, dtype)
        if old != NULL:
            return give_up(old)
        return new_array(<PyTypeObject *>cnp.ndarray, ndim, shape, dtype, strides, NULL, 0, 0, NULL)
    before = PyDataMem_SetHandler(pool_capsule)
    try:
        return new_array(<PyTypeObject *>cnp.ndarray, ndim, shape, dtype, strides, NULL, 0, 0, NULL)
    finally:
        PyDataMem_SetHandler(before)


cdef double a_zero = 0


cdef cnp.ndarray stand_in(int ndim, const cnp.npy_intp *shape, int dtype):
    """An array of zeros, all in the same place, for one of its shape that is still to be computed."""
    cdef cnp.npy_intp[MAX_AXES] strides
    memset(strides, 0, sizeof(strides))
    cdef int flags = cnp.NPY_ARRAY_WRITEABLE  # as the result will be
    return new_array(<PyTypeObject *>cnp.ndarray, ndim, shape, dtype, strides, &a_zero, 0, flags, NULL)


def placeholder(tuple shape, cnp.dtype dtype):
    """What has the shape and dtype of an array of up to 4 dimensions, before it is computed."""
    cdef cnp.npy_intp[4] sizes
    cdef int i
    if len(shape) > 4:
        raise ValueError(f"placeholder: {len(shape)} dimensions")
    for i in range(len(shape)):
        sizes[i] = shape[i]
    return stand_in(len(shape), sizes, dtype.num)


# Small arrays that nobody has any more, for the next results of their shapes: NumPy takes 740 instructions to make and
# free one.

cdef extern from "numpy/arrayobject.h":
    ctypedef struct array_fields "PyArrayObject_fields":
        PyObject *weakreflist
    PyObject *array_base "PyArray_BASE"(cnp.ndarray x)
    void *array_dtype "PyArray_DESCR"(cnp.ndarray x)

cdef extern from *:
    """
    #define give_up(reference) (reference) /* an owned reference becomes Cython's */
    """
    object give_up(PyObject *reference)
    Py_ssize_t references "Py_REFCNT"(PyObject *x)

cdef enum:
    RETIRED_SETS = 64  # a power of two; shapes that share one take places from each other
    RETIRED_WAYS = 4
    RETIRED_BYTES = 32768  # of an array, at most
    RETIRED_DTYPES = 24  # the numbers of NumPy's dtypes that have one

cdef PyObject *retired[RETIRED_SETS][RETIRED_WAYS]
cdef unsigned int retired_count = 0
cdef void *native_dtypes[RETIRED_DTYPES]
for each_dtype in (np.float32, np.float64, np.int8, np.int32, np.int64):
    native_dtypes[np.dtype(each_dtype).num] = array_dtype(np.empty(0, each_dtype))  # NumPy keeps it


cdef inline PyObject **retired_set(int ndim, const cnp.npy_intp *shape, int dtype) noexcept:
    cdef uint64_t key = dtype
    cdef int i
    for i in range(ndim):
        key = key * 31 + <uint64_t>shape[i]
    return retired[(key ^ key >> 6) % RETIRED_SETS]


cdef PyObject *retired_array(int ndim, const cnp.npy_intp *shape, const cnp.npy_intp *strides, int dtype) noexcept:
    """A retired array of this shape, these strides (NULL: in C order) and this dtype, or NULL."""
    cdef PyObject **places = retired_set(ndim, shape, dtype)
    cdef PyObject *found
    cdef cnp.npy_intp step
    cdef int way, i
    for way in range(RETIRED_WAYS):
        found = places[way]
        if found == NULL:
            continue
        if cnp.PyArray_NDIM(<cnp.ndarray>found) != ndim or cnp.PyArray_TYPE(<cnp.ndarray>found) != dtype:
            continue
        step = item_size(dtype)
        i = ndim - 1
        while i >= 0 and cnp.PyArray_DIM(<cnp.ndarray>found, i) == shape[i]:
            if cnp.PyArray_STRIDE(<cnp.ndarray>found, i) != (step if strides == NULL else strides[i]):
                break
            step *= shape[i]
            i -= 1
        if i < 0:
            places[way] = NULL
            return found
    return NULL


cdef void retire(PyObject *array) noexcept:
    """Takes in an array that is about to be freed, its last reference being the caller's, if it is like a result."""
    global retired_count
    cdef PyObject **places
    cdef cnp.ndarray x
    cdef int way, dtype
    if references(array) > 1 or not cnp.PyArray_CheckExact(<object>array):
        return
    x = <cnp.ndarray>array
    dtype = cnp.PyArray_TYPE(x)
    if (
        dtype >= RETIRED_DTYPES or array_dtype(x) != native_dtypes[dtype]
        or array_base(x) != NULL or (<array_fields *>x).weakreflist != NULL
        or not cnp.PyArray_CHKFLAGS(x, cnp.NPY_ARRAY_BEHAVED | cnp.NPY_ARRAY_OWNDATA)
        or not 0 < cnp.PyArray_NBYTES(x) <= RETIRED_BYTES
    ):
        return
    places = retired_set(cnp.PyArray_NDIM(x), cnp.PyArray_DIMS(x), dtype)
    for way in range(RETIRED_WAYS):
        if places[way] == NULL:
            break
    else:
        retired_count += 1
        way = retired_count % RETIRED_WAYS
        Py_DECREF(<object>places[way])
    Py_INCREF(x)
    places[way] = <PyObject *>x


def memory_stats():
    """The pool's counts: bytes in_use, cached, peak and cap; hits and misses."""
    return memory_read()


def memory_set_cap(int64_t size):
    """Lets the pool keep at most this many bytes that are not in use."""
    if size < 0:
        raise ValueError(f"memory.set_cap: expected at least 0 bytes, got {size}")
    memory_set_cap_(size)


def memory_trim():
    """Gives all memory that is not in use back to the system."""
    cdef int i, way
    for i in range(RETIRED_SETS):
        for way in range(RETIRED_WAYS):
            Py_XDECREF(retired[i][way])
            retired[i][way] = NULL
    memory_trim_()
