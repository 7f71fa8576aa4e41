"""What systemd says of the user's manager and of gnome-keyring's units; it starts none by that."""

from __future__ import annotations

import os

from creds_session.facts.machine import UnitFacts, UnitsFacts
from creds_session.system.processes.commands import run

TIMEOUT = 1.0  # seconds
PROPERTIES = "Id,LoadState,ActiveState,SubState,Result,MainPID"
SOCKET, SERVICE = "gnome-keyring-daemon.socket", "gnome-keyring-daemon.service"


def probe_units() -> UnitsFacts:
    """Ask systemd of the user's manager, and that one, where it runs, of the keyring's units."""
    uid = os.getuid()
    name = f"user@{uid}.service"
    told, reason = _show(["systemctl"], [name])
    manager = told.get(name, UnitFacts())
    if manager.active != "active":
        return UnitsFacts(manager, reason=reason or "no user manager runs")
    environment = {"XDG_RUNTIME_DIR": f"/run/user/{uid}"}
    told, reason = _show(["systemctl", "--user"], [SOCKET, SERVICE], environment)
    units = (told.get(SOCKET, UnitFacts()), told.get(SERVICE, UnitFacts()))
    return UnitsFacts(manager, *units, reason)


def _show(
    program: list[str], names: list[str], environment: dict[str, str] | None = None
) -> tuple[dict[str, UnitFacts], str]:
    argv = [*program, "show", "--property", PROPERTIES, *names]
    done = run(argv, timeout=TIMEOUT, environment=environment)
    if not done.succeeded:
        return {}, (done.errors.strip().splitlines() or [f"it ended with {done.code}"])[-1]
    return parse(done.output), ""


def parse(text: str) -> dict[str, UnitFacts]:
    """Read what ``systemctl show`` printed, a blank line between units."""
    units = {}
    for block in text.split("\n\n"):
        told = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        number = told.get("MainPID", "0")
        units[told.get("Id", "")] = UnitFacts(
            told.get("LoadState", ""),
            told.get("ActiveState", ""),
            told.get("SubState", ""),
            told.get("Result", ""),
            int(number) if number.isdigit() else 0,
        )
    return units
