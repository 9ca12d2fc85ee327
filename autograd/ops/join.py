"""Joining tensors, cutting them apart, turning and padding them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd import kernels
from autograd.errors import ShapeError
from autograd.op import composite, op
from autograd.ops.dtypes import result_type
from autograd.ops.elementwise import raw
from autograd.ops.index import getitem
from autograd.ops.places import border_places, resample
from autograd.ops.shape import expand, identity, permute, reshape, sizes, unsqueeze
from autograd.sampling import Case, Sampler
from autograd.shapes import normalize_axes, normalize_axis


def _length(x: Any, axis: int) -> tuple[int, int]:
    """The axis, counted from the front, and its size."""
    shape = np.shape(raw(x))
    if not shape:
        raise ShapeError("expected at least 1 dimension  [x: ()]")
    axis = normalize_axis(axis, len(shape))
    return axis, shape[axis]


def _cut(x: Any, axis: int, start: int | None, stop: int | None, step: int | None = None) -> Any:
    return getitem(x, (slice(None),) * axis + (slice(start, stop, step),))


# --------------------------------------------------------------------------------------------- joining


def _parts(s: Sampler) -> Case:
    shape = [s.size(3) for _ in range(s.integer(1, 3))]
    axis = s.integer(0, len(shape) - 1)
    arrays = [s.array([*shape[:axis], s.integer(0, 3), *shape[axis + 1 :]]) for _ in range(s.integer(1, 4))]
    return s.case(*arrays, axis=s.choice((axis, axis - len(shape))))


def _concatenate_reference(*xs, axis=0):
    return np.moveaxis(
        np.array([row for x in xs for row in np.moveaxis(x, axis, 0)]).reshape(-1, *_others(xs[0], axis)), 0, axis
    )


def _others(x: np.ndarray, axis: int) -> list[int]:
    return np.delete(x.shape, axis).tolist()


def _concatenate_advice(shapes, attrs):
    ndims = {len(shape) for shape in shapes.values()}
    return "stack() joins along a new axis" if len(ndims) == 1 and 0 in ndims else None


@op(
    reference=_concatenate_reference,
    samples=_parts,
    kernel=kernels.concatenated,
    takes=("xs", kernels.batch_norm_apply, kernels.concatenates),
    linear_in=("xs",),
    advice=_concatenate_advice,
    onnx="Concat",
)
def concatenate(*xs, axis=0):
    """The tensors one after another along an axis; the other sizes must be equal."""
    if len({x.dtype for x in xs if isinstance(x, np.ndarray)}) > 1:
        dtype = result_type(*xs)
        xs = tuple(np.asarray(x, dtype) for x in xs)
    return kernels.concatenate(xs, axis)


def _concatenate_grad(g, xs_shape, axis):
    parts, start = [], 0
    axis = axis % g.ndim
    for shape in xs_shape:
        parts.append(_cut(g, axis, start, start + shape[axis]))
        start += shape[axis]
    return parts


concatenate.grads(xs=_concatenate_grad)


def _equals(s: Sampler) -> Case:
    shape = tuple(s.size(3) for _ in range(s.integer(0, 2)))
    return s.case(*(s.array(shape) for _ in range(s.integer(1, 3))), axis=s.integer(-len(shape) - 1, len(shape)))


@composite(
    reference=lambda *xs, axis=0: np.moveaxis(
        np.array([x.tolist() for x in xs]).reshape(len(xs), *xs[0].shape), 0, axis
    ),
    samples=_equals,
)
def stack(*xs, axis=0):
    """Tensors of one shape, joined along a new axis."""
    shapes = [np.shape(raw(x)) for x in xs]
    if len(set(shapes)) > 1:
        raise ShapeError(f"stack: the tensors have different shapes  [{', '.join(map(str, shapes))}]")
    return concatenate([unsqueeze(x, axis) for x in xs], axis)


@composite(
    reference=lambda *xs: np.hstack(xs), samples=lambda s: s.case(s.array((2, s.size())), s.array((2, s.size())))
)
def hstack(*xs):
    """Joins along the second axis (the first one of vectors)."""
    if not xs:
        raise ShapeError("hstack: no tensors to join")
    parts = [reshape(x, 1) if np.ndim(raw(x)) == 0 else x for x in xs]
    return concatenate(parts, 0 if np.ndim(raw(parts[0])) == 1 else 1)


@composite(
    reference=lambda *xs: np.vstack(xs), samples=lambda s: s.case(s.array((s.size(), 2)), s.array((s.size(), 2)))
)
def vstack(*xs):
    """Joins along the first axis; vectors are rows."""
    return concatenate([reshape(x, (1, -1)) if np.ndim(raw(x)) < 2 else x for x in xs], 0)


# --------------------------------------------------------------------------------------------- cutting


def _narrow_samples(s: Sampler) -> Case:
    shape = (s.size(3), s.size(4), s.size(3))
    axis = s.axis(3)
    start = s.integer(0, shape[axis])
    return s.case(s.array(shape), axis=axis, start=start, length=s.integer(0, shape[axis] - start))


@composite(
    reference=lambda x, axis, start, length: np.take(x, range(start, start + length), axis),
    samples=_narrow_samples,
    view=True,
    onnx="Slice",
)
def narrow(x, *, axis, start, length):
    """`length` slices along an axis, from `start` on. A view."""
    axis, n = _length(x, axis)
    first = start + n if start < 0 else start
    if first < 0 or length < 0 or first + length > n:
        raise ShapeError(
            f"narrow: start={start}, length={length} exceed axis {axis} of size {n}  [x: {np.shape(raw(x))}]"
        )
    return _cut(x, axis, first, first + length)


@composite(
    reference=lambda x, axis, index: np.moveaxis(x, axis, 0)[index],
    samples=lambda s: s.case(s.array((3, 4)), axis=s.axis(2), index=s.integer(-3, 2)),
    view=True,
)
def select(x, *, axis, index):
    """One slice along an axis, which disappears. A view."""
    return getitem(x, (slice(None),) * _length(x, axis)[0] + (index,))


def _split_samples(s: Sampler) -> Case:
    n = s.integer(1, 6)
    first = s.integer(0, n)
    return s.case(
        s.array((s.size(3), n)),
        split_size_or_sections=s.choice((s.integer(1, 4), (first, n - first))),
        axis=s.choice((1, -1)),
    )


def _split_reference(x, split_size_or_sections, axis):
    if isinstance(split_size_or_sections, int):
        return tuple(np.split(x, range(split_size_or_sections, x.shape[axis], split_size_or_sections), axis))
    return tuple(np.split(x, np.cumsum(split_size_or_sections)[:-1], axis))


@composite(reference=_split_reference, samples=_split_samples, view=True, onnx="Split")
def split(x, *, split_size_or_sections, axis=0):
    """Pieces of one size (the last may be smaller), or of the sizes given. Views."""
    axis, n = _length(x, axis)
    wanted = split_size_or_sections
    if isinstance(wanted, (tuple, list)):
        if sum(wanted) != n or min(wanted, default=0) < 0:
            raise ShapeError(
                f"split: sections {tuple(wanted)} do not add up to axis {axis} of size {n}  [x: {np.shape(raw(x))}]"
            )
        lengths = list(wanted)
    else:
        if wanted < 1:
            raise ShapeError(f"split: pieces of size {wanted}, expected at least 1")
        lengths = [min(wanted, n - i) for i in range(0, n, wanted)] or [0]
    ends = np.cumsum(lengths).tolist()
    return tuple(_cut(x, axis, end - length, end) for end, length in zip(ends, lengths))


@composite(
    reference=lambda x, chunks, axis: _split_reference(x, -(-x.shape[axis] // chunks), axis),
    samples=lambda s: s.case(s.array((s.size(3), s.size(6))), chunks=s.integer(1, 4), axis=s.axis(2)),
    view=True,
)
def chunk(x, *, chunks, axis=0):
    """At most this many pieces of one size (the last may be smaller). Views."""
    if chunks < 1:
        raise ShapeError(f"chunk: {chunks} chunks, expected at least 1")
    axis, n = _length(x, axis)
    return split(x, max(1, -(-n // chunks)), axis)


@composite(
    reference=lambda x, axis: tuple(np.moveaxis(x, axis, 0)),
    samples=lambda s: s.case(s.array((s.size(3), s.size(3))), axis=s.axis(2)),
    view=True,
)
def unbind(x, *, axis=0):
    """All slices along an axis, which disappears. Views."""
    axis, n = _length(x, axis)
    return tuple(getitem(x, (slice(None),) * axis + (i,)) for i in range(n))


# --------------------------------------------------------------------------------------------- turning


def _flip_samples(s: Sampler) -> Case:
    shape = s.shape(1, 3)
    return s.case(s.array(shape), axis=s.axes(len(shape)))


@composite(reference=lambda x, axis: np.flip(x, axis), samples=_flip_samples, view=True)
def flip(x, *, axis=None):
    """The elements in reverse order along axes (None: all). A view."""
    ndim = np.ndim(raw(x))
    axes = normalize_axes(axis, ndim)
    return getitem(x, tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(ndim)))


def _roll_samples(s: Sampler) -> Case:
    x = s.array((s.size(), s.size()))
    return s.case(x, **s.choice(({"shifts": 2}, {"shifts": -1, "axis": 1}, {"shifts": (1, -2), "axis": (0, 1)})))


def _roll_reference(x, shifts, axis=None):
    if axis is None:
        return np.array([x.flat[(i - shifts) % x.size] for i in range(x.size)]).reshape(x.shape)
    pairs = zip(shifts, axis) if isinstance(axis, tuple) else [(shifts, axis)]
    for shift, a in pairs:
        x = np.take(x, (np.arange(x.shape[a]) - shift) % x.shape[a], a)
    return x


def roll_steps(shape: tuple[int, ...], shifts: Any, axis: Any) -> list[tuple[int, int]]:
    """(axis, place of the element that comes first) for each shift that moves anything."""
    many, named = (tuple(v) if isinstance(v, (tuple, list)) else (v,) for v in (shifts, axis))
    if not many or (axis is not None and len(many) != len(named)):
        raise ValueError(f"shifts {shifts!r} and axis {axis!r} must be as many")
    if axis is not None and not shape:
        raise ShapeError(f"roll: x is a number, without axis {axis!r}")
    if axis is None:
        shape, named = (math.prod(shape),), (0,) * len(many)
    axes = [normalize_axis(a, len(shape)) for a in named]
    firsts = [-shift % max(shape[a], 1) for shift, a in zip(many, axes)]
    return [(a, first) for a, first in zip(axes, firsts) if first]


@op(reference=_roll_reference, samples=_roll_samples, linear_in=("x",))
def roll(x, *, shifts, axis=None):
    """Moves the elements along axes by `shifts`; those that leave come in at the other end. None: flattened."""
    steps = roll_steps(x.shape, shifts, axis)
    y = x.reshape(-1) if axis is None else x
    for a, first in steps:
        later, earlier = ((slice(None),) * a + (part,) for part in (slice(first, None), slice(first)))
        y = kernels.concatenate((y[later], y[earlier]), a)
    return y.reshape(x.shape) if steps else np.array(x)


def _roll_grad(g, shifts, axis):
    back = tuple(-s for s in shifts) if isinstance(shifts, (tuple, list)) else -shifts
    return roll(g, shifts=back, axis=axis)


roll.grads(x=_roll_grad)


# --------------------------------------------------------------------------------------------- padding


def pad_widths(pad: Any, shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """PyTorch's (last axis before, after, second last before, ...) as pairs by axis; a number means both sides."""
    pad = sizes(pad)
    if len(pad) % 2 or len(pad) > 2 * len(shape):
        raise ShapeError(f"pad: expected pairs for at most {len(shape)} axes, last axis first, got {pad}  [x: {shape}]")
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)][::-1]
    widths = [(0, 0)] * (len(shape) - len(pairs)) + pairs
    for i, ((before, after), n) in enumerate(zip(widths, shape)):
        if n + before + after < 0 or n + min(before, 0) + min(after, 0) < 0:
            raise ShapeError(f"pad: {(before, after)} removes more than axis {i} of size {n} has  [x: {shape}]")
    return widths


