"""Sums for a batch norm, made by whoever writes what it reads: nobody can tell but by the clock."""

import norms
import numpy as np
import pytest
from norms import as_one, check_threads, in_place, plain, relu, relu6

import autograd as ag
from autograd import kernels, nn
from autograd.backends import flags
from autograd.nn import functional as F

# N, C, H, W, K, R, options. What the first ones write is summed up on the way; the others leave it to the batch norm.
TOLD = [
    ((16, 16, 32, 32, 16, 3), {"padding": 1}),  # Winograd: whole rows of tiles
    ((15, 16, 33, 31, 24, 3), {"padding": 1}),  # blocks that end within one
    ((40, 256, 6, 6, 96, 3), {"padding": 1}),
    ((2, 512, 12, 12, 512, 3), {"padding": 1}),  # some input channels at a time
    ((8, 64, 28, 28, 64, 1), {}),  # one product
    ((8, 64, 28, 28, 72, 1), {}),
    ((3, 700, 28, 28, 65, 1), {}),  # sums in parts
    ((16, 64, 56, 56, 128, 1), {"stride": 2}),
    ((8, 3, 64, 64, 64, 7), {"padding": 3, "stride": 2}),
    ((16, 32, 32, 32, 64, 3), {"padding": 1, "stride": 2}),
    ((9, 24, 33, 37, 48, 5), {"padding": 2, "groups": 2}),
    ((4, 96, 40, 40, 96, 3), {"padding": 1, "groups": 96}),
    ((4, 37, 61, 40, 37, 3), {"padding": 1, "groups": 37}),
    ((4, 96, 81, 80, 96, 3), {"padding": 1, "stride": 2, "groups": 96}),
    ((4, 64, 60, 60, 128, 3), {"padding": 1, "groups": 32}),
    ((700, 32, 4, 4, 32, 5), {"padding": 2}),  # tiles run over images
]
LEFT = [
    ((4096, 4, 4, 4, 6, 3), {"padding": 1}),  # images in the lanes
    ((8, 16, 200, 100, 1, 3), {"padding": 1}),  # pixels in the lanes
]


