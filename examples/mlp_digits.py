"""A multilayer perceptron on the bundled digits, with nothing hidden: layers, loss, backward, update.

python examples/mlp_digits.py
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import Tensor, manual_seed, nn, no_grad, optim
from autograd.data import DataLoader, TensorDataset
from autograd.nn import functional as F
from autograd.vision.datasets import Digits


def pixels(data: Digits) -> Tensor:
    """(N, 1, 8, 8) integers 0..16 -> (N, 64) numbers of mean 0 and spread 1, as a network likes them."""
    scaled = data.images.reshape(len(data), -1) / 16
    return Tensor(((scaled - data.mean[0]) / data.std[0]).astype(np.float32))


class Perceptron(nn.Module):
    """64 pixels -> 64 hidden units with ReLU -> 10 scores."""

    def __init__(self) -> None:
        super().__init__()  # what is assigned from here on is found by parameters()
        self.hidden = nn.Linear(64, 64)  # weight (64, 64) and bias (64,), drawn at random
        self.scores = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Any:
        return self.scores(F.relu(self.hidden(x)))  # without the ReLU two linear maps would be one linear map


def train(epochs: int = 15, lr: float = 0.1, seed: int = 0) -> float:
    """Trains; returns the share of right answers on digits that were not trained on."""
    manual_seed(seed)  # the same weights in every run
    learn, test = Digits(train=True), Digits(train=False)
    loader = DataLoader(TensorDataset(pixels(learn), Tensor(learn.labels)), batch_size=32, shuffle=True, seed=seed)
    model = Perceptron()
    optimizer = optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    for epoch in range(epochs):
        total = 0.0
        for x, y in loader:  # 32 digits and their labels
            optimizer.zero_grad()  # gradients add up: forget those of the last step
            loss = F.cross_entropy(model(x), y)  # forward: the tape records every op
            loss.backward()  # the tape runs back: every parameter gets its .grad
            optimizer.step()  # v = 0.9 v + grad; parameter -= lr v
            total += loss.item()
        print(f"epoch {epoch + 1:2}  loss {total / len(loader):.4f}")
    with no_grad():  # nothing is recorded: faster, and no memory is kept
        answers = model(pixels(test)).argmax(1).numpy()
    return float((answers == test.labels).mean())


if __name__ == "__main__":
    print(f"test accuracy {100 * train():.1f} %")
