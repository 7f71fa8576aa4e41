"""``creds rekey``: ask for the old and the new password, and change it."""

from __future__ import annotations

import argparse
import os
import shlex

from creds_session.cli import password_source
from creds_session.cli.output import complain, print_json
from creds_session.cli.parser import add_json, seconds
from creds_session.facts.session_state import LOGIN
from creds_session.secret import Secret
from creds_session.session.rekey import Rekeyed, rekey
from creds_session.system.processes.core_dumps import forbid_core_dumps
from creds_session.system.terminal.waiting_line import WaitingLine
from creds_session.text import printable

DESCRIPTION = """\
Change the password of a keyring. Use it if the login password was changed and the keyring still has
the old one, or to give a password to a keyring that has none. The command asks for the old
password, the new one, and the new one again. If the keyring has no password, no old one is asked
for. --password-stdin, --password-fd and --password-credential take two lines: old, new. The first
line is empty if the keyring has no password.
"""
REMEMBERED = (
    "if you logged in with a password that is not the new password of the keyring, the keyring"
    " daemon may remember it. If a window on your desktop then asks for the password of the keyring"
    " and you type the new one, the daemon changes the password of the keyring to the one that it"
    " remembers"
)


EXAMPLES = """\
examples:
  creds rekey                 ask for the old password and twice for the new one
  creds rekey --keyring web   change the password of the keyring in web.keyring
  printf '%s\\n' "$OLD" "$NEW" | creds rekey --password-stdin
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what the command takes."""
    parser.description = DESCRIPTION
    parser.epilog = EXAMPLES
    password_source.add_sources(parser)
    parser.add_argument(
        "--keyring",
        metavar="NAME",
        help="Change the keyring in the file NAME.keyring. Without this option it is the login"
        " keyring, or the default keyring if there is no login keyring.",
    )
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=10,
        metavar="S",
        help="Give up after S seconds without an answer (default: 10). The time in which a person"
        " types does not count.",
    )
    password_source.add_quiet(parser)
    add_json(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Change the password of a keyring of this session; return the exit code."""
    forbid_core_dumps()
    waiting = WaitingLine("the keyring daemon", arguments.timeout, is_quiet=arguments.quiet)
    with waiting:
        done = rekey(
            os.environ,
            lambda which: _passwords(
                arguments, waiting, which.name, has_password=not which.is_plain
            ),
            keyring=arguments.keyring,
            timeout=arguments.timeout,
        )
    if not arguments.quiet:
        _report(done)
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


def _passwords(
    arguments: argparse.Namespace, waiting: WaitingLine, name: str, *, has_password: bool
) -> tuple[Secret, Secret]:
    with waiting.held():
        return password_source.old_and_new(arguments, printable(name), has_password=has_password)


def _report(done: Rekeyed) -> None:
    if done.had_newline:
        complain("creds", "the password of the keyring ended with a newline; the new one does not")
    was = "which the old password unlocks" if done.had_password else "which is not encrypted"
    complain(
        "creds",
        f"the {done.keyring} keyring has the new password and is unlocked (gnome-keyring-daemon,"
        f" pid {done.pid})",
        f"a copy of the keyring as it was, {was}: {done.backup}\n{_when_to_delete(done)}",
    )
    if done.may_remember and done.keyring == LOGIN and done.had_password:
        complain("creds", REMEMBERED, f"to make it forget: kill {done.pid}; creds unlock")
    if done.is_kept:
        complain(
            "creds",
            f"the login keyring keeps the new password of the {done.keyring} keyring in place of an"
            " older one, so that programs unlock it without a question",
        )
    if done.is_stale:
        clear = ("secret-tool", "clear", "keyring", f"LOCAL:/keyrings/{done.keyring}.keyring")
        complain(
            "creds",
            f"the login keyring keeps an older password of the {done.keyring} keyring, which could"
            " not be replaced and unlocks nothing",
            f"once the login keyring is unlocked, remove it: {shlex.join(clear)}",
        )


def _when_to_delete(done: Rekeyed) -> str:
    if not done.had_password:
        return "delete that file as soon as you have read a secret: it shows all secrets to anybody"
    if done.keyring == LOGIN:
        return "delete that file after a login with the new password has unlocked the keyring"
    return "delete that file after the keyring was unlocked with the new password"
