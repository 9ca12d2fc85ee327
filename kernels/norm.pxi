# Batch norm over axis 1, layer norm over the last axes.

cdef extern from "norm.h" nogil:
    ctypedef struct norm_shape:
        int dtype
        int64_t N, C, inner
    int batch_norm_train_ "batch_norm_train"(norm_shape s, const void *x, const void *w, const void *b, double eps,
                                             void *y, void *mean, void *rstd, double *var)
    int batch_norm_eval_ "batch_norm_eval"(norm_shape s, const void *x, const void *w, const void *b,
                                           const void *mean, const void *var, double eps, void *y)
    int batch_norm_grad_ "batch_norm_grad"(norm_shape s, const void *g, const void *x, const void *w,
                                           const void *mean, const void *rstd, void *gx, void *gw, void *gb)
    void layer_norm_ "layer_norm"(norm_shape s, const void *x, const void *w, const void *b, double eps, void *y,
                                  void *mean, void *rstd)
    int layer_norm_grad_ "layer_norm_grad"(norm_shape s, const void *g, const void *x, const void *w,
                                           const void *mean, const void *rstd, void *gx, void *gw, void *gb)

cdef cnp.ndarray norm_input(object x, norm_shape *shape, str what):
    """x (N, C, ...) as an array that the norm drivers take: channels innermost, or C-contiguous; else a copy."""
    cdef cnp.ndarray array = as_array(x, what)
    cdef int i
    if cnp.PyArray_NDIM(array) < 2:
        raise ValueError(f"{what}: x must be (N, C, ...), got shape {np.shape(array)}")
    shape.inner = 1
    shape.N = cnp.PyArray_DIM(array, 0)
    shape.C = cnp.PyArray_DIM(array, 1)
    for i in range(2, cnp.PyArray_NDIM(array)):
        shape.inner *= cnp.PyArray_DIM(array, i)
    if not is_float(array) or not cnp.PyArray_ISCARRAY_RO(array) or shape.inner == 1 or shape.C == 1:
        array = channels_inner(array, what)
        shape.N *= shape.inner
        shape.inner = 1
    shape.dtype = dtype_index(array)
    return array


cdef const void *channel_vector(object v, cnp.ndarray x, str what, str name, list keep) except? NULL:
    cdef cnp.ndarray array
    if v is None:
        return NULL
    array = vector(v, cnp.PyArray_DIM(x, 1), cnp.PyArray_TYPE(x), what, name)
    keep.append(array)
    return cnp.PyArray_DATA(array)


cdef cnp.ndarray new_vector(cnp.npy_intp size, int dtype):
    return empty(1, &size, dtype)


cdef int update_running(object running, object value, double momentum, str what, str name) except -1:
    cdef cnp.ndarray array
    if running is None:
        return 0
    array = as_array(running, what)
    if np.shape(array) != np.shape(value):
        raise ValueError(f"{what}: {name} has shape {np.shape(array)}, expected {np.shape(value)}")
    array *= 1 - momentum
    array += (momentum * value).astype(array.dtype)
    return 0


def batch_norm_train(x, w, b, double eps=1e-5, running_mean=None, running_var=None, double momentum=0.1):
    """Normalises every channel by its own mean and variance: (y, mean, rstd). w, b may be None.

    running_mean and running_var, where given, move towards the batch's in place (the variance unbiased)."""
    cdef norm_shape shape
    cdef cnp.ndarray a = norm_input(x, &shape, "batch_norm_train")
    cdef cnp.ndarray y = empty_like(a)
    cdef cnp.ndarray mean = new_vector(shape.C, cnp.PyArray_TYPE(a))
    cdef cnp.ndarray rstd = new_vector(shape.C, cnp.PyArray_TYPE(a))
    cdef cnp.ndarray var = new_vector(shape.C, cnp.NPY_FLOAT64)
    cdef list keep = []
    cdef const void *weight = channel_vector(w, a, "batch_norm_train", "w", keep)
    cdef const void *bias = channel_vector(b, a, "batch_norm_train", "b", keep)
    cdef int status
    with nogil:
        status = batch_norm_train_(shape, cnp.PyArray_DATA(a), weight, bias, eps, cnp.PyArray_DATA(y),
                                   cnp.PyArray_DATA(mean), cnp.PyArray_DATA(rstd), <double *>cnp.PyArray_DATA(var))
    if status < 0:
        raise MemoryError("batch_norm_train: out of memory")
    cdef int64_t count = shape.N * shape.inner
    if running_mean is not None or running_var is not None:
        update_running(running_mean, mean, momentum, "batch_norm_train", "running_mean")
        unbiased = var * (count / (count - 1.0)) if count > 1 else var
        update_running(running_var, unbiased, momentum, "batch_norm_train", "running_var")
    return y, mean, rstd


def batch_norm_eval(x, w, b, mean, var, double eps=1e-5):
    """(x - mean) / sqrt(var + eps) * w + b per channel."""
    cdef norm_shape shape
    cdef cnp.ndarray a = norm_input(x, &shape, "batch_norm_eval")
    cdef cnp.ndarray y = empty_like(a)
    cdef list keep = []
    cdef const void *weight = channel_vector(w, a, "batch_norm_eval", "w", keep)
    cdef const void *bias = channel_vector(b, a, "batch_norm_eval", "b", keep)
    cdef const void *m = channel_vector(as_array(mean, "batch_norm_eval"), a, "batch_norm_eval", "mean", keep)
    cdef const void *v = channel_vector(as_array(var, "batch_norm_eval"), a, "batch_norm_eval", "var", keep)
    cdef int status
    with nogil:
        status = batch_norm_eval_(shape, cnp.PyArray_DATA(a), weight, bias, m, v, eps, cnp.PyArray_DATA(y))
    if status < 0:
        raise MemoryError("batch_norm_eval: out of memory")
    return y


