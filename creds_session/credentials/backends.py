"""Ask keyring for its backends, their priorities, and the backend that it chooses."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from creds_session.credentials.access import TIMEOUT
from creds_session.credentials.backend_choice import choose_backend
from creds_session.credentials.backends_report import Backend, Backends
from creds_session.credentials.keyring_settings import configuration_files, read_keyring_settings
from creds_session.credentials.keyring_store import CHAIN, chosen_backend, keyring_at_work
from creds_session.errors import CredsSessionError
from creds_session.system.session_bus.connect import connect

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend


def backends() -> Backends:
    """Return keyring's backends.

    Raises: Unavailable if keyring cannot load the backend that its configuration names.
    """
    # Read this before keyring is loaded, because keyring then has chosen a backend.
    choice = choose_backend(read_keyring_settings(os.environ))
    why = f"{choice.why}{_unless_reached()}" if choice.is_direct else choice.why
    with keyring_at_work(TIMEOUT):
        from keyring.backend import KeyringBackend, get_all_keyring

        get_all_keyring()  # it loads all backends that are installed
        chosen = chosen_backend()
        known = tuple(map(_describe, KeyringBackend._classes))  # noqa: SLF001 - no public name
        chain = getattr(chosen, "backends", ()) if type(chosen).__module__ == CHAIN else ()
    chained = tuple(_name(type(backend)) for backend in chain)
    return Backends(known, _name(type(chosen)), _named_by(), chained, why)


def _unless_reached() -> str:
    """Return why the session bus cannot be used now, or an empty text."""
    try:
        connect(os.environ, TIMEOUT).close()
    except CredsSessionError as error:
        return f", but not now: {error.problem}"
    return ""


def _describe(backend: type[KeyringBackend]) -> Backend:
    try:
        return Backend(_name(backend), float(backend.priority))
    except Exception as error:  # noqa: BLE001 - so a backend says that it cannot be used here
        return Backend(_name(backend), None, str(error) or type(error).__name__)


def _name(backend: type[KeyringBackend]) -> str:
    return f"{backend.__module__}.{backend.__qualname__}"


def _named_by() -> str:
    """Return the variable or the file that names the backend, or an empty text."""
    if "PYTHON_KEYRING_BACKEND" in os.environ:
        return "PYTHON_KEYRING_BACKEND"
    for path in configuration_files():
        with open(path, encoding="utf-8") as file:
            if "default-keyring" in file.read():
                return path
    return ""
