"""Bundled digits, idx files, MNIST and its kin, image folders, transforms."""

from __future__ import annotations

import builtins
import functools
import gzip
import hashlib
import http.server
import os
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograd.data import seeds
from autograd.errors import DTypeError, FormatError, ShapeError
from autograd.vision import datasets
from autograd.vision.datasets import MNIST, Digits, FashionMNIST, ImageFolder, data_root, read_idx
from autograd.vision.folder import load_image
from autograd.vision.transforms import (
    Compose,
    Normalize,
    RandomCrop,
    RandomHorizontalFlip,
    RandomShift,
    ToFloat,
    ToTensor,
)

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_bytes(array):
    code = CODES[array.dtype.str[1:]]
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


# -- digits ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("train", [True, False])
def test_digits(train):
    data = Digits(train)
    assert len(data) == (1437 if train else 360)
    assert data.images.shape == (len(data), 1, 8, 8)
    assert data.images.dtype == np.uint8
    assert data.images.max() == 16
    assert data.labels.dtype == np.int64
    assert data.classes == tuple("0123456789")
    image, label = data[3]
    assert (image.shape, image.dtype, type(label)) == ((1, 8, 8), np.float32, int)
    np.testing.assert_array_equal(image, data.images[3] / 16)
    images, labels = data.__getitems__(np.array([3, 0]))
    assert (images.shape, images.dtype, labels.dtype) == ((2, 1, 8, 8), np.float32, np.int64)
    np.testing.assert_array_equal(images[0], image)
    assert "10 classes" in repr(data)


def test_digits_split_is_stratified_and_complete():
    sklearn = pytest.importorskip("sklearn.datasets")
    source = sklearn.load_digits()
    train, test = Digits(), Digits(train=False)
    share = np.bincount(test.labels) / np.bincount(source.target)
    assert abs(share - 0.2).max() < 0.006
    test_rows = np.sort(np.argsort(source.target, kind="stable")[::5])
    train_rows = np.setdiff1d(np.arange(1797), test_rows)
    for part, rows in ((train, train_rows), (test, test_rows)):
        np.testing.assert_array_equal(part.images.reshape(-1, 64), source.data[rows])
        np.testing.assert_array_equal(part.labels, source.target[rows])


def test_digits_are_small_and_licensed():
    folder = Path(datasets.__file__).parent / "data"
    assert sum(file.stat().st_size for file in folder.iterdir()) < 120_000
    assert "CC BY 4.0" in (folder / "LICENSE-digits.txt").read_text()


def check_statistics(data):
    scaled = data.images / data.top
    assert data.mean == pytest.approx((scaled.mean(),), rel=1e-12)
    assert data.std == pytest.approx((scaled.std(),), rel=1e-12)


def test_digits_statistics():
    check_statistics(Digits())
    normal = Digits(transform=Normalize(Digits.mean, Digits.std)).__getitems__(np.arange(1437))[0]
    assert abs(normal.mean()) < 1e-5
    assert abs(normal.std() - 1) < 1e-5
    assert Digits(transform=Normalize(0, 2))[0][0].max() == 0.5
    with pytest.raises(ValueError, match="DataLoader"):
        Digits(transform=RandomShift(1))[0]


# -- idx ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("shape", [(), (5,), (2, 3, 4), (0, 3), (1,) * 8])
@pytest.mark.parametrize("zipped", [False, True])
def test_idx_round_trip(tmp_path, code, shape, zipped):
    array = (np.random.default_rng(0).normal(size=shape) * 50).astype(code)
    content = idx_bytes(np.asarray(array))
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(content) if zipped else content)
    read = read_idx(path, md5=hashlib.md5(content, usedforsecurity=False).hexdigest())
    assert read.dtype == np.dtype(code)
    np.testing.assert_array_equal(read, array)
    assert read.flags.writeable


