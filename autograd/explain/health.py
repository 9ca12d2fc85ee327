"""One training step under observation: which layers are dead, saturated, or get gradients that vanish or explode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograd import Tensor, nn
from autograd.explain.attributions import evaluating
from autograd.nn import functional as F

VANISHING = 1e-4  # of the median gradient per weight, relative to the weight
EXPLODING = 1e4
DEAD_SHARE = 0.5  # of a layer's units; fewer are normal
BIG = 1e4  # activations beyond this spread overflow soon

_RECTIFIERS = (nn.ReLU, nn.ReLU6, nn.Hardswish, nn.SiLU, nn.GELU, nn.LeakyReLU, nn.ELU)
_SQUASHERS = {nn.Sigmoid: (0.0, 1.0), nn.Tanh: (-1.0, 1.0), nn.Hardsigmoid: (0.0, 1.0)}


class LayerHealth(NamedTuple):
    """One layer. mean, std: of its output; dead: share of channels that are 0 for all samples and pixels; saturated:
    share of outputs within 1 % of the ends of a sigmoid or tanh; gradient: rms gradient of its weight over the rms of
    that weight (None without weights); verdict: "" or what is wrong and a usual cure.
    """

    name: str
    kind: str
    mean: float
    std: float
    dead: float
    saturated: float
    gradient: float | None
    verdict: str


def examine(
    model: Any, images: Any, labels: Any, loss: Callable[[Any, Any], Any] = F.cross_entropy
) -> list[LayerHealth]:
    """Forward and backward over one batch in training mode; weights, gradients, statistics and mode stay as they are.

    The batch should be a usual one: 64 samples or more make the share of dead units mean something.
    """
    state = {name: value.array.copy() for name, value in model.state_dict().items()}
    gradients = [(p, p.grad) for p in model.parameters()]
    outputs: dict[str, NDArray[Any]] = {}
    leaves = [(name, layer) for name, layer in model.named_modules() if name and not list(layer.children())]
    handles = [layer.register_forward_hook(_keeper(outputs, name)) for name, layer in leaves]
    try:
        model.zero_grad()
        with evaluating(model, training=True):
            scores = model(Tensor(images))
        scores = scores[0] if isinstance(scores, tuple) else scores
        loss(scores, Tensor(labels)).backward()
        shares = {name: _gradient(layer) for name, layer in leaves}
    finally:
        for handle in handles:
            handle.remove()
        for p, grad in gradients:
            p.grad = grad
        model.load_state_dict(state)
    usual = float(np.median([share for share in shares.values() if share is not None] or [1.0]))
    return [_layer(name, layer, outputs[name], shares[name], usual) for name, layer in leaves if name in outputs]


def _keeper(outputs: dict[str, NDArray[Any]], name: str) -> Callable[..., None]:
    def keep(module: Any, args: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            outputs[name] = np.array(output.array)

    return keep


def _gradient(layer: Any) -> float | None:
    weight = getattr(layer, "weight", None)
    if not isinstance(weight, Tensor) or weight.ndim < 2 or weight.grad is None:
        return None
    size = float(np.sqrt(np.mean(weight.array.astype(np.float64) ** 2)))
    return float(np.sqrt(np.mean(weight.grad.array.astype(np.float64) ** 2))) / max(size, 1e-30)


def _layer(name: str, layer: Any, output: NDArray[Any], gradient: float | None, usual: float) -> LayerHealth:
    values = output.astype(np.float64)
    mean, std = float(values.mean()), float(values.std())
    dead = saturated = 0.0
    if isinstance(layer, _RECTIFIERS) and values.ndim > 1:
        dead = float((np.abs(values).max(axis=tuple(i for i in range(values.ndim) if i != 1)) == 0).mean())
    if type(layer) in _SQUASHERS:
        low, high = _SQUASHERS[type(layer)]
        edge = 0.01 * (high - low)
        saturated = float(((values < low + edge) | (values > high - edge)).mean())
    verdict = _verdict(values, std, dead, saturated, gradient, usual)
    return LayerHealth(name, type(layer).__name__, mean, std, dead, saturated, gradient, verdict)


def _verdict(
    values: NDArray[Any], std: float, dead: float, saturated: float, gradient: float | None, usual: float
) -> str:
    if not np.isfinite(values).all():
        return "not finite: lower the learning rate, look for bad values in the data"
    if dead > DEAD_SHARE:
        return f"dead: {100 * dead:.0f} % of the channels are always 0; lower the learning rate, or use LeakyReLU"
    if saturated > DEAD_SHARE:
        return f"saturated: {100 * saturated:.0f} % of the outputs; use ReLU, or smaller initial weights"
    if std > BIG:
        return f"exploding activations (spread {std:.1e}): add batch norm, or use smaller initial weights"
    if gradient is None:
        return ""
    if not np.isfinite(gradient) or gradient > EXPLODING * max(usual, 1e-30):
        return "exploding gradient: clip it, or lower the learning rate"
    if gradient < VANISHING * usual or gradient == 0:
        return "vanishing gradient: add batch norm or shortcuts, or use ReLU instead of sigmoid"
    return ""
