"""Call systemctl(1), and name the units of gnome-keyring."""

from __future__ import annotations

import re
from collections.abc import Mapping

from creds_session.facts.session import DAEMON_NAME
from creds_session.system.processes.commands import Completed, Identity, run

KEYRING_SOCKET = f"{DAEMON_NAME}.socket"
KEYRING_SERVICE = f"{DAEMON_NAME}.service"
NOT_LOADED = 5  # the exit code for a unit that is not loaded (systemctl(1), LSB)
TIMEOUT = 5.0  # seconds


def systemctl(
    *arguments: str,
    timeout: float = TIMEOUT,
    environment: Mapping[str, str] | None = None,
    identity: Identity | None = None,
) -> Completed:
    """Run systemctl with these arguments; return its output and its exit code.

    ``timeout`` is in seconds. ``identity`` is the user id, the group id and the groups to run as.
    """
    return run(
        ["systemctl", *arguments], timeout=timeout, environment=environment, identity=identity
    )


def systemd_version() -> int:
    """Return the version of systemd, or 0 if systemctl does not print it."""
    match = re.match(r"systemd (\d+)", systemctl("--version").output)
    return int(match.group(1)) if match else 0