def draw(shape, dtype, groups=1, **options):
    n, c, h, w, k, r = shape
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, h, w, c)).astype(dtype).transpose(0, 3, 1, 2)
    weight = (rng.standard_normal((k, c // groups, r, r)) / np.sqrt(c * r * r)).astype(dtype)
    return x, weight, (options.get("stride", 1), options.get("padding", 0), 1, groups)


def bits(results):
    arrays = [a for r in results for a in (r if isinstance(r, tuple) else (r,)) if isinstance(a, np.ndarray)]
    return [np.ascontiguousarray(a).tobytes() for a in arrays]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("shape", "options"), TOLD + LEFT, ids=str)
def test_statistics(shape, options, dtype):
    x, weight, geometry = draw(shape, dtype, **options)
    y = kernels.conv2d(x, weight, None, *geometry)
    expected = kernels.batch_norm_begin(y, None, None)
    for threads in (1, 2, 3):
        tally = kernels.Tally()
        with flags(num_threads=threads):
            y = kernels.conv2d(x, weight, None, *geometry, tally=tally)
        if dtype == "float32" and kernels.isa() == "avx512":
            assert (tally.left == 0) == ((shape, options) in TOLD)
        assert bits(kernels.batch_norm_begin(y, None, None, tally=tally)) == bits(expected)


@pytest.mark.parametrize("relu", [0, 1, 6])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("shape", "options"), TOLD + LEFT, ids=str)
def test_gradients(shape, options, dtype, relu):
    """Of the convolution's input, which a batch norm made: at strides beyond 1 only depthwise ones tell."""
    z, weight, geometry = draw(shape, dtype, **options)
    rng = np.random.default_rng(1)
    g = rng.standard_normal(kernels.conv2d_result(z, weight, *geometry).shape).astype(dtype)
    (_, mean, _, _), rstd = kernels.batch_norm_begin(z, None, None)
    w, b = (rng.standard_normal(shape[1]).astype(dtype) for _ in "wb")
    norm = (z, w, mean, rstd, b, None, relu)
    expected = kernels.batch_norm_grad_begin(kernels.conv2d_grad_x(g, weight, z.shape, *geometry), *norm)
    for threads in (1, 2, 3):
        tally = kernels.Tally(z, w, b, mean, rstd, relu)
        with flags(num_threads=threads):
            gx = kernels.conv2d_grad_x(g, weight, z.shape, *geometry, tally=tally)
        if dtype == "float32" and kernels.isa() == "avx512" and (shape, options) in TOLD:
            assert (tally.left == 0) == (geometry[0] == 1 or geometry[3] == shape[1])
        assert bits(kernels.batch_norm_grad_begin(gx, *norm, tally=tally)) == bits(expected)


@pytest.mark.parametrize("window", [{"kernel": 2}, {"kernel": 3, "stride": 2, "padding": 1}, {}], ids=str)
def test_gradients_of_a_maximum(window):
    z, *_ = draw((8, 40, 45, 48, 1, 1), "float32")
    y, index = kernels.max_pool2d(z, **{"kernel": 2, **window})
    (_, mean, _, _), rstd = kernels.batch_norm_begin(z, None, None)
    expected = kernels.batch_norm_grad_begin(kernels.max_pool2d_grad(y, index, z.shape, **window), z, None, mean, rstd)
    for threads in (1, 2, 3):
        tally = kernels.Tally(z, None, None, mean, rstd, 0)
        with flags(num_threads=threads):
            gx = kernels.max_pool2d_grad(y, index, z.shape, **window, tally=tally)
        assert (tally.left == 0) == bool(window)  # without a window, values are scattered
        assert bits(kernels.batch_norm_grad_begin(gx, z, None, mean, rstd, tally=tally)) == bits(expected)


def test_what_stays_in_the_cache_is_left_alone():
    x, weight, geometry = draw((2, 16, 8, 8, 16, 3), "float32", padding=1)
    tally = kernels.Tally()
    y = kernels.conv2d(x, weight, None, *geometry, tally=tally)
    assert tally.left is None
    expected = kernels.batch_norm_begin(y, None, None)
    assert bits(kernels.batch_norm_begin(y, None, None, tally=tally)) == bits(expected)


def test_a_tally_is_of_one_array():
    x, weight, geometry = draw(TOLD[0][0], "float32", padding=1)
    tally = kernels.Tally()
    first = kernels.conv2d(x, weight, None, *geometry, tally=tally)
    second = kernels.conv2d(x * 2, weight, None, *geometry, tally=tally)
    for y in (second, first, second[:, :, :16]):
        expected = kernels.batch_norm_begin(y, None, None)
        assert bits(kernels.batch_norm_begin(y, None, None, tally=tally)) == bits(expected)
    with pytest.raises(TypeError):
        kernels.conv2d(x, weight, tally="tally")


class Step(norms.Step):
    """Two convolutions, a batch norm in each of the forms after both; `begun` counts the tallies that were made."""

    def __init__(self, form=relu, kernel=3, groups=1, dtype="float32", between=None):
        ag.manual_seed(0)
        self.form, self.change = form, between
        self.x = ag.randn(8, 16, 36, 36, dtype=dtype, requires_grad=True)
        padding = kernel // 2
        self.first = nn.Conv2d(16, 32, kernel, padding=padding, bias=False).to(dtype)
        self.conv = nn.Conv2d(32, 32, kernel, padding=padding, bias=False, groups=groups).to(dtype)
        self.before, self.bn = nn.BatchNorm2d(32).to(dtype), nn.BatchNorm2d(32).to(dtype)

    def forward(self):
        self.y = self.first(self.x)
        if self.change is not None:
            self.change(self.y)
        self.between = self.form(self.before, self.y)
        self.out = self.form(self.bn, self.conv(self.between))
        return (self.out * self.out).sum() + self.out.mean()

    def outcome(self):
        parameters = (*self.first.parameters(), *self.before.parameters())
        running = (self.before.running_var, self.bn.running_mean)
        return [*super().outcome(), *(p.grad.numpy().copy() for p in parameters), *(r.numpy().copy() for r in running)]

    def twice(self):
        """The second step knows from the first where results go."""
        for _ in range(2):
            for module in (self.first, self.conv, self.before, self.bn):
                module.zero_grad()
            self.x.grad = None
            self.forward().backward()
        return self.outcome()


def apart(*args, **options):
    with flags(fusion=False):
        return Step(*args, **options).twice()


@pytest.fixture
def used(monkeypatch):
    """The tallies that batch norms got, with what was left of them; and None where they got none."""
    seen = []
    for name in ("batch_norm_begin", "batch_norm_grad_begin"):
        original = getattr(kernels, name)

        def noted(*args, original=original, tally=None, **names):
            seen.append(None if tally is None else tally.left)
            return original(*args, tally=tally, **names)

        monkeypatch.setattr(kernels, name, noted)
    return seen


@pytest.mark.parametrize("form", [plain, relu, in_place, as_one, relu6], ids=lambda f: f.__name__)
@pytest.mark.parametrize(("kernel", "groups"), [(3, 1), (1, 1), (3, 32)], ids=str)
def test_the_same_bits_in_a_network(kernel, groups, form, used):
    found = Step(form, kernel, groups).twice()
    # Forward of both in the second step; backward the gradient that the second convolution gives to the first norm.
    assert used == [None, None, None, 0, 0, 0, None, 0]
    np.testing.assert_equal(found, apart(form, kernel, groups))


def test_float64():
    np.testing.assert_equal(Step(dtype="float64").twice(), apart(dtype="float64"))


def test_any_number_of_threads():
    check_threads(Step)


def times_two(y):
    with ag.no_grad():
        y.mul_(2)


def plus_three(y):
    y += 3


def one_through_numpy(y):
    y.detach().numpy()[3, 5:7] = 0


@pytest.mark.parametrize("between", [times_two, plus_three, one_through_numpy], ids=lambda f: f.__name__)
def test_what_was_changed_is_summed_up_anew(between):
    np.testing.assert_equal(Step(between=between).twice(), apart(between=between))


def test_gradients_that_others_see(used):
    def outcome(sums):
        step = Step()
        loss = step.forward()
        step.between.register_hook(lambda g: g * 2)
        loss = loss + step.between.sum() if sums else loss
        loss.backward()
        return step.outcome()

    for sums in (False, True):
        used.clear()
        found = outcome(sums)
        assert used == [None] * 4
        with flags(fusion=False):
            np.testing.assert_equal(found, outcome(sums))


def test_no_gradients_no_sums(used):
    step = Step()
    step.twice()
    used.clear()
    step.x.requires_grad_(False)
    with ag.no_grad():
        step.forward()
    for module in (step.before, step.bn):
        module.eval()
    step.forward().backward()
    assert set(used) == {None}


def test_a_second_derivative():
    """The twin is differentiated, and no kernel is given a tally."""
    x = ag.randn(8, 16, 36, 36, requires_grad=True)
    conv, bn = nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16)
    for _ in range(2):
        (g,) = ag.grad((F.relu(bn(conv(x))) ** 2).sum(), [x], create_graph=True)
        (second,) = ag.grad((g * g).sum(), [x])
    with flags(fusion=False):
        (g,) = ag.grad((F.relu(bn(conv(x))) ** 2).sum(), [x], create_graph=True)
        (expected,) = ag.grad((g * g).sum(), [x])
    np.testing.assert_allclose(second.numpy(), expected.numpy(), rtol=1e-4, atol=1e-3 * abs(expected.numpy()).max())


def test_a_graph_that_is_kept(used):
    """Each sweep has tallies of its own."""

    def outcome():
        step = Step()
        loss = step.forward()
        for retain in (True, False):
            loss.backward(retain_graph=retain)
        return step.outcome()

    found = outcome()
    assert used == [None, None, None, 0, None, 0]
    with flags(fusion=False):
        np.testing.assert_equal(found, outcome())
