"""Find out when the login of this process happened, by logind and by the processes of the login."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from creds_session.records import NamedTuple
from creds_session.system.processes.commands import run
from creds_session.system.processes.proc import stat_of, user_ids_of
from creds_session.system.systemd.logind import PROC, is_sshd, name_of_session

TIMEOUT = 1.0  # seconds
TICK = 0.05  # seconds; the kernel counts the starts of processes in hundredths
PROPERTIES = ("Id", "Leader", "TimestampMonotonic", "Class")


class LoginTime(NamedTuple):
    """The time in which a login ran its PAM modules, in seconds since 1970.

    ``session`` is logind's name of the session. An empty name stands for every login.
    """

    session: str
    begin: float = 0
    end: float = float("inf")


EVERY_LOGIN = LoginTime("")


class Started(NamedTuple):
    """A session as logind has it.

    ``made`` is when logind made it, in microseconds of the monotonic clock, and ``leader`` is a
    pid. ``kind`` is logind's class: since systemd 256 the user manager has a session of its own, of
    the class ``manager`` (org.freedesktop.login1(5)).
    """

    made: int
    leader: int
    kind: str = "user"


def own_login_time(
    proc: Path = PROC, listed: Mapping[str, Started] | None = None
) -> LoginTime | None:
    """Return when the login of this session ran, or None if this user has no session here.

    ``listed`` are the sessions of this user by name; loginctl is asked if they are not known.

    It begins when the leader of an ssh login starts, which is before the password is asked, or
    when logind makes the session. It ends when the first process of this user starts above this
    one, because PAM has opened the session by then, and at the latest when the next login of this
    user begins. A login may start the user manager, whose session is no other login. The times are
    right if nobody has set the clock since then.
    """
    name = name_of_session(proc)
    if not name:
        return None
    known = _sessions(os.getuid()) if listed is None else listed
    if name not in known:
        return None
    began = {one: _begin(session, proc) for one, session in known.items()}
    begin = began[name]
    logins = [began[one] for one in known if not known[one].kind.startswith("manager")]
    later = [other for other in logins if other > begin]
    return LoginTime(name, begin - TICK, min([_first_own_start(proc) + TICK, *later]))


def _sessions(uid: int) -> dict[str, Started]:
    """Return each session of this user that logind still knows."""
    names = run(["loginctl", "show-user", str(uid), "-p", "Sessions", "--value"], timeout=TIMEOUT)
    if not names.output.split():
        return {}
    wanted = [word for name in PROPERTIES for word in ("-p", name)]
    shown = run(["loginctl", "show-session", *names.output.split(), *wanted], timeout=TIMEOUT)
    found = {}
    for block in shown.output.split("\n\n"):
        fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        made, leader = fields.get("TimestampMonotonic", ""), fields.get("Leader", "")
        if made.isdigit():
            pid = int(leader) if leader.isdigit() else 0
            found[fields.get("Id", "")] = Started(int(made), pid, fields.get("Class", ""))
    return found


def _begin(session: Started, proc: Path) -> float:
    """Return when a login began."""
    began = _since_1970(session.made / 1e6, time.CLOCK_MONOTONIC)
    stat = stat_of(session.leader, str(proc))
    if stat is None or not is_sshd(proc / str(session.leader)):
        return began
    return min(began, _since_1970(stat.started_after_boot, time.CLOCK_BOOTTIME))


def _first_own_start(proc: Path) -> float:
    """Return when the topmost process of this user above this one started."""
    pid, first, uid = os.getpid(), time.time(), os.getuid()
    while pid and (stat := stat_of(pid, str(proc))) is not None:
        try:
            if user_ids_of(pid) != [uid, uid]:
                break
        except (OSError, IndexError, ValueError):
            break
        first = _since_1970(stat.started_after_boot, time.CLOCK_BOOTTIME)
        pid = stat.parent
    return first


def _since_1970(reading: float, clock: int) -> float:
    """Return the time of a reading of a clock that counts from the boot."""
    return time.time() - time.clock_gettime(clock) + reading
