"""Which kernels run: switches in the manner of torch.backends, and why a call runs the one it does.

    autograd.backends.isa                        # "avx2"; assign one of backends.isas()
    autograd.backends.num_threads = 1
    autograd.backends.winograd.enabled = False   # direct convolution everywhere
    autograd.backends.fusion.enabled = False     # every layer by itself
    with autograd.backends.flags(winograd=False, isa="base"):
        ...
    autograd.backends.explain("conv2d", x.shape, w.shape, padding=1)

The switches hold for the whole process. What scripts ask and tell PyTorch's other backends (backends.cudnn.benchmark,
backends.mps.is_available()) has no effect here.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

from autograd import kernels
from autograd.shapes import near

isas = kernels.isas


class _Absent(SimpleNamespace):
    """A backend of PyTorch's that is not here. Scripts may set what they like: results are deterministic anyway."""

    def is_available(self) -> bool:
        return False

    def is_built(self) -> bool:
        return False


cuda = _Absent(matmul=SimpleNamespace(allow_tf32=False))
cudnn = _Absent(enabled=False, benchmark=False, deterministic=True, allow_tf32=False)
mps, mkl, mkldnn, openmp = _Absent(), _Absent(), _Absent(), _Absent()


class _Winograd:
    """Winograd's algorithm for 3x3 convolutions of stride 1: less arithmetic, larger rounding errors."""

    @property
    def enabled(self) -> bool | str:
        """True: where it is faster; False: never; "always": wherever it is defined, float64 included."""
        return kernels.winograd()

    @enabled.setter
    def enabled(self, value: bool | str) -> None:
        kernels.set_winograd(value)


winograd = _Winograd()


class _Fusion:
    """Neighbouring layers and ops that are computed together (autograd.nn.fusion, op.Record.grads_through)."""

    enabled = True


fusion = _Fusion()


class _Backends(ModuleType):
    """This module, with the switches that are plain values as properties."""

    @property
    def isa(self) -> str:
        """The instruction set that kernels use."""
        return kernels.isa()

    @isa.setter
    def isa(self, name: str | None) -> None:
        kernels.set_isa(name)

    @property
    def num_threads(self) -> int:
        """Threads that kernels use; results are the same bits for any number."""
        return kernels.get_num_threads()

    @num_threads.setter
    def num_threads(self, count: int) -> None:
        kernels.set_num_threads(count)


sys.modules[__name__].__class__ = _Backends

_SWITCHES = {
    "winograd": (kernels.winograd, kernels.set_winograd),
    "isa": (kernels.isa, kernels.set_isa),
    "num_threads": (kernels.get_num_threads, kernels.set_num_threads),
    "fusion": (lambda: fusion.enabled, lambda value: setattr(fusion, "enabled", value)),
}


@contextlib.contextmanager
def flags(**values: Any) -> Iterator[None]:
    """Sets switches by name (winograd, isa, num_threads, fusion) for a while."""
    for name in values:
        if name not in _SWITCHES:
            raise TypeError(f"backends.flags: unknown switch {name!r}{near(name, _SWITCHES)}; "
                            f"there are {', '.join(_SWITCHES)}")  # fmt: skip
    before = {name: _SWITCHES[name][0]() for name in values}
    try:
        for name, value in values.items():
            _SWITCHES[name][1](value)
        yield
    finally:
        for name, value in before.items():
            _SWITCHES[name][1](value)


def explain(op: str, *shapes: Any, **attributes: Any) -> dict[str, tuple[str, str]]:
    """kernels.explain for shapes or tensors: {pass: (algorithm, reason)} of conv2d, linear or matmul.

    Other ops have one kernel for all shapes.
    """
    return kernels.explain(op, *(tuple(getattr(shape, "shape", shape)) for shape in shapes), **attributes)
