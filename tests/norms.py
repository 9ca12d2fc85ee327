"""Batch norms as users write them, and networks around one, of which something is computed together."""

import numpy as np

from autograd.backends import flags
from autograd.nn import functional as F


def plain(bn, z):
    return bn(z)


def relu(bn, z):
    return F.relu(bn(z))


def in_place(bn, z):
    return F.relu(bn(z), inplace=True)


def as_one(bn, z):
    return F.batch_norm_relu(z, bn.running_mean, bn.running_var, bn.weight, bn.bias, training=True)


def relu6(bn, z):
    return F.batch_norm_relu(z, bn.running_mean, bn.running_var, bn.weight, bn.bias, training=True, six=True)


class Step:
    """Something with an x, a conv and a bn, whose forward() sets `between` and `out` and returns a loss."""

    def outcome(self):
        parameters = (*self.conv.parameters(), *self.bn.parameters())
        return [v.numpy().copy() for v in (self.out.detach(), self.x.grad, *(p.grad for p in parameters))]

    def apart(self):
        """What comes out if each op is computed on its own."""
        with flags(fusion=False):
            self.forward().backward()
        return self.outcome()


def check_threads(make):
    """The same bits for any number of threads, of steps that make() returns."""
    found = []
    for threads in (1, 2, 3, 8):
        step = make()
        with flags(num_threads=threads):
            step.forward().backward()
        found.append(step.outcome())
    for other in found[1:]:
        np.testing.assert_equal(other, found[0])
