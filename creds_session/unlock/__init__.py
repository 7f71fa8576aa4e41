"""Open the login keyring of this session, and say so only when the bus says so."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from creds_session.errors import (
    CredsSessionError,
    InvalidData,
    NotPermitted,
    Unavailable,
    WrongPassword,
)
from creds_session.facts import DAEMON_NAME, BusFacts, CollectionState, KeyringFacts, NameOwner
from creds_session.probe.session import probe_bus, probe_keyring
from creds_session.secret import Secret
from creds_session.system.bus import Bus, Peer, is_nested, with_runtime_directory
from creds_session.system.files import cannot_write
from creds_session.system.processes import find_program
from creds_session.system.secret_service import NAME, SecretService, secret_service
from creds_session.system.terminal import MAX_PASSWORD, feed
from creds_session.system.waiting_daemon import initialise
from creds_session.unlock.routes import Route, choose

__all__ = ["Route", "Unlocked", "choose", "unlock", "way"]

SERVER_WORDS = ("GNOME_KEYRING_CONTROL", "SSH_AUTH_SOCK")


class Unlocked(NamedTuple):
    """The login keyring is open; ``environment`` is what a new daemon printed for the shell."""

    route: Route
    pid: int
    created: bool = False
    environment: Mapping[str, str] = MappingProxyType({})


def unlock(
    environ: Mapping[str, str],
    ask: Callable[[bool], Secret],
    *,
    create: bool = False,
    timeout: float = 10,
) -> Unlocked:
    """Open the login keyring; ``ask(creating)`` is called once, when a password is needed.

    ``timeout``, in seconds, bounds each step but the person's typing. Raises WrongPassword,
    NoKeyringYet, Unavailable, NotPermitted or InvalidData; then nothing is reported as unlocked.
    """
    environ = with_runtime_directory(environ, os.getuid())
    bus, keyring = look(environ, timeout)
    route = chosen(bus, keyring, create=create)
    if route is Route.ACTIVATE:
        _activate(bus, keyring, environ, timeout)
        bus, keyring = look(environ, timeout)
        route = chosen(bus, keyring, create=create)
        if route is Route.ACTIVATE:
            raise Unavailable(
                f"a daemon listens at {keyring.control} and does not serve this session's bus",
                hint="it belongs to another bus; work in that session, or in a private one:"
                " env -u XDG_RUNTIME_DIR dbus-run-session -- bash",
            )
    if not route.needs_password:
        return _proof(bus, route, timeout)
    creating = route.creates(keyring)
    password = checked(ask(creating))
    printed = _carry_out(route, bus, password, environ, timeout)
    opened = _proof(bus, route, timeout)
    return Unlocked(opened.route, opened.pid, creating, printed)


def way(environ: Mapping[str, str], *, create: bool = False, timeout: float = 10) -> Route:
    """Return the way that ``unlock`` would take now; changes nothing. Raises as it does."""
    keyring = probe_keyring(environ, connect=False)
    return chosen(probe_bus(environ, timeout), keyring, create=create)


def checked(password: Secret) -> Secret:
    """Return the password; raise InvalidData for one that the daemon would cut or misread."""
    value = password.reveal()
    if b"\0" in value:
        raise InvalidData("the password has a NUL byte; the keyring daemon would cut it there")
    if len(value) > MAX_PASSWORD:
        raise InvalidData(f"the password is longer than {MAX_PASSWORD} bytes")
    if not value:
        raise InvalidData(
            "the password is empty", hint="an empty one would keep the secrets unencrypted"
        )
    return password


def look(environ: Mapping[str, str], timeout: float) -> tuple[BusFacts, KeyringFacts]:
    """Return what decides the way; a socket of systemd's starts the daemon behind it."""
    return probe_bus(environ, timeout), probe_keyring(environ)


def chosen(bus: BusFacts, keyring: KeyringFacts, *, create: bool) -> Route:
    """Return the way, after a look at whose process would be given the password.

    Raises NotPermitted, and what ``choose`` raises.
    """
    if bus.owner is not None and bus.owner.uid != os.getuid():
        raise NotPermitted(
            f"the process that serves secrets here (pid {bus.owner.pid}) belongs to user id"
            f" {bus.owner.uid}; no password goes there"
        )
    return choose(bus, keyring, create=create)


