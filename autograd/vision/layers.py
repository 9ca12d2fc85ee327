"""Layers that several families of models share, with torchvision's names of classes and of what they hold."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from autograd import Tensor, nn
from autograd.nn import functional as F

Layer = Callable[..., nn.Module]


class Conv2dNormActivation(nn.Sequential):
    """Convolution -> normalisation -> activation, any of the last two may be None; the padding keeps H and W.

    The convolution has a bias only if no normalisation follows it, unless `bias` says otherwise.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        padding: int | None = None,
        groups: int = 1,
        norm: Layer | None = nn.BatchNorm2d,
        activation: Layer | None = nn.ReLU,
        bias: bool | None = None,
    ) -> None:
        padding = (kernel_size - 1) // 2 if padding is None else padding
        bias = norm is None if bias is None else bias
        layers: list[nn.Module] = [
            nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=bias)
        ]
        if norm is not None:
            layers.append(norm(out_channels))
        if activation is not None:
            layers.append(activation())
        super().__init__(*layers)


class SqueezeExcitation(nn.Module):
    """x * gate(fc2(act(fc1(mean over pixels of x))))   (N, C, H, W)   (Hu, Shen, Sun 2018)"""

    def __init__(self, channels: int, squeezed: int, activation: Layer = nn.ReLU, gate: Layer = nn.Sigmoid) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)
        self.activation = activation()
        self.scale_activation = gate()

    def forward(self, x: Tensor) -> Tensor:
        squeezed = self.activation(self.fc1(self.avgpool(x)))
        return x * self.scale_activation(self.fc2(squeezed))


class StochasticDepth(nn.Module):
    """In training 0 with probability p, else x / (1 - p), by samples ("row") or as a whole   (Huang et al. 2016)"""

    def __init__(self, p: float, mode: str = "row") -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"StochasticDepth: p is a probability below 1, got {p}")
        if mode not in ("row", "batch"):
            raise ValueError(f'StochasticDepth: mode must be "row" or "batch", got {mode!r}')
        self.p, self.mode = p, mode

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.p:
            return x
        kept = np.ones((x.shape[0] if self.mode == "row" else 1, *(1,) * (x.ndim - 1)), x.dtype)
        return x * F.dropout(Tensor(kept), self.p, True)

    def extra_repr(self) -> str:
        return f"p={self.p}, mode={self.mode}"


class LayerNorm2d(nn.LayerNorm):
    """Layer norm over the channels of each pixel   (N, C, H, W)"""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Permute(nn.Module):
    """The dimensions in another order."""

    def __init__(self, dims: list[int]) -> None:
        super().__init__()
        self.dims = dims

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(*self.dims)


def make_divisible(value: float, divisor: int = 8) -> int:
    """The multiple of `divisor` nearest to a width, but not less than 90 % of it."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


def initialise(
    model: nn.Module, conv: Callable[[Any], Any] | None = None, linear: Callable[[Any], Any] | None = None
) -> None:
    """Fills the weights of all convolutions and linear layers by these functions and their biases with 0.

    Convolutions are kaiming-normal by fan-out where nothing else is said; linear layers stay as they are.
    """
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            (conv or kaiming_fan_out)(layer.weight)
        elif isinstance(layer, nn.Linear) and linear is not None:
            linear(layer.weight)
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


kaiming_fan_out = partial(nn.init.kaiming_normal_, mode="fan_out", nonlinearity="relu")
normal_01 = partial(nn.init.normal_, mean=0.0, std=0.01)
