from collections.abc import Callable

import numpy as np

from autograd.tape import Op

class Deferred:
    op: Op | None
    @property
    def shape(self) -> tuple[int, ...]: ...
    def __init__(self, call: Callable, arguments: tuple, op: Op | None, like: np.ndarray | None = ...) -> None: ...
    def compute(self) -> np.ndarray: ...
