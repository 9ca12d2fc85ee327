"""Torch twins of models: functions of weights by name and x, written from the papers' tables, not from our code."""

from __future__ import annotations

import torch
import torch.nn.functional as F


class Weights:
    """Layers by the names of their weights."""

    def __init__(self, state, training: bool, eps: float = 1e-5, momentum: float = 0.1):
        self.state, self.training, self.eps, self.momentum = state, training, eps, momentum

    def conv(self, name, x, stride=1, padding=0, groups=1):
        return F.conv2d(x, self.state[f"{name}.weight"], self.state.get(f"{name}.bias"), stride, padding, 1, groups)

    def linear(self, name, x):
        return F.linear(x, self.state[f"{name}.weight"], self.state[f"{name}.bias"])

    def norm(self, name, x):
        parts = [self.state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(x, *parts, self.training, self.momentum, self.eps)

    def has(self, name):
        return f"{name}.weight" in self.state


def alexnet(w: Weights, x):
    for layer, stride, padding, pool in ((0, 4, 2, 1), (3, 1, 2, 1), (6, 1, 1, 0), (8, 1, 1, 0), (10, 1, 1, 1)):
        x = F.relu(w.conv(f"features.{layer}", x, stride, padding))
        x = F.max_pool2d(x, 3, 2) if pool else x
    x = F.adaptive_avg_pool2d(x, 6).flatten(1)
    return w.linear("classifier.6", F.relu(w.linear("classifier.4", F.relu(w.linear("classifier.1", x)))))


def vgg16(w: Weights, x):
    layer = 0
    for count in (2, 2, 3, 3, 3):
        for _ in range(count):
            x = F.relu(w.conv(f"features.{layer}", x, 1, 1))
            layer += 2
        x = F.max_pool2d(x, 2)
        layer += 1
    x = F.adaptive_avg_pool2d(x, 7).flatten(1)
    return w.linear("classifier.6", F.relu(w.linear("classifier.3", F.relu(w.linear("classifier.0", x)))))


def resnet(w: Weights, x):
    x = F.relu(w.norm("bn1", w.conv("conv1", x, 2, 3)))
    x = F.max_pool2d(x, 3, 2, 1)
    for stage in range(1, 5):
        block = 0
        while w.has(name := f"layer{stage}.{block}.conv1"):
            name = name.removesuffix(".conv1")
            stride = 2 if stage > 1 and block == 0 else 1
            deep = w.has(f"{name}.conv3")
            y = F.relu(w.norm(f"{name}.bn1", w.conv(f"{name}.conv1", x, *((1, 0) if deep else (stride, 1)))))
            y = w.norm(f"{name}.bn2", w.conv(f"{name}.conv2", y, stride if deep else 1, 1))
            if deep:
                y = w.norm(f"{name}.bn3", w.conv(f"{name}.conv3", F.relu(y)))
            if w.has(f"{name}.downsample.0"):
                x = w.norm(f"{name}.downsample.1", w.conv(f"{name}.downsample.0", x, stride))
            x = F.relu(x + y)
            block += 1
    return w.linear("fc", x.mean((2, 3)))


def googlenet(w: Weights, x):
    w.eps = 1e-3

    def unit(name, x, stride=1, padding=0):
        return F.relu(w.norm(f"{name}.bn", w.conv(f"{name}.conv", x, stride, padding)))

    def inception(name, x):
        name = f"inception{name}"
        second = unit(f"{name}.branch2.1", unit(f"{name}.branch2.0", x), 1, 1)
        third = unit(f"{name}.branch3.1", unit(f"{name}.branch3.0", x), 1, 1)
        fourth = unit(f"{name}.branch4.1", F.max_pool2d(x, 3, 1, 1))
        return torch.cat([unit(f"{name}.branch1", x), second, third, fourth], 1)

    def head(name, x):
        x = unit(f"{name}.conv", F.adaptive_avg_pool2d(x, 4)).flatten(1)
        return w.linear(f"{name}.fc2", F.relu(w.linear(f"{name}.fc1", x)))

    x = F.max_pool2d(unit("conv1", x, 2, 3), 3, 2, ceil_mode=True)
    x = F.max_pool2d(unit("conv3", unit("conv2", x), 1, 1), 3, 2, ceil_mode=True)
    kept = {}
    for name in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
        if name == "4a":
            x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        if name == "5a":
            x = F.max_pool2d(x, 2, 2, ceil_mode=True)
        x = kept[name] = inception(name, x)
    scores = w.linear("fc", x.mean((2, 3)))
    return (scores, head("aux2", kept["4d"]), head("aux1", kept["4a"])) if w.training else scores


def densenet121(w: Weights, x):
    x = F.relu(w.norm("features.norm0", w.conv("features.conv0", x, 2, 3)))
    x = F.max_pool2d(x, 3, 2, 1)
    for block, count in enumerate((6, 12, 24, 16), 1):
        for layer in range(1, count + 1):
            name = f"features.denseblock{block}.denselayer{layer}"
            y = w.conv(f"{name}.conv1", F.relu(w.norm(f"{name}.norm1", x)))
            y = w.conv(f"{name}.conv2", F.relu(w.norm(f"{name}.norm2", y)), 1, 1)
            x = torch.cat([x, y], 1)
        name = f"features.transition{block}"
        if w.has(f"{name}.conv"):
            x = F.avg_pool2d(w.conv(f"{name}.conv", F.relu(w.norm(f"{name}.norm", x))), 2)
    return w.linear("classifier", F.relu(w.norm("features.norm5", x)).mean((2, 3)))


def mobilenet_v2(w: Weights, x):
    def unit(name, x, stride=1, padding=0, groups=1):
        return F.relu6(w.norm(f"{name}.1", w.conv(f"{name}.0", x, stride, padding, groups)))

    x = unit("features.0", x, 2, 1)
    number, width = 1, 32
    for t, c, n, s in (
        *((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)),
        *((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
    ):
        for i in range(n):
            name, stride = f"features.{number}.conv", s if i == 0 else 1
            y = x if t == 1 else unit(f"{name}.0", x)
            at = 0 if t == 1 else 1
            y = unit(f"{name}.{at}", y, stride, 1, t * width)
            y = w.norm(f"{name}.{at + 2}", w.conv(f"{name}.{at + 1}", y))
            x = x + y if stride == 1 and width == c else y
            number, width = number + 1, c
    return w.linear("classifier.1", unit("features.18", x).mean((2, 3)))


def efficientnet_b0(w: Weights, x):
    def unit(name, x, stride=1, kernel=1, groups=1, act=F.silu):
        return act(w.norm(f"{name}.1", w.conv(f"{name}.0", x, stride, kernel // 2, groups)))

    x = unit("features.0", x, 2, 3)
    width = 32
    for stage, (t, k, s, c, n) in enumerate(
        (
            *((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3)),
            *((6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1)),
        ),
        1,
    ):
        for i in range(n):
            name, stride = f"features.{stage}.{i}.block", s if i == 0 else 1
            y = x if t == 1 else unit(f"{name}.0", x)
            at = 0 if t == 1 else 1
            y = unit(f"{name}.{at}", y, stride, k, t * width)
            squeezed = F.silu(w.conv(f"{name}.{at + 1}.fc1", y.mean((2, 3), keepdim=True)))
            y = y * torch.sigmoid(w.conv(f"{name}.{at + 1}.fc2", squeezed))
            y = unit(f"{name}.{at + 2}", y, act=lambda v: v)
            x = x + y if stride == 1 and width == c else y
            width = c
    return w.linear("classifier.1", unit("features.8", x).mean((2, 3)))
