# Along an axis: running sums and products, gated halves, order.

cdef extern from "along.h" nogil:
    void along_running(int dtype, int product, const void *x, void *out, int64_t outer, int64_t count, int64_t inner,
                       int reverse)
    void along_glu(int dtype, const void *x, void *out, int64_t rows, int64_t half)
    void along_glu_grad(int dtype, const void *g, const void *x, void *gx, int64_t rows, int64_t half)
    void along_take(int size, const void *x, const int64_t *ids, void *out, int64_t outer, int64_t count,
                    int64_t picks, int64_t inner)
    void along_add(int dtype, void *out, const int64_t *ids, const void *y, int64_t outer, int64_t count,
                   int64_t picks, int64_t inner)
    void along_resample(int dtype, const void *x, const int64_t *places, const void *w, void *out, int64_t outer,
                        int64_t count, int64_t P, int64_t runs, int64_t taps, int64_t inner)
    void along_resample_grad(int dtype, const void *g, const int64_t *places, const void *w, void *gx, int64_t outer,
                             int64_t count, int64_t P, int64_t runs, int64_t taps, int64_t inner)
    int along_order(int dtype, const void *x, int64_t rows, int64_t count, int descending, int64_t first, int64_t *out)


cdef void around(cnp.ndarray x, int axis, int64_t *outer, int64_t *inner) noexcept:
    """How many elements of the dense x lie outside and inside of an axis in memory, beside its own size."""
    cdef int order[MAX_AXES]
    cdef int i
    cdef bint inside = False
    outer[0] = inner[0] = 1
    memory_order(x, order)
    for i in range(cnp.PyArray_NDIM(x)):
        if order[i] == axis:
            inside = True
        elif inside:
            inner[0] *= cnp.PyArray_DIM(x, order[i])
        else:
            outer[0] *= cnp.PyArray_DIM(x, order[i])


cdef cnp.ndarray running(object x, object axis, bint product, bint reverse, str what):
    cdef cnp.ndarray a = dense(x, what)
    cdef cnp.ndarray out = empty_like(a)
    cdef int index, dtype = dtype_index(a)
    cdef int64_t outer = 1, inner = 1, count = 1
    if cnp.PyArray_NDIM(a):
        index = axis_of(axis, cnp.PyArray_NDIM(a), what)
        around(a, index, &outer, &inner)
        count = cnp.PyArray_DIM(a, index)
    with nogil:
        along_running(dtype, product, cnp.PyArray_DATA(a), cnp.PyArray_DATA(out), outer, count, inner, reverse)
    return out


def cumsum(x, axis, bint reverse=False):
    """x[0] + ... + x[i] along an axis; reverse: x[i] + ... + the last."""
    return running(x, axis, False, reverse, "cumsum")


def cumprod(x, axis, bint reverse=False):
    """x[0] * ... * x[i] along an axis; reverse: x[i] * ... * the last."""
    return running(x, axis, True, reverse, "cumprod")


cdef cnp.ndarray sized(cnp.ndarray x, int axis, int64_t size):
    """A new array of x's dtype and memory order, with another size along an axis."""
    cdef int order[MAX_AXES]
    cdef cnp.npy_intp shape[MAX_AXES]
    cdef int i
    for i in range(cnp.PyArray_NDIM(x)):
        shape[i] = size if i == axis else cnp.PyArray_DIM(x, i)
    memory_order(x, order)
    return empty_ordered(cnp.PyArray_NDIM(x), shape, order, cnp.PyArray_TYPE(x))


cdef int halved(cnp.ndarray x, object axis, str what) except -1:
    cdef int index = axis_of(axis, cnp.PyArray_NDIM(x), what)
    if cnp.PyArray_DIM(x, index) % 2:
        raise ValueError(f"{what}: axis {axis} of x {np.shape(x)} has no even size")
    return index


def glu(x, axis=-1):
    """a * sigmoid(b) for the halves a and b of x along an axis."""
    cdef cnp.ndarray a = dense(x, "glu")
    cdef int index = halved(a, axis, "glu"), dtype = dtype_index(a)
    cdef int64_t outer, inner, half = cnp.PyArray_DIM(a, index) // 2
    cdef cnp.ndarray out = sized(a, index, half)
    around(a, index, &outer, &inner)
    with nogil:
        along_glu(dtype, cnp.PyArray_DATA(a), cnp.PyArray_DATA(out), outer, half * inner)
    return out


