"""What must not crash, hang or lose numbers. Every fault and the test that shows what happens instead:

memory layouts (strided, misaligned, big-endian, read-only, 0)     test_ops::test_check[layouts], test_layout;
    of every op, composites included                              here: test_layouts_are_checked_for_every_op
None, objects, complex numbers, wrong shapes                      test_ops::test_check[errors]
NaN as labels, labels out of range                                here: test_labels_that_name_no_class
sizes of zero                                                     test_ops::test_check[empty]
    whole models                                                  here: test_a_batch_of_nothing_trains
kernel, stride, padding, dilation, groups; products beyond 2**63  here: test_sizes_out_of_range..., ..._64_bits
kernel larger than the input                                      here: test_kernels_larger_than_the_input
NaN, -inf and ties in every lane of relu and max-pool             here: test_nan_and_infinity_in_every_lane
    NaN in every other op; ties whatever the threads              test_ops::test_check[NaN], [threads]
subnormals flushed by link flags                                  here: test_subnormals_survive_the_import
10**6 nodes: backward, release                                    test_tape::test_a_million_nodes, test_an_abandoned_...
exception in a hook, in a rule                                    test_tape_lifetime::test_exception_in_a_hook, ..._rule
two threads in backward                                           test_tape::test_two_threads_on_one_graph
memory over 10**4 steps                                           here: test_memory_is_flat_...
Ctrl-C in long kernels                                            test_interrupt
fork                                                              test_parallel::test_a_forked_child_...
kill -9 while saving                                              test_io::test_kill_while_saving_...
full disk, truncation, damage                                     test_io::test_a_full_disk_..., test_truncation_...
resume has the same bits                                          test_train::test_resume_after_kill_9_...
reads and writes beyond an array                                  test_guard
"""

import subprocess
import sys

import numpy as np
import pytest

import autograd as ag
import autograd.nn.functional as F
from autograd import kernels, nn, optim
from autograd.checking.opcheck import check_op
from autograd.errors import DTypeError, ShapeError
from autograd.op import registry
from autograd.vision.models import get_model, model_entry

X, W = np.ones((2, 4, 6, 6), np.float32), np.ones((4, 4, 3, 3), np.float32)
LARGE = [
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "googlenet", "inception_v3", "mobilenet_v2",
    "mobilenet_v3_small", "resnet18", "vgg11_bn", "vit_b_32",
]  # fmt: skip
FAMILIES = [
    "digits_cnn", "lenet5", "mlp", "resnet20", "shufflenet_v2_x0_5", "small_cnn", "squeezenet1_1",
    *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE),
]  # fmt: skip
WINDOWED = {
    "conv2d": (lambda **a: F.conv2d(X, W, **a), ("stride", "padding", "dilation", "groups")),
    "conv_transpose2d": (
        lambda **a: F.conv_transpose2d(X, W, **a),
        ("stride", "padding", "output_padding", "dilation", "groups"),
    ),
    "max_pool2d": (
        lambda kernel_size=2, **a: F.max_pool2d(X, kernel_size, **a),
        ("kernel_size", "stride", "padding", "dilation"),
    ),
    "avg_pool2d": (lambda kernel_size=2, **a: F.avg_pool2d(X, kernel_size, **a), ("kernel_size", "stride", "padding")),
    "adaptive_avg_pool2d": (lambda **a: F.adaptive_avg_pool2d(X, **a), ("output_size",)),
    "adaptive_max_pool2d": (lambda **a: F.adaptive_max_pool2d(X, **a), ("output_size",)),
}


@pytest.mark.parametrize("name, argument", [(n, a) for n, (_, names) in WINDOWED.items() for a in names])
@pytest.mark.parametrize("value", [0, -1, 2**31 - 1, 2**62, 2**70, 1.5, "a", (1, 2, 3), (1, -1), (2**62, 2**62)])
def test_sizes_out_of_range_are_typed_errors(name, argument, value):
    """Neither a signal (division by zero, a product beyond 63 bits) nor an error that does not name the op."""
    fine = (value == 0 and "padding" in argument) or (value == 2**31 - 1 and argument == "stride")
    if (fine and name != "conv_transpose2d") or (value == 0 and "padding" in argument):
        assert WINDOWED[name][0](**{argument: value}).shape[:2] == (2, 4)
        return
    with pytest.raises((ShapeError, DTypeError, MemoryError)) as caught:
        WINDOWED[name][0](**{argument: value})
    if not isinstance(caught.value, MemoryError):
        assert name in str(caught.value)


def test_kernels_larger_than_the_input():
    small = np.ones((2, 4, 2, 2), np.float32)
    for call in (lambda: F.conv2d(small, W), lambda: F.max_pool2d(small, 3), lambda: F.avg_pool2d(small, 3)):
        with pytest.raises(ShapeError, match="2d"):
            call()


@pytest.mark.parametrize("call", [lambda: ag.zeros(2**62, 4), lambda: ag.ones(2**40, 2**40), lambda: ag.rand(2**61)])
def test_tensors_beyond_64_bits(call):
    with pytest.raises(ShapeError, match=r"2\*\*60"):
        call()


