"""Datasets, samplers, seeds, collation."""

from __future__ import annotations

import collections

import numpy as np
import pytest
from loaders import Items, arrays, contents

import autograd
from autograd import data
from autograd.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    default_collate,
    random_split,
    seeds,
)
from autograd.errors import DTypeError, ShapeError

# -- seeds -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, 2**63 + 11, 2**64 - 1])
@pytest.mark.parametrize("stream", [0, 1, 2**63])
def test_words_are_numpys_philox(seed, stream):
    indices = np.array([0, 1, 77, 2**39, 2**40 - 1])
    rows = seeds.on_stream(seeds.sample_seeds(seed, 5, indices), stream)
    expected = np.stack([generator.bit_generator.random_raw(4) for generator in seeds.generators(rows)])
    np.testing.assert_array_equal(seeds.words(rows), expected)


def test_streams_of_samples_epochs_and_seeds_differ():
    rows = [seeds.sample_seeds(s, e, np.arange(50)) for s in (0, 1) for e in (0, 1)]
    rows += [seeds.on_stream(row, 1) for row in rows]
    drawn = seeds.words(np.concatenate(rows)).ravel()
    assert len(np.unique(drawn)) == len(drawn)
    assert abs(seeds.uniform(drawn).mean() - 0.5) < 0.05


def test_negative_indices_keep_off_the_epoch():
    rows = seeds.sample_seeds(3, 2, np.array([-1]))
    assert rows[0, 1] >> 40 == 2


def test_seed_spellings():
    torch_like = type("Generator", (), {"initial_seed": lambda self: 9})()
    assert seeds.resolve_seed(seed=7) == seeds.resolve_seed(7) == seeds.resolve_seed(np.int64(7)) == 7
    assert seeds.resolve_seed(torch_like) == 9
    assert seeds.resolve_seed(np.random.default_rng(1)) == seeds.resolve_seed(np.random.default_rng(1))
    assert seeds.resolve_seed() != seeds.resolve_seed()
    for bad in (-1, 2**64):
        with pytest.raises(ValueError, match="seed"):
            seeds.resolve_seed(seed=bad)
    for wrong in (True, 1.5, "1"):
        with pytest.raises(TypeError, match="seed"):
            seeds.resolve_seed(wrong)
    with pytest.raises(ValueError, match="one of them"):
        seeds.resolve_seed(1, 2)


# -- samplers ----------------------------------------------------------------------------------------------------------


def test_order_is_pinned():
    """Raw Philox words and a sort: the order may not change with NumPy, or resumed runs would."""
    assert list(RandomSampler(range(8), seed=0)) == PINNED_ORDER


PINNED_ORDER = [6, 0, 3, 5, 1, 2, 7, 4]


def test_random_sampler_permutes_and_moves_on():
    sampler = RandomSampler(range(100), seed=3)
    first, second = list(sampler), list(sampler)
    assert sorted(first) == sorted(second) == list(range(100))
    assert first != second
    sampler.set_epoch(0)
    assert list(sampler) == first
    restored = RandomSampler(range(100), seed=99)
    restored.load_state_dict({"seed": 3, "epoch": 1})
    assert list(restored) == second


def test_random_sampler_counts():
    assert len(list(RandomSampler(range(10), num_samples=25, seed=0))) == 25
    twice = list(RandomSampler(range(10), num_samples=20, seed=0))
    assert sorted(twice[:10]) == sorted(twice[10:]) == list(range(10))
    drawn = list(RandomSampler(range(10), replacement=True, num_samples=1000, seed=0))
    assert set(drawn) == set(range(10))
    assert list(RandomSampler([], seed=0)) == []
    assert list(RandomSampler(range(3), num_samples=0, seed=0)) == []
    with pytest.raises(ValueError, match="num_samples"):
        RandomSampler(range(3), num_samples=-1)


def test_all_orders_are_equally_likely():
    counts = collections.Counter(tuple(RandomSampler(range(3), seed=s)) for s in range(3000))
    assert len(counts) == 6
    assert max(counts.values()) < 600


