"""Kernels of picture transforms: against plain NumPy, between guard pages, on any memory, with any threads."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from test_guard import PAGE, guarded, mprotect

from autograd import kernels
from autograd.vision.transforms.basic import through

RNG = np.random.default_rng(0)
SHAPES = [(3, 3, 10, 14), (2, 1, 1, 1), (1, 3, 70, 150), (4, 1, 17, 65)]


def bilinear(images: np.ndarray, maps: np.ndarray, fill: float) -> np.ndarray:
    """What `picture_warped` computes, on a canvas with a margin of `fill`."""
    n, c, h, w = images.shape
    canvas = np.pad(images.astype(float), ((0, 0), (0, 0), (2, 2), (2, 2)), constant_values=fill)
    p, q = np.meshgrid(np.arange(h), np.arange(w), indexing="ij")
    out = np.empty((n, c, h, w))
    for i, m in enumerate(maps):
        row = np.clip(m[3] * q + m[4] * p + m[5], -2, h) + 2
        col = np.clip(m[0] * q + m[1] * p + m[2], -2, w) + 2
        top, left = np.floor(row).astype(int), np.floor(col).astype(int)
        top, left = np.minimum(top, h + 2), np.minimum(left, w + 2)
        down, right = row - top, col - left
        upper = canvas[i][:, top, left] * (1 - right) + canvas[i][:, top, left + 1] * right
        lower = canvas[i][:, top + 1, left] * (1 - right) + canvas[i][:, top + 1, left + 1] * right
        out[i] = upper * (1 - down) + lower * down
    return out


def pictures(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    values = RNG.integers(0, 256, shape, dtype=np.uint8)
    return values if dtype == np.uint8 else (values / 255).astype(dtype)


def close(ours: np.ndarray, expected: np.ndarray) -> None:
    """Within rounding; uint8 within a half and a bit of the exact value."""
    assert abs(ours.astype(float) - expected).max() <= (0.501 if ours.dtype == np.uint8 else 1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("shape", SHAPES)
def test_warped_pictures(shape: tuple[int, ...], dtype: Any) -> None:
    images = pictures(shape, dtype)
    maps = RNG.normal(size=(shape[0], 6)) * [1, 1, 9, 1, 1, 9]
    close(kernels.picture_warped(images, maps, 0.25), bilinear(images, maps, 0.25))
    far = np.array([[1e300, 0, -1e300, np.nan, np.inf, 0]] * shape[0])
    assert (kernels.picture_warped(images, far, 1) == 1).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("each", [True, False])
def test_resampled_pictures(dtype: Any, each: bool) -> None:
    images, lead = pictures((3, 2, 9, 13), dtype), (3,) if each else ()
    rows, columns = RNG.integers(0, 9 - 3 + 1, (*lead, 5)), RNG.integers(0, 13 - 2 + 1, (*lead, 20))
    down, right = RNG.dirichlet(np.ones(3), (*lead, 5)), RNG.dirichlet(np.ones(2), (*lead, 20))
    a, b = np.zeros((3, 5, 9)), np.zeros((3, 20, 13))  # as matrices
    for i in range(3):
        for matrix, start, weight in ((a, rows, down), (b, columns, right)):
            for k, (first, ws) in enumerate(zip(start[i] if each else start, weight[i] if each else weight)):
                matrix[i, k, first : first + len(ws)] = ws
    expected = np.einsum("npr,ncrs,nqs->ncpq", a, images.astype(float), b)
    close(kernels.picture_resampled(images, rows, down, columns, right), expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_adjusted_pictures_keep_what_is_not_changed(dtype: Any) -> None:
    images = pictures((2, 3, 5, 7), dtype)
    top = 255.0 if dtype == np.uint8 else 1.0
    assert np.array_equal(kernels.picture_adjusted(images, [[1, 1, 1, 0]] * 2, top), images)
    gray = kernels.picture_adjusted(images, [[1, 1, 0, 0]] * 2, top)
    close(gray, np.repeat(np.einsum("c,nchw->nhw", [0.299, 0.587, 0.114], images.astype(float))[:, None], 3, 1))
    one = kernels.picture_adjusted(images[:, :1], [[0.5, 0, 0, 0.3]] * 2, top)  # no colours to change
    close(one, np.broadcast_to(0.5 * images[:, :1].mean((1, 2, 3), dtype=float, keepdims=True), one.shape))


MAPS, CHANGES = np.array([[0.9, 0.2, -1, -0.2, 0.9, 2]]), np.array([[1.2, 0.7, 1.4, 0.2]])
TAPS = (np.arange(9), np.full((9, 2), 0.5, "f"), np.arange(30) % 12, np.full((30, 2), 0.5, "f"))
CALLS: dict[str, Any] = {
    "warped": lambda x: kernels.picture_warped(x, MAPS.repeat(len(x), 0), 0.5),
    "resampled": lambda x: kernels.picture_resampled(x, *TAPS),
    "adjusted": lambda x: kernels.picture_adjusted(x, CHANGES.repeat(len(x), 0), 1.0),
}


@pytest.mark.parametrize("name", CALLS)
def test_any_memory_and_threads_give_the_same_bits(name: str) -> None:
    images = pictures((40, 3, 10, 13), np.float32)
    expected = CALLS[name](images)
    wide = np.zeros((40, 3, 10, 26), np.float32)
    wide[..., ::2] = images
    for other in (images.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2), wide[..., ::2], images.astype(">f4")):
        assert np.array_equal(CALLS[name](other), expected)
    assert np.array_equal(through(images.astype(np.float64), CALLS[name]), expected.astype(np.float64))
    for threads in (1, 3):
        kernels.set_num_threads(threads)
        assert np.array_equal(CALLS[name](images), expected)
    assert CALLS[name](images[:0]).shape == (0, *expected.shape[1:])


@pytest.mark.skipif(mprotect is None, reason="needs mprotect")
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("name", CALLS)
def test_nothing_outside_is_read(name: str, dtype: Any) -> None:
    for at_end in (True, False):
        images = guarded(pictures((2, 3, 10, 13), dtype), at_end)
        assert images.nbytes % PAGE
        CALLS[name](images)


X = np.zeros((2, 3, 4, 5), np.float32)
TABLE = (np.zeros(2, int), np.ones((2, 1), "f"))
REFUSED = {
    r"expected uint8 or float32, got float64": lambda: kernels.picture_warped(X.astype(float), MAPS),
    r"images \(N, C, H, W\), got shape \(3, 4, 5\)": lambda: kernels.picture_adjusted(X[0], CHANGES, 1.0),
    r"maps must have shape \(2, 6\), got \(1, 6\)": lambda: kernels.picture_warped(X, MAPS),
    r"C=1 or C=3 \(RGB\)": lambda: kernels.picture_adjusted(X[:, :2], CHANGES.repeat(2, 0), 1.0),
    r"the hue turns by at most 0.5": lambda: kernels.picture_adjusted(X, CHANGES.repeat(2, 0) * 9, 1.0),
    r"rows with 1 taps leave the 4 pixels": lambda: kernels.picture_resampled(X, [0, 4], TABLE[1], *TABLE),
    r"columns with 1 taps leave the 5": lambda: kernels.picture_resampled(X, *TABLE, [-1, 4], TABLE[1]),
    r"rows \(2,\) and its weights \(3, 1\)": lambda: kernels.picture_resampled(X, [0, 1], np.ones((3, 1)), *TABLE),
    r"must be \(outputs,\) or \(N=2, outputs\)": functools.partial(
        kernels.picture_resampled, X, [[0, 1]], [[[1], [1]]], *TABLE
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_does_not_fit_is_refused(message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        REFUSED[message]()
