"""Pictures in folders."""

from __future__ import annotations

import builtins

import numpy as np
import pytest

from autograd.errors import FormatError, ShapeError
from autograd.vision.datasets import ImageFolder
from autograd.vision.folder import load_image
from autograd.vision.transforms import (
    Normalize,
)
from autograd.vision.utils import make_grid, save_image


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


def test_a_batch_as_one_picture(tmp_path):
    batch = np.arange(5 * 4 * 4, dtype=np.float32).reshape(5, 1, 4, 4) / 80
    shown = make_grid(batch, nrow=3, pad_value=1.0).numpy()
    assert shown.shape == (3, 14, 20) and (shown[:, :, :2] == 1).all() and (shown[:, 8:, 14:] == 1).all()
    for channel in range(3):
        np.testing.assert_array_equal(shown[channel, 8:12, 2:6], batch[3, 0])
    each = make_grid(list(batch), padding=0, normalize=True, scale_each=True).numpy()
    assert each.shape == (3, 4, 20)
    np.testing.assert_allclose([part.max() for part in np.split(each, 5, axis=2)], 1)
    whole = make_grid(batch, padding=0, normalize=True, value_range=(0.0, 0.5)).numpy()
    np.testing.assert_allclose(whole[0, :, :4], 2 * batch[0, 0])
    assert make_grid(batch[0, 0]).shape == (3, 4, 4)
    save_image(batch, tmp_path / "batch.png", nrow=3)
    read = load_image(tmp_path / "batch.png")
    np.testing.assert_array_equal(np.asarray(read)[..., 8:12, 2:6][:1], np.uint8(batch[3] * 255 + 0.5))
    with pytest.raises(ShapeError, match=r"make_grid: expected images \(N, C, H, W\) with 1 or 3 channels"):
        make_grid(np.zeros((2, 2, 4, 4)))
