"""A batch norm's gradient that the convolution before it makes as it goes: nobody can tell but by the clock."""

import norms
import numpy as np
import pytest
from norms import check_threads, plain, relu, relu6

import autograd as ag
from autograd import kernels, nn
from autograd.backends import flags
from autograd.nn import functional as F
from autograd.utils.checkpoint import checkpoint

FITS = [(8, 16, 36, 36, 56), (2, 24, 37, 31, 232), (8, 72, 40, 40, 50)]  # N, C, H, W, K
APART = [(2, 16, 8, 8, 24), (2, 1, 48, 48, 120), (2, 200, 40, 40, 170)]


def residual(bn, z):
    return F.relu(bn(z) + 0.5)


def shortcut(bn, z):
    return F.batch_norm_relu(z, None, None, bn.weight, bn.bias, z.detach() * 0.5, training=True)


def joined(bn, z):
    """As a branch of GoogLeNet's: rows of the gradient lie at a pitch."""
    return ag.cat([bn(z), z.detach()], 1)


FORMS = [plain, relu, relu6, residual, shortcut, joined]


class Step(norms.Step):
    """A convolution, a batch norm and a loss; how often both gradients were computed at once is counted."""

    def __init__(self, shape, form=relu, bias=False, dtype="float32", before=None, **options):
        n, c, h, w, k = shape
        options = {"kernel_size": 1, **options}
        ag.manual_seed(0)
        self.form = form
        self.x = ag.randn(n, c, h, w, dtype=dtype, requires_grad=True)
        self.conv, self.bn = nn.Conv2d(c, k, bias=bias, **options).to(dtype), nn.BatchNorm2d(k).to(dtype)
        self.before, self.first = before, nn.BatchNorm2d(c).to(dtype)
        with ag.no_grad():
            self.bn.weight.uniform_(0.5, 1.5)
            self.bn.bias.uniform_(-0.5, 0.5)

    def forward(self):
        x = self.x * 1
        self.between = self.conv(x if self.before is None else self.before(self.first, x))
        out = self.form(self.bn, self.between)
        return (out * out).mean() + out.sum() * 0.25

    def outcome(self):
        parameters = [p for module in (self.conv, self.bn, self.first) for p in module.parameters()]
        return [v.grad.numpy().copy() for v in (self.x, *parameters) if v.grad is not None]


@pytest.fixture
def made(monkeypatch):
    """What conv2d_grads has returned."""
    results, original = [], kernels.conv2d_grads
    monkeypatch.setattr(
        kernels, "conv2d_grads", lambda *args, **names: results.append(original(*args, **names)) or results[-1]
    )
    return results


def apart(*args, **options):
    return Step(*args, **options).apart()


