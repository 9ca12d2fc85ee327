"""Random numbers that belong to a sample, not to whoever happens to draw them.

Every random choice of the data pipeline is a function of (loader seed, epoch, sample index, stream), so it depends
neither on the batch a sample falls into nor on the number of workers. The function is Philox4x64-10, the
counter-based generator of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), which is also
:class:`numpy.random.Philox`: `generators` hands out NumPy's, `words` computes the same bits for a whole batch at once.

`Seeds` is a uint64 array (N, 3), one row per sample: two words of Philox key (loader seed; epoch and index) and the
stream, which goes to the last word of the counter. Different streams of one sample never overlap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Seeds: TypeAlias = NDArray[np.uint64]
Words: TypeAlias = NDArray[np.uint64]

INDEX_BITS = 40  # of the second key word; the other 24 hold the epoch
ORDER_STREAM = 1 << 63  # streams of the shuffle and of random_split, far from those of the transforms
SPLIT_STREAM = ORDER_STREAM + 1


class SeededTransform(Protocol):
    """What `DataLoader(transform=...)` calls: a batch (N, ...) and the seeds of its samples, giving a new batch."""

    def __call__(self, batch: NDArray[Any], seeds: Seeds, /) -> NDArray[Any]: ...


def default_seed() -> int:
    """A fresh 63-bit seed, for those who gave none."""
    return int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> np.uint64(1))


def resolve_seed(generator: Any = None, seed: int | None = None) -> int:
    """One seed out of the two ways to say it: `seed=7`, or `generator=` an int, a NumPy Generator (one number is
    drawn from it) or an object with PyTorch's `initial_seed()`. Neither: a fresh one.

    Raises ValueError when both are given or the seed is outside 0..2^64-1, TypeError for anything else.
    """
    if generator is not None and seed is not None:
        raise ValueError("generator= and seed= are two ways to say the same thing: give one of them")
    given = seed if generator is None else generator
    if given is None:
        return default_seed()
    if isinstance(given, np.random.Generator):
        return int(given.integers(1 << 63))
    if hasattr(given, "initial_seed"):
        given = given.initial_seed()
    if isinstance(given, (bool, np.bool_)) or not isinstance(given, (int, np.integer)):
        raise TypeError(f"a seed is an int or a numpy.random.Generator, got {type(given).__name__}")
    if not 0 <= given < 1 << 64:
        raise ValueError(f"seed={given}: must lie in 0 .. 2^64 - 1")
    return int(given)


def sample_seeds(seed: int, epoch: int, indices: NDArray[np.intp]) -> Seeds:
    """The seeds (N, 3) of samples `indices` (N,) in one epoch, on stream 0."""
    seeds = np.zeros((len(indices), 3), dtype=np.uint64)
    seeds[:, 0] = seed
    index = indices.astype(np.uint64) & np.uint64((1 << INDEX_BITS) - 1)  # a negative index keeps off the epoch's bits
    seeds[:, 1] = index | np.uint64((epoch % (1 << 24)) << INDEX_BITS)
    return seeds


def on_stream(seeds: Seeds, stream: int) -> Seeds:
    """The same samples on another stream, independent of the first."""
    moved = seeds.copy()
    moved[:, 2] = stream
    return moved


def order_source(seed: int, epoch: int, stream: int = ORDER_STREAM) -> np.random.Philox:
    """The bit generator behind the sample order of one epoch."""
    key = np.array([seed, (epoch % (1 << 24)) << INDEX_BITS], dtype=np.uint64)
    return np.random.Philox(key=key, counter=np.array([0, 0, 0, stream], dtype=np.uint64))


def permutation(source: np.random.Philox, n: int) -> NDArray[np.intp]:
    """A random order of 0..n-1. Sorting raw words keeps it the same under every NumPy: raw bits of a bit generator
    are promised to stay, `Generator.permutation` is not (NEP 19)."""
    return np.argsort(source.random_raw(n), kind="stable")


def generators(seeds: Seeds) -> list[np.random.Generator]:
    """One NumPy Generator per sample (some 10 us each; `words` serves a batch faster)."""
    found = []
    for row in seeds:
        counter = np.array([0, 0, 0, row[2]], dtype=np.uint64)
        found.append(np.random.Generator(np.random.Philox(key=row[:2], counter=counter)))
    return found


_MULTIPLIERS = np.array([[0xD2E7470EE14C6C93], [0xCA5A826395121157]], dtype=np.uint64)
_WEYL = np.array([[0x9E3779B97F4A7C15], [0xBB67AE8584CAA73B]], dtype=np.uint64)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_MULTIPLIERS_LOW, _MULTIPLIERS_HIGH = _MULTIPLIERS & _LOW, _MULTIPLIERS >> _HALF


def words(seeds: Seeds) -> Words:
    """The first four raw 64-bit words of every sample's generator, (N, 4) uint64:
    row i is `Philox(key=seeds[i, :2], counter=[0, 0, 0, seeds[i, 2]]).random_raw(4)`."""
    n = len(seeds)
    key = seeds[:, :2].T.copy()
    even = np.zeros((2, n), dtype=np.uint64)  # counter words 0 and 2
    odd = np.zeros((2, n), dtype=np.uint64)  # counter words 1 and 3
    even[0] = 1  # NumPy counts before it generates
    odd[1] = seeds[:, 2]
    for _ in range(10):
        low, high = even & _LOW, even >> _HALF
        cross = _MULTIPLIERS_HIGH * low + (_MULTIPLIERS_LOW * low >> _HALF)
        middle = _MULTIPLIERS_LOW * high + (cross & _LOW)
        product_high = _MULTIPLIERS_HIGH * high + (cross >> _HALF) + (middle >> _HALF)
        product_low = _MULTIPLIERS * even
        even, odd = product_high[::-1] ^ odd ^ key, product_low[::-1]
        key += _WEYL
    return np.stack([even[0], odd[0], even[1], odd[1]], axis=1)


def uniform(raw: Words) -> NDArray[np.float64]:
    """Raw words as numbers in [0, 1), 53 random bits each."""
    return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53


class PerSample:
    """Turns `function(sample, generator)` into a transform for batches: it is called for one sample at a time, with
    that sample's own `numpy.random.Generator`.

        loader = DataLoader(data, 64, transform=PerSample(lambda x, rng: x + rng.normal(0, 0.1, x.shape)))
    """

    def __init__(self, function: Callable[[NDArray[Any], np.random.Generator], Any]) -> None:
        self.function = function

    def __call__(self, batch: NDArray[Any], seeds: Seeds, /) -> NDArray[Any]:
        if not len(batch):
            return batch
        return np.stack([self.function(x, rng) for x, rng in zip(batch, generators(seeds), strict=True)])
