"""torch.special's names: the elementwise special functions of the registry."""

from __future__ import annotations

from collections.abc import Callable

from autograd.ops import namespace
from autograd.shapes import near

NAMES = [
    "bessel_j0",
    "bessel_j1",
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfinv",
    "exp2",
    "expit",
    "expm1",
    "gammaln",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "log1p",
    "log_ndtr",
    "log_softmax",
    "logit",
    "logsumexp",
    "modified_bessel_i0",
    "modified_bessel_i1",
    "multigammaln",
    "ndtr",
    "ndtri",
    "polygamma",
    "psi",
    "round",
    "sinc",
    "softmax",
    "xlog1py",
    "xlogy",
    "zeta",
]
TORCH_NAMES = {"modified_bessel_i0": "i0", "modified_bessel_i1": "i1", "multigammaln": "mvlgamma"}


def __getattr__(name: str) -> Callable:
    if name not in NAMES:
        raise AttributeError(f"autograd.special has no {name!r}{near(name, NAMES)}")
    found = namespace()[TORCH_NAMES.get(name, name)]
    globals()[name] = found  # the next access is a plain one
    return found


def __dir__() -> list[str]:
    return NAMES
