# Angles, logarithms to other bases, powers.

def tan(x):
    """The tangent of x."""
    cdef cnp.ndarray a = dense(x, "tan")
    return run_unary(table(a).tan, a, 0)


def asin(x):
    """The angle whose sine is x."""
    cdef cnp.ndarray a = dense(x, "asin")
    return run_unary(table(a).asin, a, 0)


def acos(x):
    """The angle whose cosine is x."""
    cdef cnp.ndarray a = dense(x, "acos")
    return run_unary(table(a).acos, a, 0)


def atan(x):
    """The angle whose tangent is x."""
    cdef cnp.ndarray a = dense(x, "atan")
    return run_unary(table(a).atan, a, 0)


def sinh(x):
    """The hyperbolic sine of x."""
    cdef cnp.ndarray a = dense(x, "sinh")
    return run_unary(table(a).sinh, a, 0)


def cosh(x):
    """The hyperbolic cosine of x."""
    cdef cnp.ndarray a = dense(x, "cosh")
    return run_unary(table(a).cosh, a, 0)


def asinh(x):
    """The inverse of sinh."""
    cdef cnp.ndarray a = dense(x, "asinh")
    return run_unary(table(a).asinh, a, 0)


def acosh(x):
    """The inverse of cosh."""
    cdef cnp.ndarray a = dense(x, "acosh")
    return run_unary(table(a).acosh, a, 0)


def atanh(x):
    """The inverse of tanh."""
    cdef cnp.ndarray a = dense(x, "atanh")
    return run_unary(table(a).atanh, a, 0)


def exp2(x):
    """2 ** x"""
    cdef cnp.ndarray a = dense(x, "exp2")
    return run_unary(table(a).exp2, a, 0)


def log2(x):
    """The logarithm of x to base 2."""
    cdef cnp.ndarray a = dense(x, "log2")
    return run_unary(table(a).log2, a, 0)


def log10(x):
    """The logarithm of x to base 10."""
    cdef cnp.ndarray a = dense(x, "log10")
    return run_unary(table(a).log10, a, 0)


def reciprocal(x):
    """1 / x"""
    cdef cnp.ndarray a = dense(x, "reciprocal")
    return run_unary(table(a).reciprocal, a, 0)


def atan2(y, x):
    """The angle of the point (x, y)."""
    return binary(kernels_active[0].atan2, kernels_active[1].atan2, y, x, "arctan2", "atan2")


def pow(x, y):
    """x ** y"""
    cdef cnp.ndarray a
    if is_weak(y) and cnp.PyArray_Check(x) and is_float(<cnp.ndarray>x):
        a = dense(x, "pow")
        return run_unary(table(a).power, a, y)
    return binary(kernels_active[0].pow, kernels_active[1].pow, x, y, "power", "pow")
