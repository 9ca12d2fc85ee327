# Softmax along one axis, and cross-entropy.

from libc.math cimport NAN

cdef extern from "loss.h" nogil:
    void softmax_rows(softmax_kernel kernel, const void *x, void *out, int64_t rows, int64_t C, int size)
    void softmax_grad_rows(softmax_grad_kernel kernel, const void *g, const void *out, void *gx, int64_t rows,
                           int64_t C, int size)
    int64_t find_bad_label(const int64_t *labels, int64_t n, int64_t C, int64_t ignore)
    double labels_weight(int dtype, const int64_t *labels, int64_t n, const void *w, int64_t ignore)
    void cross_entropy_rows(int dtype, const void *x, const int64_t *labels, const void *w, int64_t ignore,
                            double smoothing, void *logp, void *loss, int64_t rows, int64_t C)
    void cross_entropy_grad_rows(int dtype, const void *g, int64_t g_step, const void *logp, const int64_t *labels,
                                 const void *w, double w_sum, int64_t ignore, double smoothing, void *gx, int64_t rows,
                                 int64_t C)

cdef int axis_of(object axis, int ndim, str what) except -1:
    cdef Py_ssize_t index
    try:
        index = axis
    except OverflowError:
        index = ndim
    if not -ndim <= index < ndim:
        raise ValueError(f"{what}: axis {axis} is out of range for {ndim} dimensions")
    return <int>(index + ndim if index < 0 else index)


cdef cnp.ndarray axis_inner(object x, int axis, str what):
    """x as a dense array in which `axis` lies innermost in memory: x itself, or a copy."""
    cdef cnp.ndarray array = as_array(x, what)
    cdef cnp.ndarray copy
    cdef int order[MAX_AXES]
    cdef int i, n = 0
    if not is_float(array):
        raise TypeError(f"{what}: expected float32 or float64, got {array.dtype}")
    if is_dense(array):
        if cnp.PyArray_DIM(array, axis) == 1:
            return array
        memory_order(array, order)
        if order[cnp.PyArray_NDIM(array) - 1] == axis:
            return array
    for i in range(cnp.PyArray_NDIM(array)):
        if i != axis:
            order[n] = i
            n += 1
    order[n] = axis
    copy = empty_ordered(n + 1, cnp.PyArray_DIMS(array), order, cnp.PyArray_TYPE(array))
    copy_into(copy, array)
    return copy


cdef cnp.ndarray run_softmax(softmax_kernel f32, softmax_kernel f64, object x, object axis, str what):
    cdef cnp.ndarray a = as_array(x, what)
    cdef int index = axis_of(axis, cnp.PyArray_NDIM(a), what)
    a = axis_inner(a, index, what)
    cdef cnp.ndarray out = empty_like(a)
    cdef cnp.npy_intp C = cnp.PyArray_DIM(a, index)
    cdef cnp.npy_intp rows = cnp.PyArray_SIZE(a) // C if C else 0
    cdef int size = cnp.PyArray_ITEMSIZE(a)
    with nogil:
        softmax_rows(f32 if size == 4 else f64, cnp.PyArray_DATA(a), cnp.PyArray_DATA(out), rows, C, size)
    return out


cdef cnp.ndarray run_softmax_grad(softmax_grad_kernel f32, softmax_grad_kernel f64, object g, object y, object axis,
                                  str what):
    cdef cnp.ndarray out = as_array(y, what)
    cdef int index = axis_of(axis, cnp.PyArray_NDIM(out), what)
    out = axis_inner(out, index, what)
    cdef cnp.ndarray grad = in_layout_of(out, g, what, "out", "g")
    cdef cnp.ndarray gx = empty_like(out)
    cdef cnp.npy_intp C = cnp.PyArray_DIM(out, index)
    cdef cnp.npy_intp rows = cnp.PyArray_SIZE(out) // C if C else 0
    cdef int size = cnp.PyArray_ITEMSIZE(out)
    with nogil:
        softmax_grad_rows(f32 if size == 4 else f64, cnp.PyArray_DATA(grad), cnp.PyArray_DATA(out),
                          cnp.PyArray_DATA(gx), rows, C, size)
    return gx


def softmax(x, axis=-1):
    """e ** x, scaled to sum 1 along axis."""
    return run_softmax(kernels_active[0].softmax, kernels_active[1].softmax, x, axis, "softmax")


