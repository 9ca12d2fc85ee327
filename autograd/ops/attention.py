"""Attention: every query takes a weighted mean of values. Letters: L queries, S keys, E features, N batch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.errors import ShapeError
from autograd.op import composite
from autograd.ops.elementwise import add, mul, raw, where
from autograd.ops.join import concatenate
from autograd.ops.linalg import linear, matmul, tensor_of
from autograd.ops.random import dropout
from autograd.ops.reduce import mean
from autograd.ops.shape import permute, repeat_interleave, reshape
from autograd.ops.softmax import softmax
from autograd.sampling import Case, Sampler
from autograd.tensor import Tensor


def _softmax(scores):
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _samples(s: Sampler) -> Case:
    n, queries, keys, e = s.size(2), s.size(3), s.size(3), s.size(3)
    q, k, v = s.array((n, 2, queries, e)), s.array((n, 2, keys, e)), s.array((n, 2, keys, s.size(3)))
    mask = s.choice((None, "bool", "float"))
    attrs: dict[str, Any] = {"is_causal": mask is None and s.boolean(), "scale": s.choice((None, 0.7))}
    if mask == "bool":
        attrs["attn_mask"] = np.logical_or(s.mask((queries, keys)), np.arange(keys) == 0)
    if mask == "float":
        attrs["attn_mask"] = s.array((queries, keys))
    return s.case(q, k, v, **attrs)


def _reference(q, k, v, attn_mask=None, is_causal=False, scale=None):
    scores = np.einsum("...le,...se->...ls", q, k) * (scale or 1 / math.sqrt(q.shape[-1]))
    if is_causal:
        scores = np.where(np.tri(*scores.shape[-2:]).astype(bool), scores, -np.inf)
    if attn_mask is not None:
        scores = np.where(attn_mask, scores, -np.inf) if attn_mask.dtype == bool else scores + attn_mask
    return _softmax(scores) @ v


@composite(reference=_reference, samples=_samples, bound=1e-4, onnx="Attention")
def scaled_dot_product_attention(
    query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, *, scale=None, enable_gqa=False
):
    """softmax(scale * query key^T + mask) value: query (..., L, E), key (..., S, E), value (..., S, V) -> (..., L, V)

    attn_mask: bools (True takes part) or floats that are added, (..., L, S). is_causal: query l sees keys 0 to l.
    scale: 1 / sqrt(E) unless given. enable_gqa: fewer key heads, each shared by a group of query heads. A query that
    sees nothing gets zeros. Source: Vaswani et al., Attention is all you need, arXiv:1706.03762.
    """
    q, k, v, name = tensor_of(query), tensor_of(key), tensor_of(value), "scaled_dot_product_attention"
    context = f"[query: {q.shape}, key: {k.shape}, value: {v.shape}]"
    if min(q.ndim, k.ndim, v.ndim) < 2 or q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
        raise ShapeError(f"{name}: expected query (... L E), key (... S E), value (... S V)  {context}")
    if is_causal and attn_mask is not None:
        raise ShapeError(f"{name}: is_causal and attn_mask exclude each other  {context}")
    if enable_gqa and q.shape[-3] != k.shape[-3]:
        if q.shape[-3] % k.shape[-3] or q.shape[-3] % v.shape[-3]:
            raise ShapeError(f"{name}: key and value heads must divide the query heads  {context}")
        k, v = (repeat_interleave(t, q.shape[-3] // t.shape[-3], -3) for t in (k, v))
    scores = matmul(mul(q, 1 / math.sqrt(q.shape[-1] or 1) if scale is None else scale), k.mT)
    hidden = nothing = None  # keys that a query does not see; queries that see none
    if is_causal:
        hidden = ~np.tri(*scores.shape[-2:]).astype(bool)
    elif attn_mask is not None and raw(attn_mask).dtype.kind == "b":
        hidden = ~np.atleast_1d(raw(attn_mask))
        nothing = hidden.all(-1, keepdims=True)
    elif attn_mask is not None:
        mask = tensor_of(attn_mask)
        scores = add(scores, mask if mask.dtype == q.dtype else mask.astype(q.dtype))
        nothing = np.isneginf(np.atleast_1d(mask.array)).all(-1, keepdims=True)
    if hidden is not None:
        scores = where(hidden, -math.inf, scores)
    if nothing is not None and nothing.any():  # softmax of nothing is NaN, its mean here 0
        weights = where(nothing, 0.0, softmax(where(nothing, 0.0, scores), axis=-1))
    else:
        weights = softmax(scores, axis=-1)
    return matmul(dropout(weights, p=dropout_p), v) if dropout_p else matmul(weights, v)


# --------------------------------------------------------------------------------------------- several heads


def _heads(x: Tensor, count: int) -> Tensor:
    """(L, N, E) as (N, heads, L, E / heads)."""
    length, n, e = x.shape
    return permute(reshape(x, (length, n, count, e // count)), (1, 2, 0, 3))


def _mha_samples(s: Sampler) -> Case:
    heads, e = s.integer(1, 2), 4
    queries, keys, n = s.size(2), s.size(3), s.size(2)
    arrays = [s.array(shape) for shape in ((queries, n, e), (keys, n, e), (keys, n, e))]
    weights = [s.array((3 * e, e)), s.array((3 * e,)), None, None]
    tail = [s.array((e, e)), s.array((e,))]
    return s.case(*arrays, e, heads, *weights, False, 0.0, *tail, need_weights=True, average_attn_weights=s.boolean())


def _mha_reference(q, k, v, e, heads, w, b, bias_k, bias_v, zero, p, out_w, out_b, need_weights=True,
                   average_attn_weights=True):  # fmt: skip
    parts = [x @ w[i * e : (i + 1) * e].T + b[i * e : (i + 1) * e] for i, x in enumerate((q, k, v))]
    q, k, v = (x.reshape(*x.shape[:2], heads, -1) for x in parts)
    weights = _softmax(np.einsum("lnhe,snhe->nhls", q, k) / math.sqrt(e // heads))
    out = np.einsum("nhls,snhe->lnhe", weights, v)
    shown = weights.mean(1) if average_attn_weights else weights
    return out.reshape(*out.shape[:2], e) @ out_w.T + out_b, shown


def _merged_mask(name: str, attn_mask: Any, key_padding_mask: Any, n: int, heads: int, shape: tuple) -> Any:
    """Both masks as floats to add, (N, heads, L, S), or None. True means: do not look here."""
    total = None
    if attn_mask is not None:
        mask = np.asarray(raw(attn_mask))
        if mask.shape not in (shape, (n * heads, *shape)):
            raise ShapeError(f"{name}: attn_mask has shape {mask.shape}, expected {shape} or {(n * heads, *shape)}")
        mask = np.where(mask, -np.inf, 0) if mask.dtype.kind == "b" else mask
        total = mask if mask.ndim == 2 else mask.reshape(n, heads, *shape)
    if key_padding_mask is not None:
        mask = np.asarray(raw(key_padding_mask))
        if mask.shape != (n, shape[1]):
            raise ShapeError(f"{name}: key_padding_mask has shape {mask.shape}, expected {(n, shape[1])}")
        mask = (np.where(mask, -np.inf, 0) if mask.dtype.kind == "b" else mask)[:, None, None, :]
        total = mask if total is None else total + mask
    return total


@composite(reference=_mha_reference, samples=_mha_samples, bound=1e-4)
def multi_head_attention_forward(
    query, key, value, embed_dim_to_check, num_heads, in_proj_weight, in_proj_bias, bias_k, bias_v, add_zero_attn,
    dropout_p, out_proj_weight, out_proj_bias, training=True, key_padding_mask=None, need_weights=True, attn_mask=None,
    use_separate_proj_weight=False, q_proj_weight=None, k_proj_weight=None, v_proj_weight=None, static_k=None,
    static_v=None, average_attn_weights=True, is_causal=False,
):  # fmt: skip
    """(output, weights or None) of attention with several heads: projected query, key and value (L, N, E), (S, N, E)

    Unbatched inputs (L, E) are taken too. bias_k, bias_v and add_zero_attn append keys that belong to no input.
    Masks: True hides a key; floats are added. Source: arXiv:1706.03762; torch.nn.functional.
    """
    name, heads = "multi_head_attention_forward", num_heads
    q, k, v = tensor_of(query), tensor_of(key), tensor_of(value)
    single = q.ndim == 2
    if single:
        q, k, v = (t.unsqueeze(1) for t in (q, k, v))
        key_padding_mask = None if key_padding_mask is None else np.asarray(raw(key_padding_mask))[None]
    length, n, e = q.shape
    context = f"[query: {q.shape}, key: {k.shape}, value: {v.shape}]"
    if e != embed_dim_to_check or e % heads:
        fault = f"E={e} must be embed_dim {embed_dim_to_check} and a multiple of {heads} heads"
        raise ShapeError(f"{name}: {fault}  {context}")
    if k.shape[:2] != v.shape[:2] or k.shape[1] != n:
        raise ShapeError(f"{name}: key and value must be (S, N, ...) with the query's N={n}  {context}")
    if use_separate_proj_weight:
        weights = [q_proj_weight, k_proj_weight, v_proj_weight]
    else:
        weights = [tensor_of(in_proj_weight)[i * e : (i + 1) * e] for i in range(3)]
    biases = [None] * 3 if in_proj_bias is None else [tensor_of(in_proj_bias)[i * e : (i + 1) * e] for i in range(3)]
    q, k, v = (linear(x, w, b) for x, w, b in zip((q, k, v), weights, biases))
    more = 0
    if bias_k is not None:
        k, v = (concatenate([t, b.expand(1, n, e)], 0) for t, b in ((k, tensor_of(bias_k)), (v, tensor_of(bias_v))))
        more += 1
    if add_zero_attn:
        k, v = (concatenate([t, np.zeros((1, n, e), t.dtype)], 0) for t in (k, v))
        more += 1
    seen = k.shape[0] - more
    if is_causal and attn_mask is None:
        attn_mask = ~np.tri(length, seen).astype(bool)
    mask = _merged_mask(name, attn_mask, key_padding_mask, n, heads, (length, seen))
    if mask is not None and more:
        mask = np.concatenate([mask, np.zeros((*mask.shape[:-1], more))], -1)
    scores = matmul(_heads(q, heads) * (1 / math.sqrt(e // heads)), _heads(k, heads).mT)
    shares = softmax(scores if mask is None else add(scores, np.asarray(mask, q.dtype)), axis=-1)
    if training and dropout_p:
        shares = dropout(shares, p=dropout_p)
    out = reshape(permute(matmul(shares, _heads(v, heads)), (2, 0, 1, 3)), (length, n, e))
    out = linear(out, out_proj_weight, out_proj_bias)
    shown = (mean(shares, 1) if average_attn_weights else shares) if need_weights else None
    if single:
        return out.squeeze(1), None if shown is None else shown.squeeze(0)
    return out, shown
