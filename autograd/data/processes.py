"""Worker processes that fetch batches ahead of the consumer, in order: for datasets whose Python code holds the GIL.

Threads (:mod:`autograd.data.workers`) are cheaper where the work is NumPy's or Pillow's; here every batch is copied
between address spaces.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from typing import Any

from autograd.data.workers import taken

JOIN_SECONDS = 5.0

Fetch = Callable[..., Any]


class ProcessPrefetcher(Iterator[Any]):
    """fetch(*arguments) for the arguments in `tasks`, in their order, by `workers` processes at most `window` ahead.

    context: "fork", "spawn" or "forkserver"; with the last two, fetch is pickled once for every worker.
    An exception is raised at its task's turn; a process that died is a RuntimeError that names its pid and signal.
    """

    def __init__(
        self,
        fetch: Fetch,
        tasks: Iterator[tuple[Any, ...]],
        workers: int,
        window: int,
        context: str,
        on_start: Callable[[int], object] | None,
    ) -> None:
        self._tasks = taken(tasks)
        self._window = window
        self._pending: deque[int | BaseException] = deque()  # which worker has the batch, or what the sampler raised
        self._next = 0
        self._workers: list[tuple[Any, Connection]] = []
        started: Any = multiprocessing.get_context(context)
        try:
            for k in range(workers):
                ours, theirs = started.Pipe()
                # a forked process has our ends too: while it held them, no end of a pipe would be seen
                inherited = [pipe for _, pipe in self._workers] + [ours] if context == "fork" else []
                process = started.Process(target=_serve, args=(fetch, theirs, on_start, k, inherited), daemon=True)
                process.start()
                theirs.close()  # so that the end of the process is the end of the pipe
                self._workers.append((process, ours))
            self._fill()
        except BaseException:
            self.close()
            raise

    def __next__(self) -> Any:
        self._fill()
        if not self._pending:
            self.close()
            raise StopIteration
        turn = self._pending.popleft()
        if isinstance(turn, BaseException):
            raise turn
        process, pipe = self._workers[turn]
        wait([pipe, process.sentinel])
        try:
            good, value = pipe.recv()
        except (EOFError, ConnectionResetError):
            process.join(JOIN_SECONDS)
            message = f"DataLoader: worker process {process.pid} {_fate(process.exitcode)}"
            self.close()
            raise RuntimeError(message) from None
        self._fill()
        if not good:
            raise value
        return value

    def _fill(self) -> None:
        while len(self._pending) < self._window and (task := next(self._tasks, None)) is not None:
            if isinstance(task, Exception):
                self._pending.append(task)
                return
            with contextlib.suppress(OSError):  # the worker died: noticed when its batch is due
                self._workers[self._next][1].send(task)
            self._pending.append(self._next)
            self._next = (self._next + 1) % len(self._workers)

    def close(self) -> None:
        """Ends the processes. Harmless when repeated."""
        self._tasks = iter(())
        self._pending.clear()
        workers, self._workers = self._workers, []
        for _, pipe in workers:
            pipe.close()  # the worker sees the end of its tasks
        for process, _ in workers:
            process.join(JOIN_SECONDS / len(workers))
            if process.is_alive():
                process.kill()
                process.join()

    def __del__(self) -> None:
        if hasattr(self, "_workers"):
            self.close()


def _fate(code: int | None) -> str:
    if code is None:
        return "no longer answers"
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}" + (
            "; out of memory?" if -code == signal.SIGKILL else "; a crash in the dataset's native code?"
        )
    return f"ended with exit code {code} in the middle of its work"


def _serve(
    fetch: Fetch, pipe: Connection, on_start: Callable[[int], object] | None, number: int, inherited: list[Connection]
) -> None:
    """In the process: one answer (worked, batch or exception) for every task, until the pipe ends."""
    from autograd import kernels

    for other in inherited:
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    kernels.set_num_threads(1)
    started = on_start is None
    while True:
        try:
            task = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            if not started and on_start is not None:
                on_start(number)
                started = True
            answer: tuple[bool, Any] = (True, fetch(*task))
        except BaseException as error:
            answer = (False, _sendable(error))
        try:
            pipe.send(answer)
        except (BrokenPipeError, ConnectionResetError):
            return
        except Exception as error:  # the batch cannot be pickled
            pipe.send((False, TypeError(f"DataLoader: a batch cannot be sent between processes: {error}")))


def _sendable(error: BaseException) -> BaseException:
    """The exception with its traceback as text; of one that does not survive pickling, only the text."""
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    try:
        copy: BaseException = pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(text)
    if hasattr(copy, "add_note"):
        copy.add_note("in a worker process:\n" + text)
    return copy