def log_softmax(x, axis=-1):
    """The logarithm of softmax."""
    return run_softmax(kernels_active[0].log_softmax, kernels_active[1].log_softmax, x, axis, "log_softmax")


def softmax_grad(g, out, axis=-1):
    """out * (g - sum(g * out))"""
    return run_softmax_grad(kernels_active[0].softmax_grad, kernels_active[1].softmax_grad, g, out, axis,
                            "softmax_grad")


def log_softmax_grad(g, out, axis=-1):
    """g - e ** out * sum(g)"""
    return run_softmax_grad(kernels_active[0].log_softmax_grad, kernels_active[1].log_softmax_grad, g, out, axis,
                            "log_softmax_grad")


cdef cnp.ndarray check_labels(object labels, cnp.ndarray x, int64_t ignore, str what):
    """The labels as contiguous int64, one per row of x; refuses what is not a class."""
    cdef cnp.ndarray given = as_array(labels, what)
    cdef cnp.ndarray array
    cdef int i
    cdef int64_t bad, C = cnp.PyArray_DIM(x, 1)
    cdef bint same = cnp.PyArray_NDIM(given) == cnp.PyArray_NDIM(x) - 1
    for i in range(cnp.PyArray_NDIM(given) if same else 0):
        same = same and cnp.PyArray_DIM(given, i) == cnp.PyArray_DIM(x, i + 1 if i else 0)
    if not same:
        expected = np.shape(x)[:1] + np.shape(x)[2:]
        raise ValueError(f"{what}: labels have shape {np.shape(given)}, expected {expected} for x {np.shape(x)}")
    if cnp.PyArray_TYPE(given) == cnp.NPY_INT64 and cnp.PyArray_ISCARRAY_RO(given):
        array = given
    else:
        kind = given.dtype.kind
        if kind not in "iu":
            raise TypeError(f"{what}: labels must be integers, got {given.dtype}")
        if kind == "u" and cnp.PyArray_SIZE(given) and given.max() > 2 ** 63 - 1:
            raise ValueError(f"{what}: label {given.max()} is out of range for {C} classes")
        array = contiguous(np.asarray(given, np.int64))
    bad = find_bad_label(<const int64_t *>cnp.PyArray_DATA(array), cnp.PyArray_SIZE(array), C, ignore)
    if bad >= 0:
        raise ValueError(f"{what}: label {array.flat[bad]} is out of range for {C} classes")
    return array


cdef const void *class_weight(object weight, cnp.ndarray x, str what, list keep) except? NULL:
    cdef cnp.ndarray array
    if weight is None:
        return NULL
    array = vector(weight, cnp.PyArray_DIM(x, 1), cnp.PyArray_TYPE(x), what, "weight")
    keep.append(array)
    return cnp.PyArray_DATA(array)


cdef double check_smoothing(double smoothing, str what) except -1:
    if not 0 <= smoothing <= 1:
        raise ValueError(f"{what}: label_smoothing must be between 0 and 1, got {smoothing}")
    return smoothing


cdef enum:
    EACH = 0
    SUM = 1
    MEAN = 2


cdef int reduction_of(object reduction, str what) except -1:
    if reduction == "mean":
        return MEAN
    if reduction == "sum":
        return SUM
    if reduction == "none":
        return EACH
    raise ValueError(f"{what}: reduction is 'mean', 'sum' or 'none', not {reduction!r}")


cdef inline double element(cnp.ndarray x, int64_t i) noexcept:
    """An element of a contiguous float array."""
    if cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32:
        return (<float *>cnp.PyArray_DATA(x))[i]
    return (<double *>cnp.PyArray_DATA(x))[i]


cdef inline void set_element(cnp.ndarray x, int64_t i, double value) noexcept:
    if cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32:
        (<float *>cnp.PyArray_DATA(x))[i] = <float>value
    else:
        (<double *>cnp.PyArray_DATA(x))[i] = value


