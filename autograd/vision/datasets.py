"""Image datasets, batch-first: an index array gives a batch with one look-up.

All have `classes` (names by label), `images` and `labels` (except folders, which stay on disk), samples
(image float32 (C, H, W) in [0, 1], label int) and batches (images float32 (N, C, H, W), labels int64 (N,)).
"""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from autograd.data.dataset import Dataset, Indices
from autograd.errors import FormatError
from autograd.vision.folder import ImageFolder
from autograd.vision.idx import read_idx

__all__ = ["MNIST", "Digits", "FashionMNIST", "ImageArrays", "ImageFolder", "data_root", "read_idx"]

Image = NDArray[np.float32]
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


class Digits(ImageArrays):
    """1,797 handwritten digits of 8 x 8 pixels, part of the package: 1,437 to train, 360 to test.

    Source: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository,
    https://doi.org/10.24432/C50P49, CC BY 4.0.

    The split is fixed and stratified: with the samples sorted by label (otherwise in the file's order), every fifth,
    from the first on, is a test sample. Both parts keep the file's order.
    """

    classes = tuple("0123456789")
    top = 16
    mean = (0.3057544471990257,)
    std = (0.3762168993550856,)

    def __init__(self, train: bool = True, transform: Transform | None = None) -> None:
        with (files("autograd.vision") / "data" / "digits.npz").open("rb") as file:
            stored = np.load(file, allow_pickle=False)
            images, labels = stored["images"], stored["labels"]
        chosen = np.full(len(labels), train)
        chosen[np.argsort(labels, kind="stable")[::5]] = not train
        super().__init__(images[chosen][:, None], labels[chosen], transform)
        self.train = train


def data_root(root: str | os.PathLike[str] | None = None) -> Path:
    """Where data lives: `root`, else the environment's AUTOGRAD_DATA, else ~/.cache/autograd."""
    if root is not None:
        return Path(root)
    return Path(os.environ.get("AUTOGRAD_DATA") or Path("~/.cache/autograd")).expanduser()


class MNIST(ImageArrays):
    """Handwritten digits, 28 x 28: 60,000 to train, 10,000 to test (LeCun, Cortes and Burges).

    Args:
        root: see :func:`data_root`. The four idx files, gzipped or not, lie in <root>/mnist, or where PyTorch puts
            them, <root>/MNIST/raw.
        train: training or test images.
        download: fetch missing files into <root>/mnist.
        transform: see :class:`ImageArrays`.

    Raises FileNotFoundError if a file is missing, FormatError if one is not the published one, OSError if no mirror
    delivers.
    """

    folder: ClassVar[str] = "mnist"
    torch_folder: ClassVar[str] = "MNIST/raw"
    mirrors: ClassVar[tuple[str, ...]] = ("https://ossci-datasets.s3.amazonaws.com/mnist/",)
    md5s: ClassVar[dict[str, str]] = {  # of the unzipped files
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    }
    classes = tuple("0123456789")
    mean = (0.1306604762738429,)
    std = (0.30810780385646264,)

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        transform: Transform | None = None,
        *,
        download: bool = False,
    ) -> None:
        part = "train" if train else "t10k"
        images = self._load(data_root(root), f"{part}-images-idx3-ubyte", 3, download)
        labels = self._load(data_root(root), f"{part}-labels-idx1-ubyte", 1, download)
        if len(images) != len(labels) or (labels.size and labels.max() >= len(self.classes)):
            raise FormatError(
                f"{type(self).__name__}: {len(images)} images and {len(labels)} labels do not belong together"
            )
        super().__init__(images[:, None], labels, transform)
        self.train = train

    def _load(self, root: Path, name: str, axes: int, download: bool) -> NDArray[np.uint8]:
        places = [root / folder / (name + end) for folder in (self.folder, self.torch_folder) for end in (".gz", "")]
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            if not download:
                raise FileNotFoundError(
                    f"{type(self).__name__}: no {places[0]}; pass download=True, or root= (or set AUTOGRAD_DATA) to a "
                    f"folder that has {self.folder}/{name}.gz"
                )
            path = _download([mirror + name + ".gz" for mirror in self.mirrors], places[0], self.md5s[name])
        values = read_idx(path, md5=self.md5s[name])
        if values.ndim != axes or values.dtype != np.uint8:
            raise FormatError(f"{path}: {values.dtype} with {values.ndim} axes, expected uint8 with {axes}")
        return values


class FashionMNIST(MNIST):
    """Pictures of clothes, 28 x 28: 60,000 to train, 10,000 to test. Files in <root>/fashion-mnist; otherwise as MNIST.

    Source: H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
    Algorithms" (2017), https://github.com/zalandoresearch/fashion-mnist, MIT licence.
    """

    folder = "fashion-mnist"
    torch_folder = "FashionMNIST/raw"
    mirrors = ("https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",)
    md5s: ClassVar[dict[str, str]] = {
        "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
    }
    classes = (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    )  # fmt: skip
    mean = (0.2860405969887955,)
    std = (0.35302424451492254,)


_DOWNLOAD_LIMIT = 1 << 28
_TIMEOUT_SECONDS = 30


def _download(urls: list[str], target: Path, md5: str) -> Path:
    """Fetches `target` from the first of `urls` that delivers the right idx file; it gets its name only then."""
    target.parent.mkdir(parents=True, exist_ok=True)
    failures = []
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    for url in urls:
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer, part.open("wb") as file:
                received = 0
                while piece := answer.read(1 << 16):
                    received += len(piece)
                    if received > _DOWNLOAD_LIMIT:
                        raise FormatError(f"more than {_DOWNLOAD_LIMIT} bytes")
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            read_idx(part, md5=md5)
            part.replace(target)
            return target
        except (OSError, FormatError) as error:
            failures.append(f"{url}: {error}")
        finally:
            part.unlink(missing_ok=True)
    raise OSError(f"could not download {target.name}; put it into {target.parent} by hand\n" + "\n".join(failures))
