"""Attention with several heads, and the encoder made of it. Names and defaults are torch.nn's."""

from __future__ import annotations

import copy
from typing import Any

from autograd.errors import ShapeError
from autograd.nn import functional as F
from autograd.nn import init
from autograd.nn.containers import ModuleList
from autograd.nn.dropout import Dropout
from autograd.nn.linear import Linear, empty
from autograd.nn.module import Module
from autograd.nn.norm import LayerNorm
from autograd.ops.linalg import tensor_of
from autograd.tensor import Tensor


class MultiheadAttention(Module):
    """softmax(q k^T / sqrt(E / heads)) v in every head: query (L, N, E), key and value (S, N, E) -> (L, N, E), weights

    batch_first: (N, L, E). kdim, vdim: sizes of key and value, if not embed_dim. Source: arXiv:1706.03762.
    """

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, add_bias_kv: bool = False,
        add_zero_attn: bool = False, kdim: int | None = None, vdim: int | None = None, batch_first: bool = False,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if embed_dim < 1 or num_heads < 1 or embed_dim % num_heads:
            raise ShapeError(f"MultiheadAttention: embed_dim={embed_dim} is no multiple of num_heads={num_heads}")
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.kdim, self.vdim = embed_dim if kdim is None else kdim, embed_dim if vdim is None else vdim
        self.add_zero_attn = add_zero_attn
        self.separate = (self.kdim, self.vdim) != (embed_dim, embed_dim)
        if self.separate:
            for name, width in (("q", embed_dim), ("k", self.kdim), ("v", self.vdim)):
                self.register_parameter(f"{name}_proj_weight", empty(embed_dim, width, dtype=dtype))
            self.register_parameter("in_proj_weight", None)
        else:
            self.in_proj_weight = empty(3 * embed_dim, embed_dim, dtype=dtype)
        self.register_parameter("in_proj_bias", empty(3 * embed_dim, dtype=dtype) if bias else None)
        self.out_proj = Linear(embed_dim, embed_dim, bias=bias, dtype=dtype)
        for name in ("bias_k", "bias_v"):
            self.register_parameter(name, empty(1, 1, embed_dim, dtype=dtype) if add_bias_kv else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for name, parameter in self.named_parameters():
            if name in ("bias_k", "bias_v"):
                init.xavier_normal_(parameter)
            elif name.endswith("proj_weight"):
                init.xavier_uniform_(parameter)
            elif name in ("in_proj_bias", "out_proj.bias"):
                init.zeros_(parameter)

    def forward(
        self, query: Any, key: Any, value: Any, key_padding_mask: Any = None, need_weights: bool = True,
        attn_mask: Any = None, average_attn_weights: bool = True, is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        query, key, value = tensor_of(query), tensor_of(key), tensor_of(value)
        swap = self.batch_first and query.ndim == 3
        if swap:
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        y, weights = F.multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight, self.in_proj_bias, self.bias_k,
            self.bias_v, self.add_zero_attn, self.dropout, self.out_proj.weight, self.out_proj.bias,
            training=self.training, key_padding_mask=key_padding_mask, need_weights=need_weights, attn_mask=attn_mask,
            average_attn_weights=average_attn_weights, is_causal=is_causal, use_separate_proj_weight=self.separate,
            q_proj_weight=getattr(self, "q_proj_weight", None), k_proj_weight=getattr(self, "k_proj_weight", None),
            v_proj_weight=getattr(self, "v_proj_weight", None),
        )  # fmt: skip
        return (y.transpose(0, 1) if swap else y), weights


class TransformerEncoderLayer(Module):
    """Self-attention and two linear layers, each pair added to its input and normalised   (L, N, E) -> (L, N, E)

    norm_first normalises before instead of after. Source: Vaswani et al., arXiv:1706.03762.
    """

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1, activation: Any = "relu",
        layer_norm_eps: float = 1e-5, batch_first: bool = False, norm_first: bool = False, bias: bool = True,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype)
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, dtype=dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, dtype=dtype)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, dtype=dtype)
        self.norm2 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, dtype=dtype)
        self.dropout1, self.dropout2 = Dropout(dropout), Dropout(dropout)
        if activation not in ("relu", "gelu") and not callable(activation):
            raise ValueError(f"TransformerEncoderLayer: activation is 'relu', 'gelu' or a function, not {activation!r}")
        self.activation = getattr(F, activation) if isinstance(activation, str) else activation

    def forward(
        self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Tensor:
        x = tensor_of(src)

        def attend(y: Tensor) -> Tensor:
            found, _ = self.self_attn(
                y, y, y, src_key_padding_mask, need_weights=False, attn_mask=src_mask, is_causal=is_causal
            )
            return self.dropout1(found)

        def feed(y: Tensor) -> Tensor:
            return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(y)))))

        if self.norm_first:
            x = x + attend(self.norm1(x))
            return x + feed(self.norm2(x))
        x = self.norm1(x + attend(x))
        return self.norm2(x + feed(x))


class TransformerEncoder(Module):
    """num_layers copies of an encoder layer, one after the other, and a last normalisation if given."""

    def __init__(self, encoder_layer: Module, num_layers: int, norm: Module | None = None, **ignored: Any) -> None:
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(encoder_layer) for _ in range(num_layers)])
        self.num_layers, self.norm = num_layers, norm

    def forward(
        self, src: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool | None = None
    ) -> Tensor:
        x = tensor_of(src)
        for layer in self.layers:
            x = layer(x, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=bool(is_causal))
        return x if self.norm is None else self.norm(x)
