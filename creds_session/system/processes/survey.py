"""Look at all processes once, for keyring daemons and for processes that affect them."""

from __future__ import annotations

import os
import signal

from creds_session.facts.machine import OtherProcess, ProcessFacts
from creds_session.facts.session import Daemon
from creds_session.records import NamedTuple
from creds_session.system.processes.keyring_daemons import KERNEL_NAME, daemon_of, is_daemon
from creds_session.system.processes.proc import (
    ZOMBIE,
    executable_of,
    name_of,
    named_processes,
    real_uid_of,
)

BUSES = frozenset({"dbus-daemon", "dbus-broker"})
PROMPTERS = frozenset({"gcr-prompter", "gcr4-prompter"})
NAMES = frozenset({KERNEL_NAME}) | BUSES | PROMPTERS


class Survey(NamedTuple):
    """The running keyring daemons of a user, and other processes that matter to them."""

    daemons: tuple[Daemon, ...]
    others: ProcessFacts


def survey(uid: int) -> Survey:
    """Look at every process once; leave out a process that ends in the meantime."""
    daemons: list[Daemon] = []
    others: dict[str, list[OtherProcess]] = {name: [] for name in ProcessFacts._fields}
    for pid, stat in named_processes(NAMES):
        owner = real_uid_of(pid)
        if owner is None:
            continue
        process = OtherProcess(pid, owner, stat.name, stat.state, executable_of(pid))
        group = _group(process, uid)
        if group == "daemons":
            daemon = daemon_of(pid, uid)
            daemons += [daemon] if daemon else []
        elif group:
            others[group].append(process)
    facts = ProcessFacts(**{name: tuple(listed) for name, listed in others.items()})
    return Survey(tuple(sorted(daemons, key=lambda daemon: daemon.started)), facts)


def _group(process: OtherProcess, uid: int) -> str:
    """Return the field of ProcessFacts that a process belongs to, ``daemons``, or nothing."""
    is_own, is_zombie = process.uid == uid, process.state == ZOMBIE
    if process.name in BUSES:
        return "buses" if is_own and not is_zombie else ""
    if process.name in PROMPTERS:
        return "prompters" if is_own and not is_zombie else ""
    if is_zombie:
        return "zombies" if is_own else ""
    if process.executable is not None and not is_daemon(process.pid, process.executable):
        return "impostors" if is_own else ""
    return "daemons" if is_own else "strangers"


def resume(pid: int, name: str, uid: int) -> bool:
    """Continue a stopped process if it still has this name and user; return whether it did."""
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
