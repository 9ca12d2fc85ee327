"""What every call of a module and every look at its attributes goes through; compiled, as small networks feel it."""

import operator

import cython
import numpy as np
from cython.cimports import numpy as cnp
from cython.cimports.autograd.tape import Op, grad_enabled, tape_items, tape_pointer, tape_set, tape_tuple
from cython.cimports.autograd.value import Value, Watch
from cython.cimports.cpython.dict import PyDict_GetItemWithError

from autograd.backends import fusion
from autograd.errors import DTypeError, ShapeError
from autograd.halves import widened
from autograd.kernels import conv_chain_suits
from autograd.tensor import Tensor

cnp.import_array()


@cython.auto_pickle(False)  # the state is __dict__ alone
@cython.cclass
class Callable:
    """The base of Module: a call runs the hooks and forward."""

    def __call__(self, *args, **kwargs):
        try:
            if has_hooks(self):
                return self._call_hooked(args, kwargs)
            if not kwargs:
                known = _shortcuts.get(type(self))
                if isinstance(known, Shortcut):
                    shortcut: Shortcut = known
                    result = shortcut.take(self, shortcut.op, args)
                    if result is not None:
                        return result
                elif known is not None:
                    steps: list = cython.cast(Chain, known).steps_of(self)
                    if steps is not None and len(args) == 1:
                        return run_steps(steps, args[0])
            return self.forward(*args, **kwargs)
        except (ShapeError, DTypeError) as error:
            self._locate(error)
            raise

    def __getattr__(self, name):  # only called for what is missing
        self._explain_missing(name)


def find_quickly(subclass):
    """Finds attributes of its instances as Callable does. Python's way looks for a __getattr__ each time, ours."""
    if subclass.__getattr__ is Callable.__getattr__ and subclass.__getattribute__ is Callable.__getattribute__:
        inherit_getattr(subclass, Callable)


@cython.cfunc
@cython.returns(cython.bint)
@cython.exceptval(-1)
def has_hooks(module: Callable):
    state: dict = instance_dict(module, cython.NULL)
    hooks: dict = state.get("_hooks")
    if hooks is None:
        module._explain_missing("_hooks")
    return len(hooks) > 0


@cython.ccall
@cython.returns(cython.bint)
@cython.exceptval(-1)
def is_plain(module: Callable):
    """Whether calling the module does nothing beside its class's forward."""
    return not has_hooks(module) and "forward" not in instance_dict(module, cython.NULL)


_shortcuts = cython.declare(dict, {})


class Shortcut:
    """What forward of a class of layers usually comes to: an op of its arguments and of attributes of the layer.

    with_relu: the op for a ReLU after it. only_if: an attribute's name and the value that it must have. dimensions:
    how many the first argument must have, if that matters.
    """

    def __init__(self, layer, op, names, with_relu=None, only_if=None, dimensions=-1):
        self.forward = layer.forward
        self.op = op
        self.with_relu = with_relu
        self.names = names
        self.only_if = only_if
        self.dimensions = dimensions
        _shortcuts[layer] = self

    def take(self, module: Callable, op: Op, arguments: tuple):
        """The op's result; None where only forward will do, which also says best what is wrong with the arguments."""
        state: dict = instance_dict(module, cython.NULL)
        given: cython.Py_ssize_t = len(arguments)
        count: cython.Py_ssize_t = given + len(self.names)
        if count != op.inputs + len(op.defaults) or type(module).forward is not self.forward or "forward" in state:
            return None
        if self.only_if is not None and state.get(self.only_if[0]) != self.only_if[1]:
            return None
        if self.dimensions >= 0 and getattr(arguments[0], "ndim", -1) != self.dimensions:
            return None
        inputs: tuple = tape_tuple(op.inputs)
        attrs: tuple = tape_tuple(len(op.defaults))
        i: cython.Py_ssize_t
        for i in range(count):
            if i < given:
                value = arguments[i]
            else:
                found: cython.pointer(PyObject) = PyDict_GetItemWithError(state, self.names[i - given])
                if found == cython.NULL:
                    return None
                value = cython.cast(object, found)
            if i < op.inputs:
                tape_set(inputs, i, value)
            else:
                tape_set(attrs, i - op.inputs, value)
        try:
            return op.run(tape_items(inputs), op.inputs, attrs if len(attrs) else op.defaults, None)
        except (ShapeError, DTypeError):
            return None


