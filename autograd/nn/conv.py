"""Convolutions. Axes: N batch, C in-channels, H W (or L) input, K out-channels, R S kernel."""

from __future__ import annotations

import math
from typing import Any

from autograd.errors import ShapeError
from autograd.nn import functional as F
from autograd.nn import init
from autograd.nn.checks import expect_dimensions, expect_features, expect_sizes
from autograd.nn.linear import empty
from autograd.nn.module import Module
from autograd.tensor import Tensor

Sizes = int | tuple[int, ...]
MODES = ("zeros", "reflect", "replicate", "circular")


def sizes(value: Any, count: int, name: str) -> tuple[int, ...]:
    """One int for every spatial dimension."""
    if isinstance(value, (tuple, list)):
        if len(value) != count:
            raise ShapeError(f"{name}: expected an int or {count} ints, got {value!r}")
        return tuple(int(v) for v in value)
    return (int(value),) * count


class _Conv(Module):
    """What convolutions share: arguments, weights, their start values, printing."""

    spatial = 2
    transposed = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes,
        padding: str | Sizes,
        output_padding: Sizes,
        dilation: Sizes,
        groups: int,
        bias: bool,
        padding_mode: str,
        dtype: Any,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        expect_sizes(name, in_channels=in_channels, out_channels=out_channels)
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{name}: groups={groups} must divide in_channels={in_channels} and out_channels={out_channels}"
            )
        if padding_mode not in MODES or (self.transposed and padding_mode != "zeros"):
            raise ValueError(f"{name}: padding_mode must be one of {', '.join(MODES[: 1 if self.transposed else 4])}")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.padding_mode = padding_mode
        self.kernel_size = sizes(kernel_size, self.spatial, f"{name}: kernel_size")
        self.stride = sizes(stride, self.spatial, f"{name}: stride")
        self.dilation = sizes(dilation, self.spatial, f"{name}: dilation")
        for option in ("kernel_size", "stride", "dilation"):
            if min(getattr(self, option)) < 1:
                raise ShapeError(f"{name}: {option} is {getattr(self, option)}, expected ints of at least 1")
        self.output_padding = sizes(output_padding, self.spatial, f"{name}: output_padding")
        self.padding: str | tuple[int, ...] = self._padding(name, padding)
        self._spelling = f"N, {in_channels}, " + ", ".join(("L", "HW", "DHW")[self.spatial - 1])
        first, second = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        self.weight = empty(first, second // groups, *self.kernel_size, dtype=dtype)
        self.register_parameter("bias", empty(out_channels, dtype=dtype) if bias else None)
        self.reset_parameters()

    def _padding(self, name: str, padding: Any) -> str | tuple[int, ...]:
        if not isinstance(padding, str):
            return sizes(padding, self.spatial, f"{name}: padding")
        if padding not in ("same", "valid") or self.transposed:
            raise ValueError(
                f"{name}: padding must be ints{'' if self.transposed else ', same or valid'}, got {padding!r}"
            )
        if padding == "same" and any(s != 1 for s in self.stride):
            raise ValueError(f"{name}: padding='same' needs stride 1, got {self.stride}")
        return padding

    def reset_parameters(self) -> None:
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in = init.fans(self.weight)[0]
            if fan_in:
                init.uniform_(self.bias, -1 / math.sqrt(fan_in), 1 / math.sqrt(fan_in))

    def _margins(self) -> list[tuple[int, int]]:
        """(before, after) per spatial dimension; 'same' puts an odd one after."""
        if self.padding == "same":
            totals = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size)]
            return [(total // 2, total - total // 2) for total in totals]
        if self.padding == "valid":
            return [(0, 0)] * self.spatial
        return [(p, p) for p in self.padding]  # type: ignore[misc]

    def _check(self, x: Tensor) -> None:
        expect_dimensions(type(self).__name__, x, (self.spatial + 2, self.spatial + 1), self._spelling)
        batched = x.ndim == self.spatial + 2
        expect_features(
            type(self).__name__,
            x,
            1 if batched else 0,
            self.in_channels,
            self._spelling if batched else self._spelling.removeprefix("N, "),
        )

    def _convolve(self, op: Any, x: Tensor) -> Tensor:
        return self.convolve(op, x, self.weight, self.bias)

    def convolve(self, op: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Pads where the op cannot, adds and removes a missing batch dimension, convolves."""
        if x.ndim != self.spatial + 2 or x.shape[1] != self.in_channels:
            self._check(x)
        unbatched = x.ndim == self.spatial + 1
        if unbatched:
            x = x[None]
        padding = self.padding
        if self.padding_mode != "zeros":
            margins = [m for pair in reversed(self._margins()) for m in pair]  # PyTorch's order: the last axis first
            x, padding = F.pad(x, tuple(margins), self.padding_mode), (0,) * self.spatial
        y = op(x, weight, bias, self.stride, padding, self.dilation, self.groups)
        return y[0] if unbatched else y  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != (0,) * self.spatial:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * self.spatial:
            text += f", dilation={self.dilation}"
        if self.output_padding != (0,) * self.spatial:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        return text + (f", padding_mode={self.padding_mode}" if self.padding_mode != "zeros" else "")


class _Plain(_Conv):
    """PyTorch's order of arguments: dilation before groups and bias."""

    op: str

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: str | Sizes = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, 0, dilation, groups, bias, padding_mode, dtype
        )

    def forward(self, x: Tensor) -> Tensor:
        return self._convolve(getattr(F, self.op), x)


class Conv1d(_Plain):
    """y[n,k,p] = b[k] + sum_cr x[n,c,p*stride + r*dilation - padding] w[k,c,r]   (N, C, L) -> (N, K, P)"""

    spatial, op = 1, "conv1d"


class Conv2d(_Plain):
    """y[n,k,p,q] = b[k] + sum_crs x[n,c,p*stride + r*dilation - padding, ...] w[k,c,r,s]   (N, C, H, W) -> (N, K, P, Q)

    weight (K, C/groups, R, S) and bias start uniform in +-1/sqrt(C/groups R S).
    padding: ints, 'same' or 'valid'; padding_mode: 'zeros', 'reflect', 'replicate' or 'circular'.
    """

    op = "conv2d"

    def forward_relu(self, x: Tensor) -> Tensor:
        """relu(forward(x))"""
        return self._convolve(F.conv2d_relu, x)

    def forward_relu6(self, x: Tensor) -> Tensor:
        """relu6(forward(x))"""
        return self._convolve(F.conv2d_relu6, x)


class Conv3d(_Plain):
    """Conv2d with one more dimension   (N, C, D, H, W)"""

    spatial, op = 3, "conv3d"


class _ConvTranspose(_Conv):
    """PyTorch's order of arguments: groups and bias before dilation."""

    transposed = True
    op: str

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            output_padding,
            dilation,
            groups,
            bias,
            padding_mode,
            dtype,
        )

    def forward(self, x: Tensor, output_size: Any = None) -> Tensor:
        """output_size: the wanted size, e.g. (H, W); it decides between the sizes that one stride allows."""
        self._check(x)
        unbatched = x.ndim == self.spatial + 1
        x = x[None] if unbatched else x
        extra = self.output_padding if output_size is None else self._extra(x, output_size)
        y = getattr(F, self.op)(x, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)
        return y[0] if unbatched else y  # type: ignore[no-any-return]

    def _extra(self, x: Tensor, output_size: Any) -> tuple[int, ...]:
        wanted = tuple(output_size)[-self.spatial :]
        least = [
            (n - 1) * s - 2 * p + d * (k - 1) + 1
            for n, s, (p, _), d, k in zip(x.shape[2:], self.stride, self._margins(), self.dilation, self.kernel_size)
        ]
        extra = tuple(w - low for w, low in zip(wanted, least))
        if any(not 0 <= e < s for e, s in zip(extra, self.stride)):
            raise ShapeError(
                f"{type(self).__name__}: output_size={wanted} is not within {self.stride} above the least size "
                f"{tuple(least)}"
            )
        return extra


class ConvTranspose1d(_ConvTranspose):
    """The input gradient of Conv1d as a layer   (N, C, L) -> (N, K, P)"""

    spatial, op = 1, "conv_transpose1d"


class ConvTranspose2d(_ConvTranspose):
    """The input gradient of Conv2d as a layer   (N, C, H, W) -> (N, K, P, Q)

    P = (H-1) stride - 2 padding + dilation (R-1) + output_padding + 1; weight (C, K/groups, R, S).
    """

    op = "conv_transpose2d"


class ConvTranspose3d(_ConvTranspose):
    """The input gradient of Conv3d as a layer   (N, C, D, H, W)"""

    spatial, op = 3, "conv_transpose3d"
