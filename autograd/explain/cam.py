"""Class activation maps: where the last feature maps speak for a class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

import autograd
from autograd import Tensor
from autograd.explain.attributions import Maps, chosen, evaluating, pictures
from autograd.vision.transforms import Resize

FINE = 9  # pixels of feature maps in which places can still be told apart: left, middle, right


def activations(model: Any, images: Any, layer: str) -> NDArray[Any]:
    """What a layer, by its dotted name, gives for the images. AttributeError, with near names, if there is none."""
    return np.array(_run(model, pictures("activations", images), layer)[1].array)


def _run(model: Any, x: NDArray[Any], layer: str, requires_grad: bool = False) -> tuple[Tensor, Tensor]:
    """Scores and the layer's output, of its last call."""
    kept: list[Tensor] = []
    handle = model.get_submodule(layer).register_forward_hook(lambda module, args, output: kept.append(output))
    with handle, evaluating(model), autograd.set_grad_enabled(requires_grad):
        scores = model(Tensor(x, requires_grad=requires_grad))
    if not kept:
        raise ValueError(f"{layer}: this layer is not called by the model's forward")
    return scores, kept[-1]


def last_spatial_layer(model: Any, images: Any) -> str:
    """The name of the last layer whose output still has 9 pixels, or else more than one: what Grad-CAM looks at unless
    told otherwise. ValueError if there is none, as in a fully connected network."""
    x = pictures("last_spatial_layer", images)[:1]
    fine: list[str] = []
    coarse: list[str] = []

    def watch(name: str, layer: Any) -> Any:
        def hook(module: Any, args: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.ndim == 4:
                pixels = output.shape[2] * output.shape[3]
                if pixels > 1:
                    (fine if pixels >= FINE else coarse).append(name)

        return layer.register_forward_hook(hook)

    handles = [watch(name, layer) for name, layer in model.named_modules() if name]
    try:
        with evaluating(model), autograd.no_grad():
            model(Tensor(x))
    finally:
        for handle in handles:
            handle.remove()
    if not fine and not coarse:
        raise ValueError("grad_cam: no layer of this model has feature maps of more than one pixel")
    return (fine or coarse)[-1]


def grad_cam(model: Any, images: Any, classes: ArrayLike | int | None = None, layer: str | None = None) -> Maps:
    """relu(sum_k w_k A_k), w_k the mean gradient of the class score by map A_k; enlarged to the images, each scaled to
    0..1: (N, H, W)   (Selvaraju et al. 2017)

    layer: its dotted name; by default `last_spatial_layer`.
    """
    return _cam("grad_cam", model, images, classes, layer, lambda maps, g: g.mean((2, 3)))


def grad_cam_plus_plus(
    model: Any, images: Any, classes: ArrayLike | int | None = None, layer: str | None = None
) -> Maps:
    """Grad-CAM with weights that do justice to several objects of the class: (N, H, W)   (Chattopadhay et al. 2018)"""

    def weights(maps: NDArray[Any], g: NDArray[Any]) -> NDArray[Any]:
        below = 2 * g**2 + maps.sum((2, 3), keepdims=True) * g**3
        alpha = g**2 / np.where(below == 0, 1, below)
        return (alpha * np.maximum(g, 0)).sum((2, 3))  # type: ignore[no-any-return]

    return _cam("grad_cam_plus_plus", model, images, classes, layer, weights)


def _cam(name: str, model: Any, images: Any, classes: Any, layer: str | None, weigh: Any) -> Maps:
    x = pictures(name, images)
    scores, maps = _run(model, x, last_spatial_layer(model, x) if layer is None else layer, requires_grad=True)
    if maps.ndim != 4:
        raise ValueError(f"{name}: layer {layer} gives shape {maps.shape}, expected feature maps (N, C, H, W)")
    picked = np.zeros(scores.shape, scores.dtype)
    picked[np.arange(len(x)), chosen(name, scores.array, classes)] = 1
    (g,) = autograd.grad(scores, maps, picked)
    assert g is not None  # the layer is used, or grad raises
    weights = weigh(maps.array, g.array)
    heat = np.maximum(np.einsum("nk,nkhw->nhw", weights, maps.array), 0)
    heat /= np.maximum(heat.max((1, 2), keepdims=True), 1e-12)
    return Resize(x.shape[2:])(heat[:, None])[:, 0]
