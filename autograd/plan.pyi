from collections.abc import Callable

from autograd.tape import Op

SAVE_INPUT: int
SAVE_SHAPE: int
SAVE_OUT: int
SAVE_EXTRA: int
FROM_GRADIENT: int
FROM_SAVED: int
FROM_ATTRIBUTE: int
FROM_STEP: int
FROM_TALLY: int
FROM_NOTHING: int
MAX_ARGUMENTS: int

class Step:
    def __init__(self, rule: Callable, target: int, arguments: tuple, op: Op | None = None) -> None: ...

class Plan:
    def __init__(
        self,
        saves: tuple,
        steps: tuple,
        through: dict | None = None,
        tallies: dict | None = None,
        tallied: int = -1,
        gives: bool = False,
        at_once: Step | None = None,
        asked: int = 0,
    ) -> None: ...
