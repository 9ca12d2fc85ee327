"""What a mistake is answered with: every entry of mistakes.txt raises exactly the error beside it.

After changing a message: python tests/test_mistakes.py writes the file anew; read the difference before committing it.
"""

import re
from pathlib import Path

import pytest

import autograd as ag
import autograd.nn.functional as F
from autograd import data, func, graph, linalg, nn, optim

TABLE = Path(__file__).with_name("mistakes.txt")
NAMES = {
    "ag": ag, "F": F, "data": data, "func": func, "graph": graph, "linalg": linalg, "nn": nn, "optim": optim,
    "zeros": ag.zeros,
    "labels": lambda *shape: ag.zeros(*shape, dtype=ag.int64),
    "variable": lambda *shape: ag.ones(*shape, requires_grad=True),
}  # fmt: skip


def entries() -> list[tuple[str, str]]:
    """(expression, error) of every entry; comments start with #."""
    text = re.sub(r"^#.*\n", "", TABLE.read_text(encoding="utf-8"), flags=re.M)
    return [tuple(part.strip() for part in entry.split("\n", 1)) for entry in text.split(">>> ")[1:]]


def answer(expression: str) -> str:
    try:
        eval(expression, dict(NAMES))
    except Exception as error:
        lines = f"{type(error).__name__}: {error}".splitlines()
        return "\n".join(line.rstrip() for line in lines)
    return "no error"


@pytest.mark.parametrize("expression, error", entries())
def test_the_message(expression, error):
    assert answer(expression) == error


def test_there_are_many_and_all_are_errors():
    table = entries()
    assert len(table) >= 120 and len(dict(table)) == len(table)
    assert not [expression for expression, error in table if error == "no error"]


if __name__ == "__main__":
    table = TABLE.read_text(encoding="utf-8")
    for expression, error in entries():
        table = table.replace(f">>> {expression}\n{error}\n", f">>> {expression}\n{answer(expression)}\n")
    TABLE.write_text(table, encoding="utf-8")
