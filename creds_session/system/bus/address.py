"""The address of this session's bus, and the runtime directory that belongs to it."""

from __future__ import annotations

import os

from creds_session.facts.bus_address import address_of_path, path_of_address
from creds_session.system.bus.sockets import is_socket_of
from creds_session.system.processes.user_ids import usual_runtime_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def session_bus_address(environ: Mapping[str, str], uid: int) -> str | None:
    """Return the address of this session's bus, or None.

    The first of these counts: DBUS_SESSION_BUS_ADDRESS; ``$XDG_RUNTIME_DIR/bus`` if it is a socket
    of this user (the fallback of sd-bus and GLib); ``/run/user/UID/bus`` if it is one. ``su`` sets
    no variable for the last.
    """
    named = environ.get("DBUS_SESSION_BUS_ADDRESS")
    if named:
        return named
    for directory in (environ.get("XDG_RUNTIME_DIR"), usual_runtime_directory(uid)):
        if directory and is_socket_of(f"{directory}/bus", uid):
            return address_of_path(f"{directory}/bus")
    return None


def with_runtime_directory(environ: Mapping[str, str], uid: int) -> Mapping[str, str]:
    """Return the environment with XDG_RUNTIME_DIR set, if the bus of this session is there.

    A systemd service with ``User=`` has neither variable. Without the directory, a keyring daemon
    that waits there would not be found, and a second daemon would be started.
    """
    usual = usual_runtime_directory(uid)
    named = path_of_address(session_bus_address(environ, uid) or "")
    if environ.get("XDG_RUNTIME_DIR") or named != f"{usual}/bus":
        return environ
    return {**environ, "XDG_RUNTIME_DIR": usual} if is_socket_of(f"{usual}/bus", uid) else environ


def is_nested(environ: Mapping[str, str], address: str) -> bool:
    """Return whether this bus differs from the user bus of its own runtime directory.

    ``dbus-run-session`` in a login session makes such a bus. Everything in the runtime directory,
    above all the keyring daemon's control socket, then belongs to the outer bus.
    """
    path = os.path.normpath(f"{environ.get('XDG_RUNTIME_DIR', '')}/bus")
    named = os.path.normpath(path_of_address(address))
    return is_socket_of(path, os.getuid()) and named != path
