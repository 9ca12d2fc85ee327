# Which algorithm an op's kernel takes, and why: the drivers' own choice, asked without running them.

cdef tuple product(int64_t m, int64_t n, int64_t k, bint a_transposed, bint b_transposed):
    """The choice for a product of contiguous matrices, (m, k) by (k, n), either of them perhaps a transposed view."""
    cdef gemm_problem p
    cdef const char *reason
    memset(&p, 0, sizeof(p))
    p.m, p.n, p.k, p.ldc = m, n, k, n
    p.a.rows, p.a.columns = 1 if a_transposed else k, m if a_transposed else 1
    p.b.rows, p.b.columns = 1 if b_transposed else n, k if b_transposed else 1
    name = gemm_algorithm_name(gemm_choose(kernels_active[0], &p, &reason)).decode()
    return name, reason.decode()


cdef tuple matrix_sizes(str op, shape):
    """Rows and columns; all leading axes count as rows."""
    sizes = tuple([integer(op, "shape", size, 0) for size in shape])
    if len(sizes) < 2:
        raise ValueError(f"explain: {op} takes matrices, got shape {tuple(shape)}")
    return integer(op, "rows", math.prod(sizes[:-1]), 0), sizes[-1]


def explain(str op, *shapes, **attributes):
    """{pass: (algorithm, reason)} of conv2d, linear or matmul for these shapes, forward and for each gradient.

    conv2d takes its attributes; products are of contiguous matrices. Other ops have one kernel for all shapes.
    """
    if op not in ("conv2d", "linear", "matmul"):
        raise ValueError(f"explain: conv2d, linear and matmul choose between kernels, {op!r} does not")
    if len(shapes) != 2:
        raise ValueError(f"explain: {op} takes two shapes, got {len(shapes)}")
    if op == "conv2d":
        return {kind: explain_conv(kind, *shapes, **attributes) for kind in ("forward", "grad_x", "grad_w")}
    if attributes:
        raise TypeError(f"explain: {op} has no attribute {next(iter(attributes))!r}")
    (m, k), (rows, columns) = matrix_sizes(op, shapes[0]), matrix_sizes(op, shapes[1])
    n, inner = (rows, columns) if op == "linear" else (columns, rows)
    if inner != k:
        raise ValueError(f"explain: {op} of {tuple(shapes[0])} and {tuple(shapes[1])}: {k} and {inner} do not match")
    if op == "linear":
        return {
            "forward": product(m, n, k, False, True),
            "grad_x": product(m, k, n, False, False),
            "grad_w": product(n, k, m, True, False),
        }
    return {
        "forward": product(m, n, k, False, False),
        "grad_x": product(m, k, n, False, True),
        "grad_y": product(k, n, m, True, False),
    }
