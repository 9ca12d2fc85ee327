"""The sizes of a convolution or pooling, checked. Letters as in conv.py."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.errors import ShapeError
from autograd.shapes import pair

LARGEST = 2**31 - 1  # of a stride, padding or dilation; keeps every product of sizes within 63 bits


def steps(value: Any, name: str, least: int) -> tuple[int, int]:
    """A stride, padding, dilation or kernel size as a pair within sane limits."""
    both = pair(value, name)
    for number in both:
        if not least <= number <= LARGEST:
            raise ShapeError(f"{name} must be between {least} and 2**31 - 1, got {value!r}")
    return both


class Geometry:
    """The sizes of one 2-d convolution, checked; padding "same" and "valid" resolved.

    extra: rows and columns of zeros that "same" adds only at the bottom and right, when its padding is odd.
    """

    def __init__(self, name: str, x: tuple[int, ...], w: tuple[int, ...], stride, padding, dilation, groups):
        if len(x) != 4 or len(w) != 4:
            raise ValueError(f"expected 4-d x and w, got {x} and {w}")
        if not isinstance(groups, (int, np.integer)) or groups < 1:
            raise ValueError(f"groups must be a positive int, got {groups!r}")
        if w[0] % groups:
            raise ValueError(f"groups={groups} does not divide K={w[0]} of w")
        if x[1] % groups:
            raise ValueError(f"groups={groups} does not divide C={x[1]} of x")
        if x[1] // groups != w[1]:
            raise ValueError(f"w has C/groups={w[1]}, expected {x[1] // groups}")
        self.stride = steps(stride, f"{name}: stride", 1)
        self.dilation = steps(dilation, f"{name}: dilation", 1)
        reach = [d * (r - 1) for d, r in zip(self.dilation, w[2:])]
        self.extra = (0, 0)
        if padding == "same":
            if self.stride != (1, 1):
                raise ValueError(f"padding='same' needs stride 1, got {stride!r}")
            self.padding = (reach[0] // 2, reach[1] // 2)
            self.extra = (reach[0] % 2, reach[1] % 2)
        elif isinstance(padding, str):
            if padding != "valid":
                raise ValueError(f"padding is 'same', 'valid', an int or a pair, not {padding!r}")
            self.padding = (0, 0)
        else:
            self.padding = steps(padding, f"{name}: padding", 0)
        padded = [h + 2 * p + e for h, p, e in zip(x[2:], self.padding, self.extra)]
        for axis, letter in enumerate("RS"):
            if w[2 + axis] < 1:
                raise ValueError(f"the kernel is empty: {letter}={w[2 + axis]}")
            if reach[axis] + 1 > padded[axis]:
                span = f"{letter}={w[2 + axis]} with dilation {self.dilation[axis]} spans {reach[axis] + 1}"
                size = f"{'HW'[axis]}={x[2 + axis]} is {padded[axis]} after padding"
                raise ValueError(f"the kernel is larger than the padded input: {span}, but {size}")
        out = [(n - r - 1) // s + 1 for n, r, s in zip(padded, reach, self.stride)]
        self.out = (x[0], w[0], out[0], out[1])
        self.padded = (x[0], x[1], x[2] + self.extra[0], x[3] + self.extra[1])
        if math.prod(self.out) >= 2**60 or math.prod(self.padded) >= 2**60:
            raise ValueError(f"the result would have shape {self.out}")
        self.groups = int(groups)

    @property
    def arguments(self) -> tuple:
        return self.stride, self.padding, self.dilation, self.groups

    def pad(self, x: np.ndarray) -> np.ndarray:
        """x with the zeros that only one side has."""
        return x if self.extra == (0, 0) else np.pad(x, ((0, 0), (0, 0), (0, self.extra[0]), (0, self.extra[1])))
