# Batch norm over axis 1, layer norm over the last axes, group norm over groups of channels.

cpdef enum:
    TALLIED = 1 << 19  # bytes; smaller results stay in L2 until somebody reads them


cdef extern from "norm.h" nogil:
    enum: NO_RELU, RELU, RELU6
    ctypedef struct norm_shape:
        int dtype
        int64_t N, C
    ctypedef struct norm_gradient:
        const void *g
        const void *x
        int64_t g_pitch
        const void *mean
        const void *scale
        const void *shift
        const void *a
        const void *b
        const void *c
        int relu
    ctypedef struct norm_tally:
        pass
    norm_tally *norm_tally_statistics(norm_shape s, const void *x)
    norm_tally *norm_tally_gradient(norm_shape s, const norm_gradient *n, const void *y, void *masked)
    void norm_tally_end(norm_tally *tally)
    int64_t norm_tally_left(const norm_tally *tally)
    void batch_norm_stats_ "batch_norm_stats"(norm_tally *tally, double *mean, double *var)
    void batch_norm_begin_ "batch_norm_begin"(norm_tally *tally, const void *w, const void *b, double eps, void *mean,
                                              void *rstd, void *scale, void *shift, double *var)
    int batch_norm_eval_ "batch_norm_eval"(norm_shape s, const void *x, const void *residual, const void *w,
                                           const void *b, const void *mean, const void *var, double eps, int relu,
                                           void *y)
    void batch_norm_apply_ "batch_norm_apply"(norm_shape s, const void *x, const void *residual, const void *mean,
                                              const void *scale, const void *shift, int relu, void *y,
                                              int64_t y_pitch)
    ctypedef struct norm_application:
        const void *mean
        const void *scale
        const void *shift
        int relu
    void batch_norm_grad_vectors(norm_shape s, norm_gradient *n, const void *w, const void *b, const void *rstd,
                                 void *factors)
    void batch_norm_grad_begin_ "batch_norm_grad_begin"(norm_tally *tally, norm_gradient *n, const void *w,
                                                        const void *rstd, void *gw, void *gb)
    void batch_norm_grad_apply_ "batch_norm_grad_apply"(norm_shape s, const norm_gradient *n, void *gx)
    bint batch_norm_reads_pitch(norm_shape s)
    void norm_move(int64_t C, int size, void *running, double momentum, int value_size, const void *value,
                   double factor)
    void layer_norm_ "layer_norm"(norm_shape s, const void *x, const void *w, const void *b, double eps, void *y,
                                  void *mean, void *rstd)
    int layer_norm_grad_ "layer_norm_grad"(norm_shape s, const void *g, const void *x, const void *w,
                                           const void *mean, const void *rstd, void *gx, void *gw, void *gb)
    ctypedef struct group_shape:
        int dtype, last
        int64_t N, C, P, G
    int group_norm_ "group_norm"(group_shape s, const void *x, const void *w, const void *b, double eps, void *y,
                                 void *mean, void *rstd)
    int group_norm_grad_ "group_norm_grad"(group_shape s, const void *g, const void *x, const void *w,
                                           const void *mean, const void *rstd, void *gx, void *gw, void *gb)

cdef cnp.ndarray norm_input(object x, norm_shape *shape, str what):
    """x (N, C, ...) as rows of channels: x itself where its memory is channels-last, or a copy."""
    cdef cnp.ndarray array = channels_inner(x, what)
    shape.dtype = dtype_index(array)
    shape.C = cnp.PyArray_DIM(array, 1)
    shape.N = cnp.PyArray_SIZE(array) // shape.C if shape.C else 0
    return array


cdef const void *channel_vector(object v, cnp.ndarray x, str what, str name, list keep) except? NULL:
    cdef cnp.ndarray array
    if v is None:
        return NULL
    array = vector(v, cnp.PyArray_DIM(x, 1), cnp.PyArray_TYPE(x), what, name)
    keep.append(array)
    return cnp.PyArray_DATA(array)


