from collections.abc import Callable

import numpy as np

from autograd.tape import Op

class Deferred:
    op: Op
    @property
    def shape(self) -> tuple[int, ...]: ...
    def __init__(self, call: Callable, arguments: tuple, op: Op) -> None: ...
    def compute(self) -> np.ndarray: ...
