"""torch.nn.functional's names: the ops of the registry, under the names that PyTorch users type.

Nothing is defined here: `F.relu` is `autograd.ops`' relu, an op's signature and documentation are its own.
"""

from __future__ import annotations

from typing import Any

from autograd.ops import find, names
from autograd.shapes import near


def __getattr__(name: str) -> Any:
    call = find(name)
    if call is None:
        raise AttributeError(f"autograd.nn.functional has no {name!r}{near(name, names())}")
    globals()[name] = call  # the next access is a plain one
    return call


def __dir__() -> list[str]:
    return sorted(names())
