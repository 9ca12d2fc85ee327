"""Batch norm, addition and ReLU that a user wrote one by one run together, and nobody can tell but by the clock."""

import copy
import pickle
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import autograd as ag
from autograd import nn
from autograd.backends import flags
from autograd.nn import functional as F
from autograd.utils.checkpoint import checkpoint


def plain(bn, x, z):
    return F.relu(bn(x))


def module(bn, x, z):
    return nn.ReLU(inplace=True)(bn(x))


def added(bn, x, z):
    return F.relu(bn(x) + z)


def added_before(bn, x, z):
    return (z + bn(x)).relu()


def added_in_place(bn, x, z):
    out = bn(x)
    out += z
    return F.relu(out)


def with_shortcut(bn, x, z):
    """As a block that halves the image: the shortcut has a batch norm, too."""
    out, other = bn(x), bn(z)
    out += other
    return F.relu(out)


def to_itself(bn, x, z):
    y = bn(x)
    return F.relu(y + y)


def used_twice(bn, x, z):
    y = bn(x)
    return F.relu(y) * y


def two_results(bn, x, z):
    y = bn(x)
    return F.relu(y) + F.relu(y + z)


def read_later(bn, x, z):
    y = bn(x)
    out = F.relu(y)
    return out * float(y.detach().sum().item())


def no_relu(bn, x, z):
    return bn(x) + z


def broadcast(bn, x, z):
    return F.relu(bn(x) + z[:1])


def scaled(bn, x, z):
    return F.relu(ag.add(bn(x), z, alpha=0.5))


def number(bn, x, z):
    return F.relu(bn(x) + 0.25)


def other_dtype(bn, x, z):
    return F.relu(bn(x) + z.double())


def relu_in_place(bn, x, z):
    return bn(x).relu_() + z


def sum_in_place_after(bn, x, z):
    out = F.relu(bn(x))
    return out.clone().add_(z)


def input_changed(bn, x, z):
    u = x * 1
    y = bn(u)
    alias = u.detach()
    alias *= 2
    return F.relu(y).detach() + z


def residual_changed(bn, x, z):
    w = z * 1
    out = bn(x) + w
    w += 1
    return F.relu(out) * w


def residual_written_by_numpy(bn, x, z):
    w = z * 1
    alias = w.detach().numpy()
    out = bn(x) + w
    alias[...] = 3
    return F.relu(out)


def alias_of_the_result(bn, x, z):
    y = bn(x)
    alias = y.detach()
    out = F.relu(y)
    return out + alias.reshape(-1)[:1]


def copied(bn, x, z):
    y = bn(x)
    return F.relu(y) + copy.deepcopy(y.detach())


PATTERNS = [f for f in list(globals().values()) if getattr(f, "__module__", None) == __name__]


def outcome(pattern, shape, dtype=np.float32, affine=True, channels_last=False, momentum=0.1, fusion=True):
    """Everything that a user can see: results, gradients, statistics."""
    rng = np.random.default_rng(3)
    kind = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}[len(shape)]
    bn = kind(shape[1], affine=affine, momentum=momentum, dtype=dtype)
    for p in bn.parameters():
        p.data.add_(ag.tensor(rng.standard_normal(p.shape).astype(dtype)))

    def leaf():
        array = rng.standard_normal(shape).astype(dtype)
        if channels_last:
            array = np.ascontiguousarray(np.moveaxis(array, 1, -1))
        return ag.tensor(np.moveaxis(array, -1, 1) if channels_last else array).requires_grad_()

    a, b, g = leaf(), leaf(), leaf()
    with flags(fusion=fusion):
        out = pattern(bn, a * 1.5, b * 1)
        (out * g.detach()).sum().backward()
    seen = [out.detach(), a.grad, b.grad, *(p.grad for p in bn.parameters()), *bn.buffers()]
    return [None if v is None else v.numpy() for v in seen]


def assert_same(found, expected):
    for a, b in zip(found, expected):
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("shape", [(6, 5), (4, 3, 7), (3, 5, 6, 7), (2, 16, 8, 8), (2, 3, 4, 3, 2)], ids=str)
def test_the_same_bits(pattern, shape):
    for options in ({}, {"channels_last": True}, {"affine": False}, {"momentum": None}, {"dtype": np.float64}):
        expected = outcome(pattern, shape, fusion=False, **options)
        assert_same(outcome(pattern, shape, **options), expected)


def relu_rules(step):
    """How many gradient rules of relu a step runs."""
    with ag.profile() as p:
        step()
    return sum(span.name == "relu" and span.phase == "backward" for span in p.spans)


def graph():
    x = ag.randn(4, 3, 5, 5, requires_grad=True)
    y = nn.BatchNorm2d(3)(x)
    return x, y, F.relu(y).sum()


