"""``creds status``: whether a secret can be read here; starts nothing."""

from __future__ import annotations

import argparse
import os
import sys

from creds_session.cli.output import complain, print_json
from creds_session.cli.parser import seconds
from creds_session.facts.next_step import BusState, next_step
from creds_session.facts.session_state import rekey_command
from creds_session.probe.keyring import probe_bus, probe_keyring
from creds_session.session.status import State, as_json, session_status
from creds_session.text import printable

NEXT = {
    State.LOCKED: "unlock it: creds unlock",
    State.PASSWORD_KEPT: "unlock it, with the kept password if it fits: creds unlock",
    State.NO_DAEMON: "unlock it: creds unlock",
    State.WAITING: "unlock it: creds unlock",
    State.NO_KEYRING: "create one: creds unlock --create",
    State.GHOST: "creds-doctor says how to mend it",
    State.NO_DEFAULT: "creds-doctor says how to mend it",
    State.HUNG: next_step(BusState.HUNG).hint,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what the command takes."""
    parser.add_argument("--json", action="store_true", help="the result as one JSON object")
    parser.add_argument("--timeout", type=seconds, default=10, metavar="S", help="(10)")


def execute(arguments: argparse.Namespace) -> int:
    """Print the state of this session's keyring; return its exit code."""
    keyring = probe_keyring(os.environ, connect=False)
    bus = probe_bus(os.environ, arguments.timeout)
    found = session_status(bus, keyring)
    if arguments.json:
        print_json(as_json(bus, keyring))
    else:
        print(f"{found.state.value}: {printable(found.line)}")
        _tell_what_next(found.state, found.keyring)
    return found.exit_code


def _tell_what_next(state: State, keyring: str) -> None:
    """Say on standard error what to type, if a secret cannot be read or anybody can read it."""
    if state is State.NO_BUS:
        from creds_session.system.session_bus.connect import hint  # seldom

        sys.stdout.flush()
        complain("creds", hint(os.environ))
    elif state is State.NO_PASSWORD:
        sys.stdout.flush()
        complain("creds", f"give it a password: {rekey_command(keyring)}")
    elif state in NEXT:
        sys.stdout.flush()
        complain("creds", NEXT[state])
