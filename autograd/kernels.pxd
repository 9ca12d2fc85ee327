# What other Cython modules may cimport from autograd.kernels.
cimport numpy as cnp
from cpython.object cimport PyObject

cpdef cnp.ndarray matmul(cnp.ndarray a, cnp.ndarray b)
cpdef cnp.ndarray linear(cnp.ndarray x, cnp.ndarray w, cnp.ndarray b=*, activation=*, kept=*)
cpdef cnp.ndarray conv2d(
    cnp.ndarray x, cnp.ndarray w, cnp.ndarray b=*, stride=*, padding=*, dilation=*, groups=*, activation=*, kept=*,
    tuple norm=*, tally=*
)
cpdef cnp.ndarray conv2d_result(cnp.ndarray x, cnp.ndarray w, stride=*, padding=*, dilation=*, groups=*)
cpdef cnp.ndarray conv2d_grad_x(cnp.ndarray g, cnp.ndarray w, x_shape, stride=*, padding=*, dilation=*, groups=*,
                                tally=*)
cpdef cnp.ndarray conv2d_grad_w(
    cnp.ndarray g, cnp.ndarray x, w_shape, stride=*, padding=*, dilation=*, groups=*, tuple norm=*
)
cdef void retire(PyObject *array) noexcept  # an array that is about to be freed: the next result may take it
