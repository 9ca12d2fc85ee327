# Elementwise wrappers. Arrays of one dense layout, scalars and rows go to the C loops; NumPy broadcasts the rest.

cdef extern from "elementwise.h" nogil:
    void elementwise_unary(unary_kernel kernel, const void *x, void *out, int64_t n, int size, double p,
                           double q)
    void elementwise_both(binary_kernel first, binary_kernel second, const void *x, const void *y, const void *z,
                          void *out, int64_t n, int size)
    void elementwise_binary(binary_kernel kernel, const void *x, const void *y, void *out, int64_t n, int size,
                            double p, double q)
    void elementwise_row(binary_kernel kernel, const void *x, const void *row, void *out, int64_t n, int64_t cols,
                         int size, int row_first)
    void elementwise_repeat(const void *x, int64_t n, int64_t times, int size, void *out)

cdef enum:
    RELEASE_GIL = 16384  # elements: about 10 us of work


cdef inline cnp.ndarray run_unary(unary_kernel kernel, cnp.ndarray x, double p, double q=0):
    cdef cnp.ndarray out = empty_like(x)
    cdef cnp.npy_intp n = cnp.PyArray_SIZE(x)
    cdef int size = cnp.PyArray_ITEMSIZE(x)
    if n < RELEASE_GIL:
        kernel(cnp.PyArray_DATA(x), cnp.PyArray_DATA(out), n, p, q)
    else:
        with nogil:
            elementwise_unary(kernel, cnp.PyArray_DATA(x), cnp.PyArray_DATA(out), n, size, p, q)
    return out


cdef inline void run_binary_into(binary_kernel kernel, cnp.ndarray x, cnp.ndarray y, cnp.ndarray out,
                                 double p, double q) noexcept:
    cdef cnp.npy_intp n = cnp.PyArray_SIZE(x)
    cdef int size = cnp.PyArray_ITEMSIZE(x)
    if n < RELEASE_GIL:
        kernel(cnp.PyArray_DATA(x), cnp.PyArray_DATA(y), cnp.PyArray_DATA(out), n, p, q)
    else:
        with nogil:
            elementwise_binary(kernel, cnp.PyArray_DATA(x), cnp.PyArray_DATA(y), cnp.PyArray_DATA(out), n, size, p, q)


cdef inline cnp.ndarray run_binary(binary_kernel kernel, cnp.ndarray x, cnp.ndarray y, double p, double q=0):
    cdef cnp.ndarray out = empty_like(x)
    run_binary_into(kernel, x, y, out, p, q)
    return out


cdef cnp.ndarray run_row(binary_kernel kernel, cnp.ndarray x, const void *row, cnp.npy_intp cols, bint row_first):
    cdef cnp.ndarray out = empty_like(x)
    cdef cnp.npy_intp n = cnp.PyArray_SIZE(x)
    cdef int size = cnp.PyArray_ITEMSIZE(x)
    if n < RELEASE_GIL:
        elementwise_row(kernel, cnp.PyArray_DATA(x), row, cnp.PyArray_DATA(out), n, cols, size, row_first)
    else:
        with nogil:
            elementwise_row(kernel, cnp.PyArray_DATA(x), row, cnp.PyArray_DATA(out), n, cols, size, row_first)
    return out


cdef cnp.ndarray run_scalar(binary_kernel kernel, cnp.ndarray x, double value, bint scalar_first):
    cdef float single = <float>value
    if cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32:
        return run_row(kernel, x, &single, 1, scalar_first)
    return run_row(kernel, x, &value, 1, scalar_first)


cdef bint is_row_of(cnp.ndarray row, cnp.ndarray x) noexcept:
    """Whether row broadcasts against the dense x along x's innermost memory axis only, or is a single element."""
    cdef int order[MAX_AXES]
    cdef int i, inner
    cdef int ndim = cnp.PyArray_NDIM(x)
    cdef int skip = ndim - cnp.PyArray_NDIM(row)
    if skip < 0 or cnp.PyArray_TYPE(row) != cnp.PyArray_TYPE(x) or not is_behaved(row):
        return False
    if cnp.PyArray_SIZE(row) == 1:
        return True
    memory_order(x, order)
    inner = order[ndim - 1] - skip
    for i in range(cnp.PyArray_NDIM(row)):
        if cnp.PyArray_DIM(row, i) != (cnp.PyArray_DIM(x, i + skip) if i == inner else 1):
            return False
    return inner >= 0 and cnp.PyArray_STRIDE(row, inner) == cnp.PyArray_ITEMSIZE(row)


