"""Images at other sizes and places: interpolation, and sampling at the points of a grid."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from autograd import kernels
from autograd.errors import DTypeError, ShapeError
from autograd.op import composite
from autograd.ops.adaptive import adaptive_avg_pool2d
from autograd.ops.elementwise import mul, where
from autograd.ops.index import getitem
from autograd.ops.join import stack
from autograd.ops.linalg import matmul, tensor_of
from autograd.ops.places import blend, combined, resample
from autograd.ops.shape import permute, reshape
from autograd.ops.window import adaptive_avg_pool1d, adaptive_avg_pool3d, sizes_of
from autograd.sampling import Case, Sampler
from autograd.tensor import Tensor

MODES = {"nearest": 0, "nearest-exact": 0, "linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2, "area": 0}

# --------------------------------------------------------------------------------------------- interpolation


def _taps(
    mode: str, n: int, out: int, scale: float | None, corners: bool
) -> list[tuple[np.ndarray, np.ndarray | None]]:
    """For one axis: which elements each output sees, and their weights (None: one element as it is)."""
    i = np.arange(out, dtype=np.float64)
    ratio = 1 / scale if scale else n / out
    if mode == "nearest":
        return [(np.minimum(np.floor(i * ratio).astype(np.int64), n - 1), None)]
    if mode == "nearest-exact":
        return [(np.minimum(np.floor((i + 0.5) * ratio).astype(np.int64), n - 1), None)]
    place = (i * ((n - 1) / (out - 1)) if out > 1 else i * 0) if corners else (i + 0.5) * ratio - 0.5
    if mode != "bicubic":
        place = np.maximum(place, 0)
        low = np.minimum(np.floor(place).astype(np.int64), n - 1)
        share = place - low
        return [(low, 1 - share), (np.minimum(low + 1, n - 1), share)]
    low = np.floor(place).astype(np.int64)
    return [((low + k).clip(0, n - 1), cubic(place - low - k)) for k in (-1, 0, 1, 2)]


def _keys(t: Any, near: bool, a: float = -0.75) -> Any:
    """Keys' kernel at distances t of at most 1 (near) or from 1 to 2."""
    return ((a + 2) * t - (a + 3)) * t * t + 1 if near else ((a * t - 5 * a) * t + 8 * a) * t - 4 * a


def cubic(t: np.ndarray, a: float = -0.75) -> np.ndarray:
    """Keys' kernel at distance t."""
    t = np.abs(t)
    return np.where(t <= 1, _keys(t, True, a), np.where(t < 2, _keys(t, False, a), 0))


def _smoothing(mode: str, n: int, out: int, scale: float | None, corners: bool) -> np.ndarray:
    """(out, n): each output's weights of all elements, from a kernel as wide as the step between outputs."""
    step = ((n - 1) / (out - 1) if out > 1 else 0.0) if corners else 1 / scale if scale else n / out
    width = max(step, 1.0)
    reach = width * (2 if mode == "bicubic" else 1)
    middle = step * (np.arange(out) + 0.5)[:, None]
    j = np.arange(n)
    low, high = (np.trunc(middle + sign * reach + 0.5) for sign in (-1, 1))
    distance = np.abs(j + 0.5 - middle) / width
    weights = cubic(distance, -0.5) if mode == "bicubic" else np.maximum(1 - distance, 0)
    weights = np.where((j >= low) & (j < high), weights, 0)
    return weights / weights.sum(1, keepdims=True)


def _resample_reference(x, size=None, scale_factor=None, mode="nearest", align_corners=None, antialias=False):
    for axis in range(2, x.ndim):
        n = x.shape[axis]
        factor = scale_factor[axis - 2] if isinstance(scale_factor, tuple) else scale_factor
        out = (size[axis - 2] if isinstance(size, tuple) else size) or math.floor(n * factor)
        matrix = np.zeros((out, n))
        for i in range(out):
            if antialias:
                matrix[i] = _smooth_row(mode, n, factor or out / n, i)
                continue
            for j, w in _row(mode, n, out, factor, align_corners, i):
                matrix[i, min(max(j, 0), n - 1)] += w
        x = np.moveaxis(np.tensordot(matrix, x, (1, axis)), 0, axis)
    return x


