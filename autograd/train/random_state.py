"""The random generators that a training run may draw from: the engine's, NumPy's global one and Python's."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np

from autograd.ops import random as engine


def seed(value: int) -> None:
    """Starts all three from this seed."""
    engine.manual_seed(value)
    np.random.seed(value % 2**32)
    random.seed(value)


def read() -> dict[str, Any]:
    """Their states, as arrays and plain values."""
    kind, keys, position, has_gauss, gauss = np.random.get_state()
    version, words, spare = random.getstate()
    return {
        "engine": engine.get_rng_state(),
        "numpy": {"kind": kind, "keys": keys, "position": position, "has_gauss": has_gauss, "gauss": gauss},
        "python": {"version": version, "words": np.array(words, dtype=np.uint64), "spare": spare},
    }


def write(state: Mapping[str, Any]) -> None:
    """Restores what `read` gave."""
    engine.set_rng_state(state["engine"])
    theirs = state["numpy"]
    np.random.set_state(
        (theirs["kind"], theirs["keys"], theirs["position"], theirs["has_gauss"], theirs["gauss"])  # type: ignore[arg-type]
    )
    own = state["python"]
    random.setstate((own["version"], tuple(int(word) for word in own["words"]), own["spare"]))
