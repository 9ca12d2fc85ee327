"""What may happen between steps and epochs: stopping, saving, showing progress.

A callback overrides the events that it wants. Its `state_dict` goes into checkpoints, so that a resumed run decides as
the unbroken one would have.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograd.io.tensors import library
from autograd.train.checkpoint import save_checkpoint
from autograd.train.history import held_out

if TYPE_CHECKING:
    from autograd.train.trainer import Trainer


class Callback:
    """Does nothing at every event. `order` sorts callbacks: those that save come last and see what others decided."""

    order = 0

    def on_fit_start(self, trainer: Trainer) -> None:
        """Before the first step of `fit`, after a state was restored."""

    def on_epoch_start(self, trainer: Trainer) -> None:
        """Before the first batch of an epoch, or of its rest after a resume."""

    def on_batch_end(self, trainer: Trainer) -> None:
        """After every optimizer step."""

    def on_epoch_end(self, trainer: Trainer) -> None:
        """After evaluation; the epoch's row is the last of `trainer.history`."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """After the last epoch."""

    def on_interrupt(self, trainer: Trainer) -> None:
        """After Ctrl-C, between two steps."""

    def state_dict(self) -> dict[str, Any]:
        """What the callback has to remember over a resume."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores what `state_dict` gave."""


class EarlyStopping(Callback):
    """Stops when `monitor` has not improved by more than `min_delta` for `patience` epochs.

    Args:
        patience: epochs without improvement, at least 1.
        monitor: a column of the history; accuracies shall grow, all else shall fall. Without validation data the test
            data's column counts.
        min_delta: what counts as no improvement.

    Raises ValueError for a patience below 1, KeyError from `fit` if the history has no such column.
    """

    def __init__(self, patience: int = 5, monitor: str = "validation_loss", min_delta: float = 0.0) -> None:
        if patience < 1:
            raise ValueError(f"EarlyStopping: patience={patience} must be at least 1")
        self.patience = patience
        self.monitor = monitor
        self.min_delta = min_delta
        self.sign = 1.0 if monitor.endswith("accuracy") else -1.0
        self.best: float | None = None
        self.bad_epochs = 0

    def on_fit_start(self, trainer: Trainer) -> None:
        self._decide(trainer)

    def on_epoch_end(self, trainer: Trainer) -> None:
        value = trainer.history[-1][held_out(trainer.history[-1], self.monitor)]
        if value is None:
            raise KeyError(f"EarlyStopping: there is no {self.monitor} without such data; monitor train_loss instead")
        if self.best is None or self.sign * (value - self.best) > self.min_delta:
            self.best, self.bad_epochs = value, 0
        else:
            self.bad_epochs += 1
        self._decide(trainer)

    def _decide(self, trainer: Trainer) -> None:
        if self.bad_epochs >= self.patience:
            name = held_out(trainer.history[-1], self.monitor)
            trainer.stop(f"{name} has not improved for {self.bad_epochs} epochs")

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "bad_epochs": self.bad_epochs}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best, self.bad_epochs = state.get("best"), state.get("bad_epochs", 0)


class TargetAccuracy(Callback):
    """Stops as soon as the validation accuracy (0..1; without such data the test accuracy) reaches `target`.

    Raises ValueError for a target outside 0..1.
    """

    def __init__(self, target: float) -> None:
        if not 0 < target <= 1:
            raise ValueError(f"TargetAccuracy: target={target} must lie in 0..1")
        self.target = target

    def on_fit_start(self, trainer: Trainer) -> None:
        self._decide(trainer)

    def on_epoch_end(self, trainer: Trainer) -> None:
        self._decide(trainer)

    def _decide(self, trainer: Trainer) -> None:
        row = trainer.history[-1] if len(trainer.history) else {}
        reached = row.get(held_out(row, "validation_accuracy"))
        if reached is not None and reached >= self.target:
            trainer.stop(f"the target accuracy of {100 * self.target:.2f} % is reached")


class Unfreeze(Callback):
    """All parameters learn from an epoch on, counted from 1; see :func:`~autograd.train.freeze`."""

    def __init__(self, epoch: int) -> None:
        if epoch < 1:
            raise ValueError(f"Unfreeze: epoch={epoch} must be at least 1")
        self.epoch = epoch

    def on_epoch_start(self, trainer: Trainer) -> None:
        if trainer.epoch + 1 >= self.epoch:
            trainer.model.requires_grad_(True)


class CSVLog(Callback):
    """Writes history.csv and history.json into the trainer's out_dir after every epoch."""

    order = 50

    def on_epoch_end(self, trainer: Trainer) -> None:
        if trainer.out_dir is None:
            raise ValueError("CSVLog: no folder; give the Trainer an out_dir")
        trainer.history.write(trainer.out_dir)


class Checkpoint(Callback):
    """Writes `last.safetensors` after every epoch, every `every` steps and at Ctrl-C, and `best.safetensors` when
    `monitor` improves.

    A file is replaced as a whole or not at all, also when the process is killed while it writes. It holds all of
    `Trainer.state_dict`; :func:`~autograd.train.load_checkpoint` reads it.

    Args:
        folder: default the trainer's out_dir.
        every: steps between two saves within an epoch; None saves at ends of epochs only.
        best: whether to keep the best epoch too.
        monitor: a column of the history; the test data's without validation data, without both the training loss.
    """

    order = 100

    def __init__(
        self,
        folder: str | os.PathLike[str] | None = None,
        every: int | None = None,
        best: bool = True,
        monitor: str = "validation_accuracy",
    ) -> None:
        if every is not None and every < 1:
            raise ValueError(f"Checkpoint: every={every} must be at least 1")
        self.folder = None if folder is None else Path(folder)
        self.every = every
        self.keep_best = best
        self.monitor = monitor
        self.best: float | None = None

    @property
    def last_path(self) -> Path:
        """The file that a run continues from."""
        if self.folder is None:
            raise ValueError("Checkpoint: no folder; give one, or give the Trainer an out_dir")
        return self.folder / "last.safetensors"

    @property
    def best_path(self) -> Path:
        """The file of the best epoch."""
        return self.last_path.with_name("best.safetensors")

    def on_fit_start(self, trainer: Trainer) -> None:
        library()  # a missing package is better noticed before the first epoch than after it
        self.folder = self.folder or trainer.out_dir
        self.last_path.parent.mkdir(parents=True, exist_ok=True)

    def on_batch_end(self, trainer: Trainer) -> None:
        if self.every and trainer.step % self.every == 0:
            self._save(trainer)

    def on_epoch_end(self, trainer: Trainer) -> None:
        improved = self._improved(trainer.history[-1])
        self._save(trainer)
        if improved and self.keep_best:
            save_checkpoint(self.best_path, trainer.state_dict())

    def on_interrupt(self, trainer: Trainer) -> None:
        self._save(trainer)

    def _save(self, trainer: Trainer) -> None:
        save_checkpoint(self.last_path, trainer.state_dict())

    def _improved(self, row: Mapping[str, Any]) -> bool:
        value = row[held_out(row, self.monitor)]
        if value is None:
            value = -row["train_loss"]
        elif not self.monitor.endswith("accuracy"):
            value = -value
        if self.best is not None and value <= self.best:
            return False
        self.best = value
        return True

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best = state.get("best")
