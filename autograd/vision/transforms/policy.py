"""RandAugment: a few random changes out of many, all of one strength."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from autograd.data.seeds import Seeds, Words, uniform, words
from autograd.vision.transforms.basic import Batch, Transform, as_type, top_of
from autograd.vision.transforms.colour import adjusted
from autograd.vision.transforms.warp import Floats, affine

LEVELS = 31  # magnitudes 0 .. 30, as in torchvision


class RandAugment(Transform):
    """`num_ops` changes per image out of the twelve of `names`, of strength `magnitude` out of 30   (Cubuk et al. 2020)

    What comes in from outside is `fill`.
    """

    random = True
    names = (
        "identity", "shear_x", "shear_y", "translate_x", "translate_y", "rotate", "brightness", "colour", "contrast",
        "posterise", "solarise", "equalise",
    )  # fmt: skip

    def __init__(self, num_ops: int = 2, magnitude: int = 9, fill: float = 0) -> None:
        if num_ops < 0 or not 0 <= magnitude < LEVELS:
            raise ValueError(f"RandAugment: num_ops={num_ops} must not be negative, magnitude={magnitude} in 0 .. 30")
        self.num_ops, self.magnitude, self.fill = num_ops, magnitude, fill

    def __call__(self, images: Batch, seeds: Seeds | None = None, /) -> Batch:
        images = super().__call__(images, seeds).copy()
        assert seeds is not None  # the base class asks for them
        for number in range(self.num_ops):
            stream = seeds.copy()
            stream[:, 2] += np.uint64(number + 1 << 32)  # far from the streams of other transforms
            raw = words(stream)
            kinds = raw[:, 0] % np.uint64(len(self.names))
            for kind in np.unique(kinds):
                chosen = np.flatnonzero(kinds == kind)
                images[chosen] = self._change(self.names[int(kind)], images[chosen], raw[chosen])
        return images

    def apply(self, images: Batch, raw: Words) -> Batch:
        """Nothing: every change has a stream of its own."""
        return images

    def _change(self, name: str, images: Batch, raw: Words) -> Batch:
        strength = self.magnitude / (LEVELS - 1)
        signed = np.where(uniform(raw[:, 1]) < 0.5, -strength, strength)
        if name in _GEOMETRY:
            return _GEOMETRY[name](images, signed, self.fill)
        if name in _FACTORS:
            changes = np.tile([1.0, 1.0, 1.0, 0.0], (len(images), 1))
            changes[:, _FACTORS.index(name)] += 0.9 * signed
            return adjusted(images, changes)
        return _TONES[name](images, strength)


def _moved(images: Batch, fill: float, **given: Floats) -> Batch:
    still = np.zeros(len(images))
    parts = {"angle": still, "shift_x": still, "shift_y": still, "scale": still + 1, "shear": still} | given
    return affine(images, fill=fill, **parts)


def _shear_y(images: Batch, s: Floats, fill: float) -> Batch:
    return _moved(images.swapaxes(2, 3), fill, shear=0.3 * s).swapaxes(2, 3)


_GEOMETRY: dict[str, Callable[[Batch, Floats, float], Batch]] = {
    "shear_x": lambda x, s, fill: _moved(x, fill, shear=0.3 * s),
    "shear_y": _shear_y,
    "translate_x": lambda x, s, fill: _moved(x, fill, shift_x=np.rint(s * 150 / 331 * x.shape[3])),
    "translate_y": lambda x, s, fill: _moved(x, fill, shift_y=np.rint(s * 150 / 331 * x.shape[2])),
    "rotate": lambda x, s, fill: _moved(x, fill, angle=np.radians(30 * s)),
}
_FACTORS = ("brightness", "contrast", "colour")  # as `adjusted` takes them


def posterise(images: Batch, strength: float) -> Batch:
    """Fewer bits per channel: 8 down to 4."""
    bits = 8 - round(4 * strength)
    top = top_of(images)
    steps = np.floor(images.astype(np.float32) / top * 255 / 2 ** (8 - bits)) * 2 ** (8 - bits)
    return as_type(steps / 255 * top, images)


def solarise(images: Batch, strength: float) -> Batch:
    """Inverted where brighter than a threshold, which falls with the strength."""
    top = top_of(images)
    return np.where(images >= np.asarray((1 - strength) * top), np.asarray(top, images.dtype) - images, images)


def equalise(images: Batch, strength: float = 0.0) -> Batch:
    """Every channel with as many pixels of each brightness as can be (256 levels)."""
    top = top_of(images)
    levels = np.clip(np.rint(images.astype(np.float32) / top * 255), 0, 255).astype(np.intp)
    n, c = images.shape[:2]
    flat = levels.reshape(n * c, -1)
    own = flat + 256 * np.arange(n * c)[:, None]
    counts = np.bincount(own.ravel(), minlength=256 * n * c).reshape(n * c, 256)
    last = 255 - np.argmax(counts[:, ::-1] > 0, axis=1)
    step = (flat.shape[1] - counts[np.arange(n * c), last]) // 255
    before = np.cumsum(counts, 1) - counts
    table = np.clip((before + step[:, None] // 2) // np.maximum(step, 1)[:, None], 0, 255)
    table = np.where(step[:, None] == 0, np.arange(256), table)
    return as_type(np.take_along_axis(table, flat, 1).reshape(images.shape) / 255 * top, images)


_TONES: dict[str, Callable[[Batch, float], Batch]] = {
    "identity": lambda images, strength: images,
    "posterise": posterise,
    "solarise": solarise,
    "equalise": equalise,
}