cdef const void *like(object y, cnp.ndarray x, str what, str name, list keep) except? NULL:
    """The data of y in x's shape, dtype and layout; NULL for None."""
    cdef cnp.ndarray array
    if y is None:
        return NULL
    array = in_layout_of(x, y, what, "x", name)
    keep.append(array)
    return cnp.PyArray_DATA(array)


cdef cnp.ndarray new_vector(cnp.npy_intp size, int dtype):
    return empty(1, &size, dtype)


cdef int update_running(object running, cnp.ndarray value, double factor, double momentum, str name) except -1:
    """running = (1 - momentum) * running + momentum * factor * value, in place; None stays."""
    cdef cnp.ndarray array
    cdef cnp.ndarray moved
    if running is None:
        return 0
    array = as_array(running, "batch_norm_train")
    if not cnp.PyArray_SAMESHAPE(array, value):
        raise ValueError(f"batch_norm_train: {name} has shape {shape_of(array)}, expected {shape_of(value)}")
    moved = array if is_float(array) and cnp.PyArray_ISCARRAY(array) else np.array(array, np.float64)
    norm_move(cnp.PyArray_DIM(value, 0), cnp.PyArray_ITEMSIZE(moved), cnp.PyArray_DATA(moved), momentum,
              cnp.PyArray_ITEMSIZE(value), cnp.PyArray_DATA(value), factor)
    if moved is not array:
        array[...] = moved
    return 0


cdef int enough_memory(int status, str what) except -1:
    if status < 0:
        raise MemoryError(f"{what}: out of memory")
    return 0


cdef cnp.ndarray rows_like(cnp.ndarray x, norm_shape shape, object y, str what, str name, int64_t *pitch):
    """y, where its rows of channels lie as x's do but at a pitch of their own, in elements; else a copy like x."""
    cdef int64_t sizes[MAX_AXES]
    cdef int64_t x_steps[MAX_AXES]
    cdef int64_t y_steps[MAX_AXES]
    cdef cnp.ndarray array = as_array(y, what)
    cdef int64_t channels = cnp.PyArray_DIM(x, 1)
    pitch[0] = channels
    if cnp.PyArray_TYPE(x) == cnp.PyArray_TYPE(array) and cnp.PyArray_SAMESHAPE(x, array) and is_behaved(array):
        if merged_axes(x, array, sizes, x_steps, y_steps) == 2 and sizes[1] == channels and y_steps[1] == 1:
            if y_steps[0] == channels or batch_norm_reads_pitch(shape):
                pitch[0] = y_steps[0]
                return array
    return in_layout_of(x, array, what, "x", name)


