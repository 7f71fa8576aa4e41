"""One look over all processes: the keyring's daemons, and what could be taken for them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from creds_session.session_facts import DAEMON_NAME, Daemon, daemon_role
from creds_session.surroundings import OtherProcess, ProcessFacts
from creds_session.system.processes import COMM_LENGTH, executable_of, is_daemon, name_of

BUSES = frozenset({"dbus-daemon", "dbus-broker"})
PROMPTERS = frozenset({"gcr-prompter", "gcr4-prompter"})
ZOMBIE = "Z"
PROC = Path("/proc")


class Survey(NamedTuple):
    """The daemons of a user that run, and the other processes that matter to them."""

    daemons: tuple[Daemon, ...]
    others: ProcessFacts


def survey(uid: int) -> Survey:
    """Look at every process once; one that ends meanwhile is none."""
    daemons: list[Daemon] = []
    found: dict[str, list[OtherProcess]] = {name: [] for name in ProcessFacts._fields}
    for pid, name, state in _named():
        one = _look(pid, name, state)
        if one is None:
            continue
        place = _place(one, uid)
        if place == "daemons":
            daemon = _daemon(one)
            daemons += [daemon] if daemon else []
        elif place:
            found[place].append(one)
    others = ProcessFacts(**{name: tuple(listed) for name, listed in found.items()})
    return Survey(tuple(sorted(daemons, key=lambda daemon: daemon.started)), others)


def _named() -> Iterator[tuple[int, str, str]]:
    """Give pid, name and state of the processes whose name is one of ours (proc_pid_stat(5))."""
    wanted = {DAEMON_NAME[:COMM_LENGTH], *BUSES, *PROMPTERS}
    for number in os.listdir(PROC):  # noqa: PTH208 - of thousands, a Path each is felt
        if not number.isdigit():
            continue
        try:
            with open(f"{PROC}/{number}/stat", errors="replace") as told:  # noqa: PTH123
                text = told.read()
        except OSError:
            continue
        name, _, rest = text.partition("(")[2].rpartition(")")
        if name in wanted:
            yield int(number), name, rest.split()[0]


def _look(pid: int, name: str, state: str) -> OtherProcess | None:
    uid = _uid_of(pid)
    return None if uid is None else OtherProcess(pid, uid, name, state, executable_of(pid))


def _place(one: OtherProcess, uid: int) -> str:
    """Return where a process belongs, or nothing."""
    if one.name in BUSES:
        return "buses" if one.uid == uid and one.state != ZOMBIE else ""
    if one.name in PROMPTERS:
        return "prompters" if one.uid == uid and one.state != ZOMBIE else ""
    if one.state == ZOMBIE:
        return "zombies" if one.uid == uid else ""
    if one.executable is not None and not is_daemon(one.pid, one.executable):
        return "impostors" if one.uid == uid else ""
    return "daemons" if one.uid == uid else "strangers"


def _daemon(one: OtherProcess) -> Daemon | None:
    import psutil  # noqa: PLC0415 - where there is no daemon it is not needed

    try:
        process = psutil.Process(one.pid)
        with process.oneshot():
            arguments, parent = tuple(process.cmdline()), process.ppid()
            started = process.create_time()
    except psutil.Error:
        return None
    return Daemon(
        one.pid,
        parent,
        name_of(parent),
        one.uid,
        one.executable,
        arguments,
        started,
        daemon_role(arguments),
        one.state,
    )


def resume(pid: int, name: str, uid: int) -> bool:
    """Let a stopped process go on if it still has this name and user; tell whether it was done."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if name_of(pid) != name or _uid_of(pid) != uid:
            return False
        signal.pidfd_send_signal(descriptor, signal.SIGCONT)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _uid_of(pid: int) -> int | None:
    """Return the real user id of a process (proc_pid_status(5)); a daemon's folder is root's."""
    try:
        status = (PROC / str(pid) / "status").read_text(errors="replace")
        return int(status.partition("\nUid:")[2].split(None, 1)[0])
    except (OSError, IndexError, ValueError):
        return None
