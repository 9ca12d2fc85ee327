"""Bundled digits, idx files, MNIST and its kin."""

from __future__ import annotations

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

from autograd.errors import FormatError
from autograd.vision import datasets
from autograd.vision.datasets import MNIST, Digits, FashionMNIST, data_root, read_idx
from autograd.vision.transforms import (
    Normalize,
    RandomShift,
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


@pytest.mark.parametrize("planted", [GOOD, b"<html>", gzip.compress(GOOD, mtime=0)[:20]])
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
