# What every wrapper uses: the table, argument checks, allocation, threads.

cdef extern from "parallel.h" nogil:
    int parallel_threads()
    void parallel_set_threads(int threads)
    bint parallel_flush_subnormals(bint on)
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


cdef bint within(cnp.ndarray places, int64_t first, int64_t end):
    """Whether all of these contiguous int64 are in [first, end)."""
    cdef const int64_t *place = <const int64_t *>cnp.PyArray_DATA(places)
    cdef cnp.npy_intp i
    for i in range(cnp.PyArray_SIZE(places)):
        if not first <= place[i] < end:
            return False
    return True


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


cdef int64_t integer(str what, str name, object value, int64_t least) except? -1:
    """An integer attribute of at least `least` and below 2^31, so that no product of two overflows."""
    cdef int64_t number = -1
    cdef int overflow = 0
    if type(value) is int:
        number = PyLong_AsLongAndOverflow(value, &overflow)
        if least <= number <= 0x7fffffff and not overflow:
            return number
    try:
        number = PyNumber_Index(value)
    except OverflowError:
        pass
    except TypeError:
        raise ValueError(f"{what}: {name} holds {value!r}, expected an integer") from None
    if number < least or number > 0x7fffffff:
        raise ValueError(f"{what}: {name} holds {value!r}: expected at least {least} and less than 2^31")
    return number


cdef int pair(str what, str name, object value, int64_t least, int64_t *out) except -1:
    """Two integers; one counts for both."""
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            raise ValueError(f"{what}: {name} is an integer or a pair of them, not {value!r}")
        out[0], out[1] = integer(what, name, value[0], least), integer(what, name, value[1], least)
    else:
        out[0] = out[1] = integer(what, name, value, least)
    return 0


cdef int four_sizes(str what, object shape, cnp.npy_intp *sizes) except -1:
    """The shape of images or of their kernels, given as a tuple."""
    cdef int i
    try:
        if len(shape) != 4:
            raise ValueError(f"{what}: expected a shape of 4 sizes, got {shape!r}")
        for i in range(4):
            sizes[i] = PyNumber_Index(shape[i])
    except (TypeError, OverflowError):
        raise ValueError(f"{what}: a shape is a tuple of integers, not {shape!r}") from None
    for i in range(4):
        if sizes[i] < 0 or sizes[i] >> 60:
            raise ValueError(f"{what}: impossible shape {shape!r}")
    return 0


cdef const cnp.npy_intp *image_shape(str what, cnp.ndarray x) except NULL:
    """The shape of an array of 4 dimensions."""
    if cnp.PyArray_NDIM(x) != 4:
        raise ValueError(f"{what}: expected an array of 4 dimensions, got shape {np.shape(x)}")
    return cnp.PyArray_DIMS(x)


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


def set_flush_denormal(bint mode):
    """Whether numbers too small for full precision are taken as 0, which is much faster: by this thread and by the
    kernels' threads when they work for it. False if the CPU cannot."""
    return parallel_flush_subnormals(mode)


set_isa(os.environ.get("AUTOGRAD_ISA") or None)
