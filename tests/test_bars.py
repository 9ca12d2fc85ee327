"""Bars on terminals."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from autograd import bars


class Terminal(io.StringIO):
    """Keeps what a terminal would get."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(params=[True, False], ids=["rich", "plain"])
def terminal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setattr(bars, "PATIENCE_SECONDS", -1.0)
    monkeypatch.setattr(bars, "REDRAW_SECONDS", 0.0)
    if not request.param:
        monkeypatch.setitem(__import__("sys").modules, "rich.console", None)
    return Terminal()


def test_the_bar_counts_and_the_items_pass(terminal: Terminal) -> None:
    assert list(bars.watched("abc", "letters", stream=terminal)) == ["a", "b", "c"]
    assert "letters  2 of 3  ETA 0:00" in terminal.getvalue()


def test_unknown_totals_and_errors_close_the_bar(terminal: Terminal) -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(bars.watched(broken(), "numbers", 0, terminal))
    assert "numbers" in terminal.getvalue()


def test_files_and_short_work_get_no_bar() -> None:
    stream, terminal = io.StringIO(), Terminal()
    assert list(bars.watched(range(3), "numbers", stream=stream)) == [0, 1, 2]
    assert list(bars.watched(range(3), "numbers", stream=terminal)) == [0, 1, 2]
    assert stream.getvalue() == terminal.getvalue() == ""


@pytest.mark.parametrize(("seconds", "text"), [(75.2, "1:15"), (3675, "1:01:15"), (0.4, "0:00")])
def test_clock(seconds: float, text: str) -> None:
    assert bars.clock(seconds) == text
