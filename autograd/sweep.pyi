from collections.abc import Sequence

from autograd.tape import Node, Value

def sweep(
    roots: list[Node],
    seeds: Sequence[Value],
    wanted: Sequence[Node | None] | None = None,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> list | None: ...
