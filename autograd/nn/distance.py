"""Similarity and distance of vectors."""

from __future__ import annotations

from autograd.nn import functional as F
from autograd.nn.module import Module
from autograd.tensor import Tensor


class CosineSimilarity(Module):
    """x . y / (|x| |y|) along dim; the lengths are at least eps"""

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.cosine_similarity(x1, x2, self.dim, self.eps)  # type: ignore[no-any-return]


class PairwiseDistance(Module):
    """(sum |x - y + eps|^p)^(1/p) over the last dimension"""

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.pairwise_distance(x1, x2, p=self.norm, eps=self.eps, keepdims=self.keepdim)  # type: ignore[no-any-return]
