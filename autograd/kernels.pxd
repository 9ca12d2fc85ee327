# What other Cython modules may cimport from autograd.kernels.
cimport numpy as cnp

cpdef cnp.ndarray matmul(cnp.ndarray a, cnp.ndarray b)
cpdef cnp.ndarray linear(cnp.ndarray x, cnp.ndarray w, cnp.ndarray b=*, activation=*)
