"""PyTorch's arguments and results as ours, and comparing the two: what the runners of op_db and module_db share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

import autograd
from autograd.errors import DTypeError, GraphError, ShapeError
from autograd.tensor import Tensor, methods, properties

VALUE, GRADIENT = 1e-7, 1e-6
TYPED = (ShapeError, DTypeError, GraphError)
PLAIN = (ValueError, TypeError)  # an argument that is wrong by itself, whatever the tensors


def find(name: str) -> Callable | None:
    """The function of this dotted name, or the tensor's method or operator."""
    if "." not in name and not hasattr(torch, name) and name in methods:
        return methods[name]
    found: Any = autograd
    try:
        for part in name.split("."):
            found = getattr(found, part)
    except (AttributeError, ImportError, KeyError):
        found = None
    if callable(found) and not isinstance(found, np.dtype):
        return found
    if name in methods:
        return methods[name]
    attribute = properties.get(name) or getattr(Tensor, name, None)
    if attribute is None or callable(attribute):
        return attribute
    return lambda x: getattr(x, name)  # a property


DTYPES = {
    getattr(torch, n): getattr(np, {"bool": "bool_"}.get(n, n))
    for n in ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool")
}


class Untranslatable(Exception):
    """An argument that has no counterpart here (complex numbers, sparse tensors)."""


def ours(x: Any, leaves: list[tuple[torch.Tensor, Tensor]], known: dict[int, Tensor]) -> Any:
    """A torch argument as ours. Differentiable tensors are collected in leaves; one tensor stays one tensor."""
    if isinstance(x, torch.Tensor):
        if id(x) in known:
            return known[id(x)]
        if x.is_complex() or x.layout != torch.strided or x.dtype not in DTYPES:
            raise Untranslatable(f"{x.dtype} {x.layout}")
        wanted = x.requires_grad and x.is_floating_point()
        y = Tensor(x.detach().numpy(force=True), requires_grad=wanted)
        if wanted:
            leaves.append((x, y))
        known[id(x)] = y
        return y
    if isinstance(x, torch.dtype):
        if x not in DTYPES:
            raise Untranslatable(str(x))
        return np.dtype(DTYPES[x])
    if isinstance(x, (torch.device, torch.layout, torch.memory_format)):
        return str(x).removeprefix("torch.") if isinstance(x, torch.device) else None
    if isinstance(x, complex):
        raise Untranslatable("complex")
    if isinstance(x, torch.Size):
        return tuple(x)
    if isinstance(x, slice):
        return slice(*(ours(i, leaves, known) for i in (x.start, x.stop, x.step)))
    if isinstance(x, (list, tuple)) and type(x) in (list, tuple):
        return type(x)(ours(i, leaves, known) for i in x)
    if isinstance(x, dict):
        return {k: ours(v, leaves, known) for k, v in x.items()}
    if isinstance(x, torch.nn.TransformerEncoderLayer):
        return encoder_layer(x)
    if isinstance(x, torch.nn.Module):
        return getattr(autograd.nn, type(x).__name__)()
    if callable(x):
        found = find(f"nn.functional.{getattr(x, '__name__', None)}")
        if found is None:
            raise Untranslatable(f"callable {x!r}")
        return found
    return x


def encoder_layer(x: torch.nn.TransformerEncoderLayer) -> Any:
    """A layer of ours of the same shape; the weights are copied later, with those of the model that it is part of."""
    return autograd.nn.TransformerEncoderLayer(
        x.self_attn.embed_dim,
        x.self_attn.num_heads,
        x.linear1.out_features,
        x.dropout.p,
        x.activation.__name__,
        x.norm1.eps,
        x.self_attn.batch_first,
        x.norm_first,
        x.linear1.bias is not None,
    )


def flat(x: Any) -> Iterator[Any]:
    """The tensors and numbers of a result in order."""
    if isinstance(x, (tuple, list)):
        for part in x:
            yield from flat(part)
    elif x is not None:
        yield x


def array(x: Any) -> np.ndarray:
    if isinstance(x, torch.Tensor):
        if x.is_complex():
            raise Untranslatable("complex result")
        return (x.float() if x.dtype == torch.bfloat16 else x).numpy(force=True)
    found = x.array if isinstance(x, Tensor) else np.asarray(x)
    return found.astype(np.float32) if found.dtype.name == "bfloat16" else found


# --------------------------------------------------------------------------------------------- comparing


def differs(got: np.ndarray, want: np.ndarray, tolerance: float) -> str | None:
    if got.shape != want.shape:
        return f"shape {got.shape}, expected {want.shape}"
    if not np.allclose(got, want, rtol=tolerance, atol=tolerance, equal_nan=True):
        with np.errstate(all="ignore"):
            gap = np.nanmax(np.abs(got.astype(float) - want.astype(float)), initial=0)
        return f"largest error {gap:.3g} of {np.nanmax(np.abs(want.astype(float)), initial=0):.3g}"
    return None


def compare_gradients(leaves: list[tuple[torch.Tensor, Tensor]], wants: list[Any], gots: list[Any]) -> str | None:
    pairs = [(w, g) for w, g in zip(wants, gots) if isinstance(w, torch.Tensor) and w.requires_grad]
    if not pairs or not leaves:
        return None
    rng = np.random.default_rng(3)
    seeds = [np.asarray(rng.uniform(-1, 1, tuple(w.shape))) for w, _ in pairs]
    expected = torch.autograd.grad(
        [w for w, _ in pairs], [x for x, _ in leaves], [torch.from_numpy(s) for s in seeds], allow_unused=True
    )
    roots = [(g, s) for (_, g), s in zip(pairs, seeds) if g.node is not None]
    if not roots:
        moving = any(e is not None and bool((e != 0).any()) for e in expected)
        return "no result requires gradients" if moving else None
    found = autograd.grad([g for g, _ in roots], [y for _, y in leaves], [s for _, s in roots], allow_unused=True)
    for k, (want, got) in enumerate(zip(expected, found)):
        wanted = np.zeros(leaves[k][1].shape) if want is None else want.numpy(force=True)
        given = np.zeros(leaves[k][1].shape) if got is None else got.array
        if fault := differs(given, wanted, GRADIENT):
            return f"gradient {k}: {fault}"
    return None


def brief(sample: Any) -> str:
    def show(x: Any) -> str:
        if isinstance(x, torch.Tensor):
            return f"{str(x.dtype).removeprefix('torch.')}{list(x.shape)}"
        if isinstance(x, (list, tuple)):
            return "[" + ", ".join(map(show, x)) + "]"
        return repr(x)

    parts = [show(x) for x in (sample.input, *sample.args)] + [f"{k}={show(v)}" for k, v in sample.kwargs.items()]
    return f"({', '.join(parts)})"


def accepts(function: Callable, args: tuple, kwargs: dict[str, Any]) -> str | None:
    """None if a wrong call is refused by a typed error, "" if it cannot be made here, else what happened."""
    try:
        args = ours(args, [], {})
        kwargs = ours(kwargs, [], {})
    except (Untranslatable, ValueError):  # complex numbers; more dimensions than NumPy has
        return ""
    try:
        for y in flat(function(*args, **kwargs)):
            array(y)
    except (*TYPED, *PLAIN):
        return None
    except Exception as error:
        return f"raises {type(error).__name__}: {error}"
    return "is accepted"
