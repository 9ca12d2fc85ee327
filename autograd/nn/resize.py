"""Layers that change the size of pictures: upsampling, shuffling pixels or channels, patches."""

from __future__ import annotations

from typing import Any

from autograd.nn import functional as F
from autograd.nn.apply import Apply
from autograd.nn.module import Module
from autograd.tensor import Tensor


class Upsample(Module):
    """interpolate(x) to `size`, or by `scale_factor`   (N, C, L), (N, C, H, W) or (N, C, D, H, W)

    mode: 'nearest', 'linear', 'bilinear', 'bicubic' or 'trilinear'; align_corners: whether corner pixels keep their
    place.
    """

    def __init__(
        self,
        size: Any = None,
        scale_factor: Any = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        self.size, self.mode, self.align_corners = size, mode, align_corners
        several = isinstance(scale_factor, (tuple, list))
        self.scale_factor = (
            tuple(map(float, scale_factor)) if several else None if scale_factor is None else float(scale_factor)
        )
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(  # type: ignore[no-any-return]
            x, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
        )

    def extra_repr(self) -> str:
        chosen = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor!r}"
        return f"{chosen}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Upsample with mode 'nearest'"""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, "nearest")


class UpsamplingBilinear2d(Upsample):
    """Upsample with mode 'bilinear' and align_corners=True"""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, "bilinear", align_corners=True)


class PixelShuffle(Apply):
    """(N, C r r, H, W) -> (N, C, H r, W r), r = upscale_factor   (Shi et al. 2016)"""

    op = "pixel_shuffle"

    def __init__(self, upscale_factor: int) -> None:
        super().__init__(upscale_factor=upscale_factor)


class PixelUnshuffle(Apply):
    """(N, C, H r, W r) -> (N, C r r, H, W), r = downscale_factor: the inverse of PixelShuffle"""

    op = "pixel_unshuffle"

    def __init__(self, downscale_factor: int) -> None:
        super().__init__(downscale_factor=downscale_factor)


class ChannelShuffle(Apply):
    """Channels c = g C/groups + i move to i groups + g   (N, C, ...)   (Zhang et al. 2018)"""

    op = "channel_shuffle"

    def __init__(self, groups: int) -> None:
        super().__init__(groups=groups)


class Unfold(Apply):
    """All patches of kernel_size as columns   (N, C, H, W) -> (N, C R S, patches)"""

    op = "unfold"

    def __init__(self, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> None:
        super().__init__(kernel_size=kernel_size, dilation=dilation, padding=padding, stride=stride)


class Fold(Apply):
    """Patches back in their places, summed where they overlap   (N, C R S, patches) -> (N, C, *output_size)"""

    op = "fold"

    def __init__(
        self, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
    ) -> None:
        super().__init__(
            output_size=output_size, kernel_size=kernel_size, dilation=dilation, padding=padding, stride=stride
        )
