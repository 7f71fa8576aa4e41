"""Describe the running processes of this user, and their session bus if one is running."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from creds_session.facts.bus_address import address_of_path, path_of_address
from creds_session.facts.machine import ProcessFacts
from creds_session.facts.session import BusFacts, BusProblem
from creds_session.probe.keyring import look_at, probe_bus
from creds_session.probe.prompter import probe_prompters
from creds_session.records import NamedTuple
from creds_session.system.bus.address import session_bus_address
from creds_session.system.bus.connection import Bus
from creds_session.system.bus.sockets import is_listening, is_socket_of
from creds_session.system.processes.disk_probe import Disk
from creds_session.system.processes.survey import Survey, survey
from creds_session.system.processes.user_ids import usual_runtime_directory

BUS_TIMEOUT = 1.5  # seconds for all calls to the bus, each of which takes milliseconds
OTHER_TIMEOUT = 0.6  # seconds to find another bus, if this session's bus did not answer


class Live(NamedTuple):
    """The running processes, and the state of the bus."""

    processes: Survey = Survey((), ProcessFacts())
    bus: BusFacts = BusFacts(
        None, "the session bus was not looked at in time", problem=BusProblem.NOT_LOOKED_AT
    )


def probe_live(
    environ: Mapping[str, str], run: Disk, timeout: float, first: Callable[[Bus], None]
) -> Live:
    """Describe the processes, and the bus if a bus of this user is running.

    ``run`` is the disk of the sockets. ``timeout`` is in seconds, for the calls to the bus.
    ``first`` asks over the one connection to the bus before everything else does. It may change the
    time that is left for calls.
    """
    uid = os.getuid()
    processes = survey(uid)
    if not run.answers():
        return Live(processes)
    address = session_bus_address(environ, uid)
    if address is not None and not processes.others.buses and _may_be_idle(address, uid):
        reason = "nobody has used it yet, so nothing runs on it"
        return Live(processes, BusFacts(address, reason, is_idle=True))

    def look(connection: Bus) -> BusFacts:
        nonlocal processes
        first(connection)
        connection.allow(timeout)
        seen = look_at(connection)
        waiting = probe_prompters(connection, seen, processes.others.prompters)
        processes = processes._replace(others=processes.others._replace(prompters=waiting))
        return seen

    bus = probe_bus(environ, timeout, look)
    if bus.answers or bus.owner is not None:
        return Live(processes, bus)
    patience = OTHER_TIMEOUT * timeout / BUS_TIMEOUT if processes.others.buses else 0
    return Live(processes, bus._replace(elsewhere=_elsewhere(environ, uid, patience)))


def _elsewhere(environ: Mapping[str, str], uid: int, timeout: float) -> str:
    """Return the address of another bus of this user that answers; start none.

    If no process of this user is a bus (``timeout`` 0), a connection to the usual socket would have
    systemd start one: such a socket is only looked at.
    """
    if timeout:
        from creds_session.system.session_bus.user_bus import find  # only if this bus is silent

        found = find(environ, timeout)
        return found.address if found else ""
    usual = f"{usual_runtime_directory(uid)}/bus"
    return address_of_path(usual) if is_socket_of(usual, uid) and is_listening(usual) else ""


def _may_be_idle(address: str, uid: int) -> bool:
    """Return whether the socket of this bus exists; only then a connection can start a bus."""
    return is_socket_of(path_of_address(address), uid)
