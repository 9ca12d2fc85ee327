"""Pooling over windows and to fixed sizes. Layers for 1, 2 and 3 spatial dimensions differ in their op only."""

from __future__ import annotations

from typing import Any

from autograd.nn import functional as F
from autograd.nn.checks import AXES, expect_dimensions
from autograd.nn.module import Module
from autograd.tensor import Tensor


class _Pool(Module):
    """What pooling layers share: a missing batch dimension is added and removed again."""

    op: str
    printed: tuple[str, ...] = ("kernel_size", "stride", "padding")

    def _pool(self, x: Tensor, *args: Any, then: str = "") -> Any:
        """op(x, *args), whatever it returns; then: what its name ends with."""
        full = 2 + int(self.op[-2])
        op = getattr(F, self.op + then)
        if x.ndim == full:
            return op(x, *args)
        expect_dimensions(type(self).__name__, x, (full, full - 1), AXES[full - 2])
        results = op(x[None], *args)
        return tuple(r[0] for r in results) if isinstance(results, tuple) else results[0]

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)}" for name in self.printed)


class _MaxPool(_Pool):
    printed = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")

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

    def _window(self) -> tuple[Any, ...]:
        return self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode

    def forward(self, x: Tensor) -> Any:
        return self._pool(x, *self._window(), self.return_indices)


class MaxPool1d(_MaxPool):
    """y[n,c,p] = max_r x[n,c,p*stride + r*dilation - padding]   (N, C, L) -> (N, C, P)"""

    op = "max_pool1d"


class MaxPool2d(_MaxPool):
    """y[n,c,p,q] = max_rs x[n,c,p*stride + r*dilation - padding, ...]   (N, C, H, W) -> (N, C, P, Q)

    A NaN in the window gives NaN. return_indices: also the winners' flat positions in H*W.
    """

    op = "max_pool2d"

    def forward_relu(self, x: Tensor) -> Tensor:
        """relu(forward(x)) in one op."""
        if self.return_indices:
            return F.relu(self.forward(x))
        return self._pool(x, *self._window(), then="_relu")  # type: ignore[no-any-return]


class MaxPool3d(_MaxPool):
    """MaxPool2d with one more dimension   (N, C, D, H, W)"""

    op = "max_pool3d"


class _MaxUnpool(_Pool):
    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding = padding

    def forward(self, x: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        """indices: of the max pool with return_indices=True; output_size: its input's size, where several fit."""
        args = (self.kernel_size, self.stride, self.padding, output_size)
        if x.ndim == 2 + int(self.op[-2]):
            return getattr(F, self.op)(x, indices, *args)  # type: ignore[no-any-return]
        return self._pool(x, indices[None], *args)  # type: ignore[no-any-return]


class MaxUnpool1d(_MaxUnpool):
    """Zeros, and every x where MaxPool1d found it   (N, C, P) -> (N, C, L)"""

    op = "max_unpool1d"


class MaxUnpool2d(_MaxUnpool):
    """Zeros, and every x where MaxPool2d found it   (N, C, P, Q) -> (N, C, H, W)"""

    op = "max_unpool2d"


class MaxUnpool3d(_MaxUnpool):
    """Zeros, and every x where MaxPool3d found it"""

    op = "max_unpool3d"


class AvgPool1d(_Pool):
    """Mean over windows   (N, C, L) -> (N, C, P)"""

    op = "avg_pool1d"

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
        return self._pool(x, *attrs)  # type: ignore[no-any-return]


class AvgPool2d(_Pool):
    """Mean over windows   (N, C, H, W) -> (N, C, P, Q); padding counts as zeros unless count_include_pad=False"""

    op = "avg_pool2d"

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
        return self._pool(x, *attrs, self.divisor_override)  # type: ignore[no-any-return]


class AvgPool3d(AvgPool2d):
    """AvgPool2d with one more dimension   (N, C, D, H, W)"""

    op = "avg_pool3d"


class LPPool1d(_Pool):
    """(sum of x^norm_type over a window)^(1/norm_type)   (N, C, L) -> (N, C, P)"""

    op = "lp_pool1d"
    printed = ("norm_type", "kernel_size", "stride", "ceil_mode")

    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type, self.kernel_size, self.stride = float(norm_type), kernel_size, stride
        self.ceil_mode = ceil_mode

    def forward(self, x: Tensor) -> Tensor:
        return self._pool(x, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)  # type: ignore[no-any-return]


class LPPool2d(LPPool1d):
    """(sum of x^norm_type over a window)^(1/norm_type)   (N, C, H, W) -> (N, C, P, Q)"""

    op = "lp_pool2d"


class LPPool3d(LPPool1d):
    """LPPool2d with one more dimension   (N, C, D, H, W)"""

    op = "lp_pool3d"


class _AdaptiveAvgPool(_Pool):
    printed = ("output_size",)

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, x: Tensor) -> Tensor:
        return self._pool(x, self.output_size)  # type: ignore[no-any-return]


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """Mean over windows chosen so that the result is (N, C, output_size)."""

    op = "adaptive_avg_pool1d"


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """Mean over windows chosen so that the result is (N, C, *output_size); None keeps a size."""

    op = "adaptive_avg_pool2d"


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """AdaptiveAvgPool2d with one more dimension   (N, C, D, H, W)"""

    op = "adaptive_avg_pool3d"


class _AdaptiveMaxPool(_Pool):
    printed = ("output_size",)

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size, self.return_indices = output_size, return_indices

    def forward(self, x: Tensor) -> Any:
        return self._pool(x, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """Maximum over windows chosen so that the result is (N, C, output_size)."""

    op = "adaptive_max_pool1d"


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """Maximum over windows chosen so that the result is (N, C, *output_size); None keeps a size."""

    op = "adaptive_max_pool2d"


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """AdaptiveMaxPool2d with one more dimension   (N, C, D, H, W)"""

    op = "adaptive_max_pool3d"


class _FractionalMaxPool(_Pool):
    printed = ("kernel_size", "output_size", "output_ratio")

    def __init__(
        self,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Any = None,
    ) -> None:
        super().__init__()
        if (output_size is None) == (output_ratio is None):
            raise ValueError(f"{type(self).__name__}: give either output_size or output_ratio")
        self.kernel_size, self.output_size, self.output_ratio = kernel_size, output_size, output_ratio
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)

    def forward(self, x: Tensor) -> Any:
        attrs = (self.kernel_size, self.output_size, self.output_ratio)
        return self._pool(x, *attrs, self.return_indices, self._random_samples)


class FractionalMaxPool2d(_FractionalMaxPool):
    """Maximum over windows at pseudo-random places, as many as output_size or as output_ratio of x   (Graham 2014)"""

    op = "fractional_max_pool2d"


class FractionalMaxPool3d(_FractionalMaxPool):
    """FractionalMaxPool2d with one more dimension   (N, C, D, H, W)"""

    op = "fractional_max_pool3d"
