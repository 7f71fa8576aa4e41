"""``creds lock``: lock the keyrings of this session, and say which are locked."""

from __future__ import annotations

import argparse
import os

from creds_session.cli.output import complain, print_json
from creds_session.cli.parser import add_json, add_timeout
from creds_session.cli.password_source import add_quiet
from creds_session.facts.session_state import rekey_command
from creds_session.session.lock import Locked, lock
from creds_session.system.systemd.logind import is_logged_in
from creds_session.system.terminal.waiting_line import WaitingLine

DESCRIPTION = """\
Lock the login keyring and the default keyring. No program can read a password from them until they
are unlocked again. If no keyring daemon is running for this session, there is nothing to lock, and
the command says so.
"""
EXAMPLES = """\
examples:
  creds lock          lock the login keyring and the default keyring
  creds lock --all    lock your other keyrings, too
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what the command takes."""
    parser.description = DESCRIPTION
    parser.epilog = EXAMPLES
    parser.add_argument(
        "--all", action="store_true", help="Lock every keyring, not only these two."
    )
    parser.add_argument(
        "--if-logged-out",
        action="store_true",
        help="Do nothing as long as you are logged in anywhere on this machine.",
    )
    add_quiet(parser)
    add_json(parser)
    add_timeout(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Lock the login keyring and the default one, or all; return the exit code."""
    if arguments.if_logged_out and is_logged_in(os.getuid()):
        return 0
    with WaitingLine("the keyring daemon", arguments.timeout, is_quiet=arguments.quiet):
        locked = lock(os.environ, everything=arguments.all, timeout=arguments.timeout)
    if arguments.json:
        print_json(
            {
                "locked": list(locked.collections),
                "pid": locked.pid,
                "without_password": list(locked.without_password),
            }
        )
    elif not arguments.quiet:
        complain("creds", _result(locked))
    for name in locked.without_password:
        complain(
            "creds",
            f"the {name} keyring has no password, so the next program that asks unlocks it again",
            f"give it a password: {rekey_command(name)}",
        )
    return 0


def _result(locked: Locked) -> str:
    if locked.pid is None:
        return "no keyring daemon serves this session: nothing is unlocked"
    if not locked.collections:
        return "there is no login keyring and no default keyring: nothing is unlocked"
    what = "keyring is" if len(locked.collections) == 1 else "keyrings are"
    return f"the {what} locked: {', '.join(locked.collections)}"
