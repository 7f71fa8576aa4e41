"""The login that a process belongs to: who let it in, and when it began."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from creds_session.errors import Unavailable
from creds_session.system.processes.commands import run

SCOPE = re.compile(r"/session-([^/]+)\.scope")  # logind's, systemd-logind.service(8)
OWN_SCOPE = re.compile(r"/user-(\d+)\.slice/session-([^/\n]+)\.scope")
OF_SSH = frozenset({"SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY", "SSH_USER_AUTH"})
NOBODY = (1 << 32) - 1  # a loginuid that was never set
START_TIME = 19  # the 22nd field of proc_pid_stat(5), counted behind the name
PARENT = 1
LONGEST_TITLE = 4096  # bytes
PROC = Path("/proc")


class Login(NamedTuple):
    """One login: ``began`` is when its leader started, in seconds since boot.

    The leader is sshd's process for one connection. It started before the password was asked,
    so a login whose leader started after a change was made by the changed file. ``leader`` is its
    process number, and ``is_by_sshd`` whether it is a process of sshd's.
    """

    name: str
    service: str
    began: float
    leader: int = 0
    is_by_sshd: bool = False


def own(proc: Path = PROC) -> Login | None:
    """Return the login that this process belongs to; None where it belongs to none.

    logind knows by the control group, which sudo and su keep; where there is no logind, the
    process of sshd's above us tells.
    """
    found = SCOPE.search((proc / "self/cgroup").read_text())
    return _of_session(found.group(1), proc) if found else _of_connection(proc)


def is_logged_in(uid: int) -> bool:
    """Tell whether a user has a login session that is not closing. Raises Unavailable.

    His processes may outlive it, and his manager does where it lingers (sd_uid_get_state(3)).
    """
    shown = run(["loginctl", "show-user", str(uid), "--property=State"])
    state = shown.output.strip().partition("=")[2]
    if not state:
        raise Unavailable(f"logind does not tell whether user id {uid} is logged in")
    return state not in {"closing", "lingering", "offline"}


def name_of_session(proc: Path = PROC) -> str:
    """Return logind's name of this user's session, or nothing.

    What su starts is in the session, and the slice, of the user who called it.
    """
    found = OWN_SCOPE.search((proc / "self/cgroup").read_text())
    return found.group(2) if found and int(found.group(1)) == os.getuid() else ""


def service_of_session(proc: Path = PROC) -> str:
    """Return the PAM service by which this user's session of logind's began, or nothing."""
    name = name_of_session(proc)
    if not name:
        return ""
    shown = run(["loginctl", "show-session", name, "-p", "Service", "--value"], timeout=1)
    return shown.output.strip()


def own_environment_of(
    environ: Mapping[str, str], uid: int, process: Path = PROC / "self"
) -> Mapping[str, str]:
    """Return the environment of a process less what sshd told the login of another user.

    su without a dash keeps those variables, and no login by ssh of its own user's is behind them.
    """
    if _who_logged_in(process) in {None, uid}:
        return environ
    return {name: value for name, value in environ.items() if name not in OF_SSH}


def _who_logged_in(process: Path) -> int | None:
    """Return the user whose login a process belongs to, which su and sudo leave as it is.

    The slice of logind's session tells; where there is none, the loginuid (pam_loginuid(8)).
    """
    with suppress(OSError, ValueError):
        found = OWN_SCOPE.search((process / "cgroup").read_text())
        if found:
            return int(found.group(1))
        told = int((process / "loginuid").read_text())
        return None if told == NOBODY or _is_inherited(process.parent) else told
    return None


def _is_inherited(proc: Path) -> bool:
    """Tell whether all here is of a login outside: a container that a person started."""
    with suppress(OSError, ValueError):
        return int((proc / "1/loginuid").read_text()) != NOBODY
    return False


def _of_session(name: str, proc: Path) -> Login | None:
    shown = run(["loginctl", "show-session", name, "-p", "Leader", "-p", "Service", "-p", "Class"])
    told = dict(line.split("=", 1) for line in shown.output.splitlines() if "=" in line)
    leader = told.get("Leader", "")
    stat = _stat(leader, proc)
    if stat is None or not told.get("Class", "").startswith("user"):
        return None
    service = told.get("Service", "")
    return Login(name, service, _began(stat), int(leader), _is_sshd(proc / leader))


def _of_connection(proc: Path) -> Login | None:
    """Look upwards for the last process of sshd's that is not the one that listens."""
    pid, found = (proc / "self").resolve().name, None
    while (stat := _stat(pid, proc)) is not None and pid != "0":
        if _is_sshd(proc / pid):
            found = Login(f"of process {pid}", "sshd", _began(stat), int(pid), is_by_sshd=True)
        pid = stat[PARENT]
    return found


def _is_sshd(process: Path) -> bool:
    try:
        if (process / "exe").readlink().name not in {"sshd", "sshd-session"}:
            return False
        with (process / "cmdline").open("rb") as told:
            title = told.read(LONGEST_TITLE)
    except OSError:
        return False
    return b"[listener]" not in title


def _stat(pid: str, proc: Path) -> list[str] | None:
    """Return the fields behind the name, which may hold anything."""
    try:
        return (proc / pid / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def _began(stat: list[str]) -> float:
    return int(stat[START_TIME]) / os.sysconf("SC_CLK_TCK")
