"""Reading numbers from binary streams: never more memory than the file has bytes."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from autograd.errors import FormatError, MissingExtraError

PIECE = 1 << 22  # bytes read at once


class Limited:
    """A stream of known size: reading past the end fails before memory is taken for it."""

    def __init__(self, stream: Any, size: int) -> None:
        self.stream = stream
        self.size = size

    def _left(self) -> int:
        return max(self.size - int(self.stream.tell()), 0)

    def read(self, count: int = -1) -> bytes:
        if count > self._left():
            raise FormatError(f"{count} bytes are announced, {self._left()} are left")
        return self.stream.read(count)  # type: ignore[no-any-return]

    def readline(self) -> bytes:
        return self.stream.readline(1 << 16)  # type: ignore[no-any-return]

    def tell(self) -> int:
        return int(self.stream.tell())

    def readinto(self, buffer: Any) -> int:
        return int(self.stream.readinto(buffer))


def fill(stream: Any, array: np.ndarray, order: str = "little") -> None:
    """Reads numbers of the given byte order into a contiguous array, in place."""
    view = array.reshape(-1).view(np.uint8).data
    done = 0
    while done < len(view):
        count = stream.readinto(view[done : done + PIECE])
        if not count:
            raise FormatError(f"the file ends {len(view) - done} bytes early")
        done += count
    if order != sys.byteorder:
        array.byteswap(inplace=True)
    if array.dtype == np.bool_:  # bytes other than 0 and 1 are no truth values
        np.not_equal(array.view(np.uint8), 0, out=array)


@contextmanager
def opened(f: Any) -> Iterator[tuple[Any, int]]:
    """A seekable binary stream, at its start, of a path or a file object, and its size.

    Whatever a bad file provokes inside comes out as a FormatError that names the file; a missing or forbidden file,
    a missing package and a lack of memory stay what they are.
    """
    own = not hasattr(f, "read")
    what = os.fspath(f) if own else getattr(f, "name", "the file")
    try:
        stream: Any
        if own:
            stream = open(f, "rb")  # noqa: SIM115
        else:
            stream = f if f.seekable() and hasattr(f, "readinto") else io.BytesIO(f.read())
        try:
            size = int(stream.seek(0, os.SEEK_END))
            stream.seek(0)
            yield stream, size
        finally:
            if own:
                stream.close()
    except (FileNotFoundError, PermissionError, MissingExtraError, MemoryError):
        raise
    except OSError as error:
        raise FormatError(f"{what}: cannot be read: {error.strerror or error}") from None
    except Exception as error:
        raise FormatError(f"{what}: {error or type(error).__name__}") from None
