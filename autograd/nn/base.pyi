from typing import Any

from autograd.tape import Op

class Callable:
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def __getattr__(self, name: str) -> Any: ...

class Shortcut:
    def __init__(
        self,
        layer: type[Callable],
        op: Op,
        names: tuple[str, ...],
        with_relu: Op | None = None,
        only_if: tuple[str, Any] | None = None,
        dimensions: int = -1,
    ) -> None: ...

class Chain:
    def __init__(self, layer: type[Callable], name: str) -> None: ...

class WithReLU:
    layer: Any
    relu: Callable
    def __init__(self, layer: Callable, relu: Callable, forward: str = ...) -> None: ...
    def __call__(self, x: Any) -> Any: ...

def find_quickly(subclass: type[Callable]) -> None: ...
def is_plain(module: Callable) -> bool: ...

class ReLUBeforePool:
    layer: WithReLU
    pool: Any
    def __init__(self, layer: WithReLU, pool: Any) -> None: ...
    def __call__(self, x: Any) -> Any: ...

class ConvNorm:
    conv: Any
    norm: Any
    relu: Any
    def __init__(self, conv: Any, norm: Any, relu: Any, op: Any, second: Any) -> None: ...
    def __call__(self, x: Any) -> Any: ...
    def is_ready(self) -> bool: ...
