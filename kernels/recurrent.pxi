# LSTM and GRU over a whole sequence: a matrix product and one fused step for each element of it.

cdef cnp.ndarray sequence(object x, int ndim, str what, str name):
    """x as a contiguous array of so many axes."""
    cdef cnp.ndarray array = as_array(x, what)
    if not is_float(array):
        raise TypeError(f"{what}: {name} is {array.dtype}, expected float32 or float64")
    if cnp.PyArray_NDIM(array) != ndim:
        raise ValueError(f"{what}: {name} has shape {np.shape(array)}, expected {ndim} axes")
    return contiguous(array)


cdef cnp.ndarray state_like(object x, cnp.ndarray gates, int blocks, str what, str name):
    """A contiguous state (N, H) or gate gradient of (L, N, blocks H)."""
    cdef cnp.ndarray array = sequence(x, 2, what, name)
    if cnp.PyArray_TYPE(array) != cnp.PyArray_TYPE(gates):
        raise TypeError(f"{what}: gates are {gates.dtype}, but {name} is {array.dtype}")
    if (cnp.PyArray_DIM(array, 0) != cnp.PyArray_DIM(gates, 1)
            or cnp.PyArray_DIM(array, 1) * blocks != cnp.PyArray_DIM(gates, 2)):
        raise ValueError(f"{what}: {name} has shape {np.shape(array)}, which does not fit gates {np.shape(gates)}")
    return array


cdef int fits(str what, str name, object x, cnp.ndarray gates, tuple shape) except -1:
    """Refuses an array of another shape, or of another dtype than the gates."""
    if np.shape(x) != shape or x.dtype != gates.dtype:
        raise ValueError(f"{what}: {name} is {x.dtype} {np.shape(x)}, expected {gates.dtype} {shape}")
    return 0


cdef cnp.ndarray new_sequence(cnp.npy_intp length, cnp.npy_intp n, cnp.npy_intp width, int dtype):
    cdef cnp.npy_intp *shape = [length, n, width]
    return empty(3, shape, dtype)


cdef inline char *step_of(cnp.ndarray x, cnp.npy_intp t) noexcept nogil:
    """The data of x[t]."""
    return <char *>cnp.PyArray_DATA(x) + t * cnp.PyArray_STRIDE(x, 0)


def lstm(gates, h, c, u, b=None):
    """gates (L, N, 4 H), h and c (N, H), u (4 H, H), b (4 H,) -> (hs and cs (2 L, N, H), activations (L, N, 4 H))"""
    cdef cnp.ndarray x = sequence(gates, 3, "lstm", "gates")
    cdef cnp.ndarray hidden = state_like(h, x, 4, "lstm", "h"), cell = state_like(c, x, 4, "lstm", "c"), product
    cdef cnp.npy_intp length = cnp.PyArray_DIM(x, 0), n = cnp.PyArray_DIM(x, 1), t
    cdef cnp.npy_intp size = cnp.PyArray_DIM(hidden, 1)
    cdef cnp.ndarray out = new_sequence(2 * length, n, size, cnp.PyArray_TYPE(x))
    cdef cnp.ndarray active = new_sequence(length, n, 4 * size, cnp.PyArray_TYPE(x))
    cdef const char *before = <const char *>cnp.PyArray_DATA(cell)
    cdef const kernel_table *k = table(x)
    fits("lstm", "u", u, x, (4 * size, size))
    for t in range(length):
        product = linear(hidden, u, b)
        with nogil:
            k.lstm_step(step_of(x, t), cnp.PyArray_DATA(product), before, step_of(active, t),
                        step_of(out, length + t), step_of(out, t), n, size)
        before = step_of(out, length + t)
        hidden = out[t]
    return out, active


