"""What image datasets share: images in memory, where files lie, fetching them."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from autograd.bars import watched
from autograd.data.dataset import Dataset, Indices
from autograd.errors import FormatError

Transform = Callable[[NDArray[Any]], NDArray[Any]]


class ImageArrays(Dataset[tuple[NDArray[Any], int]]):
    """Images and labels in memory.

    Attributes:
        images: uint8 (N, C, H, W), values 0..`top`.
        labels: int64 (N,).
        classes: names by label.
        mean, std: per channel, of the *training* images scaled to [0, 1], for
            :class:`~autograd.vision.transforms.Normalize`.
        transform: applied to every batch of scaled images (N, C, H, W), without seeds. Random transforms need the seeds
            that only the loader has: give those to `DataLoader(transform=...)`.
    """

    classes: ClassVar[tuple[str, ...]] = ()
    top: ClassVar[int] = 255
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __init__(self, images: NDArray[np.uint8], labels: NDArray[Any], transform: Transform | None = None) -> None:
        self.images = images
        self.labels = labels.astype(np.int64)
        self.transform = transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[NDArray[Any], int]:
        images, labels = self._batch(self.images[index][None], self.labels[index])
        return images[0], int(labels)

    def __getitems__(self, indices: Indices) -> tuple[NDArray[Any], NDArray[np.int64]]:
        return self._batch(self.images[indices], self.labels[indices])

    def _batch(self, images: NDArray[np.uint8], labels: Any) -> tuple[NDArray[Any], Any]:
        scaled = np.true_divide(images, np.float32(self.top), dtype=np.float32)
        return (scaled if self.transform is None else self.transform(scaled)), labels

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} images {tuple(self.images.shape[1:])}, {len(self.classes)} classes)"


def data_root(root: str | os.PathLike[str] | None = None) -> Path:
    """Where data lives: `root`, else the environment's AUTOGRAD_DATA, else ~/.cache/autograd."""
    if root is not None:
        return Path(root)
    return Path(os.environ.get("AUTOGRAD_DATA") or Path("~/.cache/autograd")).expanduser()


_DOWNLOAD_LIMIT = 1 << 30
_TIMEOUT_SECONDS = 30


def download(urls: Sequence[str], target: Path, check: Callable[[Path], object]) -> Path:
    """Fetches `target` from the first of `urls` whose file passes `check`, which raises FormatError for another one; it
    gets its name only then. Raises OSError if none does."""
    target.parent.mkdir(parents=True, exist_ok=True)
    failures = []
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    for url in urls:
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer, part.open("wb") as file:
                received, size = 0, int(answer.headers.get("Content-Length") or 0)
                pieces = iter(lambda: answer.read(1 << 20), b"")
                for piece in watched(pieces, f"{target.name}, MiB", -(-size >> 20)):
                    received += len(piece)
                    if received > _DOWNLOAD_LIMIT:
                        raise FormatError(f"more than {_DOWNLOAD_LIMIT} bytes")
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            check(part)
            part.replace(target)
            return target
        except (OSError, FormatError) as error:
            failures.append(f"{url}: {error}")
        finally:
            part.unlink(missing_ok=True)
    raise OSError(f"could not download {target.name}; put it into {target.parent} by hand\n" + "\n".join(failures))
