"""The environment that processes were started with, without what sshd set for another user."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from creds_session.system.processes.proc import MOST_READ, PROC

OWN_SCOPE = re.compile(r"/user-(\d+)\.slice/session-([^/\n]+)\.scope")
OF_SSH = frozenset({"SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY", "SSH_USER_AUTH"})
NOBODY = (1 << 32) - 1  # a loginuid that was never set


def environments(uid: int) -> Iterator[dict[str, str]]:
    """Yield the environment that each process of a user was started with, if it can be read.

    The environment is in the memory of the process. Call this as that user, in a child or a thread
    that can be abandoned. At most 64 KiB are read of each process. Variables that sshd set for the
    login of another user, and that su kept, are left out.
    """
    for name in os.listdir(PROC):
        if name.isdigit():
            with suppress(OSError):  # it has ended, or the kernel hides it
                if os.stat(f"{PROC}/{name}").st_uid == uid:
                    environment = _environment(name, MOST_READ)
                    yield dict(own_environment_of(environment, uid, Path(PROC, name)))


def own_environment() -> dict[str, str]:
    """Return the environment that this process was started with.

    Python itself adds LC_CTYPE to os.environ if no locale is named (PEP 538).
    """
    try:
        return _environment("self")
    except OSError:
        return dict(os.environ)


def environment_of(pid: int) -> dict[str, str]:
    """Return the environment that a process was started with; empty if the kernel hides it.

    At most 64 KiB are read. See ``environments`` about who may call this.
    """
    try:
        return _environment(str(pid), MOST_READ)
    except OSError:
        return {}


def _environment(process: str, limit: int = -1) -> dict[str, str]:
    with open(f"{PROC}/{process}/environ", "rb") as file:
        content = file.read(limit)
    # If the limit cut the text, the last variable is incomplete.
    entries = content.split(b"\0")[:-1] if len(content) == limit else content.split(b"\0")
    pairs = (os.fsdecode(entry).partition("=") for entry in entries if b"=" in entry)
    return {name: value for name, _, value in pairs}


def own_environment_of(
    environ: Mapping[str, str], uid: int, process: Path = Path(PROC, "self")
) -> Mapping[str, str]:
    """Return the environment of a process without what sshd set for the login of another user.

    ``su`` without a dash keeps those variables, although its user did not log in with ssh.
    """
    if _who_logged_in(process) in {None, uid}:
        return environ
    return {name: value for name, value in environ.items() if name not in OF_SSH}


def _who_logged_in(process: Path) -> int | None:
    """Return the user whose login a process belongs to, which su and sudo do not change.

    The slice of logind's session names the user. If there is no such session, the loginuid does
    (pam_loginuid(8)).
    """
    with suppress(OSError, ValueError):
        session = OWN_SCOPE.search((process / "cgroup").read_text())
        if session:
            return int(session.group(1))
        loginuid = int((process / "loginuid").read_text())
        return None if loginuid == NOBODY or _is_inherited(process.parent) else loginuid
    return None


def _is_inherited(proc: Path) -> bool:
    """Return whether every loginuid here comes from outside: a person started this container."""
    with suppress(OSError, ValueError):
        return int((proc / "1/loginuid").read_text()) != NOBODY
    return False
