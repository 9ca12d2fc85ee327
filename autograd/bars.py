"""Bars on terminals: of `rich` if it is installed, else of characters that overwrite themselves."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import IO, Protocol, TypeVar

T = TypeVar("T")

REDRAW_SECONDS = 0.1
PATIENCE_SECONDS = 1.0  # what is over sooner needs no bar


class Bar(Protocol):
    """Something that shows a fraction in 0..1 and a text, below finished lines."""

    def update(self, fraction: float, text: str) -> None: ...
    def line(self, text: str) -> None: ...
    def close(self) -> None: ...


def open_bar(stream: IO[str]) -> Bar:
    """A new bar on this stream."""
    try:
        return RichBar(stream)
    except ImportError:
        return PlainBar(stream)


def watched(items: Iterable[T], what: str, total: int | None = None, stream: IO[str] | None = None) -> Iterator[T]:
    """The items, while a terminal (`stream`, default standard error) shows how many of them are done: on a bar that
    comes after a second and is gone at the end.

    total: how many there are; default len(items).
    """
    stream = stream or sys.stderr
    if not stream.isatty():
        yield from items
        return
    total = len(items) if total is None else total  # type: ignore[arg-type]
    bar, begun, drawn = None, time.monotonic(), 0.0
    try:
        for done, item in enumerate(items):
            now = time.monotonic()
            if now - begun > PATIENCE_SECONDS and now - drawn > REDRAW_SECONDS:
                bar, drawn = bar or open_bar(stream), now
                left = clock((now - begun) / done * (total - done)) if done else "?"
                bar.update(done / max(total, 1), f"{what}  {done:,} of {total:,}  ETA {left}")
            yield item
    finally:
        if bar is not None:
            bar.close()


def clock(seconds: float) -> str:
    """75.2 -> '1:15', 3675 -> '1:01:15'."""
    whole = round(seconds)
    minutes = f"{whole // 60 % 60}:{whole % 60:02}"
    return minutes if whole < 3600 else f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


class RichBar:
    """A bar of the `rich` library."""

    def __init__(self, stream: IO[str]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bars

        self.console = Console(file=stream, highlight=False)
        self.bars = Bars(BarColumn(24), TextColumn("{task.description}"), console=self.console, transient=True)
        self.task = self.bars.add_task("", total=1.0)
        self.bars.start()

    def update(self, fraction: float, text: str) -> None:
        self.bars.update(self.task, completed=fraction, description=text)

    def line(self, text: str) -> None:
        self.console.print(text, markup=False, soft_wrap=True)

    def close(self) -> None:
        self.bars.stop()


class PlainBar:
    """A bar of characters that overwrites itself."""

    def __init__(self, stream: IO[str]) -> None:
        self.stream = stream
        self.width = 0

    def update(self, fraction: float, text: str) -> None:
        text = f"[{'#' * round(20 * fraction):20}] {text}"
        self._write(text)

    def line(self, text: str) -> None:
        self._write(text)
        self._end()

    def close(self) -> None:
        self._write("")
        self.stream.write("\r")
        self.stream.flush()

    def _write(self, text: str) -> None:
        self.stream.write("\r" + text.ljust(self.width))
        self.stream.flush()
        self.width = len(text)

    def _end(self) -> None:
        self.stream.write("\n")
        self.stream.flush()
        self.width = 0
