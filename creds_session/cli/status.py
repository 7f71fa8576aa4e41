"""``creds status``: whether a secret can be read here; starts nothing."""

from __future__ import annotations

import argparse
import os
import sys

from creds_session.cli.common import complain, print_json
from creds_session.cli.parser import seconds
from creds_session.probe.session import probe_bus, probe_keyring
from creds_session.report.status import State, as_json, judge
from creds_session.report.text import printable

NEXT = {
    State.LOCKED: "next: creds unlock",
    State.WAITING: "next: creds unlock",
    State.NO_DAEMON: "next: creds unlock",
    State.NO_KEYRING: "next: creds unlock --create",
}
"""What to type next, for a person at a terminal; the other states need `creds-doctor`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what the command takes."""
    parser.add_argument("--json", action="store_true", help="the result as one JSON object")
    parser.add_argument("--timeout", type=seconds, default=10, metavar="S", help="(10)")


def execute(arguments: argparse.Namespace) -> int:
    """Print the state of this session's keyring; return its exit code."""
    keyring = probe_keyring(os.environ, connect=False)
    bus = probe_bus(os.environ, arguments.timeout)
    found = judge(bus, keyring)
    if arguments.json:
        print_json(as_json(bus, keyring))
    else:
        print(f"{found.state.value}: {printable(found.line)}")
        if found.state in NEXT and sys.stderr.isatty():
            complain("creds", NEXT[found.state])
    return found.exit_code
