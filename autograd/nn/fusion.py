"""Neighbouring layers that one op computes, with the same bits as one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from autograd.errors import DTypeError, ShapeError
from autograd.nn.activation import ReLU
from autograd.nn.base import is_plain
from autograd.nn.conv import Conv2d
from autograd.nn.linear import Linear
from autograd.nn.module import Module

Step = Callable[[Any], Any]


class WithReLU:
    """A linear layer or convolution and the ReLU after it, in one op; in two where somebody hooked one of them."""

    def __init__(self, layer: Any, relu: ReLU) -> None:
        self.layer, self.relu = layer, relu

    def __call__(self, x: Any) -> Any:
        layer = self.layer
        if not (is_plain(layer) and is_plain(self.relu)):
            return self.relu(layer(x))
        try:
            return layer.forward_relu(x)
        except (ShapeError, DTypeError) as error:
            layer._locate(error)
            raise


def fused(modules: Iterable[Module]) -> list[Step]:
    """What to call, one on the result of the other, to compute what the modules do in sequence."""
    steps: list[Step] = []
    for module in modules:
        before = steps[-1] if steps else None
        if type(module) is ReLU and type(before) in (Linear, Conv2d):  # of a subclass one cannot know
            steps[-1] = WithReLU(before, module)
        else:
            steps.append(module)
    return steps
