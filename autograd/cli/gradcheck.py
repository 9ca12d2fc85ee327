"""`autograd gradcheck`: checks gradient rules against finite differences."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from autograd.checking import command
from autograd.cli.errors import Parser, UserError
from autograd.cli.options import count

EXAMPLES = """\
examples:
  autograd gradcheck                       every op (minutes)
  autograd gradcheck conv2d --cases 50
  autograd gradcheck my_op.py:cube         an op that a file of yours declares
  autograd gradcheck my_package.ops        all ops that a module declares

Every op is drawn with sizes that straddle vector and block lengths; values, first and second derivatives are compared
with independent formulas. The exit code is 0 if all are right and 1 if one is wrong.
"""


def add(commands: Any) -> Parser:
    """Registers the subcommand."""
    parser: Parser = commands.add_parser(
        "gradcheck", help="check gradients, also of your own ops", description="Check gradient rules.", epilog=EXAMPLES
    )
    parser.add_argument("target", nargs="?", metavar="TARGET", help="OP, FILE.py, FILE.py:OP, MODULE or MODULE:OP")
    parser.add_argument("--cases", type=count, default=20, metavar="N", help="drawn calls per op (default 20)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the drawn calls (default 0)")
    return parser


def run(options: Namespace) -> int:
    """0: all right, 1: something is wrong."""
    try:
        command.resolve(options.target)
    except command.TargetError as error:
        raise UserError(f"gradcheck: {error}") from None
    return command.run(options.target, options.cases, options.seed)
