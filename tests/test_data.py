"""Datasets, samplers, loader: order, bits, resume, workers, errors."""

from __future__ import annotations

import collections
import gc
import itertools
import json
import os
import signal
import threading
import time
import traceback

import numpy as np
import pytest

import autograd
from autograd import data
from autograd.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    PerSample,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    default_collate,
    random_split,
    seeds,
)
from autograd.errors import DTypeError, FormatError, ShapeError

WORKERS = [0, 1, 2, 4]


class StandIn:
    """What this file needs of a Tensor, wherever the engine is not built."""

    def __init__(self, array):
        self.data = array
        self.shape, self.dtype = array.shape, array.dtype

    def detach(self):
        return self

    def __array__(self, dtype=None, copy=None):
        return np.array(self.data, dtype=dtype, copy=copy)

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        return StandIn(np.asarray(self.data[index]))


@pytest.fixture(autouse=True)
def tensors(monkeypatch):
    if not hasattr(autograd, "from_numpy"):
        monkeypatch.setattr(autograd, "from_numpy", StandIn, raising=False)


@pytest.fixture(autouse=True)
def no_leaked_threads():
    yield
    deadline = time.monotonic() + 5
    while loader_threads() and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.01)
    assert not loader_threads()


def loader_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("autograd-data")]


class Items(Dataset):
    """Per-item dataset; `reads` lists what was asked for."""

    def __init__(self, n=23, action=None):
        self.n, self.action, self.reads = n, action, []

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        self.reads.append(index)
        if self.action:
            self.action(index)
        return np.full((2, 3), index, np.float32), index


def arrays(n=23):
    return np.arange(n * 6, dtype=np.float32).reshape(n, 2, 3), np.arange(n)


def labels(loader):
    return [np.asarray(batch[1]).tolist() for batch in loader]


def contents(batches):
    return [[(np.asarray(f).dtype, np.asarray(f).shape, np.asarray(f).tobytes()) for f in batch] for batch in batches]


def noise(batch, row_seeds):
    return batch + seeds.uniform(seeds.words(row_seeds))[:, 0].reshape(-1, 1, 1).astype(batch.dtype)


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
    dataset = TensorDataset(StandIn(x), y)
    assert len(dataset) == 23
    assert np.array_equal(dataset[4][0], x[4])
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
    batch = default_collate([StandIn(np.ones(2, np.float32)), StandIn(np.zeros(2, np.float32))])
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


# -- loader: order and bits --------------------------------------------------------------------------------------------


def test_batches_in_order():
    x, y = arrays()
    loader = DataLoader(TensorDataset(x, y), 5)
    batches = list(loader)
    assert len(loader) == len(batches) == 5
    assert all(isinstance(batch, list) for batch in batches)
    assert np.array_equal(np.concatenate([np.asarray(batch[0]) for batch in batches]), x)
    assert np.asarray(batches[0][0]).dtype == np.float32
    assert np.asarray(batches[0][1]).dtype == np.int64
    short = DataLoader(TensorDataset(x, y), 5, drop_last=True)
    assert len(short) == len(list(short)) == 4


def test_datasets_of_every_kind_give_the_same():
    x, y = arrays()
    samples = [(x[i], i) for i in range(23)]
    expected = contents(DataLoader(samples, 5, shuffle=True, seed=1))
    assert contents(DataLoader(TensorDataset(x, y), 5, shuffle=True, seed=1)) == expected
    assert contents(DataLoader(TensorDataset(StandIn(x), StandIn(y)), 5, shuffle=True, seed=1)) == expected
    for whole in (x, StandIn(x)):
        got = [np.asarray(batch).tobytes() for batch in DataLoader(whole, 5, shuffle=True, seed=1)]
        assert got == [batch[0][2] for batch in expected]
    assert list(DataLoader([], 5)) == []
    assert list(DataLoader(x[:0], 5, shuffle=True)) == []


def test_a_batch_is_one_call():
    calls = []

    class Counted(TensorDataset):
        def __getitems__(self, indices):
            calls.append(indices)
            return super().__getitems__(indices)

    list(DataLoader(Counted(*arrays()), 10))
    assert [type(call) for call in calls] == [np.ndarray] * 3


def test_getitems_may_give_samples_as_in_pytorch():
    class Listed(Items):
        def __getitems__(self, indices):
            return [self[int(i)] for i in indices]

    assert contents(DataLoader(Listed(), 5)) == contents(DataLoader(Items(), 5))

    class Fields(TensorDataset):
        def __getitems__(self, indices):
            return list(super().__getitems__(indices))

    with pytest.raises(ValueError, match=r"list of 2 for 5 indices.*tuple"):
        list(DataLoader(Fields(*arrays()), 5))


