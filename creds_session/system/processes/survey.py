"""One look over all processes: the keyring's daemons, and what could be taken for them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from creds_session.facts.machine import OtherProcess, ProcessFacts
from creds_session.facts.session import DAEMON_NAME, Daemon
from creds_session.system.processes.proc import (
    COMM_LENGTH,
    ZOMBIE,
    daemon_of,
    executable_of,
    is_daemon,
    name_of,
    real_uid_of,
)

BUSES = frozenset({"dbus-daemon", "dbus-broker"})
PROMPTERS = frozenset({"gcr-prompter", "gcr4-prompter"})
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
            daemon = daemon_of(one.pid, one.uid)
            daemons += [daemon] if daemon else []
        elif place:
            found[place].append(one)
    others = ProcessFacts(**{name: tuple(listed) for name, listed in found.items()})
    return Survey(tuple(sorted(daemons, key=lambda daemon: daemon.started)), others)


def _named() -> Iterator[tuple[int, str, str]]:
    """Give pid, name and state of the processes whose name is one of ours (proc_pid_stat(5))."""
    wanted = {DAEMON_NAME[:COMM_LENGTH], *BUSES, *PROMPTERS}
    for number in os.listdir(PROC):  # of thousands, a Path each is felt
        if not number.isdigit():
            continue
        try:
            with open(f"{PROC}/{number}/stat", errors="replace") as told:
                text = told.read()
        except OSError:
            continue
        name, _, rest = text.partition("(")[2].rpartition(")")
        if name in wanted:
            yield int(number), name, rest.split()[0]


def _look(pid: int, name: str, state: str) -> OtherProcess | None:
    uid = real_uid_of(pid)
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


def resume(pid: int, name: str, uid: int) -> bool:
    """Let a stopped process go on if it still has this name and user; tell whether it was done."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if name_of(pid) != name or real_uid_of(pid) != uid:
            return False
        signal.pidfd_send_signal(descriptor, signal.SIGCONT)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
