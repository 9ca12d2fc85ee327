"""Inception v3, after Szegedy et al., "Rethinking the Inception architecture for computer vision" (2016), with
torchvision's layers and names."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from autograd import Tensor, nn
from autograd.nn import functional as F
from autograd.ops.join import concatenate
from autograd.vision.layers import initialise
from autograd.vision.models.googlenet import BasicConv2d
from autograd.vision.models.registry import register_model

ROW, COLUMN = ((1, 7), (0, 3)), ((7, 1), (3, 0))  # kernel and padding: 7x7 in two steps


class InceptionOutputs(NamedTuple):
    """Scores (N, classes) in training: the model's and those of the auxiliary head."""

    logits: Tensor
    aux_logits: Tensor


def _pooled(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, 1, 1)


class InceptionA(nn.Module):
    """35 x 35: 1x1; 5x5; two 3x3; pool (figure 5 of the paper)."""

    def __init__(self, in_channels: int, pool: int) -> None:
        super().__init__()
        self.branch1x1 = BasicConv2d(in_channels, 64, 1)
        self.branch5x5_1 = BasicConv2d(in_channels, 48, 1)
        self.branch5x5_2 = BasicConv2d(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = BasicConv2d(in_channels, 64, 1)
        self.branch3x3dbl_2 = BasicConv2d(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = BasicConv2d(96, 96, 3, padding=1)
        self.branch_pool = BasicConv2d(in_channels, pool, 1)

    def forward(self, x: Tensor) -> Tensor:
        five = self.branch5x5_2(self.branch5x5_1(x))
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return concatenate([self.branch1x1(x), five, double, self.branch_pool(_pooled(x))], 1)


class InceptionB(nn.Module):
    """35 x 35 -> 17 x 17."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch3x3 = BasicConv2d(in_channels, 384, 3, stride=2)
        self.branch3x3dbl_1 = BasicConv2d(in_channels, 64, 1)
        self.branch3x3dbl_2 = BasicConv2d(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = BasicConv2d(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return concatenate([self.branch3x3(x), double, F.max_pool2d(x, 3, 2)], 1)


class InceptionC(nn.Module):
    """17 x 17: 1x1; 7x7; two 7x7; pool, each 7x7 as 1x7 and 7x1 (figure 6)."""

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        self.branch1x1 = BasicConv2d(in_channels, 192, 1)
        self.branch7x7_1 = BasicConv2d(in_channels, width, 1)
        self.branch7x7_2 = _conv(width, width, ROW)
        self.branch7x7_3 = _conv(width, 192, COLUMN)
        self.branch7x7dbl_1 = BasicConv2d(in_channels, width, 1)
        self.branch7x7dbl_2 = _conv(width, width, COLUMN)
        self.branch7x7dbl_3 = _conv(width, width, ROW)
        self.branch7x7dbl_4 = _conv(width, width, COLUMN)
        self.branch7x7dbl_5 = _conv(width, 192, ROW)
        self.branch_pool = BasicConv2d(in_channels, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        single = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return concatenate([self.branch1x1(x), single, double, self.branch_pool(_pooled(x))], 1)


class InceptionD(nn.Module):
    """17 x 17 -> 8 x 8."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch3x3_1 = BasicConv2d(in_channels, 192, 1)
        self.branch3x3_2 = BasicConv2d(192, 320, 3, stride=2)
        self.branch7x7x3_1 = BasicConv2d(in_channels, 192, 1)
        self.branch7x7x3_2 = _conv(192, 192, ROW)
        self.branch7x7x3_3 = _conv(192, 192, COLUMN)
        self.branch7x7x3_4 = BasicConv2d(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return concatenate([self.branch3x3_2(self.branch3x3_1(x)), seven, F.max_pool2d(x, 3, 2)], 1)


class InceptionE(nn.Module):
    """8 x 8: as A, the last 3x3 of a branch as 1x3 and 3x1 side by side (figure 7)."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        row, column = ((1, 3), (0, 1)), ((3, 1), (1, 0))
        self.branch1x1 = BasicConv2d(in_channels, 320, 1)
        self.branch3x3_1 = BasicConv2d(in_channels, 384, 1)
        self.branch3x3_2a = _conv(384, 384, row)
        self.branch3x3_2b = _conv(384, 384, column)
        self.branch3x3dbl_1 = BasicConv2d(in_channels, 448, 1)
        self.branch3x3dbl_2 = BasicConv2d(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = _conv(384, 384, row)
        self.branch3x3dbl_3b = _conv(384, 384, column)
        self.branch_pool = BasicConv2d(in_channels, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        single = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        wide = [self.branch3x3_2a(single), self.branch3x3_2b(single)]
        wide += [self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double)]
        return concatenate([self.branch1x1(x), *wide, self.branch_pool(_pooled(x))], 1)


class InceptionAux(nn.Module):
    """Scores from the middle of the network."""

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.conv0 = BasicConv2d(in_channels, 128, 1)
        self.conv1 = BasicConv2d(128, 768, 5)
        self.fc = nn.Linear(768, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(self.conv0(F.avg_pool2d(x, 5, 3)))
        return self.fc(F.adaptive_avg_pool2d(x, (1, 1)).flatten(1))


class Inception3(nn.Module):
    """Stem -> 3 A, B, 4 C, D, 2 E -> mean over pixels -> dropout -> linear, for pictures of 299 x 299.

    With aux_logits, what it returns in training is `InceptionOutputs`; without, pictures of 75 x 75 are enough.
    """

    def __init__(
        self, num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5, aux_logits: bool = True
    ) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = BasicConv2d(in_channels, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = BasicConv2d(32, 32, 3)
        self.Conv2d_2b_3x3 = BasicConv2d(32, 64, 3, padding=1)
        self.maxpool1 = nn.MaxPool2d(3, 2)
        self.Conv2d_3b_1x1 = BasicConv2d(64, 80, 1)
        self.Conv2d_4a_3x3 = BasicConv2d(80, 192, 3)
        self.maxpool2 = nn.MaxPool2d(3, 2)
        self.Mixed_5b = InceptionA(192, 32)
        self.Mixed_5c = InceptionA(256, 64)
        self.Mixed_5d = InceptionA(288, 64)
        self.Mixed_6a = InceptionB(288)
        self.Mixed_6b = InceptionC(768, 128)
        self.Mixed_6c = InceptionC(768, 160)
        self.Mixed_6d = InceptionC(768, 160)
        self.Mixed_6e = InceptionC(768, 192)
        self.AuxLogits = InceptionAux(768, num_classes) if aux_logits else None
        self.Mixed_7a = InceptionD(768)
        self.Mixed_7b = InceptionE(1280)
        self.Mixed_7c = InceptionE(2048)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(2048, num_classes)
        wide = partial(nn.init.trunc_normal_, std=0.1)
        initialise(self, conv=wide, linear=wide)
        if self.AuxLogits is not None:
            nn.init.trunc_normal_(self.AuxLogits.conv1.conv.weight, std=0.01)
            nn.init.trunc_normal_(self.AuxLogits.fc.weight, std=0.001)

    def forward(self, x: Tensor) -> Tensor | InceptionOutputs:
        x = self.maxpool1(self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x))))
        x = self.maxpool2(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x)))
        x = self.Mixed_6a(self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x))))
        middle = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(x))))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(middle)))
        scores = self.fc(self.dropout(self.avgpool(x).flatten(1)))
        if self.AuxLogits is None or not self.training:
            return scores
        return InceptionOutputs(scores, self.AuxLogits(middle))


def _conv(in_channels: int, out_channels: int, form: tuple[tuple[int, int], tuple[int, int]]) -> BasicConv2d:
    kernel, padding = form
    return BasicConv2d(in_channels, out_channels, kernel, padding=padding)


@register_model(min_size=299, size=299)
def inception_v3(
    num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5, aux_logits: bool = True
) -> Inception3:
    """Inception v3, 22 million parameters for 10 classes and 2.6 in its auxiliary head."""
    return Inception3(num_classes, in_channels, dropout, aux_logits)
