# The gradients of a convolution for its weight and bias, from the gradient of a maximum over windows of its result.

cdef extern from "conv_pooled.h" nogil:
    ctypedef struct pooled_gradient:
        const pool_shape *shape
        const void *g
        const void *places
    bint conv_pooled_fits(const kernel_table *t, const conv_geometry *forward, const pool_shape *pool)
    int conv_pooled_grad_w(
        const kernel_table *t, const conv_geometry *forward, const pooled_gradient *source, const void *x, void *gw,
        void *gb
    )


cdef int set_pooled(conv_geometry *f, pool_shape *s, tuple g, const cnp.npy_intp *x, const cnp.npy_intp *w, stride,
                    padding, dilation, groups) except -1:
    """The sizes of a convolution and of the maximum whose gradient max_pool2d_grad(*g) is."""
    cdef cnp.npy_intp[4] y
    _, _, y_shape, kernel, pool_stride, pool_padding, pool_dilation, ceil_mode = g
    set_geometry(f, "conv2d_pooled_grads", x, w, stride, padding, dilation, groups)
    four_sizes("conv2d_pooled_grads", y_shape, y)
    pool_attributes(s, y, kernel, pool_stride, pool_padding, pool_dilation, ceil_mode, "conv2d_pooled_grads")
    return 0


def conv2d_pooled_grads_fit(tuple g, x_shape, w_shape, stride=1, padding=0, dilation=1, groups=1):
    """Whether conv2d_pooled_grads is better than conv2d_grad_w and conv2d_grad_b of max_pool2d_grad(*g)."""
    cdef conv_geometry f
    cdef pool_shape s
    cdef cnp.npy_intp[4] x
    cdef cnp.npy_intp[4] w
    four_sizes("conv2d_pooled_grads", x_shape, x)
    four_sizes("conv2d_pooled_grads", w_shape, w)
    set_pooled(&f, &s, g, x, w, stride, padding, dilation, groups)
    return repeats_of(&f) == 1 and conv_pooled_fits(table(g[0]), &f, &s)


def conv2d_pooled_grads(tuple g, cnp.ndarray x, w_shape, stride=1, padding=0, dilation=1, groups=1):
    """conv2d_grad_w and conv2d_grad_b of max_pool2d_grad(*g), which is not made, where conv2d_pooled_grads_fit."""
    cdef conv_geometry f
    cdef pool_shape s
    cdef pooled_gradient source
    cdef cnp.npy_intp[4] w
    cdef cnp.ndarray u = g[0]
    cdef cnp.ndarray gw, gb
    cdef int status
    cdef const kernel_table *t = table_of_both("conv2d_pooled_grads", u, x)
    four_sizes("conv2d_pooled_grads", w_shape, w)
    set_pooled(&f, &s, g, image_shape("conv2d_pooled_grads", x), w, stride, padding, dilation, groups)
    if not conv_pooled_fits(t, &f, &s):
        raise ValueError("conv2d_pooled_grads: not for convolutions of this size")
    u, x = pool_gradient(u, &s, "conv2d_pooled_grads"), channels_inner(x, "conv2d_pooled_grads")
    cdef cnp.ndarray index = channels_last_index(g[1], u, "conv2d_pooled_grads")
    source.shape, source.g, source.places = &s, cnp.PyArray_DATA(u), cnp.PyArray_DATA(index)
    gw = empty(4, w, cnp.PyArray_TYPE(u))
    gb = empty(1, w, cnp.PyArray_TYPE(u))
    with nogil:
        parallel_watch()
        status = conv_pooled_grad_w(t, &f, &source, cnp.PyArray_DATA(x), cnp.PyArray_DATA(gw), cnp.PyArray_DATA(gb))
    finish("conv2d_pooled_grads", status)
    return gw, gb
