"""``creds status``: say whether a secret can be read here. It starts nothing."""

from __future__ import annotations

import os
import sys

from creds_session.cli.output import complain, print_json
from creds_session.cli.waiting import waiting_line
from creds_session.facts.next_step import BusState, next_step
from creds_session.facts.session import ControlHolder
from creds_session.facts.session_state import rekey_command
from creds_session.probe.keyring import probe_bus, probe_keyring
from creds_session.session.status import State, as_json, session_status
from creds_session.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

NEXT = {
    State.LOCKED: "unlock it: creds unlock",
    State.PASSWORD_KEPT: "unlock it, with the kept password if it fits: creds unlock",
    State.NO_DAEMON: "unlock it: creds unlock",
    State.WAITING: "unlock it: creds unlock",
    State.NO_KEYRING: "create one: creds unlock --create",
    State.GHOST: "find out how to fix it: creds-doctor",
    State.NO_DEFAULT: "find out how to fix it: creds-doctor",
    State.HUNG: next_step(BusState.HUNG).hint,
}


DESCRIPTION = """\
Say whether a secret can be read in this session. The command starts nothing and unlocks nothing. It
prints the state in one word and in a sentence; the exit code is 0 if a secret can be read.
"""
EXAMPLES = """\
examples:
  creds status                              print the state
  creds status >/dev/null || creds unlock   unlock if no secret can be read
  creds status --json                       the same for a program
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what the command takes."""
    from creds_session.cli.parser import add_json, add_timeout

    parser.description = DESCRIPTION
    parser.epilog = EXAMPLES
    add_json(parser)
    add_timeout(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print the state of this session's keyring; return its exit code."""
    keyring = probe_keyring(os.environ, connect=False)
    with waiting_line("the session bus", arguments.timeout):
        bus = probe_bus(os.environ, arguments.timeout)
    if bus.owner is None and keyring.control_listens:
        from creds_session.probe.control_holder import with_holder  # seldom

        keyring = with_holder(bus, keyring)
    verdict = session_status(bus, keyring)
    if arguments.json:
        print_json(as_json(bus, keyring))
    else:
        print(f"{verdict.state.value}: {printable(verdict.line)}")
        _print_what_next(verdict.state, verdict.keyring, keyring.holder)
    return verdict.exit_code


def _print_what_next(state: State, keyring: str, holder: ControlHolder | None) -> None:
    """Say on standard error what to type, if a secret cannot be read or anybody can read it."""
    if state is State.NO_BUS:
        from creds_session.system.session_bus.connect import hint  # seldom

        sys.stdout.flush()
        complain("creds", hint(os.environ))
    elif state is State.NO_PASSWORD:
        sys.stdout.flush()
        complain("creds", f"give it a password: {rekey_command(keyring)}")
    elif holder is not None:
        sys.stdout.flush()
        from creds_session.facts.control_holder import end_holder

        complain("creds", end_holder(holder).hint)
    elif state in NEXT:
        sys.stdout.flush()
        complain("creds", NEXT[state])
