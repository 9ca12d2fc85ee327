"""`autograd gradcheck`: checks gradient rules against finite differences."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from autograd.cli.errors import Parser
