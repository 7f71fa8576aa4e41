"""Processes as /proc tells of them."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import suppress

from creds_session.session_facts import DAEMON_NAME, Daemon, daemon_role

COMM_LENGTH = 15  # TASK_COMM_LEN less its NUL, proc_pid_comm(5)


def name_of(pid: int) -> str:
    """Return the kernel's name of a process, cut at 15 bytes, or an empty string."""
    try:
        # pathlib would take longer to load than all of this module
        with open(f"/proc/{pid}/comm", errors="replace") as name:  # noqa: PTH123
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
    import shutil  # noqa: PLC0415 - a daemon that runs already need not be found

    from creds_session.system.commands import SYSTEM_PATH  # noqa: PLC0415

    return shutil.which(name, path=SYSTEM_PATH)


def keyring_daemons(uid: int) -> tuple[Daemon, ...]:
    """Return every gnome-keyring-daemon of a user that runs; a zombie does not.

    One whose effective user is another (PAM can start one in sudo so) serves that user alone.
    """
    import psutil  # noqa: PLC0415 - `creds get` and a quiet `creds unlock` do without it

    found = []
    for process in psutil.process_iter():
        try:
            with process.oneshot():
                if process.name()[:COMM_LENGTH] != DAEMON_NAME[:COMM_LENGTH]:
                    continue
                users = process.uids()
                if not users.real == users.effective == uid:
                    continue
                if process.status() == psutil.STATUS_ZOMBIE:
                    continue
                arguments = tuple(process.cmdline())
                found.append(
                    Daemon(
                        pid=process.pid,
                        parent=process.ppid(),
                        parent_name=name_of(process.ppid()),
                        uid=uid,
                        executable=executable_of(process.pid),
                        arguments=arguments,
                        started=process.create_time(),
                        role=daemon_role(arguments),
                    )
                )
        except psutil.Error:
            continue
    return tuple(sorted(found, key=lambda daemon: daemon.started))


CLOCK = 1.0  # seconds


def end(daemon: Daemon, timeout: float = 3) -> bool:
    """End a daemon if it still is the very process that was looked at; tell whether it is gone.

    The pidfd holds on to one process: its number cannot pass to another meanwhile
    (pidfd_open(2)).
    """
    import signal  # noqa: PLC0415 - seldom

    try:
        descriptor = os.pidfd_open(daemon.pid)
    except ProcessLookupError:
        return True
    try:
        if _gone(descriptor, 0):
            return True
        if not any(_is_same(one, daemon) for one in keyring_daemons(daemon.uid)):
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
    """Give the environment that each process of a user was started with, where it can be read.

    What sshd told another user's login, and su kept, is left out.
    """
    from pathlib import Path  # noqa: PLC0415 - for this alone

    from creds_session.system.logins import own_environment_of  # noqa: PLC0415

    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            with suppress(OSError):  # it ended, or keeps itself to itself
                if os.stat(f"/proc/{name}").st_uid == uid:  # noqa: PTH116
                    ours = own_environment_of(_environment(name), uid, Path("/proc", name))
                    yield dict(ours)


def own_environment() -> dict[str, str]:
    """Return the environment that this process was started with.

    Python puts LC_CTYPE into its own where no locale is named (PEP 538).
    """
    try:
        return _environment("self")
    except OSError:
        return dict(os.environ)


def _environment(process: str) -> dict[str, str]:
    with open(f"/proc/{process}/environ", "rb") as told:  # noqa: PTH123
        content = told.read()
    pairs = (os.fsdecode(one).partition("=") for one in content.split(b"\0") if b"=" in one)
    return {name: value for name, _, value in pairs}


def is_daemon(pid: int, file: str) -> bool:
    """Tell whether the file of a process is the daemon's, also one that was replaced since."""
    try:
        is_own = os.stat(f"/proc/{pid}/exe").st_uid == os.getuid() != 0  # noqa: PTH116
    except OSError:
        return False
    name = file.rpartition("/")[2]
    return not is_own and name in {DAEMON_NAME, f"{DAEMON_NAME} (deleted)"}


def executable_of(pid: int) -> str | None:
    """Return the file that a process runs, or None where the kernel hides it."""
    try:
        return os.readlink(f"/proc/{pid}/exe")  # noqa: PTH115
    except OSError:
        return None
