"""MobileNetV2, after Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks" (2018), with
torchvision's layers and names."""

from __future__ import annotations

from functools import partial

from autograd import Tensor, nn
from autograd.vision.layers import Conv2dNormActivation, initialise, make_divisible, normal_01
from autograd.vision.models.registry import register_model

# Table 2 of the paper: expansion t, channels c, repetitions n, stride s of the first.
TABLE = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))

_Conv = partial(Conv2dNormActivation, activation=partial(nn.ReLU6, inplace=True))


class InvertedResidual(nn.Module):
    """1x1 to t times the channels -> 3x3 in each channel -> 1x1 without activation; added to x if the shapes allow."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        self.use_res_connect = stride == 1 and in_channels == out_channels
        inner = in_channels * expansion
        layers: list[nn.Module] = [] if expansion == 1 else [_Conv(in_channels, inner, 1)]
        self.conv = nn.Sequential(
            *layers,
            _Conv(inner, inner, 3, stride, groups=inner),
            nn.Conv2d(inner, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.use_res_connect else self.conv(x)


class MobileNetV2(nn.Module):
    """conv 3x3 (32) -> 17 inverted residuals -> 1x1 (1280) -> mean over pixels -> dropout -> linear.

    width_mult: factor of all channels.
    """

    def __init__(
        self, num_classes: int = 1000, in_channels: int = 3, width_mult: float = 1.0, dropout: float = 0.2
    ) -> None:
        super().__init__()
        width = make_divisible(32 * width_mult)
        last = make_divisible(1280 * max(1.0, width_mult))
        layers: list[nn.Module] = [_Conv(in_channels, width, 3, 2)]
        for expansion, channels, count, stride in TABLE:
            out_channels = make_divisible(channels * width_mult)
            for i in range(count):
                layers.append(InvertedResidual(width, out_channels, stride if i == 0 else 1, expansion))
                width = out_channels
        self.features = nn.Sequential(*layers, _Conv(width, last, 1))
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(last, num_classes))
        initialise(self, conv=partial(nn.init.kaiming_normal_, mode="fan_out"), linear=normal_01)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.adaptive_avg_pool2d(self.features(x), (1, 1))
        return self.classifier(x.flatten(1))


@register_model(min_size=32)
def mobilenet_v2(
    num_classes: int = 1000, in_channels: int = 3, width_mult: float = 1.0, dropout: float = 0.2
) -> MobileNetV2:
    """MobileNetV2, 2.2 million parameters for 10 classes."""
    return MobileNetV2(num_classes, in_channels, width_mult, dropout)
