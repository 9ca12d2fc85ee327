"""Normalisation layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.errors import ShapeError
from autograd.nn import functional as F
from autograd.nn import init
from autograd.nn.checks import expect_dimensions, expect_features
from autograd.nn.linear import empty
from autograd.nn.module import Module
from autograd.tensor import Tensor
from autograd.value import default_dtype


def _reset(layer: Any) -> None:
    """weight 1 and bias 0, where there are any."""
    if layer.weight is not None:
        init.ones_(layer.weight)
    if layer.bias is not None:
        init.zeros_(layer.bias)


class _Tracking(Module):
    """Weights, running statistics and their defaults: what batch and instance norm share."""

    dimensions: tuple[int, ...]
    axes: str

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        bias: bool,
        dtype: Any,
    ) -> None:
        super().__init__()
        if eps <= 0:
            raise ValueError(f"{type(self).__name__}: eps must be positive, got {eps}")
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self._spelling = self.axes.replace("C", str(num_features))
        self.register_parameter("weight", empty(num_features, dtype=dtype) if affine else None)
        self.register_parameter("bias", empty(num_features, dtype=dtype) if affine and bias else None)
        kind = default_dtype() if dtype is None else np.dtype(dtype)
        tracked = track_running_stats
        self.register_buffer("running_mean", Tensor(np.zeros(num_features, kind)) if tracked else None)
        self.register_buffer("running_var", Tensor(np.ones(num_features, kind)) if tracked else None)
        self.register_buffer("num_batches_tracked", Tensor(np.zeros((), np.int64)) if tracked else None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        self.reset_running_stats()
        _reset(self)

    def _check(self, x: Tensor) -> None:
        expect_dimensions(type(self).__name__, x, self.dimensions, self._spelling)

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_Tracking):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias, dtype)

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(*self._arguments(x))  # type: ignore[no-any-return]

    def forward_relu(self, x: Tensor, residual: Tensor | None = None, six: bool = False) -> Tensor:
        """relu(forward(x) + residual), or relu6(forward(x))"""
        x, mean, var, weight, bias, by_batch, momentum, eps = self._arguments(x)
        return F.batch_norm_relu(x, mean, var, weight, bias, residual, by_batch, momentum, eps, six)  # type: ignore[no-any-return]

    def forward_relu6(self, x: Tensor) -> Tensor:
        """relu6(forward(x))"""
        return self.forward_relu(x, six=True)

    def _arguments(self, x: Tensor) -> tuple[Any, ...]:
        """What batch_norm is called with; counts the batch."""
        if x.ndim not in self.dimensions:
            self._check(x)
        if x.shape[1] != self.num_features:
            expect_features(type(self).__name__, x, 1, self.num_features, self._spelling)
        momentum = 0.0 if self.momentum is None else self.momentum
        if self.training and self.track_running_stats and self.num_batches_tracked is not None:
            count = self.num_batches_tracked.array
            count += 1
            if self.momentum is None:  # the plain average of all batches
                momentum = 1.0 / float(count)
        by_batch = self.training or self.running_mean is None
        if by_batch and x.numel() == self.num_features:
            raise ShapeError(
                f"{type(self).__name__}: needs more than one value per channel in training, got x of shape {x.shape}"
                "; use a larger batch (DataLoader(drop_last=True)) or eval()"
            )
        tracked = not self.training or self.track_running_stats
        return (
            x,
            self.running_mean if tracked else None,
            self.running_var if tracked else None,
            self.weight,
            self.bias,
            by_batch,
            momentum,
            self.eps,
        )


class BatchNorm1d(_BatchNorm):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, per channel over the batch   (N, C) or (N, C, L)

    In training the batch's statistics are used and the running ones updated:
    running += momentum (batch - running), the variance unbiased; momentum None averages all batches.
    """

    dimensions, axes = (2, 3), "N, C or N, C, L"


class BatchNorm2d(_BatchNorm):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, per channel over N, H, W   (N, C, H, W)   (Ioffe, Szegedy 2015)

    In training the batch's statistics are used and the running ones updated:
    running += momentum (batch - running), the variance unbiased; momentum None averages all batches.
    """

    dimensions, axes = (4,), "N, C, H, W"


class BatchNorm3d(_BatchNorm):
    """BatchNorm2d with one more dimension   (N, C, D, H, W)"""

    dimensions, axes = (5,), "N, C, D, H, W"


class _InstanceNorm(_Tracking):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias, dtype)

    def forward(self, x: Tensor) -> Tensor:
        self._check(x)
        unbatched = x.ndim == self.dimensions[1]
        batched = x[None] if unbatched else x
        if self.affine or self.track_running_stats:
            expect_features(type(self).__name__, batched, 1, self.num_features, self._spelling)
        by_instance = self.training or not self.track_running_stats
        y = F.instance_norm(
            batched, self.running_mean, self.running_var, self.weight, self.bias, by_instance, self.momentum, self.eps
        )
        return y[0] if unbatched else y  # type: ignore[no-any-return]


class InstanceNorm1d(_InstanceNorm):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, per sample and channel   (N, C, L)"""

    dimensions, axes = (3, 2), "N, C, L"


class InstanceNorm2d(_InstanceNorm):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, per sample and channel   (N, C, H, W)   (Ulyanov 2016)"""

    dimensions, axes = (4, 3), "N, C, H, W"


class InstanceNorm3d(_InstanceNorm):
    """InstanceNorm2d with one more dimension   (N, C, D, H, W)"""

    dimensions, axes = (5, 4), "N, C, D, H, W"


class LayerNorm(Module):
    """y = (x - mean) / sqrt(var + eps) * weight + bias over the last dimensions, normalized_shape   (Ba et al. 2016)"""

    def __init__(
        self,
        normalized_shape: int | list[int] | tuple[int, ...],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.normalized_shape, self.eps, self.elementwise_affine = shape, eps, elementwise_affine
        self.register_parameter("weight", empty(*shape, dtype=dtype) if elementwise_affine else None)
        self.register_parameter("bias", empty(*shape, dtype=dtype) if elementwise_affine and bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        _reset(self)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-len(self.normalized_shape) :] != self.normalized_shape:
            expected = ", ".join(map(str, self.normalized_shape))
            raise ShapeError(f"LayerNorm: expected x of shape (..., {expected}), got {x.shape}")
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class RMSNorm(Module):
    """y = x / sqrt(mean(x^2) + eps) * weight over the last dimensions, normalized_shape   (Zhang, Sennrich 2019)

    eps None: the dtype's.
    """

    def __init__(
        self,
        normalized_shape: int | list[int] | tuple[int, ...],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.normalized_shape, self.eps, self.elementwise_affine = shape, eps, elementwise_affine
        self.register_parameter("weight", empty(*shape, dtype=dtype) if elementwise_affine else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, per sample and group of channels   (Wu, He 2018)"""

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"GroupNorm: num_groups={num_groups} must divide num_channels={num_channels}")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        self.register_parameter("weight", empty(num_channels, dtype=dtype) if affine else None)
        self.register_parameter("bias", empty(num_channels, dtype=dtype) if affine and bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        _reset(self)

    def forward(self, x: Tensor) -> Tensor:
        expect_features("GroupNorm", x, 1, self.num_channels, f"N, {self.num_channels}, ...")
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"


class LocalResponseNorm(Module):
    """y = x / (k + alpha/size sum of x^2 over `size` neighbouring channels)^beta   (Krizhevsky et al. 2012)"""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: Tensor) -> Tensor:
        return F.local_response_norm(x, self.size, self.alpha, self.beta, self.k)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
