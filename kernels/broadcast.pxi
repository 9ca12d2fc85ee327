# Broadcasting of two or three arrays: rows along the result's innermost axis, along which each runs or repeats.

cdef extern from "elementwise.h" nogil:
    ctypedef struct elementwise_operand:
        const void *data
        const int64_t *steps
        int size
    enum: ELEMENTWISE_LONG
    void elementwise_broadcast(binary_kernel binary, choose_kernel choose, const elementwise_operand *operands,
                               void *out, int size, int ndim, const int64_t *sizes)


cdef bint broadcast_shape(tuple arrays, int *ndim, cnp.npy_intp *shape) noexcept:
    """The common shape of the arrays, if there is one."""
    cdef cnp.ndarray x
    cdef int d, i
    ndim[0] = 0
    for x in arrays:
        ndim[0] = max(ndim[0], cnp.PyArray_NDIM(x))
    for i in range(ndim[0]):
        shape[i] = 1
    for x in arrays:
        for d in range(cnp.PyArray_NDIM(x)):
            i = ndim[0] - cnp.PyArray_NDIM(x) + d
            if shape[i] == 1:
                shape[i] = cnp.PyArray_DIM(x, d)
            elif cnp.PyArray_DIM(x, d) != 1 and cnp.PyArray_DIM(x, d) != shape[i]:
                return False
    return True


cdef void broadcast_order(tuple arrays, int ndim, const cnp.npy_intp *shape, int *order) noexcept:
    """The memory order of the first array that has the whole shape; else the usual one."""
    cdef cnp.ndarray x
    cdef int i
    for x in arrays:
        if cnp.PyArray_NDIM(x) == ndim:
            for i in range(ndim):
                if cnp.PyArray_DIM(x, i) != shape[i]:
                    break
            else:
                memory_order(x, order)
                return
    for i in range(ndim):
        order[i] = i


cdef cnp.ndarray run_broadcast(binary_kernel binary, choose_kernel choose, tuple arrays):
    """The kernel over arrays of any shapes that fit, the last ones of float type; None where NumPy serves as well."""
    cdef cnp.npy_intp[MAX_AXES] shape
    cdef int[MAX_AXES] order
    cdef int64_t[MAX_AXES] sizes
    cdef int64_t[3][MAX_AXES] steps
    cdef int64_t[3] step
    cdef elementwise_operand[3] operands
    cdef int ndim, n = 0, i, d, k, count = len(arrays)
    cdef cnp.ndarray x, out
    cdef bint merges
    for x in arrays:
        if not is_behaved(x):
            return None
    if not broadcast_shape(arrays, &ndim, shape):
        return None
    broadcast_order(arrays, ndim, shape, order)
    for i in range(ndim):
        if shape[order[i]] == 1:
            continue
        merges = n > 0
        for k in range(count):
            x = arrays[k]
            d = order[i] - (ndim - cnp.PyArray_NDIM(x))
            step[k] = 0
            if d >= 0 and cnp.PyArray_DIM(x, d) != 1:
                step[k] = cnp.PyArray_STRIDE(x, d) // cnp.PyArray_ITEMSIZE(x)
            merges = merges and steps[k][n - 1] == step[k] * shape[order[i]]
        n = n if merges else n + 1
        sizes[n - 1] = sizes[n - 1] * shape[order[i]] if merges else shape[order[i]]
        for k in range(count):
            steps[k][n - 1] = step[k]
    if n == 0:
        return None
    for k in range(count):
        if steps[k][n - 1] != 0 and steps[k][n - 1] != 1 and sizes[n - 1] >= ELEMENTWISE_LONG:
            return None
        x = arrays[k]
        operands[k].data, operands[k].steps, operands[k].size = cnp.PyArray_DATA(x), steps[k], cnp.PyArray_ITEMSIZE(x)
    out = empty_ordered(ndim, shape, order, cnp.PyArray_TYPE(<cnp.ndarray>arrays[count - 1]))
    i = cnp.PyArray_ITEMSIZE(out)
    with nogil:
        elementwise_broadcast(binary, choose, operands, cnp.PyArray_DATA(out), i, n, sizes)
    return out


def where(condition, x, y):
    """x where the condition holds, else y; all broadcast. Numbers take on the dtype of the array beside them."""
    cdef cnp.ndarray mask = np.asarray(condition, bool)
    cdef cnp.ndarray a, b, out = None
    if cnp.PyArray_Check(x) or cnp.PyArray_Check(y):
        a = x if cnp.PyArray_Check(x) else np.asarray(x, y.dtype) if is_weak(x) else np.asarray(x)
        b = y if cnp.PyArray_Check(y) else np.asarray(y, x.dtype) if is_weak(y) else np.asarray(y)
        if is_float(a) and cnp.PyArray_TYPE(a) == cnp.PyArray_TYPE(b):
            out = run_broadcast(NULL, table(a).choose, (mask, a, b))
    return np.where(mask, x, y) if out is None else out
