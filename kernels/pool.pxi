# 2-D pooling of x (N, C, H, W); results lie in channels-last memory.

cdef extern from "pool.h" nogil:
    ctypedef struct pool_shape:
        int64_t N, C, H, W, P, Q
        int64_t kernel[2]
        int64_t stride[2]
        int64_t padding[2]
        int64_t dilation[2]
        int64_t divisor, count_pad, relu
        const norm_application *norm
        norm_tally *tally
    bint pool_normalizes(int dtype, const pool_shape *s)
    void pool_max(int dtype, const pool_shape *s, const void *x, void *y, void *index)
    void pool_max_grad(int dtype, const pool_shape *s, const void *g, const void *index, void *gx)
    void pool_max_positive(int dtype, const pool_shape *s, const void *y, const void *index, void *found)
    void pool_avg(int dtype, const pool_shape *s, const void *x, void *y)
    void pool_avg_grad(int dtype, const pool_shape *s, const void *g, void *gx)

cdef int64_t pooled_size(int64_t size, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation,
                         bint ceil_mode, str what, str axis) except -1:
    """PyTorch's rule: under ceil_mode the last window must start inside the input or its left padding."""
    cdef int64_t span = dilation * (kernel - 1) + 1
    cdef int64_t count
    if 2 * padding > span:
        raise ValueError(f"{what}: padding {padding} is more than half of the kernel's {span} along {axis}")
    if span > size + 2 * padding:
        raise ValueError(f"{what}: kernel spans {span}, but {axis}={size} with padding {padding} is "
                         f"{size + 2 * padding}")
    count = (size + 2 * padding - span + (stride - 1 if ceil_mode else 0)) // stride + 1
    if ceil_mode and (count - 1) * stride >= size + padding:
        count -= 1
    return count


cdef int pool_attributes(pool_shape *s, const cnp.npy_intp *shape, object kernel, object stride, object padding,
                         object dilation, bint ceil_mode, str what) except -1:
    s.N, s.C, s.H, s.W = shape[0], shape[1], shape[2], shape[3]
    check_product(what, s.N, s.C, s.H, s.W)
    pair(what, "kernel", kernel, 1, s.kernel)
    pair(what, "stride", kernel if stride is None else stride, 1, s.stride)
    pair(what, "padding", padding, 0, s.padding)
    pair(what, "dilation", dilation, 1, s.dilation)
    s.P = pooled_size(s.H, s.kernel[0], s.stride[0], s.padding[0], s.dilation[0], ceil_mode, what, "H")
    s.Q = pooled_size(s.W, s.kernel[1], s.stride[1], s.padding[1], s.dilation[1], ceil_mode, what, "W")
    s.divisor = 0
    s.count_pad = True
    s.relu = False
    s.norm, s.tally = NULL, NULL
    return 0


cdef inline int index_dtype(cnp.ndarray x) noexcept:
    return cnp.NPY_INT32 if cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32 else cnp.NPY_INT64


def max_pool2d(x, kernel, stride=None, padding=0, dilation=1, bint ceil_mode=False, tuple norm=None):
    """The maximum of every window, and where it was: h * W + w, as int32 for float32; -1 for padding alone.

    norm: x is still to become batch_norm_apply(*norm), where max_pool2d_normalizes."""
    return max_pool(x, kernel, stride, padding, dilation, ceil_mode, False, norm)


def max_pool2d_relu(x, kernel, stride=None, padding=0, dilation=1, bint ceil_mode=False, tuple norm=None):
    """max_pool2d of what is positive; -1 for the places of other maxima."""
    return max_pool(x, kernel, stride, padding, dilation, ceil_mode, True, norm)


def max_pool2d_normalizes(cnp.ndarray x, kernel, stride=None, padding=0, dilation=1, bint ceil_mode=False,
                          tuple norm=None):
    """Whether max_pool2d and max_pool2d_relu take an x that is still to become batch_norm_apply(*norm)."""
    cdef pool_shape s
    if norm[4] is not None or x is not norm[0]:
        return False
    pool_attributes(&s, image_shape("max_pool2d", x), kernel, stride, padding, dilation, ceil_mode, "max_pool2d")
    return pool_normalizes(dtype_index(x), &s)


