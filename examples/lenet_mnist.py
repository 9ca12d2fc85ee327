"""LeNet-5 on MNIST, with the training loop written out: python examples/lenet_mnist.py [EPOCHS]

Needs MNIST below $AUTOGRAD_DATA/mnist (or ~/.cache/autograd/mnist); MNIST(download=True) fetches it.
`autograd train --data mnist` does the same and more.
"""

from __future__ import annotations

import sys
from typing import Any

import autograd
from autograd import nn, optim
from autograd.data import DataLoader
from autograd.nn import functional as F
from autograd.vision.datasets import MNIST
from autograd.vision.transforms import Compose, Normalize, RandomShift


class LeNet(nn.Module):
    """Two convolutions find strokes and their combinations, three linear layers weigh them up."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)  # 6 filters of 5 x 5: (N, 1, 28, 28) -> (N, 6, 28, 28)
        self.conv2 = nn.Conv2d(6, 16, 5)  # (N, 6, 14, 14) -> (N, 16, 10, 10)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)  # 16 maps of 5 x 5, after the second pooling
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)  # a score for each digit

    def forward(self, x: autograd.Tensor) -> Any:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)  # the largest of 2 x 2 pixels: half the size
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.reshape(x.shape[0], -1)  # (N, 16, 5, 5) -> (N, 400)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


def accuracy(model: nn.Module, loader: Any) -> float:
    """Share of right answers."""
    model.eval()  # no dropout, if there were any
    right = count = 0
    with autograd.no_grad():  # nothing is recorded
        for images, labels in loader:
            right += int((model(images).array.argmax(1) == labels.array).sum())
            count += len(labels)
    return right / count


def train(train_data: Any, test_data: Any, epochs: int = 5) -> float:
    """Trains and returns the test accuracy."""
    # pixels in 0..1 become numbers of mean 0 and spread 1; training pictures are moved by up to two pixels, so that no
    # two epochs see the same
    normalize = Normalize(train_data.mean, train_data.std)
    batches = DataLoader(train_data, 64, shuffle=True, seed=0, transform=Compose([RandomShift(2), normalize]))
    test = DataLoader(test_data, 500, transform=normalize)
    model = LeNet()
    optimizer = optim.AdamW(model.parameters(), lr=4e-3)
    # the rate rises to its peak for three tenths of the steps and then falls to next to nothing
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=epochs * len(batches))
    reached = 0.0
    for epoch in range(epochs):
        model.train()
        for images, labels in batches:
            optimizer.zero_grad()  # gradients add up: forget those of the last step
            loss = F.cross_entropy(model(images), labels)  # forward: the tape records every op
            loss.backward()  # the tape runs back: every parameter gets its .grad
            optimizer.step()  # every weight moves against its gradient
            schedule.step()  # the next step's rate
        reached = accuracy(model, test)
        print(f"epoch {epoch + 1}: test accuracy {100 * reached:.2f} %", flush=True)
    return reached


if __name__ == "__main__":
    train(MNIST(train=True), MNIST(train=False), int(sys.argv[1]) if len(sys.argv) > 1 else 5)
