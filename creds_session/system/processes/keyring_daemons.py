"""The gnome-keyring-daemons of a user: recognised by their executable, described, ended."""

from __future__ import annotations

import os

from creds_session.facts.session import DAEMON_NAME, Daemon, daemon_role
from creds_session.system.processes.proc import (
    COMM_LENGTH,
    ZOMBIE,
    arguments_of,
    boot_time,
    executable_of,
    name_of,
    named_processes,
    stat_of,
    user_ids_of,
)

KERNEL_NAME = DAEMON_NAME[:COMM_LENGTH]
CLOCK_CHANGE = 1.0  # seconds by which two readings of one start may differ


def keyring_daemons(uid: int) -> tuple[Daemon, ...]:
    """Return every gnome-keyring-daemon of a user that is running, the oldest first.

    A zombie is not running. A program that only has the daemon's name is not a daemon (see
    ``is_daemon``). A daemon whose effective user differs from its real user (PAM inside sudo can
    start one) belongs to neither. Call this as that user: reading the memory of another user's
    process may hang.
    """
    named = named_processes({KERNEL_NAME})
    daemons = filter(None, (daemon_of(pid, uid) for pid, _ in named))
    return tuple(sorted(daemons, key=lambda daemon: daemon.started))


def daemon_of(pid: int, uid: int) -> Daemon | None:
    """Return what is known of a daemon, or None if it has ended or is not this user's daemon.

    If the kernel hides the file of the process, its name decides. The kernel hides the file of the
    daemon, and also that of a user's systemd if systemd has a capability.
    """
    executable = executable_of(pid)
    if executable is not None and not is_daemon(pid, executable):
        return None
    try:
        if user_ids_of(pid) != [uid, uid]:
            return None
        stat = stat_of(pid)
        if stat is None or stat.state == ZOMBIE:
            return None
        if executable is None and stat.name != KERNEL_NAME:
            return None
        arguments = arguments_of(pid)
        started = boot_time() + stat.started_after_boot
    except (OSError, IndexError, ValueError):
        return None
    return Daemon(
        pid=pid,
        parent=stat.parent,
        parent_name=name_of(stat.parent),
        uid=uid,
        executable=executable,
        arguments=arguments,
        started=started,
        role=daemon_role(arguments),
        state=stat.state,
    )


def program_of(pid: int) -> str:
    """Return the kernel's name of a process, or its file if it only has the daemon's name.

    Every process chooses its own name. The file of the real daemon is hidden, because the daemon is
    not dumpable (gkd-main.c). So a file that can be seen, and that is another program's or the
    user's own, shows that the process is not the daemon.
    """
    name = name_of(pid)
    if not name or not DAEMON_NAME.startswith(name):
        return name
    file = executable_of(pid)
    if file is None or is_daemon(pid, file):
        return name
    return file


def is_daemon(pid: int, file: str) -> bool:
    """Return whether the file of a process is the daemon's, or was before it was replaced.

    A file that belongs to the user who runs this counts only for root: other users can give any
    program of their own the daemon's name.
    """
    is_named = file.rpartition("/")[2] in {DAEMON_NAME, f"{DAEMON_NAME} (deleted)"}
    if os.getuid() == 0:
        return is_named
    try:
        is_own = os.stat(f"/proc/{pid}/exe").st_uid == os.getuid()
    except OSError:
        return False
    return not is_own and is_named


def end(daemon: Daemon, timeout: float = 3) -> bool:
    """End a daemon if it is still the same process; return whether it has ended.

    The pidfd refers to this process only: the kernel cannot give the number to another process in
    the meantime (pidfd_open(2)).
    """
    import signal  # few commands end a daemon

    try:
        descriptor = os.pidfd_open(daemon.pid)
    except ProcessLookupError:
        return True
    try:
        if _has_ended(descriptor, 0):
            return True
        now = daemon_of(daemon.pid, daemon.uid)
        if now is None or not _is_same(now, daemon):
            return False
        signal.pidfd_send_signal(descriptor, signal.SIGTERM)
        return _has_ended(descriptor, timeout)
    except ProcessLookupError:
        return True
    finally:
        os.close(descriptor)


def _is_same(daemon: Daemon, other: Daemon) -> bool:
    """Return whether both are the same process: a pid can be reused, but not with the same start.

    The start is counted from the time of the boot, which is computed from a clock that may be set
    or slewed in the meantime. So two readings of it differ a little.
    """
    is_same = daemon._replace(state=other.state, started=other.started) == other
    return is_same and abs(daemon.started - other.started) < CLOCK_CHANGE


def _has_ended(pidfd: int, timeout: float) -> bool:
    import select  # as above

    return bool(select.select([pidfd], [], [], timeout)[0])
