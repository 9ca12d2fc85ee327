"""A new op in one file: its formula, its gradient rules, an independent reference, and the inputs to check it with.

    autograd gradcheck examples/custom_op.py:softclip

compares values with the reference, and first and second derivatives with finite differences, for sizes around the
vector lengths of the machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import Tensor, op
from autograd.sampling import Case, Sampler


def reference(x: Any, limit: float) -> Any:
    """The same function by other means: tanh(z) = 1 - 2 / (exp(2z) + 1)."""
    return limit - 2 * limit / (np.exp(2 * x / limit) + 1)


def samples(s: Sampler) -> Case:
    """An input of any shape, and a limit."""
    return s.case(s.array(s.shape()), limit=[0.5, 1.0, 3.0][s.integer(0, 2)])


@op(reference=reference, samples=samples, axes={"x": "..."})
def softclip(x, *, limit=1.0):  # type: ignore[no-untyped-def]
    """y = limit * tanh(x / limit): about x for small x, and never beyond the limit."""
    return limit * np.tanh(x / limit)


# The rule asks by name for what it needs: `g`, the gradient of the result, and `out`, the result itself, are kept for
# it; x is not. It is written with ops on tensors, so that it can be differentiated again.
softclip.grads(x=lambda g, out, limit: g * (1 - (out / limit) ** 2))


if __name__ == "__main__":
    x = Tensor(np.linspace(-3, 3, 7), requires_grad=True)
    y = softclip(x, limit=2.0)
    y.sum().backward()
    print("x ", x.detach().numpy())
    print("y ", y.detach().numpy().round(3))
    print("dy", x.grad.numpy().round(3))
