"""Counting an op's floating-point operations.

A declaration's `flops=` is a function; as in a gradient rule its parameter names say what it needs: an input, an
attribute, or `out`, the result. A multiplication, an addition, a comparison and a function such as exp count one each;
moving numbers counts nothing. Without a declaration it is one per element of the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any


def each(n: int) -> Callable[[Any], int]:
    """n for every element of the result."""
    return lambda out: n * out.size


def each_input(n: int) -> Callable[[Any], int]:
    """n for every element of x."""
    return lambda x: n * x.size


ELEMENTWISE = each(1)
MOVES = each(0)


def inner_products(count: int, terms: int, bias: Any = None) -> int:
    """`count` sums of `terms` products, and of a bias if there is one."""
    return count * max(2 * terms - (bias is None), 0)


def over_windows(count: int, kernel_size: Any) -> int:
    """One for every value in each of `count` windows."""
    return count * (math.prod(kernel_size) if isinstance(kernel_size, (tuple, list)) else kernel_size**2)
