"""Somebody's own differentiable function: a class with a forward and a backward, as torch.autograd.Function."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.errors import GraphError, ShapeError
from autograd.grad_mode import no_grad
from autograd.halves import is_float
from autograd.op import Record
from autograd.ops.index import getitem
from autograd.ops.shape import reshape
from autograd.tape import Op, grad_enabled
from autograd.tensor import Tensor


class Context:
    """What forward hands to backward."""

    def __init__(self, needs: tuple[bool, ...]):
        self.needs_input_grad = needs
        self._saved: tuple = ()
        self._versions: list[int] = []
        self._constant: set[int] = set()
        self.materialize_grads = True

    def save_for_backward(self, *tensors: Any) -> None:
        """Keeps tensors for backward; a later change in place is an error."""
        self._saved = tensors
        self._versions = [_version(t) for t in tensors]

    @property
    def saved_tensors(self) -> tuple:
        for i, (t, version) in enumerate(zip(self._saved, self._versions)):
            if _version(t) != version:
                raise GraphError(f"saved tensor {i} of shape {t.shape} was changed in place after it was saved")
        return self._saved

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """These results get no gradient."""
        self._constant.update(id(t) for t in tensors)

    def set_materialize_grads(self, value: bool) -> None:
        """False: gradients that nobody sent are None in backward instead of zeros (several results only)."""
        self.materialize_grads = value


def _version(t: Any) -> int:
    return t.changes if isinstance(t, Tensor) else 0


class Function:
    """Subclass it with static methods forward(ctx, *args) and backward(ctx, *gradients), and call apply(*args).

    class Square(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * x * g

    backward returns one gradient for each argument of forward, None for those without. Written with ops, it can be
    differentiated again. Instead of taking ctx, forward may leave it to setup_context(ctx, inputs, output).
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        raise TypeError("Function: define forward(ctx, *args) as a static method")

    @staticmethod
    def backward(ctx: Context, *gradients: Any) -> Any:
        raise TypeError("Function: define backward(ctx, *gradients) as a static method")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """The results of forward, recorded so that backward gives their gradients."""
        tensors = [a for a in args if isinstance(a, Tensor)]
        ctx = Context(tuple(isinstance(a, Tensor) and a.requires_grad for a in args))
        with no_grad():
            if "setup_context" in dir(cls):
                result = cls.forward(*args)
                cls.setup_context(ctx, args, result)  # type: ignore[attr-defined]
            else:
                result = cls.forward(ctx, *args)
        outputs = result if isinstance(result, tuple) else (result,)
        if not (grad_enabled() and any(ctx.needs_input_grad)):
            return result
        call = _Call(cls, ctx, args, outputs)
        if not call.shapes:
            return result
        packed = _op(cls)(*tensors, call=call)
        return call.unpacked(packed, outputs, isinstance(result, tuple))


class _Call:
    """One call: its differentiable results travel as one vector, so that backward sees all their gradients at once."""

    def __init__(self, cls: type, ctx: Context, args: tuple, outputs: tuple):
        self.cls, self.ctx = cls, ctx
        self.args = [a.shape if isinstance(a, Tensor) else None for a in args]
        self.dtypes = [a.dtype if isinstance(a, Tensor) else None for a in args]
        self.kept = [i for i, y in enumerate(outputs) if _differentiable(y, ctx)]
        self.count = len(outputs)
        self.shapes = [outputs[i].shape for i in self.kept]
        self.single = len(outputs) == 1
        arrays = [outputs[i].array for i in self.kept]
        flat = [a.reshape(-1) for a in arrays]
        self.array = arrays[0] if self.single and arrays else np.concatenate(flat or [np.empty(0)])

    def unpacked(self, packed: Tensor, outputs: tuple, several: bool) -> Any:
        if self.single:
            return (packed,) if several else packed
        found, start = list(outputs), 0
        for i, shape in zip(self.kept, self.shapes):
            size = int(np.prod(shape))
            found[i] = reshape(getitem(packed, slice(start, start + size)), shape)
            start += size
        return tuple(found)

    def gradients(self, g: Tensor) -> list[Tensor]:
        parts: list[Any] = [None] * self.count
        if self.single:
            parts = [g]
        else:
            start = 0
            for i, shape in zip(self.kept, self.shapes):
                size = int(np.prod(shape))
                parts[i] = reshape(getitem(g, slice(start, start + size)), shape)
                start += size
        found = self.cls.backward(self.ctx, *parts)  # type: ignore[attr-defined]
        found = found if isinstance(found, tuple) else (found,)
        name = self.cls.__name__
        if len(found) < len(self.args) or any(x is not None for x in found[len(self.args) :]):
            raise GraphError(f"{name}.backward: returned {len(found)} gradients for {len(self.args)} arguments")
        checked = []
        for i, (x, shape) in enumerate(zip(found, self.args)):
            if shape is None:
                continue
            if x is None:
                x = Tensor(np.zeros(shape, self.dtypes[i]))
            x = x if isinstance(x, Tensor) else Tensor(np.asarray(x, self.dtypes[i]))
            if x.shape != shape:
                raise ShapeError(f"{name}.backward: gradient {i} has shape {x.shape}, the argument {shape}")
            checked.append(x)
        return checked


def _differentiable(y: Any, ctx: Context) -> bool:
    return isinstance(y, Tensor) and is_float(y.dtype) and id(y) not in ctx._constant


_ops: dict[type, Op] = {}


def _op(cls: type) -> Op:
    """The op that records calls of a Function; it stands in no registry."""
    if cls not in _ops:

        def forward(*xs, call):
            return call.array

        record = Record(forward, name=cls.__name__)
        handle = Op(cls.__name__)
        handle.complete(record, forward, 0, True)
        record.call = handle
        record.grads(xs=lambda g, call: call.gradients(g))
        _ops[cls] = handle
    return _ops[cls]
