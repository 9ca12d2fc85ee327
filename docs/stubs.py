"""Writes the type stubs of ops, for editors and mypy, from the registry: python docs/stubs.py

autograd/nn/functional.pyi has every op as a function, autograd/methods.pyi as a method of tensors and in place.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

import autograd.ops
from autograd import Tensor, convert, describe
from autograd.op import Record, registry
from autograd.sampling import Sampler
from autograd.tape import Op

PACKAGE = Path(__file__).parent.parent / "autograd"
HEAD = "# Written by `python docs/stubs.py` from the declarations in autograd/ops.\n\n"
DRAWS = 12  # sample calls that show what a composite returns


def returns(record: Record) -> str:
    """The type of an op's result; composites are called, as some return several tensors or depend on a flag."""
    if isinstance(record.call, Op):
        return "Tensor"
    if record.samples is None:
        return "Any"
    found = set()
    for seed in range(DRAWS):
        args, attrs = record.samples(Sampler(seed))
        with np.errstate(all="ignore"):
            found.add(type(record.call(*args, **attrs)))
    if found == {Tensor}:
        return "Tensor"
    return "tuple[Tensor, ...]" if all(issubclass(kind, tuple) for kind in found) else "Any"


def parameters(record: Record, method: bool = False) -> str:
    """Inputs, then attributes, by position or name; `names` stands for PyTorch's and NumPy's spellings of the names."""
    parts = []
    for parameter in record.signature.parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            parts.append(f"*{parameter.name}: Any")
        elif parameter.kind is parameter.KEYWORD_ONLY or parameter.default is not parameter.empty:
            parts.append(f"{parameter.name}: Any = ...")
        else:
            parts.append(f"{parameter.name}: Any")
    if method:
        parts = ["self", *(parts if parts and parts[0].startswith("*") else parts[1:])]
    return ", ".join([*parts, "**names: Any"])


def stub(name: str, record: Record, result: str, method: bool = False) -> str:
    """One function, with the first line of its documentation."""
    doc = (record.doc or "").split("\n")[0].replace("\\", "\\\\").replace('"', "'")
    indent = "    " if method else ""
    return f'{indent}def {name}({parameters(record, method)}) -> {result}:\n{indent}    """{doc}"""\n'


def named() -> Iterable[tuple[str, Record, str]]:
    """Every public op and alias with its record and the type of its result."""
    own = {n: r for n, r in registry().items() if r.module.startswith("autograd.ops.")}
    results = {name: returns(record) for name, record in own.items()}
    names = {name: name for name in own} | autograd.ops.ALIASES
    return [(name, own[op], results[op]) for name, op in sorted(names.items())]


def functions() -> str:
    """The text of nn/functional.pyi."""
    head = HEAD + "from typing import Any\n\nfrom autograd.tensor import Tensor\n\n"
    rows = [*named()]
    known = {name: record for name, record, _ in rows}
    for name in autograd.ops.names():
        for ending, result in (("_", "Tensor"), ("_with_indices", "tuple[Tensor, Tensor]")):
            if name not in known and name.removesuffix(ending) in known:
                rows.append((name, known[name.removesuffix(ending)], result))
    return head + "\n".join(stub(*row) for row in rows)


def methods() -> str:
    """The text of methods.pyi: what tensor.pyi does not declare itself."""
    written = (PACKAGE / "tensor.pyi").read_text(encoding="utf-8")
    rows = [row for row in named() if row[0] not in autograd.ops.METHODS]
    rows += [(name, call.record, "Tensor") for name, call in autograd.ops.METHODS.items()]
    lines = [stub(*row, method=True) for row in rows if f"def {row[0]}(" not in written]
    lines += [
        stub(f"{name}_", record, "Self", method=True)
        for name, record, result in rows
        if result == "Tensor" and f"def {name}_(" not in written
    ]
    others = [n for n in convert.METHODS | describe.METHODS if f"def {n}(" not in written]
    lines += [f"    def {name}(self, *args: Any, **kwargs: Any) -> Any: ...\n" for name in others]
    lines += [f"    @property\n    def {name}(self) -> Any: ...\n" for name in describe.PROPERTIES]
    head = "from typing import Any\n\nfrom typing_extensions import Self\n\nfrom autograd.tensor import Tensor\n\n"
    return HEAD + head + "class Methods:\n" + "\n".join(lines)


def pages() -> dict[Path, str]:
    """The stubs by path."""
    return {PACKAGE / "nn" / "functional.pyi": functions(), PACKAGE / "methods.pyi": methods()}


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
