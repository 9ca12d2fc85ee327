"""Background threads that fetch batches ahead of the consumer, in order.

Threads and not processes: fetching is NumPy, zlib and Pillow, which release the GIL, and nothing has to be copied
between address spaces.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")
Task: TypeAlias = Callable[[], Any]
_Errand: TypeAlias = "tuple[Future[Any], Task] | None"

JOIN_SECONDS = 5.0  # how long close() waits for threads that are in the middle of a batch


def taken(tasks: Iterator[T]) -> Iterator[T | Exception]:
    """The tasks; what their iterator (the sampler) raises comes as the last of them, after those under way."""
    try:
        yield from tasks
    except Exception as error:
        yield error


class Prefetcher(Iterator[Any]):
    """The results of `tasks`, in their order, computed by `workers` threads at most `window` tasks ahead.

    An exception of a task, or of the iterator of tasks, is raised at that task's turn with its own traceback. The
    threads end when the tasks do, at `close()`, or when the iterator is dropped.
    """

    def __init__(
        self, tasks: Iterator[Task], workers: int, window: int, on_start: Callable[[int], object] | None
    ) -> None:
        self._tasks = taken(tasks)
        self._window = window
        self._pending: deque[Future[Any]] = deque()
        self._queue: SimpleQueue[_Errand] = SimpleQueue()
        self._stop = threading.Event()
        self._pid = os.getpid()
        # Threads know the queue and not this object, so that dropping it is noticed. As daemons they cannot hold up the
        # end of the program, whatever a dataset is waiting for.
        self._threads: list[threading.Thread] = []
        for k in range(workers):
            args = (self._queue, self._stop, on_start, k)
            thread = threading.Thread(target=_work, args=args, name=f"autograd-data-{k}", daemon=True)
            thread.start()
            self._threads.append(thread)
        self._fill()

    def __next__(self) -> Any:
        if os.getpid() != self._pid:
            raise RuntimeError("DataLoader: the workers stayed in the parent of this fork; call iter(loader) here")
        self._fill()
        if not self._pending:
            self.close()
            raise StopIteration
        future = self._pending[0]
        try:
            return future.result()
        finally:
            if future.done():  # otherwise the wait was interrupted, and this batch is still to come
                self._pending.popleft()
                self._fill()
            del future  # the exception's traceback leads to this frame: no cycle

    def _fill(self) -> None:
        while len(self._pending) < self._window and (task := next(self._tasks, None)) is not None:
            future: Future[Any] = Future()
            if isinstance(task, Exception):
                future.set_exception(task)
            else:
                self._queue.put((future, task))
            self._pending.append(future)

    def close(self) -> None:
        """Stops the threads: each finishes the batch it is at, and the rest is dropped. Harmless when repeated."""
        self._tasks = iter(())
        self._pending.clear()
        self._stop.set()
        threads, self._threads = self._threads, []
        if os.getpid() != self._pid:
            return
        for _ in threads:
            self._queue.put(None)
        for thread in threads:
            if thread is not threading.current_thread():  # dropped by the garbage collector inside a worker
                thread.join(JOIN_SECONDS / len(threads))

    def __del__(self) -> None:
        if hasattr(self, "_threads"):
            self.close()


def _work(
    queue: SimpleQueue[_Errand], stop: threading.Event, on_start: Callable[[int], object] | None, number: int
) -> None:
    started = on_start is None
    while (errand := queue.get()) is not None and not stop.is_set():
        future, task = errand
        try:
            if not started and on_start is not None:
                on_start(number)
                started = True
            future.set_result(task())
        except BaseException as error:  # whatever it is, it belongs to the consumer
            future.set_exception(error)
        del errand, future, task  # hold no batch while waiting for the next
