"""A batch norm that the convolution after it applies while reading: nobody can tell but by the clock."""

import norms
import numpy as np
import pytest
from norms import as_one, check_threads, plain, relu, relu6

import autograd as ag
from autograd import kernels, nn
from autograd.backends import flags
from autograd.nn import functional as F
from autograd.utils.checkpoint import checkpoint
from autograd.waiting import waits_for

CHANNELS = 37  # the last vector overlaps the one before, with any instruction set


class Step(norms.Step):
    """A batch norm, a convolution of its result and a loss."""

    def __init__(self, form=relu6, channels=CHANNELS, size=(3, 9, 11), dtype="float32", **options):
        options = {"kernel_size": 3, "padding": 1, "groups": channels, "bias": False, **options}
        ag.manual_seed(0)
        n, h, w = size
        self.form = form
        self.x = ag.randn(n, channels, h, w, dtype=dtype, requires_grad=True)
        self.bn = nn.BatchNorm2d(channels).to(dtype)
        self.conv = nn.Conv2d(channels, options.pop("out", channels), **options).to(dtype)
        with ag.no_grad():
            self.bn.weight.uniform_(0.5, 3)
            self.bn.bias.uniform_(-0.5, 3)

    def forward(self):
        self.between = self.form(self.bn, self.x * 1)
        self.out = self.conv(self.between)
        return (self.out * self.out).sum()


def apart(*args, **options):
    return Step(*args, **options).apart()


OPTIONS = [
    {},
    {"stride": 2},
    {"padding": 0},
    {"padding": 2, "bias": True},
    {"stride": (2, 1), "padding": (0, 1)},
    {"channels": 16},
    {"channels": 96, "size": (2, 30, 30), "stride": 2},
    {"channels": 145, "size": (2, 5, 40)},
    {"channels": 35, "size": (4, 1, 1)},
    {"groups": 1},
    {"groups": 1, "padding": 0, "bias": True},
    {"groups": 1, "padding": 2},
    {"groups": 1, "out": 20, "channels": 48, "size": (2, 14, 30)},
    {"groups": 1, "channels": 300, "out": 290, "size": (2, 5, 7)},  # in groups of channels
    {"groups": 1, "channels": 16, "size": (40, 16, 16)},
]


