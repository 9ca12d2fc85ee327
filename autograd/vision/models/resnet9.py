"""ResNet-9, the small residual network of D. Page, "How to train your ResNet" (2018), for pictures of 28 to 32 pixels
and few epochs: most of its work is in 3x3 convolutions of many channels.
"""

from __future__ import annotations

from autograd import Tensor, nn
from autograd.vision.models.registry import register_model
from autograd.vision.models.small_cnn import ConvBNReLU


class _Residual(nn.Module):
    """x + relu(bn(conv(relu(bn(conv(x))))))"""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block = nn.Sequential(ConvBNReLU(channels, channels), ConvBNReLU(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x)


class ResNet9(nn.Module):
    """Stages of width, 2, 4 and 8 times width channels, halved by 2x2 max-pooling, the second and the fourth with a
    residual block; then the largest value of every channel, dropout and a linear layer.
    """

    def __init__(self, num_classes: int, in_channels: int, width: int, dropout: float) -> None:
        super().__init__()
        self.prep = ConvBNReLU(in_channels, width)
        self.layer1 = nn.Sequential(ConvBNReLU(width, 2 * width), nn.MaxPool2d(2), _Residual(2 * width))
        self.layer2 = nn.Sequential(ConvBNReLU(2 * width, 4 * width), nn.MaxPool2d(2))
        self.layer3 = nn.Sequential(ConvBNReLU(4 * width, 8 * width), nn.MaxPool2d(2), _Residual(8 * width))
        self.maxpool = nn.AdaptiveMaxPool2d(1)
        self.classifier = nn.Sequential(nn.Flatten(), nn.Dropout(dropout), nn.Linear(8 * width, num_classes))

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer3(self.layer2(self.layer1(self.prep(x))))
        return self.classifier(self.maxpool(x))


@register_model(min_size=8, size=32)
def resnet9(num_classes: int = 10, in_channels: int = 3, width: int = 16, dropout: float = 0.1) -> ResNet9:
    """Residual network of 9 layers for 28 x 28 and 32 x 32, 0.4 million parameters (width=64, as published: 6.6)."""
    return ResNet9(num_classes, in_channels, width, dropout)