cdef class Tally:
    """The sums of a batch norm over an array, or of its gradient over g, made as a kernel writes that array.

    Given to one, as `tally`, and then to batch_norm_begin or batch_norm_grad_begin; the bits are as without. Kernels
    leave it alone where the array would stay in a cache anyway.
    """

    cdef norm_tally *sums
    cdef cnp.ndarray array  # what is summed up
    cdef tuple gradient  # of a gradient: x, w, b, mean, rstd, relu
    cdef list keep  # what is read beside the array
    cdef norm_gradient n

    def __init__(self, *gradient):
        self.gradient = gradient or None

    def __dealloc__(self):
        norm_tally_end(self.sums)

    cdef norm_tally *begin(self, cnp.ndarray array) except? NULL:
        """An array that is going to be written."""
        cdef norm_shape shape
        if cnp.PyArray_NBYTES(array) < <int64_t>TALLIED or self.sums != NULL or not are_channels_inner(array):
            return NULL
        if self.gradient is None:
            self.start(array)
        else:
            x, w, b, mean, rstd, relu = self.gradient
            if not same_layout(array, norm_input(x, &shape, "batch_norm_grad")):
                return NULL
            self.start_gradient(array, x, w, b, mean, rstd, None, None, relu)
        return self.sums

    cdef int start(self, cnp.ndarray array) except -1:
        cdef norm_shape shape
        self.array = norm_input(array, &shape, "batch_norm_train")
        self.sums = norm_tally_statistics(shape, cnp.PyArray_DATA(self.array))
        return enough_memory(-(self.sums == NULL), "batch_norm_train")

    cdef int start_gradient(self, g, x, w, b, mean, rstd, out, masked, int relu) except -1:
        cdef norm_shape shape
        cdef str what = "batch_norm_grad"
        cdef cnp.ndarray a = norm_input(x, &shape, what)
        cdef cnp.ndarray mean_vector = vector(as_array(mean, what), shape.C, cnp.PyArray_TYPE(a), what, "mean")
        cdef cnp.ndarray factors = new_vector(5 * shape.C, cnp.PyArray_TYPE(a))
        self.array = rows_like(a, shape, g, what, "g", &self.n.g_pitch)
        self.keep = [a, mean_vector, factors]
        cdef const void *y = like(out, a, what, "out", self.keep)
        cdef const void *weight = channel_vector(w, a, what, "w", self.keep)
        cdef const void *bias = channel_vector(b, a, what, "b", self.keep)
        cdef const void *r = channel_vector(as_array(rstd, what), a, what, "rstd", self.keep)
        self.n.g, self.n.x, self.n.relu = cnp.PyArray_DATA(self.array), cnp.PyArray_DATA(a), relu
        self.n.mean = cnp.PyArray_DATA(mean_vector)
        batch_norm_grad_vectors(shape, &self.n, weight, bias, r, cnp.PyArray_DATA(factors))
        cdef void *store = NULL if masked is None else cnp.PyArray_DATA(<cnp.ndarray>masked)
        self.sums = norm_tally_gradient(shape, &self.n, y, store)
        return enough_memory(-(self.sums == NULL), what)

    @property
    def left(self):
        """How many pieces of the array are still to be summed up; None before a kernel has begun."""
        return None if self.sums == NULL else norm_tally_left(self.sums)

    cdef bint is_of(self, array) noexcept:
        return self.sums != NULL and self.array is array


def batch_norm_stats(x):
    """Mean and biased variance of every channel, in float64, in one pass over x (N, C, ...)."""
    cdef Tally tally = Tally()
    tally.start(dense(x, "batch_norm_stats"))
    cdef int64_t channels = cnp.PyArray_DIM(tally.array, 1)
    cdef cnp.ndarray mean = new_vector(channels, cnp.NPY_FLOAT64)
    cdef cnp.ndarray var = new_vector(channels, cnp.NPY_FLOAT64)
    with nogil:
        batch_norm_stats_(tally.sums, <double *>cnp.PyArray_DATA(mean), <double *>cnp.PyArray_DATA(var))
    return mean, var


cdef int check_relu(str what, int relu, residual) except -1:
    if relu not in (NO_RELU, RELU, RELU6) or (relu == RELU6 and residual is not None):
        raise ValueError(f"{what}: relu is 0, 1 for ReLU or, without a residual, 6 for ReLU6, not {relu}")
    return 0


def batch_norm_apply(x, mean, scale, shift, residual=None, int relu=0):
    """relu((x - mean) * scale + shift + residual) per channel, in one pass; residual, ReLU (1), ReLU6 (6) if given."""
    check_relu("batch_norm_apply", relu, residual)
    cdef cnp.ndarray y = empty_like(channels_inner(x, "batch_norm_apply"))
    apply_into(y, cnp.PyArray_DIM(y, 1), (x, mean, scale, shift, residual, relu))
    return y


