"""Packed weights are kept from call to call in inference; no way of changing a weight may give an old result."""

import copy
import gc

import numpy as np
import pytest

import autograd as ag
from autograd import kernels, nn
from autograd.op import registry
from autograd.sampling import Sampler

HELD = []  # arrays that somebody keeps


def _layers():
    """One layer for each form of a weight, and an input."""
    return {
        "packed rows": (nn.Conv2d(5, 7, 3, stride=2), (2, 5, 9, 9)),
        "winograd": (nn.Conv2d(32, 32, 3, padding=1), (2, 32, 16, 16)),
        "winograd, small tiles": (nn.Conv2d(32, 32, 3, padding=1), (2, 32, 9, 6)),
        "pointwise": (nn.Conv2d(24, 40, 1), (2, 24, 7, 7)),
        "strided": (nn.Conv2d(32, 40, 1, stride=2), (2, 32, 13, 13)),
        "depthwise": (nn.Conv2d(24, 24, 3, padding=1, groups=24), (2, 24, 7, 7)),
        "linear": (nn.Linear(64, 48), (32, 64)),
        "linear and relu": (nn.Sequential(nn.Linear(64, 48), nn.ReLU()), (32, 64)),
        "folded": (nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), nn.ReLU6()), (2, 8, 9, 9)),
    }


def _alias(p, write):
    write(p.detach().numpy())


def _kept_alias(p, write):
    HELD.append(p.detach().numpy())
    write(HELD[-1])


def _by_own_op(p, write):
    @ag.op(samples=lambda s: s.case(s.array((2, 3))))
    def hold_its_input(x):
        """x + 0"""
        HELD.append(x)
        return x + 0

    hold_its_input(p)
    write(HELD.pop())


def _by_step(p, write):
    before = p.array.copy()
    write(after := before.copy())
    p.grad = ag.Tensor(before - after)
    ag.optim.SGD([p], lr=1.0).step()


def _by_array_setter(p, write):
    write(new := p.detach().numpy().copy())
    p.data = ag.Tensor(new)


WAYS = {
    "an alias": _alias,
    "an alias that lives on": _kept_alias,
    "np.asarray": lambda p, write: write(np.asarray(p.detach())),
    "dlpack": lambda p, write: write(np.from_dlpack(p.detach()).view()),
    "memoryview": lambda p, write: write(np.frombuffer(memoryview(p.detach().numpy()), p.dtype).reshape(p.shape)),
    "the attribute": lambda p, write: write(p.array),
    "a tensor of the tensor": lambda p, write: write(ag.Tensor(p).numpy()),
    "a view": lambda p, write: write(p.detach().reshape(-1).reshape(p.shape).numpy()),
    "pickling's copy": lambda p, write: write(p.detach().__reduce__()[1][0]),
    "in place": lambda p, write: p.mul_(1.5),
    "through a view, in place": lambda p, write: p.detach()[:1].mul_(1.5),
    "an item": lambda p, write: p.__setitem__(0, 0.25),
    "init": lambda p, write: nn.init.constant_(p, 0.125),
    "new data": _by_array_setter,
    "an optimizer": _by_step,
    "somebody's own op": _by_own_op,
}


def _write(array):
    array[...] = array * 1.5 + 0.25


def _fresh(layer, x):
    """What the layer as it is gives, computed by a copy that has never been called."""
    return copy.deepcopy(layer)(x).numpy().copy()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", _layers())
def test_no_change_gives_an_old_result(name, way, scratch_ops):
    HELD.clear()
    layer, shape = _layers()[name]
    layer.eval()
    x = ag.randn(*shape)
    weights = list(layer.parameters())
    if way != "an optimizer":
        weights += [b for b in layer.buffers() if b.dtype.kind == "f"]
    with ag.no_grad():
        for p in weights:
            for _ in range(3):
                before = layer(x).numpy().copy()
            with np.errstate(invalid="ignore"):
                WAYS[way](p, _write)
            after = layer(x).numpy().copy()
            np.testing.assert_array_equal(after, _fresh(layer, x))
            assert (after != before).any() or name == "folded"
            if way == "an alias that lives on":
                HELD[-1][...] *= 1.25
                np.testing.assert_array_equal(layer(x).numpy(), _fresh(layer, x))


