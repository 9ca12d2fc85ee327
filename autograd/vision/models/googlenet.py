"""GoogLeNet (Inception v1), after Szegedy et al., "Going deeper with convolutions" (2015).

Layers and names are torchvision's (batch norm after every convolution, 3x3 where the paper has 5x5), so its weights
load.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from autograd import Tensor, nn
from autograd.nn import functional as F
from autograd.nn.fusion import norm_relu
from autograd.ops.join import concatenate
from autograd.vision.layers import initialise
from autograd.vision.models.registry import register_model


class GoogLeNetOutputs(NamedTuple):
    """Scores (N, classes) in training: the model's, and those of the auxiliary heads on blocks 4d and 4a."""

    logits: Tensor
    aux_logits2: Tensor
    aux_logits1: Tensor


class BasicConv2d(nn.Module):
    """relu(batch_norm(conv without bias))."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: int = 1, padding: Any = 0
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return norm_relu(self.bn, F.relu, self.conv(x))


class Inception(nn.Module):
    """Four branches side by side, joined along the channels: 1x1; 1x1 -> 3x3; 1x1 -> 3x3; pool -> 1x1."""

    def __init__(self, in_channels: int, ch1: int, red3: int, ch3: int, red5: int, ch5: int, pool: int) -> None:
        super().__init__()
        self.branch1 = BasicConv2d(in_channels, ch1, 1)
        self.branch2 = nn.Sequential(BasicConv2d(in_channels, red3, 1), BasicConv2d(red3, ch3, 3, padding=1))
        self.branch3 = nn.Sequential(BasicConv2d(in_channels, red5, 1), BasicConv2d(red5, ch5, 3, padding=1))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1, ceil_mode=True), BasicConv2d(in_channels, pool, 1))

    def forward(self, x: Tensor) -> Tensor:
        return concatenate([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class InceptionAux(nn.Module):
    """Scores from the middle of the network: 4x4 mean-pooling -> 1x1 convolution -> 1024 -> num_classes."""

    def __init__(self, in_channels: int, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.conv = BasicConv2d(in_channels, 128, 1)
        self.fc1 = nn.Linear(2048, 1024)
        self.fc2 = nn.Linear(1024, num_classes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(F.adaptive_avg_pool2d(x, (4, 4)))
        return self.fc2(self.dropout(F.relu(self.fc1(x.flatten(1)))))


class GoogLeNet(nn.Module):
    """Stem -> nine Inception blocks -> mean over pixels -> dropout -> linear.

    With aux_logits, what it returns in training is `GoogLeNetOutputs`: the auxiliary heads bring gradients to the
    first layers. The paper weighs their losses by 0.3.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        in_channels: int = 3,
        dropout: float = 0.2,
        aux_logits: bool = True,
        dropout_aux: float = 0.7,
    ) -> None:
        super().__init__()
        self.conv1 = BasicConv2d(in_channels, 64, 7, stride=2, padding=3)
        self.maxpool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2 = BasicConv2d(64, 64, 1)
        self.conv3 = BasicConv2d(64, 192, 3, padding=1)
        self.maxpool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.inception3a = Inception(192, 64, 96, 128, 16, 32, 32)
        self.inception3b = Inception(256, 128, 128, 192, 32, 96, 64)
        self.maxpool3 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.inception4a = Inception(480, 192, 96, 208, 16, 48, 64)
        self.inception4b = Inception(512, 160, 112, 224, 24, 64, 64)
        self.inception4c = Inception(512, 128, 128, 256, 24, 64, 64)
        self.inception4d = Inception(512, 112, 144, 288, 32, 64, 64)
        self.inception4e = Inception(528, 256, 160, 320, 32, 128, 128)
        self.maxpool4 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.inception5a = Inception(832, 256, 160, 320, 32, 128, 128)
        self.inception5b = Inception(832, 384, 192, 384, 48, 128, 128)
        self.aux1 = InceptionAux(512, num_classes, dropout_aux) if aux_logits else None
        self.aux2 = InceptionAux(528, num_classes, dropout_aux) if aux_logits else None
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(1024, num_classes)
        thin = partial(nn.init.trunc_normal_, std=0.01)
        initialise(self, conv=thin, linear=thin)

    def forward(self, x: Tensor) -> Tensor | GoogLeNetOutputs:
        x = self.maxpool1(self.conv1(x))
        x = self.maxpool2(self.conv3(self.conv2(x)))
        x = self.maxpool3(self.inception3b(self.inception3a(x)))
        after_4a = self.inception4a(x)
        after_4d = self.inception4d(self.inception4c(self.inception4b(after_4a)))
        x = self.maxpool4(self.inception4e(after_4d))
        x = self.avgpool(self.inception5b(self.inception5a(x)))
        scores = self.fc(self.dropout(x.flatten(1)))
        if self.aux1 is None or self.aux2 is None or not self.training:
            return scores
        return GoogLeNetOutputs(scores, self.aux2(after_4d), self.aux1(after_4a))


@register_model(min_size=32)
def googlenet(
    num_classes: int = 1000,
    in_channels: int = 3,
    dropout: float = 0.2,
    aux_logits: bool = True,
    dropout_aux: float = 0.7,
) -> GoogLeNet:
    """GoogLeNet (Inception v1), 5.6 million parameters for 10 classes and 4.3 in its auxiliary heads."""
    return GoogLeNet(num_classes, in_channels, dropout, aux_logits, dropout_aux)
