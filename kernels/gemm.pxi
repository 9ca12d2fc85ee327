# Matrix multiplication wrappers. Operands are used through their strides; the driver packs what needs packing.

cdef extern from "gemm.h" nogil:
    enum: GEMM_MAX_BATCH_DIMS
    ctypedef struct gemm_matrix:
        const void *data
        int64_t rows
        int64_t columns
        const int64_t *batch
    ctypedef struct gemm_problem:
        int64_t m
        int64_t n
        int64_t k
        gemm_matrix a
        gemm_matrix b
        void *c
        int64_t ldc
        const void *bias
        int relu, packs, alone
        int batch_dims
        const int64_t *batch_shape
        memory_kept *kept
        norm_tally *tally
    ctypedef enum gemm_algorithm:
        pass
    gemm_algorithm gemm_choose(const kernel_table *table, const gemm_problem *problem, const char **reason)
    const char *gemm_algorithm_name(gemm_algorithm algorithm)
    int gemm(const kernel_table *t, const gemm_problem *problem)


cdef inline cnp.ndarray operand(cnp.ndarray x):
    """x itself, of any strides, if aligned and in native byte order, else a copy that is."""
    if cnp.PyArray_ISALIGNED(x) and cnp.PyArray_ISNOTSWAPPED(x):
        return x
    return cnp.PyArray_FROM_OF(x, cnp.NPY_ARRAY_CARRAY_RO | cnp.NPY_ARRAY_NOTSWAPPED)


cdef inline const kernel_table *table_of_both(str op, cnp.ndarray x, cnp.ndarray y) except NULL:
    """The kernels for two arrays that must share a dtype."""
    if cnp.PyArray_TYPE(x) != cnp.PyArray_TYPE(y):
        raise TypeError(f"{op}: operands differ in dtype: {x.dtype} and {y.dtype}")
    return table(x)


cdef inline int relu_or_none(str op, activation) except -1:
    """What kernels call an activation."""
    if activation is None:
        return 0
    if activation == "relu":
        return 1
    if activation == "relu6":
        return 6
    raise ValueError(f"{op}: activation is None, 'relu' or 'relu6', not {activation!r}")


cdef inline void set_matrix(gemm_matrix *matrix, cnp.ndarray x, int row_axis, int column_axis):
    """A matrix made of two axes of x. The stride of an axis of length 1 is free: it takes the fast case."""
    cdef cnp.npy_intp size = cnp.PyArray_ITEMSIZE(x)
    matrix.data = cnp.PyArray_DATA(x)
    matrix.rows = cnp.PyArray_STRIDE(x, row_axis) // size
    matrix.columns = cnp.PyArray_STRIDE(x, column_axis) // size
    if cnp.PyArray_DIM(x, column_axis) <= 1:
        matrix.columns = 1
    elif cnp.PyArray_DIM(x, row_axis) <= 1 and matrix.columns != 1:
        matrix.rows = 1


cdef int run_gemm(const kernel_table *t, gemm_problem *problem) except -1:
    cdef int status
    problem.alone, problem.tally = 0, NULL
    if problem.batch_dims == 0 and problem.m * problem.n * problem.k < RELEASE_GIL:
        status = gemm(t, problem)
    else:
        with nogil:
            parallel_watch()
            status = gemm(t, problem)
        end_of_watch()
    if status < 0:
        raise MemoryError("matmul: no memory to pack the operands")
    return 0


cdef int broadcast_batch(cnp.ndarray a, cnp.ndarray b, int64_t *shape, int64_t *strides) except -1:
    """NumPy's broadcasting over all axes but the last two: shape, and the strides of a and then of b."""
    cdef int dims = max(cnp.PyArray_NDIM(a), cnp.PyArray_NDIM(b)) - 2
    cdef int d, axis, which
    cdef cnp.npy_intp length
    cdef cnp.ndarray x
    for d in range(dims):
        shape[d] = 1
        for which in range(2):
            x = b if which else a
            axis = cnp.PyArray_NDIM(x) - 2 - dims + d
            strides[which * GEMM_MAX_BATCH_DIMS + d] = 0
            length = cnp.PyArray_DIM(x, axis) if axis >= 0 else 1
            if length == 1:
                continue
            if shape[d] != 1 and shape[d] != length:
                raise ValueError(f"matmul: batch axes do not broadcast: {shape_of(a)} and {shape_of(b)}")
            shape[d] = length
            strides[which * GEMM_MAX_BATCH_DIMS + d] = cnp.PyArray_STRIDE(x, axis) // cnp.PyArray_ITEMSIZE(x)
    return dims


cdef shape_of(cnp.ndarray x):
    return (<object>x).shape


