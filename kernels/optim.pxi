# Optimizer steps over lists of parameters, in place.

cdef extern from "optim.h" nogil:
    ctypedef struct optim_options:
        double lr, weight_decay, eps, momentum, dampening, beta1, beta2
        int nesterov, decoupled
    ctypedef struct optim_tensor:
        void *arrays[5]
        int64_t n
        int dtype, first
        double correction1, correction2
    cdef enum:
        OPTIM_SGD
        OPTIM_ADAM
        OPTIM_RMSPROP
    int optim_step(int rule, const optim_tensor *tensors, int64_t count, const optim_options *options)


cdef object checked_list(object arrays, object params, str what, str name):
    """A list as long as params, or None."""
    if arrays is None:
        return None
    if not isinstance(arrays, (list, tuple)):
        raise TypeError(f"{what}: {name} must be a list of arrays, got {type(arrays).__name__}")
    if len(arrays) != len(params):
        raise ValueError(f"{what}: {len(params)} params, but {len(arrays)} {name}")
    return arrays


cdef cnp.ndarray in_place(object array, str what, str name, list copies):
    """An array to be changed; one that is not dense is worked on as a copy and written back."""
    cdef cnp.ndarray a
    if not cnp.PyArray_Check(array):
        raise TypeError(f"{what}: {name} must hold arrays, got {type(array).__name__}")
    a = array
    if not cnp.PyArray_ISWRITEABLE(a):
        raise ValueError(f"{what}: an array of {name} is read-only")
    cdef cnp.ndarray work = dense(a, what)
    if work is not a:
        copies.append((a, work))
    return work


cdef class Step:
    """The arrays of one step, checked, in the form that the C driver takes."""

    cdef list keep, copies
    cdef optim_tensor *tensors
    cdef Py_ssize_t count
    cdef str what

    def __dealloc__(self):
        free(self.tensors)

    def __init__(self, what, params, grads, states):
        cdef Py_ssize_t i, k
        cdef cnp.ndarray x, array
        self.what = what
        if not isinstance(params, (list, tuple)):
            raise TypeError(f"{what}: params must be a list of arrays, got {type(params).__name__}")
        grads = checked_list(grads, params, what, "grads")
        if grads is None:
            raise TypeError(f"{what}: grads must be a list of arrays, got None")
        lists = [(name, checked_list(state, params, what, name)) for name, state in states]
        self.keep = []
        self.copies = []
        self.count = len(params)
        self.tensors = <optim_tensor *>calloc(self.count + 1, sizeof(optim_tensor))
        if self.tensors == NULL:
            raise MemoryError(f"{what}: out of memory")
        for i in range(self.count):
            x = in_place(params[i], what, "params", self.copies)
            array = as_array(grads[i], what)
            if not same_layout(x, array):
                array = in_layout_of(x, array, what, f"params[{i}]", f"grads[{i}]")
            self.keep += (x, array)
            self.tensors[i].arrays[0] = cnp.PyArray_DATA(x)
            self.tensors[i].arrays[1] = cnp.PyArray_DATA(array)
            self.tensors[i].n = cnp.PyArray_SIZE(x)
            self.tensors[i].dtype = dtype_index(x)
            self.tensors[i].correction1 = self.tensors[i].correction2 = 1
            for k in range(len(lists)):
                name, state = lists[k]
                if state is not None:
                    self.tensors[i].arrays[2 + k] = self.state(x, state[i], name, i)

    cdef void *state(self, cnp.ndarray x, object given, str name, Py_ssize_t i) except? NULL:
        cdef cnp.ndarray array = in_place(given, self.what, name, self.copies)
        cdef cnp.ndarray work = array
        if not same_layout(x, array):
            work = in_layout_of(x, array, self.what, f"params[{i}]", f"{name}[{i}]")
        if work is not array:
            self.copies.append((given, work))
        self.keep.append(work)
        return cnp.PyArray_DATA(work)

    cdef int run(self, int rule, optim_options *options) except -1:
        cdef int status
        with nogil:
            status = optim_step(rule, self.tensors, self.count, options)
        if status < 0:
            raise MemoryError(f"{self.what}: out of memory")
        for original, work in self.copies:
            np.copyto(original, work)
        return 0


def sgd_step(params, grads, momenta, double lr, double momentum=0.0, double dampening=0.0, double weight_decay=0.0,
             bint nesterov=False, first=False):
    """params -= lr * grads, with momentum where momenta are given. first (a bool, or one per parameter): momenta are
    uninitialised and become the gradients."""
    cdef optim_options o
    memset(&o, 0, sizeof(o))
    o.lr, o.momentum, o.dampening, o.weight_decay, o.nesterov = lr, momentum, dampening, weight_decay, nesterov
    cdef Step step = Step("sgd_step", params, grads, (("momenta", momenta),))
    cdef Py_ssize_t i
    if isinstance(first, (list, tuple)):
        checked_list(first, params, "sgd_step", "first")
    for i in range(step.count):
        step.tensors[i].first = bool(first[i] if isinstance(first, (list, tuple)) else first)
    step.run(OPTIM_SGD, &o)


def adam_step(params, grads, exp_avgs, exp_avg_sqs, step, double lr, double beta1=0.9, double beta2=0.999,
              double eps=1e-8, double weight_decay=0.0, bint decoupled=False, max_exp_avg_sqs=None):
    """One step of Adam, of AdamW where decoupled, of AMSGrad where max_exp_avg_sqs is given. step counts from 1 (an
    int, or one per parameter)."""
    cdef optim_options o
    memset(&o, 0, sizeof(o))
    o.lr, o.beta1, o.beta2, o.eps, o.weight_decay, o.decoupled = lr, beta1, beta2, eps, weight_decay, decoupled
    cdef Step work
    cdef Py_ssize_t i
    if exp_avgs is None or exp_avg_sqs is None:
        raise TypeError("adam_step: exp_avgs and exp_avg_sqs must be lists of arrays, got None")
    if isinstance(step, (list, tuple)):
        checked_list(step, params, "adam_step", "step")
    work = Step("adam_step", params, grads, (("exp_avgs", exp_avgs), ("exp_avg_sqs", exp_avg_sqs),
                                             ("max_exp_avg_sqs", max_exp_avg_sqs)))
    for i in range(work.count):
        t = float(step[i] if isinstance(step, (list, tuple)) else step)
        if not t >= 1:
            raise ValueError(f"adam_step: step must be at least 1, got {t}")
        work.tensors[i].correction1 = 1 - beta1 ** t
        work.tensors[i].correction2 = 1 - beta2 ** t
    work.run(OPTIM_ADAM, &o)


def rmsprop_step(params, grads, square_avgs, double lr, double alpha=0.99, double eps=1e-8, double weight_decay=0.0,
                 momentum_buffers=None, double momentum=0.0, grad_avgs=None):
    """One step of RMSprop, with momentum where momentum_buffers are given, centered where grad_avgs are."""
    cdef optim_options o
    memset(&o, 0, sizeof(o))
    o.lr, o.beta2, o.eps, o.weight_decay, o.momentum = lr, alpha, eps, weight_decay, momentum
    if square_avgs is None:
        raise TypeError("rmsprop_step: square_avgs must be a list of arrays, got None")
    cdef Step step = Step("rmsprop_step", params, grads, (("square_avgs", square_avgs),
                                                          ("momentum_buffers", momentum_buffers),
                                                          ("grad_avgs", grad_avgs)))
    step.run(OPTIM_RMSPROP, &o)
