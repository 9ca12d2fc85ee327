"""MobileNetV3, after Howard et al., "Searching for MobileNetV3" (2019), with torchvision's layers and names."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from autograd import Tensor, nn
from autograd.vision.layers import (
    Conv2dNormActivation,
    SqueezeExcitation,
    initialise,
    make_divisible,
    normal_01,
)
from autograd.vision.models.registry import register_model


class Row(NamedTuple):
    """A line of the paper's tables 1 and 2: kernel size, expanded and output channels, squeeze-and-excitation, hard
    swish (else ReLU), stride."""

    kernel: int
    expanded: int
    out: int
    excite: bool
    swish: bool
    stride: int


LARGE = (
    Row(3, 16, 16, False, False, 1),
    Row(3, 64, 24, False, False, 2),
    Row(3, 72, 24, False, False, 1),
    Row(5, 72, 40, True, False, 2),
    Row(5, 120, 40, True, False, 1),
    Row(5, 120, 40, True, False, 1),
    Row(3, 240, 80, False, True, 2),
    Row(3, 200, 80, False, True, 1),
    Row(3, 184, 80, False, True, 1),
    Row(3, 184, 80, False, True, 1),
    Row(3, 480, 112, True, True, 1),
    Row(3, 672, 112, True, True, 1),
    Row(5, 672, 160, True, True, 2),
    Row(5, 960, 160, True, True, 1),
    Row(5, 960, 160, True, True, 1),
)
SMALL = (
    Row(3, 16, 16, True, False, 2),
    Row(3, 72, 24, False, False, 2),
    Row(3, 88, 24, False, False, 1),
    Row(5, 96, 40, True, True, 2),
    Row(5, 240, 40, True, True, 1),
    Row(5, 240, 40, True, True, 1),
    Row(5, 120, 48, True, True, 1),
    Row(5, 144, 48, True, True, 1),
    Row(5, 288, 96, True, True, 2),
    Row(5, 576, 96, True, True, 1),
    Row(5, 576, 96, True, True, 1),
)
STEM = 16

_ReLU = partial(nn.ReLU, inplace=True)
_Hardswish = partial(nn.Hardswish, inplace=True)
_Conv = partial(Conv2dNormActivation, norm=partial(nn.BatchNorm2d, eps=0.001, momentum=0.01))


class InvertedResidual(nn.Module):
    """1x1 to the expanded channels -> depthwise -> squeeze-and-excitation -> 1x1; added to x if the shapes allow."""

    def __init__(self, in_channels: int, row: Row) -> None:
        super().__init__()
        self.use_res_connect = row.stride == 1 and in_channels == row.out
        activation = _Hardswish if row.swish else _ReLU
        layers: list[nn.Module] = []
        if row.expanded != in_channels:
            layers.append(_Conv(in_channels, row.expanded, 1, activation=activation))
        layers.append(
            _Conv(row.expanded, row.expanded, row.kernel, row.stride, groups=row.expanded, activation=activation)
        )
        if row.excite:
            layers.append(
                SqueezeExcitation(row.expanded, make_divisible(row.expanded // 4), _ReLU, gate=nn.Hardsigmoid)
            )
        self.block = nn.Sequential(*layers, _Conv(row.expanded, row.out, 1, activation=None))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x) if self.use_res_connect else self.block(x)


class MobileNetV3(nn.Module):
    """conv 3x3 (16) -> inverted residuals -> 1x1 -> mean over pixels -> `last` -> num_classes."""

    def __init__(
        self, rows: tuple[Row, ...], last: int, num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.2
    ) -> None:
        super().__init__()
        widths = [STEM, *(row.out for row in rows)]
        wide = 6 * widths[-1]
        self.features = nn.Sequential(
            _Conv(in_channels, STEM, 3, 2, activation=_Hardswish),
            *(InvertedResidual(width, row) for width, row in zip(widths, rows)),
            _Conv(widths[-1], wide, 1, activation=_Hardswish),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(wide, last), _Hardswish(), nn.Dropout(dropout), nn.Linear(last, num_classes)
        )
        initialise(self, conv=partial(nn.init.kaiming_normal_, mode="fan_out"), linear=normal_01)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


@register_model(min_size=32)
def mobilenet_v3_large(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.2) -> MobileNetV3:
    """MobileNetV3 large, 4.2 million parameters for 10 classes."""
    return MobileNetV3(LARGE, 1280, num_classes, in_channels, dropout)


@register_model(min_size=32)
def mobilenet_v3_small(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.2) -> MobileNetV3:
    """MobileNetV3 small, 1.5 million parameters for 10 classes."""
    return MobileNetV3(SMALL, 1024, num_classes, in_channels, dropout)
