"""A max pooling's gradient that the convolution before it takes as it is, without the zeros between the maxima."""

import numpy as np
import pytest

import autograd as ag
from autograd import kernels, nn
from autograd.backends import flags
from autograd.nn import functional as F


def layers(conv, x, **window):
    """As layers in sequence: the ReLU comes after the pooling."""
    return nn.Sequential(conv, nn.ReLU(), nn.MaxPool2d(**window))(x)


def functions(conv, x, **window):
    return F.max_pool2d(F.relu(conv(x)), **window)


def afterwards(conv, x, **window):
    return F.relu(F.max_pool2d(conv(x), **window))


def linear(conv, x, **window):
    return F.max_pool2d(conv(x), **window)


FORMS = [layers, functions, afterwards, linear]
# N C H W, K, kernel, options of the convolution; of the pooling
FITS = [
    ((64, 1, 28, 28), 6, 5, {"padding": 2}, {"kernel_size": 2}),
    ((64, 6, 14, 14), 16, 5, {}, {"kernel_size": 2}),
    ((9, 8, 19, 37), 24, (3, 5), {"padding": (1, 2)}, {"kernel_size": 3, "stride": 3, "padding": 1}),
    ((3, 3, 71, 67), 48, 11, {"stride": 2, "padding": 2}, {"kernel_size": 3, "stride": 2}),
    ((5, 5, 33, 41), 9, 7, {"dilation": (2, 1)}, {"kernel_size": (4, 3), "ceil_mode": True}),
    ((40, 30, 13, 9), 20, 5, {"padding": "same"}, {"kernel_size": 2, "stride": 3}),
    ((130, 4, 9, 9), 17, 4, {}, {"kernel_size": 3}),
]
APART = [
    ((1, 1, 28, 28), 6, 5, {}, {"kernel_size": 2}),  # too small to ask
    ((8, 64, 32, 32), 64, 3, {"padding": 1}, {"kernel_size": 2}),  # Winograd is faster
    ((8, 16, 32, 32), 16, 3, {"groups": 4}, {"kernel_size": 2}),
    ((8, 4, 40, 40), 16, 5, {"dilation": 2}, {"kernel_size": 2}),
    ((8, 4, 40, 40), 16, 5, {}, {"kernel_size": 3, "stride": 1}),  # as many windows as pixels
    ((64, 4, 16, 16), 8, 4, {"padding": "same"}, {"kernel_size": 2}),  # more zeros on one side
]


@pytest.fixture
def taken(monkeypatch):
    """What conv2d_pooled_grads has returned."""
    results, original = [], kernels.conv2d_pooled_grads
    monkeypatch.setattr(kernels, "conv2d_pooled_grads", lambda *args: results.append(original(*args)) or results[-1])
    return results


class Step:
    """A convolution and a max pooling of integers, whose sums are exact: in any order they have the same bits."""

    def __init__(self, case, form=layers, dtype="float32", wants_x=True, bias=True):
        shape, k, size, options, self.window = case
        rng = np.random.default_rng(0)
        self.form = form
        self.x = ag.tensor(rng.integers(-3, 4, shape).astype(dtype), requires_grad=wants_x)
        self.conv = nn.Conv2d(shape[1], k, size, bias=bias, **options).to(dtype)
        with ag.no_grad():
            for p in self.conv.parameters():
                p.copy_(ag.tensor(rng.integers(-2, 3, p.shape).astype(dtype)))
        self.rng = rng

    def run(self):
        out = self.form(self.conv, self.x, **self.window)
        out.backward(ag.tensor(self.rng.integers(-2, 3, out.shape).astype(self.x.dtype)))
        return self

    def grads(self):
        return [v.grad.numpy().copy() for v in (self.x, *self.conv.parameters()) if v.grad is not None]


def apart(*args, **options):
    with flags(fusion=False):
        return Step(*args, **options).run().grads()


