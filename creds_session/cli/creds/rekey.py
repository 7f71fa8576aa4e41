"""``creds rekey``: asks for the old and the new password, says what became of the keyring."""

from __future__ import annotations

import argparse
import os
import shlex

from creds_session.cli import password_source
from creds_session.cli.output import complain, print_json
from creds_session.cli.parser import seconds
from creds_session.facts.session_state import LOGIN
from creds_session.session.rekey import Rekeyed, rekey
from creds_session.system.processes.core_dumps import forbid_core_dumps
from creds_session.text import printable

DESCRIPTION = """\
Give a keyring another password: the login keyring if the login's password was changed without it,
or a keyring that has no password yet. It asks for the old password, the new one, and the new one
again. A keyring without a password is not asked for an old one. --password-stdin, --password-fd and
--password-credential take two lines: old, new. The old line of a keyring without a password is
empty.
"""
REMEMBERED = (
    "if the keyring refused this login's password, and that is not the new one: until a login opens"
    " the keyring, a desktop's prompt that is answered rightly gives it that password"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what the command takes."""
    parser.description = DESCRIPTION
    password_source.add_sources(parser)
    parser.add_argument(
        "--keyring",
        metavar="NAME",
        help="the keyring in NAME.keyring (the login keyring, or the default one if there is none)",
    )
    parser.add_argument("--timeout", type=seconds, default=10, metavar="S", help="seconds (10)")
    parser.add_argument("--quiet", action="store_true", help="say nothing where it worked")
    parser.add_argument("--json", action="store_true", help="the result as one JSON object")


def execute(arguments: argparse.Namespace) -> int:
    """Change the password of a keyring of this session; return the exit code."""
    forbid_core_dumps()
    done = rekey(
        os.environ,
        lambda which: password_source.old_and_new(
            arguments, printable(which.name), has_password=not which.is_plain
        ),
        keyring=arguments.keyring,
        timeout=arguments.timeout,
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
                "keyring": done.keyring,
                "had_password": done.had_password,
            }
        )
    return 0


def _tell(done: Rekeyed) -> None:
    if done.had_newline:
        complain("creds", "the keyring's password ended with a newline; it does no more")
    was = "opened by the old password" if done.had_password else "not encrypted"
    complain(
        "creds",
        f"the {done.keyring} keyring has the new password, and is open (gnome-keyring-daemon, pid"
        f" {done.pid})",
        f"as it was, {was}: {done.backup}\n{_when_to_delete(done)}",
    )
    if done.may_remember and done.keyring == LOGIN and done.had_password:
        complain("creds", REMEMBERED)
    if done.is_kept:
        complain(
            "creds",
            f"the login keyring keeps the new password of the {done.keyring} keyring in place of an"
            " older one, so that programs open it without a question",
        )
    if done.is_stale:
        clear = ("secret-tool", "clear", "keyring", f"LOCAL:/keyrings/{done.keyring}.keyring")
        complain(
            "creds",
            f"the login keyring keeps an older password of the {done.keyring} keyring, which could"
            " not be replaced and opens nothing; `creds unlock` does not renew it",
            f"once the login keyring is unlocked, remove it: {shlex.join(clear)}",
        )


def _when_to_delete(done: Rekeyed) -> str:
    if not done.had_password:
        return "delete that file as soon as you have read a secret: it shows all of them to anyone"
    if done.keyring == LOGIN:
        return "delete that file once a login with the new password has opened the keyring"
    return "delete that file once the keyring was unlocked with the new password"