cpdef cnp.ndarray matmul(cnp.ndarray a, cnp.ndarray b):
    """a @ b over the last two axes, with NumPy's broadcasting over the others; a vector is one row or one column."""
    cdef gemm_problem p
    cdef int64_t[GEMM_MAX_BATCH_DIMS] batch_shape
    cdef int64_t[2 * GEMM_MAX_BATCH_DIMS] batch_strides
    cdef cnp.npy_intp[GEMM_MAX_BATCH_DIMS] shape
    cdef int d, dims
    cdef cnp.ndarray out
    if a is None or b is None:
        raise TypeError("matmul: expected two arrays, got None")
    cdef const kernel_table *t = table_of_both("matmul", a, b)
    if cnp.PyArray_NDIM(a) < 2 or cnp.PyArray_NDIM(b) < 2:
        return matmul_vectors(a, b)
    a, b = operand(a), operand(b)
    cdef int na = cnp.PyArray_NDIM(a), nb = cnp.PyArray_NDIM(b)
    p.m, p.k, p.n = cnp.PyArray_DIM(a, na - 2), cnp.PyArray_DIM(a, na - 1), cnp.PyArray_DIM(b, nb - 1)
    if cnp.PyArray_DIM(b, nb - 2) != p.k:
        raise ValueError(
            f"matmul: {shape_of(a)} @ {shape_of(b)}: inner sizes {p.k} and {cnp.PyArray_DIM(b, nb - 2)} differ"
        )
    dims = broadcast_batch(a, b, batch_shape, batch_strides)
    for d in range(dims):
        shape[d] = batch_shape[d]
    shape[dims], shape[dims + 1] = p.m, p.n
    out = empty(dims + 2, shape, cnp.PyArray_TYPE(a))
    set_matrix(&p.a, a, na - 2, na - 1)
    set_matrix(&p.b, b, nb - 2, nb - 1)
    p.a.batch, p.b.batch = batch_strides, batch_strides + GEMM_MAX_BATCH_DIMS
    p.batch_shape, p.batch_dims = batch_shape, dims
    if dims and nb == 2 and cnp.PyArray_IS_C_CONTIGUOUS(a):  # one product with all rows of a
        p.batch_dims = 0
        for d in range(dims):
            p.m *= batch_shape[d]
        p.a.rows, p.a.columns = p.k, 1
    p.c, p.ldc, p.bias, p.relu, p.packs, p.kept = cnp.PyArray_DATA(out), p.n, NULL, 0, 0, NULL
    run_gemm(t, &p)
    return out


cdef cnp.ndarray matmul_vectors(cnp.ndarray a, cnp.ndarray b):
    """matmul where a or b is a vector: its axis is dropped from the result."""
    cdef bint row = cnp.PyArray_NDIM(a) == 1, column = cnp.PyArray_NDIM(b) == 1
    if cnp.PyArray_NDIM(a) == 0 or cnp.PyArray_NDIM(b) == 0:
        raise ValueError(f"matmul: expected at least 1 axis, got {shape_of(a)} and {shape_of(b)}")
    out = matmul((<object>a)[None] if row else a, (<object>b)[:, None] if column else b)
    if column:
        out = out[..., 0]
    return np.asarray(out[..., 0, :] if row and not column else out[..., 0] if row else out)


cpdef cnp.ndarray linear(cnp.ndarray x, cnp.ndarray w, cnp.ndarray b=None, activation=None, kept=None):
    """x (..., C), w (K, C), b (K,) -> (..., K): x w^T + b, and max(0, .) if activation is "relu"."""
    cdef gemm_problem p
    cdef cnp.npy_intp[GEMM_MAX_BATCH_DIMS] shape
    cdef int d, nx
    cdef cnp.ndarray out
    cdef Forms forms = kept
    cdef Form form
    if x is None or w is None:
        raise TypeError("linear: expected arrays x and w, got None")
    cdef const kernel_table *t = table_of_both("linear", x, w)
    nx = cnp.PyArray_NDIM(x)
    if nx < 1 or cnp.PyArray_NDIM(w) != 2 or cnp.PyArray_DIM(x, nx - 1) != cnp.PyArray_DIM(w, 1):
        raise ValueError(f"linear: x {shape_of(x)} and w {shape_of(w)} do not fit x (..., C), w (K, C)")
    p.relu = relu_or_none("linear", activation)
    x, w = operand(x), operand(w)
    p.n, p.k, p.m = cnp.PyArray_DIM(w, 0), cnp.PyArray_DIM(w, 1), 1
    b = bias_of("linear", b, w)
    if nx != 2 and not cnp.PyArray_IS_C_CONTIGUOUS(x):
        x = contiguous(x)
    for d in range(nx - 1):
        shape[d] = cnp.PyArray_DIM(x, d)
    shape[nx - 1] = p.n
    out = empty(nx, shape, cnp.PyArray_TYPE(x))
    if p.n:
        p.m = cnp.PyArray_SIZE(out) // p.n
    set_matrix(&p.b, w, 1, 0)
    if nx == 2:
        set_matrix(&p.a, x, 0, 1)
    else:
        p.a.data, p.a.rows, p.a.columns = cnp.PyArray_DATA(x), p.k, 1
    p.bias = NULL if b is None else cnp.PyArray_DATA(b)
    p.c, p.ldc, p.packs, p.batch_dims, p.kept = cnp.PyArray_DATA(out), p.n, 0, 0, NULL
    if forms is not None:
        form = forms.find(t, CONV_POINTWISE, 1)
        p.kept = &form.memory
    run_gemm(t, &p)
    if forms is not None:
        forms.add(form)
    return out


