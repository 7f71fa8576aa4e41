"""``creds askpass`` and ``creds-askpass``: what ssh, sudo and git run to ask for a password."""

from __future__ import annotations

import argparse
import os
import sys

from creds_session.cli.boundary import run
from creds_session.cli.creds.foreign_home import refuse_foreign_home
from creds_session.system.processes.core_dumps import forbid_core_dumps

PROGRAM = "creds-askpass"


def main() -> int:
    """Run ``creds-askpass PROMPT``; those who run it give it one argument."""
    return run(lambda: _answer(" ".join(sys.argv[1:]), PROGRAM), PROGRAM)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what the command takes."""
    parser.add_argument("prompt", metavar="PROMPT")


def execute(arguments: argparse.Namespace) -> int:
    """Run ``creds askpass PROMPT``."""
    return _answer(arguments.prompt, "creds")


def _answer(prompt: str, program: str) -> int:
    from creds_session.credentials.delivery.askpass import answer

    refuse_foreign_home(program)
    forbid_core_dumps()
    found = answer(os.fsencode(prompt), os.environ)
    sys.stdout.buffer.write(found.reveal() + b"\n")
    sys.stdout.buffer.flush()
    return 0
