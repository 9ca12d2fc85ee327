"""Logistic regression, its textbook gradient, and a sign that is often printed the wrong way round.

    y_hat = sigmoid(w . x + b)
    L     = -(y log(y_hat) + (1 - y) log(1 - y_hat))          binary cross-entropy of one sample
    dL/dw = (y_hat - y) x,    dL/db = y_hat - y

Some texts print dL/dw = (y - y_hat) x. That is the direction in which L falls, -dL/dw: right in an update written
w += lr (y - y_hat) x, wrong as the gradient. Finite differences of L settle it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autograd import Tensor

Array = NDArray[np.float64]


def loss(w: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Mean binary cross-entropy; x (N, C), w (C,), b (), y (N,)."""
    y_hat = (x @ w + b).sigmoid()
    return -(y * y_hat.log() + (1 - y) * (1 - y_hat).log()).mean()


def data(count: int = 200, seed: int = 0) -> tuple[Array, Array]:
    """Two overlapping clouds of points in the plane."""
    rng = np.random.default_rng(seed)
    y = (np.arange(count) % 2).astype(float)
    return rng.normal(size=(count, 2)) + np.outer(2 * y - 1, [1.0, 0.5]), y


def compare_gradients() -> dict[str, Array]:
    """dL/dw at one point: by autograd, by both printed formulas, by central differences."""
    x, y = data()
    w, b = Tensor(np.array([0.3, -0.2]), requires_grad=True), Tensor(np.array(0.1), requires_grad=True)
    loss(w, b, Tensor(x), Tensor(y)).backward()
    y_hat = 1 / (1 + np.exp(-(x @ w.detach().numpy() + 0.1)))
    step, differences = 1e-6, []
    for i in range(2):
        up, down = (w.detach().numpy() + s * step * np.eye(2)[i] for s in (1, -1))
        high, low = (loss(Tensor(v), b.detach(), Tensor(x), Tensor(y)).item() for v in (up, down))
        differences.append((high - low) / (2 * step))
    return {
        "autograd": w.grad.numpy(),
        "(y_hat - y) x": ((y_hat - y)[:, None] * x).mean(0),
        "(y - y_hat) x": ((y - y_hat)[:, None] * x).mean(0),
        "finite differences": np.array(differences),
    }


def train(steps: int = 300, lr: float = 0.5) -> tuple[float, float]:
    """Gradient descent; returns the loss and the accuracy."""
    x, y = data()
    w, b = Tensor(np.zeros(2), requires_grad=True), Tensor(np.zeros(()), requires_grad=True)
    for _ in range(steps):
        loss(w, b, Tensor(x), Tensor(y)).backward()  # fills w.grad and b.grad
        # a step down, as new tensors: their history begins here, and they have no gradient yet
        w = Tensor(w.detach().numpy() - lr * w.grad.numpy(), requires_grad=True)
        b = Tensor(b.detach().numpy() - lr * b.grad.numpy(), requires_grad=True)
    guess = (Tensor(x) @ w + b).detach().numpy() > 0
    return loss(w, b, Tensor(x), Tensor(y)).item(), float((guess == y).mean())


def main() -> None:
    found = compare_gradients()
    for name, gradient in found.items():
        print(f"{name:20} {gradient}")
    right = np.allclose(found["(y_hat - y) x"], found["finite differences"], atol=1e-8)
    wrong = np.allclose(found["(y - y_hat) x"], -found["finite differences"], atol=1e-8)
    print(f"(y_hat - y) x is the gradient: {right}; (y - y_hat) x is minus the gradient: {wrong}")
    print("after 300 steps: loss {:.4f}, accuracy {:.3f}".format(*train()))


if __name__ == "__main__":
    main()
