"""``creds env``: assignments that put a shell on its user's bus."""

from __future__ import annotations

import argparse
import os
import sys

from creds_session.cli.parser import seconds
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what the command takes."""
    shells = ("sh", "fish", "csh")
    parser.add_argument("--shell", choices=shells, default="sh", help="whose (sh)")
    parser.add_argument("--start", action="store_true", help="start a bus where there is none")
    parser.add_argument("--timeout", type=seconds, default=10, metavar="S", help="(10)")


def execute(arguments: argparse.Namespace) -> int:
    """Print the assignments; return the exit code. Nothing is printed where there is no bus."""
    found = find(os.environ, arguments.timeout)
    if found is None:
        if not arguments.start:
            raise Unavailable("no session bus of yours answers", hint=_hint())
        found = start(os.environ, arguments.timeout)
    ours = has_own_runtime_directory(os.environ)
    told = assignments(os.environ, found, os.getuid(), runtime_is_ours=ours)
    values = {name: None if value is None else os.fsencode(value) for name, value in told.items()}
    sys.stdout.buffer.write(render(values, arguments.shell))
    sys.stdout.buffer.flush()
    return 0


def _hint() -> str:
    under_sudo = is_under_sudo(os.getuid(), os.environ)
    has_account = bool(own_account().name)
    state = bus_state(under_sudo=under_sudo, is_elsewhere=False, has_account=has_account)
    return next_step(state).hint
