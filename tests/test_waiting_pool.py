"""A batch norm that the max pooling after it applies while reading, so that nobody writes what is between them."""

import sys

import norms
import numpy as np
import pytest
import test_guard
from norms import as_one, check_threads, in_place, plain, relu, relu6

import autograd as ag
from autograd import kernels, nn
from autograd.backends import flags
from autograd.nn import functional as F
from autograd.waiting import waits_for

CHANNELS = 40  # whole vectors and, with the longest, a part of one


FORMS = [plain, relu, in_place, as_one, relu6]


class Step(norms.Step):
    """A convolution, a batch norm of its result, max pooling and a loss."""

    def __init__(self, form=relu, channels=CHANNELS, size=(3, 9, 11), dtype="float32", pool=F.max_pool2d, **window):
        ag.manual_seed(0)
        n, h, w = size
        self.form, self.pool, self.window = form, pool, {"kernel_size": 3, "stride": 2, "padding": 1, **window}
        self.x = ag.randn(n, 3, h, w, dtype=dtype, requires_grad=True)
        self.conv = nn.Conv2d(3, channels, 3, padding=1, bias=False).to(dtype)
        self.bn = nn.BatchNorm2d(channels).to(dtype)
        with ag.no_grad():
            self.bn.weight.uniform_(-1, 4)
            self.bn.bias.uniform_(-1, 3)

    def forward(self):
        self.between = self.form(self.bn, self.conv(self.x))
        self.out = self.pool(self.between, **self.window)
        return (self.out * self.out).sum()


def apart(*args, **options):
    return Step(*args, **options).apart()


OPTIONS = [
    {},
    {"kernel_size": 2, "padding": 0},
    {"kernel_size": 2, "padding": 0, "ceil_mode": True},
    {"padding": 0, "ceil_mode": True},
    {"stride": (3, 2), "padding": (0, 1)},
    {"dilation": 2},
    {"kernel_size": 2, "stride": 3, "padding": 1, "dilation": (1, 2)},
    {"channels": 64, "size": (2, 28, 30)},
    {"channels": 256, "size": (2, 6, 6), "kernel_size": 2, "padding": 0},
    {"size": (2, 2, 2)},
    {"pool": F.max_pool2d_relu},
]
FEW = [{"channels": c, "size": (2, 12, 13)} for c in (1, 3, 5, 8, 13, 37)]


