"""ShuffleNet v2, after Ma et al., "ShuffleNet V2: practical guidelines for efficient CNN architecture design" (2018),
with torchvision's layers and names."""

from __future__ import annotations

from autograd import Tensor, nn
from autograd.ops.join import concatenate
from autograd.vision.models.registry import register_model

REPEATS = (4, 8, 4)


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """Channel g n/groups + i becomes channel i groups + g   (N, C, H, W)"""
    n, c, h, w = x.shape
    return x.reshape(n, groups, c // groups, h, w).transpose(1, 2).reshape(n, c, h, w)


def _pointwise(in_channels: int, out_channels: int) -> list[nn.Module]:
    return [nn.Conv2d(in_channels, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels), nn.ReLU(True)]


def _depthwise(channels: int, stride: int) -> list[nn.Module]:
    return [nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False), nn.BatchNorm2d(channels)]


class InvertedResidual(nn.Module):
    """Half of the channels (with a stride: all) through 1x1, 3x3 depthwise, 1x1; joined with the rest and shuffled."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        half = out_channels // 2
        self.branch1 = nn.Sequential()
        if stride > 1:
            self.branch1 = nn.Sequential(*_depthwise(in_channels, stride), *_pointwise(in_channels, half))
        entering = in_channels if stride > 1 else half
        self.branch2 = nn.Sequential(*_pointwise(entering, half), *_depthwise(half, stride), *_pointwise(half, half))

    def forward(self, x: Tensor) -> Tensor:
        left, right = (x, x) if len(self.branch1) else x.chunk(2, 1)
        return channel_shuffle(concatenate([self.branch1(left), self.branch2(right)], 1), 2)


class ShuffleNetV2(nn.Module):
    """conv 3x3 -> max-pooling -> three stages -> conv 1x1 -> mean over pixels -> linear.

    widths: channels of the first convolution, the stages, the last convolution (table 5 of the paper).
    """

    def __init__(self, widths: tuple[int, ...], num_classes: int = 1000, in_channels: int = 3) -> None:
        super().__init__()
        stem = nn.Conv2d(in_channels, widths[0], 3, stride=2, padding=1, bias=False)
        self.conv1 = nn.Sequential(stem, nn.BatchNorm2d(widths[0]), nn.ReLU(True))
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.stage2, self.stage3, self.stage4 = (
            nn.Sequential(InvertedResidual(into, out, 2), *(InvertedResidual(out, out, 1) for _ in range(count - 1)))
            for into, out, count in zip(widths, widths[1:4], REPEATS)
        )
        self.conv5 = nn.Sequential(*_pointwise(widths[3], widths[4]))
        self.fc = nn.Linear(widths[4], num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.conv1(x))
        x = self.conv5(self.stage4(self.stage3(self.stage2(x))))
        return self.fc(x.mean([2, 3]))


@register_model(min_size=32)
def shufflenet_v2_x0_5(num_classes: int = 1000, in_channels: int = 3) -> ShuffleNetV2:
    """ShuffleNet v2, width 0.5, 0.35 million parameters for 10 classes."""
    return ShuffleNetV2((24, 48, 96, 192, 1024), num_classes, in_channels)


@register_model(min_size=32)
def shufflenet_v2_x1_0(num_classes: int = 1000, in_channels: int = 3) -> ShuffleNetV2:
    """ShuffleNet v2, width 1.0, 1.3 million parameters for 10 classes."""
    return ShuffleNetV2((24, 116, 232, 464, 1024), num_classes, in_channels)


@register_model(min_size=32)
def shufflenet_v2_x1_5(num_classes: int = 1000, in_channels: int = 3) -> ShuffleNetV2:
    """ShuffleNet v2, width 1.5, 2.5 million parameters for 10 classes."""
    return ShuffleNetV2((24, 176, 352, 704, 1024), num_classes, in_channels)


@register_model(min_size=32)
def shufflenet_v2_x2_0(num_classes: int = 1000, in_channels: int = 3) -> ShuffleNetV2:
    """ShuffleNet v2, width 2.0, 5.4 million parameters for 10 classes."""
    return ShuffleNetV2((24, 244, 488, 976, 2048), num_classes, in_channels)
