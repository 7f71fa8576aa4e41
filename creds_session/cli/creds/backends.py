"""``creds backends``: which backend python-keyring uses, and why not the others."""

from __future__ import annotations

import argparse

from creds_session.cli.output import print_json
from creds_session.cli.parser import add_json
from creds_session.text import printable

DESCRIPTION = """\
List the backends of python-keyring, each with its priority and the reason why it is used or not.
The last line says whether creds goes over D-Bus or through python-keyring.
"""
EXAMPLES = """\
examples:
  creds backends           list the backends; * marks the one that is used
  creds backends --json    the same for a program
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what the command takes."""
    parser.description = DESCRIPTION
    parser.epilog = EXAMPLES
    add_json(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print the backends; return the exit code."""
    from creds_session.credentials.backends import backends
    from creds_session.credentials.backends_report import as_json, lines

    choice = backends()
    if arguments.json:
        print_json(as_json(choice))
    else:
        print("\n".join(map(printable, lines(choice))))
    return 0