@pytest.mark.parametrize("form", FORMS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_same_bits(options, dtype, form):
    step = Step(form, dtype=dtype, **options)
    step.forward().backward()
    assert waits_for(step.between) is not None  # neither pass needed it
    np.testing.assert_equal(step.outcome(), apart(form, dtype=dtype, **options))


@pytest.mark.parametrize("isa", kernels.isas())
@pytest.mark.parametrize("options", [{}, *FEW], ids=str)
def test_with_any_instruction_set(options, isa):
    """Where vectors are short, only channels that fill them are normalised by the pooling."""
    kernels.set_isa(isa)
    step = Step(**options)
    step.forward().backward()
    whole = step.bn.num_features % kernels.lanes(4) == 0
    assert (waits_for(step.between) is not None) == (whole or kernels.lanes(4) >= 8)
    np.testing.assert_equal(step.outcome(), apart(**options))


OTHERS = [
    {"stride": 1},
    {"stride": (2, 1)},
    {"kernel_size": 5, "padding": 2},
    {"kernel_size": (2, 3)},
    {"kernel_size": 1, "padding": 0},
]


@pytest.mark.parametrize("options", OTHERS, ids=str)
def test_other_windows_get_it_computed(options):
    step = Step(**options)
    step.forward().backward()
    assert waits_for(step.between) is None
    np.testing.assert_equal(step.outcome(), apart(**options))


def test_any_number_of_threads():
    check_threads(lambda: Step(channels=97, size=(3, 28, 28)))


def test_layers_in_sequence():
    """The list of steps that nn.Sequential makes joins neighbours in other ways, too."""
    norm, relu, pool = nn.BatchNorm2d(CHANNELS), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
    for layers in ([norm, relu, pool], [norm, pool, relu], [norm, nn.ReLU6(), pool], [norm, pool], [relu, pool]):
        found = []
        for fusion in (True, False):
            ag.manual_seed(0)
            model = nn.Sequential(nn.Conv2d(3, CHANNELS, 3, padding=1), *layers)
            x = ag.randn(2, 3, 12, 13, requires_grad=True)
            with flags(fusion=fusion):
                y = model(x)
                (y * y).sum().backward()
            found.append([y.detach().numpy().copy(), x.grad.numpy().copy(), model[0].weight.grad.numpy().copy()])
        np.testing.assert_equal(found[0], found[1])


def cases(seeds):
    """x, what batch_norm_apply makes of it, and a window: with ties, NaN and infinities, next to forbidden memory."""
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        dtype, at_end = (np.float32, np.float64)[seed % 2], bool(seed % 3)
        n, c, h, w = rng.integers(1, [3, 50, 12, 12])
        x = rng.integers(-3, 4, (n, h, w, c)).astype(dtype)
        x[rng.random(x.shape) < (0, 0, 0.01, 0.3)[seed % 4]] = rng.choice([np.nan, np.inf, -np.inf])
        vectors = [rng.choice([-2, -0.5, 0, 1, 3], c).astype(dtype) for _ in range(3)]
        x, *vectors = (test_guard.guarded(a, at_end) for a in (x, *vectors))
        side, dilation = int(rng.integers(1, 5)), int(rng.integers(1, 3))
        padding = int(rng.integers(0, side // 2 + 1))
        if dilation * (side - 1) < min(h, w) + 2 * padding:
            window = (side, int(rng.integers(1, 4)), padding, dilation, bool(rng.integers(2)))
            yield (x.transpose(0, 3, 1, 2), *vectors, None, int(rng.choice([0, 1, 6]))), window


def check(seeds):
    """max_pool2d of what batch_norm_apply would return, whether it is good at it or not."""
    for isa in kernels.isas():
        kernels.set_isa(isa)
        for norm, window in cases(seeds):
            print(f"\r{isa} {norm[0].shape} {norm[0].dtype} {norm[-1]} {window}", end="", file=sys.stderr)
            with np.errstate(all="ignore"):
                for pool in (kernels.max_pool2d, kernels.max_pool2d_relu):
                    expected = pool(kernels.batch_norm_apply(*norm), *window)
                    for a, b in zip(pool(norm[0], *window, norm=norm), expected):
                        np.testing.assert_array_equal(a, b)
                        np.testing.assert_array_equal(np.signbit(a), np.signbit(b))


def test_the_kernel_with_ties_and_numbers_that_are_none():
    done = test_guard.run("import test_waiting_pool; test_waiting_pool.check(150)")
    assert done.returncode == 0, f"exit {done.returncode}; {done.stderr[-600:]}"


def test_whoever_looks_sees_the_result():
    step = Step()
    loss = step.forward()
    assert waits_for(step.between) is not None
    expected = np.maximum(step.bn(step.conv(step.x.detach())).detach().numpy(), 0)
    np.testing.assert_array_equal(step.between.detach().numpy(), expected)
    loss.backward()
    np.testing.assert_equal(step.outcome(), apart())


def test_places_of_maxima():
    step = Step()
    y, index = F.max_pool2d(step.form(step.bn, step.conv(step.x)), **step.window, return_indices=True)
    with flags(fusion=False):
        between = step.form(step.bn, step.conv(step.x))
        expected = F.max_pool2d(between, **step.window, return_indices=True)
    np.testing.assert_array_equal(y.detach().numpy(), expected[0].detach().numpy())
    np.testing.assert_array_equal(index.numpy(), expected[1].numpy())


def test_another_use_and_changes_in_place():
    step = Step()
    loss = step.forward() + (step.between * 2).sum()
    assert waits_for(step.between) is None
    loss.backward()
    assert np.any(step.x.grad.numpy() != apart()[1])

    step = Step(form=lambda bn, z: relu(bn, setattr(step, "z", z) or z))
    loss = step.forward()
    with ag.no_grad():
        step.z += 1
    expected = np.maximum(step.bn(step.conv(step.x.detach())).detach().numpy(), 0)
    np.testing.assert_array_equal(step.between.detach().numpy(), expected)
    with pytest.raises(ag.GraphError, match="batch_norm"):
        loss.backward()


def test_second_derivatives():
    found = []
    for fusion in (True, False):
        step = Step()
        with flags(fusion=fusion):
            (gx,) = ag.grad(step.forward(), [step.x], create_graph=True)
            (gx * gx).sum().backward()
        found.append(step.outcome())
    np.testing.assert_equal(found[0], found[1])


def test_a_wrong_window_is_the_pooling_s_to_refuse():
    step = Step(padding=2)
    with pytest.raises(ag.ShapeError, match="max_pool2d: padding 2 is more than half"):
        step.forward()