def lstm_grad(g, out, active, h, c, u):
    """The gradients of lstm for gates, h, c, u and b, given its results: (dgates, dh, dc, du, db)."""
    cdef cnp.ndarray acts = sequence(active, 3, "lstm_grad", "active")
    cdef cnp.ndarray hidden = state_like(h, acts, 4, "lstm_grad", "h"), cell = state_like(c, acts, 4, "lstm_grad", "c")
    cdef cnp.ndarray results = sequence(out, 3, "lstm_grad", "out")
    cdef cnp.ndarray grads = in_layout_of(results, g, "lstm_grad", "out", "g")
    cdef cnp.npy_intp length = cnp.PyArray_DIM(acts, 0), n = cnp.PyArray_DIM(acts, 1), t
    cdef cnp.npy_intp size = cnp.PyArray_DIM(hidden, 1)
    cdef cnp.ndarray dgates = new_sequence(length, n, 4 * size, cnp.PyArray_TYPE(acts))
    cdef cnp.ndarray dh = np.zeros_like(hidden), dc = np.zeros_like(cell)
    cdef const kernel_table *k = table(acts)
    cdef char *before
    fits("lstm_grad", "out", results, acts, (2 * length, n, size))
    fits("lstm_grad", "u", u, acts, (4 * size, size))
    for t in range(length - 1, -1, -1):
        before = step_of(results, length + t - 1) if t else <char *>cnp.PyArray_DATA(cell)
        with nogil:
            k.lstm_step_grad(step_of(grads, t), cnp.PyArray_DATA(dh), step_of(grads, length + t),
                             step_of(acts, t), before, step_of(results, length + t), step_of(dgates, t),
                             cnp.PyArray_DATA(dc), n, size)
        dh = matmul(dgates[t], u)
    return dgates, dh, dc, *product_grads(dgates, hidden, results[:length])


cdef tuple product_grads(cnp.ndarray dgates, cnp.ndarray h, cnp.ndarray hs):
    """The gradients of the recurrent weight and bias, over all steps at once."""
    before = np.concatenate([(<object>h)[None], hs[:-1]])
    return linear_grad_w(dgates, before), sum(dgates, (0, 1))


def gru(gates, h, u, b=None):
    """gates (L, N, 3 H), h (N, H), u (3 H, H), b (3 H,) -> (hs (L, N, H), activations (L, N, 4 H))"""
    cdef cnp.ndarray x = sequence(gates, 3, "gru", "gates")
    cdef cnp.ndarray hidden = state_like(h, x, 3, "gru", "h"), product
    cdef cnp.npy_intp length = cnp.PyArray_DIM(x, 0), n = cnp.PyArray_DIM(x, 1), t
    cdef cnp.npy_intp size = cnp.PyArray_DIM(hidden, 1)
    cdef cnp.ndarray out = new_sequence(length, n, size, cnp.PyArray_TYPE(x))
    cdef cnp.ndarray active = new_sequence(length, n, 4 * size, cnp.PyArray_TYPE(x))
    cdef const kernel_table *k = table(x)
    fits("gru", "u", u, x, (3 * size, size))
    for t in range(length):
        product = linear(hidden, u, b)
        with nogil:
            k.gru_step(step_of(x, t), cnp.PyArray_DATA(product), cnp.PyArray_DATA(hidden), step_of(active, t),
                       step_of(out, t), n, size)
        hidden = out[t]
    return out, active


def gru_grad(g, out, active, h, u):
    """The gradients of gru for gates, h, u and b, given its results: (dgates, dh, du, db)."""
    cdef cnp.ndarray acts = sequence(active, 3, "gru_grad", "active")
    cdef cnp.ndarray hidden = state_like(h, acts, 4, "gru_grad", "h")
    cdef cnp.ndarray results = sequence(out, 3, "gru_grad", "out")
    cdef cnp.ndarray grads = in_layout_of(results, g, "gru_grad", "out", "g")
    cdef cnp.npy_intp length = cnp.PyArray_DIM(acts, 0), n = cnp.PyArray_DIM(acts, 1), t
    cdef cnp.npy_intp size = cnp.PyArray_DIM(hidden, 1)
    cdef cnp.ndarray dgates = new_sequence(length, n, 3 * size, cnp.PyArray_TYPE(acts))
    cdef cnp.ndarray du = new_sequence(length, n, 3 * size, cnp.PyArray_TYPE(acts))
    cdef cnp.ndarray dh = np.zeros_like(hidden), past = np.zeros_like(hidden)
    cdef const kernel_table *k = table(acts)
    cdef char *before
    fits("gru_grad", "out", results, acts, (length, n, size))
    fits("gru_grad", "u", u, acts, (3 * size, size))
    for t in range(length - 1, -1, -1):
        before = step_of(results, t - 1) if t else <char *>cnp.PyArray_DATA(hidden)
        with nogil:
            k.gru_step_grad(step_of(grads, t), cnp.PyArray_DATA(dh), step_of(acts, t), before,
                            step_of(dgates, t), step_of(du, t), cnp.PyArray_DATA(past), n, size)
        dh = add_(matmul(du[t], u), past)
    return dgates, dh, *product_grads(du, hidden, results)
