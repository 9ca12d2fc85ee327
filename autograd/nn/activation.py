"""Activations: each is the op of functional with its attributes fixed.

`inplace` is accepted everywhere and printed, but nothing is overwritten: the result is the same, and no saved
value can be spoilt.
"""

from __future__ import annotations

from typing import Any

from autograd.nn import functional as F
from autograd.nn import init
from autograd.nn.apply import Apply
from autograd.nn.checks import expect_dimensions
from autograd.nn.linear import empty
from autograd.nn.module import Module
from autograd.tensor import Tensor


class _Activation(Apply):
    """An op of one tensor; `inplace` is printed where it holds."""

    def __init__(self, inplace: bool | None = None, **attributes: Any) -> None:
        super().__init__(**attributes)
        if inplace is not None:
            self.inplace = inplace

    def extra_repr(self) -> str:
        return ", ".join([t for t in (super().extra_repr(), "inplace=True" * getattr(self, "inplace", False)) if t])


class _InPlace(_Activation):
    """An activation whose only argument is `inplace`."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace)


class _Plain(_Activation):
    """An activation without arguments."""

    def __init__(self) -> None:
        super().__init__()


class ReLU(_InPlace):
    """max(x, 0)"""

    op = "relu"


class ReLU6(_InPlace):
    """min(max(x, 0), 6)"""

    op = "relu6"


class SiLU(_InPlace):
    """x sigmoid(x)"""

    op = "silu"


class Mish(_InPlace):
    """x tanh(softplus(x))"""

    op = "mish"


class Hardswish(_InPlace):
    """x relu6(x + 3) / 6"""

    op = "hardswish"


class Hardsigmoid(_InPlace):
    """relu6(x + 3) / 6"""

    op = "hardsigmoid"


class SELU(_InPlace):
    """1.0507 (max(x, 0) + min(0, 1.6733 (e^x - 1)))   (Klambauer et al. 2017)"""

    op = "selu"


class Sigmoid(_Plain):
    """1 / (1 + e^-x)"""

    op = "sigmoid"


class Tanh(_Plain):
    """tanh(x)"""

    op = "tanh"


class LogSigmoid(_Plain):
    """log(1 / (1 + e^-x))"""

    op = "logsigmoid"


class Softsign(_Plain):
    """x / (1 + |x|)"""

    op = "softsign"


class LeakyReLU(_Activation):
    """x where x > 0, else negative_slope x"""

    op = "leaky_relu"

    def __init__(self, negative_slope: float = 1e-2, inplace: bool = False) -> None:
        super().__init__(inplace, negative_slope=negative_slope)


class ELU(_Activation):
    """x where x > 0, else alpha (e^x - 1)"""

    op = "elu"

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace, alpha=alpha)


class CELU(_Activation):
    """max(x, 0) + min(0, alpha (e^(x/alpha) - 1))"""

    op = "celu"

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace, alpha=alpha)


class GELU(_Activation):
    """x Phi(x), Phi the normal distribution's; approximate='tanh' for the formula with tanh"""

    op = "gelu"

    def __init__(self, approximate: str = "none") -> None:
        super().__init__(approximate=approximate)


class Softplus(_Activation):
    """log(1 + e^(beta x)) / beta; x itself where beta x > threshold"""

    op = "softplus"

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__(beta=beta, threshold=threshold)


class Hardtanh(_Activation):
    """min(max(x, min_val), max_val)"""

    op = "hardtanh"

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        if not min_val < max_val:
            raise ValueError(f"Hardtanh: expected min_val < max_val, got {min_val} and {max_val}")
        super().__init__(inplace, min_val=min_val, max_val=max_val)


class GLU(_Activation):
    """a sigmoid(b), the input being split in halves a, b along dim"""

    op = "glu"

    def __init__(self, dim: int = -1) -> None:
        super().__init__(dim=dim)


class _OverAxis(_Activation):
    def __init__(self, dim: int | None = None) -> None:
        if dim is None:
            raise TypeError(f"{type(self).__name__}: say over which dimension, e.g. {type(self).__name__}(dim=1)")
        super().__init__(dim=dim)


class Softmax(_OverAxis):
    """e^x_i / sum_j e^x_j along dim"""

    op = "softmax"


class LogSoftmax(_OverAxis):
    """x_i - log sum_j e^x_j along dim"""

    op = "log_softmax"


class Softmin(_OverAxis):
    """softmax(-x) along dim"""

    op = "softmax"

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(-x)


class Softmax2d(_Plain):
    """softmax over the channels of (N, C, H, W) or (C, H, W)"""

    op = "softmax"

    def forward(self, x: Tensor) -> Tensor:
        expect_dimensions("Softmax2d", x, (4, 3), "N, C, H, W")
        return F.softmax(x, -3)  # type: ignore[no-any-return]


class Tanhshrink(_Plain):
    """x - tanh(x)"""

    op = "tanhshrink"


class Hardshrink(_Activation):
    """x where |x| > lambd, else 0"""

    op = "hardshrink"

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__(lambd=lambd)


class Softshrink(_Activation):
    """x - lambd above lambd, x + lambd below -lambd, else 0"""

    op = "softshrink"

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__(lambd=lambd)


class Threshold(_Activation):
    """x where x > threshold, else value"""

    op = "threshold"

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__(inplace, threshold=threshold, value=value)


class RReLU(_Activation):
    """x where x > 0, else a x with a drawn from [lower, upper], its mean when not training   (Xu et al. 2015)"""

    op = "rrelu"

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        super().__init__(inplace, lower=lower, upper=upper)

    def forward(self, x: Tensor) -> Tensor:
        return F.rrelu(x, self.lower, self.upper, self.training)  # type: ignore[no-any-return]


class PReLU(Module):
    """x where x > 0, else a x with learned a, one or one per channel   (He et al. 2015)"""

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = empty(num_parameters, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        init.constant_(self.weight, self.init)

    def forward(self, x: Tensor) -> Tensor:
        return F.prelu(x, self.weight)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"
