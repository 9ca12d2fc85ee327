# Losses of two arrays, element by element: values, their sum or mean, and the gradient for x.

cdef extern from "pair.h" nogil:
    double pair_sum(pair_sum_kernel kernel, const void *x, const void *y, int64_t n, int size, double p)
    void pair_grad(pair_grad_kernel kernel, const void *g, int64_t g_step, double scale, const void *x, const void *y,
                   void *gx, int64_t n, int size, double p)


cdef int pair_kernels(str name, const kernel_table *t, binary_kernel *loss, pair_sum_kernel *sum_,
                      pair_grad_kernel *grad) except -1:
    """The three kernels of a loss."""
    if name == "squared":
        loss[0], sum_[0], grad[0] = t.squared_loss, t.squared_sum, t.squared_grad
    elif name == "absolute":
        loss[0], sum_[0], grad[0] = t.absolute_loss, t.absolute_sum, t.absolute_grad
    elif name == "huber":
        loss[0], sum_[0], grad[0] = t.huber_loss, t.huber_sum, t.huber_grad
    elif name == "smooth":
        loss[0], sum_[0], grad[0] = t.smooth_loss, t.smooth_sum, t.smooth_grad
    elif name == "bernoulli":
        loss[0], sum_[0], grad[0] = t.bernoulli_loss, t.bernoulli_sum, t.bernoulli_grad
    elif name == "logistic":
        loss[0], sum_[0], grad[0] = t.logistic_loss, t.logistic_sum, t.logistic_grad
    elif name == "kl":
        loss[0], sum_[0], grad[0] = t.kl_loss, t.kl_sum, t.kl_grad
    elif name == "kl_log":
        loss[0], sum_[0], grad[0] = t.kl_log_loss, t.kl_log_sum, t.kl_log_grad
    else:
        raise ValueError(f"pair_loss: no loss is called {name!r}")
    return 0


def pair_loss(x, y, reduction="mean", str name="squared", double p=0.0):
    """The losses of each x and y, their sum or their mean."""
    cdef int reduce = reduction_of(reduction, "pair_loss")
    cdef cnp.ndarray a = dense(x, "pair_loss")
    cdef cnp.ndarray b = in_layout_of(a, y, "pair_loss", "x", "y")
    cdef cnp.ndarray out
    cdef binary_kernel loss = NULL
    cdef pair_sum_kernel sum_ = NULL
    cdef pair_grad_kernel grad = NULL
    cdef cnp.npy_intp n = cnp.PyArray_SIZE(a)
    cdef int size = cnp.PyArray_ITEMSIZE(a)
    cdef double total
    pair_kernels(name, table(a), &loss, &sum_, &grad)
    if reduce == EACH:
        return run_binary(loss, a, b, p)
    if n < RELEASE_GIL:
        total = pair_sum(sum_, cnp.PyArray_DATA(a), cnp.PyArray_DATA(b), n, size, p)
    else:
        with nogil:
            total = pair_sum(sum_, cnp.PyArray_DATA(a), cnp.PyArray_DATA(b), n, size, p)
    out = empty(0, NULL, cnp.PyArray_TYPE(a))
    set_element(out, 0, total if reduce == SUM else total / n if n else NAN)
    return out


def pair_loss_grad(g, x, y, reduction="mean", str name="squared", double p=0.0):
    """The gradient of pair_loss for x; g holds one value, or one per element for reduction "none"."""
    cdef int reduce = reduction_of(reduction, "pair_loss_grad")
    cdef cnp.ndarray a = dense(x, "pair_loss_grad")
    cdef cnp.ndarray b = in_layout_of(a, y, "pair_loss_grad", "x", "y")
    cdef cnp.ndarray grad = as_array(g, "pair_loss_grad")
    cdef cnp.ndarray gx = empty_like(a)
    cdef binary_kernel loss = NULL
    cdef pair_sum_kernel sum_ = NULL
    cdef pair_grad_kernel kernel = NULL
    cdef cnp.npy_intp n = cnp.PyArray_SIZE(a)
    cdef int size = cnp.PyArray_ITEMSIZE(a)
    cdef bint each = reduce == EACH
    cdef double scale = 1.0 / n if reduce == MEAN and n else 1.0
    pair_kernels(name, table(a), &loss, &sum_, &kernel)
    if each:
        grad = in_layout_of(a, grad, "pair_loss_grad", "x", "g")
    elif cnp.PyArray_SIZE(grad) != 1 or cnp.PyArray_TYPE(grad) != cnp.PyArray_TYPE(a):
        raise ValueError(f"pair_loss_grad: g is {grad.dtype} of shape {np.shape(grad)}, expected one {a.dtype}")
    else:
        grad = contiguous(grad)
    if n < RELEASE_GIL:
        pair_grad(kernel, cnp.PyArray_DATA(grad), each, scale, cnp.PyArray_DATA(a), cnp.PyArray_DATA(b),
                  cnp.PyArray_DATA(gx), n, size, p)
    else:
        with nogil:
            pair_grad(kernel, cnp.PyArray_DATA(grad), each, scale, cnp.PyArray_DATA(a), cnp.PyArray_DATA(b),
                      cnp.PyArray_DATA(gx), n, size, p)
    return gx
