"""Pictures in files: one folder per class, or a CSV file that lists them."""

from __future__ import annotations

import csv
import hashlib
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from autograd.bars import watched
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


class PictureFiles(Dataset[tuple[NDArray[Any], int]]):
    """Pictures in files, read when asked for; use `num_workers`, since decoding releases the GIL.

    Args:
        samples: pairs (path, label).
        classes: names by label.
        size: height and width that every picture is resized to, an int for both. None keeps their sizes, which must
            be equal within a batch.
        mode: "RGB" or "L" (grey).
        transform: applied to batches (N, C, H, W) of images in [0, 1], without seeds.
        corrupt: "raise" a FormatError when a damaged file is met, or read all files now and "skip" the damaged ones,
            with a warning that names them.
        cache: a file that keeps the decoded pictures (uint8, needs `size`): written once, then mapped into memory; it
            is written anew when a picture or a setting has changed.

    Attributes:
        samples, classes, class_to_idx; labels: int64 (N,); skipped: the paths that were left out.

    Raises ValueError for settings out of range; reading, see `load_image`.
    """

    def __init__(
        self,
        samples: Sequence[tuple[Path, int]],
        classes: Sequence[str],
        size: int | tuple[int, int] | None = None,
        mode: Literal["RGB", "L"] = "RGB",
        transform: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
        *,
        corrupt: Literal["raise", "skip"] = "raise",
        cache: str | os.PathLike[str] | None = None,
    ) -> None:
        name = type(self).__name__
        if mode not in ("RGB", "L"):
            raise ValueError(f'{name}: mode={mode!r}: must be "RGB" or "L"')
        if size is not None and (np.ndim(size) > 1 or np.size(size) > 2 or np.min(size) < 1):
            raise ValueError(f"{name}: size={size!r}: must be a positive int or (height, width)")
        if corrupt not in ("raise", "skip"):
            raise ValueError(f'{name}: corrupt={corrupt!r}: must be "raise" or "skip"')
        if cache is not None and size is None:
            raise ValueError(f"{name}: cache= needs size=, so that all pictures have one shape")
        self.size = (size, size) if isinstance(size, int) else size
        self.mode: Literal["RGB", "L"] = mode
        self.transform = transform
        self.classes = tuple(classes)
        self.class_to_idx = {name: label for label, name in enumerate(self.classes)}
        self.samples = list(samples)
        self.skipped: list[Path] = []
        if corrupt == "skip":
            self._leave_out_damaged()
        self.labels = np.array([label for _, label in self.samples], dtype=np.int64)
        paths = [path for path, _ in self.samples]
        self._cached = None if cache is None else cached_pictures(cache, paths, self.size, mode)  # type: ignore[arg-type]

    def _leave_out_damaged(self) -> None:
        sound = []
        for path, label in watched(self.samples, "reading pictures"):
            try:
                load_image(path, self.size, self.mode)
                sound.append((path, label))
            except (FormatError, OSError):
                self.skipped.append(path)
        self.samples = sound
        if self.skipped:
            names = ", ".join(map(str, self.skipped[:10])) + (", ..." if len(self.skipped) > 10 else "")
            message = f"{type(self).__name__}: left out {len(self.skipped)} damaged pictures: {names}"
            warnings.warn(message, stacklevel=4)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[NDArray[Any], int]:
        return self._scaled([index])[0], int(self.labels[index])

    def __getitems__(self, indices: Indices) -> tuple[NDArray[Any], NDArray[np.int64]]:
        return self._scaled(indices.tolist()), self.labels[indices]

    def _scaled(self, indices: list[int]) -> NDArray[Any]:
        pictures = self._cached[indices] if self._cached is not None else self._read(indices)
        images = np.true_divide(pictures, np.float32(255), dtype=np.float32)
        return images if self.transform is None else self.transform(images)

    def _read(self, indices: list[int]) -> NDArray[np.uint8]:
        pictures = [load_image(self.samples[index][0], self.size, self.mode) for index in indices]
        for index, picture in zip(indices, pictures, strict=True):
            if picture.shape != pictures[0].shape:
                raise FormatError(
                    f"{self.samples[index][0]}: shape {picture.shape}, others have {pictures[0].shape}; pass size="
                )
        return np.stack(pictures)


