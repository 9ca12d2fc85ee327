"""Ctrl-C while a kernel runs: the handler runs within half a second, and no unfinished result is seen."""

import os
import signal
import threading
import time

import numpy as np
import pytest

import autograd as ag
import autograd.nn.functional as F
from autograd import kernels

LIMIT = 0.5


def slow_calls():
    """Calls that take half a second or more on one core."""
    square = np.ones((4096, 4096), np.float32)
    x = np.ones((64, 64, 112, 112), np.float32)
    weights = {size: np.ones((256, 64, size, size), np.float32) for size in (1, 3, 7)}
    u = np.ones((64, 112, 112, 256), np.float32).transpose(0, 3, 1, 2)  # as a kernel's result is in memory
    same = ((1, 1), (1, 1), (1, 1), 1)
    stack = np.ones((16, 2048, 2048), np.float32)
    return {
        "matmul": lambda: kernels.matmul(square, square),
        "batched matmul": lambda: kernels.matmul(stack, square[:2048, :2048]),
        "conv2d 1x1": lambda: F.conv2d(x, np.ones((1024, 64, 1, 1), np.float32)),
        "conv2d 3x3": lambda: F.conv2d(x, weights[3], padding=1),
        "conv2d 7x7": lambda: F.conv2d(x, weights[7], padding=3),
        "conv2d_grad_x": lambda: kernels.conv2d_grad_x(u, weights[3], x.shape, *same),
        "conv2d_grad_w": lambda: kernels.conv2d_grad_w(u, x, weights[3].shape, *same),
    }


class Wrong(Exception):
    """Raised by the handler of these tests."""


def interrupted(call, handler, after=0.1):
    """Runs a call that gets SIGINT meanwhile; returns seconds from the signal to the handler, and the result."""
    times = {}

    def handle(number, frame):
        times["answered"] = time.perf_counter()
        handler()

    def send():
        times["sent"] = time.perf_counter()
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, handle)
    timer = threading.Timer(after, send)
    try:
        timer.start()
        result = call()
        times["done"] = time.perf_counter()
    except Wrong:
        result = None
        times["done"] = time.perf_counter()
    finally:
        timer.join()
        time.sleep(0)  # a handler that has not run runs here
        signal.signal(signal.SIGINT, before)
    return times["answered"] - times["sent"], times["done"] - times["sent"], result


def fails():
    raise Wrong


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_long_kernels_answer(threads):
    kernels.set_num_threads(threads)
    for name, call in slow_calls().items():
        answer, end, result = interrupted(call, fails)
        print(f"{name}, {threads} threads: handler after {answer:.2f} s, raised after {end:.2f} s")
        assert result is None, f"{name}: the call was over before the signal"
        assert end < LIMIT, f"{name}: {end:.2f} s"


def product(n=1536, batch=3):
    a = np.arange(batch * n * n, dtype=np.float32).reshape(batch, n, n) % 7
    return lambda: kernels.matmul(a, a)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_handler_that_does_not_raise_changes_nothing(threads):
    kernels.set_num_threads(threads)
    call = product()
    want = call()
    nested = np.ones((96, 96), np.float32)
    _, _, got = interrupted(call, lambda: kernels.matmul(nested, nested), after=0.02)
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_gradients_stay_untouched_and_the_next_call_is_whole(threads):
    kernels.set_num_threads(threads)
    x = ag.ones(1536, 1536, requires_grad=True)
    y = x
    for _ in range(12):
        y = ag.matmul(y, x) * 1e-3
    _, _, result = interrupted(lambda: y.sum().backward() or True, fails, after=0.1)
    assert result is True or x.grad is None
    small = np.ones((300, 300), np.float32)
    np.testing.assert_array_equal(kernels.matmul(small, small), np.full((300, 300), 300, np.float32))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forking_while_the_main_thread_computes():
    """The forking thread holds the interpreter's lock, for which the main thread asks between tasks."""
    kernels.set_num_threads(2)
    children = []

    def fork():
        for _ in range(5):
            child = os.fork()
            if not child:
                os._exit(0)
            children.append(os.waitpid(child, 0)[1])
            time.sleep(0.02)

    thread = threading.Thread(target=fork)
    thread.start()
    call = product(1024)
    while thread.is_alive():
        call()
    thread.join()
    assert children == [0] * 5
