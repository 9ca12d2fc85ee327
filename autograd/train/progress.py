"""Progress on the terminal: a bar where there is one (rich if installed), else one line per epoch."""

from __future__ import annotations

import sys
import time
from typing import IO, TYPE_CHECKING, Any

from autograd.bars import REDRAW_SECONDS, Bar, clock, open_bar
from autograd.train.callbacks import Callback

if TYPE_CHECKING:
    from autograd.train.trainer import Trainer


class Progress(Callback):
    """Shows loss, accuracy, images/s and the time left for the whole run.

    Args:
        stream: default standard output. If it is a terminal, a bar moves below the lines of finished epochs.
        bar: True or False instead of asking the stream.
    """

    def __init__(self, stream: IO[str] | None = None, bar: bool | None = None) -> None:
        self.stream = stream or sys.stdout
        self.bar = self.stream.isatty() if bar is None else bar
        self._view: Bar | None = None
        self._drawn = 0.0
        self._begun = 0.0
        self._first_step = 0

    def on_fit_start(self, trainer: Trainer) -> None:
        self._begun, self._first_step = time.perf_counter(), trainer.step
        if self.bar and trainer.epoch < trainer.epochs:
            self._view = open_bar(self.stream)

    def on_batch_end(self, trainer: Trainer) -> None:
        now = time.perf_counter()
        if self._view is None or now - self._drawn < REDRAW_SECONDS:
            return
        self._drawn = now
        text = (
            f"epoch {trainer.epoch + 1}/{trainer.epochs}  loss {trainer.train_loss:.4f}  "
            f"accuracy {100 * trainer.train_accuracy:5.2f} %  {trainer.images_per_s:,.0f} images/s  "
            f"ETA {clock(self.seconds_left(trainer))}"
        )
        self._view.update(trainer.batch / trainer.batches, text)

    def on_epoch_end(self, trainer: Trainer) -> None:
        line = epoch_line(trainer.history[-1], trainer.epochs)
        if trainer.epoch < trainer.epochs and trainer.stop_reason is None:
            line += f"  ETA {clock(self.seconds_left(trainer))}"
        if self._view is not None:
            self._view.line(line)
        else:
            print(line, file=self.stream, flush=True)

    def on_fit_end(self, trainer: Trainer) -> None:
        self.close()
        if trainer.stop_reason:
            print(f"stopped after epoch {trainer.epoch}: {trainer.stop_reason}", file=self.stream, flush=True)

    def on_interrupt(self, trainer: Trainer) -> None:
        self.close()

    def seconds_left(self, trainer: Trainer) -> float:
        """Time for the remaining steps at the pace of this run, evaluations included."""
        done = trainer.step - self._first_step
        left = (trainer.epochs - trainer.epoch) * trainer.batches - trainer.batch
        return left * (time.perf_counter() - self._begun) / max(done, 1)

    def close(self) -> None:
        """Takes the bar away."""
        if self._view is not None:
            self._view.close()
            self._view = None


def epoch_line(row: dict[str, Any], epochs: int) -> str:
    """One finished epoch as a line of text."""
    width = len(str(epochs))
    parts = [
        f"epoch {row['epoch']:{width}}/{epochs}",
        f"loss {row['train_loss']:.4f}",
        f"accuracy {100 * row['train_accuracy']:6.2f} %",
    ]
    if row["validation_accuracy"] is not None:
        parts += [f"validation {100 * row['validation_accuracy']:6.2f} %"]
    if row["test_accuracy"] is not None:
        parts += [f"test loss {row['test_loss']:.4f}", f"test accuracy {100 * row['test_accuracy']:6.2f} %"]
    return "  ".join([*parts, f"{row['images_per_s']:8,.0f} images/s", f"{row['seconds']:.1f} s"])
