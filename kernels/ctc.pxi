# Connectionist temporal classification.

cdef extern from "ctc.h" nogil:
    ctypedef struct ctc_problem:
        int64_t steps, n, classes, width, blank
        const void *x
        int size
        const int64_t *labels
        const int64_t *times
        const int64_t *sizes
    int ctc_loss_ "ctc_loss"(const ctc_problem *p, void *loss)
    int ctc_loss_grad_ "ctc_loss_grad"(const ctc_problem *p, const void *g, const void *loss, void *gx)


cdef cnp.ndarray ctc_integers(str what, str name, object values, int64_t least, int64_t most, cnp.ndarray like):
    """Native int64 in [least, most], as many as sequences; in rows, where `like` is None."""
    cdef cnp.ndarray v = contiguous(np.asarray(values, np.int64))
    if cnp.PyArray_SIZE(v) and (v.min() < least or v.max() > most):
        raise ValueError(f"{what}: {name} must be from {least} to {most}")
    if cnp.PyArray_NDIM(v) != (2 if like is None else 1):
        raise ValueError(f"{what}: {name} has shape {shape_of(v)}")
    if like is not None and cnp.PyArray_DIM(v, 0) != cnp.PyArray_DIM(like, 0):
        raise ValueError(f"{what}: {name} has shape {shape_of(v)} for {cnp.PyArray_DIM(like, 0)} sequences")
    return v


cdef tuple set_ctc(ctc_problem *p, str what, object x, object labels, object times, object sizes, int64_t blank):
    """Fills p; returns what it points to, x first."""
    cdef cnp.ndarray a = contiguous(dense(x, what))
    if cnp.PyArray_NDIM(a) != 3:
        raise ValueError(f"{what}: expected log-probabilities (T, N, C), got shape {shape_of(a)}")
    p.steps, p.n, p.classes = cnp.PyArray_DIM(a, 0), cnp.PyArray_DIM(a, 1), cnp.PyArray_DIM(a, 2)
    cdef cnp.ndarray rows = ctc_integers(what, "labels", labels, 0, p.classes - 1, None)
    cdef cnp.ndarray t = ctc_integers(what, "times", times, 0, p.steps, rows)
    cdef cnp.ndarray n = ctc_integers(what, "sizes", sizes, 0, cnp.PyArray_DIM(rows, 1), rows)
    if cnp.PyArray_DIM(rows, 0) != p.n or not 0 <= blank < p.classes:
        raise ValueError(f"{what}: x {shape_of(a)} does not fit labels {shape_of(rows)} and blank {blank}")
    p.width, p.blank, p.size = cnp.PyArray_DIM(rows, 1), blank, cnp.PyArray_ITEMSIZE(a)
    p.x, p.labels = cnp.PyArray_DATA(a), <const int64_t *>cnp.PyArray_DATA(rows)
    p.times, p.sizes = <const int64_t *>cnp.PyArray_DATA(t), <const int64_t *>cnp.PyArray_DATA(n)
    return a, rows, t, n


def ctc_loss(x, labels, times, sizes, int64_t blank=0):
    """-log of the probability that the classes of sequence i, repeats joined and blanks dropped, are its labels

    x: log-probabilities (T, N, C); of labels (N, S) the first sizes[i], of times the first times[i] count."""
    cdef ctc_problem p
    cdef tuple keep = set_ctc(&p, "ctc_loss", x, labels, times, sizes, blank)
    cdef cnp.ndarray loss = empty(1, &p.n, cnp.PyArray_TYPE(<cnp.ndarray>keep[0]))
    cdef int status
    with nogil:
        status = ctc_loss_(&p, cnp.PyArray_DATA(loss))
    enough_memory(status, "ctc_loss")
    return loss


def ctc_loss_grad(g, x, loss, labels, times, sizes, int64_t blank=0):
    """The gradient of ctc_loss, whose result was `loss`, for x: 0 where that is infinite."""
    cdef str what = "ctc_loss_grad"
    cdef ctc_problem p
    cdef tuple keep = set_ctc(&p, what, x, labels, times, sizes, blank)
    cdef cnp.ndarray a = keep[0]
    cdef cnp.ndarray gradient = vector(as_array(g, what), p.n, cnp.PyArray_TYPE(a), what, "g")
    cdef cnp.ndarray known = vector(as_array(loss, what), p.n, cnp.PyArray_TYPE(a), what, "loss")
    cdef cnp.ndarray gx = empty_like(a)
    cdef int status
    with nogil:
        status = ctc_loss_grad_(&p, cnp.PyArray_DATA(gradient), cnp.PyArray_DATA(known), cnp.PyArray_DATA(gx))
    enough_memory(status, what)
    return gx
