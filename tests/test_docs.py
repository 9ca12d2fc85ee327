"""Pages that are derived from the code are up to date."""

import runpy
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"


def test_the_page_of_ops_is_up_to_date():
    made = runpy.run_path(str(DOCS / "ops.py"))["page"]()
    assert (DOCS / "ops.md").read_text(encoding="utf-8") == made, "run: python docs/ops.py"
