"""How the arguments of a call become an op's inputs and attributes, in PyTorch's and NumPy's spellings, too."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from autograd.shapes import near

# PyTorch's and other spellings of argument names, tried where an op does not know a name.
SPELLINGS = {
    "input": ("x", "xs"),
    "tensor": ("x",),
    "tensors": ("xs",),
    "self": ("x",),
    "other": ("y",),
    "weight": ("w", "weight"),
    "linear_weight": ("w",),
    "bias": ("b",),
    "dim": ("axis", "axes"),
    "dims": ("axes", "axis"),
    "axis": ("dim", "axes"),
    "axes": ("dims", "axis"),
    "keepdim": ("keepdims",),
    "exponent": ("y",),
    "indices": ("index",),
    "k": ("diagonal",),
    "split_size": ("split_size_or_sections",),
    "chunk_size": ("split_size_or_sections",),
    "target": ("y", "labels", "target"),
    "min": ("low",),
    "max": ("high",),
    "a_min": ("low",),
    "a_max": ("high",),
    "size": ("shape",),
    "negative_slope": ("slope",),
    "kernel_size": ("kernel",),
}


class Signature:
    """The parameters of a function: inputs (before `*`, or all of a variadic one) and attributes (after it)."""

    name: str

    def __init__(self, function: Callable) -> None:
        self.signature = inspect.signature(function)
        parameters = self.signature.parameters.values()
        self.variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        self.inputs = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL)]
        self.attrs = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
        self.defaults = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}

    def places(self, count: int, names: tuple[str, ...]) -> tuple[int, ...] | None:
        """Where each input and attribute stands in a call of `count` positional arguments and these named ones.

        -1: left out. Only the inputs if no attribute is given. None: a call that needs `bind`, or is wrong.
        """
        order = [*self.inputs, *self.attrs]
        spelt = list(self.respell(dict.fromkeys(names)))
        given = [*order[:count], *spelt]
        missing = [n for n in order if n not in given and self.names_required(n)]
        unknown = len(set(given)) < len(given) or not set(given) <= set(order)
        if self.variadic or count > len(order) or len(spelt) < len(names) or missing or unknown:
            return None
        places = tuple(given.index(n) if n in given else -1 for n in order)
        return places if any(n in given for n in self.attrs) else places[: len(self.inputs)]

    def bind(self, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, tuple]:
        """Sorts the arguments of a call into inputs and attributes; attributes may be positional, as in PyTorch."""
        kwargs = self.respell(kwargs)
        if self.variadic:
            name = self.inputs[0]
            xs = kwargs.pop(name) if name in kwargs else None
            if xs is None and args and isinstance(args[0], (list, tuple)):
                xs, args = args[0], args[1:]
            elif xs is None:
                xs, args = args, ()
            inputs = tuple(xs)
        else:
            given = list(args[: len(self.inputs)])
            args = args[len(self.inputs) :]
            for name in self.inputs[len(given) :]:
                parameter = self.signature.parameters[name]
                if name not in kwargs and parameter.default is parameter.empty:
                    raise TypeError(f"{self.name}: missing argument {name!r}; expected {self.name}{self.signature}")
                given.append(kwargs.pop(name, parameter.default))
            inputs = tuple(given)
        if len(args) > len(self.attrs) == 1 and all(isinstance(a, int) for a in args):
            args = (args,)  # x.permute(1, 0) means x.permute((1, 0))
        if len(args) > len(self.attrs):
            raise TypeError(f"{self.name}: too many arguments; expected {self.name}{self.signature}")
        if twice := next((n for n in self.attrs[: len(args)] if n in kwargs), None):
            raise TypeError(f"{self.name}: got {twice!r} twice")
        attrs = {**self.defaults, **dict(zip(self.attrs, args))}
        for name, value in kwargs.items():
            if name not in attrs:
                hint = near(name, [*self.inputs, *self.attrs])
                raise TypeError(f"{self.name}: unknown argument {name!r}{hint}; expected {self.name}{self.signature}")
            attrs[name] = value
        for name, value in attrs.items():
            if value is inspect.Parameter.empty:
                raise TypeError(f"{self.name}: missing argument {name!r}; expected {self.name}{self.signature}")
        return inputs, tuple(attrs.values())

    def respell(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Maps PyTorch's and NumPy's names of arguments to the op's own."""
        known = self.signature.parameters
        own = {n: next((s for s in SPELLINGS.get(n, ()) if s in known), n) for n in kwargs if n not in known}
        return {own.get(name, name): value for name, value in kwargs.items()}

    def input_name(self, i: int) -> str:
        return f"{self.inputs[0]}[{i}]" if self.variadic else self.inputs[i]

    def names_required(self, name: str) -> bool:
        parameter = self.signature.parameters.get(name)
        return parameter is not None and parameter.default is parameter.empty
