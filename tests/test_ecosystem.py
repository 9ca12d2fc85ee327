"""Other libraries and Python itself: NumPy's functions, DLPack, copies and pickles, random states."""

import copy
import pickle

import numpy as np
import pytest

import autograd as ag
from autograd import nn, optim
from autograd.errors import DTypeError, GraphError

TWINS = pytest.mark.parametrize(
    "twin_of", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"]
)
X = np.array([[1.0, -2.0], [3.0, 0.5]])


def test_numpy_functions_that_are_ops_keep_the_gradient():
    x = ag.tensor(X, requires_grad=True)
    y = np.sum(np.exp(x) * np.maximum(x, 0)) + np.concatenate([x, x]).sum() + (X * x).sum() + np.mean(x, axis=0)[0]
    y.backward()
    expected = np.where(X > 0, np.exp(X) * (X + 1), 0) + 2 + X + np.array([[0.5, 0], [0.5, 0]])
    np.testing.assert_allclose(x.grad, expected, rtol=1e-12)


def test_other_numpy_functions_work_on_the_array():
    x = ag.tensor(X)
    assert isinstance(np.nextafter(x, 2 * x), ag.Tensor) and np.percentile(x, 50).item() == 0.75
    assert [part.shape for part in np.array_split(x, [1])] == [(1, 2), (1, 2)]
    np.testing.assert_array_equal(np.histogram(x, bins=[-3, 0, 3.5])[0], [1, 3])
    assert np.allclose(x, X) and np.array_equal(x, X) and np.shape(x) == (2, 2)
    with pytest.raises(GraphError, match=r"np\.percentile: has no gradient here; use x\.detach\(\)"):
        np.percentile(ag.tensor(X, requires_grad=True), 50)
    np.percentile(ag.tensor(X, requires_grad=True).detach(), 50)
    with pytest.raises(TypeError):
        np.add(x, 1, out=np.empty((2, 2)))


def test_memory_is_shared():
    array = X.copy()
    for shared in (ag.from_numpy(array), ag.as_tensor(array), ag.from_dlpack(array), ag.Tensor(array)):
        array[0, 0] += 1
        assert shared[0, 0].item() == array[0, 0] and np.shares_memory(np.asarray(shared), array)
    assert not np.shares_memory(ag.tensor(array).numpy(), array)
    assert np.shares_memory(np.from_dlpack(ag.from_numpy(array)), array)
    assert np.asarray(ag.from_numpy(array), np.float32).dtype == np.float32
    with pytest.raises(GraphError, match="detach"):
        np.from_dlpack(ag.tensor(X, requires_grad=True))
    with pytest.raises(DTypeError, match="got list"):
        ag.from_dlpack([1])


@pytest.mark.slow
def test_dlpack_with_torch():
    torch = pytest.importorskip("torch")
    for dtype in (np.float32, np.float64, np.int64, np.uint8, np.bool_):
        ours = ag.from_numpy(X.astype(dtype))
        theirs = torch.from_dlpack(ours)
        theirs[0, 1] = 1
        assert ours[0, 1].item() == 1 and np.shares_memory(ag.from_dlpack(theirs).numpy(), ours.numpy())
    part = torch.arange(12.0).reshape(3, 4).T[1:]  # strided
    np.testing.assert_array_equal(ag.from_dlpack(part), part.numpy())


@pytest.mark.parametrize(
    "twin_of", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"]
)
def test_copies_are_independent(twin_of):
    for x in (ag.tensor(X, requires_grad=True), ag.arange(3), nn.Parameter(ag.ones(2)), ag.zeros(0, 3)):
        twin = twin_of(x)
        assert type(twin) is type(x) and twin.dtype == x.dtype and twin.requires_grad == x.requires_grad
        np.testing.assert_array_equal(twin.detach(), x.detach())
        assert not np.shares_memory(twin.detach().numpy(), x.detach().numpy())
    with pytest.raises(GraphError, match=r"only leaves .* x\.detach\(\)"):
        twin_of(ag.tensor(X, requires_grad=True) * 2)


@pytest.mark.parametrize(
    "twin_of", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"]
)
@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
def test_a_copied_training_goes_on_alike(twin_of, kind):
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    optimizer = kind(model.parameters(), lr=0.1)

    def step(model, optimizer):
        optimizer.zero_grad()
        (model(ag.tensor(X).float()) ** 2).sum().backward()
        optimizer.step()
        return [p.detach().numpy().copy() for p in model.parameters()]

    step(model, optimizer)
    twins = twin_of((model, optimizer))  # together, so that the parameters stay the same objects
    for a, b in zip(step(model, optimizer), step(*twins)):
        np.testing.assert_array_equal(a, b)


def test_a_shallow_copy_shares_memory():
    x = ag.tensor(X)
    assert np.shares_memory(copy.copy(x).numpy(), x.numpy())


def test_random_states():
    generator = ag.Generator().manual_seed(3)
    state = generator.get_state()
    first = ag.rand(3, generator=generator).numpy()
    generator.set_state(state)
    np.testing.assert_array_equal(ag.rand(3, generator=generator), first)
    assert generator.initial_seed() == 3 and ag.manual_seed(4).initial_seed() == ag.initial_seed() == 4
    state = ag.get_rng_state()
    first = ag.randn(3).numpy()
    ag.set_rng_state(state)
    np.testing.assert_array_equal(ag.randn(3), first)
    twin = pickle.loads(pickle.dumps(generator))
    np.testing.assert_array_equal(ag.rand(3, generator=twin), ag.rand(3, generator=generator))