cdef inline bint is_weak(object x):
    """Python's own numbers take on the array's dtype, as in NumPy 2."""
    return type(x) is float or type(x) is int or type(x) is bool


cdef cnp.ndarray numpy_binary(object function, object x, object y, str name):
    for operand in (x, y):
        if not is_weak(operand):
            dtype = getattr(operand, "dtype", None)
            if getattr(dtype, "kind", "O") not in "biufV":  # V: bfloat16
                raise TypeError(f"{name}: expected real numbers, got {dtype or type(operand).__name__}")
    with np.errstate(all="ignore"):
        return np.asarray(function(x, y))


cdef cnp.ndarray binary(binary_kernel f32, binary_kernel f64, object x, object y, str numpy_name, str name):
    cdef cnp.ndarray a, b
    cdef binary_kernel kernel
    if cnp.PyArray_Check(x):
        a = x
        kernel = f32 if cnp.PyArray_TYPE(a) == cnp.NPY_FLOAT32 else f64
        if cnp.PyArray_Check(y):
            b = y
            if same_layout(a, b):
                return run_binary(kernel, a, b, 0)
            if is_dense(a) and is_row_of(b, a):
                return run_row(kernel, a, cnp.PyArray_DATA(b), cnp.PyArray_SIZE(b), False)
            if is_dense(b) and is_row_of(a, b):
                return run_row(kernel, b, cnp.PyArray_DATA(a), cnp.PyArray_SIZE(a), True)
            if cnp.PyArray_TYPE(a) == cnp.PyArray_TYPE(b) and cnp.PyArray_SAMESHAPE(a, b):
                if is_dense(a):
                    return run_binary(kernel, a, in_layout_of(a, b, name, "x", "y"), 0)
                if is_dense(b):
                    return run_binary(kernel, in_layout_of(b, a, name, "y", "x"), b, 0)
            if is_float(a) and cnp.PyArray_TYPE(a) == cnp.PyArray_TYPE(b):
                result = run_broadcast(kernel, NULL, (a, b))
                if result is not None:
                    return result
        elif is_weak(y) and is_dense(a):
            return run_scalar(kernel, a, y, False)
    elif cnp.PyArray_Check(y) and is_weak(x) and is_dense(y):
        b = y
        return run_scalar(f32 if cnp.PyArray_TYPE(b) == cnp.NPY_FLOAT32 else f64, b, x, True)
    return numpy_binary(getattr(np, numpy_name), x, y, name)


def add(x, y):
    """x + y"""
    return binary(kernels_active[0].add, kernels_active[1].add, x, y, "add", "add")


def sub(x, y):
    """x - y"""
    return binary(kernels_active[0].sub, kernels_active[1].sub, x, y, "subtract", "sub")


def mul(x, y):
    """x * y"""
    return binary(kernels_active[0].mul, kernels_active[1].mul, x, y, "multiply", "mul")


def div(x, y):
    """x / y"""
    return binary(kernels_active[0].div, kernels_active[1].div, x, y, "true_divide", "div")


def maximum(x, y):
    """The larger of x and y; NaN if either is."""
    return binary(kernels_active[0].maximum, kernels_active[1].maximum, x, y, "maximum", "maximum")


def minimum(x, y):
    """The smaller of x and y; NaN if either is."""
    return binary(kernels_active[0].minimum, kernels_active[1].minimum, x, y, "minimum", "minimum")


def add_(cnp.ndarray x not None, y):
    """x += y in place, for arrays of one shape and dtype; returns x."""
    cdef cnp.ndarray other = as_array(y, "add_")
    if not cnp.PyArray_SAMESHAPE(x, other):
        raise ValueError(f"add_: x has shape {np.shape(x)}, but y has shape {np.shape(other)}")
    if cnp.PyArray_TYPE(x) != cnp.PyArray_TYPE(other):
        raise TypeError(f"add_: expected two arrays of one dtype, got {x.dtype} and {other.dtype}")
    if not cnp.PyArray_ISWRITEABLE(x):
        raise ValueError("add_: x is read-only")
    cdef const char *to = <const char *>cnp.PyArray_DATA(x)
    cdef const char *source = <const char *>cnp.PyArray_DATA(other)
    cdef cnp.npy_intp bytes = cnp.PyArray_NBYTES(x)
    if same_layout(x, other) and (to == source or to + bytes <= source or source + bytes <= to):
        run_binary_into(table(x).add, x, other, x, 0, 0)
    else:
        np.add(x, other, out=x)
    return x


def neg(x):
    """-x"""
    cdef cnp.ndarray a = dense(x, "neg")
    return run_unary(table(a).neg, a, 0)


