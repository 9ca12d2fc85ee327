"""Module: a function with parameters. Parameters, buffers and submodules register themselves on assignment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from autograd import halves
from autograd.errors import DTypeError
from autograd.halves import is_float
from autograd.nn.base import Callable as Base
from autograd.nn.base import find_quickly
from autograd.nn.hooks import HooksMixin
from autograd.nn.state import StateMixin
from autograd.shapes import near
from autograd.tensor import Tensor

if TYPE_CHECKING:
    from typing_extensions import Self

Named = Iterator[tuple[str, Tensor]]

# What a registered name is.
PARAMETER, BUFFER, TEMPORARY, MODULE = "parameter", "buffer", "temporary buffer", "module"


class Parameter(Tensor):
    """Parameter(data, requires_grad=True): a leaf tensor that a Module lists among its parameters.

    Shares the memory of an array or a tensor it is made from, unless that memory is read-only.
    """

    def __init__(self, data: Any = 0.0, requires_grad: bool = True) -> None:
        super().__init__(data)
        if not self.array.flags.writeable:
            super().__init__(self.array.copy())
        self.requires_grad = requires_grad

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class Buffer(Tensor):
    """Buffer(data, persistent=True): a tensor that a Module lists among its buffers once it is assigned."""

    def __init__(self, data: Any = 0.0, persistent: bool = True) -> None:
        super().__init__(data)
        self.persistent = persistent

    def __reduce__(self) -> Any:
        return type(self), (np.asarray(self.array, order="C"), self.persistent)


class Module(Base, HooksMixin, StateMixin):
    """Base of all layers and models: subclass it, make the parts in __init__, compute in forward.

    class Net(Module):
        def __init__(self):
            super().__init__()
            self.fc = Linear(784, 10)

        def forward(self, x):
            return self.fc(x)
    """

    training: bool

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        find_quickly(cls)

    def __init__(self) -> None:
        self.__dict__.update(_kinds={}, _hooks={}, training=True)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"{type(self).__name__}: has no forward method; define forward(self, ...) in the class")

    def _locate(self, error: Exception) -> None:
        """Adds to a shape error which layer raised it, by its dotted name as seen from the outermost module."""
        layer, message = getattr(error, "layer", None), getattr(error, "plain", "")
        if layer is None:
            layer, message = self, str(error)
            error.layer, error.plain = layer, message  # type: ignore[attr-defined]
        path = next((name for name, found in self.named_modules() if found is layer), "")
        described = repr(layer) if not layer._modules else type(layer).__name__
        error.args = (f"{message}\n  in {path + ': ' if path else ''}{described}",)

    # ------------------------------------------------------------------------------------- registration

    def __setattr__(self, name: str, value: Any) -> None:
        kinds = self.__dict__.get("_kinds")
        kind = _kind(value)
        if kinds is None:
            if kind is not None:
                raise AttributeError(_uninitialised(self, f"assigning the {kind} {name!r}"))
        elif kind is not None:
            if kinds.get(name) != kind:
                self._check_name(name, replaces=True)
                kinds[name] = kind
        elif name in kinds and value is not None:
            known = kinds[name]
            if known in (PARAMETER, MODULE):
                raise TypeError(
                    f"{type(self).__name__}: {name!r} is a {known}; expected a {known.capitalize()} or None, "
                    f"got {type(value).__name__} (del it first to make it something else)"
                )
            if not isinstance(value, Tensor):
                raise TypeError(
                    f"{type(self).__name__}: buffer {name!r} must be a Tensor or None, got {type(value).__name__}"
                )
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        self._kinds.pop(name, None)

    def _explain_missing(self, name: str) -> NoReturn:
        if name in ("_kinds", "_hooks"):
            raise AttributeError(_uninitialised(self, "using it"))
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}{near(name, self.__dict__)}")

    def _check_name(self, name: str, replaces: bool = False) -> None:
        if not isinstance(name, str) or not name or "." in name:
            raise KeyError(f"{type(self).__name__}: a name must be a non-empty string without dots, got {name!r}")
        if not replaces and name not in self._kinds and (name in self.__dict__ or hasattr(type(self), name)):
            raise KeyError(f"{type(self).__name__}: already has an attribute {name!r}")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Adds a parameter; None keeps its place (a layer without bias)."""
        self._register(name, param, PARAMETER, Parameter)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Adds a tensor that is no parameter but belongs to the state; not persistent: it is left out of state_dict."""
        self._register(name, tensor, BUFFER if persistent else TEMPORARY, Tensor)

    def add_module(self, name: str, module: Module | None) -> None:
        """Adds a submodule."""
        self._register(name, module, MODULE, Module)

    register_module = add_module

    def _register(self, name: str, value: Any, kind: str, expected: type) -> None:
        if "_kinds" not in self.__dict__:
            raise AttributeError(_uninitialised(self, f"registering {name!r}"))
        self._check_name(name)
        if value is not None and not isinstance(value, expected):
            raise TypeError(
                f"{type(self).__name__}: {name!r} must be a {expected.__name__} or None, got {type(value).__name__}"
            )
        self._kinds[name] = kind
        self.__dict__[name] = value

    def _own(self, *kinds: str) -> Iterator[tuple[str, Any]]:
        """What is registered here, not in submodules, as (name, value)."""
        values = self.__dict__
        for name, kind in list(self._kinds.items()):
            if kind in kinds and values.get(name) is not None:
                yield name, values[name]

    @property
    def _parameters(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name, kind in self._kinds.items() if kind == PARAMETER}

    @property
    def _buffers(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name, kind in self._kinds.items() if kind in (BUFFER, TEMPORARY)}

    @property
    def _modules(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name, kind in self._kinds.items() if kind == MODULE}

    # ------------------------------------------------------------------------------------- traversal

    def named_modules(
        self, memo: set[int] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module (named "") and all below it, each once."""
        memo = set() if memo is None else memo
        if id(self) in memo:
            return
        if remove_duplicate:
            memo.add(id(self))
        yield prefix, self
        for name, child in self._own(MODULE):
            yield from child.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        seen: set[int] = set()
        for name, child in self._own(MODULE):
            if id(child) not in seen:
                seen.add(id(child))
                yield name, child

    def children(self) -> Iterator[Module]:
        return (child for _, child in self.named_children())

    def _named(self, kinds: tuple[str, ...], prefix: str, recurse: bool, remove_duplicate: bool) -> Named:
        seen: set[int] = set()
        modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for path, module in modules:
            for name, value in module._own(*kinds):
                if id(value) not in seen:
                    if remove_duplicate:
                        seen.add(id(value))
                    yield f"{path}.{name}" if path else name, value

    def named_parameters(self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True) -> Named:
        """(name, parameter) of this module and, with recurse, of all below it; shared ones once."""
        return self._named((PARAMETER,), prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        return (p for _, p in self.named_parameters(recurse=recurse))  # type: ignore[misc]

    def named_buffers(self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True) -> Named:
        return self._named((BUFFER, TEMPORARY), prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        return (b for _, b in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """The module of a dotted name; "" is this one."""
        module: Module = self
        for part in target.split(".") if target else []:
            child = module._modules.get(part)
            if child is None:
                hint = near(target, [name for name, _ in self.named_modules()])
                raise AttributeError(f"{type(self).__name__}: has no submodule {target!r}{hint}")
            module = child
        return module

    def get_parameter(self, target: str) -> Parameter:
        """The parameter of a dotted name."""
        return self._get(target, "parameter", PARAMETER)  # type: ignore[no-any-return]

    def get_buffer(self, target: str) -> Tensor:
        """The buffer of a dotted name."""
        return self._get(target, "buffer", BUFFER, TEMPORARY)  # type: ignore[no-any-return]

    def _get(self, target: str, what: str, *kinds: str) -> Any:
        path, _, name = target.rpartition(".")
        found = dict(self.get_submodule(path)._own(*kinds)).get(name)
        if found is None:
            hint = near(target, [name for name, _ in self._named(kinds, "", True, True)])
            raise AttributeError(f"{type(self).__name__}: has no {what} {target!r}{hint}")
        return found

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Puts a module at a dotted name, whose parent must exist; strict: in place of one that exists."""
        path, _, name = target.rpartition(".")
        if not name or not isinstance(module, Module):
            raise ValueError(f"set_submodule: expected a name and a Module, got {target!r}, {type(module).__name__}")
        if strict:
            self.get_submodule(target)
        setattr(self.get_submodule(path), name, module)

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Calls fn on every module below and then on this one; e.g. to initialise."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    # ------------------------------------------------------------------------------------- modes

    def train(self, mode: bool = True) -> Self:
        """Training mode on or off, here and below: dropout drops, batch norm uses the batch's statistics."""
        if not isinstance(mode, bool):
            raise TypeError(f"train: expected a bool, got {mode!r}")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Freezes (False) or unfreezes all parameters."""
        for p in self.parameters():
            p.requires_grad = requires_grad
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        for p in self.parameters():
            if set_to_none or p.grad is None:
                p.grad = None
            else:
                p.grad = Tensor(np.zeros_like(p.array))

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """to(dtype), to("cpu"), to(tensor): converts floating-point parameters and buffers in place."""
        for module in self.modules():
            for _, value in module._own(PARAMETER, BUFFER, TEMPORARY):
                if not is_float(value.array.dtype):
                    value.detach().to("cpu")
                    continue
                converted = value.detach().to(*args, **kwargs)
                if converted.dtype != value.dtype:
                    if not is_float(converted.dtype):
                        raise DTypeError(f"{type(self).__name__}.to: only floating-point types, got {converted.dtype}")
                    gradient = None if value.grad is None else value.grad.to(converted.dtype)
                    value.data = converted
                    value.grad = gradient
        return self

    def float(self) -> Self:
        return self.to(np.float32)

    def double(self) -> Self:
        return self.to(np.float64)

    def half(self) -> Self:
        return self.to(np.float16)

    def bfloat16(self) -> Self:
        return self.to(halves.bfloat16)

    def type(self, dst_type: Any) -> Self:
        """As to(dst_type): integers, such as counts of batches, stay what they are."""
        return self.to(np.dtype(dst_type))

    def to_empty(self, *, device: Any = "cpu", recurse: bool = True) -> Self:
        """Gives parameters and buffers memory of their own that holds any values."""
        for _, value in self._named((PARAMETER, BUFFER, TEMPORARY), "", recurse, True):
            value.detach().to(device)  # refuses what is not the CPU
            value.data = np.empty_like(value.array)
        return self

    def share_memory(self) -> Self:
        """Moves parameters and buffers into memory that processes forked from now on share."""
        for _, value in self._named((PARAMETER, BUFFER, TEMPORARY), "", True, True):
            value.share_memory_()
        return self

    def cpu(self) -> Self:
        return self

    def cuda(self, device: Any = None) -> Self:
        return self.to("cuda")

    # ------------------------------------------------------------------------------------- printing

    def extra_repr(self) -> str:
        """What stands in the parentheses of the printed layer."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        lines = [f"({name}): {child!r}".replace("\n", "\n  ") for name, child in self._modules.items()]
        return _tree(self._get_name(), self.extra_repr(), lines)

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *self.__dict__})


def _kind(value: Any) -> str | None:
    """What assigning the value registers, if anything."""
    if isinstance(value, Parameter):
        return PARAMETER
    if isinstance(value, Module):
        return MODULE
    if isinstance(value, Buffer):
        return BUFFER if value.persistent else TEMPORARY
    return None


def _tree(name: str, extra: str, lines: list[str]) -> str:
    """PyTorch's printed tree."""
    head = extra.split("\n") if extra else []
    if not lines and len(head) <= 1:
        return f"{name}({extra})"
    return f"{name}(\n  " + "\n  ".join(head + lines) + "\n)"


def _uninitialised(module: Module, doing: str) -> str:
    return f"{type(module).__name__}: call super().__init__() first in __init__, before {doing}"
