"""How arguments are read: errors exit with 64, and the help keeps its examples' lines."""

from __future__ import annotations

import argparse
import math
import os
import sys
from typing import Any, NoReturn

from creds_session.errors import UsageError
from creds_session.report.text import printable
from creds_session.version import __version__

COLUMNS = 80  # where nothing tells
LONGEST = 86400.0  # seconds


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Made for every argument, to look at its name: argparse's own loads shutil for the width."""

    def __init__(self, prog: str, **named: Any) -> None:  # noqa: ANN401 - argparse's own
        super().__init__(prog, **{"width": _width() - 2, **named})


def _width() -> int:
    """Return how many columns standard output has (shutil.get_terminal_size)."""
    named = os.environ.get("COLUMNS", "")
    if named.isdecimal() and int(named):
        return int(named)
    try:
        return os.get_terminal_size(1).columns or COLUMNS
    except OSError:
        return COLUMNS


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors exit with 64, and whose help keeps its examples' lines.

    ``add_parser`` gives this class more keywords in each Python version (``color`` since 3.14):
    they are passed on.
    """

    def __init__(
        self,
        prog: str,
        description: str,
        epilog: str,
        **named: Any,  # noqa: ANN401 - argparse's own
    ) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            formatter_class=_Formatter,
            allow_abbrev=False,
            **named,
        )
        self.add_argument("--version", action="version", version=f"%(prog)s {__version__}")

    def error(self, message: str) -> NoReturn:
        """Print the usage and the message, and exit."""
        self.print_usage(sys.stderr)
        self.exit(UsageError.exit_code, f"{self.prog}: {printable(message)}\n")


def seconds(text: str) -> float:
    """Return a time limit given on the command line: more than nothing, at most a day."""
    value = float(text)
    if not (math.isfinite(value) and 0 < value <= LONGEST):
        raise ValueError(text)
    return value
