"""A signal that is awaited. Loaded only for a call that is answered with a signal."""

from __future__ import annotations

from creds_session.system.bus.wire import INTERFACE, MEMBER, PATH, SENDER, ObjectAddress

_KEYS = {SENDER: "sender", INTERFACE: "interface", PATH: "path", MEMBER: "member"}


def fields_of_signal(to: ObjectAddress, signal: str) -> dict[int, object]:
    """Return the header fields of a signal of an object."""
    return {SENDER: to.bus_name, INTERFACE: to.interface, PATH: to.object_path, MEMBER: signal}


def match_rule(fields: dict[int, object]) -> str:
    """Return the rule by which a bus sends the signals that have these header fields."""
    return ",".join(["type='signal'", *[f"{_KEYS[code]}='{fields[code]}'" for code in fields]])
