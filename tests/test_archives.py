"""CIFAR, SVHN, EMNIST, CSV lists, damaged pictures, the cache: all on files made here."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import tarfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autograd.errors import FormatError
from autograd.vision.datasets import CIFAR10, CIFAR100, EMNIST, KMNIST, SVHN, ImageCSV, ImageFolder
from autograd.vision.matfile import read_mat

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (6, 3, 32, 32), dtype=np.uint8)
LABELS = np.array([0, 9, 3, 3, 7, 1], np.uint8)


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


# ------------------------------------------------------------------------------------------- CIFAR


def cifar_files(form: str, hundred: bool) -> dict[str, bytes]:
    """The six pictures in every file of a training part, in one of the two forms."""
    names = ["train"] if hundred else [f"data_batch_{i}" for i in range(1, 6)]
    if form == "bin":
        lead = [np.zeros((6, 1), np.uint8)] if hundred else []
        content = np.concatenate([*lead, LABELS[:, None], PIXELS.reshape(6, -1)], 1).tobytes()
        return {name + ".bin": content for name in names}
    key = b"fine_labels" if hundred else b"labels"
    batch = {b"batch_label": b"x", key: LABELS.tolist(), b"data": PIXELS.reshape(6, -1)}
    return dict.fromkeys(names, pickle.dumps(batch, protocol=2))


def check_cifar(data: CIFAR10, files: int) -> None:
    assert np.array_equal(data.images, np.tile(PIXELS, (files, 1, 1, 1)))
    assert data.labels.tolist() == LABELS.tolist() * files
    image, label = data[1]
    assert label == 9 and np.allclose(image * 255, PIXELS[1])


@pytest.mark.parametrize("hundred", [False, True])
@pytest.mark.parametrize("form", ["bin", "py"])
@pytest.mark.parametrize("packed", [False, True])
def test_cifar(tmp_path: Path, form: str, hundred: bool, packed: bool) -> None:
    kind = CIFAR100 if hundred else CIFAR10
    folder = kind.binary_folder if form == "bin" else kind.python_folder
    files = cifar_files(form, hundred)
    if packed:
        name = list(kind.archives)[form == "py"]
        with tarfile.open(tmp_path / name, "w:gz") as tar:
            for path, content in files.items():
                member = tarfile.TarInfo(f"{folder}/{path}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    else:
        (tmp_path / folder).mkdir()
        for path, content in files.items():
            (tmp_path / folder / path).write_bytes(content)
    check_cifar(kind(tmp_path), len(files))
    assert len(kind.classes) == (100 if hundred else 10)


@pytest.mark.parametrize("protocol", range(5))
def test_cifar_pickles_of_every_protocol(tmp_path: Path, protocol: int) -> None:
    (tmp_path / "cifar-100-python").mkdir()
    batch = {"fine_labels": LABELS.tolist(), "data": PIXELS.reshape(6, -1)}
    (tmp_path / "cifar-100-python/train").write_bytes(pickle.dumps(batch, protocol=protocol))
    check_cifar(CIFAR100(tmp_path), 1)


def test_cifar_as_python_2_pickled_it(tmp_path: Path) -> None:
    """As the published files are: strings and the array's bytes are opcodes that Python 3 no longer writes."""
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x06M\x00\x0c\x86"
        b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        + (b"T" + struct.pack("<I", PIXELS.size) + PIXELS.tobytes() + b"tb")
    )
    labels = b"](" + b"".join(b"K" + bytes([label]) for label in LABELS) + b"e"
    (tmp_path / "cifar-100-python").mkdir()
    content = b"\x80\x02}(U\x04data" + array + b"U\x0bfine_labels" + labels + b"u."
    (tmp_path / "cifar-100-python/train").write_bytes(content)
    check_cifar(CIFAR100(tmp_path), 1)


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("was-here"),))


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps({"data": Evil()}),
        pickle.dumps({"data": PIXELS.reshape(6, -1), "fine_labels": [1]}),
        pickle.dumps({"data": PIXELS.reshape(6, -1).astype(np.float32), "fine_labels": [1] * 6}),
        pickle.dumps([1, 2]),
        cifar_files("py", True)["train"][:-40],
        b"",
    ],
)
def test_cifar_never_runs_a_pickle(tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cifar-100-python").mkdir()
    (tmp_path / "cifar-100-python/train").write_bytes(content)
    with pytest.raises(FormatError, match=r"cifar-100-python/train: "):
        CIFAR100(tmp_path)
    assert not (tmp_path / "was-here").exists()


def test_cifar_damaged_and_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"cifar-10-binary.tar.gz; pass download=True"):
        CIFAR10(tmp_path)
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(b"no archive")
    with pytest.raises(FormatError, match=r"cifar-10-binary.tar.gz: damaged archive"):
        CIFAR10(tmp_path)
    (tmp_path / "cifar-100-binary").mkdir()
    (tmp_path / "cifar-100-binary/train.bin").write_bytes(b"x" * 3075)
    with pytest.raises(FormatError, match=r"train.bin: 3075 bytes are not a whole number"):
        CIFAR100(tmp_path)
    (tmp_path / "cifar-100-binary/train.bin").write_bytes(b"\xff" * 3074)
    with pytest.raises(FormatError, match="label 255, but there are 100 classes"):
        CIFAR100(tmp_path)