def glu_grad(g, x, axis=-1):
    """The gradient of glu."""
    cdef cnp.ndarray a = dense(x, "glu_grad")
    cdef int index = halved(a, axis, "glu_grad"), dtype = dtype_index(a)
    cdef int64_t outer, inner, half = cnp.PyArray_DIM(a, index) // 2
    cdef cnp.ndarray grad = sized(a, index, half)
    cdef cnp.ndarray given = as_array(g, "glu_grad")
    cdef cnp.ndarray gx = empty_like(a)
    if same_layout(grad, given):
        grad = given
    elif cnp.PyArray_TYPE(grad) == cnp.PyArray_TYPE(given) and cnp.PyArray_SAMESHAPE(grad, given):
        copy_into(grad, given)
    else:
        raise ValueError(f"glu_grad: g is {given.dtype} {np.shape(given)}, expected {a.dtype} {np.shape(grad)}")
    around(a, index, &outer, &inner)
    with nogil:
        along_glu_grad(dtype, cnp.PyArray_DATA(grad), cnp.PyArray_DATA(a), cnp.PyArray_DATA(gx), outer, half * inner)
    return gx


def argsort(x, axis=-1, bint descending=False, first=None):
    """The places of the `first` smallest (largest) elements along an axis, by default of all, in order."""
    cdef cnp.ndarray a = as_array(x, "argsort")
    cdef cnp.ndarray out
    cdef int index = axis_of(axis, cnp.PyArray_NDIM(a), "argsort"), dtype, status, i, n = 0
    cdef int order[MAX_AXES]
    cdef cnp.npy_intp shape[MAX_AXES]
    cdef int64_t count = cnp.PyArray_DIM(a, index), rows, wanted = count
    if first is not None:
        wanted = integer("argsort", "first", first, 0)
    if wanted > count or count > 0x7fffffff:
        raise ValueError(f"argsort: {wanted} of {count} places along axis {index} of {np.shape(a)}")
    a = axis_inner(a, index, "argsort")
    dtype = dtype_index(a)
    for i in range(cnp.PyArray_NDIM(a)):
        shape[i] = wanted if i == index else cnp.PyArray_DIM(a, i)
    memory_order(a, order)
    for i in range(cnp.PyArray_NDIM(a)):  # the axis innermost, also where it has one element
        if order[i] != index:
            order[n] = order[i]
            n += 1
    order[n] = index
    out = empty_ordered(cnp.PyArray_NDIM(a), shape, order, cnp.NPY_INT64)
    rows = cnp.PyArray_SIZE(a) // count if count else 0
    with nogil:
        status = along_order(dtype, cnp.PyArray_DATA(a), rows, count, descending, wanted,
                             <int64_t *>cnp.PyArray_DATA(out))
    if status < 0:
        raise MemoryError("argsort: out of memory")
    return out


cdef void beside(cnp.ndarray x, int axis, int64_t *outer, int64_t *inner) noexcept:
    """How many elements the axes before and after this one have."""
    cdef int i
    outer[0] = inner[0] = 1
    for i in range(cnp.PyArray_NDIM(x)):
        if i < axis:
            outer[0] *= cnp.PyArray_DIM(x, i)
        elif i > axis:
            inner[0] *= cnp.PyArray_DIM(x, i)


cdef cnp.ndarray picked_places(cnp.ndarray x, object index, int axis):
    """The places as contiguous int64 if they fit x beside the axis and lie inside of it, else None."""
    cdef cnp.ndarray given = as_array(index, "take_along")
    cdef cnp.ndarray ids
    cdef const int64_t *place
    cdef int64_t i, count = cnp.PyArray_DIM(x, axis)
    cdef bint negative = False
    if cnp.PyArray_NDIM(given) != cnp.PyArray_NDIM(x) or given.dtype.kind not in "iu":
        return None
    for i in range(cnp.PyArray_NDIM(x)):
        if i != axis and cnp.PyArray_DIM(given, i) != cnp.PyArray_DIM(x, i):
            return None
    ids = contiguous(np.asarray(given, np.int64))
    place = <const int64_t *>cnp.PyArray_DATA(ids)
    for i in range(cnp.PyArray_SIZE(ids)):
        if place[i] < -count or place[i] >= count:
            return None
        negative = negative or place[i] < 0
    return np.where(ids < 0, ids + count, ids) if negative else ids


