# Dense layouts: memory without gaps, in the order of some permutation of the axes. NCHW shapes usually lie in
# channels-last memory, so kernels that treat elements alike take any dense layout and keep it in the result.

cdef extern from "layout.h" nogil:
    ctypedef struct matrices:
        int64_t batch, rows, cols, x_row, y_row, x_next, y_next
        int size
    void layout_transpose(const matrices *m, const void *x, void *y)
    void layout_copy(const matrices *m, const void *x, void *y)

cdef enum:
    MAX_AXES = 64


cdef inline bint is_float(cnp.ndarray x) noexcept:
    cdef int dtype = cnp.PyArray_TYPE(x)
    return dtype == cnp.NPY_FLOAT32 or dtype == cnp.NPY_FLOAT64


cdef inline bint is_behaved(cnp.ndarray x) noexcept:
    return cnp.PyArray_CHKFLAGS(x, cnp.NPY_ARRAY_ALIGNED) and cnp.PyArray_ISNOTSWAPPED(x)


cdef void memory_order(cnp.ndarray x, int *order) noexcept:
    """Axes from the outermost to the innermost in memory; those of size 1 first."""
    cdef int i, j, axis
    cdef const cnp.npy_intp *strides = cnp.PyArray_STRIDES(x)
    cdef const cnp.npy_intp *shape = cnp.PyArray_DIMS(x)
    for i in range(cnp.PyArray_NDIM(x)):
        axis = i
        j = i
        while j > 0 and shape[order[j - 1]] != 1 and (shape[axis] == 1 or strides[order[j - 1]] < strides[axis]):
            order[j] = order[j - 1]
            j -= 1
        order[j] = axis


cdef bint is_dense(cnp.ndarray x) noexcept:
    """Whether x has a kernel dtype, is aligned and native, and fills its memory without gaps or reversal."""
    cdef int order[MAX_AXES]
    cdef int i
    cdef cnp.npy_intp expected
    if not is_float(x) or not is_behaved(x):
        return False
    if cnp.PyArray_CHKFLAGS(x, cnp.NPY_ARRAY_C_CONTIGUOUS):
        return True
    memory_order(x, order)
    expected = cnp.PyArray_ITEMSIZE(x)
    for i in range(cnp.PyArray_NDIM(x) - 1, -1, -1):
        if cnp.PyArray_DIM(x, order[i]) != 1:
            if cnp.PyArray_STRIDE(x, order[i]) != expected:
                return False
            expected *= cnp.PyArray_DIM(x, order[i])
    return True


cdef bint same_layout(cnp.ndarray x, cnp.ndarray y) noexcept:
    """Whether x and y agree in dtype and shape and are dense in the same order."""
    cdef int i
    if cnp.PyArray_TYPE(x) != cnp.PyArray_TYPE(y) or not cnp.PyArray_SAMESHAPE(x, y):
        return False
    if cnp.PyArray_ISCARRAY_RO(x) and cnp.PyArray_ISCARRAY_RO(y):
        return is_float(x)
    if not is_dense(x) or not is_behaved(y):
        return False
    for i in range(cnp.PyArray_NDIM(x)):
        if cnp.PyArray_DIM(x, i) != 1 and cnp.PyArray_STRIDE(x, i) != cnp.PyArray_STRIDE(y, i):
            return False
    return True


cdef cnp.ndarray empty_ordered(int ndim, const cnp.npy_intp *shape, const int *order, int dtype):
    """A new dense array whose axes lie in memory in this order, outermost first."""
    cdef cnp.npy_intp strides[MAX_AXES]
    cdef cnp.npy_intp stride = item_size(dtype)
    cdef bint in_order = True
    cdef int i
    for i in range(ndim - 1, -1, -1):
        strides[order[i]] = stride
        stride *= shape[order[i]] if shape[order[i]] > 0 else 1
        in_order = in_order and order[i] == i
    return new_result(ndim, shape, NULL if in_order else strides, dtype)


cdef cnp.ndarray empty_images(int64_t n, int64_t c, int64_t h, int64_t w, int dtype):
    """A new (N, C, H, W) array over (N, H, W, C) memory."""
    cdef cnp.npy_intp[4] shape = [n, c, h, w]
    cdef int[4] order = [0, 2, 3, 1]
    return empty_ordered(4, shape, order, dtype)


cdef cnp.ndarray empty_like(cnp.ndarray x):
    """A new array of x's shape and dtype; in x's memory order where x is dense."""
    cdef int order[MAX_AXES]
    if cnp.PyArray_CHKFLAGS(x, cnp.NPY_ARRAY_C_CONTIGUOUS):
        return empty(cnp.PyArray_NDIM(x), cnp.PyArray_DIMS(x), cnp.PyArray_TYPE(x))
    memory_order(x, order)
    return empty_ordered(cnp.PyArray_NDIM(x), cnp.PyArray_DIMS(x), order, cnp.PyArray_TYPE(x))


