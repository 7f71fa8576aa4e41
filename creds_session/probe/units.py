"""Ask systemd for the state of the user manager and of gnome-keyring's units; start no unit.

Over a bus if it answers, otherwise with systemctl, which says why systemd does not answer.
"""

from __future__ import annotations

import os

from creds_session.facts.machine import UnitFacts, UnitsFacts
from creds_session.system.processes.user_ids import usual_runtime_directory
from creds_session.system.systemd.systemctl import KEYRING_SERVICE, KEYRING_SOCKET, systemctl

TIMEOUT = 1.0  # seconds
PROPERTIES = "Id,LoadState,ActiveState,SubState,Result,MainPID"
BUS_SOCKET = "dbus.socket"
OF_KEYRING = (KEYRING_SOCKET, KEYRING_SERVICE)


def probe_units(manager: UnitFacts | None = None) -> UnitsFacts:
    """Return the state of the user manager and, if it is running, of the keyring's units.

    ``manager`` is the user manager's unit if it is known already.
    """
    uid = os.getuid()
    reason = ""
    if manager is None:
        name = f"user@{uid}.service"
        units, reason = _show(name)
        manager = units.get(name, UnitFacts())
    if manager.active != "active":
        return UnitsFacts(manager, reason=reason or "no user manager runs")
    environment = {"XDG_RUNTIME_DIR": usual_runtime_directory(uid)}
    units, reason = _show("--user", *OF_KEYRING, BUS_SOCKET, environment=environment)
    return of_keyring(manager, units, reason)._replace(bus=units.get(BUS_SOCKET, UnitFacts()))


def of_keyring(manager: UnitFacts, units: dict[str, UnitFacts], reason: str = "") -> UnitsFacts:
    """Return the facts of a running user manager, with its units by their names."""
    socket, service = (units.get(name, UnitFacts()) for name in OF_KEYRING)
    return UnitsFacts(manager, socket, service, reason)


def _show(
    *names: str, environment: dict[str, str] | None = None
) -> tuple[dict[str, UnitFacts], str]:
    """Return the state of units by name, and the reason if systemctl failed."""
    arguments = ("show", "--property", PROPERTIES, *names)
    done = systemctl(*arguments, timeout=TIMEOUT, environment=environment)
    if not done.succeeded:
        return {}, (done.errors.strip().splitlines() or [f"it ended with {done.code}"])[-1]
    return parse(done.output), ""


def parse(text: str) -> dict[str, UnitFacts]:
    """Parse the output of ``systemctl show``, in which a blank line separates units."""
    units = {}
    for block in text.split("\n\n"):
        fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        number = fields.get("MainPID", "0")
        units[fields.get("Id", "")] = UnitFacts(
            fields.get("LoadState", ""),
            fields.get("ActiveState", ""),
            fields.get("SubState", ""),
            fields.get("Result", ""),
            int(number) if number.isdigit() else 0,
        )
    return units