def cross_entropy(x, labels, weight=None, int64_t ignore_index=-100, reduction="mean", double label_smoothing=0.0):
    """The loss (of every sample, their sum, or their mean weighted like the labels), and the log-probabilities that
    the gradient needs. x (N, C) or (N, C, ...)."""
    cdef int reduce = reduction_of(reduction, "cross_entropy")
    cdef cnp.ndarray a = channels_inner(x, "cross_entropy")
    cdef cnp.ndarray classes = check_labels(labels, a, ignore_index, "cross_entropy")
    cdef cnp.ndarray logp = empty_like(a)
    cdef cnp.ndarray loss = None, total
    cdef double few[64]
    cdef void *each = few
    cdef list keep = []
    cdef const void *w = class_weight(weight, a, "cross_entropy", keep)
    cdef cnp.npy_intp rows = cnp.PyArray_SIZE(classes), C = cnp.PyArray_DIM(a, 1)
    cdef int dtype = dtype_index(a)
    cdef double divisor
    check_smoothing(label_smoothing, "cross_entropy")
    if reduce == EACH or rows > 64:
        loss = empty(cnp.PyArray_NDIM(classes), cnp.PyArray_DIMS(classes), cnp.PyArray_TYPE(a))
        each = cnp.PyArray_DATA(loss)
    if C == 0:
        memset(each, 0, rows * cnp.PyArray_ITEMSIZE(a))
    if rows * C < RELEASE_GIL:
        cross_entropy_rows(dtype, cnp.PyArray_DATA(a), <const int64_t *>cnp.PyArray_DATA(classes), w, ignore_index,
                           label_smoothing, cnp.PyArray_DATA(logp), each, rows, C)
    else:
        with nogil:
            cross_entropy_rows(dtype, cnp.PyArray_DATA(a), <const int64_t *>cnp.PyArray_DATA(classes), w, ignore_index,
                               label_smoothing, cnp.PyArray_DATA(logp), each, rows, C)
    if reduce == EACH:
        return loss, logp
    total = empty(0, NULL, cnp.PyArray_TYPE(a))
    set_element(total, 0, 0)
    if rows:
        reduced_middle(REDUCE_SUM, a, each, 1, rows, 1, cnp.PyArray_DATA(total))
    if reduce == MEAN:
        divisor = labels_weight(dtype, <const int64_t *>cnp.PyArray_DATA(classes), rows, w, ignore_index)
        set_element(total, 0, element(total, 0) / divisor if divisor else NAN)
    return total, logp


def cross_entropy_grad(g, logp, labels, weight=None, int64_t ignore_index=-100, reduction="mean",
                       double label_smoothing=0.0):
    """The gradient of cross_entropy for x; g holds one value, or one per sample for reduction "none"."""
    cdef int reduce = reduction_of(reduction, "cross_entropy_grad")
    cdef cnp.ndarray a = channels_inner(logp, "cross_entropy_grad")
    cdef cnp.ndarray classes = check_labels(labels, a, ignore_index, "cross_entropy_grad")
    cdef cnp.ndarray grad = as_array(g, "cross_entropy_grad")
    cdef cnp.ndarray gx = empty_like(a)
    cdef list keep = []
    cdef const void *w = class_weight(weight, a, "cross_entropy_grad", keep)
    cdef cnp.npy_intp rows = cnp.PyArray_SIZE(classes), C = cnp.PyArray_DIM(a, 1)
    cdef int dtype = dtype_index(a)
    cdef double w_sum = C, divisor, share
    cdef float single_share
    cdef cnp.npy_intp i
    check_smoothing(label_smoothing, "cross_entropy_grad")
    if cnp.PyArray_TYPE(grad) != cnp.PyArray_TYPE(a):
        raise TypeError(f"cross_entropy_grad: logp is {a.dtype}, but g is {grad.dtype}")
    if reduce == EACH and not cnp.PyArray_SAMESHAPE(grad, classes):
        raise ValueError(f"cross_entropy_grad: g has shape {np.shape(grad)}, expected {np.shape(classes)}")
    if reduce != EACH and cnp.PyArray_NDIM(grad) != 0:
        raise ValueError(f"cross_entropy_grad: g has shape {np.shape(grad)}, expected one value for {reduction!r}")
    grad = contiguous(grad)
    cdef const void *first = cnp.PyArray_DATA(grad)
    if w != NULL:
        w_sum = 0
        for i in range(C):
            w_sum += element(keep[0], i)
    if reduce == MEAN:
        divisor = labels_weight(dtype, <const int64_t *>cnp.PyArray_DATA(classes), rows, w, ignore_index)
        share = element(grad, 0) / divisor if divisor else 0.0
        single_share = <float>share
        first = <const void *>&single_share if cnp.PyArray_TYPE(a) == cnp.NPY_FLOAT32 else <const void *>&share
    if rows * C < RELEASE_GIL:
        cross_entropy_grad_rows(dtype, first, reduce == EACH, cnp.PyArray_DATA(a),
                                <const int64_t *>cnp.PyArray_DATA(classes), w, w_sum, ignore_index, label_smoothing,
                                cnp.PyArray_DATA(gx), rows, C)
    else:
        with nogil:
            cross_entropy_grad_rows(dtype, first, reduce == EACH, cnp.PyArray_DATA(a),
                                    <const int64_t *>cnp.PyArray_DATA(classes), w, w_sum, ignore_index,
                                    label_smoothing, cnp.PyArray_DATA(gx), rows, C)
    return gx


