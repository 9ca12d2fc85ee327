"""state_dict and load_state_dict: the parameters and buffers of a module by dotted name, as PyTorch names them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from autograd.errors import StateDictError
from autograd.halves import is_number
from autograd.nn.hooks import Handle
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


# Kinds of hooks around reading and writing the state.
SAVING, SAVED, LOADING, LOADED = "saving", "saved", "loading", "loaded"
EXTRA = "_extra_state"  # the name, after a module's prefix, of what get_extra_state returns


class StateMixin:
    """The part of Module that reads and writes its state."""

    named_modules: Callable[..., Any]

    def _all(self, prefix: str = "") -> list[tuple[str, Any]]:
        """This module and those below, with the prefixes of their names; shared ones for every name."""
        modules = self.named_modules(remove_duplicate=False)
        return [(prefix + (f"{path}." if path else ""), module) for path, module in modules]

    def state_dict(
        self, *, destination: dict[str, Tensor] | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Tensor]:
        """Parameters and persistent buffers by name; the tensors share memory with the module."""
        state: dict[str, Tensor] = OrderedDict() if destination is None else destination
        modules = self._all(prefix)
        for path, module in modules:
            for hook in module._state_hooks_of(SAVING):
                hook(module, path, keep_vars)
            for kinds in (("parameter",), ("buffer",)):
                for name, value in module._own(*kinds):
                    state[path + name] = value if keep_vars else value.detach()
            if module._has_extra_state():
                state[path + EXTRA] = module.get_extra_state()
        for path, module in reversed(modules):  # those below first
            for hook in module._state_hooks_of(SAVED):
                if hook(module, state, path, {}) is not None:
                    raise TypeError("state_dict: a post hook must return None; it may change the dict that it is given")
        return state

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copies tensors or arrays into the parameters and buffers of the same names.

        strict: StateDictError unless the names match exactly. Wrong shapes are an error always.
        Nothing is written unless everything fits (with hooks after it, which may decide that: unless all shapes fit).
        assign: take the given memory instead of copying.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"load_state_dict: expected a dict of tensors by name, got {type(state_dict).__name__}")
        modules, given = self._all(), OrderedDict(state_dict)
        keys = IncompatibleKeys([], [])
        errors: list[str] = []
        for path, module in modules:
            for hook in module._state_hooks_of(LOADING):
                hook(module, given, path, {}, strict, *keys, errors)
        own = {path + name: value for path, module in modules for name, value in module._own("parameter", "buffer")}
        extras = {path + EXTRA: module for path, module in modules if module._has_extra_state()}
        keys.missing_keys.extend(name for name in [*own, *extras] if name not in given)
        keys.unexpected_keys.extend(name for name in given if name not in own and name not in extras)
        arrays = {name: _as_array(name, given[name]) for name in own if name in given}
        wrong = [
            f"{name}: has shape {array.shape} in the state, {own[name].array.shape} in the module"
            for name, array in arrays.items()
            if array.shape != own[name].array.shape
        ]
        after = [(hook, module) for _, module in modules for hook in module._state_hooks_of(LOADED)]
        self._check_keys(keys, wrong, errors, strict and not after)
        self._write(own, arrays, assign)
        for name, module in extras.items():
            if name in given:
                module.set_extra_state(given[name])
        for hook, module in after:
            if hook(module, keys) is not None:
                raise TypeError("load_state_dict: a post hook must return None; it may change the lists of keys")
        self._check_keys(keys, [], [], strict)
        return keys

    def _check_keys(self, keys: IncompatibleKeys, wrong: list[str], errors: list[str], strict: bool) -> None:
        missing, unexpected = keys if strict else ([], [])
        if missing or unexpected or wrong or errors:
            raise StateDictError(_describe(type(self).__name__, missing, unexpected, wrong, errors))

    def _write(self, own: dict[str, Any], arrays: dict[str, np.ndarray], assign: bool) -> None:
        for name, array in arrays.items():
            target = own[name]
            if assign:
                target.data = array
            else:
                np.copyto(target.array, array, casting="unsafe")
                target.bump()

    # ------------------------------------------------------------------------------------- hooks, other state

    def get_extra_state(self) -> Any:
        """What belongs to the state beside tensors: a module that has some defines this and set_extra_state."""
        raise TypeError(f"{type(self).__name__}: has no extra state; define get_extra_state and set_extra_state")

    def set_extra_state(self, state: Any) -> None:
        """Takes back what get_extra_state returned."""
        raise TypeError(f"{type(self).__name__}: has no extra state; define get_extra_state and set_extra_state")

    def _has_extra_state(self) -> bool:
        return type(self).get_extra_state is not StateMixin.get_extra_state

    def _state_hook(self, kind: str, hook: Callable[..., Any]) -> Handle:
        return Handle(self.__dict__.setdefault("_state_hooks", {}), (kind, hook))

    def _state_hooks_of(self, kind: str) -> list[Callable[..., Any]]:
        return [hook for known, hook in self.__dict__.get("_state_hooks", {}).values() if known == kind]

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> Handle:
        """hook(module, prefix, keep_vars) before state_dict reads the module."""
        return self._state_hook(SAVING, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> Handle:
        """hook(module, state_dict, prefix, local_metadata) afterwards: it may change the dict."""
        return self._state_hook(SAVED, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> Handle:
        """hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs) first.

        It may rename what is in (a copy of) the dict, add keys to the lists, or messages, which make loading fail.
        """
        return self._state_hook(LOADING, hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> Handle:
        """hook(module, incompatible_keys) after tensors are written: it may change the lists of keys."""
        return self._state_hook(LOADED, hook)


def _as_array(name: str, value: Any) -> np.ndarray:
    array = value.array if isinstance(value, Tensor) else np.asarray(value)
    if not is_number(array.dtype):
        raise StateDictError(f"load_state_dict: {name} must be a tensor or an array, got {type(value).__name__}")
    return array


def _describe(kind: str, missing: list[str], unexpected: list[str], wrong: list[str], errors: list[str]) -> str:
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
    lines += [f"  {line}" for line in errors]
    prefixes = {"module.", "_orig_mod."}
    used = next((p for p in prefixes if unexpected and all(name.startswith(p) for name in unexpected)), None)
    if used:
        lines.append(f"  all names start with {used!r} (a wrapped model): {{k.removeprefix({used!r}): v ...}}")
    return "\n".join(lines)
