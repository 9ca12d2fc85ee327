"""Event files for TensorBoard, without its packages: TFRecords of Event messages with scalars."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from autograd.train.callbacks import Callback
from autograd.train.history import COLUMNS

if TYPE_CHECKING:
    from autograd.train.trainer import Trainer


def _crc_table() -> list[int]:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ np.uint32(0x82F63B78), table >> 1).astype(np.uint32)
    return [int(value) for value in table]


_TABLE = _crc_table()


def crc32c(data: bytes) -> int:
    """The Castagnoli checksum (RFC 3720, B.4)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def record(data: bytes) -> bytes:
    """One TFRecord: length, its checksum, data, their checksum."""
    length = struct.pack("<Q", len(data))
    return length + _masked(length) + data + _masked(data)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _text(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def event(wall_time: float, step: int, scalars: dict[str, float]) -> bytes:
    """An Event message (tensorflow/core/util/event.proto): wall_time = 1, step = 2, summary = 5."""
    values = b"".join(
        _text(1, _text(1, name.encode()) + b"\x15" + struct.pack("<f", value)) for name, value in scalars.items()
    )
    return b"\x09" + struct.pack("<d", wall_time) + b"\x10" + _varint(step) + _text(5, values)


class TensorBoard(Callback):
    """Writes the scalars of every epoch, and the loss every `every` steps, into an event file in `folder` (default: the
    trainer's out_dir / tensorboard); look at them with `tensorboard --logdir FOLDER`."""

    order = 50

    def __init__(self, folder: str | os.PathLike[str] | None = None, every: int = 50) -> None:
        if every < 1:
            raise ValueError(f"TensorBoard: every={every} must be at least 1")
        self.folder = None if folder is None else Path(folder)
        self.every = every
        self.path: Path | None = None

    def on_fit_start(self, trainer: Trainer) -> None:
        folder = self.folder or (trainer.out_dir or Path()) / "tensorboard"
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"events.out.tfevents.{time.time_ns() // 10**9}.{os.getpid()}"
        head = b"\x09" + struct.pack("<d", time.time()) + _text(3, b"brain.Event:2")
        self.path.write_bytes(record(head))

    def on_batch_end(self, trainer: Trainer) -> None:
        if trainer.step % self.every == 0:
            self._write(trainer.step, {"step/train_loss": trainer.train_loss})

    def on_epoch_end(self, trainer: Trainer) -> None:
        row = trainer.history[-1]
        scalars = {f"epoch/{name}": float(row[name]) for name in COLUMNS[1:] if row.get(name) is not None}
        self._write(trainer.step, scalars)

    def _write(self, step: int, scalars: dict[str, float]) -> None:
        assert self.path is not None  # on_fit_start came first
        with self.path.open("ab") as file:
            file.write(record(event(time.time(), step, scalars)))
