"""Crops, flips, scaling: what they do to a batch."""

from __future__ import annotations

import numpy as np
import pytest

from autograd.data import seeds
from autograd.errors import DTypeError, ShapeError
from autograd.vision.transforms import (
    Compose,
    Normalize,
    RandomCrop,
    RandomHorizontalFlip,
    RandomShift,
    ToFloat,
    ToTensor,
)

BATCH = np.random.default_rng(2).integers(0, 256, (12, 3, 6, 5), dtype=np.uint8)
ROWS = seeds.sample_seeds(4, 1, np.arange(12))
RANDOM = [RandomCrop(4), RandomCrop((6, 5), padding=2, fill=9), RandomShift(2), RandomHorizontalFlip()]


@pytest.mark.parametrize("transform", [*RANDOM, Compose(RANDOM[1:])], ids=lambda t: type(t).__name__)
def test_random_transforms_belong_to_the_sample(transform):
    before = BATCH.copy()
    whole = transform(BATCH, ROWS)
    np.testing.assert_array_equal(BATCH, before)
    assert whole.dtype == BATCH.dtype
    order = np.random.default_rng(0).permutation(12)
    np.testing.assert_array_equal(transform(BATCH[order], ROWS[order]), whole[order])
    np.testing.assert_array_equal(transform(BATCH[:1], ROWS[:1]), whole[:1])
    assert transform(BATCH[:0], ROWS[:0]).shape == (0, *whole.shape[1:])
    same = np.repeat(BATCH[:1], 12, axis=0)
    assert len({image.tobytes() for image in transform(same, ROWS)}) > 1
    assert not np.array_equal(transform(BATCH, seeds.sample_seeds(4, 2, np.arange(12))), whole)


def test_crop_and_shift_take_every_position_and_no_other():
    picture = np.arange(1, 31, dtype=np.int64).reshape(1, 1, 6, 5)
    many = np.repeat(picture, 600, axis=0)
    rows = seeds.sample_seeds(0, 0, np.arange(600))
    found = {image.tobytes() for image in RandomCrop((4, 3))(many, rows)}
    assert found == {picture[..., i : i + 4, j : j + 3].tobytes() for i in range(3) for j in range(3)}
    padded = np.pad(picture, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=7)
    found = {image.tobytes() for image in RandomShift(1, fill=7)(many, rows)}
    assert found == {padded[..., i : i + 6, j : j + 5].tobytes() for i in range(3) for j in range(3)}


def test_flip():
    rows = seeds.sample_seeds(0, 0, np.arange(2000))
    many = np.tile(np.array([[0.0, 1.0]]), (2000, 1, 1, 1))
    assert np.array_equal(RandomHorizontalFlip(0)(many, rows), many)
    assert np.array_equal(RandomHorizontalFlip(1)(many, rows), many[..., ::-1])
    assert abs(RandomHorizontalFlip(0.3)(many, rows)[:, 0, 0, 0].mean() - 0.3) < 0.04


def test_compose_gives_each_its_own_stream():
    flips = Compose([RandomHorizontalFlip(), RandomHorizontalFlip()])
    many = np.tile(np.array([[0, 1]]), (400, 1, 1, 1))
    rows = seeds.sample_seeds(0, 0, np.arange(400))
    assert 0.4 < flips(many, rows)[:, 0, 0, 0].mean() < 0.6  # one stream for both would undo every flip
    nested = Compose([RandomShift(1), Compose([RandomHorizontalFlip(), RandomCrop(3)])])
    flat = Compose([RandomShift(1), RandomHorizontalFlip(), RandomCrop(3)])
    np.testing.assert_array_equal(nested(BATCH, ROWS), flat(BATCH, ROWS))


def test_to_float_and_normalize():
    floats = Compose([ToTensor(), Normalize((0.1, 0.2, 0.3), (1, 2, 4))])(BATCH)
    expected = (BATCH / 255 - np.array([0.1, 0.2, 0.3])[:, None, None]) / np.array([1, 2, 4])[:, None, None]
    assert floats.dtype == np.float32
    np.testing.assert_allclose(floats, expected, atol=1e-6)
    assert ToFloat()(BATCH.astype(float)).dtype == np.float32
    assert ToFloat()(BATCH).max() <= 1
    assert Normalize(0, 1)(BATCH.astype(float)).dtype == np.float64


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: RandomShift(1)(BATCH), ValueError, "DataLoader"),
        (lambda: ToFloat()(BATCH[0]), ShapeError, r"images\[None\]"),
        (lambda: RandomShift(1)(BATCH, ROWS[:3]), ShapeError, "seeds"),
        (lambda: ToFloat()(BATCH.astype(int)), DTypeError, "int64"),
        (lambda: Normalize(0, 1)(BATCH), DTypeError, "ToFloat"),
        (lambda: Normalize((0, 0), (1, 1))(BATCH.astype("f4")), ShapeError, "2 channels given, images have C=3"),
        (lambda: Normalize(0, 0), ValueError, "positive"),
        (lambda: Normalize((0, 1), 1), ShapeError, "one std"),
        (lambda: RandomCrop(9, padding=1)(BATCH, ROWS), ShapeError, "larger"),
        (lambda: RandomCrop(0), ValueError, "size=0"),
        (lambda: RandomCrop(3, padding=-1), ValueError, "padding=-1"),
        (lambda: RandomShift(-1), ValueError, "pixels=-1"),
        (lambda: RandomHorizontalFlip(1.5), ValueError, "p=1.5"),
    ],
)
def test_transforms_refuse(call, error, match):
    with pytest.raises(error, match=match):
        call()
