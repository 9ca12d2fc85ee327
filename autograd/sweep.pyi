from collections.abc import Callable, Sequence
from typing import Any

from autograd.value import Node, Value

def sweep(
    roots: Sequence[Node | None],
    seeds: Sequence[Value],
    wanted: Sequence[Node | None] | None = None,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> Any: ...
def watch(watcher: Callable[[Node, Node, Value], None] | None) -> None: ...
