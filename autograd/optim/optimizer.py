"""Optimizer: parameter groups, state and the step, which is one kernel call per group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from autograd.errors import DTypeError, GraphError, StateDictError
from autograd.grad_mode import enable_grad
from autograd.halves import is_half
from autograd.optim.many import drop_gradients, kept, mark_changed, with_gradients
from autograd.shapes import near
from autograd.tensor import Tensor

Params = Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]


class Optimizer:
    """Base of the optimizers: subclasses give defaults and `_update`.

    param_groups: dicts of "params" and the options of these; state: what is kept per parameter.
    """

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        self.steps_taken = 0
        if isinstance(params, Tensor):
            raise TypeError(f"{self._name}: params must be an iterable of tensors, got one tensor; write [tensor]")
        if not isinstance(params, Iterable):
            cure = "; model.parameters()?" if hasattr(params, "parameters") else ""
            raise TypeError(f"{self._name}: params must be an iterable of tensors, got {type(params).__name__}{cure}")
        groups = list(params)
        if not groups:
            raise ValueError(
                f"{self._name}: got no parameters; was a generator such as model.parameters() used up before?"
            )
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            if not isinstance(group, dict):
                raise TypeError(f"{self._name}: params must be all tensors or all dicts, got {type(group).__name__}")
            self.add_param_group(group)

    @property
    def _name(self) -> str:
        return type(self).__name__

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds {"params": tensors, option: value, ...}; missing options get the defaults."""
        group = {**param_group}
        if "params" not in group:
            raise ValueError(
                f"{self._name}: a parameter group needs the key 'params', got {', '.join(group) or 'none'}"
            )
        for option in group:
            if option not in ("params", "initial_lr", "name", "param_names", *self.defaults):
                hint = near(option, self.defaults)
                raise ValueError(f"{self._name}: unknown option {option!r} in a parameter group{hint}")
        given = group["params"]
        params = [given] if isinstance(given, Tensor) else list(given)
        params = [p[1] if isinstance(p, tuple) and len(p) == 2 else p for p in params]  # of named_parameters()
        known = {id(p) for existing in self.param_groups for p in existing["params"]}
        for i, p in enumerate(params):
            if not isinstance(p, Tensor):
                raise TypeError(f"{self._name}: parameter {i} must be a tensor, got {type(p).__name__}")
            if not p.is_leaf:
                raise GraphError(f"{self._name}: parameter {i}, shape {p.shape}, is a result of ops; use x.detach()")
            if is_half(p.dtype):
                raise DTypeError(f"{self._name}: parameter {i} is {p.dtype}, a dtype for storage; train model.float()")
            if id(p) in known:
                raise ValueError(f"{self._name}: parameter {i}, shape {p.shape}, is there twice")
            known.add(id(p))
        group["params"] = params
        for option, value in self.defaults.items():
            group.setdefault(option, value)
        self._check(group)
        self.param_groups.append(group)

    def _check(self, group: dict[str, Any]) -> None:
        """Refuses options outside of their range; subclasses add theirs."""
        for option in ("lr", "momentum", "weight_decay", "eps"):
            if option in group and not float(group[option]) >= 0:
                raise ValueError(f"{self._name}: {option} must be at least 0, got {group[option]!r}")
        for beta in group.get("betas", ()):
            if not 0 <= beta < 1:
                raise ValueError(f"{self._name}: betas must be in [0, 1), got {group['betas']!r}")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drops (or sets to zero) the gradients of all parameters."""
        for group in self.param_groups:
            if set_to_none:
                drop_gradients(group["params"])
                continue
            for p in group["params"]:
                if p.grad is not None:
                    p.grad = Tensor(np.zeros_like(p.array))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Changes every parameter that has a gradient. closure: computes the loss anew and returns it."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            params, arrays, grads = with_gradients(group["params"])
            if params:
                if group.get("maximize"):
                    grads = [-g for g in grads]
                self._update(group, params, arrays, grads)
                mark_changed(params)
        self.steps_taken += 1
        return loss

    def _update(
        self, group: dict[str, Any], params: list[Tensor], arrays: list[np.ndarray], grads: list[np.ndarray]
    ) -> None:
        raise TypeError(f"{self._name}: defines no _update(group, params, arrays, grads)")

    def _kept(self, name: str, params: list[Tensor]) -> list[np.ndarray]:
        """A state array per parameter, zeros at first."""
        return kept(self.state, params, name)[0]

    # ------------------------------------------------------------------------------------- state

    def state_dict(self) -> dict[str, Any]:
        """{"state": {number: {name: value}}, "param_groups": [...]}: parameters are replaced by their numbers."""
        numbers: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            for p in group["params"]:
                numbers[id(p)] = len(numbers)
            packed = {option: value for option, value in group.items() if option != "params"}
            groups.append({**packed, "params": [numbers[id(p)] for p in group["params"]]})
        state = {numbers[id(p)]: dict(kept) for p, kept in self.state.items() if id(p) in numbers}
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over options and state; a copy of the tensors, in the parameters' dtypes."""
        groups = state_dict["param_groups"]
        sizes, expected = [len(g["params"]) for g in groups], [len(g["params"]) for g in self.param_groups]
        if sizes != expected:
            raise StateDictError(
                f"{self._name}.load_state_dict: the state has groups of {sizes} parameters, the optimizer {expected}"
            )
        by_number = {
            number: p
            for theirs, ours in zip(groups, self.param_groups)
            for number, p in zip(theirs["params"], ours["params"])
        }
        state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        for key, values in state_dict["state"].items():
            p = by_number.get(int(key))
            if p is None:
                raise StateDictError(f"{self._name}.load_state_dict: state of parameter {key!r}, which no group lists")
            state[p] = {
                name: self._restored(f"state of parameter {key}: {name}", value, p) for name, value in values.items()
            }
        for theirs, ours in zip(groups, self.param_groups):
            ours.update({option: value for option, value in theirs.items() if option != "params"})
        self.state = state

    def _restored(self, what: str, value: Any, p: Tensor) -> Any:
        if value is None or isinstance(value, (bool, int, float)):
            return value
        array = np.asarray(value)
        if array.shape == p.shape:
            return Tensor(array.astype(p.dtype))  # a copy
        if array.size == 1:
            return array.item()
        raise StateDictError(f"{self._name}.load_state_dict: {what} has shape {array.shape}, the parameter {p.shape}")

    def __repr__(self) -> str:
        lines = [f"{self._name} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {option}: {group[option]}" for option in sorted(group) if option != "params"]
        return "\n".join([*lines, ")"])
