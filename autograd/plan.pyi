from collections.abc import Callable

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