cdef int merged_axes(cnp.ndarray y, cnp.ndarray x, int64_t *sizes, int64_t *y_steps, int64_t *x_steps) noexcept:
    """The axes of two arrays of one shape in y's order of memory, those that lie together in both made one."""
    cdef int order[MAX_AXES]
    cdef int i, n = 0
    cdef int64_t size, y_step, x_step
    memory_order(y, order)
    for i in range(cnp.PyArray_NDIM(y)):
        size = cnp.PyArray_DIM(y, order[i])
        if size == 1:
            continue
        y_step = cnp.PyArray_STRIDE(y, order[i]) // cnp.PyArray_ITEMSIZE(y)
        x_step = cnp.PyArray_STRIDE(x, order[i]) // cnp.PyArray_ITEMSIZE(y)
        if n and y_steps[n - 1] == size * y_step and x_steps[n - 1] == size * x_step:
            n -= 1
            size *= sizes[n]
        sizes[n], y_steps[n], x_steps[n] = size, y_step, x_step
        n += 1
    return n


cdef int copy_into(cnp.ndarray y, cnp.ndarray x) except -1:
    """y[...] = x, by threads where these are blocks of rows or a transposition, such as NCHW to channels-last."""
    cdef int64_t sizes[MAX_AXES]
    cdef int64_t y_steps[MAX_AXES]
    cdef int64_t x_steps[MAX_AXES]
    cdef matrices m
    cdef int n = 0
    cdef bint rows
    if cnp.PyArray_TYPE(x) == cnp.PyArray_TYPE(y) and is_float(y) and is_behaved(x) and cnp.PyArray_SIZE(y):
        n = merged_axes(y, x, sizes, y_steps, x_steps)
    rows = 1 <= n <= 3 and y_steps[n - 1] == 1 and x_steps[n - 1] == 1
    if not rows and (not 2 <= n <= 3 or y_steps[n - 1] != 1 or x_steps[n - 2] != 1):
        np.copyto(y, x)
        return 0
    m.batch = m.rows = 1
    m.y_row = m.x_row = m.y_next = m.x_next = 0
    m.size = cnp.PyArray_ITEMSIZE(y)
    if n == 3:
        m.batch, m.y_next, m.x_next = sizes[0], y_steps[0], x_steps[0]
    if rows:
        m.cols = sizes[n - 1]
        if n > 1:
            m.rows, m.y_row, m.x_row = sizes[n - 2], y_steps[n - 2], x_steps[n - 2]
    else:
        m.rows, m.x_row = sizes[n - 1], x_steps[n - 1]
        m.cols, m.y_row = sizes[n - 2], y_steps[n - 2]
    with nogil:
        parallel_watch()
        if rows:
            layout_copy(&m, cnp.PyArray_DATA(x), cnp.PyArray_DATA(y))
        else:
            layout_transpose(&m, cnp.PyArray_DATA(x), cnp.PyArray_DATA(y))
    return end_of_watch()


cdef cnp.ndarray as_array(object x, str what):
    if x is None:
        raise TypeError(f"{what}: expected an array, got None")
    return x if cnp.PyArray_Check(x) else np.asarray(x)


cdef cnp.ndarray dense(object x, str what):
    """x itself if dense, else a dense copy in about the same order; TypeError unless float32 or float64."""
    cdef cnp.ndarray array = as_array(x, what)
    if is_dense(array):
        return array
    if not is_float(array):
        raise TypeError(f"{what}: expected float32 or float64, got {array.dtype}")
    return np.array(array, dtype=array.dtype.newbyteorder("="), order="K", copy=True)


cdef cnp.ndarray in_layout_of(cnp.ndarray x, object y, str what, str x_name, str y_name):
    """y, or a copy of it, in the layout of the dense x; refuses another shape or dtype."""
    cdef cnp.ndarray array = as_array(y, what)
    cdef cnp.ndarray copy
    if same_layout(x, array):
        return array
    if cnp.PyArray_TYPE(x) != cnp.PyArray_TYPE(array):
        raise TypeError(f"{what}: {x_name} is {x.dtype}, but {y_name} is {array.dtype}")
    if not cnp.PyArray_SAMESHAPE(x, array):
        raise ValueError(f"{what}: {x_name} has shape {np.shape(x)}, but {y_name} has shape {np.shape(array)}")
    copy = empty_like(x)
    copy_into(copy, array)
    return copy