def nll_loss(x, labels, weight=None, int64_t ignore_index=-100, reduction="mean"):
    """-weight[t] * x[n, t, ...] for the labels t = labels[n, ...]: each, their sum, or their weighted mean."""
    cdef int reduce = reduction_of(reduction, "nll_loss")
    cdef cnp.ndarray a = as_array(x, "nll_loss")
    if not is_float(a) or cnp.PyArray_NDIM(a) < 2:
        raise TypeError(f"nll_loss: expected floats (N, C, ...), got {a.dtype} of shape {np.shape(a)}")
    cdef cnp.ndarray classes = check_labels(labels, a, ignore_index, "nll_loss")
    cdef list keep = []
    cdef const void *w = class_weight(weight, a, "nll_loss", keep)
    cdef const int64_t *label = <const int64_t *>cnp.PyArray_DATA(classes)
    cdef int64_t N = cnp.PyArray_DIM(a, 0), C = cnp.PyArray_DIM(a, 1), i
    cdef int64_t n = cnp.PyArray_SIZE(classes), inner = n // N if N else 0
    cdef double total = 0, divisor = 0, each, share
    cdef cnp.ndarray out
    a = contiguous(a)
    if reduce == EACH:
        out = empty(cnp.PyArray_NDIM(classes), cnp.PyArray_DIMS(classes), cnp.PyArray_TYPE(a))
    else:
        out = empty(0, NULL, cnp.PyArray_TYPE(a))
    for i in range(n):
        each = share = 0
        if label[i] != ignore_index:
            share = element(keep[0], label[i]) if w != NULL else 1
            each = -share * element(a, (i // inner * C + label[i]) * inner + i % inner)
        if reduce == EACH:
            set_element(out, i, each)
        total += each
        divisor += share
    if reduce == SUM:
        set_element(out, 0, total)
    elif reduce == MEAN:
        set_element(out, 0, total / divisor if divisor else NAN)
    return out


def nll_loss_grad(g, labels, weight, shape, int64_t ignore_index=-100, reduction="mean"):
    """The gradient of nll_loss for an x of this shape."""
    cdef int reduce = reduction_of(reduction, "nll_loss_grad")
    cdef cnp.ndarray grad = contiguous(as_array(g, "nll_loss_grad"))
    if not is_float(grad) or len(shape) < 2:
        raise TypeError(f"nll_loss_grad: expected floats for an x (N, C, ...), got {grad.dtype} for {shape}")
    cdef cnp.ndarray gx = np.zeros(shape, grad.dtype)
    cdef cnp.ndarray classes = check_labels(labels, gx, ignore_index, "nll_loss_grad")
    cdef list keep = []
    cdef const void *w = class_weight(weight, gx, "nll_loss_grad", keep)
    cdef const int64_t *label = <const int64_t *>cnp.PyArray_DATA(classes)
    cdef int64_t N = cnp.PyArray_DIM(gx, 0), C = cnp.PyArray_DIM(gx, 1), i
    cdef int64_t n = cnp.PyArray_SIZE(classes), inner = n // N if N else 0
    cdef double divisor = 1
    if cnp.PyArray_SIZE(grad) != (n if reduce == EACH else 1):
        raise ValueError(f"nll_loss_grad: g has shape {np.shape(grad)} for reduction {reduction!r}")
    if reduce == MEAN:
        divisor = labels_weight(dtype_index(gx), label, n, w, ignore_index)
    for i in range(n):
        if label[i] != ignore_index:
            set_element(gx, (i // inner * C + label[i]) * inner + i % inner,
                        -element(grad, i if reduce == EACH else 0)
                        * (element(keep[0], label[i]) if w != NULL else 1) / divisor)
    return gx
