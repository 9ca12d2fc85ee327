# cython: language_level=3, boundscheck=False, wraparound=False
"""y = x where |x| > limit, else 0: the loop, for contiguous float and double arrays."""

cimport numpy as cnp
from autograd.tape cimport Value

import numpy as np

cnp.import_array()

ctypedef fused real:  # the loop is compiled twice
    float
    double


cdef void shrink(const real *x, const real *g, real *y, Py_ssize_t n, real limit) noexcept nogil:
    """y = g where |x| > limit, else 0. With g = x it is the function, with g a gradient its rule."""
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = 0 if -limit <= x[i] <= limit else g[i]  # asked like this, NaN stays NaN


def hardshrink(x, g, double limit):
    """Checks everything, for no input may crash: shapes, dtype, memory layout; then runs without the GIL."""
    cdef cnp.ndarray a, b, y
    a = np.ascontiguousarray(x)
    b = np.ascontiguousarray(g, dtype=a.dtype)
    if a.dtype not in (np.float32, np.float64):
        raise TypeError(f"hardshrink: x has dtype {a.dtype}, expected float32 or float64")
    if (<object>a).shape != (<object>b).shape:
        raise ValueError(f"hardshrink: x has shape {x.shape}, g {g.shape}")
    y = np.empty_like(a)
    if a.dtype == np.float32:
        with nogil:
            shrink(<float *>cnp.PyArray_DATA(a), <float *>cnp.PyArray_DATA(b), <float *>cnp.PyArray_DATA(y),
                   cnp.PyArray_SIZE(a), <float>limit)
    else:
        with nogil:
            shrink(<double *>cnp.PyArray_DATA(a), <double *>cnp.PyArray_DATA(b), <double *>cnp.PyArray_DATA(y),
                   cnp.PyArray_SIZE(a), limit)
    return y


def passed(Value x, double limit):
    """How many elements of a tensor get through: `Value` is the compiled base of Tensor, `x.array` a C field."""
    return int(np.count_nonzero(np.abs(x.array) > limit))
