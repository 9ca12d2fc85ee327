# The memory pool: NumPy arrays that hold their block by NumPy's own means, a memory handler, and so own their data.
# Only arrays made by `empty` and its like carry it: users' arrays are none of its business.

from cpython.object cimport PyObject, PyTypeObject
from cpython.pycapsule cimport PyCapsule_New
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


cdef inline cnp.ndarray new_result(int ndim, const cnp.npy_intp *shape, const cnp.npy_intp *strides, int dtype):
    """The one place where results are allocated: an array of float32, float64, int8, int32 or int64."""
    cdef int64_t size = item_size(dtype)
    cdef int i
    for i in range(ndim):  # no kernel's result comes near 2^63 bytes: wrappers check sizes
        size *= shape[i]
    if size < MEMORY_POOLED:
        return new_array(<PyTypeObject *>cnp.ndarray, ndim, shape, dtype, strides, NULL, 0, 0, NULL)
    before = PyDataMem_SetHandler(pool_capsule)
    try:
        return new_array(<PyTypeObject *>cnp.ndarray, ndim, shape, dtype, strides, NULL, 0, 0, NULL)
    finally:
        PyDataMem_SetHandler(before)


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
    memory_trim_()