cdef cnp.ndarray vector(object x, cnp.npy_intp size, int dtype, str what, str name):
    """A contiguous vector of `size` elements and the given dtype, such as a weight per channel."""
    cdef cnp.ndarray array = as_array(x, what)
    if cnp.PyArray_TYPE(array) != dtype:
        expected = "float32" if dtype == cnp.NPY_FLOAT32 else "float64"
        raise TypeError(f"{what}: {name} is {array.dtype}, expected {expected}")
    if cnp.PyArray_NDIM(array) != 1 or cnp.PyArray_DIM(array, 0) != size:
        raise ValueError(f"{what}: {name} has shape {np.shape(array)}, expected ({size},)")
    return contiguous(array)


cdef bint are_channels_inner(cnp.ndarray x) noexcept:
    """Whether x (N, C, ...) is dense, channels innermost in memory."""
    cdef int order[MAX_AXES]
    if not is_dense(x):
        return False
    channels_inner_order(cnp.PyArray_NDIM(x), order)
    return follows(x, order)


cdef cnp.ndarray channels_inner(object x, str what):
    """x (N, C, ...) as a dense array whose channels lie innermost in memory: x itself, or a copy."""
    cdef cnp.ndarray array = as_array(x, what)
    cdef int order[MAX_AXES]
    cdef int i
    cdef int ndim = cnp.PyArray_NDIM(array)
    if ndim < 2:
        raise ValueError(f"{what}: expected an array (N, C, ...), got shape {np.shape(array)}")
    if are_channels_inner(array):
        return array
    if not is_float(array):
        raise TypeError(f"{what}: expected float32 or float64, got {array.dtype}")
    channels_inner_order(ndim, order)
    copy = empty_ordered(ndim, cnp.PyArray_DIMS(array), order, cnp.PyArray_TYPE(array))
    copy_into(copy, array)
    return copy


cdef inline void channels_inner_order(int ndim, int *order) noexcept:
    cdef int i
    order[0] = 0
    order[ndim - 1] = 1
    for i in range(2, ndim):
        order[i - 1] = i


cdef bint follows(cnp.ndarray x, const int *order) noexcept:
    """Whether the dense x lies in memory in this order of axes."""
    cdef int i
    cdef cnp.npy_intp expected = cnp.PyArray_ITEMSIZE(x)
    for i in range(cnp.PyArray_NDIM(x) - 1, -1, -1):
        if cnp.PyArray_DIM(x, order[i]) != 1:
            if cnp.PyArray_STRIDE(x, order[i]) != expected:
                return False
            expected *= cnp.PyArray_DIM(x, order[i])
    return True


def planes(x):
    """x (N, C, ...), or where its channels lie innermost, a copy with every channel in one piece."""
    cdef cnp.ndarray array = as_array(x, "planes")
    cdef int[MAX_AXES] order
    if cnp.PyArray_NDIM(array) < 3 or not is_dense(array):
        return array
    channels_inner_order(cnp.PyArray_NDIM(array), order)
    return contiguous(array) if follows(array, order) else array


cdef object reshaped(cnp.ndarray x, cnp.npy_intp *sizes, int ndim):
    """x under another shape, of which one size may be -1: a view where memory allows."""
    cdef cnp.PyArray_Dims shape
    shape.ptr, shape.len = sizes, ndim
    if ndim == 2 and cnp.PyArray_NDIM(x) > 2 and sizes[0] == cnp.PyArray_DIM(x, 0):
        x = planes(x)  # what NumPy would copy element by element
    return cnp.PyArray_Newshape(x, &shape, cnp.NPY_CORDER)


def reshape(x, shape):
    """x under another shape, a tuple or list of sizes or one of them; one size may be -1."""
    cdef cnp.npy_intp[MAX_AXES] sizes
    cdef int i, ndim
    if not isinstance(shape, (tuple, list)):
        shape = (shape,)
    if len(shape) > MAX_AXES:
        raise ValueError(f"reshape: {len(shape)} dimensions, at most {MAX_AXES} are possible")
    ndim = len(shape)
    for i in range(ndim):
        sizes[i] = PyNumber_Index(shape[i])
    return reshaped(as_array(x, "reshape"), sizes, ndim)


