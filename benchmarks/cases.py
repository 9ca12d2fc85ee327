"""Single kernels: shapes drawn from the networks, and seeded random ones that nobody tuned for.

A case makes (function, inputs) for an engine; FLOPs and bytes are those of one forward call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.models import Engine


@dataclass(frozen=True)
class Case:
    """One call of a kernel."""

    make: Callable[[Engine], tuple[Callable[[], Any], list[Any]]]
    flops: float
    bytes: float
    goal: float = 1.0  # with the gradient, the ratio to PyTorch


def normal(*shape: int) -> np.ndarray:
    """In memory that begins with a cache line, as every engine's own results do."""
    values = np.random.default_rng(1).standard_normal(shape, np.float32)
    memory = np.empty(values.nbytes + 64, np.uint8)
    memory = memory[-memory.ctypes.data % 64 :][: values.nbytes]
    aligned = memory.view(np.float32).reshape(shape)
    aligned[...] = values
    return aligned


def array(engine: Engine, *shape: int) -> Any:
    return engine.from_numpy(normal(*shape))


def image(engine: Engine, n: int, c: int, h: int) -> Any:
    """Activations as layers hand them on: this engine's are channels-last unless they are pictures with few channels.

    PyTorch's are converted by the worker in its channels_last mode.
    """
    if engine.__name__ == "torch" or c <= 4:
        return array(engine, n, c, h, h)
    return engine.from_numpy(normal(n, h, h, c).transpose(0, 3, 1, 2))


def gemm(m: int, n: int, k: int) -> Case:
    def make(engine: Engine):
        a, b = array(engine, m, k), array(engine, k, n)
        return (lambda: a @ b), [a, b]

    return Case(make, 2 * m * n * k, 4 * (m * k + k * n + m * n))


def linear(n: int, c: int, k: int) -> Case:
    def make(engine: Engine):
        x, w, b = array(engine, n, c), array(engine, k, c), array(engine, k)
        return (lambda: engine.nn.functional.linear(x, w, b)), [x, w, b]

    return Case(make, 2 * n * c * k, 4 * (n * c + c * k + n * k))


