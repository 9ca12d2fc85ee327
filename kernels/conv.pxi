# Convolution wrappers: geometry checks and layout. conv_choose.c chooses the algorithm.

cdef extern from "conv.h" nogil:
    ctypedef struct conv_geometry:
        int64_t n, h, w, c
        int64_t k, p, q
        int64_t r, s
        int64_t stride_h, stride_w, dilation_h, dilation_w
        int64_t origin_h, origin_w
        int64_t groups
        int64_t out_n, out_h, out_w
        int64_t weight_group, weight_k, weight_c, weight_r, weight_s
        int relu
    ctypedef enum conv_pass:
        CONV_FORWARD, CONV_GRAD_X, CONV_GRAD_W
    ctypedef enum conv_algorithm:
        pass
    ctypedef enum winograd_mode:
        WINOGRAD_OFF, WINOGRAD_ON, WINOGRAD_ALWAYS
    winograd_mode conv_get_winograd()
    void conv_set_winograd(winograd_mode mode)
    conv_algorithm conv_choose(const kernel_table *t, conv_pass which, const conv_geometry *g, const char **reason)
    const char *conv_algorithm_name(conv_algorithm algorithm)
    int conv(
        const kernel_table *t, const conv_geometry *geometry, const void *x, const void *w, const void *bias, void *y
    )
    int conv_grad_x(const kernel_table *t, const conv_geometry *forward, const void *g, const void *w, void *gx)
    int conv_grad_w(const kernel_table *t, const conv_geometry *forward, const void *g, const void *x, void *gw)

cdef extern from *:
    """
    #define multiply_overflows __builtin_mul_overflow
    """
    bint multiply_overflows(int64_t a, int64_t b, int64_t *product) noexcept nogil


cdef int64_t checked_product(str op, sizes) except -1:
    """The product of sizes, refused when its bytes would not fit 63 bits."""
    cdef int64_t product = 32
    for size in sizes:
        if not 0 <= size < 1 << 62 or multiply_overflows(product, <int64_t>size, &product):
            raise ValueError(f"{op}: sizes {tuple(sizes)} are too large")
    return product


cdef tuple two_integers(str op, str name, value, int least):
    """value as a pair of integers, none below `least`; one integer counts for both."""
    if isinstance(value, int):
        value = value, value
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError(f"{op}: {name} is an integer or a pair of them, not {value!r}")
    try:
        pair = operator.index(value[0]), operator.index(value[1])
    except TypeError:
        raise ValueError(f"{op}: {name} is an integer or a pair of them, not {value!r}") from None
    if pair[0] < least or pair[1] < least or max(pair) >= 1 << 31:
        raise ValueError(f"{op}: {name} {value!r}: expected at least {least} and less than 2^31")
    return pair


cdef tuple output_length(str op, str axis, object size, object taps, object stride, object padding, object dilation):
    """Output size along one axis, with the stride and dilation that matter (1 for a single output or tap)."""
    span = dilation * (taps - 1) + 1
    if taps < 1 or span > size + 2 * padding:
        raise ValueError(
            f"{op}: kernel of {taps} taps, dilation {dilation}, spans {span} and does not fit {axis}={size} "
            f"with padding {padding}"
        )
    outputs = (size + 2 * padding - span) // stride + 1
    return outputs, stride if outputs > 1 else 1, dilation if taps > 1 else 1


