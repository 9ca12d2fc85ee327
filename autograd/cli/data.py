"""Data sets by name or folder, ready for training: pictures, classes, sizes, transforms."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograd.cli.errors import UserError
from autograd.data import DataLoader, Subset
from autograd.data.seeds import SPLIT_STREAM, order_source, permutation
from autograd.shapes import near
from autograd.vision import datasets, transforms
from autograd.vision.models import model_entry

NAMED: dict[str, Callable[[bool, bool], Any]] = {  # functions of (training part, may download)
    "digits": lambda train, download: datasets.Digits(train),
    "mnist": lambda train, download: datasets.MNIST(train=train, download=download),
    "fashion-mnist": lambda train, download: datasets.FashionMNIST(train=train, download=download),
    "kmnist": lambda train, download: datasets.KMNIST(train=train, download=download),
    "emnist": lambda train, download: datasets.EMNIST("balanced", train=train),
    "cifar10": lambda train, download: datasets.CIFAR10(train=train, download=download),
    "cifar100": lambda train, download: datasets.CIFAR100(train=train, download=download),
    "svhn": lambda train, download: datasets.SVHN(split="train" if train else "test", download=download),
}
WRITING = ("digits", "mnist", "kmnist", "emnist", "svhn")  # mirrored, they would be something else
TEST_FOLDERS = ("test", "val", "valid", "validation")
FOLDER_SIZE = 32  # height and width that pictures of a folder get by default
FOLDER_TEST = 5  # every so-manieth picture of a folder without a test part is for testing


class Bundle(NamedTuple):
    """Training and test data and what is known about their pictures (channels, size, size)."""

    name: str
    train: Any
    test: Any
    classes: tuple[str, ...]
    channels: int
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def facts(self) -> dict[str, Any]:
        """What a checkpoint keeps, so that other pictures can be brought into the same form."""
        return {
            "data": self.name,
            "classes": list(self.classes),
            "channels": self.channels,
            "size": self.size,
            "mean": list(self.mean),
            "std": list(self.std),
        }


def load(
    name: str,
    image_size: int | None = None,
    gray: bool = False,
    download: bool = False,
    skip_damaged: bool = False,
    cache: Path | None = None,
) -> Bundle:
    """The data set of this name, the pictures that a CSV file lists (columns path and label), or the folder at this
    path (classes as subfolders, also below train/ and test/). `cache`: a folder for the decoded pictures of files.
    Raises UserError for an unknown name, listing near ones.
    """
    if name in NAMED:
        if image_size is not None or gray or cache:
            raise UserError(f"--image-size, --gray and --cache are for folders; {name} comes as it is")
        try:
            train, test = (NAMED[name](part, download) for part in (True, False))
        except FileNotFoundError as error:  # says what to pass to the class; here it is an option
            cure = "add --download, or set AUTOGRAD_DATA to"
            raise UserError(re.sub("pass download=True.*? to(?= )", cure, str(error))) from None
        size = train.images.shape[2]
        return Bundle(name, train, test, train.classes, train.images.shape[1], size, train.mean, train.std)
    folder, size = Path(name), image_size or FOLDER_SIZE

    def read(kind: Any, path: Path) -> Any:
        mode, corrupt = "L" if gray else "RGB", "skip" if skip_damaged else "raise"
        kept = cache and cache / f"{'-'.join(path.resolve().parts[-2:])}-{size}-{mode}.npy"
        return kind(path, size, mode, corrupt=corrupt, cache=kept)

    if folder.suffix == ".csv" and folder.is_file():
        return _split_up(folder, read(datasets.ImageCSV, folder), size)
    if not folder.is_dir():
        raise UserError(
            f"--data: {name!r} is neither a data set{near(name, NAMED)} nor a folder; data sets: {', '.join(NAMED)}"
        )
    return _from_folder(folder, size, partial(read, datasets.ImageFolder))


def _from_folder(folder: Path, size: int, read: Callable[[Path], datasets.ImageFolder]) -> Bundle:
    part = next((part for part in TEST_FOLDERS if (folder / part).is_dir()), None)
    if not part or not (folder / "train").is_dir():
        return _split_up(folder, read(folder), size)
    train, test = read(folder / "train"), read(folder / part)
    if test.classes != train.classes:
        raise UserError(f"{folder}: train/ and {part}/ must have the same classes as subfolders")
    return _measured(folder, train, test, train.classes, size)


def _split_up(path: Path, everything: datasets.ImageFolder | datasets.ImageCSV, size: int) -> Bundle:
    train, test = split(everything, everything.labels)
    return _measured(path, train, test, everything.classes, size)


def _measured(path: Path, train: Any, test: Any, classes: tuple[str, ...], size: int) -> Bundle:
    mean, std = measure(train)
    return Bundle(str(path), train, test, classes, len(mean), size, mean, std)


def split(everything: Any, labels: NDArray[np.int64], every: int = FOLDER_TEST, seed: int = 0) -> tuple[Subset, Subset]:
    """A fixed, stratified split: of the shuffled pictures of each class, the first of `every` goes to the second."""
    shuffled = permutation(order_source(seed, 0, SPLIT_STREAM), len(labels))
    chosen = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        chosen[shuffled[labels[shuffled] == label][::every]] = True
    if chosen.all():
        raise UserError("--data: a class needs at least two pictures, one to train and one to test")
    return Subset(everything, np.flatnonzero(~chosen).tolist()), Subset(everything, np.flatnonzero(chosen).tolist())


def hold_out(bundle: Bundle, share: float, seed: int) -> tuple[Bundle, Subset]:
    """The bundle with less training data, and that share of it for validation."""
    if not share:
        return bundle, Subset(bundle.train, [])
    train, validation = split(bundle.train, labels_of(bundle.train), max(2, round(1 / share)), seed)
    return bundle._replace(train=train), validation


def labels_of(data: Any) -> NDArray[np.int64]:
    """The labels of a data set or of a part of one."""
    return labels_of(data.dataset)[np.asarray(data.indices)] if isinstance(data, Subset) else np.asarray(data.labels)


def measure(data: Any, limit: int = 1000) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel, over at most `limit` pictures spread over the data."""
    images = pictures(data, np.linspace(0, len(data) - 1, min(limit, len(data))).astype(np.intp))
    mean, std = images.mean((0, 2, 3), dtype=np.float64), images.std((0, 2, 3), dtype=np.float64)
    return tuple(mean.round(4).tolist()), tuple(np.maximum(std, 0.01).round(4).tolist())


