"""LeNet-5, after LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition" (1998)."""

from __future__ import annotations

from autograd import Tensor, nn
from autograd.vision.models.registry import register_model


class LeNet5(nn.Module):
    """conv 5x5 (6) -> pool -> conv 5x5 (16) -> pool -> 120 -> 84 -> num_classes.

    The sizes are those of the paper. As is usual today, ReLU takes the place of tanh, max-pooling that of trainable
    sub-sampling, all maps are connected, and pictures of 28 x 28 are padded in the first layer instead of before it.
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 1, image_size: int = 28) -> None:
        super().__init__()
        side = (image_size // 2 - 4) // 2
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 6, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(16 * side * side, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))


@register_model(min_size=12, size=28)
def lenet5(num_classes: int = 10, in_channels: int = 1, image_size: int = 28) -> LeNet5:
    """LeNet-5 with ReLU and max-pooling, 62 thousand parameters for 28 x 28."""
    return LeNet5(num_classes, in_channels, image_size)
