"""Start the program that serves secrets, unless that would leave its user without a keyring."""

from __future__ import annotations

import os

from creds_session.credentials.locked import CREATE, DOCTOR, UNLOCK
from creds_session.errors import CollectionLocked, NoKeyringYet, NoService
from creds_session.facts.session import BusFacts
from creds_session.probe.control_holder import require_no_other_holder
from creds_session.probe.keyring import hands_over, has_keyring, probe_keyring
from creds_session.system.bus.connection import Bus, CallFailed
from creds_session.system.secret_service.service import NAME


def start_service(bus: Bus, timeout: float) -> None:
    """Have the program started that serves secrets, or raise why that would be wrong."""
    if not has_keyring(os.environ):  # a daemon would have no keyring to serve
        if not bus.activatable(NAME):
            from creds_session.probe.keyring_program import require_daemon

            require_daemon()
        raise _absent()
    keyring = probe_keyring(os.environ)
    if keyring.is_elsewhere:
        from creds_session.system.secret_service.keyring_daemon import initialise

        return initialise(bus, os.environ, timeout)
    if not bus.activatable(NAME):
        raise NoService(
            "no program that serves secrets is installed (org.freedesktop.secrets)",
            hint="install one: apt install gnome-keyring (Debian), dnf install gnome-keyring",
        )
    if hands_over(os.environ, bus.address):
        raise CollectionLocked("no keyring daemon serves this session bus yet", hint=UNLOCK)
    require_no_other_holder(BusFacts(bus.address), keyring)
    try:
        bus.start(NAME)
    except CallFailed as error:
        raise NoService(f"the keyring daemon does not start: {error.problem}") from error


def _absent() -> NoKeyringYet:
    return NoKeyringYet("there is no login keyring yet", hint=f"{DOCTOR}; {CREATE}")
