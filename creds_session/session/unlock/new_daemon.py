"""Start a gnome-keyring-daemon if no keyring daemon serves this bus, with or without a password."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from creds_session.facts.session import DAEMON_NAME
from creds_session.probe.keyring_program import require_daemon
from creds_session.secret import Secret
from creds_session.system.bus.address import is_nested
from creds_session.system.files.private_folder import folder_unless_failed
from creds_session.system.processes.proc import find_program
from creds_session.system.secret_service.keyring_daemon import feed

SERVER_WORDS = ("GNOME_KEYRING_CONTROL", "SSH_AUTH_SOCK")


def start_daemon(
    password: Secret | None, address: str, environ: Mapping[str, str], timeout: float
) -> dict[str, str]:
    """Start a daemon on this bus; return the variables that it prints for the shell.

    With a password, the daemon unlocks the login keyring and creates it if it does not exist. Its
    output does not prove that it did so. ``timeout`` is in seconds.

    Raises: Unavailable, NoService or CannotWrite.
    """
    program = find_program(DAEMON_NAME) or require_daemon()
    environ = {**environ, "DBUS_SESSION_BUS_ADDRESS": address}
    with _control_directory(environ, address) as option:
        unlock = [] if password is None else ["--unlock"]
        given = Secret(b"") if password is None else password
        printed = feed([program, *unlock, "--daemonize", *option], given, environ, timeout)
    pairs = (line.partition("=") for line in printed.splitlines() if "=" in line)
    return {name: value for name, _, value in pairs if name in SERVER_WORDS}


@contextmanager
def _control_directory(environ: Mapping[str, str], address: str) -> Iterator[list[str]]:
    """Yield the option for the directory of the control socket; remove that directory on an error.

    The daemon of a nested bus gets its own directory, because the control socket in the runtime
    directory belongs to the daemon of the outer bus.
    """
    runtime = environ.get("XDG_RUNTIME_DIR")
    if not runtime or not is_nested(environ, address):
        yield []
        return
    with folder_unless_failed(runtime, "keyring-") as folder:
        yield [f"--control-directory={folder}"]