def pictures(data: Any, indices: NDArray[np.intp]) -> NDArray[np.float32]:
    """Pictures (N, C, H, W) in 0..1, as they are stored."""
    return data.__getitems__(indices)[0]


class Pictures:
    """The pictures of a data set, read when asked for: pictures[index array] -> (N, C, H, W)."""

    def __init__(self, data: Any, shape: tuple[int, int, int]) -> None:
        self.data = data
        self.shape = (len(data), *shape)

    def __getitem__(self, indices: NDArray[np.intp]) -> NDArray[np.float32]:
        return pictures(self.data, indices) if len(indices) else np.zeros((0, *self.shape[1:]), np.float32)


class Enlarge(transforms.Transform):
    """Small pictures for models that need larger ones: every pixel repeated, and the rest padded with `fill`."""

    def __init__(self, size: int, fill: float = 0.0) -> None:
        self.size = size
        self.fill = fill

    def apply(self, images: NDArray[Any], raw: NDArray[np.uint64]) -> NDArray[Any]:
        times = max(1, self.size // max(images.shape[2:]))
        images = images.repeat(times, axis=2).repeat(times, axis=3) if times > 1 else images
        rest = [max(0, self.size - side) for side in images.shape[2:]]
        edges = ((0, 0), (0, 0), *((gap // 2, gap - gap // 2) for gap in rest))
        return np.pad(images, edges, constant_values=self.fill) if any(rest) else images


def input_size(model: str, size: int) -> int:
    """Height and width of what the model gets: the pictures', or the model's least."""
    return max(size, model_entry(model).min_size)


def preparation(config: Mapping[str, Any]) -> list[Any]:
    """What is done to every picture, in training and later: enlarge if the model needs it, normalise."""
    steps: list[Any] = [transforms.Normalize(config["mean"], config["std"])]
    if config["input_size"] != config["size"]:
        steps.insert(0, Enlarge(config["input_size"]))
    return steps


def augmentation(config: Mapping[str, Any]) -> list[Any]:
    """What training pictures go through before that."""
    steps: list[Any] = []
    if config["augment"] and config["data"] in WRITING:
        steps = [transforms.RandomShift(1 if config["size"] < 16 else 2)]
    elif config["augment"]:
        steps = [transforms.RandomHorizontalFlip(), transforms.RandomShift(max(1, config["size"] // 14))]
    if config.get("randaugment") is not None:
        steps.append(transforms.RandAugment(magnitude=config["randaugment"]))
    return steps


def erasing(config: Mapping[str, Any]) -> list[Any]:
    """What they go through after it: erased parts have the mean colour, which is 0 then."""
    return [transforms.RandomErasing(config["erasing"])] if config.get("erasing") else []


def loaders(bundle: Bundle, config: Mapping[str, Any], workers: int = 0) -> tuple[DataLoader, DataLoader]:
    """The loaders of training and test data."""
    prepare = preparation(config)
    train = DataLoader(
        bundle.train,
        config["batch_size"],
        shuffle=True,
        num_workers=workers,
        seed=config["seed"],
        transform=transforms.Compose([*augmentation(config), *prepare, *erasing(config)]),
    )
    return train, test_loader(bundle.test, config, workers)


def test_loader(data: Any, config: Mapping[str, Any], workers: int = 0) -> DataLoader:
    """Batches in order, without augmentation."""
    size = max(config["batch_size"], 250)
    return DataLoader(data, size, num_workers=workers, transform=transforms.Compose(preparation(config)), seed=0)