def batch_norm_grad(g, x, w, mean, rstd):
    """The gradients of batch_norm_train for x, w and b: (gx, gw, gb)."""
    cdef norm_shape shape
    cdef cnp.ndarray a = norm_input(x, &shape, "batch_norm_grad")
    cdef cnp.ndarray grad = in_layout_of(a, g, "batch_norm_grad", "x", "g")
    cdef cnp.ndarray gx = empty_like(a)
    cdef cnp.ndarray gw = new_vector(shape.C, cnp.PyArray_TYPE(a))
    cdef cnp.ndarray gb = new_vector(shape.C, cnp.PyArray_TYPE(a))
    cdef list keep = []
    cdef const void *weight = channel_vector(w, a, "batch_norm_grad", "w", keep)
    cdef const void *m = channel_vector(as_array(mean, "batch_norm_grad"), a, "batch_norm_grad", "mean", keep)
    cdef const void *r = channel_vector(as_array(rstd, "batch_norm_grad"), a, "batch_norm_grad", "rstd", keep)
    cdef int status
    with nogil:
        status = batch_norm_grad_(shape, cnp.PyArray_DATA(grad), cnp.PyArray_DATA(a), weight, m, r,
                                  cnp.PyArray_DATA(gx), cnp.PyArray_DATA(gw), cnp.PyArray_DATA(gb))
    if status < 0:
        raise MemoryError("batch_norm_grad: out of memory")
    return gx, gw, gb


cdef int layer_shape(cnp.ndarray x, int64_t size, norm_shape *shape, str what) except -1:
    """Splits x's axes into N rows of `size` features; returns how many leading axes there are."""
    cdef int leading = cnp.PyArray_NDIM(x)
    cdef int64_t features = 1
    cdef int i
    if size < 1:
        raise ValueError(f"{what}: normalized_size must be at least 1, got {size}")
    while leading > 0 and features < size:
        leading -= 1
        features *= cnp.PyArray_DIM(x, leading)
        if features == 0:
            break
    if features != size:
        raise ValueError(f"{what}: the last axes of x {np.shape(x)} do not hold {size} features")
    shape.dtype = dtype_index(x)
    shape.C = size
    shape.N = 1
    shape.inner = 1
    for i in range(leading):
        shape.N *= cnp.PyArray_DIM(x, i)
    return leading


cdef const void *feature_vector(object v, cnp.ndarray x, int64_t size, str what, str name, list keep) except? NULL:
    cdef cnp.ndarray array
    if v is None:
        return NULL
    array = as_array(v, what)
    if cnp.PyArray_NDIM(array) != 1:
        array = np.ravel(array)
    array = vector(array, size, cnp.PyArray_TYPE(x), what, name)
    keep.append(array)
    return cnp.PyArray_DATA(array)


def layer_norm(x, int64_t normalized_size, w, b, double eps=1e-5):
    """Normalises the last axes, `normalized_size` features in all, of every row: (y, mean, rstd)."""
    cdef norm_shape shape
    cdef cnp.ndarray a = contiguous(dense(x, "layer_norm"))
    cdef int leading = layer_shape(a, normalized_size, &shape, "layer_norm")
    cdef cnp.ndarray y = empty_like(a)
    cdef cnp.ndarray mean = empty(leading, cnp.PyArray_DIMS(a), cnp.PyArray_TYPE(a))
    cdef cnp.ndarray rstd = empty(leading, cnp.PyArray_DIMS(a), cnp.PyArray_TYPE(a))
    cdef list keep = []
    cdef const void *weight = feature_vector(w, a, normalized_size, "layer_norm", "w", keep)
    cdef const void *bias = feature_vector(b, a, normalized_size, "layer_norm", "b", keep)
    with nogil:
        layer_norm_(shape, cnp.PyArray_DATA(a), weight, bias, eps, cnp.PyArray_DATA(y), cnp.PyArray_DATA(mean),
                    cnp.PyArray_DATA(rstd))
    return y, mean, rstd


def layer_norm_grad(g, x, int64_t normalized_size, w, mean, rstd):
    """The gradients of layer_norm for x, w and b: (gx, gw, gb); gw and gb are flat."""
    cdef norm_shape shape
    cdef cnp.ndarray a = contiguous(dense(x, "layer_norm_grad"))
    cdef int leading = layer_shape(a, normalized_size, &shape, "layer_norm_grad")
    cdef cnp.ndarray grad = in_layout_of(a, g, "layer_norm_grad", "x", "g")
    cdef cnp.ndarray gx = empty_like(a)
    cdef cnp.ndarray gw = new_vector(shape.C, cnp.PyArray_TYPE(a))
    cdef cnp.ndarray gb = new_vector(shape.C, cnp.PyArray_TYPE(a))
    cdef list keep = []
    cdef const void *weight = feature_vector(w, a, normalized_size, "layer_norm_grad", "w", keep)
    cdef const void *m = feature_vector(as_array(mean, "layer_norm_grad"), a, shape.N, "layer_norm_grad", "mean", keep)
    cdef const void *r = feature_vector(as_array(rstd, "layer_norm_grad"), a, shape.N, "layer_norm_grad", "rstd", keep)
    cdef int status
    with nogil:
        status = layer_norm_grad_(shape, cnp.PyArray_DATA(grad), cnp.PyArray_DATA(a), weight, m, r,
                                  cnp.PyArray_DATA(gx), cnp.PyArray_DATA(gw), cnp.PyArray_DATA(gb))
    if status < 0:
        raise MemoryError("layer_norm_grad: out of memory")
    return gx, gw, gb