# ------------------------------------------------------------------------------------------- SVHN and MAT-files


@pytest.mark.parametrize("compressed", [False, True])
def test_svhn(tmp_path: Path, compressed: bool) -> None:
    scipy_io = pytest.importorskip("scipy.io")
    labels = np.array([10, 1, 2, 10, 9, 5], np.uint8)[:, None]
    content = {"X": PIXELS.transpose(2, 3, 1, 0), "y": labels}
    scipy_io.savemat(tmp_path / "test_32x32.mat", content, do_compression=compressed)
    data = SVHN(tmp_path, "test")
    assert np.array_equal(data.images, PIXELS) and data.labels.tolist() == [0, 1, 2, 0, 9, 5]


@pytest.mark.parametrize("compressed", [False, True])
def test_mat_files_hold_numbers_of_all_kinds(tmp_path: Path, compressed: bool) -> None:
    scipy_io = pytest.importorskip("scipy.io")
    kinds = ("u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8")
    arrays = {f"a{kind}": RNG.integers(0, 100, (2, 3, 4)).astype(kind) for kind in kinds}
    others = {"text": "left out", "z": np.array([1j])}
    scipy_io.savemat(tmp_path / "a.mat", arrays | others, do_compression=compressed)
    found = read_mat(tmp_path / "a.mat")
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)
    whole = (tmp_path / "a.mat").read_bytes()
    for end in range(0, len(whole) - 1, 41):  # may give fewer arrays, or say what is wrong, and nothing else
        (tmp_path / "b.mat").write_bytes(whole[:end])
        try:
            assert set(read_mat(tmp_path / "b.mat")) <= set(arrays)
        except FormatError as error:
            assert "b.mat" in str(error)


def test_mat_files_may_not_unpack_to_more_than_said(tmp_path: Path) -> None:
    scipy_io = pytest.importorskip("scipy.io")
    scipy_io.savemat(tmp_path / "a.mat", {"x": np.zeros((1000, 1000))}, do_compression=True)
    with pytest.raises(FormatError, match="more than 1000 bytes"):
        read_mat(tmp_path / "a.mat", max_bytes=1000)


# ------------------------------------------------------------------------------------------- MNIST's kin


def test_emnist_is_upright_and_labelled_from_zero(tmp_path: Path) -> None:
    (tmp_path / "emnist").mkdir()
    images = RNG.integers(0, 256, (3, 28, 28), dtype=np.uint8)
    for part, content in (("images-idx3", images), ("labels-idx1", np.array([1, 26, 5], np.uint8))):
        (tmp_path / f"emnist/emnist-letters-test-{part}-ubyte.gz").write_bytes(gzip.compress(idx(content)))
    data = EMNIST("letters", tmp_path, train=False)
    assert np.array_equal(data.images[:, 0], images.transpose(0, 2, 1))
    assert [data.classes[label] for label in data.labels] == ["A", "Z", "E"]
    assert [len(names) for names in EMNIST.SPLITS.values()] == [62, 47, 47, 26, 10, 10]
    with pytest.raises(ValueError, match="there are byclass"):
        EMNIST("all")
    with pytest.raises(FileNotFoundError, match=r"emnist-balanced-train-images-idx3-ubyte.gz"):
        EMNIST(root=tmp_path)


