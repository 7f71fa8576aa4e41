"""``creds help``: the overview of all commands, or the help of one."""

from __future__ import annotations

import argparse

from creds_session.cli.creds.main import COMMANDS, command_parser
from creds_session.cli.creds.overview import ALSO_CALLED, overview
from creds_session.cli.parser import Parser

DESCRIPTION = "Show the overview of all commands, or the options and examples of one command."
EXAMPLES = """\
examples:
  creds help        the overview
  creds help put    the options of creds put, with examples
"""


def add_arguments(parser: Parser) -> None:
    """Give a parser what the command takes."""
    parser.description = DESCRIPTION
    parser.epilog = EXAMPLES
    parser.also_called = ALSO_CALLED
    parser.add_argument(
        "about",
        metavar="COMMAND",
        nargs="?",
        choices=COMMANDS,
        help="Show the help of this command. Without it, the overview is shown.",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Print the help; return the exit code."""
    about = command_parser(arguments.about).format_help() if arguments.about else overview()
    print(about, end="")
    return 0