def test_collate_fn_gets_samples():
    loader = DataLoader(TensorDataset(*arrays()), 4, collate_fn=lambda samples: [int(y) for _, y in samples])
    assert next(iter(loader)) == [0, 1, 2, 3]


def test_keys_that_are_no_numbers():
    table = {"a": 1, "b": 2}
    assert [np.asarray(batch).tolist() for batch in DataLoader(table, 2, sampler=["b", "a"])] == [[2, 1]]
    with pytest.raises(TypeError, match="integer indices"):
        list(DataLoader(table, 2, sampler=["b", "a"], transform=lambda batch, seeds: batch))


def test_a_shuffle_follows_its_seed():
    x = TensorDataset(*arrays())
    loader = DataLoader(x, 5, shuffle=True, seed=4)
    first, second = labels(loader), labels(loader)
    assert first != second
    assert sorted(itertools.chain(*first)) == list(range(23))
    assert labels(DataLoader(x, 5, shuffle=True, generator=4)) == first
    assert labels(DataLoader(x, 5, shuffle=True, seed=5)) != first


@pytest.mark.parametrize("make", [lambda: TensorDataset(*arrays(101)), lambda: Items(101)])
@pytest.mark.parametrize("transform", [noise, PerSample(lambda x, rng: x + rng.normal(size=x.shape).astype("f4"))])
def test_workers_do_not_change_a_bit(make, transform):
    runs = []
    for workers in WORKERS:
        loader = DataLoader(make(), 7, shuffle=True, seed=11, num_workers=workers, transform=transform)
        runs.append([contents(loader), contents(loader)])
    assert runs[0][0] != runs[0][1]
    assert all(run == runs[0] for run in runs[1:])


def test_augmentation_belongs_to_the_sample():
    x = TensorDataset(np.zeros((40, 2, 3), np.float32), np.arange(40))

    def augmented(**options):
        found = {}
        for images, rows in DataLoader(x, seed=2, transform=noise, **options):
            found |= {int(y): float(image[0, 0]) for image, y in zip(np.asarray(images), np.asarray(rows), strict=True)}
        return found

    assert augmented(batch_size=40) == augmented(batch_size=7, shuffle=True) == augmented(batch_size=1, num_workers=2)
    assert len(set(augmented(batch_size=40).values())) == 40


def test_transform_wants_an_array_first():
    loader = DataLoader([{"x": np.ones(2)}], transform=lambda batch, seeds: batch)
    with pytest.raises(TypeError, match=r"transform=.*dict"):
        list(loader)


# -- loader: state -----------------------------------------------------------------------------------------------------


def make_loader(workers, seed, **options):
    return DataLoader(TensorDataset(*arrays()), 4, num_workers=workers, seed=seed, transform=noise, **options)


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("stop", [0, 1, 3, 6])
def test_resume_continues_at_the_same_bits(workers, stop):
    loader = make_loader(workers, 3, shuffle=True)
    whole = [contents(loader) for _ in range(3)]
    loader = make_loader(workers, 3, shuffle=True)
    list(loader)
    state = loader.state_dict()
    for count, _ in enumerate(loader, 1):
        if count > stop:
            break
        state = loader.state_dict()
    resumed = make_loader(workers, 77, shuffle=True)
    resumed.load_state_dict(state)
    assert resumed.state_dict() == state
    assert resumed.epoch == 1
    assert contents(resumed) == whole[1][stop:]
    assert contents(resumed) == whole[2]


def test_state_is_plain_and_survives_a_break():
    loader = make_loader(2, 2**64 - 1, shuffle=True)
    for count, _ in enumerate(loader):
        if count == 2:
            break
    state = json.loads(json.dumps(loader.state_dict()))
    assert (state["epoch"], state["position"]) == (0, 3)
    rest = make_loader(0, 0, shuffle=True)
    rest.load_state_dict(state)
    assert contents(rest) == contents(make_loader(0, 2**64 - 1, shuffle=True))[3:]
    loader.load_state_dict(state)  # into the loader it came from
    assert len(list(loader)) == 3


def test_at_the_end_of_an_epoch_the_state_is_the_next_ones_start():
    loader = make_loader(1, 0, shuffle=True)
    list(loader)
    assert (loader.state_dict()["epoch"], loader.state_dict()["position"]) == (1, 0)
    assert loader.epoch == 1
    last = make_loader(0, 0, shuffle=True)
    for _ in last:
        state = last.state_dict()
    assert state["position"] == 6  # before the loop noticed the end: an empty rest, then the next epoch
    again = make_loader(0, 9, shuffle=True)
    again.load_state_dict(state)
    assert list(again) == []
    assert contents(again) == contents(loader)


