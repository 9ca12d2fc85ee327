"""Typed errors: each names the op, the argument, the shapes and, where known, the usual cure."""


class ShapeError(ValueError):
    """Sizes that do not fit together."""


class DTypeError(TypeError):
    """A data type that the operation cannot take."""


class GraphError(RuntimeError):
    """A graph that cannot be differentiated: changed in place, released, or without gradients."""


class FormatError(ValueError):
    """A file that is not what it should be."""


class StateDictError(RuntimeError):
    """A state whose names or shapes do not fit the module or optimizer."""


class MissingExtraError(ImportError):
    """An optional package that is not installed; the message names the extra that brings it."""
