"""Shapes: new ones for the same elements, joining, cutting, repeating, padding, resampling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import autograd as ag
from autograd.onnx.resize import resize
from autograd.onnx.values import array, axis_of, ints, scalar, tensor
from autograd.tensor import Tensor


def _reshape(x: Tensor, given: Any = None, *, shape: Any = None, allowzero: int = 0) -> Tensor:
    wanted = list(shape) if shape is not None else ints(given)
    if not allowzero:
        wanted = [x.shape[i] if n == 0 else n for i, n in enumerate(wanted)]
    return x.reshape(wanted)


def _flatten(x: Tensor, *, axis: int = 1) -> Tensor:
    rows = int(np.prod(x.shape[: axis_of(axis, x.ndim)]))
    return x.reshape(rows, x.numel() // rows if rows else int(np.prod(x.shape[axis:])))


def _squeeze(x: Tensor, given: Any = None, *, axes: Any = None) -> Tensor:
    over = (
        axes if axes is not None else ints(given) if given is not None else [i for i, n in enumerate(x.shape) if n == 1]
    )
    drop = {axis_of(a, x.ndim) for a in over}
    return x.reshape([n for i, n in enumerate(x.shape) if i not in drop])


def _unsqueeze(x: Tensor, given: Any = None, *, axes: Any = None) -> Tensor:
    over = list(axes) if axes is not None else ints(given)
    new = {axis_of(a, x.ndim + len(over)) for a in over}
    rest = iter(x.shape)
    return x.reshape([1 if i in new else next(rest) for i in range(x.ndim + len(over))])


def _transpose(x: Tensor, *, perm: Any = None) -> Tensor:
    return x.permute(*(perm if perm is not None else range(x.ndim)[::-1])) if x.ndim else x


def _shape(x: Any, *, start: int = 0, end: int | None = None) -> Tensor:
    return tensor(np.array(array(x).shape, np.int64)[start:end])


def _split(
    x: Tensor, given: Any = None, *, axis: int = 0, split: Any = None, num_outputs: int | None = None, outputs: int
):
    n, parts = x.shape[axis], num_outputs or outputs
    sizes = list(split) if split is not None else ints(given) if given is not None else None
    if sizes is None:
        each = -(-n // parts)
        sizes = [min(each, max(n - i * each, 0)) for i in range(parts)]
    return tuple(ag.split(x, sizes, axis_of(axis, x.ndim)))


def _slice(x: Tensor, *given: Any, starts: Any = None, ends: Any = None, axes: Any = None) -> Tensor:
    lists = [None if g is None else ints(g) for g in given] + [None] * 4
    begin, end = (starts, ends) if starts is not None else lists[:2]
    axes = axes if starts is not None else lists[2]
    steps = lists[3] or [1] * len(begin)  # type: ignore[arg-type]
    index = [slice(None)] * x.ndim
    for a, i, j, k in zip(range(x.ndim) if axes is None else axes, begin, end, steps):  # type: ignore[arg-type]
        index[a] = slice(i, None if k < 0 and j < -x.shape[a] else j, k)
    return x[tuple(index)]


def _expand(x: Tensor, shape: Tensor) -> Tensor:
    return x.expand(np.broadcast_shapes(x.shape, tuple(ints(shape))))


def _pad(
    x: Tensor,
    given: Any = None,
    fill: Any = None,
    axes: Any = None,
    *,
    pads: Any = None,
    mode: str = "constant",
    value: float = 0.0,
) -> Tensor:
    amounts = list(pads) if pads is not None else ints(given)
    over = [axis_of(a, x.ndim) for a in (ints(axes) if axes is not None else range(x.ndim))]
    before, after = [0] * x.ndim, [0] * x.ndim
    for i, a in enumerate(over):
        before[a], after[a] = amounts[i], amounts[i + len(over)]
    cut = tuple(slice(-min(b, 0), n + min(e, 0)) for b, e, n in zip(before, after, x.shape))
    x = x[cut] if min(before + after) < 0 else x
    width = [(max(b, 0), max(e, 0)) for b, e in zip(before, after)]
    if mode == "constant":
        number = value if fill is None else scalar(fill)
        if x.dtype.kind != "f":
            return tensor(np.pad(x.array, width, constant_values=number))
        flat = [v for pair in width[::-1] for v in pair]
        return ag.pad(x, flat, "constant", number)
    index = np.pad(np.arange(x.numel()).reshape(x.shape), width, mode=mode)  # type: ignore[call-overload]
    return x.reshape(-1)[index.reshape(-1)].reshape(index.shape)


def _tile(x: Tensor, repeats: Tensor) -> Tensor:
    return ag.tile(x, tuple(ints(repeats)))  # type: ignore[no-any-return]


def _depth_to_space(x: Tensor, *, blocksize: int, mode: str = "DCR") -> Tensor:
    n, c, h, w = x.shape
    b = blocksize
    if mode == "DCR":
        y = x.reshape(n, b, b, c // b**2, h, w).permute(0, 3, 4, 1, 5, 2)
    else:
        y = x.reshape(n, c // b**2, b, b, h, w).permute(0, 1, 4, 2, 5, 3)
    return y.reshape(n, c // b**2, h * b, w * b)


def _space_to_depth(x: Tensor, *, blocksize: int, mode: str = "DCR") -> Tensor:
    n, c, h, w = x.shape
    b = blocksize
    y = x.reshape(n, c, h // b, b, w // b, b)
    y = y.permute(0, 3, 5, 1, 2, 4) if mode == "DCR" else y.permute(0, 1, 3, 5, 2, 4)
    return y.reshape(n, c * b * b, h // b, w // b)


def _centre_crop_pad(x: Tensor, shape: Tensor, *, axes: Any = None) -> Tensor:
    for axis, size in zip(axes if axes is not None else range(x.ndim), ints(shape)):
        i, n = axis_of(axis, x.ndim), x.shape[axis]
        if size < n:
            start = (n - size) // 2
            x = x[(slice(None),) * i + (slice(start, start + size),)]
        elif size > n:
            width = [(0, 0)] * x.ndim
            width[i] = ((size - n) // 2, size - n - (size - n) // 2)
            x = _pad(x, pads=[w[0] for w in width] + [w[1] for w in width])
    return x


def _trilu(x: Tensor, k: Any = None, *, upper: int = 1) -> Tensor:
    diagonal = 0 if k is None else ints(k)[0]
    if x.dtype.kind == "f" and x.numel():
        return (ag.triu if upper else ag.tril)(x, diagonal)  # type: ignore[no-any-return]
    return tensor((np.triu if upper else np.tril)(x.array, diagonal))


def _range(start: Tensor, limit: Tensor, delta: Tensor) -> Tensor:
    count = max(int(np.ceil((scalar(limit) - scalar(start)) / scalar(delta))), 0)
    return tensor((scalar(start) + np.arange(count) * scalar(delta)).astype(start.dtype))


def _constant_of_shape(shape: Tensor, *, value: Any = None) -> Tensor:
    value = np.zeros(1, np.float32) if value is None else value
    return tensor(np.full(ints(shape), value.reshape(-1)[0], value.dtype))


def _constant(*, attrs: dict[str, Any]) -> Tensor:
    ((name, value),) = attrs.items()
    kinds = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
    return tensor(value if name == "value" else np.asarray(value, kinds.get(name)))


def _concat(*xs: Tensor, axis: int = 1) -> Tensor:
    if xs[0].dtype.kind != "f":
        return tensor(np.concatenate([x.array for x in xs], axis))
    return ag.concatenate(*xs, axis=axis)  # type: ignore[no-any-return]


def _reverse_sequence(x: Tensor, lengths: Tensor, *, batch_axis: int = 1, time_axis: int = 0) -> Tensor:
    index = np.arange(x.shape[time_axis])[:, None]
    n = np.asarray(ints(lengths))[None, :]
    order = np.where(index < n, n - 1 - index, index)  # (time, batch)
    order = order if time_axis < batch_axis else order.T
    order = order.reshape(order.shape + (1,) * (x.ndim - 2))
    return ag.take_along_axis(x, np.broadcast_to(order, x.shape).copy(), axis=time_axis)  # type: ignore[no-any-return]


def _upsample(x: Tensor, given: Any = None, *, mode: str = "nearest", scales: Any = None) -> Tensor:
    factors = given if scales is None else tensor(np.asarray(scales, np.float32))
    return resize(x, None, factors, mode=mode, coordinate_transformation_mode="asymmetric", nearest_mode="floor")


TABLE: dict[str, Callable[..., Any]] = {
    "Identity": lambda x: x,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
    "Shape": _shape,
    "Size": lambda x: tensor(np.int64(array(x).size)),
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "Expand": _expand,
    "Tile": _tile,
    "Pad": _pad,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "CenterCropPad": _centre_crop_pad,
    "Trilu": _trilu,
    "Range": _range,
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "ReverseSequence": _reverse_sequence,
    "Resize": resize,
    "Upsample": _upsample,
}
