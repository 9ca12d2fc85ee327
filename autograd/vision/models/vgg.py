"""VGG, after Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition" (2015).

Layers and their names are torchvision's, so weights interchange.
"""

from __future__ import annotations

from autograd import Tensor, nn
from autograd.vision.models.registry import register_model

_VGG11: tuple[int | str, ...] = (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M")


class VGG(nn.Module):
    """3x3 convolutions with five max-poolings -> 7x7 mean-pooling -> 4096 -> 4096 -> num_classes."""

    def __init__(
        self, plan: tuple[int | str, ...], num_classes: int, in_channels: int, batch_norm: bool, dropout: float
    ) -> None:
        super().__init__()
        self.features = _features(plan, in_channels, batch_norm)
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
        _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(self.features(x))
        return self.classifier(x.flatten(1))


def _features(plan: tuple[int | str, ...], in_channels: int, batch_norm: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in plan:
        if not isinstance(width, int):
            layers.append(nn.MaxPool2d(2, 2))
            continue
        layers.append(nn.Conv2d(in_channels, width, 3, padding=1))
        if batch_norm:
            layers.append(nn.BatchNorm2d(width))
        layers.append(nn.ReLU(True))
        in_channels = width
    return nn.Sequential(*layers)


def _initialise(model: nn.Module) -> None:
    """torchvision's: convolutions kaiming-normal by fan-out, linear layers normal(0, 0.01), biases 0."""
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, 0, 0.01)
        else:
            continue
        nn.init.zeros_(layer.bias)


@register_model(min_size=32)
def vgg11(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """VGG-11, 8 convolutions, 129 million parameters for 10 classes."""
    return VGG(_VGG11, num_classes, in_channels, False, dropout)


@register_model(min_size=32)
def vgg11_bn(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """VGG-11 with batch norm."""
    return VGG(_VGG11, num_classes, in_channels, True, dropout)
