"""What is timed, written once: every function takes the engine's module, `autograd` or `torch`.

A training workload returns (model, one batch of images or features, labels); an op workload returns
(function, inputs, FLOPs of one forward call, bytes read and written by it).
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import numpy as np

Engine = ModuleType


def data(engine: Engine, classes: int, *shape: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    x = engine.from_numpy(rng.standard_normal(shape).astype(np.float32))
    return x, engine.from_numpy(rng.integers(0, classes, shape[0]))


def mlp(engine: Engine, sizes: tuple[int, ...], batch: int):
    nn = engine.nn
    layers: list[Any] = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1]), *data(engine, sizes[-1], batch, sizes[0])


def digits_cnn(engine: Engine, batch: int):
    nn = engine.nn
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 4 * 4, 10),
    )  # fmt: skip
    return model, *data(engine, 10, batch, 1, 8, 8)


def lenet(engine: Engine, batch: int):
    nn = engine.nn
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    return model, *data(engine, 10, batch, 1, 28, 28)


def resnet20(engine: Engine, batch: int):
    nn: Any = engine.nn

    class Block(nn.Module):
        def __init__(self, inputs: int, outputs: int, stride: int):
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(outputs)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(outputs)
            self.relu = nn.ReLU()
            self.shortcut = nn.Sequential()
            if stride != 1 or inputs != outputs:
                self.shortcut = nn.Sequential(
                    nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
                )

        def forward(self, x):
            y = self.relu(self.bn1(self.conv1(x)))
            return self.relu(self.bn2(self.conv2(y)) + self.shortcut(x))

    layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    inputs = 16
    for outputs in (16, 32, 64):
        for i in range(3):
            layers.append(Block(inputs, outputs, 2 if i == 0 and outputs > 16 else 1))
            inputs = outputs
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    return model, *data(engine, 10, batch, 3, 32, 32)


def vgg11_bn(engine: Engine, batch: int):
    nn = engine.nn
    layers: list[Any] = []
    channels: Any = 3
    for width in (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"):
        if width == "M":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 10)), *data(engine, 10, batch, 3, 32, 32)


TRAINING: dict[str, Any] = {
    "MLP 16-16-3, batch 8": lambda e: mlp(e, (16, 16, 3), 8),
    "digits CNN, batch 32": lambda e: digits_cnn(e, 32),
    "LeNet-5, batch 1": lambda e: lenet(e, 1),
    "LeNet-5, batch 64": lambda e: lenet(e, 64),
    "MLP 784-256-128-10, batch 64": lambda e: mlp(e, (784, 256, 128, 10), 64),
    "ResNet-20, batch 128": lambda e: resnet20(e, 128),
    "VGG-11-BN, batch 128": lambda e: vgg11_bn(e, 128),
}


def array(engine: Engine, *shape: int) -> Any:
    return engine.from_numpy(np.random.default_rng(1).standard_normal(shape).astype(np.float32))


def gemm(engine: Engine, m: int, n: int, k: int):
    a, b = array(engine, m, k), array(engine, k, n)
    return (lambda: a @ b), [a, b], 2 * m * n * k, 4 * (m * k + k * n + m * n)


def conv(engine: Engine, n: int, c: int, h: int, k: int, r: int, stride: int = 1, groups: int = 1):
    x, w = array(engine, n, c, h, h), array(engine, k, c // groups, r, r)
    functional = importlib.import_module(f"{engine.__name__}.nn.functional")
    p = (h + 2 * (r // 2) - r) // stride + 1
    flops = 2 * n * k * p * p * (c // groups) * r * r
    return (
        (lambda: functional.conv2d(x, w, None, stride, r // 2, 1, groups)),
        [x, w],
        flops,
        4 * (n * c * h * h + w.numel() + n * k * p * p),
    )


def max_pool(engine: Engine, n: int, c: int, h: int):
    x = array(engine, n, c, h, h)
    functional = importlib.import_module(f"{engine.__name__}.nn.functional")
    return (lambda: functional.max_pool2d(x, 2)), [x], x.numel(), 5 * x.numel()


def batch_norm(engine: Engine, n: int, c: int, h: int):
    x, layer = array(engine, n, c, h, h), engine.nn.BatchNorm2d(c)
    return (lambda: layer(x)), [x], 5 * x.numel(), 12 * x.numel()


def relu(engine: Engine, n: int):
    x = array(engine, n)
    functional = importlib.import_module(f"{engine.__name__}.nn.functional")
    return (lambda: functional.relu(x)), [x], n, 8 * n


def add(engine: Engine, n: int):
    x, y = array(engine, n, n), array(engine, n, n)
    return (lambda: x + y), [x, y], n * n, 12 * n * n


OPS: dict[str, Any] = {
    "add 4x4": lambda e: add(e, 4),
    "relu 4M": lambda e: relu(e, 1 << 22),
    "gemm 64^3": lambda e: gemm(e, 64, 64, 64),
    "gemm 256^3": lambda e: gemm(e, 256, 256, 256),
    "gemm 1024^3": lambda e: gemm(e, 1024, 1024, 1024),
    "gemm 64x784x256": lambda e: gemm(e, 64, 256, 784),
    "conv 32,64,56,64,3": lambda e: conv(e, 32, 64, 56, 64, 3),
    "conv 32,256,14,256,3": lambda e: conv(e, 32, 256, 14, 256, 3),
    "conv 128,16,32,16,3": lambda e: conv(e, 128, 16, 32, 16, 3),
    "conv 128,3,32,64,3": lambda e: conv(e, 128, 3, 32, 64, 3),
    "conv 64,1,28,6,5": lambda e: conv(e, 64, 1, 28, 6, 5),
    "conv 32,64,56,256,1": lambda e: conv(e, 32, 64, 56, 256, 1),
    "conv 32,24,37,48,3 /2": lambda e: conv(e, 32, 24, 37, 48, 3, 2),
    "depthwise 32,96,28,3": lambda e: conv(e, 32, 96, 28, 96, 3, 1, 96),
    "max pool 64,64,32": lambda e: max_pool(e, 64, 64, 32),
    "batch norm 64,64,32": lambda e: batch_norm(e, 64, 64, 32),
}
