"""The ops, one file per family. Importing this package completes every handle and fills Tensor's methods."""

from autograd import convert, tensor
from autograd.op import registry
from autograd.ops import (  # noqa: F401  importing a family declares its ops
    activation,
    adaptive,
    attention,
    batch_norm_relu,
    binary,
    bits,
    bounded,
    classes,
    clip,
    conv,
    conv_forms,
    ctc,
    einsum,
    elementwise,
    extreme,
    factor,
    gates,
    index,
    join,
    lapack,
    linalg,
    loss,
    margin,
    matnorm,
    matrix,
    norm,
    order,
    patches,
    place,
    places,
    pool,
    products,
    random,
    recurrent,
    reduce,
    resample,
    scale,
    sets,
    shape,
    shaped,
    softmax,
    solve,
    sort,
    special,
    standard,
    strided,
    table,
    unary,
    views,
    volume,
    window,
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
    "alias_copy": "identity",
    "cat": "concatenate",
    "concat": "concatenate",
    "moveaxis": "movedim",
    "ravel": "flatten",
    "row_stack": "vstack",
    "swapaxes": "transpose",
    "swapdims": "transpose",
    "view": "reshape",
    # copies: results never share memory that may be changed behind the user's back
    "diagonal_copy": "diagonal",
    "expand_copy": "expand",
    "narrow_copy": "narrow",
    "permute_copy": "permute",
    "split_with_sizes": "split",
    "split_with_sizes_copy": "split",
    "squeeze_copy": "squeeze",
    "t_copy": "t",
    "transpose_copy": "transpose",
    "unbind_copy": "unbind",
    "unfold_copy": "windows_along",
    "unsafe_chunk": "chunk",
    "unsafe_split": "split",
    "unsqueeze_copy": "unsqueeze",
    "view_as": "reshape_as",
    "view_copy": "reshape",
    # names of the kernels behind torch's functions
    "constant_pad_nd": "constant_pad",
    # the array API standard's
    "bitwise_invert": "bitwise_not",
    "broadcast_arrays": "broadcast_tensors",
    "expand_dims": "unsqueeze",
    "permute_dims": "permute",
    "unstack": "unbind",
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

__all__ = ["ALIASES", "namespace"]


def namespace() -> dict:
    """Every public op by name, aliases included."""
    calls = {name: record.call for name, record in registry().items()}
    return calls | {alias: calls[name] for alias, name in ALIASES.items()}


# Methods whose name is another function in torch.nn.functional.
METHODS = {"unfold": strided.windows_along}

tensor.methods.update(convert.METHODS | namespace() | METHODS)
