"""torch.linalg's names: the ops on matrices. Where torch itself has another function of the same name (norm, qr, svd),
the op here is called linalg_NAME in the registry."""

from __future__ import annotations

from collections.abc import Callable

from autograd.ops import namespace
from autograd.shapes import near

NAMES = [
    "cholesky",
    "cholesky_ex",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eigh",
    "eigvalsh",
    "householder_product",
    "inv",
    "inv_ex",
    "lstsq",
    "lu",
    "lu_factor",
    "lu_factor_ex",
    "lu_solve",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "multi_dot",
    "norm",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_ex",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensordot",
    "tensorinv",
    "tensorsolve",
    "trace",
    "vander",
    "vecdot",
    "vector_norm",
]


def __getattr__(name: str) -> Callable:
    calls = namespace()
    if name not in NAMES:
        raise AttributeError(f"autograd.linalg has no {name!r}{near(name, NAMES)}")
    found = calls.get(f"linalg_{name}") or calls[name]
    globals()[name] = found  # the next access is a plain one
    return found


def __dir__() -> list[str]:
    return NAMES
