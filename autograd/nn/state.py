"""state_dict and load_state_dict: the parameters and buffers of a module by dotted name, as PyTorch names them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from autograd.errors import StateDictError
from autograd.shapes import near
from autograd.tensor import Tensor


class IncompatibleKeys(NamedTuple):
    """Names that the module has and the state lacks, and the other way round."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


class StateMixin:
    """The part of Module that reads and writes its state."""

    named_modules: Callable[..., Any]

    def state_dict(
        self, *, destination: dict[str, Tensor] | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Tensor]:
        """Parameters and persistent buffers by name; the tensors share memory with the module."""
        state: dict[str, Tensor] = OrderedDict() if destination is None else destination
        for path, module in self.named_modules(remove_duplicate=False):
            for kinds in (("parameter",), ("buffer",)):
                for name, value in module._own(*kinds):
                    full = prefix + (f"{path}.{name}" if path else name)
                    state[full] = value if keep_vars else value.detach()
        return state

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copies tensors or arrays into the parameters and buffers of the same names.

        strict: StateDictError unless the names match exactly. Wrong shapes are an error always.
        Nothing is written unless everything fits. assign: take the given memory instead of copying.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"load_state_dict: expected a dict of tensors by name, got {type(state_dict).__name__}")
        own = self.state_dict(keep_vars=True)
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        arrays = {name: _as_array(name, state_dict[name]) for name in own if name in state_dict}
        wrong = [
            f"{name}: has shape {array.shape} in the state, {own[name].shape} in the module"
            for name, array in arrays.items()
            if array.shape != own[name].shape
        ]
        if wrong or (strict and (missing or unexpected)):
            problems = (missing, unexpected, wrong) if strict else ([], [], wrong)
            raise StateDictError(_describe(type(self).__name__, *problems))
        for name, array in arrays.items():
            target = own[name]
            if assign:
                target.data = array
            else:
                np.copyto(target.array, array, casting="unsafe")
                target.bump()
        return IncompatibleKeys(missing, unexpected)


def _as_array(name: str, value: Any) -> np.ndarray:
    array = value.array if isinstance(value, Tensor) else np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise StateDictError(f"load_state_dict: {name} must be a tensor or an array, got {type(value).__name__}")
    return array


def _describe(kind: str, missing: list[str], unexpected: list[str], wrong: list[str]) -> str:
    """One list per kind of problem; a name that is nearly right is shown beside the one it resembles."""
    lines = [f"{kind}.load_state_dict: the state does not fit"]
    if missing:
        lines.append(f"  missing ({len(missing)}):")
        lines += [f"    {name}{near(name, unexpected)}" for name in missing]
    if unexpected:
        lines.append(f"  unexpected ({len(unexpected)}):")
        lines += [f"    {name}{near(name, missing)}" for name in unexpected]
    if wrong:
        lines += [f"  wrong shape ({len(wrong)}):", *(f"    {line}" for line in wrong)]
    prefixes = {"module.", "_orig_mod."}
    used = next((p for p in prefixes if unexpected and all(name.startswith(p) for name in unexpected)), None)
    if used:
        lines.append(f"  all names start with {used!r} (a wrapped model): {{k.removeprefix({used!r}): v ...}}")
    return "\n".join(lines)
