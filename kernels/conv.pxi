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
        norm_tally *tally
    ctypedef enum conv_pass:
        CONV_FORWARD, CONV_GRAD_X, CONV_GRAD_W
    ctypedef enum conv_algorithm:
        CONV_ROWS, CONV_TAPS, CONV_IMAGES, CONV_POINTWISE, CONV_STRIDED
    ctypedef enum winograd_mode:
        WINOGRAD_OFF, WINOGRAD_ON, WINOGRAD_ALWAYS
    winograd_mode conv_get_winograd()
    void conv_set_winograd(winograd_mode mode)
    conv_algorithm conv_choose(const kernel_table *t, conv_pass which, const conv_geometry *g, const char **reason)
    const char *conv_algorithm_name(conv_algorithm algorithm)
    int conv(
        const kernel_table *t, const conv_geometry *geometry, const void *x, const norm_application *norm,
        const void *w, const void *bias, void *y, memory_kept *kept
    )
    bint conv_normalizes(const kernel_table *t, conv_pass which, const conv_geometry *g)
    int conv_grad_x(const kernel_table *t, const conv_geometry *forward, const void *g, const void *w, void *gx)
    bint conv_grads_fit(const kernel_table *t, const conv_geometry *forward, bint norm)
    int conv_grads(
        const kernel_table *t, const conv_geometry *forward, const norm_gradient *source, const void *x,
        const norm_application *norm, const void *w, void *gx, void *gw
    )
    int conv_grad_w(const kernel_table *t, const conv_geometry *forward, const void *g, const void *x,
                    const norm_application *norm, void *gw)

cdef extern from *:
    """
    #define multiply_overflows __builtin_mul_overflow
    """
    bint multiply_overflows(int64_t a, int64_t b, int64_t *product) noexcept nogil


cdef int check_product(str op, int64_t a, int64_t b, int64_t c, int64_t d) except -1:
    """Refuses sizes whose product, in bytes, would not fit 63 bits; empty arrays are measured as if they were not."""
    cdef int64_t bytes = 32
    if (multiply_overflows(bytes, max(a, 1), &bytes) or multiply_overflows(bytes, max(b, 1), &bytes)
            or multiply_overflows(bytes, max(c, 1), &bytes) or multiply_overflows(bytes, max(d, 1), &bytes)):
        raise ValueError(f"{op}: sizes {(a, b, c, d)} are too large")
    return 0


cdef int64_t output_length(
    str op, str axis, int64_t size, int64_t taps, int64_t padding, int64_t *stride, int64_t *dilation
) except -1:
    """Output size along one axis; a stride or dilation that does not matter, for a single output or tap, becomes 1."""
    cdef int64_t span, outputs
    if taps < 1 or multiply_overflows(dilation[0], taps - 1, &span) or span >= size + 2 * padding:
        raise ValueError(
            f"{op}: kernel of {taps} taps, dilation {dilation[0]}, does not fit {axis}={size} with padding {padding}"
        )
    outputs = (size + 2 * padding - span - 1) // stride[0] + 1
    if outputs == 1:
        stride[0] = 1
    if taps == 1:
        dilation[0] = 1
    return outputs


cdef int set_padding(str op, object padding, const cnp.npy_intp *w, const int64_t *stride, const int64_t *dilation,
                     int64_t *out) except -1:
    """The padding; "valid" is none, "same" keeps H and W where both sides need the same."""
    cdef int i
    out[0] = out[1] = 0
    if type(padding) is not str:
        return pair(op, "padding", padding, 0, out)
    if padding == "valid":
        return 0
    for i in range(2):
        if padding != "same" or stride[i] != 1 or (w[2 + i] % 2 == 0 and dilation[i] % 2) or w[2 + i] > 0x7fffffff:
            raise ValueError(f"{op}: padding {padding!r} is not the same on both sides, or not known")
        out[i] = dilation[i] * (w[2 + i] - 1) // 2
    return 0