def test_loading_a_state_and_new_statistics_count():
    net, shape = _layers()["folded"]
    other = copy.deepcopy(net)
    x = ag.randn(*shape)
    with ag.no_grad():
        other(x * 2 + 1)  # in training: new running statistics
        net.eval(), other.eval()
        for _ in range(3):
            net(x)
        net.load_state_dict(other.state_dict())
        np.testing.assert_array_equal(net(x).numpy(), other(x).numpy())
        net[1].eps = 0.5
        other[1].eps = 0.5
        np.testing.assert_array_equal(net(x).numpy(), other(x).numpy())
        net[0].weight = nn.Parameter(ag.ones(8, 8, 3, 3))
        np.testing.assert_array_equal(net(x).numpy(), _fresh(net, x))
        net.train()
        net(x), other.train()(x)
        net.eval()
        np.testing.assert_array_equal(net(x).numpy(), _fresh(net, x))


@pytest.mark.parametrize("name", _layers())
def test_bits_are_those_of_a_fresh_weight(name):
    layer, shape = _layers()[name]
    layer.eval()
    x, small = ag.randn(*shape), ag.randn(1, *shape[1:])
    with ag.no_grad():
        first = [layer(x).numpy().copy(), layer(small).numpy().copy()]
        for threads in (1, 2, 3):
            with ag.backends.flags(num_threads=threads):
                for _ in range(2):
                    np.testing.assert_array_equal(layer(x).numpy(), first[0])
                    np.testing.assert_array_equal(layer(small).numpy(), first[1])
    if name != "folded":  # recorded
        np.testing.assert_array_equal(layer(x).detach().numpy(), first[0])


def test_pictures_of_other_sizes_take_other_forms_of_one_weight():
    conv = nn.Conv2d(32, 32, 3, padding=1).eval()
    pictures = [ag.randn(2, 32, *size) for size in ((6, 9), (8, 12), (2, 2))]
    found = [kernels.explain_conv("forward", x.shape, conv.weight.shape, padding=(1, 1)) for x in pictures]
    assert len(set(found)) == 3
    with ag.no_grad():
        for x in pictures * 3:
            np.testing.assert_array_equal(conv(x).numpy(), _fresh(conv, x))


def test_what_is_kept_is_freed_with_the_weight_and_when_training_goes_on():
    gc.collect()
    ag.memory.trim()  # a larger block that is cached would serve
    conv, x = nn.Conv2d(256, 256, 3, padding=1, bias=False).eval(), ag.randn(1, 256, 16, 16)
    weight = conv.weight.nbytes
    with ag.no_grad():
        conv(x)
        before = kernels.memory_stats()["in_use"]
        for _ in range(3):
            conv(x)
        kept = kernels.memory_stats()["in_use"] - before
        assert 4 * weight <= kept < 5 * weight  # 36 numbers for 9 taps
        with ag.backends.flags(winograd=False):
            conv(x)
        assert kernels.memory_stats()["in_use"] - before < 6.5 * weight
    conv(x)
    assert kernels.memory_stats()["in_use"] - before < weight
    with ag.no_grad():
        for _ in range(3):
            conv(x)
    del conv
    assert kernels.memory_stats()["in_use"] <= before


@pytest.mark.parametrize("isa", kernels.isas())
@pytest.mark.parametrize("rows, features", [(100, 144), (100, 152), (16, 200), (100, 16), (64, 800)])
def test_a_transposed_input_uses_no_panels_made_for_another_order(isa, rows, features):
    """Its panels may be cut differently. Bits are those of weights packed anew."""
    kernels.set_isa(isa)
    layer, x = nn.Linear(1024, features), ag.randn(rows, 1024)
    turned = ag.tensor(np.asfortranarray(x.numpy()).T).T
    new, new_turned = layer(x).detach().numpy(), layer(turned).detach().numpy()
    np.testing.assert_allclose(new_turned, new, rtol=1e-4, atol=1e-4)
    with ag.no_grad():
        for _ in range(3):
            np.testing.assert_array_equal(layer(x).numpy(), new)
            np.testing.assert_array_equal(layer(turned).numpy(), new_turned)


def test_ops_that_share_memory_say_so():
    """The version of a result that shares its memory is its source's: so no change of the one escapes the other."""
    for record in registry().values():
        if record.composite or record.view:
            continue
        inputs, attrs = record.samples(Sampler(0))
        with ag.no_grad(), np.errstate(all="ignore"):
            tensors = [
                ag.Tensor(x.astype(np.float32) if x.dtype == np.float64 else x) if isinstance(x, np.ndarray) else x
                for x in inputs
            ]
            out = record.call(*tensors, **attrs)
        for x in tensors:
            assert not isinstance(x, ag.Tensor) or not np.shares_memory(x.array, out.array), record.name
