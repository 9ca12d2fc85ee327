"""Random numbers: one generator for the process, others where wanted, and the ops that draw from them.

`generator=` takes a Generator, or an int: a fresh generator with that seed (the same numbers at every call).
"""

from __future__ import annotations

import operator
import secrets
from typing import Any

import numpy as np

from autograd.errors import DTypeError
from autograd.op import composite, op
from autograd.ops.dtypes import FLOAT32
from autograd.ops.elementwise import raw
from autograd.ops.shape import sizes
from autograd.sampling import Case, Sampler
from autograd.value import default_dtype


class Generator:
    """A stream of random numbers (PCG64) with a state that can be saved; `Generator(seed)` or manual_seed(seed)."""

    def __init__(self, seed: int | str | None = None):
        """Without a seed it starts from a random one; PyTorch's Generator("cpu") is accepted."""
        if isinstance(seed, str):
            if seed.partition(":")[0] != "cpu":
                raise RuntimeError(f"Generator({seed!r}): this engine computes on the CPU only; use 'cpu'")
            seed = None
        self.manual_seed(secrets.randbits(63) if seed is None else seed)

    def manual_seed(self, seed: int) -> Generator:
        """Starts again from this seed."""
        try:
            self._seed = operator.index(seed)
        except TypeError:
            raise DTypeError(f"manual_seed: seed is {seed!r}, expected an int") from None
        self.numpy = np.random.Generator(np.random.PCG64(self._seed % 2**64))
        return self

    def seed(self) -> int:
        """Starts again from a random seed and returns it."""
        self.manual_seed(secrets.randbits(63))
        return self._seed

    def initial_seed(self) -> int:
        """The seed it started from."""
        return self._seed

    def get_state(self) -> np.ndarray:
        """All that is needed to go on from here, as 48 bytes (uint8)."""
        state: Any = self.numpy.bit_generator.state
        parts = [
            (state["state"]["state"], 16),
            (state["state"]["inc"], 16),
            (state["uinteger"], 4),
            (state["has_uint32"], 4),
        ]
        data = b"".join(value.to_bytes(size, "little") for value, size in parts)
        return np.frombuffer(data + (self._seed % 2**64).to_bytes(8, "little"), np.uint8).copy()

    def set_state(self, state: Any) -> None:
        """Goes on from a state that get_state gave."""
        data = np.asarray(raw(state), np.uint8).tobytes()
        if len(data) != 48:
            raise ValueError(f"set_state: expected the 48 bytes of get_state, got {len(data)}")
        words = [int.from_bytes(data[a:b], "little") for a, b in ((0, 16), (16, 32), (32, 36), (36, 40), (40, 48))]
        self._seed = words[4]
        self.numpy.bit_generator.state = {
            "bit_generator": "PCG64",
            "state": {"state": words[0], "inc": words[1]},
            "uinteger": words[2],
            "has_uint32": words[3],
        }


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Seeds the process's generator and returns it."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Seeds the process's generator randomly and returns the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed that the process's generator started from."""
    return default_generator.initial_seed()


def get_rng_state() -> np.ndarray:
    """The state of the process's generator, 48 bytes."""
    return default_generator.get_state()


def set_rng_state(state: Any) -> None:
    """Sets the state of the process's generator."""
    default_generator.set_state(state)


def source(generator: Generator | int | None) -> np.random.Generator:
    """NumPy's generator behind `generator`; None: the process's."""
    if generator is None:
        return default_generator.numpy
    return Generator(generator).numpy if isinstance(generator, int) else generator.numpy


def _numbers(seed: int) -> np.random.Generator:
    """What a reference draws from."""
    return np.random.Generator(np.random.PCG64(seed))


def uniform_array(rng: np.random.Generator, shape: Any, dtype: np.dtype) -> np.ndarray:
    """Uniform in [0, 1)."""
    return rng.random(shape, dtype) if dtype.itemsize >= 4 else rng.random(shape, FLOAT32).astype(dtype)


def normal_array(rng: np.random.Generator, shape: Any, dtype: np.dtype) -> np.ndarray:
    """Normal with mean 0 and standard deviation 1."""
    return (
        rng.standard_normal(shape, dtype) if dtype.itemsize >= 4 else rng.standard_normal(shape, FLOAT32).astype(dtype)
    )


def _kind(dtype: Any, *arrays: Any) -> np.dtype:
    if dtype is not None:
        return np.dtype(dtype)
    return next((a.dtype for a in arrays if isinstance(a, np.ndarray) and a.dtype.kind == "f"), default_dtype())


def _shape_of(shape: Any, *arrays: Any) -> tuple[int, ...]:
    return np.broadcast_shapes(*(np.shape(a) for a in arrays)) if shape is None else sizes(shape)


# --------------------------------------------------------------------------------------------- distributions


def _drawn(s: Sampler) -> Case:
    return s.case(0.5, 2.0, shape=s.shape(), generator=s.integer(0, 99), dtype=s.dtype)


