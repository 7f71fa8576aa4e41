"""Find the keyring daemon, or say how to install it on this distribution."""

from __future__ import annotations

from creds_session.errors import NoService
from creds_session.facts.session import DAEMON_NAME
from creds_session.system.processes.proc import find_program


def require_daemon() -> str:
    """Return the path of gnome-keyring-daemon. Raises NoService, with the install command."""
    program = find_program(DAEMON_NAME)
    if program is not None:
        return program
    from creds_session.facts.distribution import install_command  # seldom
    from creds_session.system.files.os_release import read_os_release
    from creds_session.system.files.root import Root

    raise NoService(
        f"{DAEMON_NAME} is not installed, so there can be no keyring",
        hint=f"as root: {install_command(DAEMON_NAME, read_os_release(Root()))}",
    )
