"""Derivatives of functions: vjp, jvp, jacobian, hessian and products with them, after torch.func.

Functions take and return tensors (or tuples of them); nothing here touches any `.grad`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.errors import GraphError, ShapeError
from autograd.grad_mode import enable_grad
from autograd.grad_mode import grad as gradients
from autograd.nn.utils.stateless import functional_call, stack_module_state
from autograd.ops.join import stack
from autograd.ops.linalg import tensor_of
from autograd.shapes import names_only
from autograd.tensor import Tensor


def _many(x: Any) -> tuple:
    return tuple(x) if isinstance(x, (tuple, list)) else (x,)


def _fresh(x: Any, create_graph: bool = False) -> Tensor:
    """x as a new variable: with its history under create_graph, otherwise a leaf."""
    x = tensor_of(x)
    if create_graph and x.requires_grad:
        return x * 1
    return Tensor(x.array, requires_grad=True)


def _call(function: Callable, inputs: tuple) -> tuple[tuple, bool]:
    with enable_grad():
        result = function(*inputs)
    outputs = _many(result)
    if not all(isinstance(y, Tensor) for y in outputs):
        raise GraphError(f"func: the function must return tensors, got {type(result).__name__}")
    return outputs, isinstance(result, (tuple, list))


def _pull(outputs: tuple, inputs: tuple, cotangents: tuple, create_graph: bool, retain: bool = True) -> tuple:
    """Gradients of all inputs; zeros where nothing depends on one."""
    roots = [(y, v) for y, v in zip(outputs, cotangents) if y.requires_grad]
    if not roots:
        return tuple(Tensor(np.zeros_like(x.array)) for x in inputs)
    found = gradients(
        [y for y, _ in roots], list(inputs), [v for _, v in roots], retain, create_graph, allow_unused=True
    )
    return tuple(Tensor(np.zeros_like(x.array)) if g is None else g for g, x in zip(found, inputs))


def vjp(function: Callable, *primals: Any, create_graph: bool = False) -> tuple[Any, Callable]:
    """(function(*primals), pull): pull(*cotangents) gives the sum of cotangent times derivative for every primal."""
    inputs = tuple(_fresh(x, create_graph) for x in primals)
    outputs, several = _call(function, inputs)

    def pull(*cotangents: Any) -> tuple:
        given = cotangents[0] if len(cotangents) == 1 and isinstance(cotangents[0], (tuple, list)) else cotangents
        values = tuple(tensor_of(v) for v in given)
        if [v.shape for v in values] != [y.shape for y in outputs]:
            raise ShapeError(f"vjp: cotangents {[v.shape for v in values]} for results {[y.shape for y in outputs]}")
        return _pull(outputs, inputs, values, create_graph)

    shown = outputs if create_graph else tuple(y.detach() for y in outputs)
    return shown if several else shown[0], pull


def jvp(function: Callable, primals: Any, tangents: Any, create_graph: bool = False) -> tuple[Any, Any]:
    """(function(*primals), its derivative in the direction of the tangents), by a pull through a pull."""
    inputs = tuple(_fresh(x, create_graph) for x in _many(primals))
    directions = tuple(tensor_of(t) for t in _many(tangents))
    if [t.shape for t in directions] != [x.shape for x in inputs]:
        raise ShapeError(f"jvp: tangents {[t.shape for t in directions]} for primals {[x.shape for x in inputs]}")
    outputs, several = _call(function, inputs)
    dummies = tuple(Tensor(np.zeros_like(y.array), requires_grad=True) for y in outputs)
    pulled = _pull(outputs, inputs, dummies, create_graph=True)
    pushed = _pull(pulled, dummies, directions, create_graph, retain=create_graph)
    shown = outputs if create_graph else tuple(y.detach() for y in outputs)
    return (shown, pushed) if several else (shown[0], pushed[0])


def grad(function: Callable, argnums: Any = 0, has_aux: bool = False) -> Callable:
    """The function that returns the gradient of a scalar function by its arguments argnums."""
    both = grad_and_value(function, argnums, has_aux)
    return lambda *args, **kwargs: both(*args, **kwargs)[0] if not has_aux else _with_aux(both(*args, **kwargs))


def _with_aux(found: tuple) -> tuple:
    gradient, (_, aux) = found
    return gradient, aux


def grad_and_value(function: Callable, argnums: Any = 0, has_aux: bool = False) -> Callable:
    """As grad, with the value: (gradient, value), or (gradient, (value, aux))."""

    def call(*args: Any, **kwargs: Any) -> tuple:
        places = _many(argnums)
        inputs = [_fresh(x, True) if i in places else x for i, x in enumerate(args)]
        with enable_grad():
            result = function(*inputs, **kwargs)
        value, aux = result if has_aux else (result, None)
        if value.array.size != 1:
            raise ShapeError(f"func.grad: the function must return one number, got shape {value.shape}")
        nested = any(isinstance(args[i], Tensor) and args[i].requires_grad for i in places)
        wanted = tuple(inputs[i] for i in places)
        found = _pull((value,), wanted, (Tensor(np.ones_like(value.array)),), nested, retain=nested)
        value = value if nested else value.detach()
        return (found if isinstance(argnums, tuple) else found[0]), (value, aux) if has_aux else value

    return call


# --------------------------------------------------------------------------------------------- matrices


def _rows(y: Tensor, inputs: tuple, create_graph: bool) -> list[Tensor]:
    """dy/dx for every input, of shape y.shape + x.shape: one pull for each element of y."""
    rows: list[list[Tensor]] = [[] for _ in inputs]
    for i in range(y.array.size):
        unit = np.zeros(y.array.size, y.dtype)
        unit[i] = 1
        for row, g in zip(rows, _pull((y,), inputs, (Tensor(unit.reshape(y.shape)),), create_graph)):
            row.append(g)
    empty = [Tensor(np.zeros((*y.shape, *x.shape), x.dtype)) for x in inputs]
    return [stack(r, 0).reshape(*y.shape, *x.shape) if r else e for r, x, e in zip(rows, inputs, empty)]


def jacobian(function: Callable, inputs: Any, create_graph: bool = False, strict: bool = False) -> Any:
    """d function[i] / d input[j], of shape output.shape + input.shape; tuples where there are several."""
    variables = tuple(_fresh(x, create_graph) for x in _many(inputs))
    outputs, several = _call(function, variables)
    found = []
    for y in outputs:
        if strict and not y.requires_grad:
            raise GraphError("jacobian: a result does not depend on the inputs")
        rows = _rows(y, variables, create_graph)
        found.append(tuple(rows) if isinstance(inputs, (tuple, list)) else rows[0])
    return tuple(found) if several else found[0]


def hessian(function: Callable, inputs: Any, create_graph: bool = False, strict: bool = False) -> Any:
    """The second derivatives of a scalar function; for several inputs a tuple of tuples."""
    single = not isinstance(inputs, (tuple, list))

    def slope(*xs: Tensor) -> Any:
        y, _ = _call(function, xs)
        if y[0].array.size != 1:
            raise ShapeError(f"hessian: the function must return one number, got shape {y[0].shape}")
        found = _pull(y, xs, (Tensor(np.ones_like(y[0].array)),), create_graph=True)
        return found[0] if single else found

    return jacobian(slope, inputs, create_graph)


def hvp(function: Callable, inputs: Any, v: Any, create_graph: bool = False) -> tuple[Any, Any]:
    """(function(*inputs), hessian @ v) of a scalar function, without the hessian."""
    variables = tuple(_fresh(x, create_graph) for x in _many(inputs))
    outputs, _ = _call(function, variables)
    if outputs[0].array.size != 1:
        raise ShapeError(f"hvp: the function must return one number, got shape {outputs[0].shape}")
    slopes = _pull(outputs, variables, (Tensor(np.ones_like(outputs[0].array)),), create_graph=True)
    found = _pull(slopes, variables, tuple(tensor_of(t) for t in _many(v)), create_graph, retain=create_graph)
    value = outputs[0] if create_graph else outputs[0].detach()
    return value, found if isinstance(inputs, (tuple, list)) else found[0]


vhp = hvp  # the hessian is symmetric


def _jacobian_of(function: Callable, argnums: int, find: Callable) -> Callable:
    def call(*args: Any) -> Any:
        def one(x: Tensor) -> Any:
            return function(*args[:argnums], x, *args[argnums + 1 :])

        return find(one, args[argnums], create_graph=getattr(args[argnums], "requires_grad", False))

    return call


def jacrev(function: Callable, argnums: int = 0) -> Callable:
    """The function that returns the jacobian by one argument, row by row."""
    return _jacobian_of(function, argnums, jacobian)


jacfwd = jacrev  # the same numbers; there is no forward mode of its own


def _slice(x: Any, axis: int | None, i: int) -> Any:
    """The i-th part of a tensor along an axis (None: all of it); of dicts and tuples, those of their values."""
    if axis is None:
        return x
    if isinstance(x, dict):
        return {name: _slice(value, axis, i) for name, value in x.items()}
    if isinstance(x, (tuple, list)):
        return type(x)(_slice(value, axis, i) for value in x)
    x = tensor_of(x)
    return x[(slice(None),) * (axis % x.ndim) + (i,)]


def _sizes(x: Any, axis: int) -> set[int]:
    """How long the axis is, in all tensors of an argument."""
    if isinstance(x, (dict, tuple, list)):
        return {size for value in (x.values() if isinstance(x, dict) else x) for size in _sizes(value, axis)}
    return {np.shape(tensor_of(x).array)[axis]}


def vmap(function: Callable, in_dims: Any = 0, out_dims: int = 0) -> Callable:
    """The function over a batch axis of its arguments (None: the same for all), results stacked; a plain loop.

    An argument may be a dict or tuple of tensors, which all have the axis.
    """

    def call(*args: Any) -> Any:
        axes = in_dims if isinstance(in_dims, (tuple, list)) else (in_dims,) * len(args)
        sizes = {size for x, a in zip(args, axes) if a is not None for size in _sizes(x, a)}
        if len(sizes) != 1:
            raise ShapeError(f"vmap: the batch axes have sizes {sorted(sizes)}, expected one")
        results = []
        for i in range(sizes.pop()):
            results.append(function(*(_slice(x, a, i) for x, a in zip(args, axes))))
        if isinstance(results[0], (tuple, list)):
            return tuple(stack([r[k] for r in results], out_dims) for k in range(len(results[0])))
        return stack(results, out_dims)

    return call


__all__ = [
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "stack_module_state",
    "vhp",
    "vjp",
    "vmap",
]

__getattr__ = names_only("autograd.func", __all__)
