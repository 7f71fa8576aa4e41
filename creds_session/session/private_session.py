"""Run one command in a session of its own, with a bus, a runtime directory and a keyring.

All of them end with the command. The password of the keyring is random, and only this process and
the daemon know it. The command does not reach the login keyring of the user, because it has another
runtime directory and another XDG_DATA_HOME.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from creds_session.facts.bus_address import address_of_path
from creds_session.secret import Secret
from creds_session.session.unlock import unlock
from creds_session.system.bus.dbus_daemon import bus_of_ours
from creds_session.system.bus.peer_process import end_listener
from creds_session.system.files.private_folder import places, private_folder, usable

CONTROL = "keyring/control"  # in the runtime directory, gkd-control-server.c
OF_ANOTHER_BUS = frozenset(
    {
        "DBUS_SESSION_BUS_PID",
        "DBUS_SESSION_BUS_WINDOWID",
        "DBUS_STARTER_ADDRESS",
        "DBUS_STARTER_BUS_TYPE",
        "GNOME_KEYRING_CONTROL",
        "GNOME_KEYRING_PID",
    }
)
LOGIN_SESSION = "XDG_SESSION_ID"


@contextmanager
def private_session(environ: Mapping[str, str], *, timeout: float = 10) -> Iterator[dict[str, str]]:
    """Yield the environment of a session with an unlocked keyring; end the session afterwards.

    ``timeout``, in seconds, limits each step.

    Raises: Unavailable or CannotWrite.
    """
    with private_folder(usable(places(environ)), _abandon) as folder:
        session = inside(environ, folder)
        Path(session["XDG_DATA_HOME"]).mkdir(mode=0o700)
        control = f"{folder}/{CONTROL}"
        with bus_of_ours(_bus(folder), session, keyring=control, timeout=timeout):
            # The daemon would quit with the login session that it was started in
            # (gkd-main.c:start_watching_logind_for_session_closure).
            of_daemon = {name: value for name, value in session.items() if name != LOGIN_SESSION}
            unlock(of_daemon, lambda _creating: _random(), create=True, timeout=timeout)
            yield session


def inside(environ: Mapping[str, str], folder: str) -> dict[str, str]:
    """Return the environment of a session whose runtime directory is ``folder``.

    The variables of an ssh agent stay, unless the agent is the keyring daemon of the outer session.
    """
    kept = {name: value for name, value in environ.items() if name not in OF_ANOTHER_BUS}
    if _is_of_keyring(environ.get("SSH_AUTH_SOCK", ""), environ):
        del kept["SSH_AUTH_SOCK"]
    return {
        **kept,
        "DBUS_SESSION_BUS_ADDRESS": address_of_path(_bus(folder)),
        "XDG_RUNTIME_DIR": folder,
        "XDG_DATA_HOME": f"{folder}/data",
    }


def _bus(folder: str) -> str:
    """Return the path of the bus in a session with this runtime directory."""
    return f"{folder}/bus"


def _is_of_keyring(agent: str, environ: Mapping[str, str]) -> bool:
    runtime = environ.get("XDG_RUNTIME_DIR")
    folders = [environ.get("GNOME_KEYRING_CONTROL"), f"{runtime}/keyring" if runtime else None]
    return any(agent.startswith(f"{folder}/") for folder in folders if folder)


def _abandon(folder: str) -> None:
    """End the processes of a session whose owner was killed; ``folder`` is its directory.

    A keyring daemon that has not connected to its bus yet does not notice that the bus has ended.
    """
    for socket in (CONTROL, "bus"):
        end_listener(f"{folder}/{socket}")


def _random() -> Secret:
    return Secret(secrets.token_urlsafe(32).encode())
