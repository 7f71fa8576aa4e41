"""Ask systemd and logind about this user over one connection to the system bus.

The answers are those that systemctl and loginctl would print. Each of these programs takes about
half as long as Python's own start, and a session needs four of their answers. If the bus does not
answer, nothing is known, and the programs are asked: they say why.
"""

from __future__ import annotations

from collections.abc import Mapping

from creds_session.errors import CredsSessionError
from creds_session.facts.machine import UnitFacts
from creds_session.records import NamedTuple
from creds_session.system.bus.connection import Bus, CallFailed
from creds_session.system.bus.wire import ObjectAddress
from creds_session.system.systemd.login_time import Started
from creds_session.system.systemd.logind import name_of_session
from creds_session.system.systemd_bus.units import SYSTEMD, units_on_bus

ADDRESS = "unix:path=/run/dbus/system_bus_socket"  # sd_bus_default_system(3)
ROOT = 0
TIMEOUT = 0.5  # seconds, of the 2.5 that creds-doctor has; then the programs are asked
_LOGIND = "org.freedesktop.login1"
_MANAGER = ObjectAddress("/org/freedesktop/login1", _LOGIND, f"{_LOGIND}.Manager")
_PROPERTIES = "org.freedesktop.DBus.Properties"
_NO_SUCH_USER = f"{_LOGIND}.NoSuchUser"
_GONE = frozenset({"org.freedesktop.DBus.Error.UnknownObject", f"{_LOGIND}.NoSuchSession"})


class OnSystemBus(NamedTuple):
    """What the system bus answered; a field is None if it was not answered.

    ``manager`` is the unit of the user manager. ``sessions`` are logind's sessions of this user by
    name, and ``service`` is the PAM service of the session of this process.
    """

    manager: UnitFacts | None = None
    sessions: Mapping[str, Started] | None = None
    service: str | None = None


def ask_system_bus(uid: int, address: str = ADDRESS) -> OnSystemBus:
    """Return what systemd and logind say about a user, as far as they say it; start no unit."""
    answers = OnSystemBus()
    try:
        with Bus(address, TIMEOUT, ROOT) as bus:
            name = f"user@{uid}.service"
            answers = answers._replace(manager=units_on_bus(bus, SYSTEMD, [name]).get(name))
            session = name_of_session()
            if session:
                answers = _with_sessions(answers, bus, uid, session)
    except (CredsSessionError, OSError, LookupError, TypeError, ValueError):
        pass  # the answers so far are right
    return answers


def _with_sessions(answers: OnSystemBus, bus: Bus, uid: int, own: str) -> OnSystemBus:
    """Add the sessions of this user, and the service of the session of this process."""
    paths = _paths(bus, uid)
    objects = [ObjectAddress(path, _LOGIND, _PROPERTIES) for path in paths.values()]
    made, leaders, kinds = (
        bus.call_each(objects, _GONE, "Get", "ss", f"{_LOGIND}.Session", name)
        for name in ("TimestampMonotonic", "Leader", "Class")
    )
    sessions = {
        name: Started(_number(when), _number(leader), str(_value(kind[0])))
        for name, when, leader, kind in zip(paths, made, leaders, kinds)
        if when is not None and leader is not None and kind is not None
    }
    answers = answers._replace(sessions=sessions)
    if own not in paths:
        return answers
    at = ObjectAddress(paths[own], _LOGIND, _PROPERTIES)
    (variant,) = bus.call(at, "Get", "ss", f"{_LOGIND}.Session", "Service")
    return answers._replace(service=str(_value(variant)))


def _paths(bus: Bus, uid: int) -> dict[str, str]:
    """Return the objects of this user's sessions by the names of the sessions."""
    try:
        (user,) = bus.call(_MANAGER, "GetUser", "u", uid)
    except CallFailed as error:
        if error.name == _NO_SUCH_USER:
            return {}
        raise
    at = ObjectAddress(str(user), _LOGIND, _PROPERTIES)
    (variant,) = bus.call(at, "Get", "ss", f"{_LOGIND}.User", "Sessions")
    listed = _value(variant)
    if not isinstance(listed, (list, tuple)):
        raise TypeError
    return {str(name): str(path) for name, path in listed}


def _number(body: tuple[object, ...]) -> int:
    return int(str(_value(body[0])))


def _value(variant: object) -> object:
    """Return the value of a variant, which comes with its signature."""
    if not isinstance(variant, tuple):
        raise TypeError
    return variant[1]
