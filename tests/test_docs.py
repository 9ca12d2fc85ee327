"""Pages that are derived from the code are up to date."""

import runpy
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"


def test_the_page_of_ops_is_up_to_date():
    made = runpy.run_path(str(DOCS / "ops.py"))["page"]()
    assert (DOCS / "ops.md").read_text(encoding="utf-8") == made, "run: python docs/ops.py"


def test_composites_rest_on_few_primitives():
    few = runpy.run_path(str(DOCS / "ops.py"))["foundations"](5)
    assert {"add", "mul", "matmul", "conv2d_grad_x"} <= few and len(few) < 95


def test_the_stubs_of_ops_are_up_to_date():
    for path, text in runpy.run_path(str(DOCS / "stubs.py"))["pages"]().items():
        assert path.read_text(encoding="utf-8") == text, "run: python docs/stubs.py"
