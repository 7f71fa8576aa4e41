"""``creds askpass`` and ``creds-askpass``: answer a prompt of ssh, sudo or git."""

from __future__ import annotations

import argparse
import os
import sys

from creds_session.cli.boundary import run
from creds_session.cli.creds.credentials import waiting
from creds_session.cli.creds.foreign_home import refuse_foreign_home
from creds_session.system.processes.core_dumps import forbid_core_dumps

PROGRAM = "creds-askpass"
DESCRIPTION = """\
Answer a prompt of ssh, sudo or git with a password of the keyring. These programs run an askpass
program with the prompt as its only argument. CREDS_ASKPASS_SERVICE and CREDS_ASKPASS_USER name the
credential. creds run --askpass sets everything up by itself.
"""
EXAMPLES = """\
examples:
  export CREDS_ASKPASS_SERVICE=web1 CREDS_ASKPASS_USER=alice
  creds askpass "alice@web1's password: "
  SSH_ASKPASS=creds-askpass SSH_ASKPASS_REQUIRE=force ssh alice@web1 uptime

exit codes: 0 the answer was printed; 64 the variables are not set; 77 the prompt does not ask for a
  password, or was answered once already; the others are those of creds get
"""
OPTIONS = ("-h", "--help", "-V", "--version")


def main() -> int:
    """Run ``creds-askpass PROMPT``. Programs run it with one argument, which is the prompt."""
    words = sys.argv[1:]
    if len(words) == 1 and words[0] in OPTIONS:  # no program asks for a password in these words
        return run(lambda: _print_about(words), PROGRAM)
    return run(lambda: _answer(" ".join(words), PROGRAM), PROGRAM)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what the command takes."""
    parser.description = DESCRIPTION
    parser.epilog = EXAMPLES
    parser.add_argument("prompt", metavar="PROMPT", help="The prompt of the program that asks.")


def execute(arguments: argparse.Namespace) -> int:
    """Answer the prompt; return the exit code."""
    return _answer(arguments.prompt, "creds")


def _print_about(words: list[str]) -> int:
    """Print the help or the version, and exit."""
    from creds_session.cli.parser import Parser

    parser = Parser(PROGRAM, DESCRIPTION, EXAMPLES)
    add_arguments(parser)
    parser.parse_args(words)
    return 0


def _answer(prompt: str, program: str) -> int:
    from creds_session.credentials.access import USUAL
    from creds_session.credentials.delivery.askpass import answer

    refuse_foreign_home(program)
    forbid_core_dumps()
    with waiting(USUAL):
        password = answer(os.fsencode(prompt), os.environ)
    sys.stdout.buffer.write(password.reveal() + b"\n")
    sys.stdout.buffer.flush()
    return 0
