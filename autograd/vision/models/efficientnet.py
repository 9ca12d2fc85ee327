"""EfficientNet, after Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks" (2019),
with torchvision's layers and names."""

from __future__ import annotations

import math
from functools import partial

from autograd import Tensor, nn
from autograd.vision.layers import (
    Conv2dNormActivation,
    Layer,
    SqueezeExcitation,
    StochasticDepth,
    initialise,
    make_divisible,
)
from autograd.vision.models.registry import register_model

# Table 1 of the paper: expansion, kernel size, stride, channels, layers.
TABLE = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
STEM = 32

_SiLU = partial(nn.SiLU, inplace=True)


class MBConv(nn.Module):
    """1x1 to the expanded channels -> depthwise -> squeeze-and-excitation -> 1x1; added to x if the shapes allow, and
    then skipped in training with probability `drop`."""

    def __init__(
        self, in_channels: int, out_channels: int, expansion: int, kernel: int, stride: int, drop: float, norm: Layer
    ) -> None:
        super().__init__()
        self.use_res_connect = stride == 1 and in_channels == out_channels
        inner = make_divisible(in_channels * expansion)
        conv = partial(Conv2dNormActivation, norm=norm, activation=_SiLU)
        layers: list[nn.Module] = [] if inner == in_channels else [conv(in_channels, inner, 1)]
        self.block = nn.Sequential(
            *layers,
            conv(inner, inner, kernel, stride, groups=inner),
            SqueezeExcitation(inner, max(1, in_channels // 4), _SiLU),
            conv(inner, out_channels, 1, activation=None),
        )
        self.stochastic_depth = StochasticDepth(drop, "row")

    def forward(self, x: Tensor) -> Tensor:
        return x + self.stochastic_depth(self.block(x)) if self.use_res_connect else self.block(x)


class EfficientNet(nn.Module):
    """conv 3x3 -> 7 stages of MBConv -> 1x1 -> mean over pixels -> dropout -> linear.

    Args:
        width, depth: factors of the channels and of the layers per stage.
        stochastic_depth: probability of skipping the last block; it grows linearly towards that.
    """

    def __init__(
        self,
        width: float,
        depth: float,
        dropout: float,
        num_classes: int = 1000,
        in_channels: int = 3,
        stochastic_depth: float = 0.2,
        norm: Layer = nn.BatchNorm2d,
    ) -> None:
        super().__init__()
        counts = [math.ceil(row[-1] * depth) for row in TABLE]
        drops = iter([stochastic_depth * i / sum(counts) for i in range(sum(counts))])
        channels = make_divisible(STEM * width)
        stages: list[nn.Module] = [Conv2dNormActivation(in_channels, channels, 3, 2, norm=norm, activation=_SiLU)]
        for (expansion, kernel, stride, base, _), count in zip(TABLE, counts):
            blocks = []
            for i in range(count):
                out = make_divisible(base * width)
                blocks.append(MBConv(channels, out, expansion, kernel, 1 if i else stride, next(drops), norm))
                channels = out
            stages.append(nn.Sequential(*blocks))
        stages.append(Conv2dNormActivation(channels, 4 * channels, 1, norm=norm, activation=_SiLU))
        self.features = nn.Sequential(*stages)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(4 * channels, num_classes))
        bound = 1 / math.sqrt(num_classes)
        initialise(
            self,
            conv=partial(nn.init.kaiming_normal_, mode="fan_out"),
            linear=partial(nn.init.uniform_, a=-bound, b=bound),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


_soft_norm = partial(nn.BatchNorm2d, eps=0.001, momentum=0.01)  # of the larger models


@register_model(min_size=32)
def efficientnet_b0(
    num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.2, stochastic_depth: float = 0.2
) -> EfficientNet:
    """EfficientNet B0, 4.0 million parameters for 10 classes."""
    return EfficientNet(1.0, 1.0, dropout, num_classes, in_channels, stochastic_depth)


@register_model(min_size=32)
def efficientnet_b1(
    num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.2, stochastic_depth: float = 0.2
) -> EfficientNet:
    """EfficientNet B1, 6.5 million parameters for 10 classes."""
    return EfficientNet(1.0, 1.1, dropout, num_classes, in_channels, stochastic_depth)


@register_model(min_size=32)
def efficientnet_b2(
    num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.3, stochastic_depth: float = 0.2
) -> EfficientNet:
    """EfficientNet B2, 7.7 million parameters for 10 classes."""
    return EfficientNet(1.1, 1.2, dropout, num_classes, in_channels, stochastic_depth)


@register_model(min_size=32)
def efficientnet_b3(
    num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.3, stochastic_depth: float = 0.2
) -> EfficientNet:
    """EfficientNet B3, 11 million parameters for 10 classes."""
    return EfficientNet(1.2, 1.4, dropout, num_classes, in_channels, stochastic_depth)


@register_model(min_size=32)
def efficientnet_b4(
    num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.4, stochastic_depth: float = 0.2
) -> EfficientNet:
    """EfficientNet B4, 18 million parameters for 10 classes."""
    return EfficientNet(1.4, 1.8, dropout, num_classes, in_channels, stochastic_depth)


@register_model(min_size=32)
def efficientnet_b5(
    num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.4, stochastic_depth: float = 0.2
) -> EfficientNet:
    """EfficientNet B5, 28 million parameters for 10 classes."""
    return EfficientNet(1.6, 2.2, dropout, num_classes, in_channels, stochastic_depth, _soft_norm)


@register_model(min_size=32)
def efficientnet_b6(
    num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5, stochastic_depth: float = 0.2
) -> EfficientNet:
    """EfficientNet B6, 41 million parameters for 10 classes."""
    return EfficientNet(1.8, 2.6, dropout, num_classes, in_channels, stochastic_depth, _soft_norm)


@register_model(min_size=32)
def efficientnet_b7(
    num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5, stochastic_depth: float = 0.2
) -> EfficientNet:
    """EfficientNet B7, 64 million parameters for 10 classes."""
    return EfficientNet(2.0, 3.1, dropout, num_classes, in_channels, stochastic_depth, _soft_norm)