def _constant_samples(s: Sampler) -> Case:
    shape = [s.size(4) + 1 for _ in range(s.integer(1, 3))]
    pad = tuple(s.integer(-1, 2) for _ in range(2 * s.integer(1, len(shape))))
    pad = tuple(0 if i % 2 and p < 0 else p for i, p in enumerate(pad))
    return s.case(s.array(shape), pad=pad, value=s.choice((0.0, 1.5)))


def _constant_reference(x, pad, value=0.0):
    widths = [(0, 0)] * (x.ndim - len(pad) // 2) + [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)][::-1]
    wide = np.pad(x, [(max(a, 0), max(b, 0)) for a, b in widths], constant_values=value)
    return wide[tuple(slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(widths, wide.shape))]


@op(reference=_constant_reference, samples=_constant_samples, onnx="Pad")
def constant_pad(x, *, pad, value=0.0):
    """x with a border of one value; negative widths cut off instead."""
    widths = pad_widths(pad, x.shape)
    out = np.empty_like(x, shape=[n + a + b for n, (a, b) in zip(x.shape, widths)])  # channels-last stays so
    out.fill(value)
    inner = tuple([slice(max(a, 0), n + a + min(b, 0)) for n, (a, b) in zip(x.shape, widths)])
    kept = tuple([slice(max(-a, 0), n + min(b, 0)) for n, (a, b) in zip(x.shape, widths)])
    out[inner] = x[kept]
    return out


constant_pad.grads(x=lambda g, pad: constant_pad(g, pad=tuple(-n for n in sizes(pad))))


def _pad_samples(s: Sampler) -> Case:
    mode = s.choice(("constant", "reflect", "replicate", "circular"))
    shape = [s.size(3) + 2 for _ in range(s.integer(1, 3))]
    return s.case(s.array(shape), pad=tuple(s.integer(0, 2) for _ in range(2 * s.integer(1, len(shape)))), mode=mode)


def _pad_reference(x, pad, mode):
    widths = [(0, 0)] * (x.ndim - len(pad) // 2) + [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)][::-1]
    return np.pad(x, widths, mode={"replicate": "edge", "circular": "wrap"}.get(mode, mode))


@composite(reference=_pad_reference, samples=_pad_samples)
def pad(x, *, pad, mode="constant", value=None):
    """x with a border; pad = (last axis before, after, second last before, after, ...), as PyTorch's F.pad.

    mode: "constant" (of `value`, default 0), "reflect" (without the edge), "replicate" (the edge), "circular".
    """
    if mode == "constant":
        return constant_pad(x, pad=pad, value=0.0 if value is None else value)
    if mode not in ("reflect", "replicate", "circular"):
        raise ValueError(f"pad: mode is {mode!r}, expected constant, reflect, replicate or circular")
    if value is not None:
        raise ValueError(f"pad: mode {mode!r} takes no value")
    shape = np.shape(raw(x))
    widths = pad_widths(pad, shape)
    if not any(map(any, widths)):
        return identity(x)
    cut = tuple(min(n, 0) for n in sizes(pad))
    if any(cut) and mode == "circular":  # what is cut off does not come back
        x, widths = constant_pad(x, pad=cut), [(max(a, 0), max(b, 0)) for a, b in widths]
        shape = np.shape(raw(x))
    padded = [i for i, width in enumerate(widths) if any(width)]
    axes = range(padded[0], padded[-1] + 1)
    places = border_places(mode, tuple((i, shape[i], *widths[i]) for i in axes))
    return resample(x, axis=padded[0], sizes=tuple(shape[i] + sum(widths[i]) for i in axes), places=places)


# --------------------------------------------------------------------------------------------- grids


@composite(
    reference=lambda *xs, indexing="ij": tuple(np.meshgrid(*xs, indexing=indexing)),
    samples=lambda s: s.case(s.array((s.size(),)), s.array((s.size(),)), indexing=s.choice(("ij", "xy"))),
)
def meshgrid(*xs, indexing="ij"):
    """The coordinates of a grid from those of its axes: one tensor for each; indexing "xy" swaps the first two axes."""
    if indexing not in ("ij", "xy"):
        raise ValueError(f"meshgrid: indexing is {indexing!r}, expected 'ij' or 'xy'")
    lengths = [np.size(raw(x)) for x in xs]
    grids = []
    for i, x in enumerate(xs):
        grid = expand(reshape(x, [n if i == j else 1 for j, n in enumerate(lengths)]), tuple(lengths))
        swap = indexing == "xy" and len(xs) > 1
        grids.append(permute(grid, (1, 0, *range(2, len(xs)))) if swap else grid)
    return tuple(grids)
