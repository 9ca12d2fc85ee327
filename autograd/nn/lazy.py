"""Layers that learn the size of their input from the first one: LazyLinear(10) becomes Linear(n, 10) when it is called.

Until then its parameters have no shape; loading a state gives them theirs, too.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from autograd.errors import ShapeError
from autograd.nn import init
from autograd.nn.conv import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from autograd.nn.linear import Linear
from autograd.nn.module import Module, Parameter
from autograd.nn.norm import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
)
from autograd.tensor import Tensor
from autograd.value import default_dtype


class _Uninitialized(Tensor):
    """A tensor without a shape."""

    def __init__(self, requires_grad: bool | None = None, device: Any = None, dtype: Any = None) -> None:
        wanted = isinstance(self, Parameter) if requires_grad is None else requires_grad
        super().__init__(np.empty(0, default_dtype() if dtype is None else dtype), wanted)

    @property
    def shape(self) -> NoReturn:  # type: ignore[override]
        raise ShapeError(f"{type(self).__name__}: has no shape before the first call of its layer")

    def detach(self) -> Tensor:
        """Itself: there is nothing to share."""
        return self

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce__(self) -> tuple:
        return type(self), (self.requires_grad, None, self.dtype)

    def __deepcopy__(self, memo: dict) -> Tensor:
        kind, arguments = self.__reduce__()
        memo[id(self)] = made = kind(*arguments)
        return made  # type: ignore[no-any-return]


class UninitializedParameter(_Uninitialized, Parameter):
    """A parameter whose shape the first call of its layer decides."""

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Makes it an ordinary parameter of this shape, which optimizers that have it still know."""
        self.data = np.empty(shape, self.dtype if dtype is None else np.dtype(dtype))
        self.__class__ = Parameter  # type: ignore[assignment]


class UninitializedBuffer(_Uninitialized):
    """A buffer whose shape the first call of its layer decides."""


def _shape(module: Any, name: str, value: _Uninitialized, shape: tuple[int, ...]) -> None:
    """Gives a layer's parameter or buffer a shape."""
    if isinstance(value, UninitializedParameter):
        value.materialize(shape)
    else:
        setattr(module, name, Tensor(np.empty(shape, value.dtype)))


def _materialize_for(module: Any, state: dict, prefix: str, *others: Any) -> None:
    """Before a state is loaded: gives what has no shape yet that of the state."""
    for name, value in module._own("parameter", "buffer"):
        given = state.get(prefix + name)
        if isinstance(value, _Uninitialized) and given is not None and not isinstance(given, _Uninitialized):
            _shape(module, name, value, np.shape(getattr(given, "array", given)))


class LazyModule(Module):
    """The first of a lazy layer's bases: __init__ takes what cls_to_become takes, without its first argument, a size.

    axis: where the input has the size.
    """

    cls_to_become: type
    axis: int

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        with init.skip():
            super().__init__(0, *args, **kwargs)  # type: ignore[call-arg]
        self._given = args, kwargs
        for name, p in self._own("parameter"):
            setattr(self, name, UninitializedParameter(p.requires_grad, dtype=p.dtype))
        for name, b in self._own("buffer"):
            if b.array.size == 0:
                setattr(self, name, UninitializedBuffer(dtype=b.dtype))
        self._load_hook = self.register_load_state_dict_pre_hook(_materialize_for)

    def has_uninitialized_params(self) -> bool:
        return any(isinstance(value, _Uninitialized) for _, value in self._own("parameter", "buffer"))

    def initialize_parameters(self, input: Tensor, *args: Any, **kwargs: Any) -> None:
        """Gives parameters and buffers the shapes and first values of a layer for this input."""
        if not -input.ndim <= self.axis < input.ndim:
            raise ShapeError(f"{type(self).__name__}: expected more axes, got x of shape {input.shape}")
        arguments, options = self._given
        whole = self.cls_to_become(input.shape[self.axis], *arguments, **options)
        for name, value in whole._own("parameter", "buffer"):
            mine = getattr(self, name)
            if isinstance(mine, _Uninitialized):
                _shape(self, name, mine, value.shape)
                np.copyto(getattr(self, name).array, value.array, casting="same_kind")
            elif mine.shape != value.shape:
                raise ShapeError(
                    f"{type(self).__name__}: {name} has shape {mine.shape}, this input needs {value.shape}  "
                    f"[x: {input.shape}]"
                )
        kept = {*self._kinds, "_kinds", "_hooks", "training"}
        self.__dict__.update({name: value for name, value in whole.__dict__.items() if name not in kept})

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        self.initialize_parameters(*args, **kwargs)
        self._load_hook.remove()
        del self._load_hook, self._given
        self.__class__ = self.cls_to_become
        return self.forward(*args, **kwargs)  # of the layer that it is now


class LazyLinear(LazyModule, Linear):
    """Linear(n, out_features, ...) for inputs (..., n)"""

    cls_to_become, axis = Linear, -1


class LazyConv1d(LazyModule, Conv1d):
    """Conv1d(C, out_channels, kernel_size, ...) for inputs (N, C, L)"""

    cls_to_become, axis = Conv1d, -2


class LazyConv2d(LazyModule, Conv2d):
    """Conv2d(C, out_channels, kernel_size, ...) for inputs (N, C, H, W)"""

    cls_to_become, axis = Conv2d, -3


class LazyConv3d(LazyModule, Conv3d):
    """Conv3d(C, out_channels, kernel_size, ...) for inputs (N, C, D, H, W)"""

    cls_to_become, axis = Conv3d, -4


class LazyConvTranspose1d(LazyModule, ConvTranspose1d):
    """ConvTranspose1d(C, out_channels, kernel_size, ...) for inputs (N, C, L)"""

    cls_to_become, axis = ConvTranspose1d, -2


class LazyConvTranspose2d(LazyModule, ConvTranspose2d):
    """ConvTranspose2d(C, out_channels, kernel_size, ...) for inputs (N, C, H, W)"""

    cls_to_become, axis = ConvTranspose2d, -3


class LazyConvTranspose3d(LazyModule, ConvTranspose3d):
    """ConvTranspose3d(C, out_channels, kernel_size, ...) for inputs (N, C, D, H, W)"""

    cls_to_become, axis = ConvTranspose3d, -4


class LazyBatchNorm1d(LazyModule, BatchNorm1d):
    """BatchNorm1d(C, ...) for inputs (N, C) or (N, C, L)"""

    cls_to_become, axis = BatchNorm1d, 1


class LazyBatchNorm2d(LazyModule, BatchNorm2d):
    """BatchNorm2d(C, ...) for inputs (N, C, H, W)"""

    cls_to_become, axis = BatchNorm2d, 1


class LazyBatchNorm3d(LazyModule, BatchNorm3d):
    """BatchNorm3d(C, ...) for inputs (N, C, D, H, W)"""

    cls_to_become, axis = BatchNorm3d, 1


class LazyInstanceNorm1d(LazyModule, InstanceNorm1d):
    """InstanceNorm1d(C, ...) for inputs (N, C, L)"""

    cls_to_become, axis = InstanceNorm1d, -2


class LazyInstanceNorm2d(LazyModule, InstanceNorm2d):
    """InstanceNorm2d(C, ...) for inputs (N, C, H, W)"""

    cls_to_become, axis = InstanceNorm2d, -3


class LazyInstanceNorm3d(LazyModule, InstanceNorm3d):
    """InstanceNorm3d(C, ...) for inputs (N, C, D, H, W)"""

    cls_to_become, axis = InstanceNorm3d, -4