def take_along(x, index, axis):
    """x[.., index[..], ..] along an axis; None for what NumPy has to do or to refuse."""
    cdef cnp.ndarray a = as_array(x, "take_along")
    cdef cnp.ndarray ids, out
    cdef int at = axis_of(axis, cnp.PyArray_NDIM(a), "take_along"), size = cnp.PyArray_ITEMSIZE(a)
    cdef int64_t outer, inner, count = cnp.PyArray_DIM(a, at)
    if not cnp.PyArray_ISCARRAY_RO(a) or cnp.PyArray_TYPE(a) not in (cnp.NPY_FLOAT32, cnp.NPY_FLOAT64, cnp.NPY_INT64):
        return None
    ids = picked_places(a, index, at)
    if ids is None:
        return None
    beside(a, at, &outer, &inner)
    out = empty(cnp.PyArray_NDIM(ids), cnp.PyArray_DIMS(ids), cnp.PyArray_TYPE(a))
    with nogil:
        along_take(size, cnp.PyArray_DATA(a), <const int64_t *>cnp.PyArray_DATA(ids), cnp.PyArray_DATA(out), outer,
                   count, cnp.PyArray_DIM(ids, at), inner)
    return out


def add_along(x, index, y, axis):
    """A copy of x to whose x[.., index[..], ..] y is added, in order; None for what NumPy has to do or to refuse."""
    cdef cnp.ndarray a = as_array(x, "add_along")
    cdef cnp.ndarray b = as_array(y, "add_along")
    cdef cnp.ndarray ids, out
    cdef int at = axis_of(axis, cnp.PyArray_NDIM(a), "add_along"), dtype
    cdef int64_t outer, inner
    if not is_float(a) or cnp.PyArray_TYPE(a) != cnp.PyArray_TYPE(b):
        return None
    ids = picked_places(a, index, at)
    if ids is None or not cnp.PyArray_SAMESHAPE(ids, b):
        return None
    beside(a, at, &outer, &inner)
    b = contiguous(b)
    out = empty(cnp.PyArray_NDIM(a), cnp.PyArray_DIMS(a), cnp.PyArray_TYPE(a))
    np.copyto(out, a)
    dtype = dtype_index(a)
    with nogil:
        along_add(dtype, cnp.PyArray_DATA(out), <const int64_t *>cnp.PyArray_DATA(ids), cnp.PyArray_DATA(b), outer,
                  cnp.PyArray_DIM(a, at), cnp.PyArray_DIM(ids, at), inner)
    return out


cdef cnp.ndarray adjacent_axes(object x, int first, int last, str what):
    """x with axes first to last beside each other in memory, in their order: x itself if dense, or a copy."""
    cdef cnp.ndarray a = dense(x, what)
    cdef int order[MAX_AXES]
    cdef int place[MAX_AXES]
    cdef int i
    if not 0 <= first <= last < cnp.PyArray_NDIM(a):
        raise ValueError(f"{what}: axes {first} to {last} of an array of shape {np.shape(a)}")
    memory_order(a, order)
    for i in range(cnp.PyArray_NDIM(a)):
        place[order[i]] = i
    for i in range(first, last + 1):
        if place[i] != place[first] + i - first or cnp.PyArray_DIM(a, i) == 1:
            return contiguous(a)
    return a


cdef cnp.ndarray runs_of(cnp.ndarray places):
    """Places (P, 1) as pairs (place, length): runs of places that follow each other."""
    cdef const int64_t *place = <const int64_t *>cnp.PyArray_DATA(places)
    cdef cnp.npy_intp i, P = cnp.PyArray_DIM(places, 0), runs = 0
    cdef cnp.npy_intp shape[2]
    cdef cnp.ndarray out
    cdef int64_t *pair
    for i in range(P):
        runs += not i or place[i] != place[i - 1] + 1
    shape[:] = [runs, 2]
    out = empty(2, shape, cnp.NPY_INT64)
    pair = <int64_t *>cnp.PyArray_DATA(out) - 2
    for i in range(P):
        if not i or place[i] != place[i - 1] + 1:
            pair += 2
            pair[0], pair[1] = place[i], 0
        pair[1] += 1
    return out


