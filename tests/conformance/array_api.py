"""The functions of the Python array API standard (2023.12), each called here and in NumPy on the same arrays.

    python tests/conformance/array_api.py [NAME ...]

Prints the names that are present and agree, those that differ, and those that are absent, with the reason.
Source: https://data-apis.org/array-api/2023.12/API_specification/
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np

import autograd as ag

_rng = np.random.default_rng(5)
_m = _rng.uniform(-1, 1, (2, 3, 3))
ARRAYS: dict[str, Any] = {
    "x": _rng.uniform(-2, 2, (3, 4)),
    "y": _rng.uniform(-2, 2, (4,)),
    "p": _rng.uniform(1.1, 3, (3, 4)),  # positive
    "u": _rng.uniform(-0.9, 0.9, (3, 4)),  # of size below 1
    "s": np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.5]),
    "i": _rng.integers(0, 5, (3, 4)),
    "j": _rng.integers(1, 5, (4,)),
    "b": _rng.integers(0, 2, (3, 4)).astype(bool),
    "c": _rng.integers(0, 2, (4,)).astype(bool),
    "m": _m + 3 * np.eye(3),
    "h": _m @ np.swapaxes(_m, 1, 2) + np.eye(3),  # symmetric, positive
}

ARRAYS["t"] = np.sort(ARRAYS["y"])


def each(text: str, names: str, prefix: str = "") -> dict[str, str]:
    """The same call of several functions."""
    return {prefix + name: f"{prefix}{name}({text})" for name in names.split()}


# How each function is called; the same text is evaluated with NumPy and with this package.
CALLS = {
    **each("x", "abs asin asinh atan ceil cos cosh exp expm1 floor negative positive round sign sin sinh square tan"),
    **each("x", "tanh trunc signbit argmax argmin max min mean prod sum all any argsort flip empty_like"),
    **each("x", "ones_like zeros_like asarray from_dlpack matrix_transpose"),
    **each("x, correction=1", "std var"),
    **each("u", "acos atanh log1p"),
    **each("p", "acosh log log2 log10 sqrt"),
    **each("s", "isfinite isinf isnan"),
    **each("x, y", "add atan2 copysign divide greater greater_equal hypot less less_equal logaddexp maximum minimum"),
    **each("x, y", "multiply not_equal subtract broadcast_arrays result_type matmul vecdot"),
    **each("p, j", "floor_divide remainder pow"),
    **each("i, j", "and or xor left_shift right_shift", "bitwise_"),
    **each("i", "all counts inverse", "unique_"),
    **each("b, c", "and or xor", "logical_"),
    **each("(2, 3)", "empty ones zeros"),
    **{name: name for name in ("e", "inf", "nan", "newaxis", "pi")},
    "arange": "arange(1, 9, 2)",
    "astype": "astype(x, int32)",
    "bitwise_invert": "bitwise_invert(i)",
    "broadcast_to": "broadcast_to(y, (3, 4))",
    "can_cast": "can_cast(int32, float64)",
    "clip": "clip(x, -1.0, 0.5)",
    "concat": "concat([x, x], axis=1)",
    "cumulative_sum": "cumulative_sum(x, axis=1, include_initial=True)",
    "expand_dims": "expand_dims(x, axis=1)",
    "eye": "eye(3, 4)",
    "finfo": "finfo(float32).eps",
    "full": "full((2, 3), 1.5)",
    "full_like": "full_like(x, 2.0)",
    "iinfo": "iinfo(int32).max",
    "isdtype": "isdtype(float32, 'real floating')",
    "linspace": "linspace(0.0, 1.0, 5)",
    "logical_not": "logical_not(b)",
    "meshgrid": "meshgrid(y, y, indexing='ij')",
    "moveaxis": "moveaxis(m, 0, -1)",
    "permute_dims": "permute_dims(m, (2, 0, 1))",
    "reshape": "reshape(x, (2, 6))",
    "roll": "roll(x, 1, axis=0)",
    "searchsorted": "searchsorted(t, x)",
    "squeeze": "squeeze(m[:1], axis=0)",
    "stack": "stack([x, x], axis=1)",
    "take": "take(x, j - 1, axis=1)",
    "tensordot": "tensordot(x, x, axes=([0, 1], [0, 1]))",
    "tile": "tile(y, (2, 2))",
    "tril": "tril(m)",
    "triu": "triu(m, k=1)",
    "unique_values": "sum(unique_values(i))",  # NumPy's are in no order
    "unstack": "unstack(x, axis=1)",
    "where": "where(b, x, y)",
    **each("m", "det inv matrix_norm matrix_rank pinv svdvals matrix_transpose diagonal slogdet", "linalg."),
    **each("m[0]", "trace", "linalg."),
    **each("h", "cholesky eigvalsh", "linalg."),
    **each("m, m", "cross matmul solve vecdot", "linalg."),
    "linalg.eigh": "abs(linalg.eigh(h)[1])",
    "linalg.matrix_power": "linalg.matrix_power(m, 3)",
    "linalg.outer": "linalg.outer(y, y)",
    "linalg.qr": "abs(linalg.qr(m)[1])",
    "linalg.svd": "linalg.svd(m)[1]",
    "linalg.tensordot": "linalg.tensordot(x, x)",
    "linalg.vector_norm": "linalg.vector_norm(x, axis=1)",
}

UNDETERMINED = {"empty", "empty_like"}
# Names that PyTorch gave another meaning, which is kept.
DIFFERENT = {
    "equal": "whether all elements are equal; eq compares them one by one",
    "nonzero": "a row of indices for each element; nonzero(as_tuple=True) is the standard's",
    "repeat": "tile; repeat_interleave is the standard's",
    "sort": "(values, indices)",
}
FFT = "fft fftfreq fftn fftshift hfft ifft ifftn ifftshift ihfft irfft irfftn rfft rfftfreq rfftn"
ABSENT = dict.fromkeys(
    ("conj", "imag", "real", *(f"fft.{name}" for name in FFT.split())), "there are no complex numbers"
)


def present(name: str) -> bool:
    found: Any = ag
    for part in name.split("."):
        found = getattr(found, part, ABSENT)
    return found is not ABSENT


class Names(dict):
    """A package's names, for eval."""

    def __init__(self, package: Any, arrays: dict[str, Any]) -> None:
        super().__init__(arrays)
        self.package = package

    def __missing__(self, name: str) -> Any:
        return getattr(self.package, name)