def linear_relu(x, w, b=None, kept=None):
    """max(linear(x, w, b), 0)"""
    return linear(x, w, b, "relu", kept)


cdef cnp.ndarray as_rows(cnp.ndarray x):
    """All axes but the last as one: x itself, a view or a copy."""
    cdef cnp.npy_intp[2] shape = [1, 0]
    cdef cnp.PyArray_Dims dims
    if cnp.PyArray_NDIM(x) == 2:
        return operand(x)
    shape[1] = cnp.PyArray_DIM(x, cnp.PyArray_NDIM(x) - 1)
    shape[0] = cnp.PyArray_SIZE(x) // shape[1] if shape[1] else 0
    dims.ptr, dims.len = shape, 2
    return cnp.PyArray_Newshape(contiguous(x), &dims, cnp.NPY_CORDER)


cpdef cnp.ndarray linear_grad_w(cnp.ndarray g, cnp.ndarray x):
    """g (..., K), x (..., C) -> (K, C): the sum over all rows of their products."""
    cdef gemm_problem p
    cdef cnp.npy_intp[2] shape
    cdef cnp.ndarray out
    cdef int d, n
    if g is None or x is None:
        raise TypeError("linear_grad_w: expected arrays g and x, got None")
    cdef const kernel_table *t = table_of_both("linear_grad_w", g, x)
    n = cnp.PyArray_NDIM(g)
    if n < 1 or cnp.PyArray_NDIM(x) != n:
        raise ValueError(f"linear_grad_w: g {shape_of(g)} and x {shape_of(x)} differ in their number of axes")
    for d in range(n - 1):
        if cnp.PyArray_DIM(g, d) != cnp.PyArray_DIM(x, d):
            raise ValueError(f"linear_grad_w: g {shape_of(g)} and x {shape_of(x)} differ before the last axis")
    g, x = as_rows(g), as_rows(x)
    p.m, p.n, p.k = cnp.PyArray_DIM(g, 1), cnp.PyArray_DIM(x, 1), min(cnp.PyArray_DIM(g, 0), cnp.PyArray_DIM(x, 0))
    shape[0], shape[1] = p.m, p.n
    out = empty(2, shape, cnp.PyArray_TYPE(g))
    set_matrix(&p.a, g, 1, 0)
    set_matrix(&p.b, x, 0, 1)
    p.c, p.ldc, p.bias, p.relu, p.packs, p.kept = cnp.PyArray_DATA(out), p.n, NULL, 0, 0, NULL
    p.batch_dims = 0
    run_gemm(t, &p)
    return out


def linear_grads(cnp.ndarray g, x, w, out, int which):
    """The gradients of linear for x, w and b: a list, None for those whose bit is not in `which`. out: the result, if
    it was linear_relu."""
    cdef list found = [None, None, None]
    if g is None:
        raise TypeError("linear_grads: expected an array g, got None")
    cdef cnp.ndarray z = g if out is None else relu_grad(g, out)
    if which & 1:
        found[0] = matmul(z, w)
    if which & 2:
        found[1] = linear_grad_w(z, x)
    if which & 4:
        found[2] = sum_rows(z)
    if z is not g:
        retire(<PyObject *>z)
    return found


cdef cnp.ndarray bias_of(str op, cnp.ndarray b, cnp.ndarray w):
    """b as a plain vector of K values, or None."""
    if b is None:
        return None
    if cnp.PyArray_TYPE(b) != cnp.PyArray_TYPE(w):
        raise TypeError(f"{op}: operands differ in dtype: w {w.dtype} and b {b.dtype}")
    if cnp.PyArray_NDIM(b) != 1 or cnp.PyArray_DIM(b, 0) != cnp.PyArray_DIM(w, 0):
        raise ValueError(f"{op}: b {shape_of(b)} does not fit w {shape_of(w)}: expected ({cnp.PyArray_DIM(w, 0)},)")
    return contiguous(b)