def _activate(
    facts: BusFacts, keyring: KeyringFacts, environ: Mapping[str, str], timeout: float
) -> None:
    with Bus(facts.address or "", timeout) as bus:
        if keyring.is_elsewhere:
            initialise(bus, environ, timeout)
        else:
            bus.start(NAME)


def _carry_out(
    route: Route, facts: BusFacts, password: Secret, environ: Mapping[str, str], timeout: float
) -> dict[str, str]:
    if facts.owner is None:
        return _start_daemon(password, facts.address or "", environ, timeout)
    with Bus(facts.address or "", timeout) as bus:
        service = same_service(bus, facts.owner)
        if route is Route.IN_PLACE:
            service.unlock(service.alias("login"), password)
        else:
            # The daemon makes the file's name from the label: "login" makes login.keyring,
            # which PAM and the alias look for; "Login" would make a stranger.
            service.create("login", password)
    return {}


def same_service(bus: Bus, owner: NameOwner) -> SecretService:
    """Return the very service that the way was chosen for. Raises Unavailable."""
    peer = Peer(owner.unique_name, owner.pid, owner.uid)
    if bus.peer(NAME) != peer:
        raise Unavailable("the keyring daemon went away while it was being unlocked")
    return SecretService(bus, peer)


def _start_daemon(
    password: Secret, address: str, environ: Mapping[str, str], timeout: float
) -> dict[str, str]:
    program = find_program(DAEMON_NAME)
    if program is None:
        raise Unavailable(
            f"{DAEMON_NAME} is not installed",
            hint="install it: apt install gnome-keyring (Debian), dnf install gnome-keyring",
        )
    environ = {**environ, "DBUS_SESSION_BUS_ADDRESS": address}
    with _control_directory(environ, address) as option:
        printed = feed([program, "--unlock", "--daemonize", *option], password, environ, timeout)
    pairs = (line.partition("=") for line in printed.splitlines() if "=" in line)
    return {name: value for name, _, value in pairs if name in SERVER_WORDS}


@contextmanager
def _control_directory(environ: Mapping[str, str], address: str) -> Iterator[list[str]]:
    """Give a daemon of a nested bus a folder of its own; a daemon that fails leaves none.

    The control socket of the runtime directory belongs to the daemon of the outer bus.
    """
    runtime = environ.get("XDG_RUNTIME_DIR")
    if not runtime or not is_nested(environ, address):
        yield []
        return
    import shutil  # noqa: PLC0415 - only for a new daemon
    import tempfile  # noqa: PLC0415

    try:
        folder = tempfile.mkdtemp(prefix="keyring-", dir=runtime)
    except OSError as error:
        raise cannot_write(Path(runtime), error) from error
    try:
        yield [f"--control-directory={folder}"]
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _proof(facts: BusFacts, route: Route, timeout: float) -> Unlocked:
    """Ask the owner on the bus until it says unlocked, or raise what it says instead.

    ``gnome-keyring-daemon --unlock`` ends with 0 whatever happened, and before it is on the bus.
    """
    with Bus(facts.address or "", timeout) as bus:
        while bus.remaining:
            service = secret_service(bus)
            state = service.login_state() if service else None
            if service and state is CollectionState.UNLOCKED:
                return Unlocked(route, service.owner.pid)
            if service and state is CollectionState.LOCKED:
                raise _still_locked(route, service.owner.pid)
            time.sleep(0.02)
    raise Unavailable(f"no keyring daemon served the login keyring within {timeout:g} s")


def _still_locked(route: Route, pid: int) -> CredsSessionError:
    if route is Route.NEW_DAEMON:
        # gkd-login.c:unlock_or_create_login, gkm-wrap-prompt.c:fix_login_keyring_if_unlock_failed
        return WrongPassword(
            "the keyring did not accept the password",
            hint=f"the daemon (pid {pid}) remembers it: a desktop's prompt that is answered rightly"
            f" would give the keyring that password; where prompts are shown: kill {pid}",
        )
    return Unavailable(f"the keyring daemon (pid {pid}) still says: locked")
