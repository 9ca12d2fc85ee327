"""Hardshrink as an op: the loops of hardshrink.pyx, with a reference, samples and a gradient rule.

autograd gradcheck hardshrink_op.py:hardshrink
"""

from __future__ import annotations

from typing import Any

import hardshrink as native  # type: ignore[import-not-found]
import numpy as np

from autograd import Tensor, op
from autograd.sampling import Case, Sampler


def samples(s: Sampler) -> Case:
    """Any shape; values keep away from the kinks at +-limit, where there is no derivative."""
    x = s.array(s.shape())
    return s.case(np.where(np.abs(np.abs(x) - 0.5) < 0.05, x + 0.2, x).astype(x.dtype), limit=0.5)


@op(reference=lambda x, limit: np.where(np.abs(x) <= limit, 0, x), samples=samples, axes={"x": "..."})
def hardshrink(x, *, limit=0.5):  # type: ignore[no-untyped-def]
    """y = x where |x| > limit, else 0"""
    return native.hardshrink(x, x, limit)


@op(
    reference=lambda x, g, limit: np.where(np.abs(x) <= limit, 0, g),
    samples=lambda s: s.case(s.array((3, 4)) + 2, s.array((3, 4)), limit=0.5),
    axes={"x": "...", "g": "..."},
)
def hardshrink_grad(x, g, *, limit=0.5):  # type: ignore[no-untyped-def]
    """g where |x| > limit, else 0"""
    return native.hardshrink(x, g, limit)


# The gradient of the gradient: by g it is the same function again, by x it is 0 wherever it exists.
hardshrink.grads(x=lambda g, x, limit: hardshrink_grad(x, g, limit=limit))
hardshrink_grad.grads(x=None, g=lambda g, x, limit: hardshrink_grad(x, g, limit=limit))


def demonstrate() -> tuple[Any, Any, int]:
    """Values, gradients, and how many elements passed."""
    x = Tensor(np.array([-2.0, -0.3, 0.1, 0.7]), requires_grad=True)
    y = hardshrink(x, limit=0.5)
    y.sum().backward()
    return y.detach().numpy(), x.grad.numpy(), native.passed(x, 0.5)


if __name__ == "__main__":
    print("values {}, gradients {}, passed {}".format(*demonstrate()))
