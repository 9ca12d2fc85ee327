# Rows at places that differ from batch to batch, weighted: what grid_sample and embedding_bag rest on.

cdef extern from "blend.h" nogil:
    ctypedef struct blend_shape:
        int64_t N, M, C, P, taps
        const int32_t *places
    void blend_rows "blend"(int dtype, const blend_shape *s, const void *x, const void *w, void *y)
    void blend_rows_grad "blend_grad"(int dtype, const blend_shape *s, const void *g, const void *w, void *gx)
    void blend_rows_dots "blend_dots"(int dtype, const blend_shape *s, const void *g, const void *x, void *gw)


cdef cnp.ndarray blend_places(blend_shape *s, cnp.ndarray a, object places, str what):
    """Checks places (taps, N, P), each in [-1, M), beside a (N, ., C); gives them as contiguous int32."""
    cdef cnp.ndarray ids = as_array(places, what)
    cdef bint outside = s.M < 0 or (ids.dtype != np.int32 and not within(np.ascontiguousarray(ids, np.int64), -1, s.M))
    ids = np.ascontiguousarray(ids, np.int32)
    if cnp.PyArray_NDIM(a) != 3 or cnp.PyArray_NDIM(ids) != 3 or cnp.PyArray_DIM(a, 0) != cnp.PyArray_DIM(ids, 1):
        raise ValueError(f"{what}: expected (N, ., C) and places (taps, N, P), got {np.shape(a)} and {np.shape(ids)}")
    s.taps, s.N, s.P = cnp.PyArray_DIM(ids, 0), cnp.PyArray_DIM(ids, 1), cnp.PyArray_DIM(ids, 2)
    s.C = cnp.PyArray_DIM(a, 2)
    s.places = <const int32_t *>cnp.PyArray_DATA(ids)
    cdef int64_t i
    for i in range(s.taps * s.N * s.P):  # all, without a jump
        outside |= (s.places[i] < -1) | (s.places[i] >= s.M)
    if outside:
        raise ValueError(f"{what}: a place is outside of [-1, {s.M})")
    return ids


cdef cnp.ndarray blend_side(blend_shape *s, object array, cnp.ndarray beside, int64_t first, int64_t second,
                            int64_t third, str what):
    """The array, contiguous, if it has this shape and the other one's dtype."""
    cdef cnp.ndarray a = contiguous(as_array(array, what))
    if np.shape(a) != (first, second, third) or cnp.PyArray_TYPE(a) != cnp.PyArray_TYPE(beside):
        raise ValueError(f"{what}: expected {(first, second, third)} of {beside.dtype}, got {np.shape(a)} of {a.dtype}")
    return a


cdef cnp.ndarray blend_out(int64_t first, int64_t second, int64_t third, cnp.ndarray like):
    cdef cnp.npy_intp shape[3]
    shape[:] = [first, second, third]
    return empty(3, shape, cnp.PyArray_TYPE(like))


def blend(x, places, weights):
    """y[n, p] = the sum over t of weights[t, n, p] * x[n, places[t, n, p]], rows of x (N, M, C); -1: nothing."""
    cdef blend_shape s
    cdef cnp.ndarray a = contiguous(as_array(x, "blend"))
    s.M = a.shape[1] if cnp.PyArray_NDIM(a) == 3 else 0
    cdef cnp.ndarray ids = blend_places(&s, a, places, "blend")
    cdef cnp.ndarray w = blend_side(&s, weights, a, s.taps, s.N, s.P, "blend")
    cdef cnp.ndarray out = blend_out(s.N, s.P, s.C, a)
    cdef int dtype = dtype_index(a)
    with nogil:
        blend_rows(dtype, &s, cnp.PyArray_DATA(a), cnp.PyArray_DATA(w), cnp.PyArray_DATA(out))
    return out


def blend_grad(g, places, weights, int64_t rows):
    """The gradient of blend for an x of so many rows."""
    cdef blend_shape s
    s.M = rows
    cdef cnp.ndarray a = contiguous(as_array(g, "blend_grad"))
    cdef cnp.ndarray ids = blend_places(&s, a, places, "blend_grad")
    cdef cnp.ndarray w = blend_side(&s, weights, a, s.taps, s.N, s.P, "blend_grad")
    a = blend_side(&s, a, w, s.N, s.P, s.C, "blend_grad")
    cdef cnp.ndarray out = blend_out(s.N, s.M, s.C, a)
    cdef int dtype = dtype_index(a)
    with nogil:
        blend_rows_grad(dtype, &s, cnp.PyArray_DATA(a), cnp.PyArray_DATA(w), cnp.PyArray_DATA(out))
    return out


def blend_dots(g, x, places):
    """The gradient of blend for its weights: the dot products of g[n, p] and x[n, places[t, n, p]]."""
    cdef blend_shape s
    cdef cnp.ndarray b = contiguous(as_array(x, "blend_dots"))
    s.M = b.shape[1] if cnp.PyArray_NDIM(b) == 3 else 0
    cdef cnp.ndarray ids = blend_places(&s, b, places, "blend_dots")
    cdef cnp.ndarray a = blend_side(&s, g, b, s.N, s.P, s.C, "blend_dots")
    cdef cnp.ndarray out = blend_out(s.taps, s.N, s.P, a)
    cdef int dtype = dtype_index(a)
    with nogil:
        blend_rows_dots(dtype, &s, cnp.PyArray_DATA(a), cnp.PyArray_DATA(b), cnp.PyArray_DATA(out))
    return out


def grid_places(at, before, int64_t size):
    """Places along an axis of this size, after those along axes before it, and which of them were inside.

    at (taps, N, P): whole numbers; before (taps before, N, P) int32, or None -> (taps before * taps, N, P) int32, moved
    into the image, and at's inside as 1 or 0.
    """
    cdef cnp.ndarray a = contiguous(as_array(at, "grid_places"))
    cdef const kernel_table *kernels = table(a)
    cdef cnp.ndarray inside = empty(cnp.PyArray_NDIM(a), cnp.PyArray_DIMS(a), cnp.PyArray_TYPE(a))
    cdef int64_t t, k, taps, n, times = 1, width = a.itemsize
    cdef cnp.ndarray earlier, places
    cdef const int32_t *from_
    cdef int32_t *to
    cdef char *whole = cnp.PyArray_BYTES(a)
    cdef char *within_ = cnp.PyArray_BYTES(inside)
    if cnp.PyArray_NDIM(a) != 3 or not 0 < size < 2 ** 24:
        raise ValueError(f"grid_places: expected (taps, N, P) and a size from 1 to 2**24, got {np.shape(a)} and {size}")
    taps, n = cnp.PyArray_DIM(a, 0), cnp.PyArray_DIM(a, 1) * cnp.PyArray_DIM(a, 2)
    earlier = np.ascontiguousarray(np.zeros((1, *np.shape(a)[1:])) if before is None else before, np.int32)
    if cnp.PyArray_NDIM(earlier) != 3 or np.shape(earlier)[1:] != np.shape(a)[1:]:
        raise ValueError(f"grid_places: places {np.shape(earlier)} before {np.shape(a)} do not fit")
    times = cnp.PyArray_DIM(earlier, 0)
    places = np.empty((times * taps, *np.shape(a)[1:]), np.int32)
    from_, to = <const int32_t *>cnp.PyArray_DATA(earlier), <int32_t *>cnp.PyArray_DATA(places)
    with nogil:
        for t in range(times):
            for k in range(taps):
                kernels.grid_places(whole + k * n * width, from_ + t * n, size, to + (t * taps + k) * n,
                                    within_ + k * n * width, n)
    return places, inside
