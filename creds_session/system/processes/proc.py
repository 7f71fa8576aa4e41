"""Processes as /proc tells of them."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import suppress

from creds_session.facts.session import DAEMON_NAME, Daemon, daemon_role

MOST_READ = 1 << 16  # bytes of the environment or the arguments of a process
ZOMBIE = "Z"
PARENT, STARTED = 1, 19  # fields of proc_pid_stat(5), counted behind the name
COMM_LENGTH = 15  # TASK_COMM_LEN less its NUL, proc_pid_comm(5)


def name_of(pid: int) -> str:
    """Return the kernel's name of a process, cut at 15 bytes, or an empty string."""
    try:
        # pathlib would take longer to load than all of this module
        with open(f"/proc/{pid}/comm", errors="replace") as name:
            return name.read().rstrip("\n")
    except OSError:
        return ""


def program_of(pid: int) -> str:
    """Return the kernel's name of a process, or its file where it only calls itself a daemon.

    A name is what a process says of itself. The daemon's own file is hidden (it is not dumpable,
    gkd-main.c), so it cannot be asked for; a file that shows itself and is another one, or the
    user's own, is no daemon's.
    """
    name = name_of(pid)
    if not name or not DAEMON_NAME.startswith(name):
        return name
    file = executable_of(pid)
    if file is None or is_daemon(pid, file):
        return name
    return file


def find_program(name: str) -> str | None:
    """Return where the system's own path has this program, or None."""
    import shutil  # a daemon that runs already need not be found

    from creds_session.system.processes.commands import SYSTEM_PATH

    return shutil.which(name, path=SYSTEM_PATH)


def keyring_daemons(uid: int) -> tuple[Daemon, ...]:
    """Return every gnome-keyring-daemon of a user that runs; a zombie does not.

    One whose effective user is another (PAM can start one in sudo so) serves that user alone.
    Call it as that user: reading what a process keeps in its memory may not come to an end.
    """
    pids = (int(name) for name in os.listdir("/proc") if name.isdigit())  # numbers
    named = (pid for pid in pids if name_of(pid) == DAEMON_NAME[:COMM_LENGTH])
    found = filter(None, (daemon_of(pid, uid) for pid in named))
    return tuple(sorted(found, key=lambda daemon: daemon.started))


def daemon_of(pid: int, uid: int) -> Daemon | None:
    """Return what is known of a daemon; None if it ended or is not this user's."""
    try:
        if _user_ids_of(pid) != [uid, uid]:
            return None
        state, parent, started = _stat(pid)
        if state == ZOMBIE:
            return None
        arguments = _arguments_of(pid)
    except (OSError, IndexError, ValueError):
        return None
    return Daemon(
        pid=pid,
        parent=parent,
        parent_name=name_of(parent),
        uid=uid,
        executable=executable_of(pid),
        arguments=arguments,
        started=started,
        role=daemon_role(arguments),
        state=state,
    )


def real_uid_of(pid: int) -> int | None:
    """Return the real user id of a process; a daemon's directory is root's."""
    try:
        return _user_ids_of(pid)[0]
    except (OSError, IndexError, ValueError):
        return None


def _user_ids_of(pid: int) -> list[int]:
    """Return the real and the effective user id of a process (proc_pid_status(5))."""
    with open(f"/proc/{pid}/status", errors="replace") as told:  # as above
        return [int(word) for word in told.read().partition("\nUid:")[2].split(None, 2)[:2]]


def _stat(pid: int) -> tuple[str, int, float]:
    """Return state, parent and time of start, in seconds since 1970 (proc_pid_stat(5))."""
    with open(f"/proc/{pid}/stat", errors="replace") as told:
        fields = told.read().rpartition(")")[2].split()
    ticks = int(fields[STARTED]) / os.sysconf("SC_CLK_TCK")
    return fields[0], int(fields[PARENT]), _boot_time() + ticks