GOOD = idx_bytes(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
BAD = {
    "empty": (b"", "truncated"),
    "short head": (GOOD[:3], "truncated"),
    "short sizes": (GOOD[:10], "truncated"),
    "short body": (GOOD[:-1], "23 bytes where 24"),
    "more": (GOOD + b"\0", "left over"),
    "magic": (b"\1" + GOOD[1:], "not an idx file.*01 00 08 03"),
    "type": (GOOD[:2] + b"\x0a" + GOOD[3:], "not an idx file"),
    "huge": (struct.pack(">BBBBII", 0, 0, 8, 2, 2**32 - 1, 2**32 - 1), "max_bytes"),
    "huge but empty": (struct.pack(">BBBBIII", 0, 0, 8, 3, 0, 2**32 - 1, 2**32 - 1), "max_bytes"),
    "claims a GiB": (struct.pack(">BBBBI", 0, 0, 8, 1, 2**30), "truncated"),
    "axes": (struct.pack(">BBBB", 0, 0, 8, 200) + b"\0\0\0\1" * 200 + b"\0", "200 axes"),
    "short gzip": (gzip.compress(GOOD)[:-9], "damaged gzip"),
    "gzip checksum": (gzip.compress(GOOD)[:-8] + bytes(8), "damaged gzip"),
    "gzip of nothing": (b"\x1f\x8b", "damaged gzip"),
    "gzip bomb": (gzip.compress(GOOD + bytes(10**6)), "left over"),
}


@pytest.mark.parametrize("content", BAD)
def test_idx_refuses(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(BAD[content][0])
    with pytest.raises(FormatError, match=BAD[content][1]) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)


def test_idx_limits_digest_and_absence(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(GOOD)
    assert read_idx(path, max_bytes=24).shape == (2, 3, 4)
    with pytest.raises(FormatError, match="max_bytes=23"):
        read_idx(path, max_bytes=23)
    with pytest.raises(FormatError, match="md5"):
        read_idx(path, md5="0" * 32)
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "absent")


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("idx") / "file"


damaged = st.one_of(
    st.binary(max_size=80),
    st.tuples(st.sampled_from([GOOD, gzip.compress(GOOD, mtime=0)]), st.integers(0, 60), st.binary(max_size=6)).map(
        lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] + len(parts[2]) :]
    ),
    st.tuples(st.sampled_from(list(CODES.values())), st.lists(st.integers(0, 2**32 - 1), max_size=40), st.binary()).map(
        lambda parts: struct.pack(f">BBBB{len(parts[1])}I", 0, 0, parts[0], len(parts[1]), *parts[1]) + parts[2]
    ),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=damaged, zipped=st.booleans())
def test_idx_fuzz(scratch, content, zipped):
    scratch.write_bytes(gzip.compress(content, 1) if zipped else content)
    try:
        array = read_idx(scratch, max_bytes=1 << 16)
    except FormatError:
        return
    plain = content
    while plain[:2] == b"\x1f\x8b":
        plain = gzip.decompress(plain)
    assert idx_bytes(array) == plain


# -- MNIST -------------------------------------------------------------------------------------------------------------


def small_mnist(kind=MNIST):
    """A class like `kind` for files with a handful of images, and those files unzipped."""
    rng = np.random.default_rng(1)
    contents = {}
    for part, n in (("train", 7), ("t10k", 3)):
        contents[f"{part}-images-idx3-ubyte"] = idx_bytes(rng.integers(0, 256, (n, 28, 28), dtype=np.uint8))
        contents[f"{part}-labels-idx1-ubyte"] = idx_bytes(rng.integers(0, 10, n, dtype=np.uint8))
    md5s = {name: hashlib.md5(content, usedforsecurity=False).hexdigest() for name, content in contents.items()}
    return type("Small", (kind,), {"md5s": md5s}), contents


def put(folder, contents, zipped):
    folder.mkdir(parents=True)
    for name, content in contents.items():
        (folder / (name + ".gz" * zipped)).write_bytes(gzip.compress(content) if zipped else content)


@pytest.mark.parametrize(
    ("kind", "folder", "zipped"),
    [
        (MNIST, "mnist", True),
        (MNIST, "mnist", False),
        (MNIST, "MNIST/raw", False),
        (MNIST, "MNIST/raw", True),
        (FashionMNIST, "fashion-mnist", True),
        (FashionMNIST, "FashionMNIST/raw", False),
    ],
)
def test_mnist_layouts(tmp_path, kind, folder, zipped):
    small, contents = small_mnist(kind)
    put(tmp_path / folder, contents, zipped)
    train, test = small(tmp_path), small(tmp_path, train=False)
    assert (len(train), len(test)) == (7, 3)
    assert train.images.shape == (7, 1, 28, 28)
    assert train[0][0].max() <= 1
    assert len(train.classes) == 10