def test_a_samplers_own_state_travels_with_the_loaders():
    def make(seed):
        return DataLoader(TensorDataset(*arrays()), 4, sampler=RandomSampler(range(23), seed=seed), seed=0)

    loader = make(1)
    list(loader)
    whole = labels(loader)
    loader = make(1)
    list(loader)
    steps = iter(loader)
    next(steps), next(steps)
    other = make(2)
    other.load_state_dict(loader.state_dict())
    assert labels(other) == whole[2:]


def test_foreign_states_are_refused():
    loader = make_loader(0, 0)
    state = loader.state_dict()
    for wrong in ({}, {"version": 1}, state | {"epoch": -1}, state | {"position": 1.5}, state | {"seed": None}, None):
        with pytest.raises(FormatError, match="not the state"):
            loader.load_state_dict(wrong)
    with pytest.raises(FormatError, match="version"):
        loader.load_state_dict(state | {"version": 9})
    with pytest.raises(FormatError, match=r"batch 9 of 6"):
        loader.load_state_dict(state | {"position": 9})
    with pytest.raises(ValueError, match=r"samples=22.*samples=23"):
        loader.load_state_dict(state | {"samples": 22})
    with pytest.raises(ValueError, match=r"batch_size=8.*same dataset"):
        loader.load_state_dict(state | {"batch_size": 8})
    assert loader.state_dict() == state


# -- loader: workers ---------------------------------------------------------------------------------------------------


def test_workers_work_at_the_same_time():
    barrier = threading.Barrier(3, timeout=10)
    assert len(list(DataLoader(Items(9, lambda index: barrier.wait()), 1, num_workers=3))) == 9


def test_prefetching_is_bounded_and_in_order():
    dataset = Items(100, lambda index: time.sleep(0.001 * (index % 3)))
    loader = iter(DataLoader(dataset, 1, num_workers=2, prefetch_factor=3))
    assert np.asarray(next(loader)[1]).tolist() == [0]
    time.sleep(0.1)
    assert len(dataset.reads) <= 1 + 2 * 3
    assert [np.asarray(batch[1]).item() for batch in loader] == list(range(1, 100))


@pytest.mark.parametrize("workers", WORKERS)
def test_an_exception_comes_through(workers):
    def fail(index):
        if index == 13:
            raise KeyError("planted")

    loader = iter(DataLoader(Items(23, fail), 5, num_workers=workers))
    next(loader), next(loader)
    with pytest.raises(KeyError, match="planted") as caught:
        next(loader)
    assert "fail" in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert caught.value.__notes__ == [
        "DataLoader: while fetching batch 2 of epoch 0 (samples 10, 11, 12, 13, 14)",
    ]
    assert np.asarray(next(loader)[1]).tolist() == [15, 16, 17, 18, 19]


@pytest.mark.parametrize("workers", WORKERS)
def test_a_stop_iteration_does_not_pass_for_the_end(workers):
    def stop(index):
        if index == 7:
            raise StopIteration

    loader = iter(DataLoader(Items(23, stop), 5, num_workers=workers))
    next(loader)
    with pytest.raises(RuntimeError, match="StopIteration in batch 1"):
        next(loader)


@pytest.mark.parametrize("workers", WORKERS)
def test_a_failing_sampler_fails_at_its_turn(workers):
    def indices():
        yield from range(7)
        raise LookupError("sampler")

    loader = iter(DataLoader(Items(), 2, sampler=indices(), num_workers=workers))
    for _ in range(3):
        next(loader)
    with pytest.raises(LookupError, match="sampler"):
        next(loader)
    assert list(loader) == []


def test_a_failing_worker_start_is_reported():
    def start(worker):
        raise OSError(f"worker {worker}")

    with pytest.raises(OSError, match="worker"):
        list(DataLoader(Items(), 4, num_workers=2, worker_init_fn=start))
    started = []
    list(DataLoader(Items(), 4, num_workers=2, worker_init_fn=started.append))
    assert started
    assert sorted(set(started)) == sorted(started)


