"""Sizes: explaining why they do not fit, and the small rules that many ops share."""

from __future__ import annotations

import difflib
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from autograd.errors import ShapeError


def pair(value: Any, name: str = "value") -> tuple[int, int]:
    """An int or a pair of ints as a pair (height, width)."""
    if isinstance(value, (tuple, list)):
        if len(value) == 1:
            value = (value[0], value[0])
        if len(value) != 2:
            raise ShapeError(f"{name}: expected an int or a pair of ints, got {value!r}")
        return operator.index(value[0]), operator.index(value[1])
    return operator.index(value), operator.index(value)


def check_count(name: str, shape: Iterable[int]) -> None:
    """Refuses a result whose bytes an int64 cannot count."""
    if math.prod(shape) > 2**60:
        raise ShapeError(f"{name}: the shape {tuple(shape)} has more than 2**60 elements")


def normalize_axis(axis: int, ndim: int) -> int:
    """A possibly negative axis as one in [0, ndim)."""
    axis = operator.index(axis)
    bound = ndim or 1
    if not -bound <= axis < bound:
        raise ShapeError(f"axis {axis} is out of range for {ndim} dimensions")
    return axis % bound


def normalize_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """None (all), an int or a sequence as a tuple of distinct axes in [0, ndim)."""
    if axis is None:
        return tuple(range(ndim))
    axes = tuple(normalize_axis(a, ndim) for a in (axis if isinstance(axis, (tuple, list)) else (axis,)))
    if len(set(axes)) != len(axes):
        raise ShapeError(f"axis {axis!r} names a dimension twice")
    return axes if ndim else ()


def near(name: str, known: Iterable[str]) -> str:
    """' (did you mean ...?)' for a misspelt name, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=3)
    return f" (did you mean {' or '.join(repr(c) for c in close)}?)" if close else ""


def names_only(module: str, known: Iterable[str]) -> Callable[[str], NoReturn]:
    """The `__getattr__` of a module that has these names: the error for any other one shows the near ones."""

    def missing(name: str) -> NoReturn:
        raise AttributeError(f"{module} has no {name!r}{near(name, known)}")

    return missing


def explain_broadcast(shapes: Mapping[str, tuple[int, ...]]) -> str | None:
    """Which sizes keep two arguments from broadcasting, and the axis that is probably missing; None if none do."""
    given = list(shapes.items())
    for i, (a, left) in enumerate(given):
        for b, right in given[i + 1 :]:
            for axis, (n, m) in enumerate(zip(left[::-1], right[::-1]), 1):
                if n != m and 1 not in (n, m):
                    return f"{a} has {n} and {b} has {m} along axis -{axis}{_broadcast_cure(a, left, b, right)}"
    return None


def _broadcast_cure(a: str, left: tuple[int, ...], b: str, right: tuple[int, ...]) -> str:
    if left == right[::-1]:
        return f"; transposed? {b}.T"
    for name, small, large in ((b, right, left), (a, left, right)):
        if small and len(small) < len(large) and small == large[: len(small)]:
            missing = ", None" * (len(large) - len(small))
            return f"; missing axis? {name}[...{missing}]"
    return ""


def explain_axes(
    axes: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]], attrs: Mapping[str, Any]
) -> str | None:
    """Which argument breaks the declared axes: {"x": "N C", "w": "K C"} against the shapes of a call, or None.

    A letter stands for one size in all arguments; `C/groups` is C divided by an attribute; `...` is any sizes.
    """
    seen: dict[str, tuple[int, str]] = {}
    for name, spec in axes.items():
        if name not in shapes:
            continue
        shape, letters = shapes[name], spec.split()
        if letters and letters[0] == "...":
            letters = letters[1:]
            if len(shape) < len(letters):
                return f"{name} ({spec}) has {len(shape)} dimensions, expected at least {len(letters)}"
            shape = shape[len(shape) - len(letters) :]
        elif len(shape) != len(letters):
            cure = f"; missing batch dimension? {name}[None]" if len(shape) == len(letters) - 1 and name == "x" else ""
            return f"{name} ({spec}) has {len(shape)} dimensions, expected {len(letters)}{cure}"
        for letter, size in zip(letters, shape):
            whole, _, divisor = letter.partition("/")
            if divisor and whole in seen:
                parts = attrs.get(divisor, 1)
                if not isinstance(parts, int) or parts < 1 or seen[whole][0] % parts:
                    return f"{divisor}={parts} does not divide {whole}={seen[whole][0]} of {seen[whole][1]}"
                if size != seen[whole][0] // parts:
                    return f"{name} ({spec}) has {letter}={size}, expected {seen[whole][0] // parts}"
            elif not divisor:
                if letter in seen and seen[letter][0] != size:
                    expected, other = seen[letter]
                    return f"{name} ({spec}) has {letter}={size}, but {other} ({axes[other]}) has {letter}={expected}"
                seen.setdefault(letter, (size, name))
    return None
