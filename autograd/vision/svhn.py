"""Street view house numbers: Netzer et al., "Reading digits in natural images with unsupervised feature learning"."""

from __future__ import annotations

import os
from typing import ClassVar

import numpy as np

from autograd.errors import FormatError
from autograd.vision import images as sources
from autograd.vision.images import ImageArrays, Transform, data_root
from autograd.vision.matfile import read_mat


class SVHN(ImageArrays):
    """House numbers cut to their digits, 32 x 32 in colour: 73,257 to train, 26,032 to test, 531,131 extra.

    Args:
        root: see :func:`~autograd.vision.datasets.data_root`; <split>_32x32.mat lies in it or in its folder svhn.
        split: "train", "test" or "extra".
        download: fetch the file if it is missing.
        transform: see :class:`~autograd.vision.datasets.ImageArrays`.

    Raises FileNotFoundError if there is no file, FormatError if it is damaged.
    """

    url: ClassVar[str] = "http://ufldl.stanford.edu/housenumbers/"
    classes = tuple("0123456789")
    mean = (0.4377, 0.4438, 0.4728)
    std = (0.1980, 0.2010, 0.1970)

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        split: str = "train",
        transform: Transform | None = None,
        *,
        download: bool = False,
    ) -> None:
        if split not in ("train", "test", "extra"):
            raise ValueError(f'SVHN: split={split!r} must be "train", "test" or "extra"')
        name = f"{split}_32x32.mat"
        places = [data_root(root) / "svhn" / name, data_root(root) / name]
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            if not download:
                raise FileNotFoundError(f"SVHN: no {places[0]}; pass download=True, or root= to a folder that has it")
            path = sources.download([self.url + name], places[0], read_mat)
        arrays = read_mat(path)
        images, labels = arrays.get("X"), arrays.get("y")
        if images is None or labels is None or images.dtype != np.uint8 or images.shape[:3] != (32, 32, 3):
            raise FormatError(f"{path}: expected X, uint8 (32, 32, 3, N), and y (N, 1)")
        labels = labels.reshape(-1).astype(np.int64) % 10  # 10 stands for the digit 0
        if images.ndim != 4 or len(labels) != images.shape[3]:
            raise FormatError(f"{path}: X of shape {images.shape} and {len(labels)} labels do not belong together")
        super().__init__(np.ascontiguousarray(images.transpose(3, 2, 0, 1)), labels, transform)
        self.split = split
