"""Switches for recording: no_grad, enable_grad, set_grad_enabled. Each is a context manager and a decorator."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import TracebackType
from typing import Any

from autograd import tape

is_grad_enabled: Callable[[], bool] = tape.grad_enabled


class _Mode:
    """Sets recording for a block, or for every call of a decorated function; nests and restores."""

    on: bool

    def __init__(self) -> None:
        self._before: list[bool] = []

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:  # `@no_grad` without parentheses
        mode = super().__new__(cls)
        if not callable(function):
            return mode
        mode._before = []
        return mode(function)

    def __enter__(self) -> None:
        self._before.append(tape.set_grad_enabled(self.on))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        tape.set_grad_enabled(self._before.pop())

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        on = self.on

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            before = tape.set_grad_enabled(on)
            try:
                return function(*args, **kwargs)
            finally:
                tape.set_grad_enabled(before)

        return run


class no_grad(_Mode):
    """Ops record nothing: for evaluation, and for changing parameters in place."""

    on = False


class enable_grad(_Mode):
    """Ops record, also inside a no_grad block."""

    on = True


class inference_mode(no_grad):
    """The same as no_grad, under PyTorch's other name."""


class set_grad_enabled(_Mode):
    """set_grad_enabled(on): takes effect at once, and until the end of the block when used in a `with`."""

    def __new__(cls, mode: bool) -> Any:  # type: ignore[override]
        return object.__new__(cls)

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self.on = bool(mode)
        self._first: bool | None = tape.set_grad_enabled(self.on)

    def __enter__(self) -> None:
        super().__enter__()
        if self._first is not None:
            self._before[-1], self._first = self._first, None

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if self._first is not None:
            tape.set_grad_enabled(self._first)
            self._first = None
        return super().__call__(function)
