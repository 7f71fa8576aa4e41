"""Find a keyring daemon that holds the control socket and does not serve this session bus.

``dbus-run-session`` whose terminal hangs up ends without its session bus, and the keyring daemon
that was started there lives on. It holds the control socket of the runtime directory. A program on
the login's own session bus then waits for it until its time is over: the daemon that D-Bus starts
hands over to the daemon at the control socket, and ends (gkd-main.c:discover_other_daemon).
"""

from __future__ import annotations

import os
import time

from creds_session.errors import Unavailable
from creds_session.facts.bus_address import path_of_address
from creds_session.facts.control_holder import end_holder, holder_line
from creds_session.facts.daemon_duties import must_have_served
from creds_session.facts.machine import UnitsFacts
from creds_session.facts.session import BusFacts, ControlHolder, KeyringFacts
from creds_session.probe.units import probe_units
from creds_session.system.bus.sockets import is_listening, peer_at
from creds_session.system.processes.environment import environment_of
from creds_session.system.processes.keyring_daemons import daemon_of


def with_holder(bus: BusFacts, keyring: KeyringFacts) -> KeyringFacts:
    """Return the facts of the keyring with a daemon that keeps programs of this bus waiting.

    Start nothing: if a connection to the control socket could start a daemon, the daemon that
    holds it is not known.
    """
    if not _is_unserved(bus, keyring):
        return keyring
    pid = keyring.control_pid or _pid_without_start(keyring.control or "")
    return keyring._replace(holder=holder_of(pid))


def require_no_other_holder(bus: BusFacts, keyring: KeyringFacts) -> None:
    """Raise Unavailable if a daemon that does not serve this bus holds the control socket."""
    known = with_holder(bus, keyring)
    if known.holder is not None:
        raise Unavailable(holder_line(known), hint=end_holder(known.holder).hint)


def _is_unserved(bus: BusFacts, keyring: KeyringFacts) -> bool:
    """Return whether a daemon listens in the runtime directory, and none serves this bus."""
    return (
        bus.answers
        and bus.owner is None
        and keyring.control_listens
        and not keyring.is_elsewhere
        and keyring.holder is None
    )


def _pid_without_start(path: str) -> int | None:
    if may_start(probe_units()):
        return None
    pid, uid = peer_at(path) or (0, None)
    return pid if uid == os.getuid() else None


def may_start(units: UnitsFacts) -> bool:
    """Return whether a connection could start a daemon: systemd listens, or is unknown."""
    if units.manager.active != "active" and not units.reason:
        return False
    return not units.socket.is_known or units.socket.sub == "listening"


def holder_of(pid: int | None) -> ControlHolder | None:
    """Return this process if it is a keyring daemon of this user that must have served by now.

    The caller has seen that the process holds the control socket, and that no process serves
    secrets on this session bus. The address is the one that the daemon was started with, if the
    kernel shows it: a daemon with file capabilities hides its environment.
    """
    daemon = daemon_of(pid, os.getuid()) if pid else None
    if daemon is None or not must_have_served(daemon, time.time()):
        return None
    address = environment_of(daemon.pid).get("DBUS_SESSION_BUS_ADDRESS", "")
    path = path_of_address(address)
    return ControlHolder(daemon.pid, address, is_listening(path) if path else None)