cdef int apply_into(cnp.ndarray y, int64_t pitch, tuple arguments) except -1:
    """batch_norm_apply(*arguments), where y's rows of channels lie at a pitch."""
    x, mean, scale, shift, residual, relu = arguments
    cdef int activation = relu
    cdef norm_shape shape
    cdef cnp.ndarray a = norm_input(x, &shape, "batch_norm_apply")
    cdef list keep = []
    cdef const void *m = channel_vector(as_array(mean, "batch_norm_apply"), a, "batch_norm_apply", "mean", keep)
    cdef const void *factor = channel_vector(as_array(scale, "batch_norm_apply"), a, "batch_norm_apply", "scale", keep)
    cdef const void *offset = channel_vector(as_array(shift, "batch_norm_apply"), a, "batch_norm_apply", "shift", keep)
    cdef const void *added = like(residual, a, "batch_norm_apply", "residual", keep)
    with nogil:
        batch_norm_apply_(shape, cnp.PyArray_DATA(a), added, m, factor, offset, activation, cnp.PyArray_DATA(y), pitch)
    return 0


def batch_norm_begin(x, w, b, double eps=1e-5, running_mean=None, running_var=None, double momentum=0.1,
                     Tally tally=None):
    """Each channel's statistics: (x in channels-last memory, mean, scale, shift), for batch_norm_apply, and rstd.

    running_mean and running_var, where given, move towards the batch's in place (the variance unbiased)."""
    cdef norm_shape shape
    cdef cnp.ndarray a = norm_input(x, &shape, "batch_norm_train")
    cdef int dtype = cnp.PyArray_TYPE(a)
    cdef cnp.ndarray mean = new_vector(shape.C, dtype)
    cdef cnp.ndarray rstd = new_vector(shape.C, dtype)
    cdef cnp.ndarray scale = new_vector(shape.C, dtype)
    cdef cnp.ndarray shift = new_vector(shape.C, dtype)
    cdef cnp.ndarray var = new_vector(shape.C, cnp.NPY_FLOAT64)
    cdef list keep = []
    cdef const void *weight = channel_vector(w, a, "batch_norm_train", "w", keep)
    cdef const void *bias = channel_vector(b, a, "batch_norm_train", "b", keep)
    if tally is None or not tally.is_of(a):
        tally = Tally()
        tally.start(a)
    with nogil:
        batch_norm_begin_(tally.sums, weight, bias, eps, cnp.PyArray_DATA(mean), cnp.PyArray_DATA(rstd),
                          cnp.PyArray_DATA(scale), cnp.PyArray_DATA(shift), <double *>cnp.PyArray_DATA(var))
    update_running(running_mean, mean, 1, momentum, "running_mean")
    update_running(running_var, var, shape.N / (shape.N - 1.0) if shape.N > 1 else 1, momentum, "running_var")
    return (a, mean, scale, shift), rstd


def batch_norm_train(x, w, b, double eps=1e-5, running_mean=None, running_var=None, double momentum=0.1,
                     residual=None, int relu=0):
    """Normalises every channel by its own mean and variance: (y, mean, rstd). w, b may be None.

    y = relu((x - mean) * rstd * w + b + residual), with a residual and ReLU (1) or ReLU6 (6) where asked for.
    running_mean and running_var as for batch_norm_begin."""
    check_relu("batch_norm_train", relu, residual)
    (a, mean, scale, shift), rstd = batch_norm_begin(x, w, b, eps, running_mean, running_var, momentum)
    return batch_norm_apply(a, mean, scale, shift, residual, relu), mean, rstd


def batch_norm_eval(x, w, b, mean, var, double eps=1e-5, residual=None, int relu=0):
    """relu((x - mean) / sqrt(var + eps) * w + b + residual) per channel; residual, ReLU (1), ReLU6 (6) if given."""
    check_relu("batch_norm_eval", relu, residual)
    cdef norm_shape shape
    cdef cnp.ndarray a = norm_input(x, &shape, "batch_norm_eval")
    cdef cnp.ndarray y = empty_like(a)
    cdef list keep = []
    cdef const void *weight = channel_vector(w, a, "batch_norm_eval", "w", keep)
    cdef const void *bias = channel_vector(b, a, "batch_norm_eval", "b", keep)
    cdef const void *m = channel_vector(as_array(mean, "batch_norm_eval"), a, "batch_norm_eval", "mean", keep)
    cdef const void *v = channel_vector(as_array(var, "batch_norm_eval"), a, "batch_norm_eval", "var", keep)
    cdef const void *added = like(residual, a, "batch_norm_eval", "residual", keep)
    cdef int status
    with nogil:
        status = batch_norm_eval_(shape, cnp.PyArray_DATA(a), added, weight, bias, m, v, eps, relu,
                                  cnp.PyArray_DATA(y))
    enough_memory(status, "batch_norm_eval")
    return y


