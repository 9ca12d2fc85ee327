"""weight_norm and spectral_norm in their old form: a hook computes the weight anew before every call.

For new code there are parametrizations, under nn.utils.parametrizations; the names of the state differ.
"""

from __future__ import annotations

from typing import Any

from autograd.nn.module import Module, Parameter
from autograd.nn.utils.parametrizations import _SpectralNorm, _WeightNorm, default_dim
from autograd.tensor import Tensor


class _Recomputed:
    """A hook before forward: module.NAME = function(its originals)."""

    def __init__(self, module: Module, name: str, function: Module, originals: dict[str, Tensor]) -> None:
        self.name, self.function, self.originals = name, function, tuple(f"{name}{end}" for end in originals)
        if any(isinstance(hook, _Recomputed) and hook.name == name for _, hook, _ in module._hooks.values()):
            raise ValueError(f"{type(module).__name__}.{name} is computed from another tensor already")
        wanted = getattr(module, name).requires_grad
        delattr(module, name)
        for end, value in originals.items():
            module.register_parameter(f"{name}{end}", Parameter(value.detach(), wanted))
        self.compute(module)
        self.handle = module.register_forward_pre_hook(self)

    def compute(self, module: Module) -> None:
        self.function.training = module.training
        setattr(module, self.name, self.function(*(getattr(module, name) for name in self.originals)))

    def __call__(self, module: Module, args: Any) -> None:
        self.compute(module)


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """weight = g v / ||v||, with the parameters NAME_g and NAME_v   (Salimans, Kingma 2016)"""
    function = _WeightNorm(dim)
    g, v = function.right_inverse(getattr(module, name).detach())
    _Recomputed(module, name, function, {"_g": g, "_v": v})
    return module


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """weight = NAME_orig / its largest singular value; buffers NAME_u and NAME_v   (Miyato et al. 2018)"""
    weight = getattr(module, name)
    function = _SpectralNorm(weight, n_power_iterations, default_dim(module, dim), eps)
    _Recomputed(module, name, function, {"_orig": weight})
    for end in ("_u", "_v"):
        if hasattr(function, end):
            module.register_buffer(f"{name}{end}", getattr(function, end))
    return module


def _remove(module: Module, name: str, kind: type, what: str) -> Module:
    """Leaves the present value as an ordinary parameter."""
    for _, hook, _ in list(module._hooks.values()):
        if isinstance(hook, _Recomputed) and hook.name == name and isinstance(hook.function, kind):
            hook.handle.remove()
            hook.function.eval()
            value = hook.function(*(getattr(module, original) for original in hook.originals)).detach()
            wanted = getattr(module, hook.originals[0]).requires_grad
            for spare in [*hook.originals, f"{name}_u", f"{name}_v"]:
                if spare in module._kinds:
                    delattr(module, spare)
            delattr(module, name)
            module.register_parameter(name, Parameter(value, wanted))
            return module
    raise ValueError(f"{what}: {type(module).__name__}.{name} has none")


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Undoes weight_norm: the present weight becomes a parameter again."""
    return _remove(module, name, _WeightNorm, "remove_weight_norm")


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Undoes spectral_norm: the present weight becomes a parameter again."""
    return _remove(module, name, _SpectralNorm, "remove_spectral_norm")