cdef int set_geometry(conv_geometry *f, str op, const cnp.npy_intp *x, const cnp.npy_intp *w, stride, padding, dilation,
                      groups) except -1:
    """Checks that the shapes fit, and describes the forward convolution with a C-contiguous weight."""
    cdef int64_t strides[2]
    cdef int64_t dilations[2]
    cdef int64_t pads[2]
    pair(op, "stride", stride, 1, strides)
    pair(op, "dilation", dilation, 1, dilations)
    set_padding(op, padding, w, strides, dilations, pads)
    f.n, f.c, f.h, f.w, f.k, f.r, f.s = x[0], x[1], x[2], x[3], w[0], w[2], w[3]
    f.groups, f.relu, f.tally = integer(op, "groups", groups, 1), 0, NULL
    if f.c % f.groups or f.k % f.groups or w[1] != f.c // f.groups:
        raise ValueError(f"{op}: C={f.c} of x, K={f.k} and C/groups={w[1]} of w do not fit groups={f.groups}")
    check_product(op, f.n, f.c, f.h + 2 * pads[0] + 1, f.w + 2 * pads[1] + 1)
    f.p = output_length(op, "H", f.h, f.r, pads[0], &strides[0], &dilations[0])
    f.q = output_length(op, "W", f.w, f.s, pads[1], &strides[1], &dilations[1])
    check_product(op, f.n, f.k, f.p, f.q)
    check_product(op, f.k + 64 * f.groups, w[1], f.r, f.s)
    f.stride_h, f.stride_w, f.dilation_h, f.dilation_w = strides[0], strides[1], dilations[0], dilations[1]
    f.origin_h, f.origin_w = -pads[0], -pads[1]
    f.out_w, f.out_h, f.out_n = f.k, f.k * f.q, f.k * f.q * f.p
    f.weight_s, f.weight_r, f.weight_c, f.weight_k = 1, f.s, f.r * f.s, f.r * f.s * w[1]
    f.weight_group = f.weight_k * (f.k // f.groups)
    return 0


cdef int check_gradient(str op, cnp.ndarray g, const conv_geometry *f) except -1:
    cdef const cnp.npy_intp *shape = image_shape(op, g)
    if shape[0] != f.n or shape[1] != f.k or shape[2] != f.p or shape[3] != f.q:
        raise ValueError(f"{op}: g {shape_of(g)} does not fit: the output has shape {(f.n, f.k, f.p, f.q)}")
    return 0


cdef inline int64_t repeats_of(conv_geometry *f):
    """Output channels per channel of a depthwise convolution, which from here on has so many copies of each; else 1."""
    cdef int64_t repeats = 1
    if f.groups > 1 and f.groups == f.c and f.k:
        repeats = f.k // f.c
        f.c = f.groups = f.k
        f.weight_group = f.weight_k
    return repeats


cdef cnp.ndarray repeated_channels(cnp.ndarray x, int64_t repeats):
    """Every channel of x, in channels-last memory, so many times, one after another."""
    cdef const cnp.npy_intp *n = cnp.PyArray_DIMS(x)
    cdef cnp.ndarray out = empty_images(n[0], n[1] * repeats, n[2], n[3], cnp.PyArray_TYPE(x))
    cdef int64_t size = cnp.PyArray_SIZE(x)
    cdef int bytes = cnp.PyArray_ITEMSIZE(x)
    with nogil:
        elementwise_repeat(cnp.PyArray_DATA(x), size, repeats, bytes, cnp.PyArray_DATA(out))
    return out


cdef cnp.ndarray summed_channels(cnp.ndarray x, int64_t repeats):
    """The adjoint: so many neighbouring channels added up."""
    cdef const cnp.npy_intp *n = cnp.PyArray_DIMS(x)
    cdef cnp.ndarray out = empty_images(n[0], n[1] // repeats, n[2], n[3], cnp.PyArray_TYPE(x))
    cdef int64_t size = cnp.PyArray_SIZE(out)
    cdef int status, dtype = dtype_index(x)
    with nogil:
        status = reduce_middle(dtype, REDUCE_SUM, cnp.PyArray_DATA(x), size, repeats, 1, cnp.PyArray_DATA(out))
    enough_memory(status, "conv2d_grad_x")
    return out


cdef int finish(str op, int status) except -1:
    end_of_watch()
    if status < 0:
        raise MemoryError(f"{op}: no memory for scratch")
    return 0


cdef const norm_application *set_norm(norm_application *norm, tuple arguments) except? NULL:
    """What batch_norm_apply would do, called with these arguments; NULL if they are None."""
    if arguments is None:
        return NULL
    cdef cnp.ndarray mean = arguments[1], scale = arguments[2], shift = arguments[3]
    norm.mean, norm.scale, norm.shift = cnp.PyArray_DATA(mean), cnp.PyArray_DATA(scale), cnp.PyArray_DATA(shift)
    norm.relu = arguments[5]
    return norm


cdef bint normalizes(conv_pass which, cnp.ndarray x, const cnp.npy_intp *w, tuple norm, stride, padding, dilation,
                     groups) except -1:
    cdef conv_geometry f
    if norm[4] is not None or x is not norm[0]:
        return False
    set_geometry(&f, "conv2d", image_shape("conv2d", x), w, stride, padding, dilation, groups)
    return repeats_of(&f) == 1 and conv_normalizes(table(x), which, &f)


def conv2d_normalizes(cnp.ndarray x, cnp.ndarray w, b=None, stride=1, padding=0, dilation=1, groups=1, tuple norm=None):
    """Whether conv2d takes an x that is still to become batch_norm_apply(*norm)."""
    table_of_both("conv2d", x, w)
    return normalizes(CONV_FORWARD, x, image_shape("conv2d", w), norm, stride, padding, dilation, groups)


def conv2d_grad_w_normalizes(g, cnp.ndarray x, w_shape, stride=1, padding=0, dilation=1, groups=1, tuple norm=None):
    """Whether conv2d_grad_w takes an x that is still to become batch_norm_apply(*norm)."""
    cdef cnp.npy_intp[4] shape
    four_sizes("conv2d_grad_w", w_shape, shape)
    return normalizes(CONV_GRAD_W, x, shape, norm, stride, padding, dilation, groups)


cpdef cnp.ndarray conv2d_result(cnp.ndarray x, cnp.ndarray w, stride=1, padding=0, dilation=1, groups=1):
    """What has the shape and dtype of conv2d's result, before it is computed."""
    cdef conv_geometry f
    table_of_both("conv2d", x, w)
    set_geometry(
        &f, "conv2d", image_shape("conv2d", x), image_shape("conv2d", w), stride, padding, dilation, groups
    )
    cdef cnp.npy_intp[4] shape = [f.n, f.k, f.p, f.q]
    return stand_in(4, shape, cnp.PyArray_TYPE(x))


cpdef cnp.ndarray conv2d(
    cnp.ndarray x, cnp.ndarray w, cnp.ndarray b=None, stride=1, padding=0, dilation=1, groups=1, activation=None,
    kept=None, tuple norm=None, tally=None
):
    """out[n,k,p,q] = b[k] + sum_crs x[n, c, p*stride+r*dilation-padding, ...] * w[k,c,r,s], in channels-last memory.

    norm: x is still to become batch_norm_apply(*norm), where conv2d_normalizes. tally: is told of what is written."""
    cdef conv_geometry f
    cdef cnp.ndarray out
    cdef int64_t repeats
    cdef int status
    cdef Forms forms = kept
    cdef Form form
    cdef memory_kept *memory = NULL
    cdef norm_application room
    if x is None or w is None:
        raise TypeError("conv2d: expected arrays x and w, got None")
    cdef const kernel_table *t = table_of_both("conv2d", x, w)
    set_geometry(
        &f, "conv2d", image_shape("conv2d", x), image_shape("conv2d", w), stride, padding, dilation, groups
    )
    f.relu = relu_or_none("conv2d", activation)
    b = bias_of("conv2d", b, w)
    out = empty_images(f.n, f.k, f.p, f.q, cnp.PyArray_TYPE(x))
    if cnp.PyArray_SIZE(out) == 0:
        return out
    if norm is not None and not conv_normalizes(t, CONV_FORWARD, &f):  # switched off since conv2d_normalizes
        x, norm = batch_norm_apply(*norm), None
    x, w = channels_inner(x, "conv2d"), contiguous(w)
    repeats = repeats_of(&f)
    if repeats > 1:
        x = repeated_channels(x, repeats)
    cdef const void *bias = NULL if b is None else cnp.PyArray_DATA(b)
    if forms is not None:
        form = forms.find(t, form_of(conv_choose(t, CONV_FORWARD, &f, NULL)), f.groups)
        memory = &form.memory
    cdef const norm_application *first = set_norm(&room, norm)
    if tally is not None:
        f.tally = (<Tally?>tally).begin(out)
    with nogil:
        parallel_watch()
        status = conv(t, &f, cnp.PyArray_DATA(x), first, cnp.PyArray_DATA(w), bias, cnp.PyArray_DATA(out), memory)
    finish("conv2d", status)
    if forms is not None:
        forms.add(form)
    return out


cdef inline conv_algorithm form_of(conv_algorithm algorithm):
    """The form of the weight that an algorithm wants, named by the first algorithm that wants it."""
    if algorithm == CONV_STRIDED:
        return CONV_POINTWISE
    return CONV_ROWS if algorithm in (CONV_TAPS, CONV_IMAGES) else algorithm


def conv2d_relu(x, w, b=None, stride=1, padding=0, dilation=1, groups=1, kept=None):
    """max(conv2d(x, w, b, ...), 0)"""
    return conv2d(x, w, b, stride, padding, dilation, groups, "relu", kept)


def conv2d_relu6(x, w, b=None, stride=1, padding=0, dilation=1, groups=1, kept=None):
    """min(max(conv2d(x, w, b, ...), 0), 6)"""
    return conv2d(x, w, b, stride, padding, dilation, groups, "relu6", kept)


cpdef cnp.ndarray conv2d_grad_x(cnp.ndarray g, cnp.ndarray w, x_shape, stride=1, padding=0, dilation=1, groups=1,
                                tally=None):
    """The gradient of conv2d with respect to x, in channels-last memory. tally: as for conv2d."""
    cdef conv_geometry f
    cdef cnp.npy_intp[4] shape
    cdef cnp.ndarray out
    cdef int64_t repeats
    cdef int status
    if g is None or w is None:
        raise TypeError("conv2d_grad_x: expected arrays g and w, got None")
    cdef const kernel_table *t = table_of_both("conv2d_grad_x", g, w)
    four_sizes("conv2d_grad_x", x_shape, shape)
    set_geometry(&f, "conv2d_grad_x", shape, image_shape("conv2d_grad_x", w), stride, padding, dilation, groups)
    check_gradient("conv2d_grad_x", g, &f)
    repeats = repeats_of(&f)
    out = empty_images(f.n, f.c, f.h, f.w, cnp.PyArray_TYPE(g))
    if cnp.PyArray_SIZE(out) and cnp.PyArray_SIZE(g):
        g, w = channels_inner(g, "conv2d_grad_x"), contiguous(w)
        if tally is not None and repeats == 1:
            f.tally = (<Tally?>tally).begin(out)
        with nogil:
            parallel_watch()
            status = conv_grad_x(t, &f, cnp.PyArray_DATA(g), cnp.PyArray_DATA(w), cnp.PyArray_DATA(out))
        finish("conv2d_grad_x", status)
    else:
        out[...] = 0
    return out if repeats == 1 else summed_channels(out, repeats)


cpdef cnp.ndarray conv2d_grad_w(cnp.ndarray g, cnp.ndarray x, w_shape, stride=1, padding=0, dilation=1, groups=1,
                                tuple norm=None):
    """The gradient of conv2d with respect to w. norm: as for conv2d."""
    cdef conv_geometry f
    cdef cnp.ndarray out
    cdef cnp.npy_intp[4] shape
    cdef int64_t repeats
    cdef int status
    cdef norm_application room
    if g is None or x is None:
        raise TypeError("conv2d_grad_w: expected arrays g and x, got None")
    cdef const kernel_table *t = table_of_both("conv2d_grad_w", g, x)
    four_sizes("conv2d_grad_w", w_shape, shape)
    set_geometry(&f, "conv2d_grad_w", image_shape("conv2d_grad_w", x), shape, stride, padding, dilation, groups)
    check_gradient("conv2d_grad_w", g, &f)
    out = empty(4, shape, cnp.PyArray_TYPE(g))
    if cnp.PyArray_SIZE(out) == 0 or cnp.PyArray_SIZE(g) == 0 or cnp.PyArray_SIZE(x) == 0:
        out[...] = 0
        return out
    if norm is not None and not conv_normalizes(t, CONV_GRAD_W, &f):
        x, norm = batch_norm_apply(*norm), None
    g, x = channels_inner(g, "conv2d_grad_w"), channels_inner(x, "conv2d_grad_w")
    repeats = repeats_of(&f)
    if repeats > 1:
        x = repeated_channels(x, repeats)
    cdef const norm_application *first = set_norm(&room, norm)
    with nogil:
        parallel_watch()
        status = conv_grad_w(t, &f, cnp.PyArray_DATA(g), cnp.PyArray_DATA(x), first, cnp.PyArray_DATA(out))
    finish("conv2d_grad_w", status)
    return out


def conv2d_grads_fit(dtype, x_shape, w_shape, stride=1, padding=0, dilation=1, groups=1, tuple norm=None):
    """Whether conv2d_grads is better than conv2d_grad_x and conv2d_grad_w: for large g and small w."""
    cdef conv_geometry f
    cdef cnp.npy_intp[4] x
    cdef cnp.npy_intp[4] w
    four_sizes("conv2d_grads", x_shape, x)
    four_sizes("conv2d_grads", w_shape, w)
    set_geometry(&f, "conv2d_grads", x, w, stride, padding, dilation, groups)
    if norm is not None and norm[4] is not None:
        return False
    return repeats_of(&f) == 1 and conv_grads_fit(table(np.empty(0, dtype)), &f, norm is not None)


def conv2d_grads(tuple g, cnp.ndarray x, cnp.ndarray w, stride=1, padding=0, dilation=1, groups=1, tuple norm=None,
                 tally=None):
    """conv2d_grad_x and conv2d_grad_w of batch_norm_grad_apply(*g), where conv2d_grads_fit; others as for conv2d."""
    cdef conv_geometry f
    cdef norm_gradient source
    cdef norm_application room
    cdef cnp.ndarray gx, gw
    cdef int status
    cdef const kernel_table *t = table_of_both("conv2d_grads", x, w)
    set_geometry(
        &f, "conv2d_grads", image_shape("conv2d_grads", x), image_shape("conv2d_grads", w), stride, padding, dilation,
        groups
    )
    check_gradient("conv2d_grads", g[0], &f)
    table_of_both("conv2d_grads", x, g[0])
    if not conv_grads_fit(t, &f, norm is not None):
        raise ValueError("conv2d_grads: not for convolutions of this size")
    gx = empty_images(f.n, f.c, f.h, f.w, cnp.PyArray_TYPE(x))
    gw = empty(4, cnp.PyArray_DIMS(w), cnp.PyArray_TYPE(x))
    x, w = channels_inner(x, "conv2d_grads"), contiguous(w)
    set_gradient(&source, g)
    cdef const norm_application *first = set_norm(&room, norm)
    if tally is not None:
        f.tally = (<Tally?>tally).begin(gx)
    with nogil:
        parallel_watch()
        status = conv_grads(t, &f, &source, cnp.PyArray_DATA(x), first, cnp.PyArray_DATA(w), cnp.PyArray_DATA(gx),
                            cnp.PyArray_DATA(gw))
    finish("conv2d_grads", status)
    return gx, gw


def conv2d_grad_b(g):
    """The gradient of conv2d with respect to b: the sum over all but the channels."""
    cdef cnp.ndarray a = dense(g, "conv2d_grad_b")
    cdef bint reduced[MAX_AXES]
    image_shape("conv2d_grad_b", a)
    reduced[0], reduced[1], reduced[2], reduced[3] = True, False, True, True
    return sum_dense(a, reduced, False)


def explain_conv(kind, x_shape, w_shape, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1, dtype=np.float32):
    """Which algorithm runs, and why, for kind "forward", "grad_x" or "grad_w": a pair of strings."""
    cdef conv_geometry f
    cdef cnp.npy_intp[4] x
    cdef cnp.npy_intp[4] w
    cdef const char *reason
    cdef conv_algorithm algorithm
    passes = {"forward": CONV_FORWARD, "grad_x": CONV_GRAD_X, "grad_w": CONV_GRAD_W}
    if kind not in passes:
        raise ValueError(f"explain_conv: kind is one of {', '.join(passes)}, not {kind!r}")
    cdef const kernel_table *t = table(np.empty(0, dtype))
    four_sizes("explain_conv", x_shape, x)
    four_sizes("explain_conv", w_shape, w)
    set_geometry(&f, "explain_conv", x, w, stride, padding, dilation, groups)
    repeats_of(&f)
    algorithm = conv_choose(t, passes[kind], &f, &reason)
    why = reason.decode()
    if kind == "grad_x" and f.stride_h * f.stride_w > 1 and algorithm != CONV_STRIDED:
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
