"""Images in one folder per class."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from autograd.data.dataset import Dataset, Indices
from autograd.errors import FormatError

EXTENSIONS = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
MAX_PIXELS = 1 << 26


def load_image(
    path: str | os.PathLike[str], size: int | tuple[int, int] | None = None, mode: Literal["RGB", "L"] = "RGB"
) -> NDArray[np.uint8]:
    """One picture as uint8 (C, H, W), C being 3 (`mode="RGB"`) or 1 (`"L"`, grey), resized to `size` (H, W) by Pillow's
    bilinear filter.

    Raises ImportError without Pillow, FormatError (with the file's name) if it is no picture, damaged, or larger than
    2^26 pixels, OSError if it cannot be opened.
    """
    try:
        from PIL import Image
    except ImportError:
        raise ImportError("reading image files needs Pillow: pip install cygrad[vision]") from None
    height, width = (size, size) if isinstance(size, int) else size or (None, None)
    with Path(path).open("rb") as file:
        try:
            with Image.open(file) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    raise FormatError(f"{picture.width} x {picture.height} pixels are more than {MAX_PIXELS}")
                converted = picture.convert(mode)
                if height and width:
                    converted = converted.resize((width, height), Image.Resampling.BILINEAR)
                pixels = np.asarray(converted, dtype=np.uint8)
        except MemoryError:
            raise
        except Exception as error:  # decoders of damaged files raise all kinds
            raise FormatError(f"{os.fspath(path)}: not a readable picture ({error})") from None
    return pixels[None] if mode == "L" else np.ascontiguousarray(pixels.transpose(2, 0, 1))


class ImageFolder(Dataset[tuple[NDArray[Any], int]]):
    """Pictures in <root>/<class>/..., read when asked for; use `num_workers`, since decoding releases the GIL.

    Args:
        root: the folder; its subfolders, sorted by name, are the classes.
        size: height and width that every picture is resized to, an int for both. None keeps their sizes, which must
            be equal within a batch.
        mode: "RGB" or "L" (grey).
        transform: applied to batches (N, C, H, W) of images in [0, 1], without seeds.

    Attributes:
        classes, class_to_idx: names by label, labels by name.
        samples: list of (path, label), in the order of the names.
        labels: int64 (N,).

    Raises FileNotFoundError if there is no class or no picture, ValueError for an unknown mode; reading, see
    `load_image`.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        size: int | tuple[int, int] | None = None,
        mode: Literal["RGB", "L"] = "RGB",
        transform: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
    ) -> None:
        if mode not in ("RGB", "L"):
            raise ValueError(f'ImageFolder: mode={mode!r}: must be "RGB" or "L"')
        if size is not None and (np.ndim(size) > 1 or np.size(size) > 2 or np.min(size) < 1):
            raise ValueError(f"ImageFolder: size={size!r}: must be a positive int or (height, width)")
        self.root = Path(root)
        self.size = size
        self.mode: Literal["RGB", "L"] = mode
        self.transform = transform
        folders = sorted(entry for entry in self.root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
        self.classes = tuple(folder.name for folder in folders)
        self.class_to_idx = {name: label for label, name in enumerate(self.classes)}
        self.samples = [
            (path, label)
            for label, folder in enumerate(folders)
            for path in sorted(folder.rglob("*"))
            if path.suffix.lower() in EXTENSIONS and path.is_file()
        ]
        if not self.samples:
            raise FileNotFoundError(f"{self.root}: no pictures; they belong into one subfolder per class")
        self.labels = np.array([label for _, label in self.samples], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[NDArray[Any], int]:
        return self._scaled([index])[0], int(self.labels[index])

    def __getitems__(self, indices: Indices) -> tuple[NDArray[Any], NDArray[np.int64]]:
        return self._scaled(indices.tolist()), self.labels[indices]

    def _scaled(self, indices: list[int]) -> NDArray[Any]:
        pictures = [load_image(self.samples[index][0], self.size, self.mode) for index in indices]
        for index, picture in zip(indices, pictures, strict=True):
            if picture.shape != pictures[0].shape:
                raise FormatError(
                    f"{self.samples[index][0]}: shape {picture.shape}, others have {pictures[0].shape}; pass size="
                )
        images = np.true_divide(np.stack(pictures), np.float32(255), dtype=np.float32)
        return images if self.transform is None else self.transform(images)
