"""Residual networks for photographs, with torchvision's layers and names.

He, Zhang, Ren, Sun, "Deep residual learning for image recognition" (2016); Xie et al., "Aggregated residual
transformations" (ResNeXt, 2017); Zagoruyko, Komodakis, "Wide residual networks" (2016). As in torchvision, the stride
of a bottleneck is in its 3x3 convolution.
"""

from __future__ import annotations

from autograd import Tensor, nn
from autograd.nn.fusion import norm_relu
from autograd.vision.layers import initialise
from autograd.vision.models.registry import register_model


def _shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Sequential | None:
    """A 1x1 convolution where the shape changes (option B of the paper), else nothing."""
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels))


class BasicBlock(nn.Module):
    """relu(x' + bn(conv3x3(relu(bn(conv3x3(x)))))); x' is x or its shortcut."""

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int = 1, groups: int = 1, base_width: int = 64) -> None:
        super().__init__()
        if groups != 1 or base_width != 64:
            raise ValueError(f"BasicBlock: takes groups=1 and base_width=64 only, got {groups} and {base_width}")
        self.conv1 = nn.Conv2d(in_channels, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(True)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(in_channels, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = norm_relu(self.bn1, self.relu, self.conv1(x))
        return norm_relu(self.bn2, self.relu, self.conv2(out), x if self.downsample is None else self.downsample(x))


class Bottleneck(nn.Module):
    """relu(x' + bn(conv1x1(relu(bn(conv3x3(relu(bn(conv1x1(x)))))))); x' is x or its shortcut."""

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int = 1, groups: int = 1, base_width: int = 64) -> None:
        super().__init__()
        inner, out_channels = width * base_width // 64 * groups, width * self.expansion
        self.conv1 = nn.Conv2d(in_channels, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, padding=1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(True)
        self.downsample = _shortcut(in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = norm_relu(self.bn1, self.relu, self.conv1(x))
        out = norm_relu(self.bn2, self.relu, self.conv2(out))
        return norm_relu(self.bn3, self.relu, self.conv3(out), x if self.downsample is None else self.downsample(x))


def stage(
    block: type[BasicBlock | Bottleneck],
    in_channels: int,
    width: int,
    count: int,
    stride: int,
    groups: int = 1,
    base_width: int = 64,
) -> nn.Sequential:
    """`count` blocks, the first of them with the stride and the change of channels."""
    first = block(in_channels, width, stride, groups, base_width)
    rest = [block(width * block.expansion, width, 1, groups, base_width) for _ in range(count - 1)]
    return nn.Sequential(first, *rest)


class ResNet(nn.Module):
    """conv 7x7 (64) -> max-pooling -> 4 stages of blocks (64, 128, 256, 512) -> mean over pixels -> linear.

    Args:
        layers: blocks per stage.
        groups, base_width: groups of the bottleneck's 3x3 convolution, and channels per group in the first stage.
    """

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck],
        layers: tuple[int, int, int, int],
        num_classes: int = 1000,
        in_channels: int = 3,
        groups: int = 1,
        base_width: int = 64,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        wider = block.expansion
        self.layer1 = stage(block, 64, 64, layers[0], 1, groups, base_width)
        self.layer2 = stage(block, 64 * wider, 128, layers[1], 2, groups, base_width)
        self.layer3 = stage(block, 128 * wider, 256, layers[2], 2, groups, base_width)
        self.layer4 = stage(block, 256 * wider, 512, layers[3], 2, groups, base_width)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * wider, num_classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(norm_relu(self.bn1, self.relu, self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


@register_model(min_size=32)
def resnet18(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """Residual network of 18 layers, 11 million parameters for 10 classes."""
    return ResNet(BasicBlock, (2, 2, 2, 2), num_classes, in_channels)


@register_model(min_size=32)
def resnet34(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """Residual network of 34 layers, 21 million parameters."""
    return ResNet(BasicBlock, (3, 4, 6, 3), num_classes, in_channels)


@register_model(min_size=32)
def resnet50(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """Residual network of 50 layers, 24 million parameters."""
    return ResNet(Bottleneck, (3, 4, 6, 3), num_classes, in_channels)


@register_model(min_size=32)
def resnet101(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """Residual network of 101 layers, 43 million parameters."""
    return ResNet(Bottleneck, (3, 4, 23, 3), num_classes, in_channels)


@register_model(min_size=32)
def resnet152(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """Residual network of 152 layers, 58 million parameters."""
    return ResNet(Bottleneck, (3, 8, 36, 3), num_classes, in_channels)


@register_model(min_size=32)
def resnext50_32x4d(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """ResNeXt of 50 layers with 32 groups, 23 million parameters."""
    return ResNet(Bottleneck, (3, 4, 6, 3), num_classes, in_channels, groups=32, base_width=4)


@register_model(min_size=32)
def resnext101_32x8d(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """ResNeXt of 101 layers with 32 groups, 87 million parameters."""
    return ResNet(Bottleneck, (3, 4, 23, 3), num_classes, in_channels, groups=32, base_width=8)


@register_model(min_size=32)
def resnext101_64x4d(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """ResNeXt of 101 layers with 64 groups, 81 million parameters."""
    return ResNet(Bottleneck, (3, 4, 23, 3), num_classes, in_channels, groups=64, base_width=4)


@register_model(min_size=32)
def wide_resnet50_2(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """Residual network of 50 layers, bottlenecks twice as wide, 67 million parameters."""
    return ResNet(Bottleneck, (3, 4, 6, 3), num_classes, in_channels, base_width=128)


@register_model(min_size=32)
def wide_resnet101_2(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """Residual network of 101 layers, bottlenecks twice as wide, 125 million parameters."""
    return ResNet(Bottleneck, (3, 4, 23, 3), num_classes, in_channels, base_width=128)
