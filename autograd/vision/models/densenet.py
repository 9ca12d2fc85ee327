"""DenseNet, after Huang, Liu, van der Maaten, Weinberger, "Densely connected convolutional networks" (2017), with
torchvision's layers and names."""

from __future__ import annotations

from autograd import Tensor, nn
from autograd.nn import functional as F
from autograd.nn.fusion import norm_relu
from autograd.ops.join import concatenate
from autograd.vision.layers import initialise
from autograd.vision.models.registry import register_model

BOTTLENECK = 4  # channels of the inner 1x1 convolution, in units of the growth


class DenseLayer(nn.Module):
    """conv3x3(relu(bn(conv1x1(relu(bn(x)))))): `growth` new channels."""

    def __init__(self, in_channels: int, growth: int, dropout: float) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.relu1 = nn.ReLU(True)
        self.conv1 = nn.Conv2d(in_channels, BOTTLENECK * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(BOTTLENECK * growth)
        self.relu2 = nn.ReLU(True)
        self.conv2 = nn.Conv2d(BOTTLENECK * growth, growth, 3, padding=1, bias=False)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(norm_relu(self.norm1, self.relu1, x))
        x = self.conv2(norm_relu(self.norm2, self.relu2, x))
        return F.dropout(x, self.dropout, self.training) if self.dropout else x


class DenseBlock(nn.ModuleDict):
    """Layers that each get the channels of the input and of all layers before."""

    def __init__(self, count: int, in_channels: int, growth: int, dropout: float) -> None:
        super().__init__(
            {f"denselayer{i + 1}": DenseLayer(in_channels + i * growth, growth, dropout) for i in range(count)}
        )

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.values():
            x = concatenate([x, layer(x)], 1)
        return x


class Transition(nn.Sequential):
    """Half the channels, half the height and width."""

    def __init__(self, in_channels: int) -> None:
        super().__init__(
            {
                "norm": nn.BatchNorm2d(in_channels),
                "relu": nn.ReLU(True),
                "conv": nn.Conv2d(in_channels, in_channels // 2, 1, bias=False),
                "pool": nn.AvgPool2d(2, 2),
            }
        )


class DenseNet(nn.Module):
    """conv 7x7 -> max-pooling -> 4 dense blocks with transitions between -> mean over pixels -> linear.

    Args:
        growth: channels that every layer adds.
        layers: layers per block.
        stem: channels of the first convolution.
    """

    def __init__(
        self,
        growth: int,
        layers: tuple[int, int, int, int],
        stem: int,
        num_classes: int = 1000,
        in_channels: int = 3,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        parts: dict[str, nn.Module] = {
            "conv0": nn.Conv2d(in_channels, stem, 7, stride=2, padding=3, bias=False),
            "norm0": nn.BatchNorm2d(stem),
            "relu0": nn.ReLU(True),
            "pool0": nn.MaxPool2d(3, 2, 1),
        }
        width = stem
        for number, count in enumerate(layers, 1):
            parts[f"denseblock{number}"] = DenseBlock(count, width, growth, dropout)
            width += count * growth
            if number < len(layers):
                parts[f"transition{number}"] = Transition(width)
                width //= 2
        parts["norm5"] = nn.BatchNorm2d(width)
        self.features = nn.Sequential(parts)
        self.classifier = nn.Linear(width, num_classes)
        initialise(self, conv=nn.init.kaiming_normal_)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.features(x))
        return self.classifier(F.adaptive_avg_pool2d(x, (1, 1)).flatten(1))


@register_model(min_size=32)
def densenet121(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.0) -> DenseNet:
    """DenseNet of 121 layers, 7.0 million parameters for 10 classes."""
    return DenseNet(32, (6, 12, 24, 16), 64, num_classes, in_channels, dropout)


@register_model(min_size=32)
def densenet161(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.0) -> DenseNet:
    """DenseNet of 161 layers, 27 million parameters for 10 classes."""
    return DenseNet(48, (6, 12, 36, 24), 96, num_classes, in_channels, dropout)


@register_model(min_size=32)
def densenet169(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.0) -> DenseNet:
    """DenseNet of 169 layers, 13 million parameters for 10 classes."""
    return DenseNet(32, (6, 12, 32, 32), 64, num_classes, in_channels, dropout)


@register_model(min_size=32)
def densenet201(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.0) -> DenseNet:
    """DenseNet of 201 layers, 18 million parameters for 10 classes."""
    return DenseNet(32, (6, 12, 48, 32), 64, num_classes, in_channels, dropout)
