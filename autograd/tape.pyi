from collections.abc import Callable
from typing import Any

from autograd.op import Record
from autograd.value import Node, Value

SAVE_INPUT: int
SAVE_SHAPE: int
SAVE_OUT: int
SAVE_EXTRA: int
FROM_GRADIENT: int
FROM_SAVED: int
FROM_ATTRIBUTE: int
FROM_STEP: int

class Step:
    def __init__(self, rule: Callable, target: int, arguments: tuple) -> None: ...

class Plan:
    def __init__(self, saves: tuple, steps: tuple, through: dict | None = None) -> None: ...

class Op:
    name: str
    record: Record
    forward: Callable
    kernel: Callable | None
    twin: Callable | None
    part: Callable | None
    joints: dict[Callable, Callable] | None
    timed: Callable | None
    __name__: str
    def __init__(self, name: str) -> None: ...
    def forget_plans(self) -> None: ...
    def complete(
        self,
        record: Record,
        forward: Callable,
        extras: int,
        custom: bool,
    ) -> None: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def with_extras(self, *args: Any, **kwargs: Any) -> tuple: ...
    def grads(self, **rules: Callable | None) -> Op: ...
    def __getattr__(self, name: str) -> Any: ...

def has_halves(inputs: tuple) -> bool: ...
def grad_enabled() -> bool: ...
def set_grad_enabled(on: bool) -> bool: ...
def observe(observer: Callable[[Node, tuple, Value], None], on: bool = True) -> None: ...
def declare(name: str) -> Op: ...
def declared() -> dict[str, Op]: ...
