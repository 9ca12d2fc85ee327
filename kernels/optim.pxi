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


cdef inline list as_list(object arrays):
    return arrays if type(arrays) is list else list(arrays)


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


cdef bint are_plain(object x, object y) noexcept:
    """Whether x can be changed element by element along with y: C-contiguous float arrays of one dtype and shape."""
    return (
        cnp.PyArray_Check(x) and cnp.PyArray_Check(y)
        and is_float(<cnp.ndarray>x) and cnp.PyArray_TYPE(<cnp.ndarray>x) == cnp.PyArray_TYPE(<cnp.ndarray>y)
        and cnp.PyArray_ISCARRAY(<cnp.ndarray>x) and cnp.PyArray_ISCARRAY_RO(<cnp.ndarray>y)
        and cnp.PyArray_SAMESHAPE(<cnp.ndarray>x, <cnp.ndarray>y)
    )


cdef class Step:
    """The arrays of one step, checked, in the form that the C driver takes."""

    cdef list params, grads  # the caller's, unless something needs a copy
    cdef list copies
    cdef list held  # all arrays, while the interpreter is released and others may change the caller's lists
    cdef optim_tensor *tensors
    cdef Py_ssize_t count
    cdef int64_t elements
    cdef str what

    def __dealloc__(self):
        free(self.tensors)

    cdef int start(self, params, grads) except -1:
        cdef Py_ssize_t i
        cdef cnp.ndarray x, g
        if not isinstance(params, (list, tuple)):
            raise TypeError(f"{self.what}: params must be a list of arrays, got {type(params).__name__}")
        if grads is None:
            raise TypeError(f"{self.what}: grads must be a list of arrays, got None")
        self.params, self.grads = as_list(params), as_list(checked_list(grads, params, self.what, "grads"))
        self.count = len(params)
        self.tensors = <optim_tensor *>calloc(self.count + 1, sizeof(optim_tensor))
        if self.tensors == NULL:
            raise MemoryError(f"{self.what}: out of memory")
        for i in range(self.count):
            if not are_plain(self.params[i], self.grads[i]):
                self.replace(i)
            x, g = self.params[i], self.grads[i]
            self.tensors[i].arrays[0] = cnp.PyArray_DATA(x)
            self.tensors[i].arrays[1] = cnp.PyArray_DATA(g)
            self.tensors[i].n = cnp.PyArray_SIZE(x)
            self.tensors[i].dtype = dtype_index(x)
            self.tensors[i].correction1 = self.tensors[i].correction2 = 1
            self.elements += self.tensors[i].n
        if self.elements >= RELEASE_GIL:
            self.held = [list(self.params), list(self.grads)]
        return 0

    cdef int replace(self, Py_ssize_t i) except -1:
        """Works on copies where a parameter is not dense or its gradient lies otherwise; the caller's lists stay."""
        if self.copies is None:
            self.params, self.grads, self.copies = list(self.params), list(self.grads), []
        self.params[i] = in_place(self.params[i], self.what, "params", self.copies)
        self.grads[i] = in_layout_of(self.params[i], self.grads[i], self.what, f"params[{i}]", f"grads[{i}]")
        return 0

    cdef int add_state(self, int place, object arrays, str name) except -1:
        """Arrays that are changed like the parameters; None: there are none."""
        cdef Py_ssize_t i
        cdef cnp.ndarray x, work
        if arrays is None:
            return 0
        cdef list states = as_list(checked_list(arrays, self.params, self.what, name))
        if self.elements >= RELEASE_GIL:
            self.held.append(list(states))
        for i in range(self.count):
            if are_plain(states[i], self.params[i]):
                self.tensors[i].arrays[place] = cnp.PyArray_DATA(<cnp.ndarray>states[i])
                continue
            x = self.params[i]
            if self.copies is None:
                self.copies = []
            work = in_place(states[i], self.what, name, self.copies)
            if not same_layout(x, work):
                work = in_layout_of(x, work, self.what, f"params[{i}]", f"{name}[{i}]")
                self.copies.append((states[i], work))
            self.tensors[i].arrays[place] = cnp.PyArray_DATA(work)
        return 0

    cdef int run(self, int rule, optim_options *options) except -1:
        cdef int status
        if self.elements < RELEASE_GIL:
            status = optim_step(rule, self.tensors, self.count, options)
        else:
            with nogil:
                status = optim_step(rule, self.tensors, self.count, options)
        if status < 0:
            raise MemoryError(f"{self.what}: out of memory")
        for original, work in self.copies or ():
            np.copyto(original, work)
        return 0


cdef Step started(str what, params, grads):
    cdef Step step = Step.__new__(Step)
    step.what = what
    step.start(params, grads)
    return step


def sgd_step(params, grads, momenta, double lr, double momentum=0.0, double dampening=0.0, double weight_decay=0.0,
             bint nesterov=False, first=False):
    """params -= lr * grads, with momentum where momenta are given. first (a bool, or one per parameter): momenta are
    uninitialised and become the gradients."""
    cdef optim_options o
    memset(&o, 0, sizeof(o))
    o.lr, o.momentum, o.dampening, o.weight_decay, o.nesterov = lr, momentum, dampening, weight_decay, nesterov
    cdef Step step = started("sgd_step", params, grads)
    step.add_state(2, momenta, "momenta")
    cdef Py_ssize_t i
    cdef bint each = isinstance(first, (list, tuple))
    if each:
        checked_list(first, params, "sgd_step", "first")
    for i in range(step.count):
        step.tensors[i].first = bool(first[i] if each else first)
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
    work = started("adam_step", params, grads)
    work.add_state(2, exp_avgs, "exp_avgs")
    work.add_state(3, exp_avg_sqs, "exp_avg_sqs")
    work.add_state(4, max_exp_avg_sqs, "max_exp_avg_sqs")
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
    cdef Step step = started("rmsprop_step", params, grads)
    step.add_state(2, square_avgs, "square_avgs")
    step.add_state(3, momentum_buffers, "momentum_buffers")
    step.add_state(4, grad_avgs, "grad_avgs")
    step.run(OPTIM_RMSPROP, &o)
