"""``creds exec``: run a command in its own session, with a temporary keyring."""

from __future__ import annotations

import argparse

from creds_session.cli.boundary import run
from creds_session.cli.output import complain
from creds_session.cli.parser import seconds
from creds_session.errors import UsageError
from creds_session.session.private_session import private_session
from creds_session.system.processes.environment import own_environment
from creds_session.system.processes.foreground import NotExecuted, held_signals, run_in_foreground

PROGRAM = "creds exec"
OWN_FAILURE = 125  # env(1)


DESCRIPTION = """\
Run a command with its own D-Bus session and an empty, unlocked, temporary keyring. All of it is
deleted when the command ends. Your own keyring cannot be reached from there; to give a command a
password of your keyring, use creds run.
"""
EXAMPLES = """\
examples:
  creds exec -- ./nightly-report
  creds exec -- sh -c 'creds put app me < /run/secrets/app; ./test'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what the command takes."""
    parser.description = DESCRIPTION
    parser.epilog = EXAMPLES
    parser.usage = "creds exec [--timeout S] -- COMMAND..."
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=10,
        metavar="S",
        help="Give up after S seconds in each step of making the session (default: 10). The"
        " command itself is not limited.",
    )
    parser.add_argument(
        "argv",
        metavar="-- COMMAND",
        nargs=argparse.REMAINDER,
        help="The command that is run, and its arguments.",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Run the command; return its exit code, or 125 if it could not be started."""
    argv = arguments.argv[1:] if arguments.argv[:1] == ["--"] else arguments.argv
    if not argv:
        raise UsageError("name the command: creds exec -- COMMAND")
    environ = own_environment()
    ended: list[int] = []

    def command() -> int:
        with (
            held_signals() as held,
            private_session(environ, timeout=arguments.timeout) as own,
        ):
            try:
                ended.append(run_in_foreground(argv, own, held))
            except NotExecuted as error:
                complain(PROGRAM, error.problem)
                ended.append(error.exit_code)
        return 0

    run(command, PROGRAM)
    return ended[0] if ended else OWN_FAILURE