def flat(result: Any) -> list[Any]:
    return [y for part in result for y in flat(part)] if isinstance(result, (tuple, list)) else [result]


def fault(name: str) -> str | None:
    """How our result differs from NumPy's, or None."""
    wants = flat(eval(CALLS[name], {"__builtins__": {}}, Names(np, ARRAYS)))
    gots = flat(eval(CALLS[name], {"__builtins__": {}}, Names(ag, {k: ag.tensor(a) for k, a in ARRAYS.items()})))
    if len(gots) != len(wants):
        return f"{len(gots)} results, expected {len(wants)}"
    for got, want in zip(gots, wants):
        if want is None or isinstance(want, np.dtype):
            if got != want:
                return f"{got}, expected {want}"
            continue
        a, b = np.asarray(got), np.asarray(want)
        if a.shape != b.shape or a.dtype.kind != b.dtype.kind:
            return f"{a.dtype} of shape {a.shape}, expected {b.dtype} of shape {b.shape}"
        if name not in UNDETERMINED and not np.allclose(a, b, 1e-6, 1e-12, equal_nan=True):
            return f"largest error {np.abs(a - b).max():.3g}"
    return None


def main(chosen: list[str]) -> int:
    warnings.simplefilter("ignore")
    faults = {}
    for name in chosen or CALLS:
        try:
            faults[name] = fault(name) if present(name) else "absent"
        except Exception as error:
            faults[name] = f"{type(error).__name__}: {error}"
    right = [name for name, found in faults.items() if found is None]
    print("present, as in NumPy:", " ".join(sorted(right)))
    for name, found in faults.items():
        if found is not None:
            print(f"{name}: {found:.200}")
    print("with PyTorch's meaning:", "; ".join(f"{name}: {reason}" for name, reason in DIFFERENT.items()))
    print("absent, as there are no complex numbers:", " ".join(ABSENT))
    total = len(CALLS) + len(DIFFERENT) + len(ABSENT)
    print(f"{len(right)} of {total} names of the array API standard are present and agree with NumPy")
    return 0 if len(right) == len(faults) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
