"""Tensor: an array that remembers how it was made.

Operators and the methods that PyTorch and NumPy users type most are here; every other op of the registry
is a method too (`x.logsumexp(1)`), and with a trailing underscore works in place (`x.clamp_(0, 1)`).
"""

import operator

import cython
import numpy as np
from cython.cimports import numpy as cnp
from cython.cimports.autograd.operators import Operators
from cython.cimports.autograd.sweep import sweep
from cython.cimports.autograd.tape import Op
from cython.cimports.autograd.value import Value, wrap

from autograd.device import CPU
from autograd.errors import DTypeError, GraphError, ShapeError
from autograd.halves import is_number
from autograd.numpy_protocol import call_function, call_ufunc
from autograd.printing import text
from autograd.shapes import near
from autograd.tape import declare
from autograd.value import default_dtype, leaf_node, set_result_type

_getitem = cython.declare(Op, declare("getitem"))
_setitem = cython.declare(Op, declare("setitem"))
_reshape = cython.declare(Op, declare("reshape"))
_permute = cython.declare(Op, declare("permute"))
_expand = cython.declare(Op, declare("expand"))
_astype = cython.declare(Op, declare("astype"))
_identity = cython.declare(Op, declare("identity"))
_sum = cython.declare(Op, declare("sum"))
_mean = cython.declare(Op, declare("mean"))

methods: dict = {}  # name -> function of (tensor, ...): filled by autograd.ops from the registry
properties: dict = {}  # name -> function of (tensor), for what is used without parentheses

_ones = cython.declare(dict, {})


def as_array(data, dtype=None):
    """Data of any kind as an array: Python floats get the default dtype, arrays keep theirs."""
    if isinstance(data, Value):
        value: Value = data
        value.looked_at()  # who shares the array without the version may write unseen
        return value.array if dtype is None else value.array.astype(dtype, copy=False)
    try:
        array = np.asarray(data, dtype)
    except ValueError:
        raise ShapeError("tensor: the nested lists have different lengths; expected a full block of numbers") from None
    if dtype is None and array.dtype == np.float64 and not isinstance(data, (np.ndarray, np.generic)):
        array = array.astype(default_dtype())
    if not is_number(array.dtype):
        raise DTypeError(f"tensor: cannot hold {array.dtype} data ({type(data).__name__}); expected real numbers")
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return array


@cython.cfunc
def one_like(array):
    """The number 1 as a read-only array, made once per dtype: what the gradient of a loss starts with."""
    number: cython.int = cnp.PyArray_TYPE(array)
    seed = _ones.get(number)
    if seed is None:
        seed = _ones[number] = np.ones((), array.dtype)
        seed.flags.writeable = False
    return seed