def test_an_epoch_is_settled_when_the_pass_starts():
    sampler = RandomSampler(range(50), seed=1)
    first, second = iter(sampler), iter(sampler)
    taken = [next(second), next(first)]
    assert [taken[1], *first] == list(RandomSampler(range(50), seed=1))
    assert [taken[0], *second] != [taken[1], *first]


def test_subset_and_batch_samplers():
    assert sorted(SubsetRandomSampler([5, 2, 9], seed=0)) == [2, 5, 9]
    assert list(BatchSampler(SequentialSampler(range(5)), 2)) == [[0, 1], [2, 3], [4]]
    assert list(BatchSampler(range(5), 2, drop_last=True)) == [[0, 1], [2, 3]]
    assert len(BatchSampler(range(5), 2)) == 3
    assert len(BatchSampler(range(5), 2, drop_last=True)) == 2
    for bad in (0, -1, 2.0, True, None):
        with pytest.raises(ValueError, match="batch_size"):
            BatchSampler(range(5), bad)


# -- datasets ----------------------------------------------------------------------------------------------------------


def test_tensor_dataset():
    x, y = arrays()
    dataset = TensorDataset(autograd.Tensor(x), y)
    assert len(dataset) == 23
    assert np.array_equal(np.asarray(dataset[4][0]), x[4])
    assert dataset[4][1] == 4
    batch = dataset.__getitems__(np.array([3, 1]))
    assert np.array_equal(batch[0], x[[3, 1]])
    with pytest.raises(ShapeError, match=r"\(23, 2, 3\), \(22,\)"):
        TensorDataset(x, y[:-1])
    with pytest.raises(ShapeError):
        TensorDataset(np.float32(1))
    with pytest.raises(ValueError, match="at least one"):
        TensorDataset()


@pytest.mark.parametrize("make", [lambda: TensorDataset(*arrays()), Items])
def test_subset_and_concat_agree_with_single_samples(make):
    subset = Subset(make(), [7, 3, 20, -1])
    both = make() + subset
    assert isinstance(both, ConcatDataset)
    assert len(both) == 27
    wanted = [26, 0, 23, 22, -1, 24]
    for dataset, indices in ((subset, [2, 0, -1, 1]), (both, wanted)):
        got = next(iter(DataLoader(dataset, batch_sampler=[indices])))
        expected = default_collate([dataset[i] for i in indices])
        assert contents([got]) == contents([expected])
    for bad in (27, -28):
        with pytest.raises(IndexError):
            both[bad]
        with pytest.raises(IndexError):
            both.__getitems__(np.array([0, bad]))


def test_concat_of_unlike_datasets():
    x, y = arrays()
    with pytest.raises(ShapeError, match=r"\(2, 2\) and \(2, 3\)"):
        ConcatDataset([TensorDataset(x, y), TensorDataset(x[:, :, :2], y)]).__getitems__(np.array([0, 30]))
    with pytest.raises(DTypeError, match="float64"):
        ConcatDataset([TensorDataset(x, y), TensorDataset(x.astype(float), y)]).__getitems__(np.array([0, 30]))
    with pytest.raises(ValueError, match="lengths"):
        ConcatDataset([TensorDataset(x, y), TensorDataset(x)]).__getitems__(np.array([0, 30]))
    with pytest.raises(ValueError, match="at least one"):
        ConcatDataset([])


def test_overriding_getitem_wins_over_an_inherited_getitems():
    class Negative(TensorDataset):
        def __getitem__(self, index):
            x, y = super().__getitem__(index)
            return -x, y

    x, y = arrays()
    for dataset in (Negative(x, y), Subset(Negative(x, y), range(23)), ConcatDataset([Negative(x, y)])):
        assert np.array_equal(np.asarray(next(iter(DataLoader(dataset, 23)))[0]), -x)


