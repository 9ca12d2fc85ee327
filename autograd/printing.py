"""Arrays as text, laid out as PyTorch lays out tensors: four digits, one notation for all elements."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograd.errors import ShapeError
from autograd.halves import is_float


@dataclass(frozen=True)
class _Options:
    """precision: digits. Beyond threshold elements only edgeitems at both ends of an axis are shown."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_PROFILES = {
    "default": _Options(),
    "short": _Options(precision=2, edgeitems=2),
    "full": _Options(threshold=math.inf),
}
_options = _Options()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """How tensors are printed, for the whole process; profile is "default", "short" or "full"."""
    global _options
    if profile is not None and profile not in _PROFILES:
        raise ShapeError(f"set_printoptions: profile is {profile!r}, expected one of {', '.join(_PROFILES)}")
    changes = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    given: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
    _options = replace(_PROFILES[profile] if profile else _options, **given, sci_mode=sci_mode)


def text(array: np.ndarray, prefix: str, suffixes: list[str]) -> str:
    """prefix, the elements, and suffixes, which begin a new line where they do not fit."""
    shorten = array.size > _options.threshold
    shown = prefix + (_block(array, _element(_ends(array) if shorten else array), shorten, len(prefix)))
    length = len(shown) - shown.rfind("\n") + 1
    for suffix in suffixes:
        if length + len(suffix) + 2 > _options.linewidth:
            shown += ",\n" + " " * len(prefix) + suffix
            length = len(prefix) + len(suffix)
        else:
            shown += ", " + suffix
            length += len(suffix) + 2
    return shown + ")"


def _element(array: np.ndarray) -> Any:
    """The function that formats one element; all get the same width."""
    if not is_float(array.dtype):
        width = max((len(str(x)) for x in array.flat), default=0)
        return lambda x: str(x).rjust(width)
    array = array.astype(np.float64)
    finite = array[np.isfinite(array) & (array != 0)]
    whole = bool((finite == np.ceil(finite)).all())
    scientific = _options.sci_mode
    if scientific is None:
        sizes = np.abs(finite)
        low, high = (float(sizes.min()), float(sizes.max())) if sizes.size else (1.0, 1.0)
        scientific = high / low > 1000 or high > 1e8 or (low < 1e-4 and not whole)
    form = f".{_options.precision}{'e' if scientific else 'f'}" if scientific or not whole else ".0f"
    point = "." if form == ".0f" else ""
    width = max((len(format(x, form) + point) for x in finite), default=1)
    return lambda x: (format(float(x), form) + (point if math.isfinite(x) else "")).rjust(width)


def _ends(array: np.ndarray) -> np.ndarray:
    """The elements that are shown of a large array."""
    edge = _options.edgeitems
    for axis, n in enumerate(array.shape):
        if n > 2 * edge:
            array = array.take([*range(edge), *range(n - edge, n)], axis)
    return array


def _block(array: np.ndarray, element: Any, shorten: bool, indent: int) -> str:
    """Nested brackets; `indent` is where the first one stands."""
    if array.ndim == 0:
        return element(array[()])
    if array.size == 0:
        return "[]"
    edge, n = _options.edgeitems, len(array)
    cut = shorten and n > 2 * edge
    rows = [*array[:edge], *array[n - edge :]] if cut else list(array)
    if array.ndim > 1:
        parts = [_block(row, element, shorten, indent + 1) for row in rows]
        parts[edge:edge] = ["..."] if cut else []
        return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(parts) + "]"
    parts = [element(x) for x in rows]
    width = len(parts[0]) + 2
    parts[edge:edge] = [" ..."] if cut else []
    per_line = max(1, (_options.linewidth - indent) // width)
    lines = [", ".join(parts[i : i + per_line]) for i in range(0, len(parts), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
