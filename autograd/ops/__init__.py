"""The ops, one file per family. Importing this package completes every handle and fills Tensor's methods."""

from __future__ import annotations

import functools
from collections.abc import Callable

from autograd import convert, describe, tensor
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
    conv_chain,
    conv_forms,
    ctc,
    distributions,
    einsum,
    elementwise,
    extreme,
    factor,
    fractional,
    gates,
    index,
    join,
    lapack,
    layer_norm,
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
    "adjoint": "matrix_transpose",
    "chain_matmul": "multi_dot",
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
    # activation, resample
    "swish": "silu",
    "upsample": "interpolate",
}

# Methods of tensors that are functions, too.
FUNCTIONS = (
    "clone", "detach", "get_device", "is_complex", "is_inference", "is_nonzero", "is_same_size", "is_signed", "numel",
)  # fmt: skip

# Families of functions of single numbers.
POINTWISE = ("activation", "binary", "bits", "bounded", "clip", "elementwise", "special", "unary")

__all__ = ["ALIASES", "find", "names", "namespace"]


def namespace() -> dict:
    """Every public op by name, aliases included."""
    calls = {name: record.call for name, record in registry().items()}
    return calls | {alias: calls[name] for alias, name in ALIASES.items()}


def find(name: str) -> Callable | None:
    """The function of this name, or None: an op; with _ in place; a pool _with_indices; one of FUNCTIONS."""
    calls = namespace()
    if name in calls:
        return calls[name]  # type: ignore[no-any-return]
    if name in FUNCTIONS or (name.endswith("_") and (name in tensor.methods or name[:-1] in calls)):
        return _by_method(name)
    plain = name.removesuffix("_with_indices")
    return functools.partial(calls[plain], return_indices=True) if plain in calls and "max_pool" in plain else None


def _by_method(name: str) -> Callable:
    def call(x, *args, **kwargs):
        return getattr(x, name)(*args, **kwargs)

    call.__name__, call.__doc__ = name, f"x.{name}(...)"
    return call


def names() -> list[str]:
    """What find knows, as far as PyTorch users look for it: changes in place are those that keep shapes."""
    calls = namespace()
    in_place = [
        f"{name}_"
        for name, record in [*registry().items(), *((alias, registry()[op]) for alias, op in ALIASES.items())]
        if record.module.rpartition(".")[2] in POINTWISE or "inplace" in record.signature.parameters
    ]
    pools = [f"{name}_with_indices" for name in calls if "max_pool" in name and name[-2:] in ("1d", "2d", "3d")]
    return [*calls, *FUNCTIONS, *in_place, *pools, *(name for name in tensor.methods if name.endswith("_"))]


# Methods whose name is another function in torch.nn.functional.
METHODS = {"random": distributions.random_like, "unfold": strided.windows_along}

tensor.methods.update(convert.METHODS | describe.METHODS | namespace() | METHODS)
tensor.properties.update(describe.PROPERTIES)
