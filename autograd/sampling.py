"""Drawing sample calls of an op. A declaration's `samples=lambda s: s.case(...)` is written against this class;
benchmarks and quick checks draw with NumPy's generator (here), tests with Hypothesis (autograd.testing)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd import kernels


class Case(NamedTuple):
    """One call of an op: positional arguments and attributes."""

    args: tuple
    attrs: dict[str, Any]


class Sampler:
    """Draws sizes, choices and arrays. Subclasses replace integer() and choice() by their own source."""

    def __init__(self, seed: int = 0, dtype: Any = np.float64):
        self.dtype = np.dtype(dtype)
        self.rng = np.random.default_rng(seed)

    def integer(self, low: int, high: int) -> int:
        """An int in [low, high]."""
        return int(self.rng.integers(low, high + 1))

    def choice(self, options: Sequence[Any]) -> Any:
        return options[self.integer(0, len(options) - 1)]

    def boolean(self) -> bool:
        return bool(self.integer(0, 1))

    def size(self, most: int = 4, blocks: Sequence[int] = ()) -> int:
        """A size in [1, most], or next to a block size: v-1, v, v+1."""
        straddling = [v + d for v in blocks for d in (-1, 0, 1) if v + d > 0]
        return self.choice([*range(1, most + 1), *straddling])

    def lanes(self) -> int:
        """Elements in a vector register of the kernels in use."""
        return kernels.lanes(self.dtype.itemsize)

    def shape(self, least: int = 0, most: int = 3) -> tuple[int, ...]:
        """Sizes of `least` to `most` dimensions; the last one may straddle a vector register."""
        ndim = self.integer(least, most)
        return tuple(self.size(3, (self.lanes(),) if i == ndim - 1 else ()) for i in range(ndim))

    def broadcastable(self, count: int, most: int = 3) -> list[tuple[int, ...]]:
        """Shapes that broadcast together: some sizes are 1, some leading dimensions are missing."""
        full = self.shape(0, most)
        shapes = []
        for _ in range(count):
            kept = self.integer(0, len(full)) if self.integer(0, 3) == 0 else len(full)
            shapes.append(tuple(1 if self.integer(0, 4) == 0 else n for n in full[len(full) - kept :]))
        return shapes

    def array(
        self,
        shape: Sequence[int],
        low: float = -2.0,
        high: float = 2.0,
        away: Sequence[float] = (),
        margin: float = 0.05,
    ) -> np.ndarray:
        """Uniform values in [low, high], at least `margin` away from the points in `away` (kinks, poles)."""
        values = self._uniform(shape, low, high)
        for point in away:
            close = np.abs(values - point) < margin
            values = np.where(close, point + np.where(values < point, -2 * margin, 2 * margin), values)
        return np.asarray(values, self.dtype)

    def distinct(self, shape: Sequence[int], gap: float = 0.1) -> np.ndarray:
        """Values that differ pairwise by at least `gap`, in random order (for max, sort, pooling)."""
        n = int(np.prod(shape, dtype=np.int64))
        return ((self._permutation(n) - n / 2) * gap).reshape(shape).astype(self.dtype)

    def integers(self, shape: Sequence[int], low: int, high: int, dtype: Any = np.int64) -> np.ndarray:
        """Ints in [low, high)."""
        return np.asarray(np.asarray(self._uniform(shape, low, high)).astype(dtype).clip(low, high - 1))

    def mask(self, shape: Sequence[int]) -> np.ndarray:
        """Random bools."""
        return np.asarray(self._uniform(shape, 0, 1) < 0.5)

    def axis(self, ndim: int) -> int:
        """A valid axis, possibly negative."""
        return self.integer(-ndim, ndim - 1) if ndim else 0

    def axes(self, ndim: int) -> Any:
        """None, one axis or a tuple of distinct axes."""
        kind = self.integer(0, 2)
        if kind == 0 or ndim == 0:
            return None
        if kind == 1:
            return self.axis(ndim)
        return tuple(a for a in range(ndim) if self.boolean()) or (ndim - 1,)

    def case(self, *args: Any, **attrs: Any) -> Case:
        return Case(args, attrs)

    def _uniform(self, shape: Sequence[int], low: float, high: float) -> np.ndarray:
        return self.rng.uniform(low, high, tuple(shape))

    def _permutation(self, n: int) -> np.ndarray:
        return self.rng.permutation(n)
