"""``creds env``: print assignments that connect a shell to its user's session bus."""

from __future__ import annotations

import argparse
import os
import sys

from creds_session.cli.output import complain
from creds_session.cli.parser import add_timeout
from creds_session.errors import Unavailable
from creds_session.facts.next_step import bus_state, is_under_sudo, next_step
from creds_session.session.shell_assignments import render
from creds_session.system.processes.user_ids import own_account
from creds_session.system.session_bus.user_bus import (
    assignments,
    find,
    has_own_runtime_directory,
    start,
)
from creds_session.system.terminal.waiting_line import WaitingLine

EVAL = {
    "sh": 'eval "$(creds env)"',
    "fish": "creds env --shell fish | source",
    "csh": 'eval "`creds env --shell csh`"',
}
DESCRIPTION = """\
Print shell commands that connect a shell to your session bus, for use with eval. Use it in tmux, in
cron or after su, if the variables of the session are missing or belong to one that has ended.
"""
EXAMPLES = """\
examples:
  eval "$(creds env)"                sh, bash, zsh and ksh
  creds env --shell fish | source    fish
  eval "$(creds env --start)"        start a session bus if none answers
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what the command takes."""
    parser.description = DESCRIPTION
    parser.epilog = EXAMPLES
    parser.add_argument(
        "--shell",
        choices=("sh", "fish", "csh"),
        default="sh",
        help="Print the syntax of this shell. sh is the default, and is also for bash, zsh and"
        " ksh.",
    )
    parser.add_argument(
        "--start",
        action="store_true",
        help="If no session bus answers, start one that your later shells find too.",
    )
    add_timeout(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print the assignments; return the exit code. Nothing is printed if there is no bus."""
    with WaitingLine("the session bus", arguments.timeout):
        bus = find(os.environ, arguments.timeout)
    if bus is None:
        if not arguments.start:
            raise Unavailable("no session bus of yours answers", hint=_hint())
        bus = start(os.environ, arguments.timeout)
    ours = has_own_runtime_directory(os.environ)
    assigned = assignments(os.environ, bus, os.getuid(), runtime_is_ours=ours)
    values = {
        name: None if value is None else os.fsencode(value) for name, value in assigned.items()
    }
    sys.stdout.buffer.write(render(values, arguments.shell))
    sys.stdout.buffer.flush()
    if sys.stdout.isatty():
        complain("creds", "to connect this shell, run:", EVAL[arguments.shell])
    return 0


def _hint() -> str:
    under_sudo = is_under_sudo(os.getuid(), os.environ)
    has_account = bool(own_account().name)
    state = bus_state(under_sudo=under_sudo, is_elsewhere=False, has_account=has_account)
    return next_step(state).hint