class Chain:
    """Says that forward of a class of layers usually comes to a list of steps, each called on the result of the last.

    name: of the attribute that holds the list, or None as long as there is none.
    """

    def __init__(self, layer, name: str):
        self.forward = layer.forward
        self.name = name
        _shortcuts[layer] = self

    def steps_of(self, module: Callable):
        state: dict = instance_dict(module, cython.NULL)
        if type(module).forward is not self.forward or "forward" in state:
            return None
        return state.get(self.name)


@cython.cfunc
def run_steps(steps: list, x):
    for step in steps:
        if type(step) is WithReLU:
            x = cython.cast(WithReLU, step).run(x)
        elif type(step) is ReLUBeforePool:
            x = cython.cast(ReLUBeforePool, step).run(x)
        else:
            x = step(x)
    return x


class WithReLU:
    """A layer and the ReLU after it, in one op; in two where somebody hooked one of them.

    forward: name of the layer's method that computes both.
    """

    def __init__(self, layer, relu, forward="forward_relu"):
        self.layer = layer
        self.relu = relu
        self.forward = forward

    def __call__(self, x):
        return self.run(x)

    def run(self, x):
        if not (is_plain(self.layer) and is_plain(self.relu) and fusion.enabled):
            return self.relu(self.layer(x))
        shortcut: Shortcut = _shortcuts.get(type(self.layer))
        if shortcut is not None and shortcut.with_relu is not None and self.forward == "forward_relu":
            result = shortcut.take(self.layer, shortcut.with_relu, (x,))
            if result is not None:
                return result
        try:
            return getattr(self.layer, self.forward)(x)
        except (ShapeError, DTypeError) as error:
            self.layer._locate(error)
            raise


class ReLUBeforePool:
    """A layer, a ReLU and a max pooling: the ReLU comes last, which is the same and has fewer pixels to do.

    layer: a WithReLU. Of dilated windows some may see padding alone, whose maximum, -inf, no ReLU came before.
    """

    def __init__(self, layer, pool):
        self.layer = layer
        self.pool = pool
        self.last = WithReLU(pool, layer.relu)

    def __call__(self, x):
        return self.run(x)

    def run(self, x):
        plain: cython.bint = is_plain(self.layer.relu) and is_plain(self.pool) and fusion.enabled
        if not plain or self.pool.return_indices or self.pool.dilation not in (1, (1, 1)):
            return self.pool(self.layer(x))
        return self.last.run(self.layer.layer(x))


