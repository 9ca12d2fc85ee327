# Elementwise wrappers. Same-shape contiguous arrays go to the C loops; NumPy broadcasts the rest.

cdef inline bint same_layout(cnp.ndarray x, cnp.ndarray y):
    return (
        cnp.PyArray_TYPE(x) == cnp.PyArray_TYPE(y)
        and (cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32 or cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT64)
        and cnp.PyArray_ISCARRAY_RO(x) and cnp.PyArray_ISCARRAY_RO(y)
        and cnp.PyArray_SAMESHAPE(x, y)
    )


cdef cnp.ndarray binary(binary_kernel kernel, cnp.ndarray x, cnp.ndarray y):
    cdef cnp.ndarray out = empty(cnp.PyArray_NDIM(x), cnp.PyArray_DIMS(x), cnp.PyArray_TYPE(x))
    with nogil:
        kernel(cnp.PyArray_DATA(x), cnp.PyArray_DATA(y), cnp.PyArray_DATA(out), cnp.PyArray_SIZE(x))
    return out


def add(cnp.ndarray x not None, cnp.ndarray y not None):
    """x + y"""
    if same_layout(x, y):
        return binary(table(x).add, x, y)
    return np.add(x, y)


def mul(cnp.ndarray x not None, cnp.ndarray y not None):
    """x * y"""
    if same_layout(x, y):
        return binary(table(x).mul, x, y)
    return np.multiply(x, y)