@op(
    random=True,
    differentiable=False,
    reference=lambda mean, std, shape, generator, dtype: mean + std * _numbers(generator).standard_normal(shape, dtype),
    samples=_drawn,
    onnx="RandomNormal",
)
def normal(mean=0.0, std=1.0, *, shape=None, generator=None, dtype=None, device=None, layout=None):
    """Normal numbers of a mean and a standard deviation, each a number or a tensor (whose shape is the default)."""
    mean, std = 0.0 if mean is None else mean, 1.0 if std is None else std
    if np.any(np.less(std, 0)):
        raise ValueError(f"std is negative: {std!r:.40}")
    out = normal_array(source(generator), _shape_of(shape, mean, std), _kind(dtype, mean, std))
    return (out * std + mean).astype(out.dtype, copy=False)


@op(
    random=True,
    differentiable=False,
    reference=lambda low, high, shape, generator, dtype: low + (high - low) * _numbers(generator).random(shape, dtype),
    samples=_drawn,
    onnx="RandomUniform",
)
def uniform(low=0.0, high=1.0, *, shape=None, generator=None, dtype=None):
    """Uniform numbers in [low, high), bounds being numbers or tensors (whose shape is the default)."""
    low, high = 0.0 if low is None else low, 1.0 if high is None else high
    if np.any(np.greater(low, high)):
        raise ValueError(f"low {low!r:.40} is above high {high!r:.40}")
    out = uniform_array(source(generator), _shape_of(shape, low, high), _kind(dtype, low, high))
    return (out * (high - low) + low).astype(out.dtype, copy=False)


@op(
    random=True,
    differentiable=False,
    reference=lambda x, generator: _numbers(generator).random(x.shape, x.dtype) < x,
    samples=lambda s: s.case(s.array(s.shape(), 0.0, 1.0), generator=s.integer(0, 99)),
    onnx="Bernoulli",
)
def bernoulli(x, *, generator=None):
    """1 with probability x, else 0, in x's dtype."""
    if x.size and not (x.min() >= 0 and x.max() <= 1):
        raise ValueError("x holds probabilities, expected values in [0, 1]")
    return (uniform_array(source(generator), x.shape, x.dtype) < x).astype(x.dtype)


# --------------------------------------------------------------------------------------------- dropout


def _dropout_samples(s: Sampler) -> Case:
    p = s.choice((0.5, 0.1, 0.9, 0.0, 1.0))
    return s.case(s.array(s.shape()), p=p, training=s.integer(0, 3) > 0, generator=s.integer(0, 99))


def _dropout_reference(x, p=0.5, training=True, generator=None):
    if not training or p == 0:
        return x.copy(), None
    mask = _numbers(generator).random(x.shape, np.float32) >= p
    return np.where(mask, x / (1 - p if p < 1 else 1), 0), mask


def memory_order(x: np.ndarray) -> list[int]:
    """The axes from the outermost in memory to the innermost."""
    return sorted(range(x.ndim), key=lambda i: -abs(x.strides[i]))


@op(
    random=True,
    view=True,  # outside training
    widens=True,
    extras=("mask",),
    reference=_dropout_reference,
    samples=_dropout_samples,
    onnx="Dropout",
)
def dropout(x, *, p=0.5, training=True, inplace=False, generator=None):
    """y = x * mask / (1 - p), mask being 0 with probability p; x itself outside training.

    Srivastava et al., Dropout, JMLR 15 (2014), in its inverted form.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"p is {p}, expected a probability in [0, 1]")
    if not training or p == 0:
        return x, None
    if x.flags.c_contiguous:
        mask = source(generator).random(x.shape, np.float32) >= p
    else:  # the mask gets x's order in memory, so that the product does too
        order = memory_order(x)
        mask = (source(generator).random([x.shape[i] for i in order], np.float32) >= p).transpose(np.argsort(order))
    return (x * mask if p == 1 else x * (mask * x.dtype.type(1 / (1 - p)))), mask


dropout.grads(x=lambda g, mask, p: g if mask is None else g * mask * (1 / (1 - p) if p < 1 else 1.0))


def _channel_samples(s: Sampler) -> Case:
    return s.case(
        s.array((s.size(), s.size(), 2, 2)), p=s.choice((0.5, 0.2)), training=s.boolean(), generator=s.integer(0, 99)
    )


def _channel_reference(x, p, training, generator):
    return _dropout_reference(np.ones(x.shape[:2]), p, training, generator)[0][:, :, None, None] * x


@composite(random=True, reference=_channel_reference, samples=_channel_samples)
def dropout2d(x, *, p=0.5, training=True, inplace=False, generator=None):
    """Dropout of whole channels x[n, c]: all elements of a channel are kept or dropped together."""
    shape = np.shape(raw(x))
    if len(shape) < 2:
        raise ValueError(f"dropout2d: expected (N, C, ...)  [x: {shape}]")
    ones = np.ones((*shape[:2], *(1,) * (len(shape) - 2)), raw(x).dtype)
    return x * dropout(ones, p=p, training=training, generator=generator)
