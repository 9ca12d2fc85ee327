"""Losses of scores, pairs and triplets: each is the loss of functional with its options fixed, as in nn.loss."""

from __future__ import annotations

from collections.abc import Callable

from autograd.nn.loss import Loss, Weighted
from autograd.tensor import Tensor


class SoftMarginLoss(Loss):
    """log(1 + e^(-y x)), y -1 or 1"""

    op = "soft_margin_loss"

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)


class HingeEmbeddingLoss(Loss):
    """x where y = 1, max(0, margin - x) where y = -1"""

    op = "hinge_embedding_loss"

    def __init__(self, margin: float = 1.0, *, reduction: str = "mean") -> None:
        super().__init__(margin=margin, reduction=reduction)


class CosineEmbeddingLoss(Loss):
    """1 - cos(x1, x2) where y = 1, max(0, cos(x1, x2) - margin) where y = -1"""

    op = "cosine_embedding_loss"

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(margin=margin, reduction=reduction)


class MarginRankingLoss(Loss):
    """max(0, -y (x1 - x2) + margin), y -1 or 1"""

    op = "margin_ranking_loss"

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(margin=margin, reduction=reduction)


class MultiMarginLoss(Weighted):
    """sum over c != y of max(0, margin - x[y] + x[c])^p / C, scores x (N, C), labels y (N,)"""

    op = "multi_margin_loss"

    def __init__(
        self, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, *, reduction: str = "mean"
    ) -> None:
        super().__init__(weight, p=p, margin=margin, reduction=reduction)


class MultiLabelMarginLoss(Loss):
    """sum over labels y and classes c that are none of max(0, 1 - x[y] + x[c]) / C; y (N, C) ends at -1"""

    op = "multilabel_margin_loss"

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)


class MultiLabelSoftMarginLoss(Weighted):
    """-mean over c of y log(sigmoid(x)) + (1 - y) log(1 - sigmoid(x)), y (N, C) of 0 and 1"""

    op = "multilabel_soft_margin_loss"

    def __init__(self, weight: Tensor | None = None, *, reduction: str = "mean") -> None:
        super().__init__(weight, reduction=reduction)


class TripletMarginLoss(Loss):
    """max(0, |anchor - positive| - |anchor - negative| + margin), p-norms; swap: the negative's smaller distance"""

    op = "triplet_margin_loss"

    def __init__(
        self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False, *, reduction: str = "mean"
    ) -> None:
        super().__init__(margin=margin, p=p, eps=eps, swap=swap, reduction=reduction)


class TripletMarginWithDistanceLoss(Loss):
    """TripletMarginLoss with another distance than the Euclidean one"""

    op = "triplet_margin_with_distance_loss"

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(distance_function=distance_function, margin=margin, swap=swap, reduction=reduction)


class PoissonNLLLoss(Loss):
    """e^x - y x (log_input), else x - y log(x + eps); full: with Stirling's term for y!"""

    op = "poisson_nll_loss"

    def __init__(
        self, log_input: bool = True, full: bool = False, *, eps: float = 1e-8, reduction: str = "mean"
    ) -> None:
        super().__init__(log_input=log_input, full=full, eps=eps, reduction=reduction)


class GaussianNLLLoss(Loss):
    """(log(max(var, eps)) + (x - y)^2 / max(var, eps)) / 2; full: with log(2 pi) / 2"""

    op = "gaussian_nll_loss"

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(full=full, eps=eps, reduction=reduction)


class CTCLoss(Loss):
    """-log of the probability of the targets under log_probs (T, N, C), over all alignments   (Graves et al. 2006)

    Called with (log_probs, targets, input_lengths, target_lengths); blank: the class that separates repeated labels.
    """

    op = "ctc_loss"

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(blank=blank, reduction=reduction, zero_infinity=zero_infinity)
