"""Containers: Sequential, ModuleList, ModuleDict, ParameterList."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from autograd.nn.base import Chain
from autograd.nn.fusion import Step, fused
from autograd.nn.lazy import LazyModule
from autograd.nn.module import Module, Parameter
from autograd.tensor import Tensor

if TYPE_CHECKING:
    from typing_extensions import Self


class _Numbered(Module):
    """Items under the names "0", "1", ...: what Sequential and the lists share."""

    def _items(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in self._kinds}

    def _name(self, index: int) -> str:
        names = list(self._kinds)
        try:
            return names[operator.index(index)]
        except IndexError:
            raise IndexError(f"{type(self).__name__}: index {index} is out of range for {len(names)} items") from None

    def _renumber(self, values: list[Any]) -> None:
        for name in list(self._kinds):
            delattr(self, name)
        for value in values:
            self._put(str(len(self)), value)

    def _put(self, name: str, value: Any) -> None:
        self.add_module(name, value)

    def __len__(self) -> int:
        return len(self._kinds)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items().values())

    def __contains__(self, item: Any) -> bool:
        return any(item is own for own in self)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])  # type: ignore[call-arg]
        return self.__dict__[self._name(index)]

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, self._name(index), value)

    def __delitem__(self, index: int | slice) -> None:
        values = list(self)
        del values[index]
        self._renumber(values)

    def append(self, value: Any) -> Self:
        self._put(str(len(self)), value)
        return self

    def insert(self, index: int, value: Any) -> Self:
        values = list(self)
        values.insert(index, value)
        self._renumber(values)
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        for value in values:
            self.append(value)
        return self

    def pop(self, index: int = -1) -> Any:
        value = self[index]
        del self[index]
        return value


class Sequential(_Numbered):
    """Sequential(a, b, ...) or Sequential(OrderedDict(name=layer, ...)): each layer's output is the next one's input.

    net[i] is a layer, net[i:j] a Sequential of the same layers.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], Mapping):
            for name, module in args[0].items():
                self.add_module(name, module)
        else:
            for i, module in enumerate(args):
                if not isinstance(module, Module):
                    raise TypeError(
                        f"Sequential: argument {i} must be a Module, got {type(module).__name__}"
                        + ("; pass layers one by one: Sequential(*layers)" if isinstance(module, (list, tuple)) else "")
                    )
                self.add_module(str(i), module)

    _steps: list[Step] | None = None  # what forward calls; made anew after any change

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__["_steps"] = None
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        self.__dict__["_steps"] = None
        super().__delattr__(name)

    def _register(self, name: str, value: Any, kind: str, expected: type) -> None:
        self.__dict__["_steps"] = None
        super()._register(name, value, kind, expected)

    def forward(self, x: Any) -> Any:
        steps = self._steps
        if steps is None:
            steps = fused(self)
            if not any(isinstance(module, LazyModule) for module in self):  # which become others when they are called
                self.__dict__["_steps"] = steps
        for step in steps:
            x = step(x)
        return x

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Sequential(dict(list(self._items().items())[index]))
        return super().__getitem__(index)

    def __add__(self, other: Sequential) -> Sequential:
        return Sequential(*self, *other)


Chain(Sequential, "_steps")


class ModuleList(_Numbered):
    """A list of modules whose parameters are found; it has no forward."""

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend(modules or ())

    def __iadd__(self, modules: Iterable[Module]) -> Self:
        return self.extend(modules)


class ModuleDict(Module):
    """A dict of modules whose parameters are found; it has no forward."""

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        super().__init__()
        self.update(modules or {})

    def __getitem__(self, key: str) -> Any:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._kinds)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._kinds))

    def __contains__(self, key: object) -> bool:
        return key in self._kinds

    def keys(self) -> Iterable[str]:
        return self._modules.keys()

    def values(self) -> Iterable[Any]:
        return self._modules.values()

    def items(self) -> Iterable[tuple[str, Any]]:
        return self._modules.items()

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        for name, module in dict(modules).items():
            self[name] = module

    def pop(self, key: str) -> Any:
        module = self[key]
        del self[key]
        return module

    def clear(self) -> None:
        for key in list(self):
            del self[key]


class ParameterList(_Numbered):
    """A list of parameters; tensors are wrapped in Parameter."""

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self.extend(values or ())

    def _put(self, name: str, value: Any) -> None:
        self.register_parameter(name, self._wrap(value))

    def __setitem__(self, index: int, value: Any) -> None:
        super().__setitem__(index, self._wrap(value))

    @staticmethod
    def _wrap(value: Any) -> Any:
        return Parameter(value) if isinstance(value, Tensor) and not isinstance(value, Parameter) else value

    def __repr__(self) -> str:
        lines = [
            f"  ({i}): Parameter containing: [{p.dtype} of size {'x'.join(map(str, p.shape))}]"
            for i, p in enumerate(self)
        ]
        return "\n".join(["ParameterList(", *lines, ")"]) if lines else "ParameterList()"


class ParameterDict(Module):
    """A dict of parameters; tensors are wrapped in Parameter."""

    def __init__(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None) -> None:
        super().__init__()
        self.update(parameters or {})

    def __getitem__(self, key: str) -> Any:
        return self._parameters[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.register_parameter(key, ParameterList._wrap(value))

    def __delitem__(self, key: str) -> None:
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._parameters))

    def __contains__(self, key: object) -> bool:
        return key in self._parameters

    def keys(self) -> Iterable[str]:
        return self._parameters.keys()

    def values(self) -> Iterable[Any]:
        return self._parameters.values()

    def items(self) -> Iterable[tuple[str, Any]]:
        return self._parameters.items()

    def update(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
        for name, value in dict(parameters).items():
            self[name] = value