def test_one_rule_differentiates_both():
    def step():
        graph()[2].backward()

    assert relu_rules(step) == 0
    with flags(fusion=False):
        assert relu_rules(step) == 1


def test_whoever_wants_the_gradient_between_gets_it():
    x, y, loss = graph()
    y.retain_grad()
    loss.backward()
    np.testing.assert_array_equal(y.grad.numpy(), (y.detach().numpy() > 0).astype("f4"))

    x, y, loss = graph()
    seen = []
    y.register_hook(lambda g: seen.append(g.numpy()))
    loss.backward()
    np.testing.assert_array_equal(seen[0], (y.detach().numpy() > 0).astype("f4"))

    x, y, loss = graph()
    gy, gx = ag.grad(loss, [y, x])
    np.testing.assert_array_equal(gy.numpy(), (y.detach().numpy() > 0).astype("f4"))
    assert np.any(gx.numpy())

    x, y, loss = graph()
    (gx,) = ag.grad(loss, [x], create_graph=True)
    (gx * gx).sum().backward()
    assert np.any(x.grad.numpy())


def test_a_result_changed_in_place_is_an_error():
    x = ag.randn(4, 3, 5, 5, requires_grad=True)
    out = F.relu(nn.BatchNorm2d(3)(x))
    loss = out.sum()
    out += 1
    with pytest.raises(ag.GraphError, match="relu"):
        loss.backward()


def test_a_second_backward_is_joint_too():
    def step():
        x, _, loss = graph()
        loss.backward(retain_graph=True)
        first = x.grad.numpy().copy()
        loss.backward()
        np.testing.assert_array_equal(x.grad.numpy(), 2 * first)

    assert relu_rules(step) == 0


def waiting(shape=(4, 6, 5, 5)):
    """A batch norm's input, result (not computed yet) and what the result is going to be."""
    x = ag.randn(*shape, requires_grad=True) * 1
    bn = nn.BatchNorm2d(shape[1])
    with flags(fusion=False):
        expected = np.asarray(nn.BatchNorm2d(shape[1])(x.detach()))
    return x, bn(x), expected


LOOKS = {
    "array": lambda y: y.array,
    "numpy": lambda y: y.detach().numpy(),
    "asarray": np.asarray,
    "item": lambda y: np.array([v.item() for v in y.reshape(-1)], "f4").reshape(y.shape),
    "tolist": lambda y: np.array(y.tolist(), "f4"),
    "dlpack": lambda y: np.from_dlpack(y.detach()),
    "clone": lambda y: y.clone().detach().numpy(),
    "view": lambda y: y.reshape(-1).detach().numpy().reshape(y.shape),
    "index": lambda y: y[:].detach().numpy(),
    "iteration": lambda y: np.stack([row.detach().numpy() for row in y]),
    "data": lambda y: y.data.numpy(),
    "op": lambda y: (y * 1).detach().numpy(),
    "deepcopy": lambda y: copy.deepcopy(y.detach()).numpy(),
    "pickle": lambda y: pickle.loads(pickle.dumps(y.detach())).numpy(),
    "detach_": lambda y: y.detach_().numpy(),
    "comparison": lambda y: np.where((y > 0).numpy(), abs(y).detach().numpy(), -abs(y).detach().numpy()),
    "printing": lambda y: y.detach().numpy() if "grad_fn" in repr(y) else None,
}


@pytest.mark.parametrize("look", LOOKS)
def test_whoever_looks_sees_the_result(look):
    _, y, expected = waiting()
    assert y.shape == expected.shape and y.dtype == expected.dtype and y.ndim == 4 and len(y) == 4
    np.testing.assert_array_equal(LOOKS[look](y), expected)
    np.testing.assert_array_equal(np.asarray(y), expected)