@pytest.mark.parametrize("form", [plain, relu, as_one, relu6], ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_same_bits(options, dtype, form):
    step = Step(form, dtype=dtype, **options)
    step.forward().backward()
    if step.conv.in_channels == CHANNELS and (dtype == "float32" or step.conv.groups > 1):
        assert waits_for(step.between) is not None  # neither pass needed it
    np.testing.assert_equal(step.outcome(), apart(form, dtype=dtype, **options))


OTHERS = [
    {"groups": 1, "stride": 2},
    {"groups": 1, "dilation": 2},
    {"kernel_size": 5, "padding": 2},
    {"dilation": 2},
    {"out": 2 * CHANNELS},
    {"padding": "same", "kernel_size": 2},
    {"kernel_size": 1, "padding": 0},
]


@pytest.mark.parametrize("options", OTHERS, ids=str)
def test_other_convolutions_get_it_computed(options):
    step = Step(**options)
    step.forward().backward()
    assert waits_for(step.between) is None
    np.testing.assert_equal(step.outcome(), apart(**options))


def test_any_number_of_threads():
    check_threads(lambda: Step(channels=97, size=(3, 28, 28)))


def test_the_kernel_refuses_nothing_it_was_asked_for():
    """Where it fits, conv2d and conv2d_grad_w of what batch_norm_apply would return."""
    rng = np.random.default_rng(0)
    x = kernels.batch_norm_apply(rng.standard_normal((2, CHANNELS, 6, 7)), *np.ones((3, CHANNELS)))
    w = rng.standard_normal((CHANNELS, 1, 3, 3))
    norm = (x, *rng.standard_normal((3, CHANNELS)), None, 6)
    y = kernels.batch_norm_apply(*norm)
    assert kernels.conv2d_normalizes(x, w, None, 1, 1, 1, CHANNELS, norm=norm)
    out = kernels.conv2d(x, w, None, 1, 1, 1, CHANNELS, norm=norm)
    np.testing.assert_array_equal(out, kernels.conv2d(y, w, None, 1, 1, 1, CHANNELS))
    assert kernels.conv2d_grad_w_normalizes(out, x, w.shape, 1, 1, 1, CHANNELS, norm=norm)
    gw = kernels.conv2d_grad_w(out, x, w.shape, 1, 1, 1, CHANNELS, norm=norm)
    np.testing.assert_array_equal(gw, kernels.conv2d_grad_w(out, y, w.shape, 1, 1, 1, CHANNELS))


@pytest.mark.parametrize("form", [plain, relu, as_one, relu6], ids=lambda f: f.__name__)
@pytest.mark.parametrize("groups", [1, CHANNELS])
def test_a_gradient_rule_is_no_look(groups, form):
    """The batch norm's own reads z, which the value in between is still to be computed from."""
    step = Step(groups=groups)
    z = step.conv(step.x)
    between = form(step.bn, z)
    (step.conv(between) ** 2).sum().backward()
    assert waits_for(between) is not None and z.shape == between.shape


def test_an_algorithm_that_is_switched_off_in_between():
    """The kernel was asked before, and is called with a norm that it no longer takes."""
    rng = np.random.default_rng(0)
    x = kernels.batch_norm_apply(rng.standard_normal((2, 32, 12, 12)).astype("f"), *np.ones((3, 32), "f"))
    w = rng.standard_normal((32, 32, 3, 3)).astype("f")
    norm = (x, *rng.standard_normal((3, 32)).astype("f"), None, 1)
    assert kernels.conv2d_normalizes(x, w, None, 1, 1, norm=norm)
    with flags(winograd=False):
        assert not kernels.conv2d_normalizes(x, w, None, 1, 1, norm=norm)
        y = kernels.batch_norm_apply(*norm)
        np.testing.assert_array_equal(kernels.conv2d(x, w, None, 1, 1, norm=norm), kernels.conv2d(y, w, None, 1, 1))
        found = kernels.conv2d_grad_w(x, x, w.shape, 1, 1, norm=norm)
        np.testing.assert_array_equal(found, kernels.conv2d_grad_w(x, y, w.shape, 1, 1))


def test_whoever_looks_sees_the_result():
    step = Step()
    loss = step.forward()
    expected = np.clip(step.bn(step.x.detach()).detach().numpy(), 0, 6)
    np.testing.assert_array_equal(step.between.detach().numpy(), expected)
    loss.backward()
    np.testing.assert_equal(step.outcome(), apart())


def test_another_use_and_another_sweep():
    step = Step()
    loss = step.forward() + (step.between * 2).sum()
    assert waits_for(step.between) is None
    loss.backward()
    assert np.any(step.x.grad.numpy() != apart()[1])

    step = Step()
    loss = step.forward()
    loss.backward(retain_graph=True)
    loss.backward()
    expected = apart()
    np.testing.assert_equal(step.outcome()[1:3], [2 * g for g in expected[1:3]])


def test_a_frozen_weight_and_one_gradient_alone():
    expected = apart()
    step = Step()
    step.conv.weight.requires_grad_(False)
    step.forward().backward()
    np.testing.assert_array_equal(step.x.grad.numpy(), expected[1])
    step = Step()
    (gw,) = ag.grad(step.forward(), [step.conv.weight])
    np.testing.assert_array_equal(gw.numpy(), expected[2])


def test_changes_in_place_are_errors():
    step = Step()
    loss = step.forward()
    step.between += 1
    with pytest.raises(ag.GraphError, match="conv2d"):
        loss.backward()

    step = Step(form=lambda bn, z: relu6(bn, setattr(step, "z", z) or z))
    loss = step.forward()
    with ag.no_grad():
        step.z += 1
    np.testing.assert_array_equal(
        step.between.detach().numpy(), np.clip(step.bn(step.x.detach()).detach().numpy(), 0, 6)
    )
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


def test_checkpoints_anomaly_mode_and_saved_tensors():
    expected = apart()
    step = Step()
    out = checkpoint(lambda x: step.conv(relu6(step.bn, x * 1)), step.x, use_reentrant=False)
    (out * out).sum().backward()
    np.testing.assert_array_equal(step.x.grad.numpy(), expected[1])
    step = Step()
    with ag.detect_anomaly():
        step.forward().backward()
    np.testing.assert_equal(step.outcome(), expected)
    step, packed = Step(), []
    with ag.autograd.graph.saved_tensors_hooks(
        lambda t: packed.append(t.shape) or t.detach().numpy().copy(), ag.tensor
    ):
        loss = step.forward()
    loss.backward()
    assert packed
    np.testing.assert_equal(step.outcome(), expected)


def test_added_to_and_activated_afterwards():
    """Where the ReLU is in it already, an addition or another ReLU is no part of it."""
    step = Step()
    z = step.x * 1
    y = relu6(step.bn, z)
    np.testing.assert_array_equal(F.relu(y).detach().numpy(), y.detach().numpy())
    y = relu6(step.bn, z)
    sums = (y + z).detach().numpy()
    np.testing.assert_array_equal(sums, y.detach().numpy() + z.detach().numpy())
