"""A keyring daemon that PAM started and nobody initialised yet: told to serve this session."""

from __future__ import annotations

import time
from collections.abc import Mapping

from creds_session.errors import Unavailable
from creds_session.facts.session import DAEMON_NAME
from creds_session.system.bus.connection import Bus
from creds_session.system.processes.commands import run
from creds_session.system.processes.proc import find_program
from creds_session.system.secret_service.service import NAME


def initialise(bus: Bus, environ: Mapping[str, str], timeout: float) -> None:
    """Let ``--start`` initialise the daemon that GNOME_KEYRING_CONTROL names, and wait for it.

    One that D-Bus starts has not this session's environment and finds another, or none
    (gkd-main.c:discover_other_daemon). What it prints is of no use. Raises Unavailable; a daemon
    that answers and serves another bus is for the caller to see.
    """
    program = find_program(DAEMON_NAME)
    if program is None:
        raise Unavailable(f"{DAEMON_NAME} is not installed")
    session = {**environ, "DBUS_SESSION_BUS_ADDRESS": bus.address}
    done = run([program, "--start"], timeout=timeout, environment=session)
    if not done.succeeded:
        raise Unavailable(f"the keyring daemon that waits was not initialised: {done.errors}")
    # The name is taken after the answer (gkd-main.c, gkr_daemon_initialize_steps).
    patience = time.monotonic() + min(timeout, 2)
    while bus.peer(NAME) is None and time.monotonic() < patience:
        time.sleep(0.01)
