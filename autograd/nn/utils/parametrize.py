"""Parameters computed from others: after register_parametrization(layer, "weight", f), layer.weight is f(original).

The layer gets a class of its own, in which the name is a property. What is trained and saved is the original, under
`parametrizations.NAME.original`, or original0, original1, ... if f has several arguments.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from autograd.errors import DTypeError, ShapeError
from autograd.grad_mode import no_grad
from autograd.nn.containers import ModuleDict
from autograd.nn.module import Module, Parameter
from autograd.tensor import Tensor

_cache: dict[tuple[int, str], Tensor] = {}
_caching = 0  # how many cached() are active, one inside the other


@contextlib.contextmanager
def cached() -> Iterator[None]:
    """While active, a parametrized tensor is computed at its first use only."""
    global _caching
    _caching += 1
    try:
        yield
    finally:
        _caching -= 1
        if not _caching:
            _cache.clear()


class ParametrizationList(Module):
    """The functions, the last one outermost, and the original tensor(s) that they start from."""

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        super().__init__()
        self.unsafe = unsafe
        for module in modules:
            self.append(module)
        value = self._invert(original.detach())
        self.is_tensor = isinstance(value, Tensor)
        if self.is_tensor:
            self._keep("original", original, value)
        else:
            for i, part in enumerate(value):
                self._keep(f"original{i}", Parameter(part, original.requires_grad), part)
            self.ntensors = len(value)

    def _keep(self, name: str, original: Tensor, value: Tensor) -> None:
        """Registers the very tensor that the layer had, so that optimizers still know it, with another value."""
        if isinstance(original, Parameter):
            original.data = value
            self.register_parameter(name, original)
        else:
            self.register_buffer(name, value)

    def _invert(self, value: Any, strict: bool = False) -> Any:
        """The original for which the result would be this value; functions that cannot tell are passed by."""
        with no_grad():
            for module in reversed(list(self)):
                inverse = getattr(module, "right_inverse", None)
                if inverse is not None:
                    value = inverse(*value) if isinstance(value, tuple) else inverse(value)
                elif strict:
                    raise ValueError(f"parametrization: {type(module).__name__} has no right_inverse to assign through")
        if isinstance(value, Sequence):
            return tuple(value)
        if not isinstance(value, Tensor):
            raise DTypeError(f"right_inverse: expected a tensor or several, got {type(value).__name__}")
        return value

    def originals(self) -> list[Tensor]:
        if self.is_tensor:
            return [self.original]
        return [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def assign(self, value: Tensor) -> None:
        """Sets the originals so that the result is this value."""
        made = self._invert(value, strict=True)
        made = (made,) if isinstance(made, Tensor) else made
        with no_grad():
            for original, part in zip(self.originals(), made):
                if original.shape != part.shape:
                    raise ShapeError(f"parametrization: the original has shape {original.shape}, got {part.shape}")
                original.copy_(part)

    def forward(self) -> Tensor:
        first, *others = self
        value = first(*self.originals())
        for module in others:
            value = module(value)
        return value  # type: ignore[no-any-return]

    def append(self, module: Module) -> None:
        self.add_module(str(len(self)), module)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __getitem__(self, index: int) -> Module:
        return list(self)[index]


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether this tensor, or (None) any of the module's own, is parametrized."""
    lists = module.__dict__.get("parametrizations")
    if not isinstance(lists, ModuleDict):
        return False
    return len(lists) > 0 if tensor_name is None else tensor_name in lists


def type_before_parametrizations(module: Module) -> type:
    """The module's class without the one that parametrizations have given it."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def _computed(name: str) -> property:
    def get(module: Module) -> Tensor:
        key = id(module), name
        if _caching and key in _cache:
            return _cache[key]
        value = module.parametrizations[name]()
        if _caching:
            _cache[key] = value
        return value  # type: ignore[no-any-return]

    return property(get, lambda module, value: module.parametrizations[name].assign(value))


def _setattr(module: Module, name: str, value: Any) -> None:
    if is_parametrized(module, name):
        module.parametrizations[name].assign(value)
    else:
        super(type(module), module).__setattr__(name, value)


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """From now on module.NAME is parametrization(original); several of them are applied in order. Returns the module.

    A parametrization may have right_inverse(value), which finds an original for a value, at first for the present one;
    it may return several tensors, which then are arguments of the parametrization.
    unsafe: results of another shape or dtype than the tensor's are accepted.
    """
    parametrization.train(module.training)
    shown = f"{type(module).__name__}.{tensor_name}"
    if is_parametrized(module, tensor_name):
        before = getattr(module, tensor_name).detach()
        with no_grad():
            made = parametrization(before)
        if not unsafe:
            _check(shown, before, made)
        module.parametrizations[tensor_name].append(parametrization)
        return module
    original = {**module._parameters, **module._buffers}.get(tensor_name)
    if original is None:
        raise ValueError(f"register_parametrization: {shown} is no parameter, buffer or parametrized tensor")
    before = original.detach()
    try:
        lists = ParametrizationList([parametrization], original, unsafe)
        if not unsafe:
            with no_grad():
                _check(shown, before, lists())
    except Exception:
        original.data = before
        raise
    delattr(module, tensor_name)
    if not is_parametrized(module):
        kind = type(module)
        module.__class__ = type(f"Parametrized{kind.__name__}", (kind,), {"__setattr__": _setattr})
        module.parametrizations = ModuleDict()
    setattr(type(module), tensor_name, _computed(tensor_name))
    module.parametrizations[tensor_name] = lists
    return module


def _check(shown: str, before: Tensor, made: Any) -> None:
    if not isinstance(made, Tensor):
        raise DTypeError(f"parametrization of {shown}: expected a tensor, got {type(made).__name__}")
    if made.shape != before.shape:
        raise ShapeError(f"parametrization of {shown}: the tensor has shape {before.shape}, the result {made.shape}")
    if made.dtype != before.dtype:
        raise DTypeError(f"parametrization of {shown}: the tensor has dtype {before.dtype}, the result {made.dtype}")


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Makes the tensor an ordinary one again, with its present value, or (leave_parametrized=False) the original's."""
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"remove_parametrizations: {type(module).__name__}.{tensor_name} is not parametrized")
    lists = module.parametrizations[tensor_name]
    if not leave_parametrized and not lists.is_tensor:
        raise ValueError("remove_parametrizations: there are several originals; leave_parametrized must be True")
    with no_grad():
        value = getattr(module, tensor_name).detach()
    first = lists.originals()[0]
    kept = first if lists.is_tensor else Parameter(value, first.requires_grad)
    if leave_parametrized:
        kept.data = value
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    if not is_parametrized(module):
        del module.parametrizations
        module.__class__ = type(module).__bases__[0]
    if isinstance(kept, Parameter):
        module.register_parameter(tensor_name, kept)
    else:
        module.register_buffer(tensor_name, kept)
    return module
