"""What optimizers do to all parameters of a group; compiled, as small networks have many and little to do for each."""

import numpy as np
from cython.cimports.autograd.value import Value, Version

from autograd.tensor import Tensor


def with_gradients(tensors: list):
    """Those of the tensors that have a gradient (the list itself: all), their arrays, and their gradients' arrays."""
    arrays: list = []
    gradients: list = []
    tensor: Value
    for tensor in tensors:
        if tensor.node is not None and tensor.node.grad is not None:
            arrays.append(tensor.array)
            gradients.append(tensor.node.grad.array)
    if len(arrays) == len(tensors):
        return tensors, arrays, gradients
    return [x for x in tensors if x.grad is not None], arrays, gradients


def drop_gradients(tensors: list):
    """tensor.grad = None, for all."""
    tensor: Value
    for tensor in tensors:
        if tensor.node is not None:
            tensor.node.grad = None


def mark_changed(tensors: list):
    """Counts an in-place change: a graph that saved the old value must not be differentiated with the new one."""
    tensor: Value
    version: Version
    for tensor in tensors:
        version = tensor.share_version()
        version.changed()


def kept(state, tensors: list, name: str):
    """The array of this name that `state` keeps for each tensor, and which of them are new: these hold zeros.

    Usually none is, and that is said by False.
    """
    arrays: list = []
    new: list = None
    tensor: Value
    found: Value
    for tensor in tensors:
        entry: dict = state[tensor]
        found = entry.get(name)
        if found is None:
            found = entry[name] = Tensor(np.zeros_like(tensor.array))
            if new is None:
                new = [False] * len(tensors)
            new[len(arrays)] = True
        arrays.append(found.array)
    return arrays, False if new is None else new


def count_steps(state, tensors: list):
    """Counts a step for each tensor; returns how many it has had."""
    steps: list = []
    tensor: Value
    for tensor in tensors:
        entry: dict = state[tensor]
        entry["step"] = entry.get("step", 0) + 1
        steps.append(entry["step"])
    return steps
