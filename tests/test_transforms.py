"""Transforms: what each does, against Pillow where it has the same; and what all promise."""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from autograd.data.seeds import sample_seeds
from autograd.errors import ShapeError
from autograd.vision import transforms as T
from autograd.vision.transforms import colour, policy, warp

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 3, 10, 14), dtype=np.uint8)
SEEDS = sample_seeds(5, 1, np.arange(12))

RANDOM: dict[str, Any] = {
    "flip": T.RandomHorizontalFlip(),
    "upside": T.RandomVerticalFlip(),
    "crop": T.RandomCrop((8, 9), padding=2),
    "shift": T.RandomShift(3),
    "resized": T.RandomResizedCrop((7, 6)),
    "affine": T.RandomAffine(30, (0.2, 0.1), (0.8, 1.2), 10),
    "rotation": T.RandomRotation(45, fill=9),
    "jitter": T.ColorJitter(0.4, 0.4, 0.4, 0.1),
    "gray": T.RandomGrayscale(0.5),
    "erase": T.RandomErasing(0.7),
    "augment": T.RandAugment(3, 15),
    "all": T.Compose([T.RandomCrop(8, 1), T.RandAugment(), T.RandomErasing(), T.ToFloat(), T.Normalize(0.5, 0.2)]),
}


@pytest.mark.parametrize("name", RANDOM)
def test_random_transforms_depend_on_the_sample_alone(name: str) -> None:
    before = IMAGES.copy()
    whole = RANDOM[name](IMAGES, SEEDS)
    assert np.array_equal(IMAGES, before)
    alone = np.concatenate([RANDOM[name](IMAGES[i : i + 1], SEEDS[i : i + 1]) for i in range(12)])
    assert np.array_equal(whole, alone)
    assert np.array_equal(whole, RANDOM[name](IMAGES, SEEDS))
    assert not np.array_equal(whole, RANDOM[name](IMAGES, sample_seeds(6, 1, np.arange(12))))
    assert RANDOM[name](IMAGES[:0], SEEDS[:0]).shape == (0, *whole.shape[1:])


@pytest.mark.parametrize("name", [name for name in RANDOM if name != "all"])
def test_uint8_and_floats_agree(name: str) -> None:
    fills = {"rotation"}
    whole = RANDOM[name](IMAGES, SEEDS)
    assert whole.dtype == np.uint8
    if name not in fills:
        floats = RANDOM[name]((IMAGES / 255).astype(np.float32), SEEDS)
        assert floats.dtype == np.float32 and floats.min() >= 0 and floats.max() <= 1
        tolerance = 300 if name == "augment" else 2  # thresholds of equalise may round differently
        assert abs(floats * 255 - whole).max() < tolerance


def test_without_seeds_random_ones_refuse() -> None:
    with pytest.raises(ValueError, match="RandomErasing: needs the seeds"):
        T.RandomErasing()(IMAGES)


@pytest.mark.parametrize("size", [(5, 7), (20, 28), (10, 14), (3, 40)])
def test_resize_is_pillows(size: tuple[int, int]) -> None:
    resized = T.Resize(size)(IMAGES)
    for image, expected in zip(resized, IMAGES):
        picture = Image.fromarray(expected.transpose(1, 2, 0)).resize(size[::-1], Image.Resampling.BILINEAR)
        assert abs(image.transpose(1, 2, 0).astype(int) - np.asarray(picture).astype(int)).max() <= 1
    assert T.Resize(5)(IMAGES).shape == (12, 3, 5, 7)


def test_crops_and_flips() -> None:
    assert np.array_equal(T.CenterCrop((4, 6))(IMAGES), IMAGES[:, :, 3:7, 4:10])
    assert T.CenterCrop(20)(IMAGES).shape == (12, 3, 20, 20)
    assert np.array_equal(T.RandomVerticalFlip(1.0)(IMAGES, SEEDS), IMAGES[:, :, ::-1])
    assert np.array_equal(T.RandomHorizontalFlip(1.0)(IMAGES, SEEDS), IMAGES[..., ::-1])
    assert np.array_equal(T.Pad(2, 7)(IMAGES)[:, :, 2:-2, 2:-2], IMAGES)
    whole = T.RandomResizedCrop((10, 14), (1.0, 1.0), (1.4, 1.4))
    assert np.array_equal(whole(IMAGES, SEEDS), IMAGES)


def move(images: np.ndarray, **given: float) -> np.ndarray:
    parts = {"angle": 0.0, "shift_x": 0.0, "shift_y": 0.0, "scale": 1.0, "shear": 0.0} | given
    return warp.affine(images, fill=0, **{name: np.full(len(images), value) for name, value in parts.items()})


def test_affine_maps() -> None:
    square = IMAGES[:, :, :9, :9]
    assert np.array_equal(move(square), square)
    assert np.array_equal(move(square, angle=np.pi / 2), np.rot90(square, axes=(2, 3)))
    moved = move(IMAGES, shift_x=3, shift_y=-2)
    assert np.array_equal(moved[:, :, :-2, 3:], IMAGES[:, :, 2:, :-3]) and not moved[..., :3].any()
    assert np.array_equal(move(square, scale=2)[:, :, ::2, ::2], square[:, :, 2:7, 2:7])
    sheared = move(square, shear=1.0)
    assert np.array_equal(sheared[:, :, 5, 1:], square[:, :, 5, :-1])  # a row below the centre goes right
    assert np.array_equal(sheared[:, :, 4], square[:, :, 4])
    turned = T.RandomRotation((90, 90))(square, SEEDS)
    assert np.array_equal(turned, np.rot90(square, axes=(2, 3)))


