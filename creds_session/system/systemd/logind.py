"""Find the login that this process belongs to: its service, and when it began."""

from __future__ import annotations

import os
import re
from pathlib import Path

from creds_session.errors import Unavailable
from creds_session.records import NamedTuple
from creds_session.system.processes.commands import run
from creds_session.system.processes.environment import OWN_SCOPE
from creds_session.system.processes.proc import stat_of

SCOPE = re.compile(r"/session-([^/]+)\.scope")  # made by logind, systemd-logind.service(8)
LONGEST_TITLE = 4096  # bytes
PROC = Path("/proc")


class Login(NamedTuple):
    """One login. ``began`` is when its leader started, in seconds since boot.

    The leader is sshd's process for one connection. It started before the password was asked, so a
    login whose leader started after a change used the changed file. ``leader`` is the leader's pid,
    and ``is_by_sshd`` is whether the leader is a process of sshd.
    """

    name: str
    service: str
    began: float
    leader: int = 0
    is_by_sshd: bool = False


def own(proc: Path = PROC) -> Login | None:
    """Return the login that this process belongs to, or None.

    The control group names logind's session; sudo and su keep it. Without logind, the login is
    found by the process of sshd above this one.
    """
    scope = SCOPE.search((proc / "self/cgroup").read_text())
    return _of_session(scope.group(1), proc) if scope else _of_connection(proc)


def is_logged_in(uid: int) -> bool:
    """Return whether a user has a login session that is not closing. Raises Unavailable.

    The user's processes may outlive the session, and so does the user manager if the user lingers
    (sd_uid_get_state(3)).
    """
    shown = run(["loginctl", "show-user", str(uid), "--property=State"])
    state = shown.output.strip().partition("=")[2]
    if not state:
        raise Unavailable(f"logind does not say whether user id {uid} is logged in")
    return state not in {"closing", "lingering", "offline"}


def name_of_session(proc: Path = PROC) -> str:
    """Return logind's name of this user's session, or an empty string.

    A process that su starts is in the session and the slice of the user who called su.
    """
    scope = OWN_SCOPE.search((proc / "self/cgroup").read_text())
    return scope.group(2) if scope and int(scope.group(1)) == os.getuid() else ""


def service_of_session(proc: Path = PROC) -> str:
    """Return the PAM service of this user's session in logind, or an empty string."""
    name = name_of_session(proc)
    if not name:
        return ""
    shown = run(["loginctl", "show-session", name, "-p", "Service", "--value"], timeout=1)
    return shown.output.strip()


def _of_session(name: str, proc: Path) -> Login | None:
    shown = run(["loginctl", "show-session", name, "-p", "Leader", "-p", "Service", "-p", "Class"])
    fields = dict(line.split("=", 1) for line in shown.output.splitlines() if "=" in line)
    leader = fields.get("Leader", "")
    stat = stat_of(int(leader), str(proc)) if leader.isdigit() else None
    if stat is None or not fields.get("Class", "").startswith("user"):
        return None
    service = fields.get("Service", "")
    is_by_sshd = is_sshd(proc / leader)
    return Login(name, service, stat.started_after_boot, int(leader), is_by_sshd)


def _of_connection(proc: Path) -> Login | None:
    """Return the login of the topmost process of sshd above this one that does not listen."""
    pid, login = int((proc / "self").resolve().name), None
    while pid and (stat := stat_of(pid, str(proc))) is not None:
        if is_sshd(proc / str(pid)):
            began = stat.started_after_boot
            login = Login(f"of process {pid}", "sshd", began, pid, is_by_sshd=True)
        pid = stat.parent
    return login


def is_sshd(process: Path) -> bool:
    """Return whether this directory of /proc is of a process of sshd that does not listen."""
    try:
        if (process / "exe").readlink().name not in {"sshd", "sshd-session"}:
            return False
        with (process / "cmdline").open("rb") as file:
            title = file.read(LONGEST_TITLE)
    except OSError:
        return False
    return b"[listener]" not in title
