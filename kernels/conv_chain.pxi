# Convolutions one after another, as one call.

cdef extern from "conv_chain.h" nogil:
    enum:
        CONV_CHAIN_MOST
    ctypedef struct conv_link:
        conv_geometry g
        const void *w
        const void *bias
        memory_kept *kept
    bint conv_chain_fits(const kernel_table *t, const conv_link *links, int count)
    bint conv_chain_gains(const kernel_table *t, const conv_link *links, int count)
    int run_conv_chain "conv_chain" (const kernel_table *t, const conv_link *links, int count, const void *x, void *y)

cdef enum:
    CHAIN_FORM = 64  # the first of the numbers of its weights' forms


cdef int set_links(conv_link *links, const cnp.npy_intp *shape, tuple layers, int64_t *length) except -1:
    """The geometries of layers on images of this shape, and how many numbers their weights and biases have."""
    cdef cnp.npy_intp[4] x
    cdef cnp.npy_intp[4] w
    cdef conv_geometry *g
    cdef int i
    if not 0 < len(layers) <= CONV_CHAIN_MOST:
        raise ValueError(f"conv_chain: expected 1 to {CONV_CHAIN_MOST} layers, got {len(layers)}")
    x[0], x[1], x[2], x[3] = shape[0], shape[1], shape[2], shape[3]
    length[0] = 0
    for i in range(len(layers)):
        channels, kernel, stride, padding, groups, activation = layers[i]
        w[0], w[2], w[3] = channels, kernel, kernel
        w[1] = x[1] // integer("conv_chain", "groups", groups, 1)
        g = &links[i].g
        set_geometry(g, "conv_chain", x, w, stride, padding, 1, groups)
        g.relu = relu_or_none("conv_chain", activation)
        length[0] += w[0] * w[1] * w[2] * w[3] + w[0]
        x[1], x[2], x[3] = g.k, g.p, g.q
    return 0


def conv_chain_suits(x_shape, layers, dtype=np.float32):
    """Whether conv_chain takes an input of this shape through these layers, and saves time."""
    cdef conv_link links[CONV_CHAIN_MOST]
    cdef cnp.npy_intp[4] shape
    cdef int64_t length
    four_sizes("conv_chain", x_shape, shape)
    set_links(links, shape, layers, &length)
    cdef const kernel_table *t = table(np.empty(0, dtype))
    return conv_chain_fits(t, links, len(layers)) and conv_chain_gains(t, links, len(layers))


def conv_chain(cnp.ndarray x, cnp.ndarray w, layers, kept=None):
    """x through layers (channels, kernel, stride, padding, groups, activation), whose weights and biases w holds."""
    cdef conv_link links[CONV_CHAIN_MOST]
    cdef memory_kept own[CONV_CHAIN_MOST]
    cdef Forms forms = kept
    cdef list used = []
    cdef cnp.ndarray out
    cdef conv_geometry *g
    cdef Form form
    cdef int64_t length, size
    cdef int i, status, count = len(layers)
    cdef const char *place
    if x is None or w is None:
        raise TypeError("conv_chain: expected arrays x and w, got None")
    cdef const kernel_table *t = table_of_both("conv_chain", x, w)
    set_links(links, image_shape("conv_chain", x), layers, &length)
    if cnp.PyArray_NDIM(w) != 1 or cnp.PyArray_SIZE(w) != length:
        raise ValueError(f"conv_chain: w {shape_of(w)} does not fit: these layers have {length} weights and biases")
    if not conv_chain_fits(t, links, count):
        raise ValueError("conv_chain: these shapes go one by one")
    x, w = channels_inner(x, "conv_chain"), contiguous(w)
    g = &links[count - 1].g
    out = empty_images(g.n, g.k, g.p, g.q, cnp.PyArray_TYPE(x))
    place = <const char *>cnp.PyArray_DATA(w)
    size = cnp.PyArray_ITEMSIZE(w)
    memset(own, 0, sizeof(own))
    for i in range(count):
        g = &links[i].g
        links[i].w = place
        place += g.k * g.weight_k * size
        links[i].bias = place
        place += g.k * size
        links[i].kept = &own[i]
        if forms is not None:
            form = forms.find(t, CHAIN_FORM + i, g.groups)
            links[i].kept = &form.memory
            used.append(form)
    with nogil:
        parallel_watch()
        status = run_conv_chain(t, links, count, cnp.PyArray_DATA(x), cnp.PyArray_DATA(out))
        for i in range(count):
            memory_release(own[i].data)
    finish("conv_chain", status)
    for form in used:
        forms.add(form)
    return out
