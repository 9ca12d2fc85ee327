"""VGG, after Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition" (2015).

Layers and their names are torchvision's, so weights interchange.
"""

from __future__ import annotations

from autograd import Tensor, nn
from autograd.vision.layers import initialise, normal_01
from autograd.vision.models.registry import register_model

# Convolutions in each of the five stages, table 1 of the paper: columns A, B, D, E.
CONVOLUTIONS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
WIDTHS = (64, 128, 256, 512, 512)


class VGG(nn.Module):
    """3x3 convolutions with five max-poolings -> 7x7 mean-pooling -> 4096 -> 4096 -> num_classes."""

    def __init__(
        self, depth: int, num_classes: int = 1000, in_channels: int = 3, batch_norm: bool = False, dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.features = _features(CONVOLUTIONS[depth], in_channels, batch_norm)
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(True),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(True),
            nn.Dropout(dropout),
            nn.Linear(4096, num_classes),
        )
        initialise(self, linear=normal_01)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def _features(convolutions: tuple[int, ...], in_channels: int, batch_norm: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    for count, width in zip(convolutions, WIDTHS):
        for _ in range(count):
            layers.append(nn.Conv2d(in_channels, width, 3, padding=1))
            if batch_norm:
                layers.append(nn.BatchNorm2d(width))
            layers.append(nn.ReLU(True))
            in_channels = width
        layers.append(nn.MaxPool2d(2, 2))
    return nn.Sequential(*layers)


@register_model(min_size=32)
def vgg11(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """VGG-11, 8 convolutions, 129 million parameters for 10 classes."""
    return VGG(11, num_classes, in_channels, False, dropout)


@register_model(min_size=32)
def vgg11_bn(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """VGG-11 with batch norm."""
    return VGG(11, num_classes, in_channels, True, dropout)


@register_model(min_size=32)
def vgg13(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """VGG-13, 10 convolutions, 129 million parameters for 10 classes."""
    return VGG(13, num_classes, in_channels, False, dropout)


@register_model(min_size=32)
def vgg13_bn(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """VGG-13 with batch norm."""
    return VGG(13, num_classes, in_channels, True, dropout)


@register_model(min_size=32)
def vgg16(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """VGG-16, 13 convolutions, 134 million parameters for 10 classes."""
    return VGG(16, num_classes, in_channels, False, dropout)


@register_model(min_size=32)
def vgg16_bn(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """VGG-16 with batch norm."""
    return VGG(16, num_classes, in_channels, True, dropout)


@register_model(min_size=32)
def vgg19(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """VGG-19, 16 convolutions, 140 million parameters for 10 classes."""
    return VGG(19, num_classes, in_channels, False, dropout)


@register_model(min_size=32)
def vgg19_bn(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """VGG-19 with batch norm."""
    return VGG(19, num_classes, in_channels, True, dropout)
