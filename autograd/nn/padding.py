"""Padding layers: functional.pad with its margins fixed; the last dimension's come first, as there."""

from __future__ import annotations

from typing import Any

from autograd.nn import functional as F
from autograd.nn.checks import AXES, expect_dimensions
from autograd.nn.module import Module
from autograd.tensor import Tensor


class _Pad(Module):
    spatial: int
    mode: str = "constant"
    value: float | None = None

    def __init__(self, padding: Any) -> None:
        super().__init__()
        count = 2 * self.spatial
        self.padding = tuple(padding) if isinstance(padding, (tuple, list)) else (padding,) * count
        if len(self.padding) != count:
            raise ValueError(f"{type(self).__name__}: padding must be an int or {count} ints, got {padding!r}")

    def forward(self, x: Tensor) -> Tensor:
        if self.mode == "constant":
            return F.pad(x, self.padding, self.mode, self.value)  # type: ignore[no-any-return]
        full = self.spatial + 2
        expect_dimensions(type(self).__name__, x, (full, full - 1), AXES[self.spatial])
        return F.pad(x, self.padding, self.mode)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPad(_Pad):
    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """x between margins of `value`; padding: an int or (left, right)"""

    spatial = 1


class ConstantPad2d(_ConstantPad):
    """x between margins of `value`; padding: an int or (left, right, top, bottom)"""

    spatial = 2


class ConstantPad3d(_ConstantPad):
    """x between margins of `value`; padding: an int or (left, right, top, bottom, front, back)"""

    spatial = 3


class ZeroPad1d(_Pad):
    """x between margins of zeros"""

    spatial, value = 1, 0.0


class ZeroPad2d(_Pad):
    """x between margins of zeros"""

    spatial, value = 2, 0.0


class ZeroPad3d(_Pad):
    """x between margins of zeros"""

    spatial, value = 3, 0.0


class ReflectionPad1d(_Pad):
    """x, mirrored at its first and last element: 3 2 | 1 2 3 | 2 1"""

    spatial, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """x, mirrored at its edges"""

    spatial, mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """x, mirrored at its edges"""

    spatial, mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """x, its first and last element repeated: 1 1 | 1 2 3 | 3 3"""

    spatial, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """x, its edges repeated"""

    spatial, mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """x, its edges repeated"""

    spatial, mode = 3, "replicate"


class CircularPad1d(_Pad):
    """x, periodic: 2 3 | 1 2 3 | 1 2"""

    spatial, mode = 1, "circular"


class CircularPad2d(_Pad):
    """x, periodic"""

    spatial, mode = 2, "circular"


class CircularPad3d(_Pad):
    """x, periodic"""

    spatial, mode = 3, "circular"
