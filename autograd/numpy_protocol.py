"""np.exp(t), np.percentile(t, 50): NumPy's functions on tensors, by the op of that name or on the arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.errors import GraphError
from autograd.halves import is_number
from autograd.tape import grad_enabled
from autograd.value import Value


def call_ufunc(own: Callable | None, make: type, ufunc: Any, method: str, inputs: tuple, kwargs: dict) -> Any:
    """A ufunc, with gradient if there is an op (`own`) of its name; tensors of type `make`."""
    if method != "__call__" or kwargs.get("out") is not None:
        return NotImplemented
    if own is not None and not kwargs:
        return own(*inputs)
    return _on_arrays(make, ufunc, inputs, kwargs)


def call_function(own: Callable | None, make: type, function: Callable, args: tuple, kwargs: dict) -> Any:
    """Any other function of NumPy."""
    if not function.__module__.startswith("numpy"):
        return NotImplemented
    return _on_arrays(make, function, args, kwargs) if own is None else own(*args, **kwargs)


def _on_arrays(make: type, function: Callable, args: tuple, kwargs: dict) -> Any:
    """The function of the arrays; its arrays as tensors. Refused where a gradient would get lost."""

    def array(x: Any) -> Any:
        if isinstance(x, Value):
            if x.node is not None and grad_enabled():
                raise GraphError(f"np.{function.__name__}: has no gradient here; use x.detach()")
            return x.array
        if isinstance(x, dict):
            return {key: array(value) for key, value in x.items()}
        return type(x)(map(array, x)) if type(x) in (list, tuple) else x

    def tensor(x: Any) -> Any:
        if type(x) in (list, tuple):
            return type(x)(map(tensor, x))
        return make(x) if isinstance(x, (np.ndarray, np.generic)) and is_number(x.dtype) else x

    return tensor(function(*array(args), **array(kwargs)))
