# Sums, extremes and products over any axes.

cdef extern from "reduce.h" nogil:
    enum: REDUCE_SUM, REDUCE_MAX, REDUCE_MIN, REDUCE_PRODUCT
    int reduce_middle(int dtype, int how, const void *x, int64_t outer, int64_t count, int64_t inner, void *out)
    void reduce_add_rows(int dtype, const void *x, const int64_t *ids, int64_t rows, int64_t cols, void *out,
                         int64_t n)

cdef inline int dtype_index(cnp.ndarray x) noexcept:
    return 0 if cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32 else 1


cdef int mark_axes(object axes, int ndim, bint *reduced, str what) except -1:
    """Sets reduced[axis] for an int, a tuple of ints, or None for all."""
    cdef int i
    for i in range(ndim):
        reduced[i] = axes is None
    if axes is None:
        return 0
    for axis in axes if isinstance(axes, (tuple, list)) else (axes,):
        index = operator.index(axis)
        if ndim == 0 and -1 <= index <= 0:
            continue  # a number's only axis, as in PyTorch
        if not -ndim <= index < ndim:
            raise ValueError(f"{what}: axis {index} is out of range for {ndim} dimensions")
        i = index % ndim
        if reduced[i]:
            raise ValueError(f"{what}: axis {i} is given twice in {axes!r}")
        reduced[i] = True
    return 0


cdef int reduced_middle(int how, cnp.ndarray x, const void *data, cnp.npy_intp outer, cnp.npy_intp count,
                        cnp.npy_intp inner, void *out) except -1:
    cdef int status
    cdef int dtype = dtype_index(x)
    if outer * count * inner < RELEASE_GIL:
        status = reduce_middle(dtype, how, data, outer, count, inner, out)
    else:
        with nogil:
            status = reduce_middle(dtype, how, data, outer, count, inner, out)
    if status < 0:
        raise MemoryError("out of memory")
    return 0


cdef cnp.ndarray reduce_dense(int how, cnp.ndarray x, const bint *reduced, bint keepdims):
    """Reduces away the innermost group of reduced memory axes until none is left."""
    cdef int order[MAX_AXES]
    cdef int kept[MAX_AXES]
    cdef cnp.npy_intp shape[MAX_AXES]
    cdef int ndim = cnp.PyArray_NDIM(x)
    cdef int position[MAX_AXES]
    cdef int i, axes = 0, last = ndim
    cdef cnp.npy_intp outer, count, inner = 1
    cdef cnp.ndarray out, partial
    cdef const void *data = cnp.PyArray_DATA(x)
    memory_order(x, order)
    for i in range(ndim):
        if keepdims or not reduced[i]:
            position[i] = axes
            shape[axes] = 1 if reduced[i] else cnp.PyArray_DIM(x, i)
            axes += 1
    last = 0
    for i in range(ndim):
        if keepdims or not reduced[order[i]]:
            kept[last] = position[order[i]]
            last += 1
    out = empty_ordered(axes, shape, kept, cnp.PyArray_TYPE(x))
    if cnp.PyArray_SIZE(out) == 0:
        return out
    if cnp.PyArray_SIZE(x) == 0:
        out.fill(1 if how == REDUCE_PRODUCT else 0)
        return out
    last = ndim
    while True:
        while last > 0 and (not reduced[order[last - 1]] or cnp.PyArray_DIM(x, order[last - 1]) == 1):
            last -= 1
            if not reduced[order[last]]:
                inner *= cnp.PyArray_DIM(x, order[last])
        count = 1
        while last > 0 and (reduced[order[last - 1]] or cnp.PyArray_DIM(x, order[last - 1]) == 1):
            last -= 1
            count *= cnp.PyArray_DIM(x, order[last])
        outer = 1
        for i in range(last):
            outer *= cnp.PyArray_DIM(x, order[i])
        for i in range(last):
            if reduced[order[i]] and cnp.PyArray_DIM(x, order[i]) != 1:
                break
        else:
            reduced_middle(how, x, data, outer, count, inner, cnp.PyArray_DATA(out))
            return out
        shape[0] = outer * inner
        partial = empty(1, shape, cnp.PyArray_TYPE(x))
        reduced_middle(how, x, data, outer, count, inner, cnp.PyArray_DATA(partial))
        keep_alive = partial
        data = cnp.PyArray_DATA(partial)


cdef cnp.ndarray sum_dense(cnp.ndarray x, const bint *reduced, bint keepdims):
    return reduce_dense(REDUCE_SUM, x, reduced, keepdims)


