"""Image datasets, batch-first: an index array gives a batch with one look-up.

All have `classes` (names by label), `images` and `labels` (except folders, which stay on disk), samples
(image float32 (C, H, W) in [0, 1], label int) and batches (images float32 (N, C, H, W), labels int64 (N,)).
"""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from autograd.errors import FormatError
from autograd.vision.cifar import CIFAR10, CIFAR100
from autograd.vision.folder import ImageCSV, ImageFolder
from autograd.vision.idx import read_idx
from autograd.vision.images import ImageArrays, Transform, data_root, download
from autograd.vision.svhn import SVHN

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "EMNIST",
    "KMNIST",
    "MNIST",
    "SVHN",
    "Digits",
    "FashionMNIST",
    "ImageArrays",
    "ImageCSV",
    "ImageFolder",
    "data_root",
    "read_idx",
]


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

    def _load(self, root: Path, name: str, axes: int, fetch: bool) -> NDArray[np.uint8]:
        places = [root / folder / (name + end) for folder in (self.folder, self.torch_folder) for end in (".gz", "")]
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            if not fetch:
                raise FileNotFoundError(
                    f"{type(self).__name__}: no {places[0]}; pass download=True, or root= (or set AUTOGRAD_DATA) to a "
                    f"folder that has {self.folder}/{name}.gz"
                )
            urls = [mirror + name + ".gz" for mirror in self.mirrors]
            path = download(urls, places[0], lambda part: read_idx(part, md5=self.md5s.get(name)))
        values = read_idx(path, md5=self.md5s.get(name))
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


class KMNIST(MNIST):
    """Cursive Hiragana by hand, 28 x 28: 60,000 to train, 10,000 to test. Files in <root>/kmnist; otherwise as MNIST.

    Source: Clanuwat et al., "Deep learning for classical Japanese literature" (2018), CC BY-SA 4.0.
    """

    folder = "kmnist"
    torch_folder = "KMNIST/raw"
    mirrors = ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",)
    md5s: ClassVar[dict[str, str]] = {}
    classes = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
    mean = (0.1918,)
    std = (0.3483,)


_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIFFERENT = "abdefghnqrt"  # small letters that do not look like their capitals


class EMNIST(MNIST):
    """Handwritten letters and digits, 28 x 28, upright (the files hold them transposed).

    Source: Cohen, Afshar, Tapson, van Schaik, "EMNIST: an extension of MNIST to handwritten letters" (2017).

    Args:
        split: "balanced", "bymerge" (47 classes: small letters that look like capitals are merged with them),
            "byclass" (62), "letters" (26, labels from 0), "digits" or "mnist" (10).
        root: the files emnist-<split>-<train or test>-..., gzipped or not, lie in <root>/emnist or <root>/EMNIST/raw.
            They come in one archive, https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip, to be unpacked there.
    """

    folder = "emnist"
    torch_folder = "EMNIST/raw"
    md5s: ClassVar[dict[str, str]] = {}
    SPLITS: ClassVar[dict[str, str]] = {
        "byclass": "0123456789" + _LETTERS + _LETTERS.lower(),
        "bymerge": "0123456789" + _LETTERS + _DIFFERENT,
        "balanced": "0123456789" + _LETTERS + _DIFFERENT,
        "letters": _LETTERS,
        "digits": "0123456789",
        "mnist": "0123456789",
    }
    mean = (0.1751,)
    std = (0.3332,)

    def __init__(
        self,
        split: str = "balanced",
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        transform: Transform | None = None,
    ) -> None:
        if split not in self.SPLITS:
            raise ValueError(f"EMNIST: split={split!r}; there are {', '.join(self.SPLITS)}")
        self.split = split
        self.classes = tuple(self.SPLITS[split])  # type: ignore[misc]
        super().__init__(root, train, transform)
        self.images = np.ascontiguousarray(self.images.swapaxes(2, 3))

    def _load(self, root: Path, name: str, axes: int, fetch: bool) -> NDArray[np.uint8]:
        part, rest = name.split("-", 1)
        values = super()._load(root, f"emnist-{self.split}-{'test' if part == 't10k' else part}-{rest}", axes, fetch)
        return values - np.uint8(1) if axes == 1 and self.split == "letters" else values
