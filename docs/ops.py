"""Writes docs/ops.md, the page of all ops, from the registry: python docs/ops.py"""

from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from textwrap import fill

import autograd.ops
from autograd.op import Record, intercepted, registry
from autograd.sampling import Sampler

PAGE = Path(__file__).with_name("ops.md")
HEAD = """# Ops

Written by `python docs/ops.py` from the declarations in `autograd/ops/`. Every op is a function of `autograd` and of
`autograd.nn.functional`, and a method of tensors. "Second" says that derivatives of the gradient are checked too.
"""


def foundations(samples: int = 20) -> set[str]:
    """The primitives that composites call, seen by running samples; without fused ops, whose twin defines them."""
    used: set[str] = set()

    def noting(forward: Callable, record: Record) -> Callable:
        def call(*args, **attrs):
            used.add(record.name)
            return forward(*args, **attrs)

        return call

    with intercepted(noting):
        for record in registry().values():
            for seed in range(samples if record.composite and record.samples else 0):
                args, attrs = record.samples(Sampler(seed))
                record.call(*args, **attrs)
    return {name for name in used if registry()[name].twin is None}


def counts(records: list[Record]) -> str:
    """How many ops there are of each kind."""
    primitive = [record for record in records if not record.composite]
    ruled = [record for record in primitive if record.differentiable]
    pointwise = [record for record in ruled if record.module.rpartition(".")[2] in autograd.ops.POINTWISE]
    other, free = len(records) - len(primitive), len(primitive) - len(ruled)
    text = f"""{len(records)} ops. {other} are written with other ops, in the end with {len(foundations())} primitives.
        The other primitives stand for themselves, or fuse several for speed. Of all primitives {free} have no gradient
        (truth values, whole numbers, random numbers), {len(pointwise)} are functions of single numbers, a formula and
        its derivative, and {len(ruled) - len(pointwise)} have other rules."""
    return fill(" ".join(text.split()), 120) + "\n"


def row(record: Record) -> str:
    """An op as a row: signature, formula, gradient, ONNX name."""
    gradient = "no" if not record.differentiable else "second" if record.second_order else "first"
    formula = (record.doc or "").split("\n")[0].replace("|", "\\|").replace("*", "\\*").replace("_", "\\_")
    return f"| `{record.name}{record.signature}` | {formula} | {gradient} | {record.onnx or ''} |"


def page() -> str:
    """The whole page, a table for each family of ops."""
    own = [record for record in registry().values() if record.module.startswith("autograd.ops.")]
    own.sort(key=lambda record: (record.module, record.name))
    parts = [HEAD, counts(own)]
    for module, records in groupby(own, key=lambda record: record.module):
        parts += [f"## {module.rpartition('.')[2]}\n", "| op | formula | gradient | ONNX |", "|---|---|---|---|"]
        parts += [*map(row, records), ""]
    others = ", ".join(f"`{alias}` = `{name}`" for alias, name in sorted(autograd.ops.ALIASES.items()))
    return "\n".join([*parts, f"## Other names\n\n{others}\n"])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