def test_kmnist(tmp_path: Path) -> None:
    (tmp_path / "kmnist").mkdir()
    for part, content in (("images-idx3", PIXELS[:, 0, :28, :28].copy()), ("labels-idx1", LABELS)):
        (tmp_path / f"kmnist/train-{part}-ubyte").write_bytes(idx(content))
    assert np.array_equal(KMNIST(tmp_path).images, PIXELS[:, :1, :28, :28])


# ------------------------------------------------------------------------------------------- files of pictures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, name in enumerate(("cat/a.png", "cat/b.png", "dog/c.png")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(PIXELS[number].transpose(1, 2, 0)).save(tmp_path / name)
    return tmp_path


def test_damaged_pictures_are_named_and_left_out(folder: Path) -> None:
    whole = (folder / "cat/b.png").read_bytes()
    (folder / "cat/b.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FormatError, match=r"cat/b.png: not a readable picture"):
        ImageFolder(folder).__getitems__(np.arange(3))
    with pytest.warns(UserWarning, match=r"left out 1 damaged pictures: .*cat/b.png"):
        data = ImageFolder(folder, corrupt="skip")
    assert [path.name for path in data.skipped] == ["b.png"] and data.labels.tolist() == [0, 1]
    assert np.allclose(data[1][0] * 255, PIXELS[2])
    with pytest.raises(ValueError, match="corrupt='ignore'"):
        ImageFolder(folder, corrupt="ignore")  # type: ignore[arg-type]


def test_cache_is_written_once_and_anew_when_pictures_change(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ImageFolder(folder, 16, cache=folder / "cache.npy")
    plain = ImageFolder(folder, 16).__getitems__(np.arange(3))
    assert all(np.array_equal(a, b) for a, b in zip(first.__getitems__(np.arange(3)), plain))
    with monkeypatch.context() as patch:
        patch.setattr("autograd.vision.folder.load_image", None)  # nothing is decoded again
        again = ImageFolder(folder, 16, cache=folder / "cache.npy")
        assert np.array_equal(again[2][0], plain[0][2])
    Image.fromarray(PIXELS[5].transpose(1, 2, 0)).save(folder / "dog/c.png")
    changed = ImageFolder(folder, 16, cache=folder / "cache.npy")
    assert not np.array_equal(changed[2][0], plain[0][2]) and np.array_equal(changed[0][0], plain[0][0])
    assert ImageFolder(folder, 8, "L", cache=folder / "cache.npy")[0][0].shape == (1, 8, 8)
    with pytest.raises(ValueError, match="needs size="):
        ImageFolder(folder, cache=folder / "cache.npy")


def test_pictures_listed_in_a_csv_file(folder: Path) -> None:
    path = folder / "list.csv"
    path.write_text("label,path\ndog,dog/c.png\ncat,cat/a.png\n")
    data = ImageCSV(path)
    assert data.classes == ("cat", "dog") and data.labels.tolist() == [1, 0]
    assert np.allclose(data[0][0] * 255, PIXELS[2])
    path.write_text("file,n\ncat/a.png,10\ncat/b.png,9\n")
    numbers = ImageCSV(path, path_column="file", label_column="n")
    assert numbers.classes == ("9", "10") and numbers.labels.tolist() == [1, 0]
    with pytest.raises(FormatError, match=r"no column 'path'; the first line names file, n"):
        ImageCSV(path)
    path.write_text("path,label\ncat/a.png,\n")
    with pytest.raises(FormatError, match=r"list.csv, line 2: an empty field"):
        ImageCSV(path)
    path.write_text("path,label\n")
    with pytest.raises(FormatError, match="no pictures"):
        ImageCSV(path)


def test_nothing_warns_when_all_pictures_are_sound(folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ImageFolder(folder, corrupt="skip").skipped == []