def batch_norm_eval_grad(g, x, mean, var, double eps=1e-5):
    """The gradients of batch_norm_eval for w and b, in one pass; its gradient for x needs no x."""
    rstd = (as_array(var, "batch_norm_eval_grad") + eps) ** -0.5
    return batch_norm_grad_begin(g, x, None, mean, rstd)[1:3]


def batch_norm_grad_begin(g, x, w, mean, rstd, b=None, out=None, int relu=0, Tally tally=None):
    """As batch_norm_grad, but in place of gx what batch_norm_grad_apply computes it from."""
    check_relu("batch_norm_grad", relu, out)
    cdef str what = "batch_norm_grad"
    gr = None
    if tally is None or not tally.is_of(g):
        tally = Tally()
        if relu and out is not None:
            gr = empty_like(channels_inner(x, what))
        tally.start_gradient(g, x, w, b, mean, rstd, out if relu else None, gr, relu)
    cdef cnp.ndarray a = tally.keep[0]
    cdef cnp.ndarray gw = new_vector(cnp.PyArray_DIM(a, 1), cnp.PyArray_TYPE(a))
    cdef cnp.ndarray gb = new_vector(cnp.PyArray_DIM(a, 1), cnp.PyArray_TYPE(a))
    cdef list keep = []
    cdef const void *weight = channel_vector(w, a, what, "w", keep)
    cdef const void *r = channel_vector(as_array(rstd, what), a, what, "rstd", keep)
    with nogil:
        batch_norm_grad_begin_(tally.sums, &tally.n, weight, r, cnp.PyArray_DATA(gw), cnp.PyArray_DATA(gb))
    if not relu:
        gr = tally.array
    source = tally.array if gr is None else gr
    return (a, source, tally.n.g_pitch, tally.keep[1], tally.keep[2], tally.n.relu), gw, gb, gr


cdef int set_gradient(norm_gradient *n, tuple arguments) except -1:
    """What batch_norm_grad_apply computes with, called with these arguments."""
    cdef cnp.ndarray x = arguments[0], g = arguments[1], mean = arguments[3], factors = arguments[4]
    cdef int64_t step = cnp.PyArray_DIM(x, 1) * cnp.PyArray_ITEMSIZE(x)
    cdef const char *vectors = <const char *>cnp.PyArray_DATA(factors)
    n.x, n.g, n.g_pitch, n.mean = cnp.PyArray_DATA(x), cnp.PyArray_DATA(g), arguments[2], cnp.PyArray_DATA(mean)
    n.scale, n.shift = vectors, vectors + step
    n.a, n.b, n.c = vectors + 2 * step, vectors + 3 * step, vectors + 4 * step
    n.relu = arguments[5]
    return 0


def batch_norm_grad_apply(*arguments):
    """gx from what batch_norm_grad_begin returned."""
    cdef norm_shape shape
    cdef norm_gradient n
    cdef cnp.ndarray x = norm_input(arguments[0], &shape, "batch_norm_grad")
    cdef cnp.ndarray gx = empty_like(x)
    set_gradient(&n, arguments)
    with nogil:
        batch_norm_grad_apply_(shape, &n, cnp.PyArray_DATA(gx))
    return gx


def batch_norm_grad(g, x, w, mean, rstd, b=None, out=None, int relu=0):
    """The gradients of batch_norm_train for x, w, b and the residual: (gx, gw, gb, gr).

    relu: g passes where ReLU did. With `out`, its result, the mask is out > 0, and gr the masked g; without, it is
    found from x, w and b, which is faster but tells nothing of a residual: gr is None. No relu: gr is g."""
    arguments, gw, gb, gr = batch_norm_grad_begin(g, x, w, mean, rstd, b, out, relu)
    return batch_norm_grad_apply(*arguments), gw, gb, gr


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
    enough_memory(status, "layer_norm_grad")
    return gx, gw, gb


