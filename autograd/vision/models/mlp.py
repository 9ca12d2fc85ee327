"""Fully connected networks."""

from __future__ import annotations

from collections.abc import Sequence

from autograd import nn
from autograd.vision.models.registry import register_model


class MLP(nn.Sequential):
    """Flatten -> (Linear -> ReLU -> Dropout) for every hidden size -> Linear: (N, C, H, W) -> (N, num_classes)."""

    def __init__(self, in_features: int, hidden: Sequence[int], num_classes: int, dropout: float = 0.0) -> None:
        layers: list[nn.Module] = [nn.Flatten()]
        for size in hidden:
            layers += [nn.Linear(in_features, size), nn.ReLU()]
            if dropout:
                layers.append(nn.Dropout(dropout))
            in_features = size
        super().__init__(*layers, nn.Linear(in_features, num_classes))


@register_model(size=28)
def mlp(
    num_classes: int = 10,
    in_channels: int = 1,
    image_size: int = 28,
    hidden: Sequence[int] = (512, 256),
    dropout: float = 0.2,
) -> MLP:
    """Two hidden layers of 512 and 256 units with ReLU and dropout."""
    return MLP(in_channels * image_size * image_size, hidden, num_classes, dropout)
