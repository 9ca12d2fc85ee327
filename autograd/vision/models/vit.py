"""Vision transformer, after Dosovitskiy et al., "An image is worth 16x16 words" (2021), with torchvision's layers and
names."""

from __future__ import annotations

import math

import numpy as np

from autograd import Tensor, nn
from autograd.errors import ShapeError
from autograd.nn import functional as F
from autograd.vision.models.registry import register_model


class SelfAttention(nn.Module):
    """softmax(Q K^T / sqrt(D / heads)) V for each head, then one linear map   (N, L, D) -> (N, L, D)

    Q, K and V are linear in x; their weights are one parameter, as in torch.nn.MultiheadAttention.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"SelfAttention: width={width} must be a multiple of heads={heads}")
        self.heads = heads
        self.in_proj_weight = nn.Parameter(np.empty((3 * width, width), np.float32))
        self.in_proj_bias = nn.Parameter(np.zeros(3 * width, np.float32))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, x: Tensor) -> Tensor:
        n, length, width = x.shape
        share = width // self.heads
        qkv = F.linear(x, self.in_proj_weight, self.in_proj_bias).reshape(n, length, 3, self.heads, share)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # (N, heads, L, D / heads) each
        weights = F.softmax(q @ k.transpose(2, 3) / math.sqrt(share), -1)
        return self.out_proj((weights @ v).transpose(1, 2).reshape(n, length, width))


class EncoderBlock(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x))."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps=1e-6)
        self.self_attention = SelfAttention(width, heads)
        self.dropout = nn.Dropout(dropout)
        self.ln_2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, width), nn.Dropout(dropout)
        )
        for layer in (self.mlp[0], self.mlp[3]):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.normal_(layer.bias, std=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.dropout(self.self_attention(self.ln_1(x)))
        return x + self.mlp(self.ln_2(x))


class Encoder(nn.Module):
    """Learned places are added to the tokens (N, L, D), then come the blocks and a last norm."""

    def __init__(self, length: int, layers: int, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.pos_embedding = nn.Parameter(np.zeros((1, length, width), np.float32))
        self.dropout = nn.Dropout(dropout)
        blocks = {f"encoder_layer_{i}": EncoderBlock(width, heads, hidden, dropout) for i in range(layers)}
        self.layers = nn.Sequential(blocks)
        self.ln = nn.LayerNorm(width, eps=1e-6)
        nn.init.normal_(self.pos_embedding, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        return self.ln(self.layers(self.dropout(x + self.pos_embedding)))


class VisionTransformer(nn.Module):
    """Patches as tokens, a class token in front of them -> encoder -> linear layer on the class token."""

    def __init__(
        self,
        patch: int,
        layers: int,
        width: int,
        heads: int,
        hidden: int,
        num_classes: int = 1000,
        in_channels: int = 3,
        image_size: int = 224,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if image_size % patch:
            raise ShapeError(f"VisionTransformer: image_size={image_size} must be a multiple of the patch size {patch}")
        self.image_size = image_size
        self.class_token = nn.Parameter(np.zeros((1, 1, width), np.float32))
        self.conv_proj = nn.Conv2d(in_channels, width, patch, patch)
        self.encoder = Encoder((image_size // patch) ** 2 + 1, layers, width, heads, hidden, dropout)
        self.heads = nn.Sequential({"head": nn.Linear(width, num_classes)})
        nn.init.trunc_normal_(self.conv_proj.weight, std=math.sqrt(1 / (in_channels * patch * patch)))
        nn.init.zeros_(self.conv_proj.bias)
        nn.init.zeros_(self.heads[0].weight)
        nn.init.zeros_(self.heads[0].bias)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 4 or x.shape[2:] != (self.image_size, self.image_size):
            size = self.image_size
            raise ShapeError(f"VisionTransformer: expected pictures (N, C, {size}, {size}), got {x.shape}")
        patches = self.conv_proj(x).flatten(2).transpose(1, 2)
        token = self.class_token.expand(x.shape[0], -1, -1)
        return self.heads(self.encoder(F.concatenate([token, patches], 1))[:, 0])


@register_model(min_size=224)
def vit_b_16(
    num_classes: int = 1000, in_channels: int = 3, image_size: int = 224, dropout: float = 0.0
) -> VisionTransformer:
    """Vision transformer, base model with patches of 16 x 16, 86 million parameters for 10 classes."""
    return VisionTransformer(16, 12, 768, 12, 3072, num_classes, in_channels, image_size, dropout)


@register_model(min_size=224)
def vit_b_32(
    num_classes: int = 1000, in_channels: int = 3, image_size: int = 224, dropout: float = 0.0
) -> VisionTransformer:
    """Vision transformer, base model with patches of 32 x 32, 87 million parameters for 10 classes."""
    return VisionTransformer(32, 12, 768, 12, 3072, num_classes, in_channels, image_size, dropout)


@register_model(min_size=224)
def vit_l_16(
    num_classes: int = 1000, in_channels: int = 3, image_size: int = 224, dropout: float = 0.0
) -> VisionTransformer:
    """Vision transformer, large model with patches of 16 x 16, 303 million parameters for 10 classes."""
    return VisionTransformer(16, 24, 1024, 16, 4096, num_classes, in_channels, image_size, dropout)


@register_model(min_size=224)
def vit_l_32(
    num_classes: int = 1000, in_channels: int = 3, image_size: int = 224, dropout: float = 0.0
) -> VisionTransformer:
    """Vision transformer, large model with patches of 32 x 32, 305 million parameters for 10 classes."""
    return VisionTransformer(32, 24, 1024, 16, 4096, num_classes, in_channels, image_size, dropout)
