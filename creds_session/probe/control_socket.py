"""Find out who listens at the control socket of the runtime directory, and start no process."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from creds_session.errors import CredsSessionError
from creds_session.facts.machine import ControlFacts, UnitsFacts
from creds_session.facts.session import BusFacts, Daemon, serving
from creds_session.probe.control_holder import holder_of, may_start
from creds_session.probe.keyring_files import CONTROL
from creds_session.system.bus.connection import Bus
from creds_session.system.bus.sockets import is_socket_of, listeners, peer_at
from creds_session.system.processes.user_ids import usual_runtime_directory
from creds_session.system.secret_service.service import secret_service

TIMEOUT = 1.0  # seconds


def probe_control(
    environ: Mapping[str, str], bus: BusFacts, daemons: Sequence[Daemon], units: UnitsFacts
) -> ControlFacts:
    """Describe the socket; connect to it only if no daemon would be started.

    It is connected to only if two daemons run, which can disagree, or if a daemon runs and none
    serves this session bus.
    """
    runtime = environ.get("XDG_RUNTIME_DIR") or usual_runtime_directory(os.getuid())
    path = f"{runtime}/{CONTROL}"
    facts = ControlFacts(path, listeners(path) if is_socket_of(path, os.getuid()) else 0)
    if not facts.listeners:
        directory = _directory(bus)
        listens = None if directory is None else _is_reached(f"{directory}/control")
        return facts._replace(directory_of_owner=directory, owner_listens=listens)
    is_unserved = bus.answers and bus.owner is None and bool(daemons)
    if len(serving(bus.owner, daemons)) < 2 and not is_unserved:  # noqa: PLR2004 - see above
        return facts
    peer = None if may_start(units) else peer_at(path)
    pid = peer[0] if peer else None
    if (
        pid is not None and pid == units.manager.main_pid
    ):  # systemd made the socket, its service reads from it
        pid = units.service.main_pid or pid
    if is_unserved:
        return facts._replace(pid=pid, holder=holder_of(pid))
    return facts._replace(pid=pid, directory_of_owner=_directory(bus))


def _is_reached(path: str) -> bool:
    """Return whether a connection to this path reaches a process: the socket may be removed."""
    return is_socket_of(path, os.getuid()) and listeners(path) > 0


def _directory(facts: BusFacts) -> str | None:
    """Ask the running owner of the name for the directory of its control socket."""
    if not facts.answers or facts.owner is None or not facts.owner.is_gnome_keyring:
        return None
    try:
        with Bus(facts.address or "", TIMEOUT) as bus:
            service = secret_service(bus)
            return service.control_directory() if service else None
    except CredsSessionError:
        return None
