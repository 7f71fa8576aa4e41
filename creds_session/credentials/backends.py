"""What keyring sees: its backends, their priorities, the one it chooses."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from creds_session.credentials.access import TIMEOUT
from creds_session.credentials.backend_choice import choose
from creds_session.credentials.backends_report import Choice, Seen
from creds_session.credentials.keyring_settings import configurations, surroundings
from creds_session.credentials.keyring_store import CHAIN, chosen_backend, keyring_at_work
from creds_session.errors import CredsSessionError
from creds_session.system.session_bus.connect import connect

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend


def backends() -> Choice:
    """Ask keyring. Raises Unavailable where it cannot load the backend that is named."""
    route = choose(surroundings(os.environ))  # before keyring has chosen
    way = route.why if not route.is_direct else f"{route.why}{_unless_reached()}"
    with keyring_at_work(TIMEOUT):
        from keyring.backend import KeyringBackend, get_all_keyring

        get_all_keyring()  # loads all there are
        chosen = chosen_backend()
        seen = tuple(map(_seen, KeyringBackend._classes))  # noqa: SLF001 - it names no other way
        chain = getattr(chosen, "backends", ()) if type(chosen).__module__ == CHAIN else ()
    chained = tuple(_name(type(one)) for one in chain)
    return Choice(seen, _name(type(chosen)), _named_by(), chained, way)


def _unless_reached() -> str:
    """Return why the bus is no way now, or nothing."""
    try:
        connect(os.environ, TIMEOUT).close()
    except CredsSessionError as error:
        return f", but not now: {error.problem}"
    return ""


def _seen(backend: type[KeyringBackend]) -> Seen:
    try:
        return Seen(_name(backend), float(backend.priority))
    except Exception as error:  # noqa: BLE001 - its own way to say that it cannot be used
        return Seen(_name(backend), None, str(error) or type(error).__name__)


def _name(backend: type[KeyringBackend]) -> str:
    return f"{backend.__module__}.{backend.__qualname__}"


def _named_by() -> str:
    if "PYTHON_KEYRING_BACKEND" in os.environ:
        return "PYTHON_KEYRING_BACKEND"
    for path in configurations():
        with open(path, encoding="utf-8") as file:
            if "default-keyring" in file.read():
                return path
    return ""
