"""CIFAR-10 and CIFAR-100 (A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009), from any of
the published forms: the binary files, the Python files (read as data, never executed), packed or not."""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from autograd.errors import FormatError
from autograd.io.unpickle import unpickle
from autograd.vision.images import ImageArrays, Transform, data_root, download

SHAPE = (3, 32, 32)
PIXELS = 3 * 32 * 32
_MAX_BYTES = 1 << 29


class CIFAR10(ImageArrays):
    """Small colour pictures, 32 x 32: 50,000 to train, 10,000 to test.

    Args:
        root: see :func:`~autograd.vision.datasets.data_root`. In it, or in its folder cifar-10: cifar-10-batches-bin/
            or cifar-10-batches-py/, or the archive cifar-10-binary.tar.gz or cifar-10-python.tar.gz.
        download: fetch the binary archive if there is none of these.
        transform: see :class:`~autograd.vision.datasets.ImageArrays`.

    Raises FileNotFoundError if there is none, FormatError, naming the file, if one is damaged.
    """

    folder: ClassVar[str] = "cifar-10"
    binary_folder: ClassVar[str] = "cifar-10-batches-bin"
    python_folder: ClassVar[str] = "cifar-10-batches-py"
    archives: ClassVar[dict[str, str]] = {  # and their md5
        "cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530",
        "cifar-10-python.tar.gz": "c58f30108f718f92721af3b95e74349a",
    }
    parts: ClassVar[dict[bool, tuple[str, ...]]] = {
        True: tuple(f"data_batch_{i}" for i in range(1, 6)),
        False: ("test_batch",),
    }
    label_bytes: ClassVar[int] = 1  # in front of every picture; the last one counts
    label_key: ClassVar[str] = "labels"
    url: ClassVar[str] = "https://www.cs.toronto.edu/~kriz/"
    classes: ClassVar[tuple[str, ...]] = (
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    )
    mean = (0.4914, 0.4822, 0.4465)
    std = (0.2470, 0.2435, 0.2616)

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        transform: Transform | None = None,
        *,
        download: bool = False,
    ) -> None:
        read = [self._decode(name, content) for name, content in self._files(data_root(root), train, download)]
        images, labels = (np.concatenate(arrays) for arrays in zip(*read, strict=True))
        if labels.size and int(labels.max()) >= len(self.classes):
            raise FormatError(f"{type(self).__name__}: label {labels.max()}, but there are {len(self.classes)} classes")
        super().__init__(images, labels, transform)
        self.train = train

    def _files(self, root: Path, train: bool, fetch: bool) -> Iterator[tuple[str, bytes]]:
        """Name and content of the files of one part."""
        for place in (root / self.folder, root):
            for folder, end in ((self.binary_folder, ".bin"), (self.python_folder, "")):
                if (place / folder).is_dir():
                    paths = [place / folder / (name + end) for name in self.parts[train]]
                    return ((str(path), path.read_bytes()) for path in paths)
            for name in self.archives:
                if (place / name).is_file():
                    return self._unpacked(place / name, train)
        name = next(iter(self.archives))
        target = root / self.folder / name
        if not fetch:
            raise FileNotFoundError(
                f"{type(self).__name__}: no {target}; pass download=True, or root= (or set AUTOGRAD_DATA) to a folder "
                f"that has it, {self.binary_folder}/ or {self.python_folder}/"
            )
        return self._unpacked(download([self.url + name], target, self._check), train)

    def _check(self, path: Path) -> None:
        digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        if digest != next(iter(self.archives.values())):
            raise FormatError(f"md5 {digest} is not that of {next(iter(self.archives))}")

    def _unpacked(self, archive: Path, train: bool) -> Iterator[tuple[str, bytes]]:
        found: dict[str, bytes] = {}
        try:
            with tarfile.open(archive) as tar:
                for member in tar:
                    name = Path(member.name).name.removesuffix(".bin")
                    if member.isfile() and name in self.parts[train] and member.size <= _MAX_BYTES:
                        file = tar.extractfile(member)
                        found[name] = file.read() if file else b""
        except (tarfile.TarError, EOFError, OSError) as error:
            raise FormatError(f"{archive}: damaged archive ({error})") from None
        for name in self.parts[train]:
            if name not in found:
                raise FormatError(f"{archive}: holds no {name}")
        ends = ".bin" if "binary" in archive.name else ""
        return ((f"{archive}: {name}{ends}", found[name]) for name in self.parts[train])

    def _decode(self, name: str, content: bytes) -> tuple[NDArray[np.uint8], NDArray[Any]]:
        return self._binary(name, content) if name.endswith(".bin") else self._python(name, content)

    def _binary(self, name: str, content: bytes) -> tuple[NDArray[np.uint8], NDArray[Any]]:
        record = self.label_bytes + PIXELS
        if not content or len(content) % record:
            raise FormatError(f"{name}: {len(content)} bytes are not a whole number of pictures of {record}")
        records = np.frombuffer(content, np.uint8).reshape(-1, record)
        return records[:, self.label_bytes :].reshape(-1, *SHAPE), records[:, self.label_bytes - 1]

    def _python(self, name: str, content: bytes) -> tuple[NDArray[np.uint8], NDArray[Any]]:
        try:
            batch = {k.decode() if isinstance(k, bytes) else k: v for k, v in unpickle(content, _NUMPY).items()}
            data, labels = batch["data"], np.asarray(batch[self.label_key], np.int64)
            data = data.array() if isinstance(data, _PickledArray) else data
            if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.shape != (len(labels), PIXELS):
                raise FormatError("the data are not uint8 (N, 3072)")
            if labels.ndim != 1 or (labels.size and labels.min() < 0):
                raise FormatError("the labels are not N natural numbers")
        except (FormatError, AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise FormatError(f"{name}: not a batch of pictures ({error})") from None
        return data.reshape(-1, *SHAPE), labels


_NAMES_100 = """apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel
can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant
flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy
porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel
streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale
willow_tree wolf woman worm"""


class CIFAR100(CIFAR10):
    """Small colour pictures of 100 classes, 32 x 32: 50,000 to train, 10,000 to test. Otherwise as CIFAR10."""

    folder = "cifar-100"
    binary_folder = "cifar-100-binary"
    python_folder = "cifar-100-python"
    archives: ClassVar[dict[str, str]] = {
        "cifar-100-binary.tar.gz": "03b5dce01913d631647c71ecec9e9cb8",
        "cifar-100-python.tar.gz": "eb9058c3a382ffc7106e4002c42a8d85",
    }
    parts: ClassVar[dict[bool, tuple[str, ...]]] = {True: ("train",), False: ("test",)}
    label_bytes = 2
    label_key = "fine_labels"
    classes = tuple(_NAMES_100.split())
    mean = (0.5071, 0.4865, 0.4409)
    std = (0.2673, 0.2564, 0.2762)


class _PickledArray:
    """What stands for numpy.ndarray while a pickle is read: it takes the state and gives an array of bytes."""

    def __init__(self, *_: Any) -> None:
        self.state: Any = None

    def set_pickled_state(self, state: Any) -> None:
        self.state = state

    def array(self) -> NDArray[np.uint8]:
        _, shape, dtype, fortran, content = self.state
        if dtype.code not in ("u1", "|u1"):
            raise FormatError(f"an array of {dtype.code}")
        content = content.encode("latin-1") if isinstance(content, str) else content
        values = np.frombuffer(content, np.uint8)
        return values.reshape(tuple(shape), order="F" if fortran else "C")


class _PickledDType:
    def __init__(self, code: Any, *_: Any) -> None:
        self.code = code

    def set_pickled_state(self, state: Any) -> None:
        """The byte order, which bytes do not have."""


_NUMPY: dict[str, Any] = {
    **{f"numpy.{core}.multiarray._reconstruct": _PickledArray for core in ("core", "_core")},
    "numpy.ndarray": _PickledArray,
    "numpy.dtype": _PickledDType,
    "_codecs.encode": lambda text, encoding="latin1": text.encode("latin-1"),
}