@pytest.mark.parametrize("workers", WORKERS)
def test_breaking_out_ends_the_threads(workers):
    loader = DataLoader(Items(1000, lambda index: time.sleep(0.001)), 4, num_workers=workers)
    for _ in range(5):
        start = time.monotonic()
        for _ in loader:
            assert len(loader_threads()) == workers
            break
        assert time.monotonic() - start < 1
        assert not loader_threads()
    iter(loader)  # never used
    assert not loader_threads()


def test_breaking_out_drops_what_was_queued():
    dataset = Items(100, lambda index: time.sleep(0.02))
    for _ in DataLoader(dataset, 1, num_workers=1, prefetch_factor=50):
        break
    assert len(dataset.reads) < 10


def test_a_resumed_pass_counts_on():
    def fail(index):
        if index == 13:
            raise KeyError("planted")

    loader = DataLoader(Items(23, fail), 5)
    loader.load_state_dict(loader.state_dict() | {"epoch": 4, "position": 2})
    with pytest.raises(KeyError) as caught:
        list(loader)
    assert "batch 2 of epoch 4 (samples 10," in caught.value.__notes__[0]


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals between threads on this system")
@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_while_waiting_loses_no_batch(workers):
    main = threading.get_ident()

    def interrupt(index):
        if index == 4:
            time.sleep(0.05)  # the consumer waits for this batch by now
            signal.pthread_kill(main, signal.SIGINT)
            time.sleep(0.05)

    steps = iter(DataLoader(Items(23, interrupt), 4, num_workers=workers))
    next(steps)
    with pytest.raises(KeyboardInterrupt):
        next(steps)
    assert [np.asarray(batch[1])[0] for batch in steps] == [4, 8, 12, 16, 20]


def test_close_stops_without_ending_the_epoch():
    loader = DataLoader(Items(), 4, num_workers=2)
    steps = iter(loader)
    next(steps)
    steps.close()
    assert not loader_threads()
    assert list(steps) == []
    assert (loader.state_dict()["epoch"], loader.state_dict()["position"]) == (0, 1)
    steps.close()


def test_a_stuck_worker_does_not_hold_up_a_break(monkeypatch):
    monkeypatch.setattr("autograd.data.workers.JOIN_SECONDS", 0.1)
    release = threading.Event()
    loader = DataLoader(Items(50, lambda index: index < 4 or release.wait(20)), 4, num_workers=2)
    start = time.monotonic()
    for _ in loader:
        break
    assert time.monotonic() - start < 5
    release.set()


def test_a_pass_in_a_reference_cycle_is_collected():
    cycle = [iter(DataLoader(Items(), 4, num_workers=2))]
    cycle.append(cycle)
    assert len(loader_threads()) == 2
    del cycle
    gc.collect()
    assert not loader_threads()


def test_two_passes_at_once():
    loader = DataLoader(Items(), 5, num_workers=2)
    pairs = list(zip(labels(loader), labels(loader), strict=True))
    assert all(a == b for a, b in pairs)
    assert sum(1 for _ in zip(loader, loader, strict=True)) == 5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_pass_does_not_cross_a_fork_but_the_loader_does():
    loader = DataLoader(Items(), 4, num_workers=2)
    steps = iter(loader)
    next(steps)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            next(steps)
        except RuntimeError:
            code = 0 if len(list(loader)) == 6 else 2
        finally:
            os._exit(code)
    deadline = time.monotonic() + 20
    while (done := os.waitpid(pid, os.WNOHANG))[0] == 0:
        if time.monotonic() > deadline:
            os.kill(pid, 9)
        time.sleep(0.01)
    assert done[1] == 0
    assert len(list(steps)) == 5


# -- loader: options ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"batch_size": 0}, ValueError, "batch_size=0"),
        ({"sampler": [1], "shuffle": True}, ValueError, "shuffle"),
        ({"batch_sampler": [[1]], "batch_size": 3}, ValueError, "excludes"),
        ({"batch_sampler": [[1]], "drop_last": True}, ValueError, "excludes"),
        ({"num_workers": -1}, ValueError, "num_workers=-1"),
        ({"prefetch_factor": 0}, ValueError, "prefetch_factor=0"),
        ({"generator": 1, "seed": 1}, ValueError, "one of them"),
        ({"dataset": iter([1])}, TypeError, "__getitem__"),
        ({"dataset": type("D", (), {"__getitem__": lambda self, i: i})()}, TypeError, "__len__"),
    ],
)
def test_options_are_checked(options, error, match):
    with pytest.raises(error, match=match):
        DataLoader(**({"dataset": [1, 2]} | options))


def test_pytorchs_import_path():
    import autograd.utils.data as theirs

    assert all(getattr(theirs, name) is getattr(data, name) for name in data.__all__)