cdef cnp.ndarray sum_rows(cnp.ndarray x):
    """The sum over all axes but the last, as sum() computes it."""
    cdef bint reduced[MAX_AXES]
    cdef int i, last = cnp.PyArray_NDIM(x) - 1
    cdef cnp.npy_intp n
    cdef cnp.ndarray out
    if last >= 0 and is_float(x) and cnp.PyArray_ISCARRAY_RO(x) and cnp.PyArray_SIZE(x):  # most are
        n = cnp.PyArray_DIM(x, last)
        out = empty(1, &n, cnp.PyArray_TYPE(x))
        reduced_middle(REDUCE_SUM, x, cnp.PyArray_DATA(x), 1, cnp.PyArray_SIZE(x) // n, n, cnp.PyArray_DATA(out))
        return out
    for i in range(last + 1):
        reduced[i] = i < last
    return sum_dense(dense(x, "sum"), reduced, False)


def sum_to(x, shape):
    """Sums over the axes along which an array of this shape was broadcast to x's."""
    cdef cnp.ndarray a = dense(x, "sum_to")
    cdef bint reduced[MAX_AXES]
    cdef cnp.npy_intp target[MAX_AXES]
    cdef cnp.PyArray_Dims dims
    cdef cnp.ndarray out = a
    cdef int ndim = cnp.PyArray_NDIM(a), extra = ndim - len(shape), i
    cdef bint fits = extra >= 0, any_reduced = False, keepdims = False
    for i in range(ndim if fits else 0):
        target[i] = shape[i - extra] if i >= extra else 1
        reduced[i] = i < extra or (target[i] == 1 and cnp.PyArray_DIM(a, i) != 1)
        any_reduced = any_reduced or reduced[i]
        keepdims = keepdims or (reduced[i] and i >= extra)
        fits = fits and (reduced[i] or target[i] == cnp.PyArray_DIM(a, i))
    if not fits:
        raise ValueError(f"sum_to: shape {np.shape(x)} is no broadcast of {tuple(shape)}")
    if any_reduced:
        out = sum_dense(a, reduced, keepdims)
        if cnp.PyArray_NDIM(out) == ndim - extra:
            return out
    dims.ptr, dims.len = target + extra, ndim - extra
    return cnp.PyArray_Newshape(out, &dims, cnp.NPY_CORDER)


def sum(x, axes=None, bint keepdims=False):
    """The sum over axes (an int, a tuple, or None: all). Bits do not depend on the number of threads."""
    cdef cnp.ndarray a = as_array(x, "sum")
    cdef bint reduced[MAX_AXES]
    if not is_float(a):
        if a.dtype.kind not in "biuf":
            raise TypeError(f"sum: expected real numbers, got {a.dtype}")
        mark_axes(axes, cnp.PyArray_NDIM(a), reduced, "sum")
        return np.asarray(np.sum(a, axis=tuple(axes) if isinstance(axes, list) else axes, keepdims=keepdims))
    a = dense(a, "sum")
    mark_axes(axes, cnp.PyArray_NDIM(a), reduced, "sum")
    return sum_dense(a, reduced, keepdims)


cdef cnp.ndarray reduce_floats(int how, object x, object axes, bint keepdims, str what):
    cdef cnp.ndarray a = dense(x, what)
    cdef bint reduced[MAX_AXES]
    mark_axes(axes, cnp.PyArray_NDIM(a), reduced, what)
    return reduce_dense(how, a, reduced, keepdims)


def amax(x, axes=None, bint keepdims=False):
    """The largest value over axes; NaN if there is one."""
    return reduce_floats(REDUCE_MAX, x, axes, keepdims, "amax")


def amin(x, axes=None, bint keepdims=False):
    """The smallest value over axes; NaN if there is one."""
    return reduce_floats(REDUCE_MIN, x, axes, keepdims, "amin")


def prod(x, axes=None, bint keepdims=False):
    """The product over axes."""
    return reduce_floats(REDUCE_PRODUCT, x, axes, keepdims, "prod")


def add_rows(x, ids, int64_t n):
    """y (n, ...) with y[i] = the sum of the x[j] whose ids[j] is i, in ascending j."""
    cdef cnp.ndarray a = contiguous(dense(x, "add_rows"))
    cdef cnp.ndarray places = contiguous(np.asarray(ids, np.int64))
    cdef cnp.npy_intp[MAX_AXES] shape
    cdef cnp.ndarray out
    cdef int i, dtype = dtype_index(a)
    cdef int64_t rows, cols = 1
    if cnp.PyArray_NDIM(a) < 1 or np.shape(places) != (cnp.PyArray_DIM(a, 0),):
        raise ValueError(f"add_rows: x {np.shape(a)} and ids {np.shape(places)} differ in their number of rows")
    rows = cnp.PyArray_DIM(a, 0)
    if not within(places, 0, n):
        raise ValueError(f"add_rows: ids must be in [0, {n})")
    shape[0] = n
    for i in range(1, cnp.PyArray_NDIM(a)):
        shape[i] = cnp.PyArray_DIM(a, i)
        cols *= shape[i]
    out = empty(cnp.PyArray_NDIM(a), shape, cnp.PyArray_TYPE(a))
    with nogil:
        reduce_add_rows(dtype, cnp.PyArray_DATA(a), <const int64_t *>cnp.PyArray_DATA(places), rows, cols,
                        cnp.PyArray_DATA(out), n)
    return out
