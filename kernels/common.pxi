# What every wrapper uses: the table, argument checks, allocation, threads.

cdef extern from "parallel.h" nogil:
    int parallel_threads()
    void parallel_set_threads(int threads)
    void parallel_set_stop(int (*stop)() noexcept nogil)
    void parallel_watch()
    int parallel_unwatch()

SOURCE_HASH = BUILD_SOURCE_HASH.decode()

cdef extern from *:
    """
    #ifndef SOURCE_HASH
    #define SOURCE_HASH "unknown"
    #endif
    """
    const char *BUILD_SOURCE_HASH "SOURCE_HASH"


cdef inline const kernel_table *table(cnp.ndarray x) except NULL:
    """The kernels for an array's dtype."""
    cdef int dtype = cnp.PyArray_TYPE(x)
    if dtype == cnp.NPY_FLOAT32:
        return kernels_active[0]
    if dtype == cnp.NPY_FLOAT64:
        return kernels_active[1]
    raise TypeError(f"expected float32 or float64, got {x.dtype}")


cdef inline cnp.ndarray contiguous(cnp.ndarray x):
    """x itself if C-contiguous, aligned and in native byte order, else a copy that is."""
    cdef cnp.ndarray copy
    if cnp.PyArray_ISCARRAY_RO(x):
        return x
    if is_float(x):
        copy = empty(cnp.PyArray_NDIM(x), cnp.PyArray_DIMS(x), cnp.PyArray_TYPE(x))
        copy_into(copy, x)
        return copy
    return cnp.PyArray_FROM_OF(x, cnp.NPY_ARRAY_CARRAY_RO | cnp.NPY_ARRAY_NOTSWAPPED)


cdef inline cnp.ndarray empty(int ndim, const cnp.npy_intp *shape, int dtype):
    """A new C-contiguous array."""
    return new_result(ndim, shape, NULL, dtype)


cdef object interruption = None  # what a signal handler raised while a kernel ran


cdef int answer_signals() noexcept with gil:
    """Runs pending signal handlers, as the interpreter does between instructions; says whether one raised."""
    global interruption
    try:
        PyErr_CheckSignals()
    except BaseException as error:
        interruption = error
        return 1
    return 0


cdef int end_of_watch() except -1:
    """Raises what interrupted the kernels since parallel_watch(): their results are unfinished."""
    global interruption
    if parallel_unwatch():
        error, interruption = interruption, None
        raise error
    return 0


parallel_set_stop(answer_signals)


def isas():
    """Names of the instruction sets this CPU can run, best first."""
    names = []
    cdef const char *name
    while True:
        name = kernels_isa(len(names))
        if name == NULL:
            return names
        names.append(name.decode())


def isa():
    """Name of the instruction set in use."""
    return kernels_active[0].isa.decode()


def set_isa(name=None):
    """Use the kernels of one instruction set; None: the best that this CPU has."""
    encoded = (name or isas()[0]).encode()
    if kernels_select(encoded) < 0:
        raise ValueError(f"AUTOGRAD_ISA: {name!r} is not one of {', '.join(isas())}, which this CPU can run")


def lanes(int itemsize):
    """Elements of this size in a vector register of the kernels in use."""
    return kernels_active[0].lane_bytes // itemsize


def get_num_threads():
    """Number of threads that kernels use."""
    return parallel_threads()


def set_num_threads(int threads):
    """Let kernels use this many threads; results do not depend on it, bit for bit."""
    if threads < 1:
        raise ValueError(f"set_num_threads: expected at least 1, got {threads}")
    parallel_set_threads(threads)


set_isa(os.environ.get("AUTOGRAD_ISA") or None)