@pytest.mark.parametrize("form", FORMS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", FITS + APART, ids=str)
def test_the_same_bits(shape, dtype, form, made):
    step = Step(shape, form, dtype=dtype)
    step.forward().backward()
    assert len(made) == (shape in FITS)
    np.testing.assert_equal(step.outcome(), apart(shape, form, dtype=dtype))


DEPTHWISE = [
    ((3, 37, 9, 11), {}),
    ((2, 16, 1, 1), {}),
    ((2, 16, 2, 40), {"stride": 2}),
    ((1, 35, 30, 7), {}),
    ((1, 35, 31, 8), {"stride": 2}),
    ((33, 24, 8, 5), {"stride": 2}),
    ((2, 144, 24, 24), {}),
    ((2, 100, 33, 24), {"stride": 2, "bias": True}),
]


@pytest.mark.parametrize("before", [None, relu6, plain], ids=["nothing", "relu6", "plain"])
@pytest.mark.parametrize("form", [plain, relu6, shortcut], ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("shape", "options"), DEPTHWISE, ids=str)
def test_depthwise_convolutions_make_row_by_row(shape, options, dtype, form, before, made):
    """Of inputs that wait, too; 35 and 37 channels fill the vectors of no instruction set."""
    options = {"kernel_size": 3, "padding": 1, "groups": shape[1], "form": form, "before": before, **options}
    given = (*shape, shape[1])
    step = Step(given, dtype=dtype, **options)
    step.forward().backward()
    assert len(made) == 1 or shape[1] in (16, 24, 144, 100)
    np.testing.assert_equal(step.outcome(), apart(given, dtype=dtype, **options))


@pytest.mark.parametrize("options", [{"padding": 0}, {"stride": (2, 1)}, {"dilation": 2, "padding": 2}], ids=str)
def test_other_depthwise_convolutions_get_it_computed(options, made):
    options = {"kernel_size": 3, "padding": 1, "groups": 37, **options}
    step = Step((3, 37, 9, 11, 37), **options)
    step.forward().backward()
    assert not made
    np.testing.assert_equal(step.outcome(), apart((3, 37, 9, 11, 37), **options))


@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_convolutions_on_any_number_of_threads(stride, made):
    check_threads(lambda: Step((5, 97, 28, 28, 97), kernel_size=3, padding=1, groups=97, stride=stride))
    assert len(made) == 4


def test_any_number_of_threads(made):
    check_threads(lambda: Step(FITS[1]))
    assert len(made) == 4


def test_the_gradient_is_right():
    """Against finite differences of the loss, in float64, for some elements."""
    step = Step(FITS[0], dtype="float64")
    step.forward().backward()
    step_size = 1e-5
    for tensor, places in (
        (step.x, [(0, 0, 0, 0), (3, 7, 20, 11)]),
        (step.conv.weight, [(0, 0, 0, 0), (55, 15, 0, 0)]),
    ):
        for place in places:
            losses = []
            for sign in (1, -1):
                with ag.no_grad():
                    tensor[place] = tensor[place] + sign * step_size
                    losses.append(step.forward().item())
                    tensor[place] = tensor[place] - sign * step_size
            slope = (losses[0] - losses[1]) / (2 * step_size)
            np.testing.assert_allclose(tensor.grad[place].item(), slope, rtol=2e-4, atol=1e-7)


def wants_retained(step, loss):
    step.between.retain_grad()
    loss.backward()
    return step.between.grad


def wants_hooked(step, loss):
    seen = []
    step.between.register_hook(lambda g: seen.append(g.clone()))
    loss.backward()
    return seen[0]


def wants_asked_for(step, loss):
    return ag.grad(loss, [step.between, step.x])[0]


@pytest.mark.parametrize("wants", [wants_retained, wants_hooked, wants_asked_for], ids=lambda f: f.__name__)
def test_whoever_wants_the_gradient_between_gets_it(wants, made):
    step = Step(FITS[0])
    found = wants(step, step.forward())
    with flags(fusion=False):
        other = Step(FITS[0])
        expected = wants(other, other.forward())
    np.testing.assert_array_equal(found.numpy(), expected.numpy())
    assert not made


def test_one_gradient_alone_is_computed_alone(made):
    step = Step(FITS[0])
    expected = apart(FITS[0])
    for place, tensor in enumerate((step.x, step.conv.weight)):
        (found,) = ag.grad(step.forward(), [tensor])
        np.testing.assert_array_equal(found.numpy(), expected[place])
    step.x = step.x.detach()
    step.forward().backward()
    np.testing.assert_array_equal(step.conv.weight.grad.numpy(), expected[1])
    assert not made


def test_a_bias_gets_its_gradient():
    step = Step(FITS[0], bias=True)
    step.forward().backward()
    np.testing.assert_equal(step.outcome(), apart(FITS[0], bias=True))


def test_a_second_use_and_a_second_sweep(made):
    step = Step(FITS[0])
    loss = step.forward() + step.between.sum()
    loss.backward()
    assert not made  # two gradients are added
    expected = apart(FITS[0])
    assert np.any(step.outcome()[0] != expected[0])

    step = Step(FITS[0])
    loss = step.forward()
    loss.backward(retain_graph=True)
    np.testing.assert_equal(step.outcome(), expected)
    loss.backward()
    np.testing.assert_equal(step.outcome()[:2], [2 * g for g in expected[:2]])
    assert len(made) == 2


def test_second_derivatives(made):
    step = Step(FITS[0])
    (gx,) = ag.grad(step.forward(), [step.x], create_graph=True)
    (gx * gx).sum().backward()
    assert np.any(step.x.grad.numpy()) and not made


def test_checkpoints_and_anomaly_mode():
    step = Step(FITS[0])
    expected = apart(FITS[0])
    checkpoint(lambda x: step.form(step.bn, step.conv(x * 1)), step.x, use_reentrant=False).sum().backward()
    found = step.outcome()
    step = Step(FITS[0])
    step.form(step.bn, step.conv(step.x * 1)).sum().backward()
    np.testing.assert_equal(found, step.outcome())
    step = Step(FITS[0])
    with ag.detect_anomaly():
        step.forward().backward()
    np.testing.assert_equal(step.outcome(), expected)


def test_a_change_in_place_is_an_error():
    step = Step(FITS[0])
    loss = step.forward()
    with ag.no_grad():
        step.conv.weight.mul_(2)
    with pytest.raises(ag.GraphError, match="conv2d"):
        loss.backward()
