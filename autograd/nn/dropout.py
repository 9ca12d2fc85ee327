"""Dropout: active in training only. Drawn from the generator of manual_seed."""

from __future__ import annotations

from autograd.nn import functional as F
from autograd.nn.module import Module
from autograd.tensor import Tensor


class _Dropout(Module):
    op: str

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"{type(self).__name__}: p is a probability, in [0, 1], got {p}")
        self.p, self.inplace = p, inplace

    def forward(self, x: Tensor) -> Tensor:
        return getattr(F, self.op)(x, self.p, self.training) if self.training and self.p else x  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """Each element is 0 with probability p, else x / (1 - p)   (Srivastava et al. 2014)"""

    op = "dropout"


class Dropout1d(_Dropout):
    """Dropout of whole channels   (N, C, L)"""

    op = "dropout1d"


class Dropout2d(_Dropout):
    """Dropout of whole channels   (N, C, H, W)   (Tompson et al. 2015)"""

    op = "dropout2d"


class Dropout3d(_Dropout):
    """Dropout of whole channels   (N, C, D, H, W)"""

    op = "dropout3d"


class AlphaDropout(_Dropout):
    """Dropout to SELU's lower limit that keeps mean 0 and variance 1   (Klambauer et al. 2017)"""

    op = "alpha_dropout"


class FeatureAlphaDropout(_Dropout):
    """AlphaDropout of whole channels"""

    op = "feature_alpha_dropout"
