"""``creds git-credential``: a credential helper, run by git itself."""

from __future__ import annotations

import argparse
import sys

from creds_session.system.processes.core_dumps import forbid_core_dumps
from creds_session.system.terminal.password_prompt import read_standard_input


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what the command takes."""
    parser.add_argument("operation", metavar="get|store|erase")


def execute(arguments: argparse.Namespace) -> int:
    """Do one operation; one that is not known is let be, as gitcredentials(7) has it."""
    from creds_session.credentials.delivery import git_credential as helper

    forbid_core_dumps()
    asked = helper.parse(read_standard_input())
    if asked is None:
        return 0
    if arguments.operation == "get":
        sys.stdout.buffer.write(helper.get(asked))
        sys.stdout.buffer.flush()
    elif arguments.operation == "store":
        helper.store(asked)
    elif arguments.operation == "erase":
        helper.erase(asked)
    return 0
