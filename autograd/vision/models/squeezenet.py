"""SqueezeNet, after Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters" (2016), with
torchvision's layers and names."""

from __future__ import annotations

from autograd import Tensor, nn
from autograd.ops.join import concatenate
from autograd.vision.layers import initialise, normal_01
from autograd.vision.models.registry import register_model


class Fire(nn.Module):
    """1x1 convolution to `squeeze` channels, then 1x1 and 3x3 convolutions side by side, each to `expand`."""

    def __init__(self, in_channels: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(in_channels, squeeze, 1)
        self.squeeze_activation = nn.ReLU(True)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand1x1_activation = nn.ReLU(True)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)
        self.expand3x3_activation = nn.ReLU(True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze_activation(self.squeeze(x))
        return concatenate(
            [self.expand1x1_activation(self.expand1x1(x)), self.expand3x3_activation(self.expand3x3(x))], 1
        )


def _pool() -> nn.MaxPool2d:
    return nn.MaxPool2d(3, 2, ceil_mode=True)


class SqueezeNet(nn.Module):
    """Stem -> eight Fire modules -> dropout -> 1x1 convolution to the classes -> mean over pixels.

    Version "1.1" pools earlier: 2.4 times less work than "1.0".
    """

    def __init__(self, version: str, num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> None:
        super().__init__()
        if version == "1.0":
            stem = [nn.Conv2d(in_channels, 96, 7, stride=2), nn.ReLU(True), _pool()]
            fires = [
                *(Fire(96, 16, 64), Fire(128, 16, 64), Fire(128, 32, 128), _pool()),
                *(Fire(256, 32, 128), Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), _pool()),
                Fire(512, 64, 256),
            ]
        elif version == "1.1":
            stem = [nn.Conv2d(in_channels, 64, 3, stride=2), nn.ReLU(True), _pool()]
            fires = [
                *(Fire(64, 16, 64), Fire(128, 16, 64), _pool()),
                *(Fire(128, 32, 128), Fire(256, 32, 128), _pool()),
                *(Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256)),
            ]
        else:
            raise ValueError(f'SqueezeNet: version must be "1.0" or "1.1", got {version!r}')
        self.features = nn.Sequential(*stem, *fires)
        last = nn.Conv2d(512, num_classes, 1)
        self.classifier = nn.Sequential(nn.Dropout(dropout), last, nn.ReLU(True), nn.AdaptiveAvgPool2d((1, 1)))
        initialise(self, conv=nn.init.kaiming_uniform_)
        normal_01(last.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x)).flatten(1)


@register_model(min_size=32)
def squeezenet1_0(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> SqueezeNet:
    """SqueezeNet 1.0, 0.74 million parameters for 10 classes."""
    return SqueezeNet("1.0", num_classes, in_channels, dropout)


@register_model(min_size=32)
def squeezenet1_1(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> SqueezeNet:
    """SqueezeNet 1.1, 0.73 million parameters for 10 classes."""
    return SqueezeNet("1.1", num_classes, in_channels, dropout)