cdef cnp.ndarray group_input(object x, int64_t groups, group_shape *shape, str what):
    """x (N, C, ...) as it lies, if its channels come first or last in memory, or a copy with channels first."""
    cdef cnp.ndarray array = dense(x, what)
    cdef int order[MAX_AXES]
    cdef int ndim = cnp.PyArray_NDIM(array)
    if ndim < 2:
        raise ValueError(f"{what}: expected an array (N, C, ...), got shape {np.shape(array)}")
    shape.N = cnp.PyArray_DIM(array, 0)
    shape.C = cnp.PyArray_DIM(array, 1)
    shape.G = groups
    if groups < 1 or shape.C % groups:
        raise ValueError(f"{what}: {groups} groups do not divide {shape.C} channels")
    shape.P = cnp.PyArray_SIZE(array) // (shape.N * shape.C) if shape.N * shape.C else 0
    channels_inner_order(ndim, order)
    shape.last = follows(array, order)
    if not shape.last:
        array = contiguous(array)
    shape.dtype = dtype_index(array)
    return array


def group_norm(x, int64_t groups, w, b, double eps=1e-5):
    """Normalises every group of channels of every image by its own mean and variance: (y, mean, rstd)."""
    cdef group_shape shape
    cdef cnp.ndarray a = group_input(x, groups, &shape, "group_norm")
    cdef cnp.ndarray y = empty_like(a)
    cdef cnp.npy_intp *sizes = [shape.N, shape.G]
    cdef cnp.ndarray mean = empty(2, sizes, cnp.PyArray_TYPE(a))
    cdef cnp.ndarray rstd = empty(2, sizes, cnp.PyArray_TYPE(a))
    cdef list keep = []
    cdef const void *weight = channel_vector(w, a, "group_norm", "w", keep)
    cdef const void *bias = channel_vector(b, a, "group_norm", "b", keep)
    cdef int status
    with nogil:
        status = group_norm_(shape, cnp.PyArray_DATA(a), weight, bias, eps, cnp.PyArray_DATA(y),
                             cnp.PyArray_DATA(mean), cnp.PyArray_DATA(rstd))
    enough_memory(status, "group_norm")
    return y, mean, rstd


def group_norm_grad(g, x, int64_t groups, w, mean, rstd):
    """The gradients of group_norm for x, w and b: (gx, gw, gb)."""
    cdef group_shape shape
    cdef cnp.ndarray a = group_input(x, groups, &shape, "group_norm_grad")
    cdef cnp.ndarray grad = in_layout_of(a, g, "group_norm_grad", "x", "g")
    cdef cnp.ndarray gx = empty_like(a)
    cdef cnp.ndarray gw = new_vector(shape.C, cnp.PyArray_TYPE(a))
    cdef cnp.ndarray gb = new_vector(shape.C, cnp.PyArray_TYPE(a))
    cdef list keep = []
    cdef int64_t count = shape.N * shape.G
    cdef const void *weight = channel_vector(w, a, "group_norm_grad", "w", keep)
    cdef const void *m = feature_vector(as_array(mean, "group_norm_grad"), a, count, "group_norm_grad", "mean", keep)
    cdef const void *r = feature_vector(as_array(rstd, "group_norm_grad"), a, count, "group_norm_grad", "rstd", keep)
    cdef int status
    with nogil:
        status = group_norm_grad_(shape, cnp.PyArray_DATA(grad), cnp.PyArray_DATA(a), weight, m, r,
                                  cnp.PyArray_DATA(gx), cnp.PyArray_DATA(gw), cnp.PyArray_DATA(gb))
    enough_memory(status, "group_norm_grad")
    return gx, gw, gb
