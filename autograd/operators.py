"""What the operators of a tensor mean: arithmetic by ops, comparisons without gradient, changes in place."""

import operator

import cython
import numpy as np
from cython.cimports import numpy as cnp
from cython.cimports.autograd.deferred import Deferred
from cython.cimports.autograd.tape import Op
from cython.cimports.autograd.value import Value, is_private, tape_references, wrap
from cython.cimports.cpython.object import PyObject

from autograd.errors import DTypeError, GraphError, ShapeError
from autograd.tape import declare, grad_enabled

_add = cython.declare(Op, declare("add"))
_sub = cython.declare(Op, declare("sub"))
_mul = cython.declare(Op, declare("mul"))
_div = cython.declare(Op, declare("div"))
_remainder = cython.declare(Op, declare("remainder"))
_floor_divide = cython.declare(Op, declare("floor_divide"))
_pow = cython.declare(Op, declare("pow"))
_neg = cython.declare(Op, declare("neg"))
_abs = cython.declare(Op, declare("abs"))
_matmul = cython.declare(Op, declare("matmul"))
_left_shift = cython.declare(Op, declare("bitwise_left_shift"))
_right_shift = cython.declare(Op, declare("bitwise_right_shift"))


class Operators(Value):
    """A value with Python's operators."""

    def __add__(self, other):
        return _add.call2(self, other)

    def __radd__(self, other):
        return _add.call2(other, self)

    def __sub__(self, other):
        return _sub.call2(self, other)

    def __rsub__(self, other):
        return _sub.call2(other, self)

    def __mul__(self, other):
        return _mul.call2(self, other)

    def __rmul__(self, other):
        return _mul.call2(other, self)

    def __truediv__(self, other):
        return _div.call2(self, other)

    def __rtruediv__(self, other):
        return _div.call2(other, self)

    def __pow__(self, other):
        return _pow.call2(self, other)

    def __rpow__(self, other):
        return _pow.call2(other, self)

    def __matmul__(self, other):
        return _matmul.call2(self, other)

    def __rmatmul__(self, other):
        return _matmul.call2(other, self)

    def __neg__(self):
        return _neg.call1(self)

    def __abs__(self):
        return _abs.call1(self)

    def __hash__(self):  # beside __eq__: a class with only one of the two does not inherit the other
        return cython.cast(cython.Py_ssize_t, cython.cast(cython.p_void, self)) >> 4  # memory is aligned to 16 bytes

    def __eq__(self, other):
        return compare(operator.eq, self, other)

    def __ne__(self, other):
        return compare(operator.ne, self, other)

    def __lt__(self, other):
        return compare(operator.lt, self, other)

    def __le__(self, other):
        return compare(operator.le, self, other)

    def __gt__(self, other):
        return compare(operator.gt, self, other)

    def __ge__(self, other):
        return compare(operator.ge, self, other)

    def __and__(self, other):
        return compare(operator.and_, self, other)

    def __or__(self, other):
        return compare(operator.or_, self, other)

    def __xor__(self, other):
        return compare(operator.xor, self, other)

    def __invert__(self):
        return wrap(~self.now(), None)

    def __mod__(self, other):
        return _remainder.call2(self, other)

    def __rmod__(self, other):
        return _remainder.call2(other, self)

    def __floordiv__(self, other):
        return _floor_divide.call2(self, other)

    def __rfloordiv__(self, other):
        return _floor_divide.call2(other, self)

    def __iadd__(self, other):
        return self.change(_add.call2(self, other))

    def __isub__(self, other):
        return self.change(_sub.call2(self, other))

    def __imul__(self, other):
        return self.change(_mul.call2(self, other))

    def __itruediv__(self, other):
        return self.change(_div.call2(self, other))

    def __imod__(self, other):
        return self.change(_remainder.call2(self, other))

    def __ifloordiv__(self, other):
        return self.change(_floor_divide.call2(self, other))

    def __ipow__(self, other):
        return self.change(_pow.call2(self, other))

    def __pos__(self):
        return self

    def __lshift__(self, other):
        return _left_shift.call2(self, other)

    def __rlshift__(self, other):
        return _left_shift.call2(other, self)

    def __ilshift__(self, other):
        return self.change(_left_shift.call2(self, other))

    def __rshift__(self, other):
        return _right_shift.call2(self, other)

    def __rrshift__(self, other):
        return _right_shift.call2(other, self)

    def __irshift__(self, other):
        return self.change(_right_shift.call2(self, other))

    def __rand__(self, other):
        return compare(operator.and_, other, self)

    def __iand__(self, other):
        return self.change(compare(operator.and_, self, other))

    def __ror__(self, other):
        return compare(operator.or_, other, self)

    def __ior__(self, other):
        return self.change(compare(operator.or_, self, other))

    def __rxor__(self, other):
        return compare(operator.xor, other, self)

    def __ixor__(self, other):
        return self.change(compare(operator.xor, self, other))

    def __reversed__(self):
        return self.flip(0) if self.array.ndim else self

    def __contains__(self, element):
        """Whether any element equals a number, or a tensor's elements, broadcast."""
        if not isinstance(element, (Value, np.ndarray, np.generic, int, float)):
            raise DTypeError(f"in: expected a number or a tensor, got {type(element).__name__}")
        return bool(compare(operator.eq, self, element).array.any())

    def change(self, result):
        """Writes a result of the same shape into this tensor's memory and takes over its history."""
        self.check_changeable()
        if result.array.shape != self.array.shape:
            raise ShapeError(f"in place: the tensor has shape {self.array.shape}, the result {result.array.shape}")
        value: Value = result
        if value.node is not None and value.node.held is not None:
            value.node.keep_old(self)
        later: Deferred = value.deferred
        if (
            self.deferred is not None
            and later is not None
            and later.arguments is not None
            and self.dtype == value.dtype
        ):
            self.defer(later.twin())  # neither has memory yet
            self.changed(result)
            return self
        if self.may_take(value):
            self.array, self.deferred = value.array, None
            self.changed(result)
            return self
        try:
            np.copyto(self.now(), value.now(), casting="same_kind")
        except TypeError:
            raise DTypeError(f"in place: cannot write {result.array.dtype} into {self.array.dtype}") from None
        self.overwritten(result)
        return self

    def may_take(self, result):
        """Whether the result's array may take the place of this one's: nobody else can see the difference."""
        return (
            result.deferred is None
            and tape_references(cython.cast(cython.pointer(PyObject), result)) <= 2  # a temporary, and change's name
            and cnp.PyArray_TYPE(self.array) == cnp.PyArray_TYPE(result.array)
            and is_private(result, 1)
            and (self.deferred is not None or is_private(self, 1))
            and (self.version is None or self.version.looks == 0)
        )

    def check_changeable(self):
        """Refuses what must not be changed in place, before anything is written."""
        if self.node is not None and self.node.op is None and grad_enabled():
            raise GraphError("a leaf that requires gradients cannot be changed in place; use `with no_grad():`")
        self.about_to_change()
        if not self.array.flags.writeable:
            raise GraphError("in place: this tensor's memory is read-only (expanded or shared); use x.clone()")

    def overwritten(self, result):
        """As changed; the memory may be that of somebody's array, never looked at as this one's."""
        self.changed(result)
        self.version.looks = self.version.looks + 1

    def changed(self, result):
        """This tensor's memory now holds a result, whose history is its own from now on."""
        self.bump()
        self.seen = self.version.count
        leaf: bool = self.node is None or self.node.op is None
        if grad_enabled() and not (leaf and result.node is None):
            self.node = result.node


def compare(function, x, y):
    """A result without gradient: comparisons and logic."""
    a = cython.cast(Value, x).now() if isinstance(x, Value) else x
    b = cython.cast(Value, y).now() if isinstance(y, Value) else y
    try:
        return wrap(np.asarray(function(a, b)), None)
    except ValueError:
        raise ShapeError(f"{function.__name__}: shapes {np.shape(a)} and {np.shape(b)} do not broadcast") from None
    except TypeError:
        kinds = [getattr(part, "dtype", type(part).__name__) for part in (a, b)]
        raise DTypeError(f"{function.__name__.strip('_')}: not defined for {kinds[0]} and {kinds[1]}") from None
