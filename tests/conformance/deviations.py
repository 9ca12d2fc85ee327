"""Where this API differs from PyTorch on purpose: for each op, (reason, predicate of a sample and what was found)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Deviation = tuple[str, Callable[[Any, str], bool]]


def _number(sample: Any, fault: str) -> bool:
    """A Python number among the first two arguments of a refused call."""
    return fault == "error: " and any(isinstance(x, (int, float)) for x in (sample.input, *sample.args[:1]))


def _regex(text: str) -> Callable[[Any, str], bool]:
    return lambda sample, fault: fault.startswith("error: ") and text in fault


def _unbatched(sample: Any, fault: str) -> bool:
    """Refused for a missing dimension."""
    return "expected" in fault and ("dimensions" in fault or "(N C" in fault) and "Error" in fault


BATCH = [("a missing batch dimension is an error that names the cure", _unbatched)]
IMAGES = [
    *(f"{kind}_pool{d}d" for kind in ("adaptive_avg", "adaptive_max", "avg", "max") for d in (1, 2, 3)),
    *(f"{kind}{d}d" for kind in ("conv", "conv_transpose", "max_unpool") for d in (1, 2, 3)),
    "batch_norm",
    "fold",
    "unfold",
]

DEVIATIONS: dict[str, list[Deviation]] = {
    "*": [
        ("out= is not offered: results are new tensors", lambda s, fault: "out" in s.kwargs),
        ("a number is taken where torch asks for a tensor", _number),
    ],
    **{f"nn.functional.{name}": BATCH for name in IMAGES},
    "as_strided": [
        (
            "strides count in row-major order of x, not in the memory that it may be a view of",
            lambda s, f: len(s.args[0]) == 2,
        )
    ],
    "cat": [("an empty vector among matrices is not left out", lambda s, f: "axis 1 is out of bounds" in f)],
    "nn.functional.scaled_dot_product_attention": [("dropout is random", lambda s, f: bool(s.kwargs.get("dropout_p")))],
    "cov": [("weights are cast to x's dtype before they are summed", lambda s, f: "largest error" in f)],
    "mean": [("ints have a mean, in floats, as in NumPy", _regex("could not infer output dtype"))],
    "linalg.pinv": [
        ("the triangle that is not read gets no gradient", lambda s, f: s.kwargs.get("hermitian") and "gradient" in f)
    ],
    "special.bessel_j0": [("torch computes it to 1e-7 only", lambda s, f: "largest error 1.8" in f)],
    "tensordot": [("sizes that are summed over must agree", lambda s, f: "do not match" in f)],
    "masked_fill": [("a value of one element may have any dimensions", _regex("0-dimensional value tensor"))],
    "narrow": [("a start may be any integer-like object", _regex("start must be an 0-dim integral"))],
    "scatter": [("src is cast to the dtype of x", _regex("self.dtype"))],
    "scatter_add": [("src is cast to the dtype of x", _regex("self.dtype"))],
}

# Ops whose gradient is another of several right ones (a subgradient at a kink or a tie).
OTHER_GRADIENTS: dict[str, str] = {
    **dict.fromkeys(
        (f"nn.functional.max_unpool{d}d" for d in (1, 2, 3)),
        "an element that another one overwrote gets no gradient; torch gives it the other's",
    ),
    "nn.functional.ctc_loss": "torch returns the gradient of the logits before log_softmax",
    "as_strided_scatter": "torch gives x a gradient where it was overwritten",
    "cholesky_inverse": "the triangle that is not read gets no gradient",
    "cholesky_solve": "the triangle that is not read gets no gradient",
    "linalg.eigh": "the triangle that is not read gets no gradient; torch spreads it over both",
    "linalg.eigvalsh": "the triangle that is not read gets no gradient; torch spreads it over both",
}

# Ops whose results are determined up to signs: what is compared instead.
INVARIANTS: dict[str, tuple[str, Callable[..., Any]]] = {
    "svd": ("signs of vectors", lambda u, s, v: (abs(u[..., : s.shape[-1]]), s, abs(v[..., : s.shape[-1]]))),
    "linalg.svd": (
        "signs of vectors",
        lambda u, s, vh: (abs(u[..., : s.shape[-1]]), s, abs(vh[..., : s.shape[-1], :])),
    ),
    "linalg.eigh": ("signs of vectors", lambda values, vectors: (values, abs(vectors))),
}

# Ops whose values nobody promises: only shapes and dtypes are compared.
_RANDOM = (
    "bernoulli cauchy exponential geometric log_normal multinomial nn.functional.alpha_dropout nn.functional.dropout "
    "nn.functional.dropout2d nn.functional.dropout3d nn.functional.feature_alpha_dropout nn.functional.rrelu normal "
    "nn.functional.fractional_max_pool2d nn.functional.fractional_max_pool3d "
    "nn.functional.multi_head_attention_forward rand_like randint randint_like randn randn_like uniform"
)
_UNINITIALISED = "empty empty_like empty_permuted empty_strided new_empty new_empty_strided"
UNDETERMINED: dict[str, str] = {
    **dict.fromkeys(_RANDOM.split(" "), "random"),
    **dict.fromkeys(_UNINITIALISED.split(" "), "uninitialised"),
}