def conv(n: int, c: int, h: int, k: int, r: int, stride: int = 1, padding: int | None = None, groups: int = 1) -> Case:
    padding = r // 2 if padding is None else padding
    p = (h + 2 * padding - r) // stride + 1

    def make(engine: Engine):
        x, w = image(engine, n, c, h), array(engine, k, c // groups, r, r)
        return (lambda: engine.nn.functional.conv2d(x, w, None, stride, padding, 1, groups)), [x, w]

    weights = k * (c // groups) * r * r
    goal = 1.5 if r == 3 and stride == groups == 1 and min(c, k) >= 32 else 1.0
    return Case(make, 2 * n * p * p * weights, 4 * (n * c * h * h + weights + n * k * p * p), goal)


def max_pool(n: int, c: int, h: int, r: int = 2, stride: int = 2, padding: int = 0) -> Case:
    def make(engine: Engine):
        x = image(engine, n, c, h)
        return (lambda: engine.nn.functional.max_pool2d(x, r, stride, padding)), [x]

    p = (h + 2 * padding - r) // stride + 1
    return Case(make, n * c * p * p * r * r, 4 * n * c * (h * h + p * p))


def avg_pool(n: int, c: int, h: int, r: int) -> Case:
    def make(engine: Engine):
        x = image(engine, n, c, h)
        return (lambda: engine.nn.functional.avg_pool2d(x, r)), [x]

    return Case(make, n * c * h * h, 4 * n * c * (h * h + (h // r) ** 2))


def batch_norm(n: int, c: int, h: int) -> Case:
    def make(engine: Engine):
        x, layer = image(engine, n, c, h), engine.nn.BatchNorm2d(c)
        return (lambda: layer(x)), [x]

    return Case(make, 5 * n * c * h * h, 12 * n * c * h * h)


def layer_norm(n: int, c: int) -> Case:
    def make(engine: Engine):
        x, layer = array(engine, n, c), engine.nn.LayerNorm(c)
        return (lambda: layer(x)), [x]

    return Case(make, 5 * n * c, 12 * n * c)


def relu(n: int) -> Case:
    def make(engine: Engine):
        x = array(engine, n)
        return (lambda: engine.nn.functional.relu(x)), [x]

    return Case(make, n, 8 * n)


def add(n: int) -> Case:
    def make(engine: Engine):
        x, y = array(engine, n, n), array(engine, n, n)
        return (lambda: x + y), [x, y]

    return Case(make, n * n, 12 * n * n)


def softmax(n: int, c: int) -> Case:
    def make(engine: Engine):
        x = array(engine, n, c)
        return (lambda: engine.nn.functional.softmax(x, -1)), [x]

    return Case(make, 4 * n * c, 8 * n * c)


def named() -> dict[str, Case]:
    """Shapes of the networks and of the usual tables. Convolutions: batch, C, H, K, R."""
    cases: dict[str, Case] = {"add 4x4": add(4), "add 2048x2048": add(2048), "relu 4M": relu(1 << 22)}
    for size in (16, 32, 64, 128, 256, 512, 1024, 2048):
        cases[f"gemm {size}^3"] = gemm(size, size, size)
    for m, n, k in ((64, 256, 784), (128, 10, 4096), (8192, 64, 576), (1, 1000, 512), (16, 1000, 512), (4096, 16, 16)):
        cases[f"gemm {m}x{n}x{k}"] = gemm(m, n, k)
    cases |= {"linear 64,784,256": linear(64, 784, 256), "linear 8,16,16": linear(8, 16, 16)}
    for shape in (
        (128, 16, 32, 16, 3), (128, 32, 16, 32, 3), (128, 64, 8, 64, 3), (128, 3, 32, 16, 3),  # ResNet-20
        (128, 3, 32, 64, 3), (128, 64, 16, 128, 3), (128, 128, 8, 256, 3), (128, 512, 2, 512, 3),  # VGG-11
        (16, 64, 56, 64, 3), (16, 128, 28, 128, 3), (16, 256, 14, 256, 3), (16, 512, 7, 512, 3),  # ResNet-18
        (32, 64, 24, 192, 3), (32, 96, 12, 128, 3), (32, 112, 6, 224, 3), (32, 192, 12, 64, 1),  # GoogLeNet
        (32, 16, 48, 96, 1), (32, 144, 24, 24, 1), (32, 384, 6, 64, 1), (32, 320, 3, 1280, 1),  # MobileNetV2
        (32, 64, 56, 256, 1), (64, 1, 28, 6, 5), (1, 64, 56, 64, 3), (1, 256, 14, 256, 3),
    ):  # fmt: skip
        cases["conv " + ",".join(map(str, shape))] = conv(*shape)
    cases |= {
        "conv 16,3,224,64,7 /2": conv(16, 3, 224, 64, 7, 2),
        "conv 16,64,56,128,3 /2": conv(16, 64, 56, 128, 3, 2),
        "conv 16,128,28,256,1 /2": conv(16, 128, 28, 256, 1, 2),
        "conv 128,16,32,32,3 /2": conv(128, 16, 32, 32, 3, 2),
        "conv 32,3,96,32,3 /2": conv(32, 3, 96, 32, 3, 2),
        "conv 64,6,14,16,5 valid": conv(64, 6, 14, 16, 5, 1, 0),
        "depthwise 32,96,48,3 /2": conv(32, 96, 48, 96, 3, 2, 1, 96),
        "depthwise 32,144,24,3": conv(32, 144, 24, 144, 3, 1, 1, 144),
        "depthwise 32,384,6,3": conv(32, 384, 6, 384, 3, 1, 1, 384),
        "depthwise 32,96,28,5": conv(32, 96, 28, 96, 5, 1, 2, 96),
        "grouped 16,128,28,128,3 g32": conv(16, 128, 28, 128, 3, 1, 1, 32),
        "max pool 64,64,32": max_pool(64, 64, 32),
        "max pool 64,6,28": max_pool(64, 6, 28),
        "max pool 16,64,112,3/2": max_pool(16, 64, 112, 3, 2, 1),
        "max pool 32,480,6,3/1": max_pool(32, 480, 6, 3, 1, 1),
        "avg pool 16,512,7": avg_pool(16, 512, 7, 7),
        "batch norm 128,16,32": batch_norm(128, 16, 32),
        "batch norm 16,64,112": batch_norm(16, 64, 112),
        "batch norm 128,512,2": batch_norm(128, 512, 2),
        "layer norm 4096,768": layer_norm(4096, 768),
        "softmax 64,10": softmax(64, 10),
        "softmax 1024,1000": softmax(1024, 1000),
    }
    return cases


def random(count: int, seed: int = 0) -> dict[str, Case]:
    """Convolutions, GEMMs, pools and norms of sizes off the usual grid: odd channels and heights, kernels 1 to 11."""
    rng = np.random.default_rng(seed)

    def pick(*values: int) -> int:
        return int(rng.choice(values))

    cases = {}
    for i in range(count):
        n, c, h = pick(1, 2, 3), pick(3, 5, 24, 48, 100), pick(13, 19, 37)
        family = i % 6
        if family < 3:
            k, r, stride = pick(7, 24, 48, 100), int(rng.integers(1, 12)), pick(1, 1, 1, 2)
            cases[f"random conv {n},{c},{h},{k},{r} /{stride}"] = conv(n, c, h, k, r, stride)
        elif family == 3:
            m, wide, k = (int(v) for v in rng.integers(1, 700, 3))
            cases[f"random gemm {m}x{wide}x{k}"] = gemm(m, wide, k)
        elif family == 4:
            r, stride = pick(2, 3, 5), pick(1, 2, 3)
            cases[f"random max pool {n},{c},{h},{r}/{stride}"] = max_pool(n, c, h, r, stride, r // 2)
        else:
            cases[f"random batch norm {n},{c},{h}"] = batch_norm(n, c, h)
    return cases


CASES: dict[str, Case] = named() | random(36)
