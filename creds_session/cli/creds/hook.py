"""``creds hook``: install, remove or print the login hook of the person who calls."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from creds_session.cli.output import complain
from creds_session.errors import UsageError
from creds_session.session import login_hook
from creds_session.system.processes.user_ids import own_account

DESCRIPTION = """\
Install, remove or print the login hook for yourself. From the next login on, the hook asks for the
password of the keyring if the login did not unlock it. scripts/install installs a hook for all
users.
"""
EXAMPLES = """\
examples:
  creds hook install                    be asked from the next login on
  creds hook print --shell fish         print the hook, and change nothing
  creds hook remove                     remove the hook
  sudo creds hook install --unit lock   lock keyrings at the last logout
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what the command takes."""
    parser.description = DESCRIPTION
    parser.epilog = EXAMPLES
    actions = ("install", "remove", "print")
    parser.add_argument(
        "action",
        choices=actions,
        metavar="|".join(actions),
        help="Install the hook, remove exactly what was installed, or print the hook.",
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument(
        "--shell",
        type=_shell,
        metavar=f"{{{','.join(login_hook.SHELLS)}}}",
        help="Use the hook for this shell. Without this option it is your login shell. csh and"
        " tcsh have no hook.",
    )
    kind.add_argument(
        "--unit",
        choices=("lock", "unlock", "pam"),
        help="Use a unit of systemd instead of the hook: lock locks all keyrings at your last"
        " logout; unlock unlocks the login keyring with a credential; pam, which requires root,"
        " checks the change of PAM after each update.",
    )


def _shell(name: str) -> str:
    """Return the name of a shell that has a hook. Raises ArgumentTypeError."""
    if name in login_hook.SHELLS:
        return name
    why = login_hook.WITHOUT_HOOK if name in login_hook.CSH else "there is no hook for that shell"
    raise argparse.ArgumentTypeError(f"{why}; {login_hook.WITH_HOOK}")


def execute(arguments: argparse.Namespace) -> int:
    """Install, remove or print the hook; return the exit code."""
    if arguments.unit is not None:
        return _unit(arguments)
    shell = arguments.shell or _login_shell(arguments.action)
    is_printed = arguments.action == "print"  # then HOME does not matter
    ours = login_hook.hook_of(shell, {**os.environ, "HOME": "/"} if is_printed else _environment())
    text = (login_hook.profile_directory() / ours.resource).read_bytes()
    if is_printed:
        sys.stdout.buffer.write(text)
        return 0
    if os.getuid() == 0:
        raise _not_for_root(arguments.action)
    if arguments.action == "install":
        return _print_done(changed=login_hook.install(ours, text))
    done = login_hook.uninstall(ours)
    return _print_done(removed=done.removed, changed=done.changed)


def _not_for_root(action: str) -> UsageError:
    """Return the error for root without ``--unit``, whose hint fits what root wanted."""
    if action == "install":
        return UsageError(
            "root is never asked for a keyring's password, so root needs no hook",
            hint="for everyone on this machine: scripts/install",
        )
    return UsageError(
        "root has no hook of its own, because root is never asked for a keyring's password;"
        " nothing was removed",
        hint="your own hook: creds hook remove, without sudo\n"
        "the hook for everyone on this machine: scripts/install --no-hook\n"
        "a unit for everyone: creds hook remove --unit lock",
    )


def _login_shell(action: str) -> str:
    shell = Path(own_account().shell).name
    if not shell:
        raise UsageError(
            f"user id {os.getuid()} has no entry in the passwd database, so its login shell is not"
            " known",
            hint=f"name the shell: creds hook {action} --shell sh",
        )
    return shell


def _environment() -> dict[str, str]:
    """Return the environment with HOME. Raises UsageError if the home is not known."""
    home = os.environ.get("HOME") or own_account().home
    if not home:
        raise UsageError("HOME is not set, and the passwd database names no home of this user")
    return {**os.environ, "HOME": home}


def _unit(arguments: argparse.Namespace) -> int:
    """Install, remove or print units of the user manager. Root does it for all users."""
    from creds_session.session import user_units  # seldom wanted

    what: str = arguments.unit
    source = login_hook.profile_directory()
    if arguments.action == "print":
        for name in user_units.UNITS[what]:
            sys.stdout.buffer.write(b"# " + name.encode() + b"\n" + (source / name).read_bytes())
        return 0
    place = user_units.folder(_environment(), what)
    if arguments.action == "remove":
        return _print_done(removed=user_units.uninstall(what, place))
    program = user_units.program_of(what)
    return _print_done(changed=user_units.install(what, source, place, program))


def _print_done(*, removed: Sequence[Path] = (), changed: Sequence[Path] = ()) -> int:
    for verb, paths in (("removed", removed), ("changed", changed)):
        for path in paths:
            complain("creds", f"{verb} {path}")
    if not (removed or changed):
        complain("creds", "nothing to do")
    return 0
