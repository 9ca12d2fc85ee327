"""Pooling over windows and to fixed sizes."""

from __future__ import annotations

from typing import Any

from autograd.nn import functional as F
from autograd.nn.checks import expect_dimensions
from autograd.nn.module import Module
from autograd.tensor import Tensor


class _Pool(Module):
    """What pooling layers share: a missing batch dimension is added and removed again."""

    axes = "N, C, H, W"

    def _batched(self, x: Tensor) -> Tensor:
        full = 1 + self.axes.count(",")
        if x.ndim == full:
            return x
        expect_dimensions(type(self).__name__, x, (full, full - 1), self.axes)
        return x[None]


class _MaxPool(_Pool):
    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def _pool(self, op: Any, x: Tensor) -> Any:
        batched = self._batched(x)
        attrs = (self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)
        results = op(batched, *attrs, self.return_indices)
        if x.ndim == batched.ndim:
            return results
        return tuple(r[0] for r in results) if self.return_indices else results[0]

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """y[n,c,p] = max_r x[n,c,p*stride + r*dilation - padding]   (N, C, L) -> (N, C, P)"""

    axes = "N, C, L"

    def forward(self, x: Tensor) -> Any:
        return self._pool(F.max_pool1d, x)


class MaxPool2d(_MaxPool):
    """y[n,c,p,q] = max_rs x[n,c,p*stride + r*dilation - padding, ...]   (N, C, H, W) -> (N, C, P, Q)

    A NaN in the window gives NaN. return_indices: also the winners' flat positions in H*W.
    """

    def forward(self, x: Tensor) -> Any:
        return self._pool(F.max_pool2d, x)


class AvgPool1d(_Pool):
    """Mean over windows   (N, C, L) -> (N, C, P)"""

    axes = "N, C, L"

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        # PyTorch keeps and prints these as tuples, unlike those of AvgPool2d
        self.kernel_size, self.stride, self.padding = (
            v if isinstance(v, tuple) else (v,)
            for v in (kernel_size, kernel_size if stride is None else stride, padding)
        )
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, x: Tensor) -> Tensor:
        attrs = (self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)
        y = F.avg_pool1d(self._batched(x), *attrs)
        return y if y.ndim == x.ndim else y[0]  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(_Pool):
    """Mean over windows   (N, C, H, W) -> (N, C, P, Q); padding counts as zeros unless count_include_pad=False"""

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, kernel_size if stride is None else stride, padding
        self.ceil_mode, self.count_include_pad, self.divisor_override = ceil_mode, count_include_pad, divisor_override

    def forward(self, x: Tensor) -> Tensor:
        attrs = (self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)
        y = F.avg_pool2d(self._batched(x), *attrs, self.divisor_override)
        return y if y.ndim == x.ndim else y[0]  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AdaptiveAvgPool2d(_Pool):
    """Mean over windows chosen so that the result is (N, C, *output_size); None keeps a size."""

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, x: Tensor) -> Tensor:
        y = F.adaptive_avg_pool2d(self._batched(x), self.output_size)
        return y if y.ndim == x.ndim else y[0]  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool2d(_Pool):
    """Maximum over windows chosen so that the result is (N, C, *output_size); None keeps a size."""

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size, self.return_indices = output_size, return_indices

    def forward(self, x: Tensor) -> Any:
        results = F.adaptive_max_pool2d(self._batched(x), self.output_size, self.return_indices)
        if x.ndim == 4:
            return results
        return tuple(r[0] for r in results) if self.return_indices else results[0]

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"