cdef tuple max_pool(object x, object kernel, object stride, object padding, object dilation, bint ceil_mode, bint relu,
                    tuple norm):
    cdef pool_shape s
    cdef norm_application room
    cdef cnp.ndarray a = as_array(x, "max_pool2d")
    pool_attributes(&s, image_shape("max_pool2d", a), kernel, stride, padding, dilation, ceil_mode, "max_pool2d")
    s.relu, s.norm = relu, set_norm(&room, norm)
    a = channels_inner(a, "max_pool2d")
    cdef int dtype = dtype_index(a)
    if dtype == 0 and s.H * s.W >= 2 ** 31:
        raise ValueError(f"max_pool2d: H * W must be below 2**31 for float32, got {s.H} * {s.W}")
    cdef cnp.ndarray y = empty_images(s.N, s.C, s.P, s.Q, cnp.PyArray_TYPE(a))
    cdef cnp.ndarray index = empty_images(s.N, s.C, s.P, s.Q, index_dtype(a))
    if cnp.PyArray_SIZE(a) < RELEASE_GIL:
        pool_max(dtype, &s, cnp.PyArray_DATA(a), cnp.PyArray_DATA(y), cnp.PyArray_DATA(index))
    else:
        with nogil:
            pool_max(dtype, &s, cnp.PyArray_DATA(a), cnp.PyArray_DATA(y), cnp.PyArray_DATA(index))
    return y, index


cdef cnp.ndarray pool_gradient(object g, pool_shape *s, str what):
    """g as a dense channels-last array of the output's shape."""
    cdef cnp.ndarray grad = channels_inner(g, what)
    cdef const cnp.npy_intp *shape = image_shape(what, grad)
    if shape[0] != s.N or shape[1] != s.C or shape[2] != s.P or shape[3] != s.Q:
        raise ValueError(f"{what}: g has shape {np.shape(grad)}, expected {(s.N, s.C, s.P, s.Q)}")
    return grad


cdef cnp.ndarray channels_last_index(object index, cnp.ndarray g, str what):
    """Indices in the integers and the layout that the kernels read."""
    cdef cnp.ndarray given = as_array(index, what)
    cdef cnp.ndarray copy
    cdef int order[4]
    if not cnp.PyArray_ISINTEGER(given):
        raise TypeError(f"{what}: index must hold integers, got {given.dtype}")
    if not cnp.PyArray_SAMESHAPE(given, g):
        raise ValueError(f"{what}: index has shape {np.shape(given)}, but g has shape {np.shape(g)}")
    channels_inner_order(4, order)
    if cnp.PyArray_TYPE(given) == index_dtype(g) and is_behaved(given) and follows(given, order):
        return given
    copy = empty_ordered(4, cnp.PyArray_DIMS(g), order, index_dtype(g))
    np.copyto(copy, given, casting="unsafe")
    return copy


def max_pool2d_grad(g, index, x_shape, kernel=None, stride=None, padding=0, dilation=1, bint ceil_mode=False,
                    Tally tally=None):
    """Adds every g to the pixel that its maximum came from; faster when told the window's attributes.

    tally: as for conv2d."""
    cdef pool_shape s
    cdef cnp.npy_intp shape[4]
    cdef cnp.ndarray grad = as_array(g, "max_pool2d_grad")
    four_sizes("max_pool2d_grad", x_shape, shape)
    if kernel is not None:
        pool_attributes(&s, shape, kernel, stride, padding, dilation, ceil_mode, "max_pool2d_grad")
    else:
        pool_attributes(&s, shape, 1, 1, 0, 1, False, "max_pool2d_grad")
        s.P, s.Q = image_shape("max_pool2d_grad", grad)[2], cnp.PyArray_DIM(grad, 3)
        s.kernel[0] = s.kernel[1] = 0
    grad = pool_gradient(grad, &s, "max_pool2d_grad")
    if s.H * s.W >= 2 ** 31 and dtype_index(grad) == 0:
        raise ValueError(f"max_pool2d_grad: H * W must be below 2**31 for float32, got {s.H} * {s.W}")
    cdef cnp.ndarray at = as_array(index, "max_pool2d_grad")
    if kernel is None and cnp.PyArray_SIZE(at) and cnp.PyArray_ISINTEGER(at):
        if at.min() < -1 or at.max() >= s.H * s.W:
            raise ValueError(f"max_pool2d_grad: index {at.max()} is out of range for {s.H} * {s.W} pixels")
    at = channels_last_index(at, grad, "max_pool2d_grad")
    cdef cnp.ndarray gx = empty_images(s.N, s.C, s.H, s.W, cnp.PyArray_TYPE(grad))
    cdef int dtype = dtype_index(grad)
    s.tally = NULL if tally is None else tally.begin(gx)
    if cnp.PyArray_SIZE(gx) < RELEASE_GIL:
        pool_max_grad(dtype, &s, cnp.PyArray_DATA(grad), cnp.PyArray_DATA(at), cnp.PyArray_DATA(gx))
    else:
        with nogil:
            pool_max_grad(dtype, &s, cnp.PyArray_DATA(grad), cnp.PyArray_DATA(at), cnp.PyArray_DATA(gx))
    return gx