class ImageFolder(PictureFiles):
    """Pictures in <root>/<class>/...; the subfolders, sorted by name, are the classes. For the rest, see PictureFiles.

    Raises FileNotFoundError if there is no class or no picture.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        size: int | tuple[int, int] | None = None,
        mode: Literal["RGB", "L"] = "RGB",
        transform: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
        *,
        corrupt: Literal["raise", "skip"] = "raise",
        cache: str | os.PathLike[str] | None = None,
    ) -> None:
        self.root = Path(root)
        folders = sorted(entry for entry in self.root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
        samples = [
            (path, label)
            for label, folder in enumerate(folders)
            for path in sorted(folder.rglob("*"))
            if path.suffix.lower() in EXTENSIONS and path.is_file()
        ]
        if not samples:
            raise FileNotFoundError(f"{self.root}: no pictures; they belong into one subfolder per class")
        classes = [folder.name for folder in folders]
        super().__init__(samples, classes, size, mode, transform, corrupt=corrupt, cache=cache)


class ImageCSV(PictureFiles):
    """Pictures listed in a CSV file with a line of names on top: a column of paths (relative to the file's folder) and
    one of labels, whose distinct values, sorted (as numbers if all are), are the classes. For the rest, see
    PictureFiles.

    Raises FormatError, naming the line, for a file without these columns, without pictures or with an empty field.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        size: int | tuple[int, int] | None = None,
        mode: Literal["RGB", "L"] = "RGB",
        transform: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
        *,
        path_column: str = "path",
        label_column: str = "label",
        corrupt: Literal["raise", "skip"] = "raise",
        cache: str | os.PathLike[str] | None = None,
    ) -> None:
        path = Path(path)
        rows = _rows(path, path_column, label_column)
        names = {name for _, name in rows}
        classes = sorted(names, key=int if all(name.isdecimal() for name in names) else None)
        labels = {name: label for label, name in enumerate(classes)}
        samples = [(path.parent / picture, labels[name]) for picture, name in rows]
        super().__init__(samples, classes, size, mode, transform, corrupt=corrupt, cache=cache)


def _rows(path: Path, *columns: str) -> list[tuple[str, str]]:
    rows = []
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        try:
            for column in columns:
                if column not in (reader.fieldnames or ()):
                    found = ", ".join(reader.fieldnames or ()) or "nothing"
                    raise FormatError(f"{path}: no column {column!r}; the first line names {found}")
            for row in reader:
                picture, label = (row[column] for column in columns)
                if not picture or not label:
                    raise FormatError(f"{path}, line {reader.line_num}: an empty field")
                rows.append((picture, label))
        except (csv.Error, UnicodeDecodeError) as error:
            raise FormatError(f"{path}: not a CSV file ({error})") from None
    if not rows:
        raise FormatError(f"{path}: no pictures")
    return rows


def cached_pictures(
    cache: str | os.PathLike[str], paths: Sequence[Path], size: tuple[int, int], mode: Literal["RGB", "L"]
) -> NDArray[np.uint8]:
    """The pictures as one array (N, C, H, W) mapped from a file, which is written first if it is not there or was made
    of other pictures: the fingerprint of their names, sizes, times and of the settings lies beside it."""
    cache = Path(cache)
    mark = cache.with_name(cache.name + ".fingerprint")
    stats = [(str(path), (stat := path.stat()).st_size, stat.st_mtime_ns) for path in paths]
    fingerprint = hashlib.sha256(repr((stats, size, mode)).encode()).hexdigest()
    if not (cache.is_file() and mark.is_file() and mark.read_text() == fingerprint):
        mark.unlink(missing_ok=True)
        cache.parent.mkdir(parents=True, exist_ok=True)
        part = cache.with_name(f"{cache.name}.{os.getpid()}.part")
        shape = (len(paths), 3 if mode == "RGB" else 1, *size)
        try:
            pictures = np.lib.format.open_memmap(part, "w+", np.uint8, shape)
            for index, path in enumerate(watched(paths, "caching pictures")):
                pictures[index] = load_image(path, size, mode)
            pictures.flush()
            part.replace(cache)
        finally:
            part.unlink(missing_ok=True)
        mark.write_text(fingerprint)
    return np.load(cache, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