CHANGES = {
    "in place": lambda x: x.detach().mul_(3),
    "item assignment": lambda x: x.detach().__setitem__(0, 5.0),
    "a view": lambda x: x.detach().reshape(-1)[3:].fill_(1),
    "numpy": lambda x: x.detach().numpy().fill(2),
    "array": lambda x: x.array.fill(2),
    "a view's array": lambda x: x.permute(1, 0, 2, 3).array.fill(2),
    "its own ReLU": lambda x: x.relu_(),
    "another array": lambda x: x.set_array(np.zeros(x.shape, "f4")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_result_is_made_of_may_change_before_it_is_computed(change):
    x, y, expected = waiting()
    CHANGES[change](x)
    np.testing.assert_array_equal(np.asarray(y), expected)

    x, y, expected = waiting()
    z = x * 1
    out = y + z
    expected = expected + np.asarray(z * 1)
    CHANGES[change](z)
    np.testing.assert_array_equal(np.asarray(F.relu(out)), np.maximum(expected, 0))


def test_an_array_that_somebody_holds_is_read_at_once():
    """Not even a count of looks would tell of the change."""
    array = np.ones((2, 3, 4, 4), "f4")
    z = ag.tensor(array.copy())
    held = z.numpy()
    z += ag.randn(2, 3, 4, 4, requires_grad=True)  # now it has a history, and is the array that somebody holds
    expected = held.copy()
    x = ag.randn(2, 3, 4, 4, requires_grad=True) * 1
    y = nn.BatchNorm2d(3)(x)
    out = y + z
    held[...] = 7
    np.testing.assert_array_equal(np.asarray(out), np.asarray(y) + expected)


def test_statistics_are_up_to_date_and_parameters_may_change():
    x = ag.randn(4, 3, 5, 5, requires_grad=True) * 2
    bn = nn.BatchNorm2d(3)
    y = bn(x)
    np.testing.assert_allclose(bn.running_mean.numpy(), 0.1 * np.asarray(x).mean((0, 2, 3)), rtol=1e-4, atol=1e-6)
    with ag.no_grad():
        bn.bias += 5
        bn.weight *= 3
    assert abs(float(y.mean().item())) < 1e-5


def test_nothing_is_kept_alive():
    x, y, _ = waiting()
    memory, result = weakref.ref(x.array), weakref.ref(y)
    out = F.relu(y)
    del x, y
    assert result() is None
    del out
    assert memory() is None


def test_threads_look_at_once():
    _, y, expected = waiting((16, 16, 24, 24))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: np.asarray(y), range(8)))
    for array in found:
        np.testing.assert_array_equal(array, expected)


def test_without_gradients_afterwards():
    _, y, expected = waiting()
    with ag.no_grad():
        np.testing.assert_array_equal(F.relu(y).numpy(), np.maximum(expected, 0))
        y += 1
        np.testing.assert_array_equal(np.asarray(y), expected + 1)
    x, y, expected = waiting()
    with ag.inference_mode():
        np.testing.assert_array_equal(F.relu(y + x).numpy(), np.maximum(expected + np.asarray(x), 0))


def test_an_error_between_leaves_the_result_whole():
    x, y, expected = waiting()
    with pytest.raises(ag.ShapeError, match="add"):
        y + x[:, :2]
    with pytest.raises(ag.ShapeError):
        y += x[:1, :1, :3]
    np.testing.assert_array_equal(np.asarray(y), expected)


def test_checkpoints_and_hooks_of_saved_tensors():
    def part(bn, a, b):
        return F.relu(bn(a * 1) + b * 1)

    found = []
    for run in (part, lambda *args: checkpoint(part, *args, use_reentrant=False)):
        ag.manual_seed(1)
        a, b = ag.randn(3, 4, 5, 5, requires_grad=True), ag.randn(3, 4, 5, 5, requires_grad=True)
        bn = nn.BatchNorm2d(4, momentum=0.0)
        run(bn, a, b).pow(2).sum().backward()
        found.append([v.numpy() for v in (a.grad, b.grad, bn.weight.grad, bn.bias.grad)])
    assert_same(found[1], found[0])


def test_anomaly_mode_and_forward_hooks_see_every_result():
    seen = []
    bn = nn.BatchNorm2d(3)
    bn.register_forward_hook(lambda module, args, out: seen.append(float(out.detach().min().item())))
    x = ag.randn(4, 3, 5, 5, requires_grad=True)
    out = F.relu(bn(x * 1))
    assert seen[0] < 0 <= float(out.detach().min().item())
    with ag.detect_anomaly():
        F.relu(bn(x * 1)).sum().backward()


@pytest.mark.parametrize("pattern", [plain, added_in_place, with_shortcut], ids=lambda f: f.__name__)
def test_any_number_of_threads(pattern):
    found = []
    for threads in (1, 2, 3):
        with flags(num_threads=threads):
            found.append(outcome(pattern, (8, 24, 19, 19)))
    assert_same(found[1], found[0])
    assert_same(found[2], found[0])


def test_a_pass_is_saved():
    """relu is computed with batch norm and the addition: of three passes over memory there is one."""
    x = ag.randn(4, 3, 5, 5, requires_grad=True)
    bn = nn.BatchNorm2d(3)
    with ag.profile() as p:
        out = bn(x * 1)
        out += x * 1
        F.relu(out).detach().numpy()
    names = [span.name for span in p.spans]
    assert names.count("relu") == 1 and "add" not in names and "batch_norm_train, last pass" not in names


def test_in_place_copies_of_what_waits_are_apart():
    _, y, expected = waiting()
    other = nn.BatchNorm2d(6)(ag.randn(4, 6, 5, 5, requires_grad=True) * 1)
    other.change(y)
    with ag.no_grad():
        y += 1
    np.testing.assert_array_equal(np.asarray(other), expected)
