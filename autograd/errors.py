"""The error types that cygrad raises beside Python's own."""


class ShapeError(ValueError):
    """Shapes, or numbers that follow from shapes, do not fit together."""


class DTypeError(TypeError):
    """An array has a data type that the operation does not take."""


class GraphError(RuntimeError):
    """The recorded graph was used in a way that would give wrong gradients."""


class FormatError(ValueError):
    """A file is damaged, is of another kind, or asks for more than the reader allows."""
