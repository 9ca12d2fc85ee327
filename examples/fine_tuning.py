"""Fine-tuning: a network that has learned five digits learns the other five from few pictures.

    python examples/fine_tuning.py

1. A network is trained on the digits 0 to 4, and its weights are saved.
2. A new network for the digits 5 to 9 gets these weights, but for its last layer, the head: other classes need another.
3. The head alone is trained (the rest is frozen: it would only be spoilt by a head that knows nothing yet).
4. All layers are trained, with a small learning rate.

The same steps from the command line: autograd train --data photos/ --weights w.safetensors --freeze 2
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from autograd import Tensor, manual_seed, optim, save
from autograd.data import DataLoader, TensorDataset
from autograd.train import Trainer, freeze
from autograd.vision.datasets import Digits
from autograd.vision.models import digits_cnn, load_weights


def loader(train: bool, first: int, limit: int | None = None) -> DataLoader:
    """The five digits from `first` on, labelled 0 to 4; at most `limit` of them."""
    data = Digits(train)
    chosen = np.flatnonzero((data.labels >= first) & (data.labels < first + 5))[:limit]
    images = (data.images[chosen] / 16 - data.mean[0]) / data.std[0]
    pairs = TensorDataset(Tensor(images.astype(np.float32)), Tensor(data.labels[chosen] - first))
    return DataLoader(pairs, batch_size=16, shuffle=train, seed=0)


def fit(model: Any, data: DataLoader, epochs: int, lr: float) -> None:
    """A few epochs of Adam over the parameters that are not frozen."""
    Trainer(model, optim.Adam([p for p in model.parameters() if p.requires_grad], lr=lr)).fit(data, epochs=epochs)


def accuracy(model: Any, data: DataLoader) -> float:
    """The share of right answers."""
    return Trainer(model, None).evaluate(data).accuracy


def compare(pictures: int = 25, epochs: int = 4) -> tuple[float, float]:
    """Accuracy on the digits 5 to 9 after fine-tuning and after training from scratch, with equally many steps."""
    manual_seed(0)
    source = digits_cnn(num_classes=5)
    fit(source, loader(True, 0), epochs, 3e-3)
    few, test = loader(True, 5, pictures), loader(False, 5)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "zero_to_four.safetensors"
        save(source.state_dict(), str(path))
        tuned = digits_cnn(num_classes=5)
        load_weights(tuned, path)
    head = tuned.classifier[-1]
    head.reset_parameters()  # as many classes as before, but other ones: the old head is of no use
    freeze(tuned)  # all but the head
    fit(tuned, few, epochs, 1e-2)
    tuned.requires_grad_(True)
    fit(tuned, few, epochs, 1e-3)
    scratch = digits_cnn(num_classes=5)
    fit(scratch, few, 2 * epochs, 3e-3)
    return accuracy(tuned, test), accuracy(scratch, test)


if __name__ == "__main__":
    tuned, scratch = compare()
    print(f"25 pictures: fine-tuned {100 * tuned:.1f} %, from scratch {100 * scratch:.1f} %")
