"""In inference a convolution waits for the batch norm and the ReLU that a forward method calls next."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import autograd as ag
from autograd import kernels, nn
from autograd.backends import flags
from autograd.nn import functional as F


class Block(nn.Module):
    """Calls its layers one by one, and whatever a test wants between them."""

    def __init__(self, forward, bias=False, **options):
        super().__init__()
        rng = np.random.default_rng(0)
        self.conv = nn.Conv2d(3, 6, 3, bias=bias, **options)
        self.norm = nn.BatchNorm2d(6)
        self.relu = nn.ReLU(inplace=True)
        self.own = forward
        for value in (*self.parameters(), self.norm.running_mean):
            value.array[...] = rng.standard_normal(value.shape)
        self.norm.running_var.array[...] = rng.uniform(0.5, 2, 6)

    def forward(self, x):
        return self.own(self, x)


class Usual(Block):
    def __init__(self):
        super().__init__(None)

    def forward(self, x):
        return self.relu(self.norm(self.conv(x)))


WAYS = {
    "conv, norm, relu": lambda self, x: self.relu(self.norm(self.conv(x))),
    "functional relu": lambda self, x: F.relu(self.norm(self.conv(x)), inplace=True),
    "method": lambda self, x: self.norm(self.conv(x)).relu_(),
    "conv, norm": lambda self, x: self.norm(self.conv(x)),
    "conv, relu": lambda self, x: self.relu(self.conv(x)),
    "conv, relu, norm": lambda self, x: self.norm(self.relu(self.conv(x))),
    "conv": lambda self, x: self.conv(x),
    "residual": lambda self, x: self.relu(self.norm(self.conv(x)) + 1),
    "in place": lambda self, x: self.relu(self.norm(self.conv(x)).add_(1)),
    "two norms": lambda self, x: self.norm(self.norm(self.conv(x))),
    "branches": lambda self, x: ag.cat([self.norm(self.conv(x)), self.relu(self.conv(x)), self.conv(x)], 1),
    "both looked at": lambda self, x: (lambda y: self.norm(y) * y)(self.conv(x)),
    "several": lambda self, x: [self.conv(x), self.norm(self.conv(x))][1],
    "functional norm": lambda self, x: F.batch_norm(self.conv(x), self.norm.running_mean, self.norm.running_var),
}


def picture(*shape):
    return ag.from_numpy(np.random.default_rng(1).standard_normal(shape or (2, 3, 9, 8)).astype("f4"))


def apart(model, x):
    with ag.no_grad(), flags(fusion=False):
        return model(x).numpy()


def together(model, x):
    with ag.no_grad():
        return model(x).numpy()


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_together_as_apart(way, bias):
    model, x = Block(WAYS[way], bias).eval(), picture()
    for _ in range(3):
        np.testing.assert_allclose(together(model, x), apart(model, x), rtol=1e-4, atol=1e-4)
    model.train()
    other = copy.deepcopy(model)
    np.testing.assert_array_equal(together(model, x), apart(other, x))
    np.testing.assert_array_equal(model.norm.running_mean.numpy(), other.norm.running_mean.numpy())


def test_the_bits_of_a_sequential():
    """At the first call as at later ones, whoever else holds the picture."""
    model, x = Block(WAYS["conv, norm, relu"]).eval(), picture()
    one = nn.Sequential(model.conv, model.norm, model.relu).eval()
    expected = together(one, x)
    for given in (x, x.clone(), ag.from_numpy(x.numpy()), x[:, :, ::-1][:, :, ::-1]):
        np.testing.assert_array_equal(together(model, given), expected)
    assert not np.array_equal(apart(model, x), expected), "nothing was folded"


def test_one_convolution_is_all_that_runs():
    model, x = Block(WAYS["conv, norm, relu"]).eval(), picture()
    with ag.no_grad(), ag.profile() as p:
        model(x)
    assert [span.name for span in p.spans] == ["conv2d_relu"]


def test_recording_and_hooks_and_a_forward_of_ones_own():
    model, x, seen = Block(WAYS["conv, norm, relu"]).eval(), picture(), []
    expected = apart(model, x)
    np.testing.assert_array_equal(model(x).detach().numpy(), expected)
    handle = model.conv.register_forward_hook(lambda module, args, out: seen.append(out.numpy().copy()))
    np.testing.assert_array_equal(together(model, x), expected)
    handle.remove()
    np.testing.assert_array_equal(seen[0], apart(model.conv, x))
    handle = model.register_forward_hook(lambda module, args, out: seen.append(out.numpy()))
    np.testing.assert_array_equal(together(model, x), together(nn.Sequential(model), x))
    assert np.abs(seen[1] - expected).max() > 0, "nothing was folded"
    handle.remove()
    model.norm.forward = lambda y: y * 0
    assert not together(model, x).any()


CHANGES = {
    "the picture": lambda self, x, y: x.mul_(3),
    "the picture's array": lambda self, x, y: x.array.fill(3),
    "a view": lambda self, x, y: x[0].fill_(3),
    "numpy": lambda self, x, y: x.numpy().fill(3),
    "the weight": lambda self, x, y: self.conv.weight.mul_(2),
    "the weight's array": lambda self, x, y: self.conv.weight.array.fill(2),
    "the weight's data": lambda self, x, y: self.conv.weight.data.fill_(2),
    "another array": lambda self, x, y: x.set_array(np.zeros((2, 3, 9, 8), "f4")),
    "the norm": lambda self, x, y: self.norm.weight.mul_(2),
    "the result": lambda self, x, y: y.add_(1),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("place", ["before the norm", "after it"])
def test_what_changes_between_two_layers(place, change):
    def forward(self, x):
        x = x * 1
        y = self.conv(x)
        if place == "before the norm":
            CHANGES[change](self, x, y)
        y = self.norm(y)
        if place == "after it":
            CHANGES[change](self, x, y)
        return self.relu(y)

    x = picture()
    expected = apart(Block(forward).eval(), x)
    np.testing.assert_allclose(together(Block(forward).eval(), x), expected, rtol=1e-4, atol=1e-4)


def test_memory_that_numpy_shares_may_change_between_two_layers():
    array = np.ones((2, 3, 9, 8), "f4")

    def forward(self, x):
        y = self.conv(x)
        array.fill(7)
        return self.norm(y)

    expected = apart(Block(forward).eval(), ag.from_numpy(array))
    array.fill(1)
    np.testing.assert_allclose(together(Block(forward).eval(), ag.from_numpy(array)), expected, rtol=1e-4, atol=1e-4)


def test_weights_are_folded_anew_after_a_change():
    model, x = Block(WAYS["conv, norm, relu"]).eval(), picture()
    together(model, x)
    for value in (*model.parameters(), model.norm.running_mean, model.norm.running_var):
        with ag.no_grad():
            value.mul_(1.5)
        np.testing.assert_allclose(together(model, x), apart(model, x), rtol=1e-4, atol=1e-4)
    model.load_state_dict(Block(WAYS["conv"]).state_dict())
    np.testing.assert_allclose(together(model, x), apart(model, x), rtol=1e-4, atol=1e-4)
    model.norm.eps = 0.5
    np.testing.assert_allclose(together(model, x), apart(model, x), rtol=1e-4, atol=1e-4)


def test_copies_fold_their_own():
    model, x = nn.Sequential(Usual()).eval(), picture()
    names, expected = set(model.state_dict()), together(model, x)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(together(other, x), expected)
        with ag.no_grad():
            other[0].conv.weight.zero_()
        np.testing.assert_array_equal(together(model, x), expected)
        assert not np.array_equal(together(other, x), expected) and set(other.state_dict()) == names


def test_a_convolution_called_alone_runs_at_once():
    conv, x = nn.Conv2d(3, 64, 3).eval(), picture(8, 3, 32, 32)
    with ag.no_grad():
        y = conv(x)
        used = kernels.memory_stats()["in_use"]
        y.numpy()
        assert kernels.memory_stats()["in_use"] == used, "looking at it has made it"


def test_nothing_is_kept_alive():
    model, x = Block(WAYS["conv, norm, relu"]).eval(), picture(8, 3, 64, 64)
    for _ in range(2):
        together(model, x)
    used = kernels.memory_stats()["in_use"]
    for _ in range(3):
        together(model, x)
    assert kernels.memory_stats()["in_use"] == used


def test_threads():
    model = Block(WAYS["conv, norm, relu"]).eval()
    pictures = [picture() * i for i in range(8)]
    expected = [together(model, x) for x in pictures]
    with ThreadPoolExecutor(4) as pool:
        for found, right in zip(pool.map(lambda x: together(model, x), pictures * 8), expected * 8):
            np.testing.assert_array_equal(found, right)


def test_errors_name_the_layer():
    model = Block(WAYS["conv, norm, relu"]).eval()
    for x in (picture(2, 4, 9, 8), picture(2, 3, 2, 2), picture(2, 3)):
        with pytest.raises(ag.ShapeError) as waited, ag.no_grad():
            model(x)
        with pytest.raises(ag.ShapeError) as at_once, ag.no_grad(), flags(fusion=False):
            model(x)
        assert str(waited.value) == str(at_once.value)
    model.norm = nn.BatchNorm2d(5).eval()
    with pytest.raises(ag.ShapeError, match="norm"), ag.no_grad():
        model(picture())
    assert together(Block(WAYS["conv, norm, relu"]).eval(), picture(3, 9, 8)[None]).shape == (1, 6, 7, 6)


@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_other_dtypes(dtype):
    model, x = Block(WAYS["conv, norm, relu"]).eval(), picture()
    model, x = model.to(dtype), x.to(dtype)
    found = together(model, x)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, apart(model, x), rtol=1e-2, atol=1e-2)
