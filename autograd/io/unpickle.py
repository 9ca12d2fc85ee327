"""Reading a pickle as plain data, without the pickle module: an interpreter of the opcodes that containers need.

Names in the file are looked up in a table that the caller gives; nothing is imported, and only functions of that table
are called. The opcodes are parsed by the standard library's pickletools, which executes nothing.
"""

from __future__ import annotations

import pickletools
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from autograd.errors import FormatError

_MARK = object()


class Name:
    """A name of the file ("torch.FloatStorage") and what the table has for it."""

    def __init__(self, name: str, meaning: Any) -> None:
        self.name = name
        self.meaning = meaning


class _Machine:
    """The pickle machine: a stack, marks on it, and a memo."""

    def __init__(self, names: Mapping[str, Any], persistent: Callable[[Any], Any]) -> None:
        self.names = names
        self.persistent = persistent
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        value = self.stack.pop()
        if value is _MARK:
            raise FormatError("a mark where a value is expected")
        return value

    def pop_to_mark(self) -> list[Any]:
        """Everything above the last mark, which goes too."""
        values: list[Any] = []
        while (value := self.stack.pop()) is not _MARK:
            values.append(value)
        return values[::-1]

    def top(self, *kinds: type) -> Any:
        """The value on top, which must be exactly of one of the kinds: no method of anything else is ever called."""
        value = self.stack[-1]
        if type(value) not in kinds:
            raise FormatError(f"a {type(value).__name__} where a {kinds[0].__name__} is filled")
        return value

    def fill_list(self, values: list[Any]) -> None:
        self.top(list).extend(values)

    def fill_dict(self, values: list[Any]) -> None:
        target = self.top(dict, OrderedDict)
        if len(values) % 2:
            raise FormatError("a key without a value")
        for key, value in zip(values[::2], values[1::2]):
            target[_hashable(key)] = value

    def fill_set(self, values: list[Any]) -> None:
        self.top(set).update(map(_hashable, values))

    def look_up_above(self) -> None:
        name, module = self.pop(), self.pop()
        self.look_up(f"{module}.{name}")

    def make_dict(self) -> None:
        values = self.pop_to_mark()
        self.push({})
        self.fill_dict(values)

    def pop_pair(self) -> list[Any]:
        value, key = self.pop(), self.pop()
        return [key, value]

    def look_up(self, name: str) -> None:
        if name not in self.names:
            raise FormatError(
                f"it holds a {name}; only tensors and plain containers are read (a whole model? save its state_dict())"
            )
        self.push(Name(name, self.names[name]))

    def call(self) -> None:
        arguments, target = self.pop(), self.pop()
        if type(target) is not Name or not callable(target.meaning) or type(arguments) is not tuple:
            raise FormatError("a call of something that is no function")
        self.push(target.meaning(*arguments))

    def build(self) -> None:
        state, target = self.pop(), self.stack[-1]
        if hasattr(target, "set_pickled_state"):
            target.set_pickled_state(state)
        elif type(target) is not OrderedDict:  # whose attributes are of no use here
            raise FormatError(f"a state for a {type(target).__name__}")


def _hashable(key: Any) -> Any:
    """A key whose hash is cheap: hashing deeply nested tuples would exhaust the stack."""
    flat = key if type(key) is tuple else (key,)
    if not all(v is None or type(v) in (str, bytes, int, float, bool) for v in flat):
        raise FormatError(f"a {type(key).__name__} as a key")
    return key


def _memoised(machine: _Machine, index: int) -> None:
    if index not in machine.memo:
        raise FormatError(f"nothing was stored as {index}")
    machine.push(machine.memo[index])


def _text(value: Any) -> Any:
    """Strings of Python 2 arrive as str or bytes."""
    return value.decode("latin-1") if isinstance(value, bytes) else value