def _row(mode, n, out, factor, corners, i):
    """One output's elements and weights, by the textbook."""
    step = 1 / factor if factor else n / out
    if mode.startswith("nearest"):
        return [(math.floor((i + 0.5 * (mode == "nearest-exact")) * step), 1.0)]
    at = (i * (n - 1) / max(out - 1, 1)) if corners else (i + 0.5) * step - 0.5
    if mode == "bicubic":
        low = math.floor(at)
        return [(low + k, float(cubic(np.asarray(at - low - k)))) for k in range(-1, 3)]
    at = max(at, 0.0)
    low = min(math.floor(at), n - 1)
    return [(low, 1 - (at - low)), (low + 1, at - low)]


def _smooth_row(mode, n, factor, i):
    """One output's weights where the picture gets smaller: the kernel stretched by 1 / factor."""
    stretch = max(1 / factor, 1.0)
    at = (i + 0.5) / factor - 0.5
    kernel = (
        (lambda t: float(cubic(np.asarray(t), -0.5))) if mode == "bicubic" else (lambda t: max(1 - math.fabs(t), 0))
    )
    row = np.array([kernel((j - at) / stretch) for j in range(n)])
    return row / row.sum()


def _interpolate_samples(s: Sampler) -> Case:
    mode = s.choice(("nearest", "nearest-exact", "linear", "bilinear", "trilinear", "bicubic"))
    count = MODES[mode] or s.integer(1, 2)
    shape = (s.size(2), 2, *(s.integer(1, 4) for _ in range(count)))
    if count == 2 and MODES[mode] and s.integer(0, 2) == 0:
        return s.case(s.array(shape), size=s.integer(1, 4), mode=mode, antialias=True)
    corners = s.boolean() if MODES[mode] else None
    if s.boolean():
        return s.case(s.array(shape), scale_factor=s.choice((2.0, 1.5)), mode=mode, align_corners=corners)
    return s.case(s.array(shape), size=s.choice((1, 3, 5)), mode=mode, align_corners=corners)


def _target(x: Tensor, size: Any, scale_factor: Any) -> tuple[list[int], list[float | None]]:
    count = x.ndim - 2
    if (size is None) == (scale_factor is None):
        raise ShapeError(f"interpolate: give either size or scale_factor, got {size!r} and {scale_factor!r}")
    if size is not None:
        return list(sizes_of(size, count, "interpolate: size", 1)), [None] * count
    factors = list(scale_factor) if isinstance(scale_factor, (tuple, list)) else [scale_factor] * count
    if len(factors) != count or min(factors) <= 0:
        raise ShapeError(f"interpolate: scale_factor must be above 0 for each of {count} axes, got {scale_factor!r}")
    out = [math.floor(n * f) for n, f in zip(x.shape[2:], factors)]
    return out, [float(f) for f in factors]


