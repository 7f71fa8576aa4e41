"""Read the state of systemd's units over a bus: the answers that ``systemctl show`` would print."""

from __future__ import annotations

from collections.abc import Sequence

from creds_session.errors import Unavailable
from creds_session.facts.machine import UnitFacts
from creds_session.system.bus.connection import Bus
from creds_session.system.bus.wire import ObjectAddress

SYSTEMD = "org.freedesktop.systemd1"
_MANAGER = "/org/freedesktop/systemd1"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_MAIN_PID = ("Service", "MainPID")
# The properties of a unit that not every kind has (org.freedesktop.systemd1(5)), by its ending.
_OF_KIND = {
    "service": (("Service", "Result"), _MAIN_PID),
    "socket": (("Socket", "Result"),),
}


def units_on_bus(bus: Bus, owner: str, names: Sequence[str]) -> dict[str, UnitFacts]:
    """Return the state of units by their names, and start none of them.

    ``owner`` is the name of systemd on this bus. Raises as ``Bus.call`` does, and Unavailable for
    an answer of another form.
    """
    manager = ObjectAddress(_MANAGER, owner, f"{SYSTEMD}.Manager")
    (listed,) = bus.call(manager, "ListUnitsByNames", "as", list(names))
    if not isinstance(listed, (list, tuple)):
        raise _malformed()
    units = {}
    for unit in listed:
        # Fields: name, description, load state, active state, sub state, followed unit, path, job.
        name, _description, load, active, sub, _followed, path, *_job = map(str, unit)
        more = {
            word: _property(bus, ObjectAddress(path, owner, _PROPERTIES), kind, word)
            for kind, word in _OF_KIND[name.rpartition(".")[2]]
        }
        units[name] = UnitFacts(
            load, active, sub, str(more["Result"]), int(str(more.get("MainPID", 0)))
        )
    return units


def _property(bus: Bus, unit: ObjectAddress, kind: str, name: str) -> object:
    (variant,) = bus.call(unit, "Get", "ss", f"{SYSTEMD}.{kind}", name)
    if not isinstance(variant, tuple):
        raise _malformed()
    return variant[1]


def _malformed() -> Unavailable:
    return Unavailable("systemd gave an answer of another form over D-Bus")