@pytest.mark.parametrize("wants_x", [True, False])
@pytest.mark.parametrize("form", FORMS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("case", FITS + APART, ids=str)
def test_the_same_gradients(case, form, wants_x, taken):
    step = Step(case, form, wants_x=wants_x).run()
    assert len(taken) == (case in FITS)
    np.testing.assert_equal(step.grads(), apart(case, form, wants_x=wants_x))


@pytest.mark.parametrize("case", FITS, ids=str)
def test_in_double_precision_and_without_a_bias(case, taken):
    step = Step(case, dtype="float64", bias=False).run()
    np.testing.assert_equal(step.grads(), apart(case, dtype="float64", bias=False))
    assert len(taken) <= 1


@pytest.mark.parametrize("isa", kernels.isas())
@pytest.mark.parametrize("case", FITS, ids=str)
def test_with_any_instruction_set(case, isa):
    with flags(isa=isa):
        np.testing.assert_equal(Step(case).run().grads(), apart(case))


@pytest.mark.parametrize("form", [layers, functions], ids=lambda f: f.__name__)
@pytest.mark.parametrize("case", FITS, ids=str)
def test_any_number_of_threads(case, form, taken):
    found = []
    for threads in (1, 2, 3, 8):
        step = Step(case, form)
        with ag.no_grad():
            step.x *= 0.37  # no longer exact
        with flags(num_threads=threads):
            found.append(step.run().grads())
    assert len(taken) == 4
    for other in found[1:]:
        np.testing.assert_equal(other, found[0])


def test_errors_are_those_of_rounding():
    results = []
    for dtype in ("float32", "float64"):
        step = Step(FITS[1], dtype=dtype)
        numbers = np.random.default_rng(1).permutation(step.x.numel()).reshape(step.x.shape)
        with ag.no_grad():
            step.x.copy_(ag.tensor(numbers / 2.0**16 - 0.5))  # in single precision, too, and all different
        results.append(step.run().grads())
    for single, double in zip(*results):
        assert np.abs(single - double).max() <= 2e-6 * np.abs(double).max()


def test_whoever_looks_sees_all_of_the_gradient(taken):
    between = {}

    def form(conv, x, **window):
        between["conv"] = conv(x)
        between["relu"] = F.relu(between["conv"])
        for name in keep:
            between[name].retain_grad()
        return F.max_pool2d(between["relu"], **window)

    for keep in (["conv"], ["relu"], ["conv", "relu"]):
        step = Step(FITS[1], form).run()
        np.testing.assert_equal(step.grads(), apart(FITS[1], functions))
        for name in keep:
            assert between[name].grad.shape == between[name].shape
            assert 0 < (between[name].grad.numpy() != 0).mean() < 0.25
    assert not taken


def test_another_use_of_the_result(taken):
    def form(conv, x, **window):
        y = conv(x)
        return F.max_pool2d(y, **window) + F.avg_pool2d(y, 2)

    np.testing.assert_equal(Step(FITS[1], form).run().grads(), apart(FITS[1], form))
    assert not taken


def test_gradients_of_some(taken):
    step = Step(FITS[1])
    for wanted in (["weight"], ["bias"], ["weight", "bias"]):
        inputs = [getattr(step.conv, name) for name in wanted]
        found = ag.grad(layers(step.conv, step.x, **step.window).sum(), inputs)
        with flags(fusion=False):
            expected = ag.grad(layers(step.conv, step.x, **step.window).sum(), inputs)
        for a, b in zip(found, expected):
            np.testing.assert_equal(a.numpy(), b.numpy())
    step.conv.weight.requires_grad_(False)
    step.run()
    assert not taken
    np.testing.assert_equal(step.conv.bias.grad.numpy(), apart(FITS[1])[2])


def test_second_derivatives():
    step = Step(FITS[1], dtype="float64")

    def penalty():
        (g,) = ag.grad(layers(step.conv, step.x, **step.window).sum(), [step.x], create_graph=True)
        return ag.grad((g * g).sum(), [step.conv.weight])[0].numpy()

    with flags(fusion=False):
        expected = penalty()
    np.testing.assert_equal(penalty(), expected)


def test_a_profile_sees_it_and_changes_nothing(taken):
    expected = Step(FITS[1]).run().grads()
    with ag.profile() as p:
        found = Step(FITS[1]).run().grads()
    np.testing.assert_equal(found, expected)
    assert len(taken) == 2
    assert "conv2d" in str(p)


def test_places_that_no_window_sees_count_for_nothing():
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((16, 6, 14, 14)), rng.standard_normal((16, 6, 5, 5))
    y = kernels.conv2d(x, w)
    g, index = kernels.max_pool2d(y, 2)
    wild = np.where(rng.random(index.shape) < 0.5, index, rng.integers(-(2**40), 2**40, index.shape))
    tame = np.where(wild == index, index, -1)
    found, expected = (
        kernels.conv2d_pooled_grads((g, i, y.shape, 2, 2, 0, 1, False), x, w.shape) for i in (wild, tame)
    )
    np.testing.assert_equal(found, expected)


def test_refusals():
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((8, 64, 16, 16)), rng.standard_normal((64, 64, 3, 3))
    y = kernels.conv2d(x, w)
    g, index = kernels.max_pool2d(y, 2)
    late = (g, index, y.shape, 2, 2, 0, 1, False)
    with pytest.raises(ValueError, match="not for convolutions of this size"):
        kernels.conv2d_pooled_grads(late, x, w.shape, groups=1, dilation=(1, 2), padding=1)
    with pytest.raises(ValueError, match="not pooled from"):
        kernels.max_pool2d_positive(g, index, y[:4])
    with pytest.raises(TypeError, match="differ in dtype"):
        kernels.max_pool2d_positive(g, index, y.astype(np.float32))


def test_a_batch_norm_after_padding_on_one_side():
    """Such a convolution takes no gradient that waits; it used to raise."""
    conv, bn = nn.Conv2d(8, 8, 2, padding="same", bias=False), nn.BatchNorm2d(8)
    results = []
    for fusion in (True, False):
        ag.manual_seed(0)
        x = ag.randn(32, 8, 48, 48, requires_grad=True)
        with flags(fusion=fusion):
            F.relu(bn(conv(x))).sum().backward()
        results.append(x.grad.numpy())
    np.testing.assert_array_equal(*results)