def flatten(x, int start_dim=0, int end_dim=-1):
    """x with its axes from start_dim to end_dim as one."""
    cdef cnp.ndarray array = as_array(x, "flatten")
    cdef cnp.npy_intp[MAX_AXES] sizes
    cdef int ndim = cnp.PyArray_NDIM(array), first = start_dim, last = end_dim, i
    first += ndim if first < 0 else 0
    last += ndim if last < 0 else 0
    if not 0 <= first <= last < ndim <= MAX_AXES:
        raise ValueError(f"flatten: no axes from {start_dim} to {end_dim} among {ndim}")
    sizes[first] = 1
    for i in range(ndim):
        if first <= i <= last:
            sizes[first] *= cnp.PyArray_DIM(array, i)
        else:
            sizes[i if i < first else i - last + first] = cnp.PyArray_DIM(array, i)
    return reshaped(array, sizes, ndim - last + first)


def copy(x):
    """x as a new array, in x's memory order where x is dense."""
    cdef cnp.ndarray array = as_array(x, "copy")
    cdef cnp.ndarray out
    if not is_float(array):
        return array.copy("K")
    if is_dense(array):
        out = empty_like(array)
    else:
        out = empty(cnp.PyArray_NDIM(array), cnp.PyArray_DIMS(array), cnp.PyArray_TYPE(array))
    copy_into(out, array)
    return out


cdef enum:
    MANY_BYTES = 1 << 18  # from here on, threads copy faster than NumPy


def concatenates(*arguments, tuple norm):
    """Whether `concatenated` takes these: parts along the channels of arrays of one dtype, channels innermost."""
    cdef cnp.ndarray first = arguments[0], x
    cdef bint given = isinstance(arguments[-1], int)
    cdef Py_ssize_t i, count = len(arguments) - given
    cdef int axis = arguments[-1] if given else 0
    cdef int k, ndim = cnp.PyArray_NDIM(first)
    if ndim < 2 or axis not in (1, 1 - ndim) or not are_channels_inner(first):
        return False
    for i in range(count):
        x = arguments[i]
        if cnp.PyArray_NDIM(x) != ndim or cnp.PyArray_TYPE(x) != cnp.PyArray_TYPE(first):
            return False
        for k in range(ndim):
            if k != 1 and cnp.PyArray_DIM(x, k) != cnp.PyArray_DIM(first, k):
                return False
        if norm[i] is not None and (norm[i][0] is not x or norm[i][4] is not None):
            return False
    return True


def concatenated(*arguments, tuple norm=None):
    """concatenate((x, ...), axis), called with (x, ..., axis). norm: for each x None or, where it is still to become
    batch_norm_apply(*arguments), these arguments; such xs `concatenates` accepts."""
    cdef bint given = isinstance(arguments[-1], int)
    cdef tuple xs = arguments[:-1] if given else arguments
    for x in xs:
        if x.dtype is not xs[0].dtype:
            raise TypeError("concatenated: the arrays have different dtypes")
    return concatenate(xs, arguments[-1] if given else 0, norm)


def concatenate(tuple xs not None, int axis, tuple norms=None):
    """The arrays one after another along an axis, in the first one's memory order. norms: as for concatenated."""
    cdef cnp.npy_intp[MAX_AXES] shape
    cdef int[MAX_AXES] order
    cdef cnp.ndarray out, part
    cdef cnp.npy_intp start = 0
    cdef bint many = True
    cdef int i, ndim = cnp.PyArray_NDIM(<cnp.ndarray>xs[0]) if xs and cnp.PyArray_Check(xs[0]) else 0
    cdef int along = axis + ndim if axis < 0 else axis
    if not 0 <= along < ndim or not is_float(<cnp.ndarray>xs[0]):
        return np.concatenate(xs, axis)
    for i in range(ndim):
        shape[i] = cnp.PyArray_DIM(<cnp.ndarray>xs[0], i)
    for other in xs[1:]:
        if not cnp.PyArray_Check(other) or cnp.PyArray_NDIM(other) != ndim:
            return np.concatenate(xs, axis)
        many = many and cnp.PyArray_TYPE(other) == cnp.PyArray_TYPE(<cnp.ndarray>xs[0])
        shape[along] += cnp.PyArray_DIM(other, along)
    memory_order(<cnp.ndarray>xs[0], order)
    out = empty_ordered(ndim, shape, order, cnp.PyArray_TYPE(<cnp.ndarray>xs[0]))
    if norms is None and (not many or cnp.PyArray_NBYTES(out) < MANY_BYTES):
        return np.concatenate(xs, axis, out=out)
    for other, norm in zip(xs, norms or (None,) * len(xs)):
        part = out[(slice(None),) * along + (slice(start, start + cnp.PyArray_DIM(other, along)),)]
        if not cnp.PyArray_SAMESHAPE(part, other):
            return np.concatenate(xs, axis, out=out)
        if norm is None:
            copy_into(part, other)
        else:
            apply_into(part, shape[1], norm)
        start += cnp.PyArray_DIM(other, along)
    return out
