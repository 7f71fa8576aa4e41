"""``creds lock``: locks the keyrings of this session, says what is locked."""

from __future__ import annotations

import argparse
import os

from creds_session.cli.output import complain, print_json
from creds_session.cli.parser import seconds
from creds_session.facts.session_state import rekey_command
from creds_session.session.lock import Locked, lock
from creds_session.system.systemd.logind import is_logged_in


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what the command takes."""
    parser.add_argument("--all", action="store_true", help="every keyring that is served")
    parser.add_argument(
        "--if-logged-out", action="store_true", help="only if you have no login session any more"
    )
    parser.add_argument("--json", action="store_true", help="the result as one JSON object")
    parser.add_argument("--timeout", type=seconds, default=10, metavar="S", help="(10)")


def execute(arguments: argparse.Namespace) -> int:
    """Lock the login keyring and the default one, or all; return the exit code."""
    if arguments.if_logged_out and is_logged_in(os.getuid()):
        return 0
    locked = lock(os.environ, everything=arguments.all, timeout=arguments.timeout)
    if arguments.json:
        print_json(
            {
                "locked": list(locked.collections),
                "pid": locked.pid,
                "without_password": list(locked.without_password),
            }
        )
    else:
        complain("creds", _told(locked))
    for name in locked.without_password:
        complain(
            "creds",
            f"locking the {name} keyring means nothing: it has no password, so that the next"
            " program that asks opens it again",
            f"give it a password: {rekey_command(name)}",
        )
    return 0


def _told(locked: Locked) -> str:
    if locked.pid is None:
        return "no keyring daemon serves this session: nothing is unlocked"
    if not locked.collections:
        return "there is no login keyring and no default keyring: nothing is unlocked"
    what = "keyring is" if len(locked.collections) == 1 else "keyrings are"
    return f"the {what} locked: {', '.join(locked.collections)}"
