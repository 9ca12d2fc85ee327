"""ConvNeXt, after Liu et al., "A ConvNet for the 2020s" (2022), with torchvision's layers and names."""

from __future__ import annotations

from functools import partial

import numpy as np

from autograd import Tensor, nn
from autograd.vision.layers import Conv2dNormActivation, LayerNorm2d, Permute, StochasticDepth, initialise
from autograd.vision.models.registry import register_model

LAYER_SCALE = 1e-6  # what the factors of the blocks start from

_Norm2d = partial(LayerNorm2d, eps=1e-6)


class CNBlock(nn.Module):
    """x + scale * (7x7 depthwise -> norm -> 4 times the channels -> GELU -> back), skipped with probability `drop`."""

    def __init__(self, width: int, drop: float) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(width, width, 7, padding=3, groups=width),
            Permute([0, 2, 3, 1]),
            nn.LayerNorm(width, eps=1e-6),
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
            Permute([0, 3, 1, 2]),
        )
        self.layer_scale = nn.Parameter(np.full((width, 1, 1), LAYER_SCALE, np.float32))
        self.stochastic_depth = StochasticDepth(drop, "row")

    def forward(self, x: Tensor) -> Tensor:
        return x + self.stochastic_depth(self.layer_scale * self.block(x))


class ConvNeXt(nn.Module):
    """conv 4x4 with stride 4 -> four stages of blocks with 2x2 convolutions between -> mean over pixels -> linear."""

    def __init__(
        self,
        widths: tuple[int, int, int, int],
        blocks: tuple[int, int, int, int],
        num_classes: int = 1000,
        in_channels: int = 3,
        stochastic_depth: float = 0.0,
    ) -> None:
        super().__init__()
        stem = Conv2dNormActivation(in_channels, widths[0], 4, 4, padding=0, norm=_Norm2d, activation=None, bias=True)
        layers: list[nn.Module] = [stem]
        drops = iter(np.linspace(0.0, stochastic_depth, sum(blocks)).tolist())
        for number, (width, count) in enumerate(zip(widths, blocks)):
            if number:
                layers.append(nn.Sequential(_Norm2d(widths[number - 1]), nn.Conv2d(widths[number - 1], width, 2, 2)))
            layers.append(nn.Sequential(*(CNBlock(width, next(drops)) for _ in range(count))))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(_Norm2d(widths[-1]), nn.Flatten(1), nn.Linear(widths[-1], num_classes))
        thin = partial(nn.init.trunc_normal_, std=0.02)
        initialise(self, conv=thin, linear=thin)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(x)))


@register_model(min_size=32)
def convnext_tiny(num_classes: int = 1000, in_channels: int = 3, stochastic_depth: float = 0.1) -> ConvNeXt:
    """ConvNeXt tiny, 28 million parameters for 10 classes."""
    return ConvNeXt((96, 192, 384, 768), (3, 3, 9, 3), num_classes, in_channels, stochastic_depth)


@register_model(min_size=32)
def convnext_small(num_classes: int = 1000, in_channels: int = 3, stochastic_depth: float = 0.4) -> ConvNeXt:
    """ConvNeXt small, 49 million parameters for 10 classes."""
    return ConvNeXt((96, 192, 384, 768), (3, 3, 27, 3), num_classes, in_channels, stochastic_depth)


@register_model(min_size=32)
def convnext_base(num_classes: int = 1000, in_channels: int = 3, stochastic_depth: float = 0.5) -> ConvNeXt:
    """ConvNeXt base, 88 million parameters for 10 classes."""
    return ConvNeXt((128, 256, 512, 1024), (3, 3, 27, 3), num_classes, in_channels, stochastic_depth)


@register_model(min_size=32)
def convnext_large(num_classes: int = 1000, in_channels: int = 3, stochastic_depth: float = 0.5) -> ConvNeXt:
    """ConvNeXt large, 196 million parameters for 10 classes."""
    return ConvNeXt((192, 384, 768, 1536), (3, 3, 27, 3), num_classes, in_channels, stochastic_depth)
