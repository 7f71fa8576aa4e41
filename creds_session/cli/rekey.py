"""``creds rekey``: asks for the old and the new password, says what became of the keyring."""

from __future__ import annotations

import argparse
import os

from creds_session.cli import passwords
from creds_session.cli.common import complain, print_json
from creds_session.system.hardening import forbid_core_dumps
from creds_session.unlock.rekey import Rekeyed
from creds_session.unlock.rekey import rekey as change_password

REMEMBERED = (
    "if the keyring refused this login's password, and that is not the new one: until a login opens"
    " the keyring, a desktop's prompt that is answered rightly gives it that password"
)


def rekey(arguments: argparse.Namespace) -> int:
    """Change the password of this session's login keyring; return the exit code."""
    forbid_core_dumps()
    done = change_password(
        os.environ, lambda: passwords.old_and_new(arguments), timeout=arguments.timeout
    )
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
