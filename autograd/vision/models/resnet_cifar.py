"""Residual networks for small pictures, after He, Zhang, Ren and Sun, "Deep residual learning for image recognition"
(2016), section 4.2, with torchvision's names of layers.
"""

from __future__ import annotations

from autograd import Tensor, nn
from autograd.nn.fusion import norm_relu
from autograd.vision.layers import initialise
from autograd.vision.models.registry import register_model
from autograd.vision.models.resnet import BasicBlock, stage


class CifarResNet(nn.Module):
    """conv 3x3 (16) -> 3 stages of (depth - 2) / 6 BasicBlocks (16, 32, 64) -> mean over pixels -> linear."""

    def __init__(self, depth: int, num_classes: int = 10, in_channels: int = 3) -> None:
        super().__init__()
        if depth < 8 or depth % 6 != 2:
            raise ValueError(f"CifarResNet: depth={depth} must be 6 n + 2, like 20, 32, 44, 56, 110")
        blocks = (depth - 2) // 6
        self.conv1 = nn.Conv2d(in_channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU(True)
        self.layer1 = stage(BasicBlock, 16, 16, blocks, 1)
        self.layer2 = stage(BasicBlock, 16, 32, blocks, 2)
        self.layer3 = stage(BasicBlock, 32, 64, blocks, 2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(64, num_classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        x = norm_relu(self.bn1, self.relu, self.conv1(x))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(self.avgpool(x).flatten(1))


@register_model(min_size=4, size=32)
def resnet20(num_classes: int = 10, in_channels: int = 3) -> CifarResNet:
    """Residual network of 20 layers for 32 x 32, 0.27 million parameters."""
    return CifarResNet(20, num_classes, in_channels)


@register_model(min_size=4, size=32)
def resnet32(num_classes: int = 10, in_channels: int = 3) -> CifarResNet:
    """Residual network of 32 layers for 32 x 32, 0.46 million parameters."""
    return CifarResNet(32, num_classes, in_channels)


@register_model(min_size=4, size=32)
def resnet44(num_classes: int = 10, in_channels: int = 3) -> CifarResNet:
    """Residual network of 44 layers for 32 x 32, 0.66 million parameters."""
    return CifarResNet(44, num_classes, in_channels)


@register_model(min_size=4, size=32)
def resnet56(num_classes: int = 10, in_channels: int = 3) -> CifarResNet:
    """Residual network of 56 layers for 32 x 32, 0.85 million parameters."""
    return CifarResNet(56, num_classes, in_channels)


@register_model(min_size=4, size=32)
def resnet110(num_classes: int = 10, in_channels: int = 3) -> CifarResNet:
    """Residual network of 110 layers for 32 x 32, 1.7 million parameters."""
    return CifarResNet(110, num_classes, in_channels)
