"""The training examples that the model sees as most alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import autograd
from autograd import nn
from autograd.explain.attributions import evaluating


def embed(model: Any, loader: Any, layer: str | None = None) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """What goes into a layer (default: the last linear one) for all of a loader's batches (x, labels), flattened to
    (N, D), and the labels (N,)."""
    if layer is None:
        names = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
        if not names:
            raise ValueError("embed: the model has no linear layer; name another one: layer=")
        layer = names[-1]
    kept: list[NDArray[Any]] = []
    labels = []

    def keep(module: Any, args: Any) -> None:
        kept.append(args[0].array.reshape(len(args[0].array), -1).astype(np.float32))

    handle = model.get_submodule(layer).register_forward_pre_hook(keep)
    with handle, evaluating(model), autograd.no_grad():
        for x, y in loader:
            model(x)
            labels.append(np.asarray(y))
    if not kept:
        raise ValueError(f"embed: the loader has no batches, or layer {layer} is not called")
    return np.concatenate(kept), np.concatenate(labels).astype(np.int64)


def nearest(
    queries: NDArray[Any], features: NDArray[Any], count: int = 5
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """For each query (M, D) the `count` rows of features (N, D) of largest cosine, and the cosines: (M, count)."""
    if not 1 <= count <= len(features):
        raise ValueError(f"nearest: count={count} must lie in 1 .. {len(features)}")

    def unit(rows: NDArray[Any]) -> NDArray[np.float64]:
        rows = rows.astype(np.float64)
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)  # type: ignore[no-any-return]

    cosines = unit(queries) @ unit(features).T
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
    return order, np.take_along_axis(cosines, order, 1)
