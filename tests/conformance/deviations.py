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


DEVIATIONS: dict[str, list[Deviation]] = {
    "*": [
        ("out= is not offered: results are new tensors", lambda s, fault: "out" in s.kwargs),
        ("a number is taken where torch asks for a tensor", _number),
    ],
    "masked_fill": [("a value of one element may have any dimensions", _regex("0-dimensional value tensor"))],
    "narrow": [("a start may be any integer-like object", _regex("start must be an 0-dim integral"))],
    "scatter": [("src is cast to the dtype of x", _regex("self.dtype"))],
    "scatter_add": [("src is cast to the dtype of x", _regex("self.dtype"))],
}

# Ops whose gradient is another of several right ones (a subgradient at a kink or a tie).
OTHER_GRADIENTS: dict[str, str] = {}

# Ops whose values nobody promises: only shapes and dtypes are compared.
UNDETERMINED: dict[str, str] = dict.fromkeys(
    (
        "bernoulli", "nn.functional.alpha_dropout", "nn.functional.dropout", "nn.functional.dropout2d",
        "nn.functional.dropout3d", "nn.functional.feature_alpha_dropout", "multinomial", "normal", "rand_like", "randint",
        "randint_like", "randn", "randn_like", "uniform",
    ),
    "random",
) | dict.fromkeys(("empty", "empty_like", "new_empty", "empty_permuted", "empty_strided"), "uninitialised")  # fmt: skip