cdef cnp.ndarray resampled(object x, int first, object sizes, object places, object weights, bint grad, str what):
    """For axes first, first + 1, ...: from x to what has `sizes` there; grad: from the gradient back to x."""
    cdef int last = first + len(sizes) - 1, i, n = 0, dtype
    cdef cnp.ndarray a = adjacent_axes(x, first, last, what)
    cdef cnp.ndarray ids = contiguous(np.asarray(places, np.int64))
    cdef cnp.ndarray out, w, pairs
    cdef int order[MAX_AXES]
    cdef cnp.npy_intp shape[MAX_AXES]
    cdef const void *factors = NULL
    cdef int64_t outer = 1, count = 1, wanted = 1, inner = 1, taps, P, runs
    if not cnp.PyArray_CHKFLAGS(a, cnp.NPY_ARRAY_C_CONTIGUOUS):
        memory_order(a, order)
    for i in range(cnp.PyArray_NDIM(a)):
        shape[i] = cnp.PyArray_DIM(a, i)
        if cnp.PyArray_CHKFLAGS(a, cnp.NPY_ARRAY_C_CONTIGUOUS):  # memory_order puts axes of size 1 first
            order[i] = i
    i = 0
    while i < cnp.PyArray_NDIM(a) and order[i] != first:
        outer *= shape[order[i]]
        i += 1
    for i in range(i + last - first + 1, cnp.PyArray_NDIM(a)):
        inner *= shape[order[i]]
    for i in range(first, last + 1):
        count *= shape[i]
        shape[i] = integer(what, "sizes", sizes[i - first], 0)
        wanted *= shape[i]
    P = count if grad else wanted
    taps = cnp.PyArray_DIM(ids, 1) if cnp.PyArray_NDIM(ids) == 2 else 0
    if taps < 1 or cnp.PyArray_DIM(ids, 0) != P or (weights is None and taps > 1):
        raise ValueError(f"{what}: places have shape {np.shape(ids)} for {P} results")
    if not within(ids, 0, wanted if grad else count):
        raise ValueError(f"{what}: a place is outside of x")
    if weights is not None:
        w = contiguous(np.asarray(weights, a.dtype))
        if not cnp.PyArray_SAMESHAPE(w, ids):
            raise ValueError(f"{what}: weights {np.shape(w)} for places {np.shape(ids)}")
        factors = cnp.PyArray_DATA(w)
    else:
        pairs = runs_of(ids)
        if inner > 1 or 2 * cnp.PyArray_DIM(pairs, 0) < P:  # else most runs are a single element
            ids, taps = pairs, 2
    out = empty_ordered(cnp.PyArray_NDIM(a), shape, order, cnp.PyArray_TYPE(a))
    dtype, runs = dtype_index(a), cnp.PyArray_DIM(ids, 0)
    with nogil:
        if grad:
            along_resample_grad(dtype, cnp.PyArray_DATA(a), <const int64_t *>cnp.PyArray_DATA(ids), factors,
                                cnp.PyArray_DATA(out), outer, wanted, P, runs, taps, inner)
        else:
            along_resample(dtype, cnp.PyArray_DATA(a), <const int64_t *>cnp.PyArray_DATA(ids), factors,
                           cnp.PyArray_DATA(out), outer, count, P, runs, taps, inner)
    return out


def resample(x, int axis, sizes, places, weights=None):
    """y[.., p, ..] = the sum over t of weights[p, t] * x[.., places[p, t], ..] (no weights: one place each); axes
    axis, axis + 1, ... are counted as one and get `sizes`."""
    return resampled(x, axis, sizes, places, weights, False, "resample")


def resample_grad(g, int axis, sizes, places, weights=None):
    """The gradient of resample for an x with these sizes."""
    return resampled(g, axis, sizes, places, weights, True, "resample_grad")
