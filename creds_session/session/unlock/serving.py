"""Start a keyring daemon on the session bus, without a password."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from creds_session.errors import CredsSessionError, NoBus, Unavailable
from creds_session.facts.next_step import FORGET
from creds_session.facts.session import KeyringFacts
from creds_session.probe.keyring import probe_keyring
from creds_session.session.unlock.routes import Route
from creds_session.system.bus.address import with_runtime_directory
from creds_session.system.bus.connection import Bus
from creds_session.system.secret_service.service import NAME, secret_service
from creds_session.system.session_bus.connect import connect


def session_bus(environ: Mapping[str, str], timeout: float) -> Bus:
    """Return a connection to this session's bus; ``timeout`` is in seconds.

    Raises: NoBus if no session bus answers.
    """
    try:
        return connect(environ, timeout)
    except NoBus:
        raise
    except CredsSessionError as error:
        raise NoBus(error.problem, hint=error.hint) from error


def serve(environ: Mapping[str, str], route: Route, timeout: float) -> None:
    """Start a daemon on this session's bus, by a route that needs no password.

    ``timeout``, in seconds, limits each step.

    Raises: NoBus, Unavailable, NoService or CannotWrite.
    """
    environ = with_runtime_directory(environ, os.getuid())
    with session_bus(environ, timeout) as bus:
        start(route, bus, probe_keyring(environ), environ, timeout)


def start(
    route: Route, bus: Bus, keyring: KeyringFacts, environ: Mapping[str, str], timeout: float
) -> Mapping[str, str]:
    """Start a daemon on this bus, without a password; return the variables that it printed."""
    if route is Route.ACTIVATE:
        _activate(bus, keyring, environ, timeout)
        return {}
    from creds_session.session.unlock.new_daemon import (  # pexpect is slow
        start_daemon,
    )

    printed = start_daemon(None, bus.address, environ, timeout)
    while bus.remaining and secret_service(bus) is None:
        time.sleep(0.02)
    return printed


def _activate(bus: Bus, keyring: KeyringFacts, environ: Mapping[str, str], timeout: float) -> None:
    if keyring.is_elsewhere:
        from creds_session.system.secret_service.keyring_daemon import (  # seldom
            initialise,
        )

        initialise(bus, environ, timeout)
    else:
        bus.start(NAME)


def serves_another_bus(keyring: KeyringFacts) -> Unavailable:
    """Return the error for a daemon that was started for this bus and does not serve it."""
    if not keyring.control_listens:
        return Unavailable("the keyring daemon that was started does not serve this session bus")
    hint = (
        "the daemon belongs to another session bus; work in that session, or in a private session:"
        " env -u XDG_RUNTIME_DIR dbus-run-session -- bash"
    )
    if keyring.is_elsewhere:
        hint = (
            "the daemon belongs to another session bus; start a daemon for this bus:"
            f" {FORGET}; creds unlock"
        )
    problem = f"a daemon listens at {keyring.control} and does not serve this session bus"
    return Unavailable(problem, hint=hint)