def max_pool2d_positive(g, index, y):
    """The places, of a maximum's result of g's shape, at which y is positive, and -1 for the others."""
    cdef pool_shape s
    cdef cnp.ndarray grad = as_array(g, "max_pool2d_positive")
    cdef cnp.ndarray x = channels_inner(y, "max_pool2d_positive")
    cdef const cnp.npy_intp *shape = image_shape("max_pool2d_positive", grad)
    pool_attributes(&s, image_shape("max_pool2d_positive", x), 1, 1, 0, 1, False, "max_pool2d_positive")
    s.P, s.Q = shape[2], shape[3]
    if shape[0] != s.N or shape[1] != s.C:
        raise ValueError(f"max_pool2d_positive: g {shape_of(grad)} is not pooled from y {shape_of(x)}")
    table_of_both("max_pool2d_positive", grad, x)
    cdef cnp.ndarray at = channels_last_index(index, grad, "max_pool2d_positive")
    cdef cnp.ndarray found = empty_images(s.N, s.C, s.P, s.Q, index_dtype(x))
    cdef int dtype = dtype_index(x)
    with nogil:
        pool_max_positive(dtype, &s, cnp.PyArray_DATA(x), cnp.PyArray_DATA(at), cnp.PyArray_DATA(found))
    return found


cdef int avg_attributes(pool_shape *s, bint count_include_pad, object divisor_override, str what) except -1:
    s.count_pad = count_include_pad
    if divisor_override is not None:
        divisor = operator.index(divisor_override)
        if divisor == 0 or not -2 ** 62 < divisor < 2 ** 62:
            raise ValueError(f"{what}: divisor_override must not be 0, got {divisor}")
        s.divisor = divisor
    return 0


def avg_pool2d(x, kernel, stride=None, padding=0, bint ceil_mode=False, bint count_include_pad=True,
               divisor_override=None):
    """The mean of every window."""
    cdef pool_shape s
    cdef cnp.ndarray a = as_array(x, "avg_pool2d")
    pool_attributes(&s, image_shape("avg_pool2d", a), kernel, stride, padding, 1, ceil_mode, "avg_pool2d")
    avg_attributes(&s, count_include_pad, divisor_override, "avg_pool2d")
    cdef cnp.ndarray y
    if s.kernel[0] == s.H and s.kernel[1] == s.W and not s.padding[0] and not s.padding[1] and not s.divisor and \
            is_float(a) and cnp.PyArray_ISCARRAY_RO(a):  # the whole image, which need not be laid out anew
        y = sum(a, (2, 3), True)
        return np.divide(y, s.H * s.W, out=y)
    a = channels_inner(a, "avg_pool2d")
    y = empty_images(s.N, s.C, s.P, s.Q, cnp.PyArray_TYPE(a))
    cdef int dtype = dtype_index(a)
    with nogil:
        pool_avg(dtype, &s, cnp.PyArray_DATA(a), cnp.PyArray_DATA(y))
    return y


def avg_pool2d_grad(g, x_shape, kernel, stride=None, padding=0, bint ceil_mode=False, bint count_include_pad=True,
                    divisor_override=None):
    """Shares every g among the pixels of its window."""
    cdef pool_shape s
    cdef cnp.npy_intp shape[4]
    four_sizes("avg_pool2d_grad", x_shape, shape)
    pool_attributes(&s, shape, kernel, stride, padding, 1, ceil_mode, "avg_pool2d_grad")
    avg_attributes(&s, count_include_pad, divisor_override, "avg_pool2d_grad")
    cdef cnp.ndarray grad = pool_gradient(g, &s, "avg_pool2d_grad")
    cdef cnp.ndarray gx = empty_images(s.N, s.C, s.H, s.W, cnp.PyArray_TYPE(grad))
    cdef int dtype = dtype_index(grad)
    with nogil:
        pool_avg_grad(dtype, &s, cnp.PyArray_DATA(grad), cnp.PyArray_DATA(gx))
    return gx
