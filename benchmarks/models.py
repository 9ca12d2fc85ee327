"""The networks that are timed, written once: every builder takes the engine's module, `autograd` or `torch`.

They are written as users write them, in torchvision's style where torchvision has the network.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

Engine = ModuleType


def mlp(engine: Engine, *sizes: int):
    nn = engine.nn
    layers: list[Any] = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def digits_cnn(engine: Engine):
    nn = engine.nn
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 4 * 4, 10),
    )  # fmt: skip


def lenet(engine: Engine):
    nn = engine.nn
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def vgg11_bn(engine: Engine):
    """For 32x32 images: five poolings leave one pixel."""
    nn = engine.nn
    layers: list[Any] = []
    channels: Any = 3
    for width in (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"):
        if width == "M":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            channels = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 10))


def basic_block(engine: Engine, inputs: int, outputs: int, stride: int):
    """The residual block of ResNet-18, -20 and -34."""
    nn: Any = engine.nn

    class BasicBlock(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(outputs)
            self.relu = nn.ReLU(inplace=True)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(outputs)
            self.downsample = None
            if stride != 1 or inputs != outputs:
                self.downsample = nn.Sequential(
                    nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
                )

        def forward(self, x):
            identity = x
            out = self.conv1(x)
            out = self.bn1(out)
            out = self.relu(out)
            out = self.conv2(out)
            out = self.bn2(out)
            if self.downsample is not None:
                identity = self.downsample(x)
            out += identity
            return self.relu(out)

    return BasicBlock()


def residual_stages(engine: Engine, widths: tuple[int, ...], blocks: int) -> list[Any]:
    """Stages of equal blocks; every stage but the first halves the image."""
    layers = []
    inputs = widths[0]
    for outputs in widths:
        for i in range(blocks):
            layers.append(basic_block(engine, inputs, outputs, 2 if i == 0 and outputs > widths[0] else 1))
            inputs = outputs
    return layers


def resnet20(engine: Engine):
    nn = engine.nn
    stem = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)]
    stages = residual_stages(engine, (16, 32, 64), 3)
    return nn.Sequential(*stem, *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def resnet18(engine: Engine):
    nn = engine.nn
    stem = [
        nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1),
    ]  # fmt: skip
    stages = residual_stages(engine, (64, 128, 256, 512), 2)
    return nn.Sequential(*stem, *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))


def googlenet(engine: Engine):
    """As torchvision's: batch norm after every convolution, 3x3 where the paper has 5x5, no auxiliary heads."""
    nn: Any = engine.nn

    class BasicConv2d(nn.Module):
        def __init__(self, inputs: int, outputs: int, kernel: int, **options: int):
            super().__init__()
            self.conv = nn.Conv2d(inputs, outputs, kernel, bias=False, **options)
            self.bn = nn.BatchNorm2d(outputs, eps=0.001)

        def forward(self, x):
            return nn.functional.relu(self.bn(self.conv(x)), inplace=True)

    class Inception(nn.Module):
        def __init__(self, inputs: int, ch1: int, red3: int, ch3: int, red5: int, ch5: int, pool: int):
            super().__init__()
            self.branch1 = BasicConv2d(inputs, ch1, 1)
            self.branch2 = nn.Sequential(BasicConv2d(inputs, red3, 1), BasicConv2d(red3, ch3, 3, padding=1))
            self.branch3 = nn.Sequential(BasicConv2d(inputs, red5, 1), BasicConv2d(red5, ch5, 3, padding=1))
            self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1, ceil_mode=True), BasicConv2d(inputs, pool, 1))

        def forward(self, x):
            return engine.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)

    return nn.Sequential(
        BasicConv2d(3, 64, 7, stride=2, padding=3), nn.MaxPool2d(3, 2, ceil_mode=True),
        BasicConv2d(64, 64, 1), BasicConv2d(64, 192, 3, padding=1), nn.MaxPool2d(3, 2, ceil_mode=True),
        Inception(192, 64, 96, 128, 16, 32, 32), Inception(256, 128, 128, 192, 32, 96, 64),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Inception(480, 192, 96, 208, 16, 48, 64), Inception(512, 160, 112, 224, 24, 64, 64),
        Inception(512, 128, 128, 256, 24, 64, 64), Inception(512, 112, 144, 288, 32, 64, 64),
        Inception(528, 256, 160, 320, 32, 128, 128), nn.MaxPool2d(2, 2, ceil_mode=True),
        Inception(832, 256, 160, 320, 32, 128, 128), Inception(832, 384, 192, 384, 48, 128, 128),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(1024, 1000),
    )  # fmt: skip


def mobilenet_v2(engine: Engine):
    """Inverted residuals: 1x1 expansion, depthwise 3x3, linear 1x1; widths and repeats of MobileNetV2."""
    nn: Any = engine.nn

    def conv_bn_relu(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> list[Any]:
        conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
        return [conv, nn.BatchNorm2d(outputs), nn.ReLU6(inplace=True)]

    class InvertedResidual(nn.Module):
        def __init__(self, inputs: int, outputs: int, stride: int, expand: int):
            super().__init__()
            hidden = inputs * expand
            expansion = conv_bn_relu(inputs, hidden, 1) if expand != 1 else []
            self.use_residual = stride == 1 and inputs == outputs
            self.conv = nn.Sequential(
                *expansion, *conv_bn_relu(hidden, hidden, 3, stride, hidden),
                nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs),
            )  # fmt: skip

        def forward(self, x):
            return x + self.conv(x) if self.use_residual else self.conv(x)

    layers = conv_bn_relu(3, 32, 3, 2)
    inputs = 32
    for expand, outputs, repeats, stride in (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
    ):  # fmt: skip
        for i in range(repeats):
            layers.append(InvertedResidual(inputs, outputs, stride if i == 0 else 1, expand))
            inputs = outputs
    layers += conv_bn_relu(320, 1280, 1)
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(1280, 1000)
    )  # fmt: skip
