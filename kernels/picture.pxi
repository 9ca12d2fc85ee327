# Transforms of batches of pictures (N, C, H, W), uint8 or float32.

cdef extern from "picture.h" nogil:
    ctypedef struct picture_shape:
        int64_t N, C, H, W, P, Q
        int bytes
    ctypedef struct picture_taps:
        const int64_t *start
        const float *weight
        int64_t taps
        int per_image
    void picture_warp(const picture_shape *s, const void *x, const double *maps, float fill, void *y)
    int picture_resample(const picture_shape *s, const void *x, const picture_taps *rows, const picture_taps *cols,
                         void *y)
    void picture_adjust(const picture_shape *s, const void *x, const float *changes, float top, void *y)


cdef cnp.ndarray picture_batch(object images, picture_shape *s, str what):
    """The pictures, contiguous, and their shape."""
    cdef cnp.ndarray x = as_array(images, what)
    cdef int dtype = cnp.PyArray_TYPE(x)
    if dtype != cnp.NPY_UINT8 and dtype != cnp.NPY_FLOAT32:
        raise TypeError(f"{what}: expected uint8 or float32, got {x.dtype}")
    if cnp.PyArray_NDIM(x) != 4:
        raise ValueError(f"{what}: expected images (N, C, H, W), got shape {np.shape(x)}")
    s.N, s.C, s.H, s.W = np.shape(x)
    s.P, s.Q = s.H, s.W
    s.bytes = dtype == cnp.NPY_UINT8
    return contiguous(x)


cdef cnp.ndarray new_pictures(const picture_shape *s):
    cdef cnp.npy_intp shape[4]
    shape[0], shape[1], shape[2], shape[3] = s.N, s.C, s.P, s.Q
    return empty(4, shape, cnp.NPY_UINT8 if s.bytes else cnp.NPY_FLOAT32)


cdef cnp.ndarray table_of(object values, tuple shape, object dtype, str what, str name):
    """A contiguous array of this shape and type."""
    cdef cnp.ndarray found = contiguous(np.asarray(values, dtype))
    if np.shape(found) != shape:
        raise ValueError(f"{what}: {name} must have shape {shape}, got {np.shape(found)}")
    return found


def picture_warped(images, maps, float fill=0):
    """y[n, c, p, q] = images[n, c] at (row, column), bilinear, row = m[3] q + m[4] p + m[5] and column = m[0] q +
    m[1] p + m[2] with m = maps[n]; outside lies `fill`."""
    cdef picture_shape s
    cdef cnp.ndarray x = picture_batch(images, &s, "picture_warped")
    cdef cnp.ndarray m = table_of(maps, (s.N, 6), np.float64, "picture_warped", "maps")
    cdef cnp.ndarray y = new_pictures(&s)
    if y.size:
        with nogil:
            picture_warp(&s, cnp.PyArray_DATA(x), <const double *>cnp.PyArray_DATA(m), fill, cnp.PyArray_DATA(y))
    return y


cdef tuple taps_of(object start, object weight, int64_t N, int64_t size, picture_taps *out, int64_t *outputs,
                   str name):
    """Checks one axis: start (outputs,) or (N, outputs), weight with an axis of taps more."""
    cdef cnp.ndarray at = contiguous(np.asarray(start, np.int64))
    cdef cnp.ndarray w = contiguous(np.asarray(weight, np.float32))
    cdef int axes = cnp.PyArray_NDIM(at)
    if axes not in (1, 2) or (axes == 2 and at.shape[0] != N):
        raise ValueError(f"picture_resampled: {name} must be (outputs,) or (N={N}, outputs), got {np.shape(at)}")
    if cnp.PyArray_NDIM(w) != axes + 1 or np.shape(w)[:axes] != np.shape(at) or w.shape[axes] < 1:
        raise ValueError(f"picture_resampled: {name} {np.shape(at)} and its weights {np.shape(w)} do not fit")
    out.taps = w.shape[axes]
    if not within(at, 0, size - out.taps + 1):
        raise ValueError(f"picture_resampled: {name} with {out.taps} taps leave the {size} pixels")
    out.start = <const int64_t *>cnp.PyArray_DATA(at)
    out.weight = <const float *>cnp.PyArray_DATA(w)
    out.per_image = axes == 2
    outputs[0] = at.shape[axes - 1]
    return at, w


def picture_resampled(images, rows, row_weights, columns, column_weights):
    """Weighted sums along both axes: output row i takes row_weights[i, k] of input row rows[i] + k, columns alike.
    Tables are for all images, or with a leading axis N one for each."""
    cdef picture_shape s
    cdef picture_taps down
    cdef picture_taps right
    cdef int failed = 0
    cdef cnp.ndarray x = picture_batch(images, &s, "picture_resampled")
    kept = taps_of(rows, row_weights, s.N, s.H, &down, &s.P, "rows")
    kept_too = taps_of(columns, column_weights, s.N, s.W, &right, &s.Q, "columns")
    cdef cnp.ndarray y = new_pictures(&s)
    if y.size:
        with nogil:
            failed = picture_resample(&s, cnp.PyArray_DATA(x), &down, &right, cnp.PyArray_DATA(y))
    if failed:
        raise MemoryError("picture_resampled: no memory for a row per thread")
    return y


def picture_adjusted(images, changes, float top):
    """Brightness, contrast and saturation by factors, the hue by a part of the circle in -0.5..0.5: changes (N, 4).
    Values lie in 0..top; C is 1 or 3 (RGB)."""
    cdef picture_shape s
    cdef cnp.ndarray x = picture_batch(images, &s, "picture_adjusted")
    cdef cnp.ndarray by = table_of(changes, (s.N, 4), np.float32, "picture_adjusted", "changes")
    cdef cnp.ndarray y
    if s.C != 1 and s.C != 3:
        raise ValueError(f"picture_adjusted: images must have C=1 or C=3 (RGB), got shape {np.shape(x)}")
    if by.size and not (np.abs(by[:, 3]) <= 0.5).all():
        raise ValueError("picture_adjusted: the hue turns by at most 0.5")
    y = new_pictures(&s)
    if y.size:
        with nogil:
            picture_adjust(&s, cnp.PyArray_DATA(x), <const float *>cnp.PyArray_DATA(by), top, cnp.PyArray_DATA(y))
    return y