def abs(x):
    """|x|"""
    cdef cnp.ndarray a = dense(x, "abs")
    return run_unary(table(a).abs, a, 0)


def exp(x):
    """e ** x"""
    cdef cnp.ndarray a = dense(x, "exp")
    return run_unary(table(a).exp, a, 0)


def log(x):
    """The natural logarithm of x."""
    cdef cnp.ndarray a = dense(x, "log")
    return run_unary(table(a).log, a, 0)


def expm1(x):
    """e ** x - 1, precise near 0."""
    cdef cnp.ndarray a = dense(x, "expm1")
    return run_unary(table(a).expm1, a, 0)


def log1p(x):
    """log(1 + x), precise near 0."""
    cdef cnp.ndarray a = dense(x, "log1p")
    return run_unary(table(a).log1p, a, 0)


def sign(x):
    """-1, 0 or 1; NaN stays NaN."""
    cdef cnp.ndarray a = dense(x, "sign")
    return run_unary(table(a).sign, a, 0)


def sqrt(x):
    """The square root of x."""
    cdef cnp.ndarray a = dense(x, "sqrt")
    return run_unary(table(a).sqrt, a, 0)


def rsqrt(x):
    """1 / sqrt(x)"""
    cdef cnp.ndarray a = dense(x, "rsqrt")
    return run_unary(table(a).rsqrt, a, 0)


def sin(x):
    """The sine of x."""
    cdef cnp.ndarray a = dense(x, "sin")
    return run_unary(table(a).sin, a, 0)


def cos(x):
    """The cosine of x."""
    cdef cnp.ndarray a = dense(x, "cos")
    return run_unary(table(a).cos, a, 0)


def erf(x):
    """The error function of x."""
    cdef cnp.ndarray a = dense(x, "erf")
    return run_unary(table(a).erf, a, 0)


def tanh(x):
    """The hyperbolic tangent of x."""
    cdef cnp.ndarray a = dense(x, "tanh")
    return run_unary(table(a).tanh, a, 0)


def tanh_grad(g, out):
    """g * (1 - out ** 2)"""
    cdef cnp.ndarray y = dense(out, "tanh_grad")
    return run_binary(table(y).tanh_grad, in_layout_of(y, g, "tanh_grad", "out", "g"), y, 0)


def sigmoid(x):
    """1 / (1 + e ** -x)"""
    cdef cnp.ndarray a = dense(x, "sigmoid")
    return run_unary(table(a).sigmoid, a, 0)


def sigmoid_grad(g, out):
    """g * out * (1 - out)"""
    cdef cnp.ndarray y = dense(out, "sigmoid_grad")
    return run_binary(table(y).sigmoid_grad, in_layout_of(y, g, "sigmoid_grad", "out", "g"), y, 0)


def relu(x, inplace=False):
    """max(x, 0); NaN stays NaN. inplace is ignored."""
    cdef cnp.ndarray a = dense(x, "relu")
    return run_unary(table(a).relu, a, 0)


cpdef cnp.ndarray relu_grad(g, out):
    """g where out > 0 (or NaN), else 0."""
    cdef cnp.ndarray y = dense(out, "relu_grad")
    return run_binary(table(y).relu_grad, in_layout_of(y, g, "relu_grad", "out", "g"), y, 0)


def add_relu_grad(cnp.ndarray a not None, cnp.ndarray b not None, cnp.ndarray out not None, cnp.ndarray into=None):
    """relu_grad(a + b, out); `into`: where to, a perhaps. None if the arrays do not lie alike in memory."""
    if not (same_layout(a, b) and same_layout(a, out)):
        return None
    cdef cnp.ndarray result = empty_like(a) if into is None else into
    if not (same_layout(a, result) and cnp.PyArray_ISWRITEABLE(result)):
        return None
    cdef const kernel_table *t = table(a)
    cdef cnp.npy_intp n = cnp.PyArray_SIZE(a)
    cdef int size = cnp.PyArray_ITEMSIZE(a)
    if n < RELEASE_GIL:
        elementwise_both(t.add, t.relu_grad, cnp.PyArray_DATA(a), cnp.PyArray_DATA(b), cnp.PyArray_DATA(out),
                         cnp.PyArray_DATA(result), n, size)
    else:
        with nogil:
            elementwise_both(t.add, t.relu_grad, cnp.PyArray_DATA(a), cnp.PyArray_DATA(b), cnp.PyArray_DATA(out),
                             cnp.PyArray_DATA(result), n, size)
    return result