class ConvNorm:
    """A convolution, the batch norm after it and perhaps a ReLU or ReLU6: one convolution in inference.

    activation: its name. op: convolves with that ReLU. second: batch norm and ReLU, for training. The folded weight is
    kept until one of the tensors that it was made of may have changed.
    """

    def __init__(self, conv, norm, relu, activation, op, second):
        self.conv, self.norm, self.relu, self.activation, self.op = conv, norm, relu, activation, op
        self.second = second
        self.conv_type, self.norm_type = type(conv), type(norm)

    def __reduce__(self):
        """Copies fold their own weights."""
        return ConvNorm, (self.conv, self.norm, self.relu, self.activation, self.op, self.second)

    def __call__(self, x):
        if not grad_enabled() and fusion.enabled and self.is_ready():
            try:
                return self.convolve(x)
            except (ShapeError, DTypeError):
                pass  # which layer was at fault, the layers say better
        return self.second(self.conv(x))

    def convolve(self, x):
        state: dict = instance_dict(self.conv, cython.NULL)
        weight, bias = self.weight, self.bias  # held: another thread may fold anew
        if (
            not isinstance(x, Value)
            or cnp.PyArray_NDIM(cython.cast(Value, x).array) != 4
            or state["padding_mode"] != "zeros"
        ):
            return self.conv.convolve(self.op, x, weight, bias)
        inputs: cython.pointer(PyObject)[3] = [tape_pointer(x), tape_pointer(weight), tape_pointer(bias)]
        return self.op.run(inputs, 3, (state["stride"], state["padding"], state["dilation"], state["groups"]), None)

    def is_ready(self):
        """Whether the folded weight is that of the layers as they are, called alone; makes it anew if need be."""
        if not (is_plain(self.conv) and is_plain(self.norm) and (self.relu is None or is_plain(self.relu))):
            return False
        if type(self.conv) is not self.conv_type or type(self.norm) is not self.norm_type:  # parametrized since
            return False
        conv: dict = instance_dict(self.conv, cython.NULL)
        norm: dict = instance_dict(self.norm, cython.NULL)
        mean, eps = norm["running_mean"], norm["eps"]
        if norm["training"] or mean is None:
            return False
        parts = (conv["weight"], conv["bias"], mean, norm["running_var"], norm["weight"], norm["bias"])
        if self.watch is not None and self.eps == eps and self.watch.holds(parts):
            return True
        if norm["num_features"] != conv["out_channels"] or parts[0].dtype != parts[3].dtype:
            return False
        self.weight, self.bias = _folded(parts, eps)
        self.eps, self.watch = eps, Watch(parts)
        return True

    def layer(self):
        """As conv_chain wants it; None where it cannot be part of one."""
        conv: dict = instance_dict(self.conv, cython.NULL)
        height, width = conv["kernel_size"]
        if height != width or height not in (1, 3) or conv["padding_mode"] != "zeros" or conv["dilation"] != (1, 1):
            return None
        return (conv["out_channels"], height, conv["stride"], conv["padding"], conv["groups"], self.activation)


class ConvChain:
    """ConvNorms one after another: in inference one op, if the pictures are such that it gains.

    Their folded weights lie in one array, which is made anew when one of them was.
    """

    def __init__(self, steps, op):
        self.steps, self.op = steps, op

    def __reduce__(self):
        """Copies join their own weights."""
        return ConvChain, (self.steps, self.op)

    def __call__(self, x):
        if not grad_enabled() and fusion.enabled and isinstance(x, Tensor) and self.is_ready(x):
            return self.op(x, self.weight, self.layers)
        for step in self.steps:
            x = step(x)
        return x

    def is_ready(self, x):
        step: ConvNorm
        layers: list = []
        parts: list = []
        for step in self.steps:
            if not step.is_ready():
                return False
            layers.append(step.layer())
            parts += [step.weight, step.bias]
        shape, dtype = x.shape, x.dtype
        if (shape, dtype, layers) != self.judged:
            self.judged = shape, dtype, layers
            self.layers = tuple(layers)
            self.suits = self.gains()
        if self.suits and (self.parts is None or not all(map(operator.is_, parts, self.parts))):
            self.weight, self.parts = Tensor(np.concatenate([part.array.ravel() for part in parts])), parts
        return self.suits

    def gains(self):
        """Whether to use it for what was noted. Where something does not fit, the layers say better what."""
        shape, dtype, layers = self.judged
        channels = shape[1:2]
        for step in self.steps:
            if channels != (step.conv.in_channels,):
                return False
            channels = (step.conv.out_channels,)
        try:
            return None not in layers and conv_chain_suits(shape, self.layers, dtype)
        except (ValueError, TypeError):
            return False


def _folded(parts: tuple, eps):
    """Weight and bias of the convolution (w, b) and the batch norm after it, in the weight's dtype."""
    w, b, mean, var, gamma, beta = [None if part is None else widened(part.array) for part in parts]
    scale = (var + eps) ** -0.5
    scale = scale if gamma is None else scale * gamma
    shift = -mean * scale if b is None else (b - mean) * scale
    shift = shift if beta is None else shift + beta
    dtype = parts[0].dtype
    return Tensor((w * scale.reshape(-1, 1, 1, 1)).astype(dtype)), Tensor(shift.astype(dtype))