@composite(reference=_resample_reference, samples=_interpolate_samples, linear_in=("x",), onnx="Resize")
def interpolate(
    x, size=None, scale_factor=None, mode="nearest", align_corners=None, recompute_scale_factor=None, antialias=False
):
    """x (N, C, ...) at another size, axis by axis

    mode: nearest, nearest-exact, linear (3-d x), bilinear, bicubic (4-d), trilinear (5-d), or area (means).
    size or scale_factor: a number, or one per axis. align_corners: the corner pixels keep their places.
    antialias: each output weighs all elements nearer than a step (bilinear) or two (bicubic), as Pillow does.
    Source: torch.nn.functional.interpolate; Keys, IEEE Trans. ASSP 29 (1981).
    """
    x = tensor_of(x)
    if mode not in MODES:
        raise ValueError(f"interpolate: mode is {mode!r}, expected one of {', '.join(MODES)}")
    if x.ndim < 3 or (MODES[mode] and x.ndim != MODES[mode] + 2):
        expected = f"{MODES[mode] + 2}" if MODES[mode] else "at least 3"
        raise ShapeError(f"interpolate: mode {mode!r} expects x of {expected} dimensions, got {x.shape}")
    if align_corners is not None and not MODES[mode]:
        raise ValueError(f"interpolate: align_corners has no meaning for mode {mode!r}")
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError(f"interpolate: antialias is for modes bilinear and bicubic, not {mode!r}")
    if x.dtype.kind != "f" and MODES[mode]:
        raise DTypeError(f"interpolate: mode {mode!r} expects floats, got {x.dtype}")
    out, factors = _target(x, size, scale_factor)
    if recompute_scale_factor:
        factors = [None] * len(out)
    if min(out) < 1 or 0 in x.shape[1:]:
        raise ShapeError(f"interpolate: sizes {tuple(x.shape[2:])} cannot become {tuple(out)}  [x: {x.shape}]")
    if mode == "area":
        pools = {3: adaptive_avg_pool1d, 4: adaptive_avg_pool2d, 5: adaptive_avg_pool3d}
        return pools[x.ndim](x, tuple(out))
    if antialias:
        rows, columns = (
            _smoothing(mode, n, m, factor, bool(align_corners)).astype(x.dtype)
            for n, m, factor in zip(x.shape[2:], out, factors)
        )
        return matmul(matmul(rows, x), columns.T)
    tables = [_table(mode, *axis, bool(align_corners)) for axis in zip(x.shape[2:], out, factors)]
    if MODES[mode]:  # a few taps along one axis after another are fewer than all their products
        for axis, (m, (places, weights)) in enumerate(zip(out, tables), 2):
            x = resample(x, axis=axis, sizes=(m,), places=places, weights=weights)
        return x
    places = combined([(n, ids) for n, (ids, _) in zip(x.shape[2:], tables)])
    return resample(x, axis=2, sizes=tuple(out), places=places)


