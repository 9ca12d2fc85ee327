"""Writing to places of a tensor, and indices that change after use."""

import tracemalloc

import numpy as np
import pytest

import autograd as ag
import autograd.nn.functional as F
from autograd.errors import DTypeError, GraphError, ShapeError

INDICES = [0, slice(1, None, 2), (Ellipsis, 1), np.array([2, 0]), [0, 2], (slice(None), [1, 1]), np.arange(3) > 0]


@pytest.mark.parametrize("index", INDICES, ids=str)
@pytest.mark.parametrize("recorded", [False, True])
def test_writing_is_numpys_and_in_place(rng, index, recorded):
    start, value = rng.standard_normal((3, 4)), rng.standard_normal(4)[:1]
    want = start.copy()
    want[index] = value
    source = ag.tensor(start, requires_grad=recorded)
    x = source * 1.0 if recorded else source
    memory = x.array
    v = ag.tensor(value, requires_grad=recorded)
    x[index] = v
    assert x.array is memory
    np.testing.assert_array_equal(memory, want)
    if recorded:
        x.sum().backward()
        written = np.zeros((3, 4))
        written[index] = 1
        np.testing.assert_array_equal(source.grad.array, 1 - written)
        assert v.grad.item() == pytest.approx(np.ones((3, 4))[index].size)


@pytest.mark.parametrize("recorded", [False, True])
def test_writing_copies_nothing(recorded):
    x = ag.zeros(1000, 1000, requires_grad=recorded)
    x = x * 1.0 if recorded else x
    row = np.ones(1000, np.float32)
    x[0] = row
    tracemalloc.start()
    try:
        x[1] = row
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_what_must_not_be_written_stays_as_it_was():
    leaf = ag.ones(3, requires_grad=True)
    shared = ag.ones(1, 3).expand(2, 3)
    number = ag.ones(3)
    for x, index, value, error in (
        (leaf, 0, 5.0, GraphError),
        (shared, 0, 5.0, GraphError),
        (number, 7, 5.0, IndexError),
        (number, slice(None), np.ones(2), ShapeError),
        (number, 0, "five", DTypeError),
        (number, 0, 5j, DTypeError),
        (number, "a", 5.0, DTypeError),
    ):
        with pytest.raises(error):
            x[index] = value
        assert (x.array == 1).all()


def test_writing_is_noticed_by_who_saved_the_memory():
    x = ag.ones(3, requires_grad=True)
    y = x * 1.0
    z = y * y
    y[0] = 2.0
    with pytest.raises(GraphError, match="changed in place"):
        z.sum().backward()


def test_overlapping_memory():
    x = ag.arange(6)
    x[1:] = x[:-1]
    assert x.tolist() == [0, 0, 1, 2, 3, 4]


# --------------------------------------------------------------------------------------------- indices that change

ROWS = np.array([[0.5, 1.5, -1.0], [2.0, 0.25, 1.0], [0.75, -0.5, 3.0]])
LABELS = {
    "getitem": lambda x, i: x[i],
    "getitem in a tuple": lambda x, i: x[:, i],
    "getitem in a list": lambda x, i: x[[i, i]],
    "take": lambda x, i: ag.take(x, i, axis=0),
    "gather": lambda x, i: ag.gather(x, 0, i[None]),
    "index_select": lambda x, i: ag.index_select(x, 0, i),
    "index_add": lambda x, i: ag.index_add(ag.zeros(3, 3, dtype=ag.float64), 0, i, x),
    "scatter_add": lambda x, i: ag.scatter_add(ag.zeros(3, 3, dtype=ag.float64), 0, i[None], x),
    "embedding": lambda x, i: F.embedding(i, x),
    "nll_loss": lambda x, i: F.nll_loss(x, i),
    "cross_entropy": lambda x, i: F.cross_entropy(x, i),
}


@pytest.mark.parametrize("kind", ["array", "tensor"])
@pytest.mark.parametrize("name", LABELS)
def test_an_index_that_changes_is_noticed_or_does_not_matter(name, kind):
    """The gradient is that of the index at the time of the call, or a GraphError; never that of another index."""

    def gradient(change):
        x = ag.tensor(ROWS, requires_grad=True)
        index = np.array([0, 2, 2])
        y = LABELS[name](x, ag.tensor(index) if kind == "tensor" and not change else given(index))
        if change:
            latest[0][...] = 1
        (y * y).sum().backward()
        return x.grad.array

    latest = [None]

    def given(index):
        latest[0] = ag.tensor(index) if kind == "tensor" else index
        return latest[0]

    want = gradient(False)
    try:
        got = gradient(True)
    except GraphError as error:
        assert kind == "tensor" and "changed in place" in str(error)
        return
    np.testing.assert_array_equal(got, want)


def test_a_written_index_that_changes():
    x, v, index = ag.zeros(3), ag.ones(2, requires_grad=True), np.array([0, 1])
    x[index] = v * 1.0
    index[:] = 2
    (x * ag.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert v.grad.tolist() == [1, 10]
