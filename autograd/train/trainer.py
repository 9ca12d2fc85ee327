"""The training loop: epochs, evaluation, history, and a state from which a run continues with the same bits."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

import autograd
from autograd.errors import FormatError
from autograd.nn import functional as F
from autograd.nn.utils import clip_grad_norm_
from autograd.train import random_state
from autograd.train.callbacks import Callback
from autograd.train.flow import GradientFlow
from autograd.train.history import History, held_out
from autograd.train.interrupt import Interrupted, StepInterrupt
from autograd.train.techniques import WeightAverage, loss_of

STATE_VERSION = 1
PER_BATCH = frozenset({"OneCycleLR", "CyclicLR"})  # schedulers that PyTorch's documentation steps after every batch
Sums = dict[str, float]


class Evaluation(NamedTuple):
    """What a model says about a data set of N samples and K classes.

    loss: mean per sample; accuracy in 0..1; predictions, labels: int64 (N,); probabilities: float32 (N, K).
    """

    loss: float
    accuracy: float
    predictions: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]


class Trainer:
    """Trains a classifier: for every batch zero_grad, loss(model(x), y).backward(), optimizer.step().

    With the same seed (of weights, loader and this) a run gives the same bits; continued from a checkpoint it gives the
    bits of the unbroken run.

    Args:
        model: a Module from inputs (N, ...) to scores (N, K); in training also to a tuple of these and the scores of
            auxiliary heads, whose losses count 0.3.
        optimizer: over the model's parameters.
        loss: function of (scores, labels) giving the mean over the batch.
        scheduler: stepped after every batch (OneCycleLR, CyclicLR) or every epoch (all others);
            ReduceLROnPlateau gets the validation loss, without such data the test loss, without both the training
            loss.
        callbacks: see :mod:`autograd.train.callbacks`.
        out_dir: folder for what callbacks write.
        seed: seeds the engine's (dropout), NumPy's and Python's random numbers when a run starts; None leaves them.
        scheduler_per: "batch" or "epoch", where the kind of scheduler does not say.
        flow_every: read gradient norms every so many steps.
        accumulate: batches per step of the optimizer; the gradients are those of one batch with all of their samples
            (but for batch norm, which sees one at a time).
        clip: largest norm of all gradients together; larger ones are scaled down to it.
        ema: decay of the moving average of the weights, which is then what is evaluated; see `WeightAverage`.
        mix: function of (images, labels, seed) giving mixed images and class probabilities, e.g.
            :class:`~autograd.vision.transforms.MixUp`.
        config: anything JSON can hold; kept in checkpoints to rebuild the model from.

    Attributes:
        epoch: finished epochs; step: finished steps; history: a row per finished epoch.
        batch, batches: the batch of the epoch that was finished last, and how many there are.
        stop_reason: why a callback ended the run, or None.
    """

    def __init__(
        self,
        model: Any,
        optimizer: Any,
        loss: Callable[[Any, Any], Any] = F.cross_entropy,
        scheduler: Any = None,
        callbacks: Iterable[Callback] = (),
        out_dir: str | os.PathLike[str] | None = None,
        seed: int | None = None,
        *,
        scheduler_per: Literal["batch", "epoch"] | None = None,
        flow_every: int = 10,
        accumulate: int = 1,
        clip: float | None = None,
        ema: float | None = None,
        mix: Callable[[NDArray[Any], NDArray[Any], int], tuple[Any, Any]] | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        if accumulate < 1:
            raise ValueError(f"Trainer: accumulate={accumulate} must be at least 1")
        if clip is not None and not clip > 0:
            raise ValueError(f"Trainer: clip={clip} must be positive")
        self.model = model
        self.optimizer = optimizer
        self.loss = loss
        self.scheduler = scheduler
        self.callbacks = sorted(callbacks, key=lambda callback: callback.order)
        self.out_dir = None if out_dir is None else Path(out_dir)
        self.seed = seed
        self.scheduler_per = scheduler_per or ("batch" if type(scheduler).__name__ in PER_BATCH else "epoch")
        self.accumulate, self.clip, self.mix = accumulate, clip, mix
        self.average = None if ema is None else WeightAverage(model, ema)
        self.config = dict(config or {})
        self.flow = GradientFlow(model.named_parameters(), flow_every)
        self.history = History()
        self.epoch = self.step = self.batch = self.batches = self.epochs = 0
        self.stop_reason: str | None = None
        self.interrupt = StepInterrupt()
        self._sums: Sums = _zero()
        self._loader_state: dict[str, Any] | None = None  # where the training data stands
        self._restored = False
        self._seconds = 0.0  # spent in this epoch before the run was interrupted
        self._started = 0.0

    # ---------------------------------------------------------------------------------------------- the loop

    def fit(
        self, train_loader: Any, test_loader: Any = None, epochs: int = 1, validation_loader: Any = None
    ) -> History:
        """Trains until `epochs` epochs are finished in all, those before a resume included, or a callback stops.

        What stops a run or picks its best epoch looks at the validation data, and only without any at the test data.
        Ctrl-C ends the step under way, lets the callbacks save, and is raised on; a second one is raised at once.
        Raises ValueError for a loader without batches and FloatingPointError when the loss is no longer finite.
        """
        self.epochs, self.stop_reason = epochs, None
        self.batches = len(train_loader)
        if not self.batches:
            raise ValueError("Trainer.fit: the training loader has no batches")
        self._start(train_loader)
        self._call("on_fit_start")
        try:
            with self.interrupt:
                while self.epoch < epochs and self.stop_reason is None:
                    self._run_epoch(train_loader, test_loader, validation_loader)
        except Interrupted:
            self._call("on_interrupt")
            raise
        self._call("on_fit_end")
        return self.history

    def _start(self, loader: Any) -> None:
        if self._restored and self._loader_state is not None and hasattr(loader, "load_state_dict"):
            loader.load_state_dict(self._loader_state)
        elif not self._restored and not self.step and self.seed is not None:
            random_state.seed(self.seed)
        self._restored = False
        self._loader_state = _state_of(loader)

    def _run_epoch(self, train_loader: Any, test_loader: Any, validation_loader: Any) -> None:
        self._started = time.perf_counter() - self._seconds
        self._call("on_epoch_start")
        self.model.train()
        batches = iter(train_loader)
        while group := list(islice(batches, self.accumulate)):
            self._step(group)
            self._loader_state = _state_of(train_loader)
            self.batch += len(group)
            self._call("on_batch_end")
            self.interrupt.check()
        trained = time.perf_counter() - self._started
        loaders = {"validation": validation_loader, "test": test_loader}
        seen = {name: self.evaluate(loader) for name, loader in loaders.items() if loader is not None}
        self._finish_epoch(seen, trained)
        self._loader_state = _state_of(train_loader)
        self._call("on_epoch_end")
        self.interrupt.check()

    def _step(self, group: Sequence[tuple[Any, Any]]) -> None:
        self.optimizer.zero_grad()
        samples = sum(len(y) for _, y in group)
        for number, (x, y) in enumerate(group):
            self._backward(x, y, len(y) / samples, number)
        if self.clip is not None:
            clip_grad_norm_(self.model.parameters(), self.clip)
        kept = self.flow.before(self.step)
        self._sums["lr"] = float(self.optimizer.param_groups[0]["lr"])
        self.optimizer.step()
        self.flow.after(kept)
        if self.average is not None:
            self.average.update()
        if self.scheduler is not None and self.scheduler_per == "batch":
            self.scheduler.step()
        self.step += 1

    def _backward(self, x: Any, y: Any, share: float, number: int) -> None:
        """Adds the gradients of one batch, which is this share of a step's samples."""
        target = y
        if self.mix is not None:
            entropy = np.random.SeedSequence((self.seed or 0, self.step, number)).generate_state(1, np.uint64)
            mixed, target = self.mix(np.asarray(x), np.asarray(y), int(entropy[0]))
            x = autograd.Tensor(mixed)
        loss, scores = loss_of(self.loss, self.model(x), target)
        value = loss.item()
        if not np.isfinite(value):
            raise FloatingPointError(
                f"the loss is {value} in epoch {self.epoch + 1}, batch {self.batch + number + 1}: lower the learning "
                "rate, or look for bad values in the data"
            )
        (loss if share == 1 else loss * share).backward()
        self._sums["loss"] += value * len(y)
        self._sums["right"] += int((scores.array.argmax(1) == np.asarray(y)).sum())
        self._sums["count"] += len(y)

    def _finish_epoch(self, seen: Mapping[str, Evaluation], seconds: float) -> None:
        row: dict[str, Any] = {
            "epoch": self.epoch + 1,
            "train_loss": self.train_loss,
            "train_accuracy": self.train_accuracy,
            **{f"{name}_loss": seen[name].loss if name in seen else None for name in ("validation", "test")},
            **{f"{name}_accuracy": seen[name].accuracy if name in seen else None for name in ("validation", "test")},
            "lr": self._sums["lr"],
            "seconds": round(seconds, 4),
            "images_per_s": round(self._sums["count"] / max(seconds, 1e-9), 1),
        }
        self.history.rows.append(row | self.flow.means())
        if self.scheduler is not None and self.scheduler_per == "epoch":
            plateau = type(self.scheduler).__name__ == "ReduceLROnPlateau"
            loss = row[held_out(row, "validation_loss")]
            self.scheduler.step(*([row["train_loss"] if loss is None else loss] if plateau else []))
        self.epoch += 1
        self.batch, self._seconds = 0, 0.0
        self._sums = _zero()
        self.flow.reset()

    @property
    def train_loss(self) -> float:
        """Mean loss per sample over the epoch so far."""
        return self._sums["loss"] / max(self._sums["count"], 1)

    @property
    def train_accuracy(self) -> float:
        """Accuracy over the epoch so far, on the augmented pictures and while the weights moved."""
        return self._sums["right"] / max(self._sums["count"], 1)

    @property
    def images_per_s(self) -> float:
        """Training samples per second, this epoch so far."""
        return self._sums["count"] / max(time.perf_counter() - self._started, 1e-9)

    def stop(self, reason: str) -> None:
        """Ends the run after this epoch."""
        self.stop_reason = reason

    def _call(self, event: str) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(self)

    # ---------------------------------------------------------------------------------------------- evaluation

    def evaluate(self, loader: Any) -> Evaluation:
        """Loss, accuracy, predictions, softmax(scores) and labels over all of `loader`, in evaluation mode, without
        gradients and with averaged weights if there are any. Raises ValueError for a loader without batches."""
        was_training = self.model.training
        self.model.eval()
        loss, scores, labels = 0.0, [], []
        averaged = nullcontext() if self.average is None else self.average.applied()
        try:
            with averaged, autograd.no_grad():
                for x, y in loader:
                    out = self.model(x)
                    loss += self.loss(out, y).item() * len(y)
                    scores.append(np.array(out.array))
                    labels.append(np.asarray(y))
                    self.interrupt.check()
        finally:
            self.model.train(was_training)
        if not scores:
            raise ValueError("Trainer.evaluate: the loader has no batches")
        return _evaluation(loss, np.concatenate(scores), np.concatenate(labels).astype(np.int64))

    # ---------------------------------------------------------------------------------------------- state

    def state_dict(self) -> dict[str, Any]:
        """Everything that the rest of the run depends on, as nested dicts and lists of arrays and plain values."""
        return {
            "version": STATE_VERSION,
            "config": self.config,
            "model": self.model.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": None if self.scheduler is None else self.scheduler.state_dict(),
            "loader": self._loader_state,
            "random": random_state.read(),
            "epoch": self.epoch,
            "step": self.step,
            "batch": self.batch,
            "seconds": time.perf_counter() - self._started if self.batch else 0.0,
            "sums": dict(self._sums),
            "flow": self.flow.state_dict(),
            "history": list(self.history.rows),
            "callbacks": {type(callback).__name__: callback.state_dict() for callback in self.callbacks},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues where `state_dict` was taken: `fit` with the same loaders goes on from the very next batch.

        Raises FormatError if `state` is not such a state, ValueError if there is a scheduler here but none in it.
        """
        if state.get("version") != STATE_VERSION:
            raise FormatError(f"Trainer: state of version {state.get('version')!r}, this library reads {STATE_VERSION}")
        if (self.scheduler is None) != (state["scheduler"] is None):
            raise ValueError("Trainer: the state and this trainer must both have a scheduler, or neither")
        self.model.load_state_dict(state["model"])
        if self.average is not None and state.get("average"):
            self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])
        random_state.write(state["random"])
        self.epoch, self.step, self.batch = state["epoch"], state["step"], state["batch"]
        self._sums, self._seconds = dict(state["sums"]), state["seconds"]
        self._loader_state, self._restored = state["loader"], True
        self.flow.load_state_dict(state["flow"])
        self.history.rows[:] = state["history"]
        for callback in self.callbacks:
            callback.load_state_dict(state["callbacks"].get(type(callback).__name__, {}))


def _zero() -> Sums:
    return {"loss": 0.0, "right": 0, "count": 0, "lr": 0.0}


def _state_of(loader: Any) -> dict[str, Any] | None:
    return loader.state_dict() if hasattr(loader, "state_dict") else None


def _evaluation(loss: float, scores: NDArray[Any], labels: NDArray[np.int64]) -> Evaluation:
    shifted = np.exp(scores - scores.max(1, keepdims=True))
    probabilities = (shifted / shifted.sum(1, keepdims=True)).astype(np.float32)
    predictions = scores.argmax(1).astype(np.int64)
    right = float((predictions == labels).mean())
    return Evaluation(loss / len(labels), right, predictions, probabilities, labels)