def test_root(tmp_path, monkeypatch):
    monkeypatch.setenv("AUTOGRAD_DATA", str(tmp_path))
    assert data_root() == tmp_path
    assert data_root("x") == Path("x")
    monkeypatch.delenv("AUTOGRAD_DATA")
    assert data_root() == Path.home() / ".cache" / "autograd"
    with pytest.raises(FileNotFoundError, match=r"Small: no .*mnist.*download=True.*AUTOGRAD_DATA"):
        small_mnist()[0](tmp_path)


def test_mnist_refuses_other_files(tmp_path):
    small, contents = small_mnist()
    put(tmp_path / "mnist", contents | {"train-images-idx3-ubyte": GOOD}, True)
    with pytest.raises(FormatError, match="md5"):
        small(tmp_path)
    small.md5s = dict.fromkeys(contents)
    with pytest.raises(FormatError, match="2 images and 7 labels"):
        small(tmp_path)
    (tmp_path / "mnist" / "train-images-idx3-ubyte.gz").write_bytes(idx_bytes(np.zeros((2, 2), np.uint8)))
    with pytest.raises(FormatError, match="2 axes, expected uint8 with 3"):
        small(tmp_path)


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    handler = functools.partial(QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield folder, f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()
        thread.join()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def test_download(tmp_path, server):
    folder, url = server
    small, contents = small_mnist()
    put(folder, contents, True)
    small.mirrors = (url + "absent/", url)
    root = tmp_path / "root"
    assert len(small(root, download=True)) == 7
    assert sorted(file.name for file in (root / "mnist").iterdir()) == [
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
    ]
    small.mirrors = ()
    assert len(small(root, download=True)) == 7  # what is there is not fetched again


@pytest.mark.parametrize("planted", [GOOD, b"<html>", gzip.compress(GOOD)[:20]])
def test_a_wrong_download_leaves_nothing(tmp_path, server, planted):
    folder, url = server
    small, contents = small_mnist()
    put(folder, contents, True)
    (folder / "train-images-idx3-ubyte.gz").write_bytes(planted)
    small.mirrors = (url,)
    with pytest.raises(OSError, match="by hand"):
        small(tmp_path / "root", download=True)
    assert list((tmp_path / "root" / "mnist").iterdir()) == []


def test_a_download_has_a_limit(tmp_path, server, monkeypatch):
    folder, url = server
    small, contents = small_mnist()
    put(folder, contents, True)
    small.mirrors = (url,)
    monkeypatch.setattr("autograd.vision.images._DOWNLOAD_LIMIT", 100)
    with pytest.raises(OSError, match="more than 100 bytes"):
        small(tmp_path / "root", download=True)


def test_mirrors_are_encrypted():
    assert all(
        url.startswith("https://") and url.endswith("/") for kind in (MNIST, FashionMNIST) for url in kind.mirrors
    )


@pytest.mark.parametrize("kind", [MNIST, FashionMNIST])
def test_the_published_files(kind):
    if not (data_root() / kind.folder).is_dir() or "AUTOGRAD_DATA" not in os.environ:
        pytest.skip(f"set AUTOGRAD_DATA to a folder that has {kind.folder}/")
    test = kind(train=False)  # verifies the md5s
    assert np.bincount(test.labels).sum() == 10_000
    train = kind()
    assert train.images.shape == (60_000, 1, 28, 28)
    check_statistics(train)


# -- image folders -----------------------------------------------------------------------------------------------------


@pytest.fixture
def pictures(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for name, colour in (("red", (255, 0, 0)), ("blue", (0, 0, 255))):
        (tmp_path / name / "deep").mkdir(parents=True)
        image.new("RGB", (6, 4), colour).save(tmp_path / name / "a.png")
        image.new("RGB", (10, 8), colour).save(tmp_path / name / "deep" / "b.bmp")
        (tmp_path / name / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def test_image_folder(pictures):
    data = ImageFolder(pictures, size=(4, 6))
    assert data.classes == ("blue", "red")
    assert data.class_to_idx == {"blue": 0, "red": 1}
    assert data.labels.tolist() == [0, 0, 1, 1]
    assert [path.name for path, _ in data.samples] == ["a.png", "b.bmp"] * 2
    image, label = data[2]
    assert (image.shape, image.dtype, label) == ((3, 4, 6), np.float32, 1)
    np.testing.assert_array_equal(image[:, 0, 0], [1, 0, 0])
    images, labels = data.__getitems__(np.array([1, 3]))
    assert (images.shape, labels.tolist()) == ((2, 3, 4, 6), [0, 1])
    assert ImageFolder(pictures, 5, "L")[0][0].shape == (1, 5, 5)
    assert ImageFolder(pictures, 5, transform=Normalize(0, 2))[0][0].max() == 0.5
    with pytest.raises(FormatError, match=r"b\.bmp: shape \(3, 8, 10\).*size="):
        ImageFolder(pictures).__getitems__(np.array([0, 1]))


def test_bad_pictures_are_named(pictures):
    image = pytest.importorskip("PIL.Image")
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    for form in ("png", "jpeg", "gif", "bmp", "tiff", "webp"):
        path = pictures / f"file.{form}"
        image.fromarray(noise).save(path)
        whole = path.read_bytes()
        assert load_image(path).shape == (3, 40, 40)
        for content in (b"", b"GIF89a", whole[: len(whole) // 2]):
            path.write_bytes(content)
            with pytest.raises(FormatError, match=f"file.{form}: not a readable picture"):
                load_image(path)
    with pytest.raises(FileNotFoundError):
        load_image(pictures / "absent.png")


def test_large_pictures_are_refused(pictures, monkeypatch):
    monkeypatch.setattr("autograd.vision.folder.MAX_PIXELS", 20)
    with pytest.raises(FormatError, match="6 x 4 pixels"):
        ImageFolder(pictures)[0]


def test_image_folder_refuses(pictures, tmp_path_factory):
    with pytest.raises(FileNotFoundError, match="one subfolder per class"):
        ImageFolder(tmp_path_factory.mktemp("empty"))
    with pytest.raises(FileNotFoundError):
        ImageFolder(pictures / "absent")
    with pytest.raises(ValueError, match="mode"):
        ImageFolder(pictures, mode="CMYK")
    for size in (0, (3, 0), (1, 2, 3)):
        with pytest.raises(ValueError, match="size"):
            ImageFolder(pictures, size)


def test_without_pillow_the_extra_is_named(pictures, monkeypatch):
    real = builtins.__import__

    def without(name, *args):
        if name.startswith("PIL"):
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install cygrad\[vision\]"):
        ImageFolder(pictures, 4)[0]


# -- transforms --------------------------------------------------------------------------------------------------------

BATCH = np.random.default_rng(2).integers(0, 256, (12, 3, 6, 5), dtype=np.uint8)
ROWS = seeds.sample_seeds(4, 1, np.arange(12))
RANDOM = [RandomCrop(4), RandomCrop((6, 5), padding=2, fill=9), RandomShift(2), RandomHorizontalFlip()]


@pytest.mark.parametrize("transform", [*RANDOM, Compose(RANDOM[1:])], ids=lambda t: type(t).__name__)
def test_random_transforms_belong_to_the_sample(transform):
    before = BATCH.copy()
    whole = transform(BATCH, ROWS)
    np.testing.assert_array_equal(BATCH, before)
    assert whole.dtype == BATCH.dtype
    order = np.random.default_rng(0).permutation(12)
    np.testing.assert_array_equal(transform(BATCH[order], ROWS[order]), whole[order])
    np.testing.assert_array_equal(transform(BATCH[:1], ROWS[:1]), whole[:1])
    assert transform(BATCH[:0], ROWS[:0]).shape == (0, *whole.shape[1:])
    same = np.repeat(BATCH[:1], 12, axis=0)
    assert len({image.tobytes() for image in transform(same, ROWS)}) > 1
    assert not np.array_equal(transform(BATCH, seeds.sample_seeds(4, 2, np.arange(12))), whole)


def test_crop_and_shift_take_every_position_and_no_other():
    picture = np.arange(1, 31, dtype=np.int64).reshape(1, 1, 6, 5)
    many = np.repeat(picture, 600, axis=0)
    rows = seeds.sample_seeds(0, 0, np.arange(600))
    found = {image.tobytes() for image in RandomCrop((4, 3))(many, rows)}
    assert found == {picture[..., i : i + 4, j : j + 3].tobytes() for i in range(3) for j in range(3)}
    padded = np.pad(picture, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=7)
    found = {image.tobytes() for image in RandomShift(1, fill=7)(many, rows)}
    assert found == {padded[..., i : i + 6, j : j + 5].tobytes() for i in range(3) for j in range(3)}


def test_flip():
    rows = seeds.sample_seeds(0, 0, np.arange(2000))
    many = np.tile(np.array([[0.0, 1.0]]), (2000, 1, 1, 1))
    assert np.array_equal(RandomHorizontalFlip(0)(many, rows), many)
    assert np.array_equal(RandomHorizontalFlip(1)(many, rows), many[..., ::-1])
    assert abs(RandomHorizontalFlip(0.3)(many, rows)[:, 0, 0, 0].mean() - 0.3) < 0.04


def test_compose_gives_each_its_own_stream():
    flips = Compose([RandomHorizontalFlip(), RandomHorizontalFlip()])
    many = np.tile(np.array([[0, 1]]), (400, 1, 1, 1))
    rows = seeds.sample_seeds(0, 0, np.arange(400))
    assert 0.4 < flips(many, rows)[:, 0, 0, 0].mean() < 0.6  # one stream for both would undo every flip
    nested = Compose([RandomShift(1), Compose([RandomHorizontalFlip(), RandomCrop(3)])])
    flat = Compose([RandomShift(1), RandomHorizontalFlip(), RandomCrop(3)])
    np.testing.assert_array_equal(nested(BATCH, ROWS), flat(BATCH, ROWS))


def test_to_float_and_normalize():
    floats = Compose([ToTensor(), Normalize((0.1, 0.2, 0.3), (1, 2, 4))])(BATCH)
    expected = (BATCH / 255 - np.array([0.1, 0.2, 0.3])[:, None, None]) / np.array([1, 2, 4])[:, None, None]
    assert floats.dtype == np.float32
    np.testing.assert_allclose(floats, expected, atol=1e-6)
    assert ToFloat()(BATCH.astype(float)).dtype == np.float32
    assert ToFloat()(BATCH).max() <= 1
    assert Normalize(0, 1)(BATCH.astype(float)).dtype == np.float64


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: RandomShift(1)(BATCH), ValueError, "DataLoader"),
        (lambda: ToFloat()(BATCH[0]), ShapeError, r"images\[None\]"),
        (lambda: RandomShift(1)(BATCH, ROWS[:3]), ShapeError, "seeds"),
        (lambda: ToFloat()(BATCH.astype(int)), DTypeError, "int64"),
        (lambda: Normalize(0, 1)(BATCH), DTypeError, "ToFloat"),
        (lambda: Normalize((0, 0), (1, 1))(BATCH.astype("f4")), ShapeError, "2 channels given, images have C=3"),
        (lambda: Normalize(0, 0), ValueError, "positive"),
        (lambda: Normalize((0, 1), 1), ShapeError, "one std"),
        (lambda: RandomCrop(9, padding=1)(BATCH, ROWS), ShapeError, "larger"),
        (lambda: RandomCrop(0), ValueError, "size=0"),
        (lambda: RandomCrop(3, padding=-1), ValueError, "padding=-1"),
        (lambda: RandomShift(-1), ValueError, "pixels=-1"),
        (lambda: RandomHorizontalFlip(1.5), ValueError, "p=1.5"),
    ],
)
def test_transforms_refuse(call, error, match):
    with pytest.raises(error, match=match):
        call()
