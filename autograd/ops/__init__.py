"""The ops, one file per family. Importing this package completes every handle and fills Tensor's methods."""

from autograd import convert, tensor
from autograd.op import registry
from autograd.ops import (
    activation,
    adaptive,
    binary,
    bits,
    classes,
    conv,
    conv_forms,
    einsum,
    elementwise,
    extreme,
    factor,
    index,
    join,
    lapack,
    linalg,
    loss,
    matnorm,
    matrix,
    norm,
    order,
    pool,
    products,
    random,
    reduce,
    scale,
    sets,
    shape,
    softmax,
    solve,
    sort,
    special,
    strided,
    table,
    unary,
    views,
)

FAMILIES = (
    activation,
    adaptive,
    binary,
    bits,
    classes,
    conv,
    conv_forms,
    einsum,
    elementwise,
    extreme,
    factor,
    index,
    join,
    lapack,
    linalg,
    loss,
    matnorm,
    matrix,
    norm,
    order,
    pool,
    products,
    random,
    reduce,
    scale,
    sets,
    shape,
    softmax,
    solve,
    sort,
    special,
    strided,
    table,
    unary,
    views,
)

# Other names of the same op, as PyTorch and NumPy spell them.
ALIASES = {
    # elementwise, binary, unary
    "absolute": "abs",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "clamp": "clip",
    "divide": "div",
    "fix": "trunc",
    "greater": "gt",
    "greater_equal": "ge",
    "less": "lt",
    "less_equal": "le",
    "mod": "remainder",
    "multiply": "mul",
    "negative": "neg",
    "not_equal": "ne",
    "power": "pow",
    "rint": "round",
    "sgn": "sign",
    "subtract": "sub",
    "true_divide": "div",
    # shape, join, matrix
    "broadcast_to": "expand",
    "cat": "concatenate",
    "concat": "concatenate",
    "moveaxis": "movedim",
    "ravel": "flatten",
    "row_stack": "vstack",
    "swapaxes": "transpose",
    "swapdims": "transpose",
    "view": "reshape",
    # index, reduce, sort
    # bits, special, solve
    "expit": "sigmoid",
    "gammaln": "lgamma",
    "inverse": "inv",
    "pinverse": "pinv",
    "psi": "digamma",
    "trapz": "trapezoid",
    # activation
    "swish": "silu",
}

__all__ = ["ALIASES", "namespace", *(f.__name__.rpartition(".")[2] for f in FAMILIES)]


def namespace() -> dict:
    """Every public op by name, aliases included."""
    calls = {name: record.call for name, record in registry().items()}
    return calls | {alias: calls[name] for alias, name in ALIASES.items()}


tensor.methods.update(convert.METHODS | namespace())