class Tensor(Operators):
    """An n-dimensional array of one dtype, on the CPU, with the history needed to differentiate it.

    Tensor(data, requires_grad=False, dtype=None): data is an array (shared, not copied), a number or nested lists.
    """

    __array_priority__ = 1000

    def __init__(self, data=0.0, requires_grad=False, dtype=None):
        self.array = as_array(data, dtype)
        if requires_grad:
            self.node = leaf_node(self.array)

    # ------------------------------------------------------------------------------------- what it is

    @property
    def shape(self):
        return self.array.shape

    @property
    def ndim(self):
        return self.array.ndim

    @property
    def dtype(self):
        return self.array.dtype

    @property
    def nbytes(self):
        return self.array.nbytes

    @property
    def device(self):
        return CPU

    @property
    def is_leaf(self):
        """Whether it was made by the user rather than by a recorded op."""
        return self.node is None or self.node.op is None

    @property
    def grad_fn(self):
        """The node that made it, or None for a leaf."""
        return None if self.is_leaf else self.node

    @property
    def data(self):
        """The same memory without history, as PyTorch's `.data`; the array itself is `.numpy()`."""
        return self.detach()

    @data.setter
    def data(self, value):
        array = as_array(value)
        same = array.shape == self.array.shape and array.dtype == self.array.dtype
        if self.node is not None and self.node.op is None and not same:
            self.node = leaf_node(array)
        self.looked_at()
        self.array = array

    @property
    def requires_grad(self):
        return self.node is not None

    @requires_grad.setter
    def requires_grad(self, on):
        if not self.is_leaf:
            if not on:
                raise GraphError("requires_grad: can only be switched off on leaves; use x.detach()")
            return
        if not on:
            self.node = None
        elif self.node is None:
            self.node = leaf_node(self.array)

    @property
    def grad(self):
        """Gradient that backward() has added up, or None."""
        return None if self.node is None else self.node.grad

    @grad.setter
    def grad(self, value):
        if value is None:
            if self.node is not None:
                self.node.grad = None
            return
        g: Value = value if isinstance(value, Value) else Tensor(value)
        g.now()
        if g.shape != self.shape:
            raise ShapeError(f"grad: the tensor has shape {self.shape}, the gradient {g.shape}")
        if self.node is None:
            raise GraphError("grad: this tensor does not require gradients")
        self.node.grad = g

    @property
    def T(self):
        return _permute(self, tuple(range(self.array.ndim))[::-1])

    @property
    def mT(self):
        return self.transpose(-1, -2)

    def size(self, dim=None):
        return self.array.shape if dim is None else self.array.shape[dim]

    def dim(self):
        return self.array.ndim

    def numel(self):
        return self.array.size

    def __len__(self):
        if self.array.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return self.array.shape[0]

    # ------------------------------------------------------------------------------------- conversions

    def numpy(self):
        """The array itself, sharing memory. A tensor that requires gradients must be detached first."""
        if self.node is not None:
            raise GraphError("numpy: this tensor requires gradients; use x.detach().numpy()")
        self.looked_at()
        return self.array

    def item(self):
        """The only element as a Python number."""
        if self.array.size != 1:
            raise ShapeError(f"item: expected a tensor of one element, got shape {self.shape}")
        return self.now().item()

    def __array__(self, dtype=None, copy=None):
        self.looked_at()
        return np.array(self.array, dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return call_ufunc(methods.get(ufunc.__name__), Tensor, ufunc, method, inputs, kwargs)

    def __array_function__(self, function, types, args, kwargs):
        return call_function(methods.get(function.__name__), Tensor, function, args, kwargs)

    def __dlpack__(self, **kwargs):
        return self.numpy().__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()

    def detach(self):
        """The same memory without history."""
        out: Tensor = wrap(self.now(), None)
        out.version = self.share_version()
        out.seen = out.version.count
        return out

    def clone(self):
        return _identity(self)

    def __bool__(self):
        if self.array.size != 1:
            raise ShapeError(f"the truth value of a tensor of shape {self.shape} is ambiguous; use .any() or .all()")
        return bool(self.now().item())

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __index__(self):
        return operator.index(self.item())

    def __format__(self, spec):
        return format(self.item() if spec and self.array.ndim == 0 else repr(self), spec)

    def __repr__(self):
        array = self.now()
        empty: bool = array.size == 0
        suffixes = [f"size={array.shape}"] if empty and array.ndim != 1 else []
        if array.dtype not in (default_dtype(), np.bool_) and (empty or array.dtype != np.int64):
            suffixes.append(f"dtype={array.dtype}")
        if self.node is not None:
            suffixes.append("requires_grad=True" if self.is_leaf else f"grad_fn=<{self.node.op.name}>")
        return text(array, "tensor(", suffixes)

    def __reduce__(self):
        if not self.is_leaf:
            raise GraphError("pickle: only leaves can be copied or pickled; use x.detach()")
        self.looked_at()
        return type(self), (np.asarray(self.array, order="C"), self.requires_grad)

    def __deepcopy__(self, memo):
        kind, (array, requires_grad) = self.__reduce__()
        memo[id(self)] = copy = kind(array.copy(), requires_grad)
        return copy

    # ------------------------------------------------------------------------------------- differentiation

    def backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None):
        """Adds d(self)/d(leaf), contracted with `gradient` (default 1 for a scalar), to the `grad` of every leaf."""
        if self.node is None:
            raise GraphError("backward: this tensor does not require gradients; was it made under no_grad()?")
        if gradient is None and cnp.PyArray_SIZE(self.array) != 1:
            raise ShapeError(f"backward: a tensor of shape {self.shape} needs a gradient argument; or sum() it first")
        if gradient is None:
            seed = np.ones_like(self.array) if cnp.PyArray_NDIM(self.array) or create_graph else one_like(self.array)
        else:
            seed = as_array(gradient, self.array.dtype)
            if seed.shape != self.shape:
                raise ShapeError(f"backward: the tensor has shape {self.shape}, the gradient {seed.shape}")
        node = gradient.node if create_graph and isinstance(gradient, Tensor) else None
        retain = create_graph if retain_graph is None else retain_graph
        if inputs is None:
            sweep([self.node], [wrap(seed, node)], None, retain, create_graph)
            return
        leaves = [inputs] if isinstance(inputs, Tensor) else list(inputs)
        found = sweep([self.node], [wrap(seed, node)], [x.node for x in leaves], retain, create_graph)
        for x, g in zip(leaves, found):
            if g is not None:
                x.grad = g if x.grad is None else x.grad + g

    def register_hook(self, hook):
        """Calls hook(gradient) whenever this tensor's gradient is known; what it returns replaces the gradient."""
        if self.node is None:
            raise GraphError("register_hook: this tensor does not require gradients")
        return Hook(self.node, self.node.add_hook(hook))

    def retain_grad(self):
        """Keeps `grad` of a tensor that is no leaf."""
        if self.node is None:
            raise GraphError("retain_grad: this tensor does not require gradients")
        self.node.retain_grad()

    def requires_grad_(self, on=True):
        self.requires_grad = on
        return self

    # ------------------------------------------------------------------------------------- operators

    def __getitem__(self, index):
        return _getitem(self, index)

    def __setitem__(self, index, value):
        self.check_changeable()
        self.overwritten(_setitem(self, value, index, True))

    def __iter__(self):
        return iter([self[i] for i in range(len(self))])

    # ------------------------------------------------------------------------------------- methods

    def reshape(self, *shape):
        return _reshape(self, unpack(shape))

    view = reshape

    def permute(self, *axes):
        return _permute(self, unpack(axes))

    def transpose(self, *axes):
        """transpose(i, j) swaps two axes (PyTorch); transpose() or transpose(*all) permutes (NumPy)."""
        ndim = self.array.ndim
        axes = unpack(axes)
        if (len(axes) == 2 and ndim != 2) or (len(axes) == 2 and len({a % ndim for a in axes}) == 2):
            order = list(range(ndim))
            i, j = (check_axis(a, ndim) for a in axes)
            order[i], order[j] = j, i
            return _permute(self, tuple(order))
        return _permute(self, tuple(axes) if axes else tuple(range(ndim))[::-1])

    def expand(self, *shape):
        return _expand(self, unpack(shape))

    def sum(self, *args, **kwargs):
        return _sum(self, *args, **kwargs)

    def mean(self, *args, **kwargs):
        return _mean(self, *args, **kwargs)

    def __getattr__(self, name):
        function = methods.get(name)
        if function is not None:
            return Method(self, function)
        function = methods.get(name[:-1]) if name.endswith("_") and not name.startswith("_") else None
        if function is not None:
            return InPlaceMethod(self, function)
        function = properties.get(name)
        if function is not None:
            return function(self)
        raise AttributeError(f"Tensor has no attribute {name!r}{near(name, [*methods, *properties])}")

    def __dir__(self):
        return sorted({*object.__dir__(self), *methods, *properties})


class Method:
    """A registry op bound to a tensor."""

    def __init__(self, tensor, function):
        self.tensor = tensor
        self.function = function
        self.__doc__ = function.__doc__

    def __call__(self, *args, **kwargs):
        return self.function(self.tensor, *args, **kwargs)


class InPlaceMethod(Method):
    """A registry op whose result replaces the tensor's contents."""

    def __call__(self, *args, **kwargs):
        return self.tensor.change(self.function(self.tensor, *args, **kwargs))


class Hook:
    """What register_hook returns: remove() takes the hook away."""

    def __init__(self, node, key):
        self.node = node
        self.key = key

    def remove(self):
        self.node.remove_hook(self.key)


def unpack(args):
    """f(2, 3), f((2, 3)) and f([2, 3]) mean the same."""
    return tuple(args[0]) if len(args) == 1 and isinstance(args[0], (tuple, list)) else args


def check_axis(axis, ndim):
    if not -ndim <= axis < ndim:
        raise ShapeError(f"transpose: axis {axis} is out of range for {ndim} dimensions")
    return axis % ndim


set_result_type(Tensor)
