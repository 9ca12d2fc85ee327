"""Reader of idx files, the format of MNIST (http://yann.lecun.com/exdb/mnist/): a magic number (two zero bytes, a type
code, the number of axes), the sizes as big-endian uint32, then the values, big-endian, last axis fastest."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from autograd.errors import FormatError

MAX_BYTES = 1 << 30
_CHUNK = 1 << 20
_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def read_idx(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES, md5: str | None = None) -> NDArray[Any]:
    """The array in an idx file, plain or gzipped (told by its first bytes), in native byte order.

    Args:
        path: the file.
        max_bytes: the most that its values may take.
        md5: hex digest that the unzipped file must have.

    Raises FormatError for anything but one whole idx file of that size and digest; OSError if it cannot be opened.
    """
    path = Path(path)
    with path.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        try:
            return _read(gzip.GzipFile(fileobj=raw) if zipped else raw, path, max_bytes, md5)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise FormatError(f"{path}: damaged gzip file ({error})") from None


def _read(file: _Readable, path: Path, max_bytes: int, md5: str | None) -> NDArray[Any]:
    head = _take(file, 4, path)
    if head[:2] != b"\0\0" or head[2] not in _TYPES:
        raise FormatError(f"{path}: not an idx file, it starts with {head.hex(' ')}")
    dtype = np.dtype(_TYPES[head[2]])
    sizes = _take(file, 4 * head[3], path)
    shape = tuple(int(size) for size in np.frombuffer(sizes, dtype=">u4"))
    if len(shape) > 32:  # what every NumPy can hold
        raise FormatError(f"{path}: {len(shape)} axes")
    span = dtype.itemsize
    for size in shape:  # zeros count as ones: an empty array may not have absurd axes either
        span *= max(size, 1)
    if span > max_bytes:
        raise FormatError(f"{path}: shape {shape} of {dtype} takes more than max_bytes={max_bytes}")
    body = _take(file, 0 if 0 in shape else span, path)
    if file.read(1):
        raise FormatError(f"{path}: bytes left over after the {len(body)} that shape {shape} takes")
    if md5 is not None:
        digest = hashlib.md5(head + sizes, usedforsecurity=False)
        digest.update(body)
        if digest.hexdigest() != md5:
            raise FormatError(
                f"{path}: md5 {digest.hexdigest()} of the unzipped file, expected {md5}; delete it and fetch it again"
            )
    values = np.frombuffer(body, dtype=dtype).reshape(shape)
    return values.astype(dtype.newbyteorder("="), copy=False)


def _take(file: _Readable, count: int, path: Path) -> bytearray:
    """Exactly `count` bytes. Read by pieces: memory grows with what is there, not with what a header claims."""
    taken = bytearray()
    while len(taken) < count:
        piece = file.read(min(_CHUNK, count - len(taken)))
        if not piece:
            raise FormatError(f"{path}: truncated, {len(taken)} bytes where {count} belong")
        taken += piece
    return taken