@pytest.mark.parametrize(
    ("lengths", "sizes"),
    [([10, 13], [10, 13]), ([0.5, 0.5], [12, 11]), ([0.7, 0.2, 0.1], [17, 4, 2]), ([1.0], [23]), ([23, 0], [23, 0])],
)
def test_random_split(lengths, sizes):
    parts = random_split(range(23), lengths, seed=5)
    assert [len(part) for part in parts] == sizes
    assert sorted(i for part in parts for i in part.indices) == list(range(23))
    again = random_split(range(23), lengths, generator=5)
    assert [part.indices for part in parts] == [part.indices for part in again]
    if len(parts) > 1:
        assert parts[0].indices != random_split(range(23), lengths, seed=6)[0].indices or sizes == [23, 0]


@pytest.mark.parametrize("lengths", [[1, 2], [0.5, 0.4], [-1, 24], [22.5, 0.5], [float("nan"), 1.0]])
def test_random_split_refuses(lengths):
    with pytest.raises(ValueError, match="random_split"):
        random_split(range(23), lengths)


@pytest.mark.filterwarnings("ignore:Length of split")
def test_random_split_sizes_are_pytorchs():
    torch_data = pytest.importorskip("torch.utils.data")
    for n in (1, 7, 100, 1797):
        for fractions in ([0.8, 0.2], [0.29, 0.71], [1 / 3, 1 / 3, 1 / 3], [0.6, 0.3, 0.1]):
            ours = [len(part) for part in random_split(range(n), fractions, seed=0)]
            assert ours == [len(part) for part in torch_data.random_split(range(n), fractions)]


# -- collate -----------------------------------------------------------------------------------------------------------

Point = collections.namedtuple("Point", "x y")

SAMPLES = {
    "arrays": [np.ones((2, 3), np.float32), np.zeros((2, 3), np.float32)],
    "uint8": [np.array([1, 2], np.uint8)] * 3,
    "numpy scalars": [np.float32(1), np.float32(2)],
    "floats": [0.5, 1.5],
    "ints": [1, 2, 3],
    "bools": [True, False],
    "strings": ["a", "b"],
    "tuples": [(np.ones(2), 1), (np.zeros(2), 2)],
    "lists": [[1, 2.0], [3, 4.0]],
    "dicts": [{"x": np.ones(2), "y": {"z": 1}}, {"x": np.zeros(2), "y": {"z": 2}}],
    "named": [Point(1, np.ones(2)), Point(2, np.ones(2))],
}


def plain(value):
    """Tensors as (dtype, list), containers by type."""
    if hasattr(value, "detach"):
        array = np.asarray(value.detach())
        return str(array.dtype), array.tolist()
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    return (type(value).__name__, [plain(entry) for entry in value]) if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize("samples", SAMPLES.values(), ids=SAMPLES)
def test_collate_is_pytorchs(samples):
    torch_data = pytest.importorskip("torch.utils.data")
    assert plain(default_collate(samples)) == plain(torch_data.default_collate(samples))


def test_collate_takes_tensors():
    batch = default_collate([autograd.Tensor(np.ones(2, np.float32)), autograd.Tensor(np.zeros(2, np.float32))])
    assert np.asarray(batch).tolist() == [[1, 1], [0, 0]]


@pytest.mark.parametrize(
    ("samples", "error", "match"),
    [
        ([np.ones(2), np.ones(3)], ShapeError, r"sample 1 .*\(3,\).*\(2,\).*collate_fn="),
        ([(1, 2), (1,)], ValueError, "different lengths"),
        ([None, None], TypeError, "NoneType.*return"),
        ([object()], TypeError, "collate_fn="),
        ([np.array(["a"])], DTypeError, "dtype <U1"),
        ([1, "x"], DTypeError, "NumPy"),
        ([0.5, "x"], TypeError, "float"),
        ([2**70, 1], DTypeError, "object"),
        ([], ValueError, "no samples"),
    ],
)
def test_collate_refuses(samples, error, match):
    with pytest.raises(error, match=match):
        default_collate(samples)


def test_pytorchs_import_path():
    import autograd.utils.data as theirs

    assert all(getattr(theirs, name) is getattr(data, name) for name in data.__all__)