# --------------------------------------------------------------------------------------------- batches of nothing


@pytest.mark.parametrize("train", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", FAMILIES)
def test_a_batch_of_nothing_trains(name, train):
    """Forward, zero gradients, an optimizer step; running statistics stay finite."""
    size = min(model_entry(name).size, max(64, model_entry(name).min_size))
    model = get_model(name, 10, 3, image_size=size).train(train)
    x = ag.zeros(0, 3, size, size, requires_grad=True)
    scores = model(x)
    heads = scores if isinstance(scores, tuple) else (scores,)
    assert all(head.shape == (0, 10) for head in heads)
    sum(F.cross_entropy(head, np.zeros(0, np.int64), reduction="sum") for head in heads).backward()
    assert x.grad.shape == x.shape
    used = [p for name, p in model.named_parameters() if len(heads) > 1 or "aux" not in name.lower()]
    assert all(p.grad.shape == p.shape and not p.grad.array.any() for p in used)
    optim.SGD(model.parameters(), lr=0.1, momentum=0.9).step()
    assert all(np.isfinite(np.asarray(value)).all() for value in model.state_dict().values())


# --------------------------------------------------------------------------------------------- labels, layouts


@pytest.mark.parametrize("loss", [F.cross_entropy, lambda x, y: F.nll_loss(F.log_softmax(x, 1), y)])
@pytest.mark.parametrize(
    "labels, error",
    [
        ([0.0, np.nan, 1.0], DTypeError),
        ([0, 3, 1], ShapeError),
        ([0, -1, 1], ShapeError),
        ([0, 2**40, 1], ShapeError),
        ([0, 1], ShapeError),
        ([0, None, 1], DTypeError),
        (None, DTypeError),
    ],
)
def test_labels_that_name_no_class(loss, labels, error):
    with pytest.raises(error):
        loss(ag.zeros(3, 3), labels if labels is None else np.array(labels))


@pytest.mark.parametrize("record", [pytest.param(r, id=n) for n, r in registry().items() if not r.random])
def test_layouts_are_checked_for_every_op(record):
    """That check passes over what it cannot judge; it must not pass over an op."""
    if record.module.startswith("autograd."):
        assert check_op(record, 16, seed=2, checks=["layouts"]).runs.get("layouts"), "no case was checked"


# -------------------------------------------------------------------------------- NaN, ties, indices of maxima


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_indices_handed_out_are_the_users_own(dtype):
    """What a user does to them must not reach the backward pass."""
    x = ag.tensor(np.arange(16.0, dtype=dtype).reshape(1, 1, 4, 4), requires_grad=True)
    y, index = F.max_pool2d(x, 2, return_indices=True)
    index.zero_()
    y.sum().backward()
    assert x.grad.numpy().ravel().nonzero()[0].tolist() == [5, 7, 13, 15]


@pytest.mark.parametrize("isa", kernels.isas())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nan_and_infinity_in_every_lane(isa, dtype):
    """The vector body and its tail agree: relu and max-pool keep NaN, -inf has an index, ties take the first."""
    kernels.set_isa(isa)
    channels = 2 * kernels.lanes(np.dtype(dtype).itemsize) + 3
    for c in range(channels):
        x = np.zeros((1, channels, 2, 2), dtype)
        x[0, c, 1, 0] = np.nan
        y, index = F.max_pool2d(x, 2, return_indices=True)
        assert np.isnan(y.array[0, c, 0, 0]) and np.isnan(y.array).sum() == 1
        assert index.array[0, c, 0, 0] == 2 and np.delete(index.array.ravel(), c).tolist() == [0] * (channels - 1)
        assert np.isnan(F.relu(x).array).sum() == 1
    y, index = F.max_pool2d(np.full((1, channels, 2, 2), -np.inf, dtype), 2, return_indices=True)
    assert (y.array == -np.inf).all() and (index.array == 0).all()


# --------------------------------------------------------------------------------------------- the process


def test_subnormals_survive_the_import():
    """Flags like -ffast-math would flush them in the whole process."""
    code = """
import numpy as np
import autograd as ag
x = np.full(37, 1e-40, np.float32)
assert (x * np.float32(1) == x).all() and (x / 2 > 0).all()
for isa in ag.kernels.isas():
    ag.kernels.set_isa(isa)
    assert (ag.mul(x, 1.0).array == x).all() and ag.sum(x).item() > 3e-39
    assert ag.matmul(x[None], np.ones((37, 5), np.float32)).array.min() > 3e-39
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_is_flat_over_ten_thousand_steps(rng):
    """Batch sizes change from step to step: no cache keyed by shape may grow."""
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 10)
    )
    optimizer = optim.AdamW(model.parameters())
    x, y = rng.standard_normal((64, 1, 8, 8)).astype(np.float32), rng.integers(0, 10, 64)
    sizes = []
    for step in range(10_001):
        n = 1 + step % 61
        optimizer.zero_grad()
        F.cross_entropy(model(x[:n]), y[:n]).backward()
        optimizer.step()
        if step % 1000 == 0:
            sizes.append(resident())
    assert max(sizes[3:]) - sizes[2] < 1 << 20, sizes
