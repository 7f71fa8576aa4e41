"""Ask systemd for the state of the user manager and of gnome-keyring's units; start no unit."""

from __future__ import annotations

import os

from creds_session.facts.machine import UnitFacts, UnitsFacts
from creds_session.system.processes.user_ids import usual_runtime_directory
from creds_session.system.systemd.systemctl import KEYRING_SERVICE, KEYRING_SOCKET, systemctl

TIMEOUT = 1.0  # seconds
PROPERTIES = "Id,LoadState,ActiveState,SubState,Result,MainPID"


def probe_units() -> UnitsFacts:
    """Return the state of the user manager and, if it is running, of the keyring's units."""
    uid = os.getuid()
    name = f"user@{uid}.service"
    units, reason = _show(name)
    manager = units.get(name, UnitFacts())
    if manager.active != "active":
        return UnitsFacts(manager, reason=reason or "no user manager runs")
    environment = {"XDG_RUNTIME_DIR": usual_runtime_directory(uid)}
    units, reason = _show("--user", KEYRING_SOCKET, KEYRING_SERVICE, environment=environment)
    socket, service = (units.get(name, UnitFacts()) for name in (KEYRING_SOCKET, KEYRING_SERVICE))
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
