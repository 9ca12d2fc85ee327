"""What is timed as a whole: training steps, inference, one epoch of MNIST through the engine's own loader."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import models
from benchmarks.models import Engine

# A rate so small that steps repeated on one batch do not end at no error: there gradients are subnormal numbers, with
# which a step takes some processors several times as long.
SGD = {"lr": 1e-6, "momentum": 0.9, "weight_decay": 5e-4}


@dataclass(frozen=True)
class Workload:
    """A network, the shape of its batch, and how many times faster than PyTorch's best a step is to be."""

    model: Callable[[Engine], Any]
    shape: tuple[int, ...]
    classes: int
    goal: float

    def batch(self, engine: Engine, size: int | None = None) -> tuple[Any, Any]:
        """Random inputs and labels; `size` images instead of the workload's own batch."""
        rng = np.random.default_rng(0)
        shape = (size or self.shape[0], *self.shape[1:])
        x = engine.from_numpy(rng.standard_normal(shape).astype(np.float32))
        return x, engine.from_numpy(rng.integers(0, self.classes, shape[0]))


TRAINING: dict[str, Workload] = {
    "MLP 16-16-3, batch 8": Workload(lambda e: models.mlp(e, 16, 16, 3), (8, 16), 3, 25),
    "digits CNN, batch 32": Workload(models.digits_cnn, (32, 1, 8, 8), 10, 8),
    "LeNet-5, batch 1": Workload(models.lenet, (1, 1, 28, 28), 10, 12),
    "LeNet-5, batch 64": Workload(models.lenet, (64, 1, 28, 28), 10, 2.5),
    "MLP 784-256-128-10, batch 64": Workload(lambda e: models.mlp(e, 784, 256, 128, 10), (64, 784), 10, 2),
    "ResNet-20, batch 128": Workload(models.resnet20, (128, 3, 32, 32), 10, 2.5),
    "VGG-11-BN, batch 128": Workload(models.vgg11_bn, (128, 3, 32, 32), 10, 2.2),
    "ResNet-18 224x224, batch 16": Workload(models.resnet18, (16, 3, 224, 224), 1000, 1.8),
    "GoogLeNet 96x96, batch 32": Workload(models.googlenet, (32, 3, 96, 96), 1000, 2),
    "MobileNetV2 96x96, batch 32": Workload(models.mobilenet_v2, (32, 3, 96, 96), 1000, 2),
}

# The epoch needs no batch of its own: its loader makes them.
EPOCH = "MNIST epoch, LeNet-5, batch 64"
EPOCH_GOAL = 4.0

# Inference is also timed on single images and on batches of 32.
CNNS = {
    "LeNet-5": models.lenet,
    "ResNet-20": models.resnet20,
    "VGG-11-BN": models.vgg11_bn,
    "ResNet-18 224x224": models.resnet18,
    "GoogLeNet 96x96": models.googlenet,
    "MobileNetV2 96x96": models.mobilenet_v2,
}


def _inference() -> dict[str, Workload]:
    table = {name: w for name, w in TRAINING.items() if w.model not in CNNS.values()}
    shapes = {w.model: w.shape[1:] for w in TRAINING.values()}
    for name, model in CNNS.items():
        for size in (1, 32):
            table[f"{name}, batch {size}"] = Workload(model, (size, *shapes[model]), 10, 1)
    return table


INFERENCE = _inference()


def mnist(engine: Engine, images: int) -> tuple[Any, Any]:
    """MNIST's training images as float32 and their labels, from AUTOGRAD_DATA; noise of that shape without it."""
    folder = Path(os.environ.get("AUTOGRAD_DATA", "")) / "mnist"
    if (folder / "train-images-idx3-ubyte.gz").exists():
        pixels = np.frombuffer(gzip.decompress((folder / "train-images-idx3-ubyte.gz").read_bytes())[16:], np.uint8)
        labels = np.frombuffer(gzip.decompress((folder / "train-labels-idx1-ubyte.gz").read_bytes())[8:], np.uint8)
    else:
        rng = np.random.default_rng(0)
        pixels, labels = rng.integers(0, 256, 60_000 * 784, np.uint8), rng.integers(0, 10, 60_000, np.uint8)
    x = pixels.reshape(-1, 1, 28, 28)[:images].astype(np.float32) / 255
    return engine.from_numpy(x), engine.from_numpy(labels[:images].astype(np.int64))
