"""Elementwise arithmetic with broadcasting."""

from __future__ import annotations

import numpy as np

from autograd import kernels
from autograd.op import op


def two(s, **values):
    """Two arrays that broadcast."""
    a, b = s.broadcastable(2)
    return s.case(s.array(a, **values), s.array(b, **values))


@op(reference=np.add, samples=two, broadcasts=True, onnx="Add")
def add(x, y):
    """x + y, broadcast."""
    return kernels.add(x, y)


add.grads(x=lambda g: g, y=lambda g: g)


@op(reference=np.multiply, samples=two, broadcasts=True, linear_in=("x", "y"), onnx="Mul")
def mul(x, y):
    """x * y, broadcast."""
    return kernels.mul(x, y)


mul.grads(x=lambda g, y: g * y, y=lambda g, x: g * x)


@op(reference=np.exp, samples=lambda s: s.case(s.array(s.shape())), onnx="Exp")
def exp(x):
    """e ** x"""
    return np.exp(x)


exp.grads(x=lambda g, out: g * out)