cdef int set_geometry(
    conv_geometry *f, str op, x_shape, w_shape, stride, padding, dilation, groups
) except -1:
    """Checks that the shapes fit, and describes the forward convolution with a C-contiguous weight."""
    stride = two_integers(op, "stride", stride, 1)
    padding = two_integers(op, "padding", padding, 0)
    dilation = two_integers(op, "dilation", dilation, 1)
    if len(x_shape) != 4 or len(w_shape) != 4:
        raise ValueError(f"{op}: expected x (N, C, H, W) and w (K, C/groups, R, S), got {x_shape} and {w_shape}")
    try:
        groups = operator.index(groups)
    except TypeError:
        raise ValueError(f"{op}: groups is an integer, not {groups!r}") from None
    n, c, h, w = x_shape
    k, cg, r, s = w_shape
    if groups < 1 or c % groups or k % groups or cg * groups != c:
        raise ValueError(f"{op}: C={c} of x, K={k} and C/groups={cg} of w do not fit groups={groups}")
    p, f.stride_h, f.dilation_h = output_length(op, "H", h, r, stride[0], padding[0], dilation[0])
    q, f.stride_w, f.dilation_w = output_length(op, "W", w, s, stride[1], padding[1], dilation[1])
    checked_product(op, (max(n, 1), max(c, 1), h + 2 * padding[0] + 1, w + 2 * padding[1] + 1))
    checked_product(op, (max(n, 1), max(k, 1), p, q))
    checked_product(op, (max(k, 1) + 64 * groups, max(cg, 1), r, s))
    f.n, f.c, f.h, f.w, f.k, f.r, f.s, f.p, f.q = n, c, h, w, k, r, s, p, q
    f.origin_h, f.origin_w = -padding[0], -padding[1]
    f.groups, f.relu = groups, 0
    f.out_w, f.out_h, f.out_n = k, k * q, k * q * p
    f.weight_s, f.weight_r, f.weight_c, f.weight_k = 1, s, r * s, r * s * cg
    f.weight_group = f.weight_k * (k // groups)
    return 0


cdef cnp.ndarray channels_last(cnp.ndarray x):
    """x (N, C, H, W) as dense, native (N, H, W, C); a view where the memory already is."""
    cdef cnp.npy_intp[4] order = [0, 2, 3, 1]
    cdef cnp.PyArray_Dims axes
    axes.ptr, axes.len = order, 4
    return contiguous(cnp.PyArray_Transpose(x, &axes))


cdef cnp.ndarray empty_channels_last(int64_t n, int64_t c, int64_t h, int64_t w, int dtype):
    """A new (N, C, H, W) array over (N, H, W, C) memory."""
    cdef cnp.npy_intp[4] shape = [n, h, w, c]
    cdef cnp.npy_intp[4] order = [0, 3, 1, 2]
    cdef cnp.PyArray_Dims axes
    axes.ptr, axes.len = order, 4
    return cnp.PyArray_Transpose(empty(4, shape, dtype), &axes)


cdef int check_gradient(str op, cnp.ndarray g, const conv_geometry *f) except -1:
    expected = (f.n, f.k, f.p, f.q)
    if shape_of(g) != expected:
        raise ValueError(f"{op}: g {shape_of(g)} does not fit: the output has shape {expected}")
    return 0


cdef inline int64_t repeats_of(conv_geometry *f):
    """Output channels per channel of a depthwise convolution, which from here on has so many copies of each; else 1."""
    cdef int64_t repeats = 1
    if f.groups > 1 and f.groups == f.c and f.k:
        repeats = f.k // f.c
        f.c = f.groups = f.k
        f.weight_group = f.weight_k
    return repeats


cdef int finish(str op, int status) except -1:
    end_of_watch()
    if status < 0:
        raise MemoryError(f"{op}: no memory for scratch")
    return 0


cpdef cnp.ndarray conv2d(
    cnp.ndarray x, cnp.ndarray w, cnp.ndarray b, stride, padding, dilation, groups, activation=None
):
    """out[n,k,p,q] = b[k] + sum_crs x[n, c, p*stride+r*dilation-padding, ...] * w[k,c,r,s], in channels-last memory."""
    cdef conv_geometry f
    cdef cnp.ndarray out
    cdef int64_t repeats
    cdef int status
    if x is None or w is None:
        raise TypeError("conv2d: expected arrays x and w, got None")
    cdef const kernel_table *t = table_of_both("conv2d", x, w)
    set_geometry(&f, "conv2d", shape_of(x), shape_of(w), stride, padding, dilation, groups)
    f.relu = relu_or_none("conv2d", activation)
    b = bias_of("conv2d", b, w)
    out = empty_channels_last(f.n, f.k, f.p, f.q, cnp.PyArray_TYPE(x))
    if cnp.PyArray_SIZE(out) == 0:
        return out
    x, w = channels_last(x), contiguous(w)
    repeats = repeats_of(&f)
    if repeats > 1:
        x = np.repeat(x, repeats, axis=3)
    cdef const void *bias = NULL if b is None else cnp.PyArray_DATA(b)
    with nogil:
        parallel_watch()
        status = conv(t, &f, cnp.PyArray_DATA(x), cnp.PyArray_DATA(w), bias, cnp.PyArray_DATA(out))
    finish("conv2d", status)
    return out


cpdef cnp.ndarray conv2d_grad_x(cnp.ndarray g, cnp.ndarray w, x_shape, stride, padding, dilation, groups):
    """The gradient of conv2d with respect to x, in channels-last memory."""
    cdef conv_geometry f
    cdef cnp.ndarray out
    cdef int64_t repeats
    cdef int status
    if g is None or w is None:
        raise TypeError("conv2d_grad_x: expected arrays g and w, got None")
    cdef const kernel_table *t = table_of_both("conv2d_grad_x", g, w)
    shapes = sizes_of("conv2d_grad_x", x_shape), shape_of(w)
    set_geometry(&f, "conv2d_grad_x", shapes[0], shapes[1], stride, padding, dilation, groups)
    check_gradient("conv2d_grad_x", g, &f)
    repeats = repeats_of(&f)
    out = empty_channels_last(f.n, f.c, f.h, f.w, cnp.PyArray_TYPE(g))
    if cnp.PyArray_SIZE(out) and cnp.PyArray_SIZE(g):
        g, w = channels_last(g), contiguous(w)
        with nogil:
            parallel_watch()
            status = conv_grad_x(t, &f, cnp.PyArray_DATA(g), cnp.PyArray_DATA(w), cnp.PyArray_DATA(out))
        finish("conv2d_grad_x", status)
    else:
        out[...] = 0
    if repeats > 1:
        parts = channels_last(out).reshape(f.n, f.h, f.w, f.c // repeats, repeats)
        return np.ascontiguousarray(parts.sum(axis=4)).transpose(0, 3, 1, 2)
    return out


cpdef cnp.ndarray conv2d_grad_w(cnp.ndarray g, cnp.ndarray x, w_shape, stride, padding, dilation, groups):
    """The gradient of conv2d with respect to w."""
    cdef conv_geometry f
    cdef cnp.ndarray out
    cdef cnp.npy_intp[4] shape
    cdef int64_t repeats
    cdef int status
    if g is None or x is None:
        raise TypeError("conv2d_grad_w: expected arrays g and x, got None")
    cdef const kernel_table *t = table_of_both("conv2d_grad_w", g, x)
    shapes = shape_of(x), sizes_of("conv2d_grad_w", w_shape)
    set_geometry(&f, "conv2d_grad_w", shapes[0], shapes[1], stride, padding, dilation, groups)
    check_gradient("conv2d_grad_w", g, &f)
    shape[0], shape[1], shape[2], shape[3] = f.k, f.c // f.groups, f.r, f.s
    out = empty(4, shape, cnp.PyArray_TYPE(g))
    if cnp.PyArray_SIZE(out) == 0 or cnp.PyArray_SIZE(g) == 0 or cnp.PyArray_SIZE(x) == 0:
        out[...] = 0
        return out
    g, x = channels_last(g), channels_last(x)
    repeats = repeats_of(&f)
    if repeats > 1:
        x = np.repeat(x, repeats, axis=3)
    with nogil:
        parallel_watch()
        status = conv_grad_w(t, &f, cnp.PyArray_DATA(g), cnp.PyArray_DATA(x), cnp.PyArray_DATA(out))
    finish("conv2d_grad_w", status)
    return out


cdef tuple sizes_of(str op, shape):
    try:
        sizes = tuple([operator.index(size) for size in shape])
    except TypeError:
        raise ValueError(f"{op}: a shape is a tuple of integers, not {shape!r}") from None
    if any([size < 0 for size in sizes]):
        raise ValueError(f"{op}: negative size in shape {shape!r}")
    return sizes


def explain_conv(kind, x_shape, w_shape, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1, dtype=np.float32):
    """Which algorithm runs, and why, for kind "forward", "grad_x" or "grad_w": a pair of strings."""
    cdef conv_geometry f
    cdef const char *reason
    cdef conv_algorithm algorithm
    passes = {"forward": CONV_FORWARD, "grad_x": CONV_GRAD_X, "grad_w": CONV_GRAD_W}
    if kind not in passes:
        raise ValueError(f"explain_conv: kind is one of {', '.join(passes)}, not {kind!r}")
    cdef const kernel_table *t = table(np.empty(0, dtype))
    shapes = sizes_of("explain_conv", x_shape), sizes_of("explain_conv", w_shape)
    set_geometry(&f, "explain_conv", shapes[0], shapes[1], stride, padding, dilation, groups)
    repeats_of(&f)
    algorithm = conv_choose(t, passes[kind], &f, &reason)
    why = reason.decode()
    if kind == "grad_x" and f.stride_h * f.stride_w > 1:
        why = f"{f.stride_h * f.stride_w} phases of stride 1; the first: {why}"
    return conv_algorithm_name(algorithm).decode(), why


def winograd():
    """Whether 3x3 convolutions may use Winograd's algorithm: True, False or "always"."""
    return (False, True, "always")[<int>conv_get_winograd()]


def set_winograd(enabled):
    """True: Winograd where it is faster; False: never; "always": wherever it is defined, float64 included."""
    if enabled not in (False, True, "always"):
        raise ValueError(f"set_winograd: expected True, False or 'always', got {enabled!r}")
    conv_set_winograd(WINOGRAD_ALWAYS if enabled == "always" else WINOGRAD_ON if enabled else WINOGRAD_OFF)


set_winograd({"0": False, "always": "always"}.get(os.environ.get("AUTOGRAD_WINOGRAD"), True))
