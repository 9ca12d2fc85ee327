"""Writing a file so that at any moment, whatever happens, the old or the new one is there, whole."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

Buffer = bytes | bytearray | memoryview
PIECE = 1 << 24  # bytes handed to the system at once


def write_atomically(path: str | os.PathLike[str], parts: Iterable[Buffer]) -> None:
    """Writes the parts one after another under a temporary name beside `path`, then renames.

    The data is on the disk before the rename, and the rename is when this returns. On any error (a full disk,
    Ctrl-C, an exception in `parts`) the old file stays as it was and the temporary one is removed.
    """
    target = Path(os.path.realpath(path))  # a link is followed, not replaced
    temporary = target.with_name(f".{target.name[:200]}.{secrets.token_hex(6)}.tmp")
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o666
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), mode)
    try:
        try:
            for part in parts:
                _write_all(descriptor, part)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _write_all(descriptor: int, part: Buffer) -> None:
    view = memoryview(part).cast("B")
    while view:
        view = view[os.write(descriptor, view[:PIECE]) :]


def _sync_folder(folder: Path) -> None:
    """Makes the rename itself durable, where folders can be opened (not on Windows)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
