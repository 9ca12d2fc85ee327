"""`autograd bench`: the benchmark suite of a source checkout."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import autograd
from autograd.cli.errors import Parser, UserError


def add(commands: Any) -> Parser:
    """Registers the subcommand, for the list of commands; `main` hands its arguments to the suite unread."""
    return commands.add_parser("bench", help="time training steps and single ops (from a source checkout)")


def run(options: Namespace) -> int:
    """Runs the suite without arguments."""
    return forward([])


def forward(arguments: Sequence[str]) -> int:
    """Runs benchmarks.suite.main(arguments) of the checkout that this package lies in."""
    root = Path(autograd.__file__).resolve().parent.parent
    if not (root / "benchmarks" / "suite.py").is_file():
        raise UserError(
            "bench: the benchmarks belong to the source, not to the installed package; run it from a checkout that is "
            "installed with pip install -e ."
        )
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    from benchmarks.suite import main

    return main([argument for argument in arguments if argument != "--debug"]) or 0
