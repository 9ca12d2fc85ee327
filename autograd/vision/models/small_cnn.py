"""Small convolutional networks that train in seconds to minutes on a CPU."""

from __future__ import annotations

from autograd import Tensor, nn
from autograd.vision.models.registry import register_model


class ConvBNReLU(nn.Sequential):
    """relu(batch_norm(conv 3x3 without bias)), same height and width."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False), nn.BatchNorm2d(out_channels), nn.ReLU()
        )


class SmallCNN(nn.Module):
    """Blocks of two ConvBNReLU and a 2x2 max-pooling, then the mean over all pixels, dropout and a linear layer."""

    def __init__(self, widths: tuple[int, ...], num_classes: int, in_channels: int, dropout: float) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        for i, width in enumerate(widths):
            blocks += [ConvBNReLU(in_channels, width), ConvBNReLU(width, width)]
            if i + 1 < len(widths):
                blocks.append(nn.MaxPool2d(2))
            in_channels = width
        self.features = nn.Sequential(*blocks)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Flatten(), nn.Dropout(dropout), nn.Linear(in_channels, num_classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(x)))


@register_model(min_size=4, size=28)
def small_cnn(num_classes: int = 10, in_channels: int = 1, dropout: float = 0.1) -> SmallCNN:
    """Six 3x3 convolutions with batch norm (16, 32, 64 channels), for 28 x 28 and 32 x 32."""
    return SmallCNN((16, 32, 64), num_classes, in_channels, dropout)
