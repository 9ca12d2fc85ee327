"""In inference, batch norms are folded into the convolutions before them; compiled.

Sequential knows what follows a convolution: ConvNorm, ConvChain. If a forward method calls layers one by one, the
convolution waits (Convolution) for a batch norm (Norm) or a ReLU that is called on its result, until forward ends.
"""

import operator

import cython
import numpy as np
from cython.cimports import numpy as cnp
from cython.cimports.autograd.capi import tape_pointer
from cython.cimports.autograd.deferred import Deferred
from cython.cimports.autograd.kernels import conv2d_result
from cython.cimports.autograd.nn.base import Callable, Shortcut, inside_forward, instance_dict, is_plain
from cython.cimports.autograd.tape import Op, grad_enabled, set_grad_enabled
from cython.cimports.autograd.value import Value, Watch, is_private, wrap

from autograd.backends import fusion
from autograd.errors import DTypeError, ShapeError
from autograd.halves import widened
from autograd.kernels import conv_chain_suits
from autograd.tape import declare
from autograd.tensor import Tensor

cnp.import_array()


class Fold:
    """Weight and bias of a convolution and the batch norm after it, as long as what they were made of is the same."""

    def __reduce__(self):
        """Copies fold their own."""
        return Fold, ()

    def is_of(self, parts: tuple, eps):
        """parts: the convolution's weight and bias, mean, variance, weight and bias of the batch norm."""
        return self.watch is not None and self.eps == eps and self.watch.holds(parts)

    def make(self, parts: tuple, eps):
        self.weight, self.bias = _folded(parts, eps)
        self.eps, self.watch = eps, Watch(parts)


class ConvNorm(Fold):
    """A convolution, the batch norm after it and perhaps a ReLU or ReLU6: one convolution in inference.

    activation: its name. op: convolves with that ReLU. second: batch norm and ReLU, for training.
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
        if self.is_of(parts, eps):
            return True
        if norm["num_features"] != conv["out_channels"] or parts[0].dtype != parts[3].dtype:
            return False
        self.make(parts, eps)
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


class Waiting:
    """A convolution that was called, as long as nobody has looked at the result.

    x has an array of its own, so that another one in the tensor that was given does not matter.
    """

    def __init__(self, x, weight, bias, attrs: tuple):
        self.x, self.weight, self.bias, self.attrs = x, weight, bias, attrs

    def value(self, like, reads: list):
        """A value that waits; like: an array of its shape."""
        out: Value = wrap(like, None)
        later: Deferred = Deferred(convolve, (like, self, None), None)
        later.reads.extend(reads)
        out.defer(later)
        return out


def convolve(like, waiting: Waiting, op):
    """What ended the waiting: nothing, or the op that convolves with the ReLU that followed."""
    inputs: cython.pointer(PyObject)[3] = [
        tape_pointer(waiting.x),
        tape_pointer(waiting.weight),
        tape_pointer(waiting.bias),
    ]
    chosen: Op = _conv2d if op is None else op
    recording = set_grad_enabled(False)  # as when it was called
    try:
        out: Value = chosen.run(inputs, 3, waiting.attrs, None)
    finally:
        set_grad_enabled(recording)
    return out.array


def with_relu(arguments: tuple, others, attrs):
    """The rule for a ReLU of what waits (see Record.continues)."""
    like, waiting, op = arguments
    return (like, waiting, _conv2d_relu) if op is None else None


class Convolution(Shortcut):
    """Conv2d's forward: while nothing is recorded, the convolution waits for what follows it."""

    def call(self, module: Callable, op: Op, inputs: tuple, attrs: tuple):
        may_wait: cython.bint = op is _conv2d and inside_forward() and not grad_enabled() and fusion.enabled
        result = _wait(inputs, attrs) if may_wait else None
        return Shortcut.call(self, module, op, inputs, attrs) if result is None else result


@cython.cfunc
def _wait(inputs: tuple, attrs: tuple):
    x, weight, bias = inputs
    if not isinstance(x, Value) or not isinstance(weight, Value) or not (bias is None or isinstance(bias, Value)):
        return None
    stride, padding, dilation, groups = attrs
    given: Value = x
    try:
        like = conv2d_result(given.now(), cython.cast(Value, weight).now(), stride, padding, dilation, groups)
    except (ValueError, TypeError):  # the op says it better
        return None
    own: Value = _unchanging(given)
    if own is given:
        own = wrap(given.array, None)
        own.version = given.share_version()
    waiting: Waiting = Waiting(own, _unchanging(weight), None if bias is None else _unchanging(bias), attrs)
    reads: list = [own.share_version(), cython.cast(Value, waiting.weight).share_version()]
    if bias is not None:
        reads.append(cython.cast(Value, waiting.bias).share_version())
    return waiting.value(like, reads)


@cython.cfunc
def _unchanging(value: Value):
    """The value, or a copy if somebody could change its memory unseen."""
    return value if is_private(value, 1) else value.clone()


class Norm(Shortcut):
    """BatchNorm2d's forward in evaluation: is folded into a convolution that waits."""

    def call(self, module: Callable, op: Op, inputs: tuple, attrs: tuple):
        result = None if grad_enabled() or not fusion.enabled else _fold_into_waiting(module, inputs, attrs[0])
        return Shortcut.call(self, module, op, inputs, attrs) if result is None else result


@cython.cfunc
def _fold_into_waiting(module: Callable, inputs: tuple, eps):
    x, mean, var, weight, bias = inputs
    later: Deferred = cython.cast(Value, x).deferred if isinstance(x, Value) and isinstance(var, Value) else None
    arguments: tuple = None if later is None or later.call is not convolve else later.arguments
    if arguments is None or arguments[2] is not None:
        return None
    like: cnp.ndarray = arguments[0]
    before: Waiting = arguments[1]
    state: dict = instance_dict(module, cython.NULL)
    fold: Fold = state.get("_fold")
    parts = (before.weight, before.bias, mean, var, weight, bias)
    if fold is None or not fold.is_of(parts, eps):
        same: cython.bint = cnp.PyArray_TYPE(like) == cnp.PyArray_TYPE(cython.cast(Value, var).array)
        if not same or state["num_features"] != cnp.PyArray_DIM(like, 1):
            return None
        fold = state["_fold"] = Fold()
        fold.make(parts, eps)
    return Waiting(before.x, fold.weight, fold.bias, before.attrs).value(like, [before.x.version])


_conv2d: Op = declare("conv2d")
_conv2d_relu: Op = declare("conv2d_relu")


def _folded(parts: tuple, eps):
    """Weight and bias of the convolution (w, b) and the batch norm after it, in the weight's dtype."""
    w, b, mean, var, gamma, beta = [None if part is None else widened(cython.cast(Value, part).array) for part in parts]
    scale = (var + eps) ** -0.5
    scale = scale if gamma is None else scale * gamma
    shift = -mean * scale if b is None else (b - mean) * scale
    shift = shift if beta is None else shift + beta
    dtype = parts[0].dtype
    return Tensor((w * scale.reshape(-1, 1, 1, 1)).astype(dtype)), Tensor(shift.astype(dtype))
