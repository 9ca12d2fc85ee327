"""Arrays that are still to be computed, and that must be before what they are made of changes."""

import weakref

import cython

_waiting = cython.declare(list, [])  # weak references to what may still read memory
MANY = cython.declare(cython.int, 8)  # from here on those that are dead are removed


@cython.cclass
class Deferred:
    """An array that nobody has looked at, as the call that will compute it: call(*arguments).

    like: an array of its shape and dtype; the first argument, which has its layout, too, unless another is given. op:
    whose last pass it is; None if the call runs ops.
    """

    def __init__(self, call, arguments: tuple, op, like=None):
        self.call = call
        self.arguments = arguments
        self.like = arguments[0] if like is None else like
        self.op = op
        self.reads = []

    @property
    def shape(self):
        return self.like.shape

    def twin(self):
        """The same for another value."""
        other: Deferred = Deferred(self.call, self.arguments, self.op, self.like)
        other.reads.extend(self.reads)
        return other

    def wait(self):
        """From now on compute_readers knows of it."""
        global _waiting
        if len(_waiting) >= MANY:
            _waiting = [other for other in _waiting if other() is not None]
        _waiting.append(weakref.ref(self))

    def compute(self):
        arguments: tuple = self.arguments
        if arguments is not None:
            timed = None if self.op is None else self.op.timed
            result = self.call(*arguments) if timed is None else timed(self.call, *arguments)
            if self.arguments is not None:  # no other thread was here meanwhile
                self.result = self.like = result
                self.arguments = None
                self.reads = []
        return self.result


def compute_readers(version):
    """Before memory may change: computes what reads it and was deferred."""
    if len(_waiting) == 0:
        return
    found: list = []
    deferred: Deferred
    for reference in _waiting:
        deferred = reference()
        if deferred is not None and version in deferred.reads:
            found.append(deferred)
    for deferred in found:
        deferred.compute()
