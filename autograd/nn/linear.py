"""Linear maps and changes of shape."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.errors import ShapeError
from autograd.nn import functional as F
from autograd.nn import init
from autograd.nn.checks import expect_features, expect_sizes
from autograd.nn.module import Module, Parameter
from autograd.tensor import Tensor
from autograd.value import default_dtype


def empty(*shape: int, dtype: Any = None) -> Parameter:
    """A parameter to be initialised."""
    return Parameter(np.empty(shape, default_dtype() if dtype is None else np.dtype(dtype)))


class Identity(Module):
    """y = x; any arguments are accepted and ignored."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return x


class Linear(Module):
    """y = x W^T + b   (..., in_features) -> (..., out_features)

    weight (out_features, in_features) and bias start uniform in +-1/sqrt(in_features).
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        expect_sizes("Linear", in_features=in_features, out_features=out_features)
        self.in_features, self.out_features = in_features, out_features
        self._spelling = f"..., {in_features}"
        self.weight = empty(out_features, in_features, dtype=dtype)
        self.register_parameter("bias", empty(out_features, dtype=dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        return self._map(F.linear, input)

    def forward_relu(self, x: Tensor) -> Tensor:
        """relu(forward(x))"""
        return self._map(F.linear_relu, x)

    def _map(self, op: Any, x: Tensor) -> Tensor:
        try:
            return op(x, self.weight, self.bias)  # type: ignore[no-any-return]
        except ShapeError as error:
            refused = error
        expect_features("Linear", x, -1, self.in_features, self._spelling)
        raise refused

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Bilinear(Module):
    """y[k] = x1^T W[k] x2 + b[k]   (..., in1), (..., in2) -> (..., out)"""

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        self.weight = empty(out_features, in1_features, in2_features, dtype=dtype)
        self.register_parameter("bias", empty(out_features, dtype=dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        expect_features("Bilinear", x1, -1, self.in1_features, f"..., {self.in1_features}")
        expect_features("Bilinear", x2, -1, self.in2_features, f"..., {self.in2_features}")
        # the outer product of the inputs, flattened, through one linear map
        lead = x1.shape[:-1]
        outer = x1.reshape(*lead, self.in1_features, 1) * x2.reshape(*lead, 1, self.in2_features)
        flat = outer.reshape(*lead, self.in1_features * self.in2_features)
        return F.linear(flat, self.weight.reshape(self.out_features, -1), self.bias)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )


class Flatten(Module):
    """(N, a, b, ...) -> (N, a b ...): dimensions start_dim to end_dim become one."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Tensor) -> Tensor:
        return F.flatten(x, self.start_dim, self.end_dim)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """One dimension becomes several, of the sizes `unflattened_size`."""

    def __init__(self, dim: int, unflattened_size: tuple[int, ...] | list[int]) -> None:
        super().__init__()
        self.dim, self.unflattened_size = dim, tuple(unflattened_size)

    def forward(self, x: Tensor) -> Tensor:
        dim = self.dim % x.ndim
        return x.reshape(*x.shape[:dim], *self.unflattened_size, *x.shape[dim + 1 :])  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
