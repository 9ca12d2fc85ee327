"""The loader: order, bits, resume, options."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from loaders import WORKERS, Items, arrays, contents, labels, noise

import autograd
from autograd.data import (
    DataLoader,
    PerSample,
    RandomSampler,
    TensorDataset,
)
from autograd.errors import FormatError

pytestmark = pytest.mark.usefixtures("no_leaked_threads")


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
    assert (
        contents(DataLoader(TensorDataset(autograd.Tensor(x), autograd.Tensor(y)), 5, shuffle=True, seed=1)) == expected
    )
    for whole in (x, autograd.Tensor(x)):
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
@pytest.mark.parametrize(
    "transform",
    [noise, pytest.param(PerSample(lambda x, rng: x + rng.normal(size=x.shape).astype("f4")), marks=pytest.mark.slow)],
)
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


@pytest.mark.parametrize(
    ("workers", "stop"),
    [
        pytest.param(workers, stop, marks=() if workers == stop or workers + stop == 5 else pytest.mark.slow)
        for workers in WORKERS
        for stop in (0, 1, 3, 6)
    ],
)
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
