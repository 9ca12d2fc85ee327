"""Losses: reduction 'mean', 'sum' or 'none'.

PyTorch's obsolete positional arguments size_average and reduce do not exist; all but `weight` is by keyword, so that
nothing written for PyTorch can land in another argument.
"""

from __future__ import annotations

from typing import Any

from autograd.nn.apply import Apply
from autograd.tensor import Tensor


class Loss(Apply):
    """A loss of functional; the options are its attributes."""

    reductions: tuple[str, ...] = ("mean", "sum", "none")

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        if self.reduction not in self.reductions:
            expected = ", ".join(self.reductions)
            raise ValueError(f"{type(self).__name__}: reduction must be one of {expected}, got {self.reduction!r}")

    def extra_repr(self) -> str:
        return ""


class Weighted(Loss):
    """A loss with weights per class or element, kept as a buffer."""

    def __init__(self, weight: Tensor | None, **options: Any) -> None:
        super().__init__(**options)
        self.register_buffer("weight", weight)
        self._attributes = ("weight", *self._attributes)


class L1Loss(Loss):
    """|x - y|"""

    op = "l1_loss"

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)


class MSELoss(Loss):
    """(x - y)^2"""

    op = "mse_loss"

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)


class SmoothL1Loss(Loss):
    """(x - y)^2 / (2 beta) where |x - y| < beta, else |x - y| - beta/2"""

    op = "smooth_l1_loss"

    def __init__(self, *, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction=reduction, beta=beta)


class HuberLoss(Loss):
    """(x - y)^2 / 2 where |x - y| < delta, else delta (|x - y| - delta/2)"""

    op = "huber_loss"

    def __init__(self, *, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction, delta=delta)


class BCELoss(Weighted):
    """-(y log x + (1 - y) log(1 - x)), x in [0, 1]; the logarithms are at least -100"""

    op = "binary_cross_entropy"

    def __init__(self, weight: Tensor | None = None, *, reduction: str = "mean") -> None:
        super().__init__(weight, reduction=reduction)


class BCEWithLogitsLoss(Weighted):
    """BCELoss of sigmoid(x), computed without overflow; pos_weight multiplies the loss of positive examples"""

    op = "binary_cross_entropy_with_logits"

    def __init__(
        self, weight: Tensor | None = None, *, reduction: str = "mean", pos_weight: Tensor | None = None
    ) -> None:
        super().__init__(weight, reduction=reduction)
        self.register_buffer("pos_weight", pos_weight)
        self._attributes = (*self._attributes, "pos_weight")


class NLLLoss(Weighted):
    """-weight[y] x[n, y] of log-probabilities x (N, C, ...), labels y (N, ...); the mean is weighted"""

    op = "nll_loss"

    def __init__(self, weight: Tensor | None = None, *, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(weight, ignore_index=ignore_index, reduction=reduction)


class CrossEntropyLoss(Weighted):
    """-log softmax(x)[n, y] of scores x (N, C, ...), labels y (N, ...) or class probabilities of x's shape

    weight: per class; ignore_index: labels that do not count; label_smoothing: the share given to all classes.
    """

    op = "cross_entropy"

    def __init__(
        self,
        weight: Tensor | None = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing)


class KLDivLoss(Loss):
    """y (log y - x) of log-probabilities x and probabilities y (log_target: their logarithms)

    reduction 'batchmean' divides the sum by N.
    """

    op = "kl_div"
    reductions = ("mean", "sum", "none", "batchmean")

    def __init__(self, *, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction=reduction, log_target=log_target)
