"""Networks as scikit-learn estimators: fit, predict and score; they work in pipelines, grid searches and pickles.

from autograd.sklearn import NeuralNetClassifier
cross_val_score(make_pipeline(StandardScaler(), NeuralNetClassifier()), X, y)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import nn, optim
from autograd.errors import MissingExtraError
from autograd.grad_mode import enable_grad, no_grad
from autograd.nn import functional as F
from autograd.ops.random import get_rng_state, manual_seed, set_rng_state
from autograd.shapes import near
from autograd.tensor import Tensor

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise MissingExtraError("autograd.sklearn needs scikit-learn 1.6: pip install 'cygrad[sklearn]'") from error

OPTIMIZERS = {name.lower(): getattr(optim, name) for name in ("Adam", "AdamW", "RMSprop", "SGD")}


def perceptron(features: int, outputs: int, hidden: tuple[int, ...]) -> nn.Module:
    """Linear layers with ReLU between them."""
    sizes = (features, *hidden, outputs)
    layers: list[nn.Module] = []
    for n, m in zip(sizes, sizes[1:]):
        layers += [nn.ReLU(), nn.Linear(n, m)]
    return nn.Sequential(*layers[1:])


class _NeuralNet(BaseEstimator):
    """What both estimators share: the parameters and the training loop.

    module: None for a perceptron with these hidden layers, or a function of (features, outputs) that makes a Module;
        then X may have more axes, (N, C, H, W) for example, and features is X.shape[1].
    optimizer: "adam", "adamw", "rmsprop" or "sgd"; optimizer_args: more of its arguments.
    random_state: the same int gives the same network, bit for bit. Computes in float32 if X is float32, else float64.

    Fitted: module_, and losses_, the mean loss of every epoch.
    """

    def __init__(
        self,
        module: Callable[[int, int], nn.Module] | None = None,
        hidden_layer_sizes: tuple[int, ...] = (64,),
        optimizer: str = "adam",
        lr: float = 0.01,
        max_epochs: int = 100,
        batch_size: int = 32,
        optimizer_args: dict[str, Any] | None = None,
        random_state: Any = None,
    ) -> None:
        self.module = module
        self.hidden_layer_sizes = hidden_layer_sizes
        self.optimizer = optimizer
        self.lr = lr
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.optimizer_args = optimizer_args
        self.random_state = random_state

    def _validated(self, X: Any, *y: Any, **options: Any) -> Any:
        dtypes = [np.float64, np.float32]
        return validate_data(self, X, *y, dtype=dtypes, allow_nd=self.module is not None, reset=bool(y), **options)

    def _train(self, X: np.ndarray, y: np.ndarray, outputs: int, loss: Callable) -> None:
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"optimizer: no {self.optimizer!r}{near(str(self.optimizer), OPTIMIZERS)}")
        rng, state = check_random_state(self.random_state), get_rng_state()
        manual_seed(int(rng.randint(2**31)))
        try:
            features = X.shape[1]
            make = self.module
            module = make(features, outputs) if make else perceptron(features, outputs, self.hidden_layer_sizes)
            self.module_ = module.double() if X.dtype == np.float64 else module.float()
            with enable_grad():
                self.losses_ = self._epochs(X, y, loss, rng)
        finally:
            set_rng_state(state)
        self.module_.eval()

    def _epochs(self, X: np.ndarray, y: np.ndarray, loss: Callable, rng: Any) -> list[float]:
        optimizer = OPTIMIZERS[self.optimizer](self.module_.parameters(), lr=self.lr, **(self.optimizer_args or {}))
        losses = []
        for _ in range(self.max_epochs):
            order, total = rng.permutation(len(X)), 0.0
            for rows in np.split(order, range(self.batch_size, len(X), self.batch_size)):
                optimizer.zero_grad()
                value = loss(self.module_(Tensor(X[rows])), y[rows])
                value.backward()
                optimizer.step()
                total += value.item() * len(rows)
            losses.append(total / len(X))
        return losses

    def _scores(self, X: Any) -> Tensor:
        check_is_fitted(self)
        weight = next(self.module_.parameters())
        with no_grad():
            return self.module_(Tensor(self._validated(X), dtype=weight.dtype))


class NeuralNetClassifier(ClassifierMixin, _NeuralNet):
    __doc__ = f"A network trained with cross-entropy.\n\n{_NeuralNet.__doc__}"

    def fit(self, X: Any, y: Any) -> NeuralNetClassifier:
        """Trains a new network on samples X (N, C) and their classes y (N,)."""
        X, y = self._validated(X, y)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        self._train(X, labels, len(self.classes_), F.cross_entropy)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of every class, (N, classes)."""
        return F.softmax(self._scores(X), 1).numpy()

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of every sample."""
        scores = self._scores(X).numpy()
        return self.classes_[scores.argmax(1)]


class NeuralNetRegressor(RegressorMixin, _NeuralNet):
    __doc__ = f"A network trained with the mean squared error.\n\n{_NeuralNet.__doc__}"

    def fit(self, X: Any, y: Any) -> NeuralNetRegressor:
        """Trains a new network on samples X (N, C) and their values y, (N,) or (N, outputs)."""
        X, y = self._validated(X, y, multi_output=True, y_numeric=True)
        self._single = y.ndim == 1
        values = y.reshape(len(y), -1).astype(X.dtype, copy=False)
        self._train(X, values, values.shape[1], F.mse_loss)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The values of every sample, of y's shape."""
        values = self._scores(X).numpy()
        return values[:, 0] if self._single else values

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
