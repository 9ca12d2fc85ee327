"""The ops, one file per family. Importing this package completes every handle and fills Tensor's methods."""

from autograd import tensor
from autograd.op import registry
from autograd.ops import activation, adaptive, conv, elementwise, linalg, norm, pool, scale, softmax

# Other names of the same op, as PyTorch and NumPy spell them.
ALIASES = {
    "multiply": "mul",
}

__all__ = ["ALIASES", "elementwise", "namespace"]


def namespace() -> dict:
    """Every public op by name, aliases included."""
    calls = {name: record.call for name, record in registry().items()}
    return calls | {alias: calls[name] for alias, name in ALIASES.items()}


tensor.methods.update(namespace())