def one(image: np.ndarray) -> Image.Image:
    return Image.fromarray(image.transpose(1, 2, 0))


@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0, 1.7])
@pytest.mark.parametrize(
    ("change", "enhancer"), [(0, ImageEnhance.Brightness), (1, ImageEnhance.Contrast), (2, ImageEnhance.Color)]
)
def test_colours_change_as_pillows(change: int, enhancer: Any, factor: float) -> None:
    changes = np.tile([1.0, 1.0, 1.0, 0.0], (12, 1))
    changes[:, change] = factor
    for image, expected in zip(colour.adjusted(IMAGES, changes).astype(float), IMAGES):
        theirs = np.asarray(enhancer(one(expected)).enhance(factor)).transpose(2, 0, 1).astype(float)
        assert abs(image - theirs).max() <= 2.5


def test_hue_is_colorsys() -> None:
    values = (IMAGES[:2, :, :3, :4] / 255).astype(np.float32)
    turned = colour.adjusted(values, np.array([[1, 1, 1, 0.3], [1, 1, 1, -0.2]]))
    for n, turn in enumerate((0.3, -0.2)):
        for y in range(3):
            for x in range(4):
                h, s, v = colorsys.rgb_to_hsv(*values[n, :, y, x])
                expected = colorsys.hsv_to_rgb((h + turn) % 1, s, v)
                assert np.allclose(turned[n, :, y, x], expected, atol=1e-5)


def test_tones_are_pillows() -> None:
    for image, equal, bright in zip(IMAGES, policy.equalise(IMAGES), policy.solarise(IMAGES, 0.5)):
        assert np.array_equal(equal.transpose(1, 2, 0), ImageOps.equalize(one(image)))
        assert np.array_equal(bright.transpose(1, 2, 0), ImageOps.solarize(one(image), 128))
    assert np.array_equal(policy.posterise(IMAGES, 1.0), IMAGES & 0xF0)
    assert np.array_equal(policy.posterise(IMAGES, 0.0), IMAGES)
    flat = np.full((1, 1, 4, 4), 77, np.uint8)
    assert np.array_equal(policy.equalise(flat), flat)


def test_gray() -> None:
    expected = np.asarray(one(IMAGES[0]).convert("L")).astype(int)
    assert abs(T.Grayscale()(IMAGES)[0, 0].astype(int) - expected).max() <= 1
    assert T.Grayscale(3)(IMAGES).shape == IMAGES.shape
    with pytest.raises(ShapeError, match=r"C=1 or C=3 \(RGB\), got shape \(12, 2"):
        T.Grayscale()(IMAGES[:, :2])


def test_erasing_leaves_one_rectangle() -> None:
    images = np.ones((300, 1, 20, 20), np.float32)
    erased = T.RandomErasing(0.5, (0.1, 0.2), value=0)(images, sample_seeds(0, 0, np.arange(300))) == 0
    touched = erased.any((1, 2, 3))
    assert 0.4 < touched.mean() < 0.6
    for mask in erased[touched][:, 0]:
        rows, columns = mask.any(1), mask.any(0)
        assert mask.sum() == rows.sum() * columns.sum() and 0.05 * 400 < mask.sum() < 0.27 * 400


def test_mixtures_of_pictures_and_labels() -> None:
    images = RNG.uniform(size=(8, 3, 16, 16)).astype(np.float32)
    labels = np.arange(8) % 4
    images[:] = labels[:, None, None, None]  # a picture is its label: what is in it must be in the probabilities
    for mix in (T.MixUp(1.0, num_classes=4), T.CutMix(1.0, num_classes=4)):
        for seed in range(20):
            mixed, probabilities = mix(images, labels, seed)
            assert probabilities.shape == (8, 4) and np.allclose(probabilities.sum(1), 1)
            assert np.allclose(mixed.mean((1, 2, 3)), probabilities @ np.arange(4), atol=1e-5)
        assert np.array_equal(mix(images, labels, 3)[0], mix(images, labels, 3)[0])
    with pytest.raises(ShapeError, match="MixUp: expected images"):
        T.MixUp(num_classes=4)(images, probabilities, 0)


MISTAKES = [
    (T.RandomCrop, (0,)), (T.CenterCrop, ((1, 2, 3),)), (T.Pad, (-1,)), (T.RandomErasing, (2.0,)),
    (T.RandomErasing, (0.5, (0.5, 0.1))), (T.ColorJitter, (-1,)), (T.ColorJitter, (0, 0, 0, 0.6)),
    (T.RandomAffine, ((3, 1),)), (T.RandomAffine, (0, (2, 0))), (T.RandomAffine, (0, None, (0, 1))),
    (T.RandAugment, (2, 31)), (T.Grayscale, (2,)), (T.RandomResizedCrop, (4, (0, 1))), (T.Resize, (0,)),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "arguments"), MISTAKES)
def test_settings_out_of_range(kind: Any, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError):
        kind(*arguments)
