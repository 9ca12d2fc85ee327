"""Results of 64 KB and more live in a pool of memory that has been used before: fresh pages cost more time than most
kernels that fill them. The pool stays a little above the most that was ever in use at once."""

from __future__ import annotations

from typing import NamedTuple

from autograd import kernels


class Stats(NamedTuple):
    """The pool's counts; sizes in bytes."""

    in_use: int
    cached: int
    peak: int
    cap: int
    hits: int
    misses: int


def stats() -> Stats:
    """in_use: held by arrays; cached: kept for the next ones; peak: the most in use since the start or trim();
    cap: of cached; hits, misses: blocks that came from the pool, or from the system."""
    return Stats(**kernels.memory_stats())


def set_cap(size: int) -> None:
    """Let the pool cache at most `size` bytes; at first a quarter of the machine's memory. 0 turns caching off."""
    kernels.memory_set_cap(size)


def trim() -> None:
    """Give all cached memory back to the system, and count the peak anew."""
    kernels.memory_trim()
