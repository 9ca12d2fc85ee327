"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from autograd.errors import ShapeError
from autograd.ops.join import concatenate
from autograd.tensor import Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters, flattened, one after another (differentiable)."""
    return concatenate([p.reshape(-1) for p in parameters])  # type: ignore[no-any-return]


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Gives the parameters the elements of a vector, in order."""
    targets = list(parameters)
    total = sum(p.array.size for p in targets)
    if vec.shape != (total,):
        raise ShapeError(f"vector_to_parameters: expected a vector of {total} elements, got shape {vec.shape}")
    at = 0
    for p in targets:
        np.copyto(p.array, vec.array[at : at + p.array.size].reshape(p.shape), casting="same_kind")
        p.bump()
        at += p.array.size