# What an opcode does, by pickletools' name of it: function of (machine, argument).
_VALUE = ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT")
_STRING = ("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING", "SHORT_BINSTRING")
_BYTES = ("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8")
_OPCODES: dict[str, Callable[[_Machine, Any], Any]] = {
    **{name: lambda m, a: m.push(a) for name in (*_VALUE, *_BYTES)},
    **{name: lambda m, a: m.push(_text(a)) for name in _STRING},
    **{name: lambda m, a: None for name in ("PROTO", "FRAME", "STOP")},
    **{name: lambda m, a: m.memo.__setitem__(a, m.stack[-1]) for name in ("PUT", "BINPUT", "LONG_BINPUT")},
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _memoised),
    "MEMOIZE": lambda m, a: m.memo.__setitem__(len(m.memo), m.stack[-1]),
    "NONE": lambda m, a: m.push(None),
    "NEWTRUE": lambda m, a: m.push(True),
    "NEWFALSE": lambda m, a: m.push(False),
    "MARK": lambda m, a: m.push(_MARK),
    "POP": lambda m, a: m.stack.pop(),
    "POP_MARK": lambda m, a: m.pop_to_mark(),
    "DUP": lambda m, a: m.push(m.stack[-1]),
    "EMPTY_LIST": lambda m, a: m.push([]),
    "EMPTY_TUPLE": lambda m, a: m.push(()),
    "EMPTY_DICT": lambda m, a: m.push({}),
    "EMPTY_SET": lambda m, a: m.push(set()),
    "LIST": lambda m, a: m.push(m.pop_to_mark()),
    "TUPLE": lambda m, a: m.push(tuple(m.pop_to_mark())),
    "TUPLE1": lambda m, a: m.push((m.pop(),)),
    "TUPLE2": lambda m, a: m.push((m.pop(), m.pop())[::-1]),
    "TUPLE3": lambda m, a: m.push((m.pop(), m.pop(), m.pop())[::-1]),
    "DICT": lambda m, a: m.make_dict(),
    "APPEND": lambda m, a: m.fill_list([m.pop()]),
    "APPENDS": lambda m, a: m.fill_list(m.pop_to_mark()),
    "SETITEM": lambda m, a: m.fill_dict(m.pop_pair()),
    "SETITEMS": lambda m, a: m.fill_dict(m.pop_to_mark()),
    "ADDITEMS": lambda m, a: m.fill_set(m.pop_to_mark()),
    "FROZENSET": lambda m, a: m.push(frozenset(_hashable(v) for v in m.pop_to_mark())),
    "GLOBAL": lambda m, a: m.look_up(a.replace(" ", ".")),
    "STACK_GLOBAL": lambda m, a: m.look_up_above(),
    "REDUCE": lambda m, a: m.call(),
    "NEWOBJ": lambda m, a: m.call(),
    "BUILD": lambda m, a: m.build(),
    "BINPERSID": lambda m, a: m.push(m.persistent(m.pop())),
}


def unpickle(stream: Any, names: Mapping[str, Any], persistent: Callable[[Any], Any] | None = None) -> Any:
    """The object of one pickle, read from bytes or from a binary stream, which is left behind its end.

    names: what "module.name" in the file stands for; persistent: function of a persistent id. Raises FormatError for
    anything beyond that, and for what is no pickle; also what the given functions raise.
    """

    def refuse(identity: Any) -> Any:
        raise FormatError("a persistent id where none is expected")

    machine = _Machine(names, persistent or refuse)
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            run = _OPCODES.get(opcode.name)
            if run is None:
                raise FormatError(f"the pickle opcode {opcode.name}, which containers and tensors do not need")
            run(machine, argument)
        value = machine.pop()
    except (ValueError, IndexError, TypeError, AttributeError) as error:
        raise error if isinstance(error, FormatError) else FormatError(f"not a sound pickle: {error}") from None
    if isinstance(value, Name):
        raise FormatError(f"nothing but the name {value.name}")
    return value
