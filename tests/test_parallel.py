"""The thread team: same bits for any number of threads, fork, concurrent callers, other pools in the process."""

import hashlib
import os
import threading
import time

import numpy as np
import pytest

import autograd
from autograd import kernels, nn, optim

THREADS = (1, 2, 3, 8)
rng = np.random.default_rng(0)


def normal(*shape, dtype=np.float32):
    return rng.standard_normal(shape).astype(dtype)


@pytest.fixture(autouse=True)
def restore_threads():
    before = kernels.get_num_threads()
    yield
    kernels.set_num_threads(before)


@pytest.fixture(params=kernels.isas())
def isa(request):
    before = kernels.isa()
    kernels.set_isa(request.param)
    yield request.param
    kernels.set_isa(before)


def bits_for_all_threads(run):
    results = []
    for threads in THREADS:
        kernels.set_num_threads(threads)
        results.append(run().tobytes())
    return results


# The last two have a result that is turned.
SIZES = [(97, 130, 65), (300, 700, 129), (5, 2000, 300), (513, 33, 7), (3, 90, 999), (60, 900, 700), (2000, 300, 19)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("m, k, n", SIZES)
def test_matmul_has_the_same_bits_for_any_number_of_threads(isa, dtype, m, k, n):
    a, b = normal(m, k, dtype=dtype), normal(k, n, dtype=dtype)
    for x, y in ((a, b), (np.asfortranarray(a), b), (a, np.asfortranarray(b))):
        results = bits_for_all_threads(lambda x=x, y=y: kernels.matmul(x, y))
        assert results == results[:1] * len(THREADS)


# N, C, H, K, R, stride, padding, dilation, groups
CONVOLUTIONS = [
    (5, 16, 13, 33, 3, 1, 1, 1, 1),
    (9, 3, 17, 64, 5, 2, 2, 1, 1),
    (16, 40, 4, 70, 3, 1, 1, 1, 1),
    (3, 64, 20, 32, 1, 1, 0, 1, 1),
    (4, 24, 15, 24, 3, 1, 1, 2, 24),
    (4, 24, 15, 48, 3, 2, 1, 1, 4),
    (5, 40, 15, 40, 3, 1, 1, 1, 10),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n, c, h, k, r, stride, padding, dilation, groups", CONVOLUTIONS)
def test_convolution_has_the_same_bits_for_any_number_of_threads(
    isa, dtype, n, c, h, k, r, stride, padding, dilation, groups
):
    x, w = normal(n, c, h, h, dtype=dtype), normal(k, c // groups, r, r, dtype=dtype)
    settings = ((stride,) * 2, (padding,) * 2, (dilation,) * 2, groups)
    g = normal(*kernels.conv2d(x, w, None, *settings).shape, dtype=dtype)
    for run in (
        lambda: kernels.conv2d(x, w, None, *settings),
        lambda: kernels.conv2d_grad_x(g, w, x.shape, *settings),
        lambda: kernels.conv2d_grad_w(g, x, w.shape, *settings),
    ):
        results = bits_for_all_threads(run)
        assert results == results[:1] * len(THREADS)


CALLS = {
    "matmul": lambda x: x @ x,
    "linear": lambda x: nn.functional.linear(x, x),
    "linear_grad_w": lambda x: kernels.linear_grad_w(x.array, x.array),
    "conv2d": lambda x: nn.functional.conv2d(x.reshape(1, 400, 20, 20), x[:, :, None, None]),
}


def shared(call, threads):
    """The processor time of all threads over that of the caller."""
    kernels.set_num_threads(threads)
    everybody, caller = time.process_time(), time.thread_time()
    for _ in range(30):
        call()
    return (time.process_time() - everybody) / (time.thread_time() - caller)


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_products_use_the_threads_that_they_may(call):
    x = autograd.ones(400, 400)
    assert any(shared(lambda: call(x), 2) > 1.1 for _ in range(50))
    assert any(shared(lambda: call(x), 1) < 1.05 for _ in range(50))


def test_a_small_step_stays_with_the_thread_that_did_all_else():
    start = [normal(60_000) for _ in range(3)]
    bits = set()
    for threads, beside in ((1, None), (2, None), (2, CALLS["linear"])):
        arrays = [[array.copy()] for array in start]
        x = autograd.ones(400, 400)

        def step(arrays=arrays, beside=beside, x=x):
            if beside:
                beside(x)
            kernels.sgd_step(*arrays, 1e-3, 0.9)

        ratios = [shared(step, threads) for _ in range(5)]
        assert beside or min(ratios) < 1.05
        bits.add(arrays[0][0].tobytes())
    assert len(bits) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_makes_its_own_team():
    kernels.set_num_threads(3)
    a, b = normal(200, 300), normal(300, 200)
    expected = kernels.matmul(a, b).tobytes()
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            same = all(kernels.matmul(a, b).tobytes() == expected for _ in range(20))
            os._exit(0 if same else 1)
        assert kernels.matmul(a, b).tobytes() == expected
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork_while_another_thread_computes():
    kernels.set_num_threads(2)
    a = normal(300, 300)
    expected = kernels.matmul(a, a).tobytes()
    stop = threading.Event()

    def compute():
        while not stop.is_set():
            kernels.matmul(a, a)

    thread = threading.Thread(target=compute)
    thread.start()
    try:
        for _ in range(5):
            pid = os.fork()
            if pid == 0:
                os._exit(0 if kernels.matmul(a, a).tobytes() == expected else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    finally:
        stop.set()
        thread.join()


def test_concurrent_callers_get_their_own_results():
    kernels.set_num_threads(3)
    inputs = [(normal(150, 200), normal(200, 90 + i)) for i in range(4)]
    expected = [kernels.matmul(a, b).tobytes() for a, b in inputs]
    wrong = []

    def compute(i):
        for _ in range(30):
            if kernels.matmul(*inputs[i]).tobytes() != expected[i]:
                wrong.append(i)

    threads = [threading.Thread(target=compute, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_changing_the_number_of_threads_while_computing():
    a = normal(250, 250)
    expected = kernels.matmul(a, a).tobytes()
    stop = threading.Event()

    def change():
        while not stop.is_set():
            for threads in THREADS:
                kernels.set_num_threads(threads)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        assert all(kernels.matmul(a, a).tobytes() == expected for _ in range(100))
    finally:
        stop.set()
        thread.join()


def test_a_batch_of_products_nests_parallel_loops():
    a, b = normal(9, 120, 300), normal(9, 300, 130)
    results = bits_for_all_threads(lambda: kernels.matmul(a, b))
    assert results == results[:1] * len(THREADS)
    singles = b"".join(kernels.matmul(a[i], b[i]).tobytes() for i in range(9))
    assert singles == results[0]


def test_beside_another_pool_in_the_process():
    torch = pytest.importorskip("torch")
    a = normal(256, 256)
    other = torch.from_numpy(a)
    kernels.set_num_threads(2)
    expected = kernels.matmul(a, a).tobytes()
    for _ in range(20):
        other @ other
        assert kernels.matmul(a, a).tobytes() == expected


def test_number_of_threads_is_checked():
    with pytest.raises(ValueError):
        kernels.set_num_threads(0)
    kernels.set_num_threads(10**6)
    assert 1 <= kernels.get_num_threads() < 10**6


def trained(threads):
    """The bytes of all parameters and statistics after a few steps of a small residual net."""
    kernels.set_num_threads(threads)
    autograd.manual_seed(0)
    stem, block = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1, bias=False)
    bn, head = nn.BatchNorm2d(16), nn.Linear(16, 10)
    layers = nn.ModuleList([stem, block, bn, head])
    optimizer = optim.SGD(layers.parameters(), lr=0.05, momentum=0.9)
    data = np.random.default_rng(1)
    for n in (24, 7, 24):
        x = autograd.tensor(data.standard_normal((n, 3, 28, 28)).astype(np.float32))
        h = stem(x).relu()
        h = autograd.batch_norm_relu(block(h), bn.running_mean, bn.running_var, bn.weight, bn.bias, h, training=True)
        h = nn.functional.max_pool2d(h, 3, 2, 1)
        h = nn.functional.layer_norm(h + nn.functional.avg_pool2d(h, 3, 1, 1), h.shape[1:])
        loss = nn.functional.cross_entropy(head(nn.functional.adaptive_avg_pool2d(h, 1).flatten(1)), labels_of(n))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return b"".join(v.numpy().tobytes() for v in layers.state_dict().values())


def labels_of(n):
    return autograd.tensor(np.arange(n) % 10)


def test_training_has_the_same_bits_for_any_number_of_threads(isa):
    hashes = {hashlib.sha256(trained(threads)).hexdigest() for threads in THREADS}
    assert len(hashes) == 1


def test_flushing_subnormal_numbers_reaches_all_threads():
    x = np.full(1 << 20, 1e-40, np.float32)
    assert bits_for_all_threads(lambda: kernels.add(x, x)) == [(x + x).tobytes()] * len(THREADS)
    if not autograd.set_flush_denormal(True):
        pytest.skip("this CPU cannot")
    try:
        assert bits_for_all_threads(lambda: kernels.add(x, x)) == [bytes(x.nbytes)] * len(THREADS)
    finally:
        autograd.set_flush_denormal(False)
    assert bits_for_all_threads(lambda: kernels.add(x, x)) == [(x + x).tobytes()] * len(THREADS)