def _boot_time() -> float:
    """Return when the machine started, in seconds since 1970 (proc_stat(5), btime)."""
    with open("/proc/stat") as told:
        line = next((one for one in told if one.startswith("btime ")), "btime 0")
    return float(line.split()[1])


def _arguments_of(pid: int) -> tuple[str, ...]:
    """Return the arguments of a process, of 64 KiB of them at most. Raises OSError.

    They lie in the memory of that process, whose user decides how much there is.
    """
    with open(f"/proc/{pid}/cmdline", "rb") as told:
        text = os.fsdecode(told.read(MOST_READ))
    return tuple(text[:-1].split("\0")) if text else ()


CLOCK = 1.0  # seconds


def end(daemon: Daemon, timeout: float = 3) -> bool:
    """End a daemon if it still is the very process that was looked at; tell whether it is gone.

    The pidfd holds on to one process: its number cannot pass to another meanwhile
    (pidfd_open(2)).
    """
    import signal  # seldom

    try:
        descriptor = os.pidfd_open(daemon.pid)
    except ProcessLookupError:
        return True
    try:
        if _gone(descriptor, 0):
            return True
        found = daemon_of(daemon.pid, daemon.uid)
        if found is None or not _is_same(found, daemon):
            return False
        signal.pidfd_send_signal(descriptor, signal.SIGTERM)
        return _gone(descriptor, timeout)
    except ProcessLookupError:
        return True
    finally:
        os.close(descriptor)


def _is_same(one: Daemon, other: Daemon) -> bool:
    """Return whether both are one process: a number comes again, but not with the same start.

    The start is counted from the boot, whose time is worked out anew from a clock that may be set
    or slewed meanwhile: it differs a little from one look to the next.
    """
    same = one._replace(state=other.state, started=other.started) == other
    return same and abs(one.started - other.started) < CLOCK


def _gone(pidfd: int, timeout: float) -> bool:
    return bool(select.select([pidfd], [], [], timeout)[0])


def environments(uid: int) -> Iterator[dict[str, str]]:
    """Give the environment that each process of a user was started with, if it can be read.

    It lies in the memory of the process: call this as that user, in a child or a thread that may be
    given up. At most 64 KiB are read of each. What sshd told another user's login, and su kept, is
    left out.
    """
    from pathlib import Path  # for this alone

    from creds_session.system.systemd.logind import own_environment_of

    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError):  # it ended, or keeps itself to itself
                if os.stat(f"/proc/{name}").st_uid == uid:
                    found = _environment(name, MOST_READ)
                    ours = own_environment_of(found, uid, Path("/proc", name))
                    yield dict(ours)


def own_environment() -> dict[str, str]:
    """Return the environment that this process was started with.

    Python puts LC_CTYPE into its own where no locale is named (PEP 538).
    """
    try:
        return _environment("self")
    except OSError:
        return dict(os.environ)


def _environment(process: str, limit: int = -1) -> dict[str, str]:
    with open(f"/proc/{process}/environ", "rb") as told:
        content = told.read(limit)
    whole = content.split(b"\0")[:-1] if len(content) == limit else content.split(b"\0")
    pairs = (os.fsdecode(one).partition("=") for one in whole if b"=" in one)
    return {name: value for name, _, value in pairs}


def is_daemon(pid: int, file: str) -> bool:
    """Tell whether the file of a process is the daemon's, also one that was replaced since."""
    name = file.rpartition("/")[2]
    if os.getuid() == 0:  # root's own file is the system's; another's is on a disk of theirs
        return name in {DAEMON_NAME, f"{DAEMON_NAME} (deleted)"}
    try:
        is_own = os.stat(f"/proc/{pid}/exe").st_uid == os.getuid()
    except OSError:
        return False
    return not is_own and name in {DAEMON_NAME, f"{DAEMON_NAME} (deleted)"}


def executable_of(pid: int) -> str | None:
    """Return the file that a process runs, or None where the kernel hides it."""
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return None
