"""What ops cost: declared for every primitive, or one operation for each element of an elementwise result."""

import numpy as np
import pytest

from autograd import nn
from autograd.op import Record, registry
from autograd.ops.conv import conv2d, conv2d_grad_w, conv2d_grad_x
from autograd.ops.einsum import contract
from autograd.ops.linalg import linear, matmul
from autograd.ops.pool import max_pool2d_with_index
from autograd.sampling import Sampler
from autograd.train.summary import Work, summarize

PRIMITIVES = [
    pytest.param(r, id=n) for n, r in registry().items() if r.module.startswith("autograd.") and not r.composite
]


@pytest.mark.parametrize("record", PRIMITIVES)
def test_every_op_says_what_it_costs(record):
    for seed in range(8):
        args, attrs = record.samples(Sampler(seed))
        inputs, values = record.bind(args, attrs)
        arrays = [None if a is None else np.asarray(a) for a in inputs]
        work = Work()
        with work.counted():
            out = record.call(*args, **attrs)
        assert work.flops == record.count_flops(arrays, dict(zip(record.attrs, values)), out.array) >= 0
        if record.flops is None:
            shapes = [a.shape for a in arrays if a is not None]
            assert out.shape == np.broadcast_shapes(*shapes), "not elementwise: declare flops="


A, B = np.ones((4, 5), np.float32), np.ones((5, 3), np.float32)
X, W, BIAS = np.ones((2, 4, 6, 5), np.float32), np.ones((8, 2, 3, 1), np.float32), np.ones(8, np.float32)
CONV = {"padding": (1, 0), "groups": 2}
Y = np.ones((2, 8, 6, 5), np.float32)


@pytest.mark.parametrize(
    "call, products, sums",
    [
        (lambda: matmul(A, B), 4 * 3 * 5, 4 * 3 * 4),
        (lambda: matmul(A[0], B), 3 * 5, 3 * 4),
        (lambda: linear(A, B.T), 4 * 3 * 5, 4 * 3 * 4),
        (lambda: linear(A, B.T, BIAS[:3]), 4 * 3 * 5, 4 * 3 * 5),
        (lambda: contract(A, B, equation="ab,bc->ac"), 4 * 3 * 5, 4 * 3 * 4),
        (lambda: contract(A, A, equation="ab,ab->ab"), 4 * 5, 0),
        (lambda: conv2d(X, W, **CONV), Y.size * 6, Y.size * 5),
        (lambda: conv2d(X, W, BIAS, **CONV), Y.size * 6, Y.size * 6),
        (lambda: conv2d_grad_x(Y, W, x_shape=X.shape, **CONV), Y.size * 6, Y.size * 6),
        (lambda: conv2d_grad_w(Y, X, w_shape=W.shape, **CONV), Y.size * 6, Y.size * 6),
        (lambda: max_pool2d_with_index(X, kernel_size=(3, 2), stride=1), 0, 2 * 4 * 4 * 4 * 6),
    ],
)
def test_counted_by_hand(call, products, sums):
    work = Work()
    with work.counted():
        call()
    assert work.flops == products + sums


def test_counting_ends():
    before = matmul.forward
    with pytest.raises(ZeroDivisionError), Work().counted():
        raise ZeroDivisionError
    assert matmul.forward is before


def test_a_count_of_unknown_things_is_refused():
    with pytest.raises(TypeError, match="flops asks for 'z'"):
        Record(lambda x, y: x, name="planted", flops=lambda x, z: 0)


def test_summary_adds_up_ops_of_layers():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
    sizes = [layer.flops for layer in summarize(model, (1, 1, 6, 6))]
    assert sizes == [2 * 16 * 18, 2 * 2 * 16, 2 * 16, 2 * 4 * 4, 0]
