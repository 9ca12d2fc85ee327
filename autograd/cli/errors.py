"""Mistakes of the user: one line, exit code 2."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

from autograd.errors import DTypeError, FormatError, ShapeError
from autograd.shapes import near


class UserError(Exception):
    """Something the user can put right; its text is what they read."""


# What the library raises for files, options and data that do not fit; anything else is a bug and shows its traceback.
USER_ERRORS = (UserError, ShapeError, DTypeError, FormatError, FloatingPointError, ImportError, OSError)


def choose(option: str, name: str, known: Iterable[str], listed_by: str | None = None) -> str:
    """`name` if it is known; else a UserError with near names, and all of them or the command that lists them."""
    known = list(known)
    if name not in known:
        rest = f"{listed_by} lists all {len(known)}" if listed_by else f"there are: {', '.join(known)}"
        raise UserError(f"{option}: unknown name {name!r}{near(name, known)}; {rest}")
    return name


def one_line(error: BaseException) -> str:
    """The error's text without line breaks."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return re.sub(r"\s*\n\s*", "; ", text.strip()) or type(error).__name__


class Parser(argparse.ArgumentParser):
    """argparse with errors of one line and near names for misspelt options and commands."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs |= {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
        super().__init__(*args, **kwargs)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse; unknown options get near ones."""
        found, unknown = self.parse_known_args(args, namespace)
        if unknown:
            parser = getattr(found, "parser", self)
            name = unknown[0].partition("=")[0]
            options = [o for action in parser._actions for o in action.option_strings if o.startswith("--")]
            what = "option" if name.startswith("-") else "argument"
            self.error(f"unknown {what} {name!r}{near(name, options)}; see {parser.prog} --help")
        return found

    def error(self, message: str) -> NoReturn:
        """One line, exit code 2."""
        match = re.match(r"argument COMMAND: invalid choice: '(.*?)' \(choose from (.*)\)", message)
        if match:
            known = re.findall(r"[a-z]+", match[2])
            message = f"no command {match[1]!r}{near(match[1], known)}; there are: {', '.join(known)}"
        print(f"autograd: error: {message}", file=sys.stderr)
        raise SystemExit(2)
