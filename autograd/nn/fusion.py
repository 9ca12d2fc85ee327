"""Layers that one op computes, alone or together with their neighbours.

A layer and the ReLU after it give the same bits as one after the other. A convolution and the batch norm after it are
folded into one convolution where nothing is recorded (inference); that changes the rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from autograd.backends import fusion
from autograd.errors import DTypeError, ShapeError
from autograd.nn import functional as F
from autograd.nn.activation import ReLU, ReLU6
from autograd.nn.base import ReLUBeforePool, Shortcut, WithReLU, is_plain
from autograd.nn.conv import Conv2d
from autograd.nn.folding import ConvChain, ConvNorm, Convolution, Norm, convolve, with_relu
from autograd.nn.linear import Flatten, Linear
from autograd.nn.loss import CrossEntropyLoss
from autograd.nn.module import Module
from autograd.nn.norm import BatchNorm1d, BatchNorm2d
from autograd.nn.pooling import MaxPool2d
from autograd.tape import declare
from autograd.tensor import Tensor

Step = Callable[[Any], Any]
LONGEST_CHAIN = 8  # that conv_chain takes

# The op and the attributes of a layer that its forward, in the usual case, comes to.
Shortcut(Linear, declare("linear"), ("weight", "bias"), declare("linear_relu"))
Convolution(
    Conv2d,
    declare("conv2d"),
    ("weight", "bias", "stride", "padding", "dilation", "groups"),
    declare("conv2d_relu"),
    only_if=("padding_mode", "zeros"),
)
Shortcut(
    MaxPool2d,
    declare("max_pool2d_with_index"),
    ("kernel_size", "stride", "padding", "dilation", "ceil_mode"),
    declare("max_pool2d_relu"),
    only_if=("return_indices", False),
)
Norm(
    BatchNorm2d,
    declare("batch_norm_eval"),
    ("running_mean", "running_var", "weight", "bias", "eps"),
    only_if=("training", False),
    dimensions=4,
)
Shortcut(ReLU, declare("relu"), ("inplace",))
declare("relu").continues(convolve, with_relu)
Shortcut(Flatten, declare("flatten"), ("start_dim", "end_dim"))
Shortcut(CrossEntropyLoss, declare("cross_entropy"), ("weight", "ignore_index", "reduction", "label_smoothing"))


def _conv_norm(conv: Conv2d, norm: BatchNorm2d, relu: Module | None) -> ConvNorm:
    """A convolution, the batch norm after it and perhaps a ReLU or ReLU6."""
    name = {type(None): None, ReLU: "relu", ReLU6: "relu6"}[type(relu)]
    op = {None: F.conv2d, "relu": F.conv2d_relu, "relu6": F.conv2d_relu6}[name]
    return ConvNorm(conv, norm, relu, name, op, norm if relu is None else _norm_with(norm, relu))


def _norm_with(norm: Module, relu: Module) -> Step:
    """Batch norm and the ReLU or ReLU6 after it."""
    return WithReLU(norm, relu, "forward_relu" if type(relu) is ReLU else "forward_relu6")


def _fusible(*modules: Module) -> bool:
    """Whether calling these modules does nothing beside their classes' forward, and nobody wants them apart."""
    for module in modules:
        if not is_plain(module):
            return False
    return fusion.enabled


def linear_then(layer: Any, activation: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """activation(layer(x)); a ReLU is part of the product."""
    if activation is not F.relu or type(layer) is not Linear or not _fusible(layer):
        return activation(layer(x))
    try:
        return layer.forward_relu(x)  # type: ignore[no-any-return]
    except (ShapeError, DTypeError) as error:
        layer._locate(error)
        raise


def norm_relu(norm: Any, relu: Callable[[Tensor], Tensor], x: Tensor, residual: Tensor | None = None) -> Tensor:
    """relu(norm(x) + residual), in one op where norm is a plain batch norm: the end of a residual block."""
    plain = relu is F.relu or (type(relu) is ReLU and _fusible(relu))
    if not plain or type(norm) not in (BatchNorm1d, BatchNorm2d) or not _fusible(norm):
        y = norm(x)
        return relu(y if residual is None else y + residual)
    try:
        return norm.forward_relu(x, residual)  # type: ignore[no-any-return]
    except (ShapeError, DTypeError) as error:
        norm._locate(error)
        raise


def fused(modules: Iterable[Module]) -> list[Step]:
    """What to call, one on the result of the other, to compute what the modules do in sequence."""
    steps: list[Step] = []
    for module in modules:  # exact types only: of a subclass one cannot know
        before: Any = steps[-1] if steps else None
        kind, last = type(module), type(before)
        if kind is ReLU and last in (Linear, Conv2d, MaxPool2d):
            steps[-1] = WithReLU(before, module)
        elif kind is MaxPool2d and last is WithReLU and type(before.layer) is Conv2d and type(before.relu) is ReLU:
            steps[-1] = ReLUBeforePool(before, module)
        elif kind is ReLU6 and last is Conv2d:
            steps[-1] = WithReLU(before, module, "forward_relu6")
        elif kind in (ReLU, ReLU6) and last in (BatchNorm1d, BatchNorm2d):
            steps[-1] = _norm_with(before, module)
        elif kind in (ReLU, ReLU6) and isinstance(before, ConvNorm) and before.relu is None:
            steps[-1] = _conv_norm(before.conv, before.norm, module)
        elif (
            isinstance(module, BatchNorm2d) and (kind, last) == (BatchNorm2d, Conv2d) and before.padding_mode == "zeros"
        ):
            steps[-1] = _conv_norm(before, module, None)
        else:
            steps.append(module)
    return _chained(steps)


def _chained(steps: list[Step]) -> list[Step]:
    """The same, with convolutions one after another joined where one is depthwise: between 1x1, it has few sums."""
    chained: list[Step] = []
    run: list[ConvNorm] = []
    for step in [*steps, None]:
        link = step if isinstance(step, ConvNorm) and _may_chain(step.conv) else None
        if link is not None and len(run) < LONGEST_CHAIN:
            run.append(link)
            continue
        joined = len(run) > 1 and any(before.conv.groups > 1 for before in run)
        chained += [ConvChain(tuple(run), declare("conv_chain"))] if joined else run
        run = [] if link is None else [link]
        if link is None and step is not None:
            chained.append(step)
    return chained


def _may_chain(conv: Conv2d) -> bool:
    """1x1, or depthwise 3x3."""
    if conv.kernel_size == (1, 1):
        return conv.groups == 1
    return conv.kernel_size == (3, 3) and conv.groups == conv.in_channels == conv.out_channels
