"""cygrad: a deep-learning engine for CPUs, small enough to read, gradient-checked, fast.

The names of `torch`, on the CPU: every op of the registry (autograd.relu), tensors and dtypes, random numbers,
no_grad, devices and threads. nn, optim, data, io and the other rooms are imported when first used.
"""

import importlib as _importlib
from math import e, inf, nan, pi
from typing import Any as _Any

from autograd import ops
from autograd.checking.gradcheck import GradientError, adjoint_check, gradcheck, gradgradcheck
from autograd.describe import is_floating_point
from autograd.device import (
    are_deterministic_algorithms_enabled,
    channels_last,
    compile,
    contiguous_format,
    cuda,
    device,
    get_float32_matmul_precision,
    get_num_threads,
    memory_format,
    preserve_format,
    set_float32_matmul_precision,
    set_flush_denormal,
    set_num_threads,
    use_deterministic_algorithms,
)
from autograd.dtypes import (
    Size,
    double,
    dtype,
    finfo,
    float16,
    float32,
    float64,
    half,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    is_tensor,
    isdtype,
    long,
    short,
    uint8,
    uint16,
    uint32,
    uint64,
)
from autograd.errors import (
    DTypeError,
    FormatError,
    GraphError,
    MissingExtraError,
    ShapeError,
    StateDictError,
)
from autograd.factories import (
    arange,
    as_tensor,
    asarray,
    empty,
    empty_like,
    eye,
    from_dlpack,
    from_numpy,
    frombuffer,
    full,
    full_like,
    linspace,
    logspace,
    ones,
    ones_like,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    randperm,
    scalar_tensor,
    tensor,
    tril_indices,
    triu_indices,
    zeros,
    zeros_like,
)
from autograd.grad_mode import enable_grad, grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from autograd.op import composite, op
from autograd.ops.dtypes import broadcast_shapes, can_cast, promote_types
from autograd.ops.dtypes import common_dtype as result_type
from autograd.ops.random import (
    Generator,
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from autograd.printing import set_printoptions
from autograd.shapes import near as _near
from autograd.tensor import Tensor
from autograd.value import default_dtype as get_default_dtype
from autograd.value import set_default_dtype
from autograd.version import __version__
from autograd.windows import bartlett_window, blackman_window, hamming_window, hann_window, kaiser_window

newaxis = None

__all__ = [
    "DTypeError",
    "FormatError",
    "Generator",
    "GradientError",
    "GraphError",
    "MissingExtraError",
    "ShapeError",
    "Size",
    "StateDictError",
    "Tensor",
    "__version__",
    "adjoint_check",
    "arange",
    "are_deterministic_algorithms_enabled",
    "as_tensor",
    "asarray",
    "bartlett_window",
    "blackman_window",
    "broadcast_shapes",
    "can_cast",
    "channels_last",
    "compile",
    "composite",
    "contiguous_format",
    "cuda",
    "default_generator",
    "device",
    "double",
    "dtype",
    "e",
    "empty",
    "empty_like",
    "enable_grad",
    "eye",
    "finfo",
    "float16",
    "float32",
    "float64",
    "from_dlpack",
    "from_numpy",
    "frombuffer",
    "full",
    "full_like",
    "get_default_dtype",
    "get_float32_matmul_precision",
    "get_num_threads",
    "get_rng_state",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "half",
    "hamming_window",
    "hann_window",
    "iinfo",
    "inf",
    "inference_mode",
    "initial_seed",
    "int8",
    "int16",
    "int32",
    "int64",
    "is_floating_point",
    "is_grad_enabled",
    "is_tensor",
    "isdtype",
    "kaiser_window",
    "linspace",
    "load",
    "logspace",
    "long",
    "manual_seed",
    "memory_format",
    "nan",
    "newaxis",
    "no_grad",
    "ones",
    "ones_like",
    "op",
    "ops",
    "pi",
    "preserve_format",
    "profile",
    "promote_types",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "randperm",
    "result_type",
    "save",
    "scalar_tensor",
    "seed",
    "set_default_dtype",
    "set_float32_matmul_precision",
    "set_flush_denormal",
    "set_grad_enabled",
    "set_num_threads",
    "set_printoptions",
    "set_rng_state",
    "short",
    "tensor",
    "tril_indices",
    "triu_indices",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "use_deterministic_algorithms",
    "zeros",
    "zeros_like",
]

# Imported at first use, so that `import autograd` stays quick.
_ROOMS = (
    "autograd", "backends", "data", "explain", "func", "graph", "io", "linalg", "memory", "nn", "onnx", "optim",
    "profiler", "sklearn", "special", "testing", "train", "utils", "vision",
)  # fmt: skip
_ELSEWHERE = {
    "bfloat16": "autograd.halves",
    "detect_anomaly": "autograd.anomaly",
    "is_anomaly_enabled": "autograd.anomaly",
    "load": "autograd.io",
    "profile": "autograd.profiler",
    "save": "autograd.io",
    "set_detect_anomaly": "autograd.anomaly",
    "vmap": "autograd.func",
}
# torch.float and its like would hide Python's own inside this file.
_DTYPES = {"bool": "bool", "float": "float32", "int": "int32"}


def __getattr__(name: str) -> _Any:
    if name in _ROOMS:
        return _importlib.import_module(f"autograd.{name}")
    if name in _ELSEWHERE:
        found = getattr(_importlib.import_module(_ELSEWHERE[name]), name)
    elif name in _DTYPES:
        return dtype(_DTYPES[name])
    else:
        found = ops.find(name)
        if found is None:
            raise AttributeError(f"autograd has no {name!r}{_near(name, [*ops.names(), *__all__, *_ROOMS])}")
    globals()[name] = found  # the next access is a plain one
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ROOMS, *_ELSEWHERE, *ops.names()})
