"""The command `autograd`. One file per subcommand; each has `add(subparsers)` and `run(options) -> exit code`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from autograd.cli import bench, evaluate, explain, export, gradcheck, plan, predict, summary, train
from autograd.cli.errors import USER_ERRORS, Parser, one_line
from autograd.version import __version__

__all__ = ["main"]

DESCRIPTION = """\
Train small neural networks on the CPU, look at them, and check gradients.

  autograd train                              train on the bundled handwritten digits (seconds)
  autograd train --data fashion-mnist         another data set, with the model and settings that suit it
  autograd predict runs/digits-digits_cnn picture.png
"""


def build_parser() -> Parser:
    """The parser of the whole command."""
    parser = Parser(prog="autograd", description=DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"autograd {__version__} (cygrad)")
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", title="commands")
    for command in (train, plan, evaluate, predict, explain, summary, export, gradcheck, bench):
        own = command.add(commands)
        own.add_argument("--debug", action="store_true", help="show the traceback of an error")
        own.set_defaults(run=command.run, parser=own)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code: 0 fine, 1 a check failed, 2 a mistake of the user, 130 Ctrl-C."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments[:1] == ["bench"]:  # its options are those of the benchmark suite
        return _guarded(lambda: bench.forward(arguments[1:]), "--debug" in arguments)
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 0
    return _guarded(lambda: options.run(options), options.debug)


def _guarded(run, debug: bool) -> int:  # type: ignore[no-untyped-def]
    try:
        return run()
    except USER_ERRORS as error:
        if debug:
            raise
        if isinstance(error, BrokenPipeError):  # `autograd ... | head`
            sys.stderr.close()
            return 1
        print(f"autograd: error: {one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("autograd: interrupted", file=sys.stderr)
        return 130