@functools.lru_cache(maxsize=16)
def _table(mode: str, n: int, out: int, factor: float | None, corners: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """Places (out, taps) along an axis, and their weights; the last few tables are kept."""
    taps = _taps(mode, n, out, factor, corners)
    weights = None if taps[0][1] is None else np.stack([np.asarray(w) for _, w in taps], 1)
    return np.stack([ids for ids, _ in taps], 1), weights


@composite(
    reference=lambda x, size: _resample_reference(x, size, None, "nearest"),
    samples=lambda s: s.case(s.array((2, 2, 3)), size=s.choice((2, 5))),
    linear_in=("x",),
)
def upsample_nearest(x, size=None, scale_factor=None):
    """interpolate with mode nearest."""
    return interpolate(x, size, scale_factor, "nearest")


@composite(
    reference=lambda x, size: _resample_reference(x, size, None, "bilinear", True),
    samples=lambda s: s.case(s.array((2, 2, 3, 2)), size=s.choice((2, 5))),
    linear_in=("x",),
)
def upsample_bilinear(x, size=None, scale_factor=None):
    """interpolate with mode bilinear and align_corners."""
    return interpolate(x, size, scale_factor, "bilinear", True)


# --------------------------------------------------------------------------------------------- sampling at a grid


def _grid_samples(s: Sampler) -> Case:
    shape = (s.size(2), 2, s.integer(2, 4), s.integer(2, 4))
    corners = s.boolean()
    cells = [n - 1 if corners else n for n in shape[:1:-1]]
    whole = np.stack([s.integers((shape[0], 2, 3), 0, c) for c in cells], -1)
    part = s.array((shape[0], 2, 3, 2), 0.1, 0.4)
    places = (whole + part) / cells if corners else (whole + part + 0.5) / cells
    return s.case(
        s.array(shape), np.asarray(places * 2 - 1, s.dtype), mode=s.choice(("bilinear", "nearest", "bicubic")),
        padding_mode=s.choice(("zeros", "border")), align_corners=corners,
    )  # fmt: skip


def _grid_reference(x, grid, mode, padding_mode, align_corners):
    n, c, h, w = x.shape
    y = np.zeros((n, c, *grid.shape[1:3]))
    for b, p, q in np.ndindex(*grid.shape[:3]):
        at = [_pixel(grid[b, p, q, 1], h, align_corners), _pixel(grid[b, p, q, 0], w, align_corners)]
        if padding_mode == "border" and mode != "bicubic":
            at = [min(max(v, 0), m - 1) for v, m in zip(at, (h, w))]
        if mode == "nearest":
            taps = [[(round(v), 1.0)] for v in at]
        elif mode == "bilinear":
            taps = [[(math.floor(v), 1 - (v - math.floor(v))), (math.floor(v) + 1, v - math.floor(v))] for v in at]
        else:
            taps = [_row("bicubic", m, m, 1, False, v) for m, v in zip((h, w), at)]
        for i, u in taps[0]:
            for j, v in taps[1]:
                inside = 0 <= i < h and 0 <= j < w
                if inside or padding_mode == "border":
                    y[b, :, p, q] += u * v * x[b, :, min(max(i, 0), h - 1), min(max(j, 0), w - 1)]
    return y


def _pixel(v, n, corners):
    return (v + 1) / 2 * (n - 1) if corners else ((v + 1) * n - 1) / 2


def _reflected(v: Tensor, n: int, corners: bool) -> Tensor:
    """Coordinates reflected into the image: at the middles of the outer pixels, or at their outer edges."""
    low, span = (0.0, float(n - 1)) if corners else (-0.5, float(n))
    if span == 0:
        return v * 0
    distance = abs(v - low)
    flips = np.floor(distance.array / span)
    rest = distance - (flips * span).astype(v.dtype)
    return where(flips % 2 == 0, rest + low, span - rest + low)


def _settled(v: Tensor, n: int, padding: str, corners: bool) -> Tensor:
    """Coordinates moved into the image as the padding says; zeros leave them."""
    if padding == "reflection":
        v = _reflected(v, n, corners)
    return v if padding == "zeros" else v.clip(0.0, float(n - 1))


def _axis_taps(v: Tensor, n: int, mode: str, padding: str, corners: bool) -> tuple[np.ndarray, list[Tensor]]:
    """Elements along an axis that the points (N, P) of a grid see, whole numbers (taps, N, P), and their weights."""
    if mode != "bicubic":
        v = _settled(v, n, padding, corners)
    if mode == "nearest":
        return np.round(v.array)[None], [Tensor(np.ones(v.shape, v.dtype))]
    low = np.floor(v.array)
    share = v - low
    if mode == "bilinear":
        return np.stack([low, low + 1]), [1 - share, share]
    steps = (-1, 0, 1, 2)
    taps = np.stack([low + k for k in steps])
    if padding != "zeros":
        taps = np.round(_settled(Tensor(taps), n, padding, corners).array)
    return taps, [_keys(abs(share - k), k in (0, 1)) for k in steps]


@composite(reference=_grid_reference, samples=_grid_samples, bound=1e-4, onnx="GridSample")
def grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=None):
    """y[n, c, ...] = x at the place grid[n, ..., :] = (x, y) or (x, y, z), where -1 and 1 are the image's edges

    x (N, C, H, W) with grid (N, P, Q, 2), or volumes with (N, O, P, Q, 3). mode bilinear, nearest or bicubic;
    outside are zeros, the border's or reflected pixels. align_corners: -1 and 1 are the middles of the edge pixels.
    Source: Jaderberg et al., Spatial transformer networks, arXiv:1506.02025.
    """
    x, grid, name = tensor_of(x), tensor_of(grid), "grid_sample"
    count = x.ndim - 2
    context = f"[x: {x.shape}, grid: {grid.shape}]"
    if count not in (2, 3) or grid.ndim != x.ndim or grid.shape[-1:] != (count,) or grid.shape[0] != x.shape[0]:
        raise ShapeError(f"{name}: expected x (N C H W) and grid (N P Q 2), or volumes and (N O P Q 3)  {context}")
    if mode not in ("bilinear", "nearest", "bicubic") or padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(f"{name}: unknown mode {mode!r} or padding_mode {padding_mode!r}")
    if x.dtype != grid.dtype:
        raise DTypeError(f"{name}: x is {x.dtype}, but grid is {grid.dtype}")
    if mode == "bicubic" and count != 2:
        raise ShapeError(f"{name}: bicubic is for images  {context}")
    if not 0 < math.prod(x.shape[2:]) < 2**31:  # places are int32
        raise ShapeError(f"{name}: x must have from 1 to 2**31 - 1 pixels  {context}")
    corners, shape = bool(align_corners), grid.shape
    points = x.shape[0], math.prod(shape[1:-1])
    grid, places = reshape(grid, (*points, count)), None
    weights: list[Tensor] = []
    for k, n in enumerate(x.shape[2:]):
        v = getitem(grid, (..., count - 1 - k))
        v = (v + 1) * (0.5 * (n - 1)) if corners else ((v + 1) * n - 1) * 0.5
        taps, shares = _axis_taps(v, n, mode, padding_mode, corners)
        places, inside = kernels.grid_places(taps, places, n)
        if padding_mode == "zeros":
            shares = [mul(share, where_inside) for share, where_inside in zip(shares, inside)]
        weights = [mul(w, share) for w in weights for share in shares] if k else shares
    rows = reshape(permute(x, (0, *range(2, x.ndim), 1)), (x.shape[0], -1, x.shape[1]))
    y = reshape(blend(rows, stack(weights), places=places), (*shape[:-1], x.shape[1]))
    return permute(y, (0, x.ndim - 1, *range(1, x.ndim - 1)))


