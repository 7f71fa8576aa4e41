"""``creds hook``: the login hook of the person who calls."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from creds_session.cli.output import complain
from creds_session.errors import UsageError
from creds_session.session import login_hook
from creds_session.system.processes.user_ids import own_account


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what the command takes."""
    actions = ("install", "remove", "print")
    parser.add_argument("action", choices=actions, metavar="|".join(actions), help="what to do")
    shells = ("sh", "dash", "ksh", "ash", "bash", "zsh", "fish")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--shell", choices=shells, help="whose (your login shell's)")
    kind.add_argument(
        "--unit",
        choices=("lock", "unlock"),
        help="instead, a unit of systemd: lock at the last logout; unlock with a credential",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Install, remove or print the hook; return the exit code."""
    if arguments.unit is not None:
        return _unit(arguments)
    shell = arguments.shell or _login_shell(arguments.action)
    is_printed = arguments.action == "print"  # where it would be put is of no interest
    ours = login_hook.hook_of(shell, {**os.environ, "HOME": "/"} if is_printed else _environment())
    text = (login_hook.profile_directory() / ours.resource).read_bytes()
    if is_printed:
        sys.stdout.buffer.write(text)
        return 0
    if os.getuid() == 0:
        raise UsageError(
            "root is never asked for a keyring's password, so root needs no hook",
            hint="for everyone on this machine: scripts/install",
        )
    return _told(
        login_hook.install(ours, text)
        if arguments.action == "install"
        else login_hook.uninstall(ours)
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
    """Return the environment, with a home. Raises UsageError if nothing names one."""
    home = os.environ.get("HOME") or own_account().home
    if not home:
        raise UsageError("HOME is not set, and the passwd database names no home of this user")
    return {**os.environ, "HOME": home}


def _unit(arguments: argparse.Namespace) -> int:
    """Install, remove or print units of the user manager, root's for everybody."""
    from creds_session.session import user_units  # seldom wanted

    what: str = arguments.unit
    source = login_hook.profile_directory()
    if arguments.action == "print":
        for name in user_units.UNITS[what]:
            sys.stdout.buffer.write(b"# " + name.encode() + b"\n" + (source / name).read_bytes())
        return 0
    place = user_units.folder(_environment())
    if arguments.action == "remove":
        return _told(user_units.uninstall(what, place))
    program = shutil.which("creds") or str(Path(sys.argv[0]).absolute())
    return _told(user_units.install(what, source, place, program))


def _told(changed: list[Path]) -> int:
    for path in changed:
        complain("creds", f"changed {path}")
    if not changed:
        complain("creds", "nothing to do")
    return 0
