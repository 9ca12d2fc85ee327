"""Modules as functions of their parameters: for derivatives by parameters, and for many models at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autograd.errors import StateDictError
from autograd.nn.module import Module
from autograd.ops.join import stack
from autograd.shapes import near
from autograd.tensor import Tensor


def _places(module: Module) -> dict[str, tuple[Module, str]]:
    """Where each parameter and buffer stands, by its dotted name; shared ones have several."""
    found = {}
    for path, part in module.named_modules(remove_duplicate=False):
        for name in [*part._parameters, *part._buffers]:
            found[f"{path}.{name}" if path else name] = (part, name)
    return found


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """module(*args, **kwargs) as if its parameters and buffers of these names were the given tensors.

    args: a tuple, or the only argument. tie_weights: a tensor that the module has under several names is replaced under
    all of them. strict: all parameters and buffers must be given.
    """
    dicts = parameter_and_buffer_dicts
    given = dict(dicts) if isinstance(dicts, Mapping) else {k: v for part in dicts for k, v in part.items()}
    places = _places(module)
    unknown = [name for name in given if name not in places]
    missing = [name for name in places if name not in given] if strict else []
    if unknown or missing:
        listed = ", ".join(f"{name!r}{near(name, places)}" for name in unknown)
        raise StateDictError(f"functional_call: unknown: {listed or 'none'}; missing: {', '.join(missing) or 'none'}")
    own = {name: part.__dict__[local] for name, (part, local) in places.items()}
    if tie_weights:
        by_tensor = {id(own[name]): value for name, value in given.items() if own[name] is not None}
        given = {name: by_tensor[id(x)] for name, x in own.items() if id(x) in by_tensor} | given
    try:
        for name, value in given.items():
            part, local = places[name]
            part.__dict__[local] = value
        return module(*(() if args is None else args if isinstance(args, tuple) else (args,)), **(kwargs or {}))
    finally:
        for name, (part, local) in places.items():
            part.__dict__[local] = own[name]


def stack_module_state(models: Sequence[Module]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """(parameters, buffers) of models of one structure by name, each stacked along a new first axis: for vmap."""
    if not models:
        raise ValueError("stack_module_state: expected at least one model")
    kinds = sorted({type(model).__name__ for model in models})
    if len(kinds) > 1:
        raise ValueError(f"stack_module_state: models of several classes: {', '.join(kinds)}")
    stacked = []
    for named in ("named_parameters", "named_buffers"):
        rows = [dict(getattr(model, named)()) for model in models]
        stacked.append({name: stack([row[name].detach() for row in rows], 0) for name in rows[0]})
    for name, p in models[0].named_parameters():
        stacked[0][name].requires_grad_(p.requires_grad)
    return stacked[0], stacked[1]
