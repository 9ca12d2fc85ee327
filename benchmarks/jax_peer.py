"""JAX as a peer: the layers that the models use, in PyTorch's names, over jax.numpy; steps are jitted, buffers donated.

JAX lives in an environment of its own (--jax-python), since it must not share one with the engines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

from benchmarks import workloads

__version__ = jax.__version__
layout = "NCHW"  # of images in memory; the mode "nhwc" changes it


class Module:
    """Parameters and state are dicts of arrays, bound anew for each traced call."""

    training = True

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self.state: dict[str, Any] = {}

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        raise TypeError(f"{type(self).__name__} has no forward")

    def walk(self) -> Iterator[Module]:
        yield self
        for child in vars(self).values():
            for module in child if isinstance(child, list) else [child]:
                if isinstance(module, Module):
                    yield from module.walk()


class Sequential(Module):
    def __init__(self, *layers: Module) -> None:
        super().__init__()
        self.layers = list(layers)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class Function(Module):
    def __init__(self, function: Callable) -> None:
        super().__init__()
        self.forward = function  # type: ignore[method-assign]


def uniform(*shape: int, fan_in: int):
    values = np.random.default_rng(0).uniform(-1, 1, shape) / np.sqrt(fan_in)
    return jnp.asarray(values, jnp.float32)


class Linear(Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.params = {"w": uniform(inputs, outputs, fan_in=inputs), "b": uniform(outputs, fan_in=inputs)}

    def forward(self, x):
        return x @ self.params["w"] + self.params["b"]


def channels(vector):
    """A vector over channels in the shape that broadcasts over images."""
    return vector.reshape((1, -1, 1, 1) if layout == "NCHW" else (1, 1, 1, -1))


class Conv2d(Module):
    def __init__(self, inputs, outputs, kernel_size, stride=1, padding=0, groups=1, bias=True) -> None:
        super().__init__()
        fan_in = inputs // groups * kernel_size**2
        self.options = stride, padding, groups
        self.params = {"w": uniform(outputs, inputs // groups, kernel_size, kernel_size, fan_in=fan_in)}
        if layout == "NHWC":
            self.params["w"] = self.params["w"].transpose(2, 3, 1, 0)
        if bias:
            self.params["b"] = uniform(outputs, fan_in=fan_in)

    def forward(self, x):
        stride, padding, groups = self.options
        numbers = (layout, "OIHW" if layout == "NCHW" else "HWIO", layout)
        y = lax.conv_general_dilated(
            x, self.params["w"], (stride, stride), [(padding, padding)] * 2,
            dimension_numbers=numbers, feature_group_count=groups,
        )  # fmt: skip
        return y + channels(self.params["b"]) if "b" in self.params else y


class BatchNorm2d(Module):
    def __init__(self, features: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.params = {"w": jnp.ones(features), "b": jnp.zeros(features)}
        self.state = {"mean": jnp.zeros(features), "var": jnp.ones(features)}

    def forward(self, x):
        mean, var = self.state["mean"], self.state["var"]
        if self.training:
            axes = (0, 2, 3) if layout == "NCHW" else (0, 1, 2)
            batch_mean, batch_var = x.mean(axes), x.var(axes)
            self.state = {"mean": 0.9 * mean + 0.1 * batch_mean, "var": 0.9 * var + 0.1 * batch_var}
            mean, var = batch_mean, batch_var
        scale = self.params["w"] * lax.rsqrt(var + self.eps)
        return x * channels(scale) + channels(self.params["b"] - mean * scale)


class MaxPool2d(Module):
    def __init__(self, kernel_size, stride=None, padding=0, ceil_mode=False) -> None:
        super().__init__()
        self.options = kernel_size, stride or kernel_size, padding, ceil_mode

    def forward(self, x):
        r, stride, padding, ceil_mode = self.options
        size = x.shape[2 if layout == "NCHW" else 1]
        more = -(size + 2 * padding - r) % stride if ceil_mode else 0
        spatial = ((padding, padding + more),) * 2
        pads = ((0, 0), (0, 0), *spatial) if layout == "NCHW" else ((0, 0), *spatial, (0, 0))
        window, strides = ((1, 1, v, v) if layout == "NCHW" else (1, v, v, 1) for v in (r, stride))
        return lax.reduce_window(x, -jnp.inf, lax.max, window, strides, pads)


class Dropout(Module):
    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.state = {"key": jax.random.key(0)}

    def forward(self, x):
        if not self.training:
            return x
        key, self.state["key"] = jax.random.split(self.state["key"])
        return x * jax.random.bernoulli(key, 1 - self.p, x.shape) / (1 - self.p)


def relu(x, inplace=False):
    return jnp.maximum(x, 0)


nn = SimpleNamespace(
    Module=Module, Sequential=Sequential, Linear=Linear, Conv2d=Conv2d, BatchNorm2d=BatchNorm2d, MaxPool2d=MaxPool2d,
    Dropout=Dropout, functional=SimpleNamespace(relu=relu),
    ReLU=lambda inplace=False: Function(relu), ReLU6=lambda inplace=False: Function(lambda x: jnp.clip(x, 0, 6)),
    Flatten=lambda: Function(lambda x: x.reshape(x.shape[0], -1)),
    AdaptiveAvgPool2d=lambda size: Function(lambda x: x.mean((2, 3) if layout == "NCHW" else (1, 2))),
)  # fmt: skip


def cat(xs, axis):
    """Joins along the channels, the models' only use."""
    return jnp.concatenate(xs, 1 if layout == "NCHW" else 3)


def from_numpy(x):
    return jnp.asarray(x.transpose(0, 2, 3, 1) if layout == "NHWC" and x.ndim == 4 else x)


def call(model: Module, params: list, state: list, x) -> tuple[Any, list]:
    """The model with these parameters and state: its result and new state."""
    for module, p, s in zip(model.walk(), params, state):
        module.params, module.state = p, dict(s)
    return model(x), [module.state for module in model.walk()]


def step(spec: dict[str, Any]) -> Callable[[], Any]:
    """The workload's training step (SGD with momentum 0.9 and weight decay) or forward pass."""
    global layout
    layout = spec["mode"].upper()
    table = workloads.TRAINING if spec["kind"] == "train" else workloads.INFERENCE
    workload = table[spec["name"]]
    this: Any = SimpleNamespace(nn=nn, cat=cat, from_numpy=from_numpy)
    x, labels = workload.batch(this)
    model = workload.model(this)
    params, state = [m.params for m in model.walk()], [m.state for m in model.walk()]
    if spec["kind"] == "infer":
        Module.training = False
        forward = jax.jit(lambda params, state, x: call(model, params, state, x)[0])
        return lambda: forward(params, state, x).block_until_ready()

    def loss(params, state, x):
        logits, state = call(model, params, state, x)
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], 1)
        return -chosen.mean(), state

    rate, momentum, decay = (workloads.SGD[name] for name in ("lr", "momentum", "weight_decay"))

    @partial(jax.jit, donate_argnums=(0, 1, 2))
    def update(params, momenta, state, x):
        (value, state), gradients = jax.value_and_grad(loss, has_aux=True)(params, state, x)
        momenta = jax.tree.map(lambda m, g, p: momentum * m + g + decay * p, momenta, gradients, params)
        return jax.tree.map(lambda p, m: p - rate * m, params, momenta), momenta, state, value

    kept = [params, jax.tree.map(jnp.zeros_like, params), state]

    def run() -> None:
        *kept[:], value = update(*kept, x)
        value.block_until_ready()

    return run
