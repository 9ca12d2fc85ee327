"""A layer that is one op of functional with its attributes fixed."""

from __future__ import annotations

from typing import Any

from autograd.nn import functional as F
from autograd.nn.module import Module


class Apply(Module):
    """op(*inputs, name=value, ...): subclasses name the op and give its attributes to __init__, which keeps them."""

    op: str

    def __init__(self, **attributes: Any) -> None:
        super().__init__()
        self._attributes = tuple(attributes)
        for name, value in attributes.items():
            setattr(self, name, value)

    def forward(self, *inputs: Any) -> Any:
        return getattr(F, self.op)(*inputs, **{name: getattr(self, name) for name in self._attributes})

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in self._attributes)