def silu(x):
    """x * sigmoid(x)"""
    cdef cnp.ndarray a = dense(x, "silu")
    return run_unary(table(a).silu, a, 0)


def silu_grad(g, x):
    """g times the slope of silu at x."""
    cdef cnp.ndarray a = dense(x, "silu_grad")
    return run_binary(table(a).silu_grad, in_layout_of(a, g, "silu_grad", "x", "g"), a, 0)


def hardsigmoid(x):
    """min(max(x + 3, 0), 6) / 6"""
    cdef cnp.ndarray a = dense(x, "hardsigmoid")
    return run_unary(table(a).hardsigmoid, a, 0)


def hardsigmoid_grad(g, x):
    """g / 6 where -3 < x < 3, else 0."""
    cdef cnp.ndarray a = dense(x, "hardsigmoid_grad")
    return run_binary(table(a).hardsigmoid_grad, in_layout_of(a, g, "hardsigmoid_grad", "x", "g"), a, 0)


def hardswish(x):
    """x * hardsigmoid(x)"""
    cdef cnp.ndarray a = dense(x, "hardswish")
    return run_unary(table(a).hardswish, a, 0)


def hardswish_grad(g, x):
    """g times the slope of hardswish at x."""
    cdef cnp.ndarray a = dense(x, "hardswish_grad")
    return run_binary(table(a).hardswish_grad, in_layout_of(a, g, "hardswish_grad", "x", "g"), a, 0)


def softplus(x):
    """log(1 + e ** x)"""
    cdef cnp.ndarray a = dense(x, "softplus")
    return run_unary(table(a).softplus, a, 0)


def softplus_grad(g, x):
    """g * sigmoid(x)"""
    cdef cnp.ndarray a = dense(x, "softplus_grad")
    return run_binary(table(a).softplus_grad, in_layout_of(a, g, "softplus_grad", "x", "g"), a, 0)


cdef bint by_tanh(object approximate) except -1:
    if approximate == "none":
        return False
    if approximate == "tanh":
        return True
    raise ValueError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")


def gelu(x, approximate="none"):
    """x times the normal distribution's cumulative probability of x, or its approximation by tanh."""
    cdef cnp.ndarray a = dense(x, "gelu")
    return run_unary(table(a).gelu_tanh if by_tanh(approximate) else table(a).gelu, a, 0)


def gelu_grad(g, x, approximate="none"):
    """g times the slope of gelu at x."""
    cdef cnp.ndarray a = dense(x, "gelu_grad")
    cdef binary_kernel kernel = table(a).gelu_tanh_grad if by_tanh(approximate) else table(a).gelu_grad
    return run_binary(kernel, in_layout_of(a, g, "gelu_grad", "x", "g"), a, 0)


def leaky_relu(x, double slope=0.01):
    """x where x > 0, else slope * x."""
    cdef cnp.ndarray a = dense(x, "leaky_relu")
    return run_unary(table(a).leaky_relu, a, slope)


def leaky_relu_grad(g, x, double slope=0.01):
    """g where x > 0, else slope * g."""
    cdef cnp.ndarray a = dense(x, "leaky_relu_grad")
    return run_binary(table(a).leaky_relu_grad, in_layout_of(a, g, "leaky_relu_grad", "x", "g"), a, slope)


def elu(x, double alpha=1.0):
    """x where x > 0, else alpha * (e ** x - 1)."""
    cdef cnp.ndarray a = dense(x, "elu")
    return run_unary(table(a).elu, a, alpha)


def elu_grad(g, x, double alpha=1.0):
    """g where x > 0, else g * alpha * e ** x."""
    cdef cnp.ndarray a = dense(x, "elu_grad")
    return run_binary(table(a).elu_grad, in_layout_of(a, g, "elu_grad", "x", "g"), a, alpha)


def clip(x, double low, double high):
    """min(max(x, low), high); NaN stays NaN."""
    cdef cnp.ndarray a = dense(x, "clip")
    return run_unary(table(a).clip, a, low, high)


def clip_grad(g, x, double low, double high):
    """g where low <= x <= high, else 0."""
    cdef cnp.ndarray a = dense(x, "clip_grad")
    return run_binary(table(a).clip_grad, in_layout_of(a, g, "clip_grad", "x", "g"), a, low, high)


def hardtanh_grad(g, out, double low, double high):
    """g where low < out < high (or NaN), else 0."""
    cdef cnp.ndarray y = dense(out, "hardtanh_grad")
    return run_binary(table(y).hardtanh_grad, in_layout_of(y, g, "hardtanh_grad", "out", "g"), y, low, high)
