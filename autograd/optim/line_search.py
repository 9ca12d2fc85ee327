"""How far to go along a direction: a search for a step that satisfies the strong Wolfe conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Point(NamedTuple):
    """A step t along the direction, the loss there, its gradient, and the gradient's part along the direction."""

    t: float
    loss: float
    gradient: np.ndarray
    slope: float


def cubic_minimum(p: Point, q: Point, least: float, most: float) -> float:
    """Where the cubic through both points, with their slopes, is lowest; within [least, most]."""
    if p.t > q.t:
        p, q = q, p
    mean = p.slope + q.slope - 3 * (p.loss - q.loss) / (p.t - q.t)
    square = mean**2 - p.slope * q.slope
    root = square**0.5 if square >= 0 else 0.0
    scale = q.slope - p.slope + 2 * root
    if square < 0 or scale == 0:
        return (least + most) / 2
    return min(max(q.t - (q.t - p.t) * ((q.slope + root - mean) / scale), least), most)


def strong_wolfe(
    at: Callable[[float], Point],
    start: Point,
    t: float,
    reach: float,
    budget: int,
    sufficient: float = 1e-4,
    curvature: float = 0.9,
    smallest: float = 1e-9,
) -> tuple[Point, int]:
    """A point with loss <= start + sufficient t slope and |slope| <= curvature |slope at start|; calls of `at` made.

    at(t) evaluates a step, t is the first one; reach: the direction's largest element; the search ends after `budget`
    more calls or when the bracket is below `smallest`. Source: Nocedal and Wright, algorithms 3.5 and 3.6.
    """

    def too_high(p: Point) -> bool:
        return p.loss > start.loss + sufficient * p.t * start.slope

    def flat(p: Point) -> bool:
        return abs(p.slope) <= -curvature * start.slope

    before, here, calls = start, at(t), 0
    while calls < budget:
        if too_high(here) or (calls > 1 and here.loss >= before.loss):
            break
        if flat(here):
            return here, calls + 1
        if here.slope >= 0:
            break
        t = cubic_minimum(before, here, here.t + 0.01 * (here.t - before.t), here.t * 10)
        before, here = here, at(t)
        calls += 1
    else:
        before = start
    low, high = (before, here) if before.loss <= here.loss else (here, before)
    stuck = False
    while calls < budget and abs(high.t - low.t) * reach >= smallest:
        left, right = min(low.t, high.t), max(low.t, high.t)
        t = cubic_minimum(low, high, left, right)
        margin = 0.1 * (right - left)
        near_end = min(right - t, t - left) < margin
        if near_end and (stuck or not left < t < right):
            t = right - margin if abs(t - right) < abs(t - left) else left + margin
            near_end = False
        stuck = near_end
        here = at(t)
        calls += 1
        if too_high(here) or here.loss >= low.loss:
            high = here
            if high.loss < low.loss:
                low, high = high, low
        elif flat(here):
            return here, calls + 1
        else:
            if here.slope * (high.t - low.t) >= 0:
                high = low
            low = here
    return low, calls + 1
