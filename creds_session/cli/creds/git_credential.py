"""``creds git-credential``: a credential helper, run by git itself."""

from __future__ import annotations

import argparse
import sys

from creds_session.cli.creds.credentials import waiting
from creds_session.system.processes.core_dumps import forbid_core_dumps
from creds_session.system.terminal.standard_input import read_standard_input

DESCRIPTION = """\
A credential helper, which git runs by itself (gitcredentials(7)). It reads the description of a
credential from standard input, and prints the user name and the password.
"""
EXAMPLES = """\
examples:
  git config --global credential.helper '!creds git-credential'
  printf 'protocol=https\\nhost=forge.example\\n\\n' | creds git-credential get
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what the command takes."""
    parser.description = DESCRIPTION
    parser.epilog = EXAMPLES
    parser.add_argument(
        "operation",
        metavar="get|store|erase",
        help="Print, store or delete the credential. Any other operation does nothing.",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Carry out one operation. One that is not known is ignored (gitcredentials(7))."""
    from creds_session.credentials.access import USUAL
    from creds_session.credentials.delivery import git_credential as helper

    forbid_core_dumps()
    asked = helper.parse_description(read_standard_input())
    if asked is None:
        return 0
    with waiting(USUAL):
        if arguments.operation == "get":
            sys.stdout.buffer.write(helper.get(asked))
            sys.stdout.buffer.flush()
        elif arguments.operation == "store":
            helper.store(asked)
        elif arguments.operation == "erase":
            helper.erase(asked)
    return 0