def _affine_reference(theta, size, align_corners=False):
    axes = [np.linspace(-1, 1, n) if align_corners else (np.arange(n) * 2 + 1) / n - 1 for n in size[2:]]
    mesh = np.meshgrid(*axes, indexing="ij")
    grid = np.stack([*mesh[::-1], np.ones(tuple(size[2:]))], -1)
    return np.einsum("...k,njk->n...j", grid, theta)


@composite(
    reference=_affine_reference,
    samples=lambda s: s.case(s.array((2, 2, 3)), size=(2, 1, 2, s.integer(2, 4)), align_corners=s.boolean()),
    linear_in=("theta",),
    onnx="AffineGrid",
)
def affine_grid(theta, size, align_corners=None):
    """The grid for grid_sample that the affine maps theta (N, 2, 3) or (N, 3, 4) give images of this size."""
    theta, count = tensor_of(theta), len(size) - 2
    if theta.shape != (size[0], count, count + 1) or count not in (2, 3):
        raise ShapeError(f"affine_grid: theta has shape {theta.shape}, expected {(size[0], count, count + 1)}")
    axes = []
    for n in size[2:]:
        edge = np.linspace(-1, 1, n) if align_corners else (2 * np.arange(n) + 1) / n - 1
        axes.append(edge if n > 1 or not align_corners else np.zeros(1))
    mesh = np.meshgrid(*axes, indexing="ij")
    points = np.stack([*mesh[::-1], np.ones_like(mesh[0])], -1).reshape(-1, count + 1).astype(theta.dtype)
    return reshape(matmul(points, theta.mT), (size[0], *size[2:], count))
