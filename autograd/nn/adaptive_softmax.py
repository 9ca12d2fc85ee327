"""The adaptive softmax: frequent classes are told apart at once, rare ones in clusters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd.errors import ShapeError
from autograd.nn import functional as F
from autograd.nn.containers import ModuleList, Sequential
from autograd.nn.linear import Linear
from autograd.nn.module import Module
from autograd.tensor import Tensor


class ASMoutput(NamedTuple):
    """The log-probability of every target, and the mean loss."""

    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """log p(y | x) of n_classes classes sorted by frequency   x (N, in_features), y (N,)

    The head tells the classes below cutoffs[0] apart and the clusters between the other cutoffs; cluster i sees x
    through in_features / div_value^(i + 1) features. Source: Grave et al., arXiv:1609.04309.
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs or sorted(set(cutoffs)) != cutoffs or not 0 < cutoffs[0] <= cutoffs[-1] < n_classes:
            raise ValueError(
                f"AdaptiveLogSoftmaxWithLoss: cutoffs must be increasing ints in [1, {n_classes - 1}], got {cutoffs}"
            )
        self.in_features, self.n_classes, self.cutoffs = in_features, n_classes, [*cutoffs, n_classes]
        self.div_value, self.head_bias = div_value, head_bias
        self.shortlist_size, self.n_clusters = cutoffs[0], len(cutoffs)
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, bias=head_bias, dtype=dtype)
        self.tail = ModuleList()
        for i, (low, high) in enumerate(zip(self.cutoffs, self.cutoffs[1:])):
            width = int(in_features // div_value ** (i + 1))
            project = Linear(in_features, width, bias=False, dtype=dtype)
            self.tail.append(Sequential(project, Linear(width, high - low, bias=False, dtype=dtype)))

    def reset_parameters(self) -> None:
        for linear in (self.head, *(part for cluster in self.tail for part in cluster)):
            linear.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> ASMoutput:
        y = np.asarray(target_)
        if y.ndim > 1 or input_.ndim != y.ndim + 1 or input_.shape[:-1] != y.shape:
            raise ShapeError(
                f"AdaptiveLogSoftmaxWithLoss: expected input (N, {self.in_features}) and target (N,), "
                f"got {input_.shape} and {y.shape}"
            )
        x, y = (input_, y) if y.ndim else (input_[None], y[None])
        if y.size and not 0 <= y.min() <= y.max() < self.n_classes:
            raise ShapeError(f"AdaptiveLogSoftmaxWithLoss: targets must be in [0, {self.n_classes}), got {target_}")
        cluster = np.searchsorted(self.cutoffs, y, side="right")  # 0: the shortlist
        first = np.where(cluster == 0, y, self.shortlist_size + cluster - 1)
        output = F.getitem(F.log_softmax(self.head(x), 1), (np.arange(len(y)), first))
        for i, tail in enumerate(self.tail):
            rows = np.flatnonzero(cluster == i + 1)
            if len(rows):
                within = F.log_softmax(tail(F.getitem(x, rows)), 1)
                picked = F.getitem(within, (np.arange(len(rows)), y[rows] - self.cutoffs[i]))
                output = F.index_add(output, 0, rows, picked)
        return ASMoutput(output if input_.ndim > 1 else output[0], -output.mean())

    def log_prob(self, input: Tensor) -> Tensor:
        """The log-probabilities of all classes   (N, in_features) -> (N, n_classes)"""
        head = F.log_softmax(self.head(input), 1)
        parts = [head[:, : self.shortlist_size]]
        for i, tail in enumerate(self.tail):
            place = self.shortlist_size + i
            parts.append(F.log_softmax(tail(input), 1) + head[:, place : place + 1])
        return F.cat(parts, 1)  # type: ignore[no-any-return]

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class of each row   (N, in_features) -> (N,)"""
        return self.log_prob(input).argmax(1)  # type: ignore[no-any-return]
