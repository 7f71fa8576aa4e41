"""``creds rekey``: asks for the old and the new password, says what became of the keyring."""

from __future__ import annotations

import argparse
import os

from creds_session.cli import passwords
from creds_session.cli.common import complain, print_json
from creds_session.cli.parser import seconds
from creds_session.system.hardening import forbid_core_dumps
from creds_session.unlock.rekey import Rekeyed, rekey

DESCRIPTION = """\
Give the login keyring another password, where the login's was changed without it. It asks for the
old one, the new one, and the new one again; --password-stdin, --password-fd and
--password-credential take two lines: old, new.
"""
REMEMBERED = (
    "if the keyring refused this login's password, and that is not the new one: until a login opens"
    " the keyring, a desktop's prompt that is answered rightly gives it that password"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what the command takes."""
    parser.description = DESCRIPTION
    passwords.add_sources(parser)
    parser.add_argument("--timeout", type=seconds, default=10, metavar="S", help="seconds (10)")
    parser.add_argument("--quiet", action="store_true", help="say nothing where it worked")
    parser.add_argument("--json", action="store_true", help="the result as one JSON object")


def execute(arguments: argparse.Namespace) -> int:
    """Change the password of this session's login keyring; return the exit code."""
    forbid_core_dumps()
    done = rekey(os.environ, lambda: passwords.old_and_new(arguments), timeout=arguments.timeout)
    if not arguments.quiet:
        _tell(done)
    if arguments.json:
        print_json(
            {
                "rekeyed": True,
                "backup": str(done.backup),
                "had_newline": done.had_newline,
                "pid": done.pid,
            }
        )
    return 0


def _tell(done: Rekeyed) -> None:
    if done.had_newline:
        complain("creds", "the keyring's password ended with a newline; it does no more")
    complain(
        "creds",
        f"the login keyring has the new password, and is open (gnome-keyring-daemon, pid"
        f" {done.pid})",
        f"as it was, opened by the old password: {done.backup}\n"
        "delete that file once a login with the new password has opened the keyring",
    )
    if done.may_remember:
        complain("creds", REMEMBERED)
