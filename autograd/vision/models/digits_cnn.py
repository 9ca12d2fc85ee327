"""The network of `autograd train` without arguments."""

from __future__ import annotations

from autograd import Tensor, nn
from autograd.vision.models.registry import register_model
from autograd.vision.models.small_cnn import ConvBNReLU


class DigitsCNN(nn.Module):
    """Two blocks of two ConvBNReLU and a 2x2 max-pooling, then dropout and a linear layer over what is left."""

    def __init__(self, num_classes: int, in_channels: int, image_size: int) -> None:
        super().__init__()
        side = image_size // 4
        self.features = nn.Sequential(
            ConvBNReLU(in_channels, 32),
            ConvBNReLU(32, 64),
            nn.MaxPool2d(2),
            ConvBNReLU(64, 64),
            ConvBNReLU(64, 64),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(64 * side * side, num_classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))


@register_model(min_size=4, size=8)
def digits_cnn(num_classes: int = 10, in_channels: int = 1, image_size: int = 8) -> DigitsCNN:
    """Four 3x3 convolutions with batch norm, 95 thousand parameters, for 8 x 8 digits."""
    return DigitsCNN(num_classes, in_channels, image_size)
