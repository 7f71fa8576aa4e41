"""Open the login keyring of this session, and say so only when the bus says so."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from creds_session.errors import InvalidData, Unavailable, WrongPassword
from creds_session.facts import DAEMON_NAME, BusFacts, CollectionState, KeyringFacts
from creds_session.probe.session import probe_bus, probe_keyring
from creds_session.secret import Secret
from creds_session.system.bus import Bus, is_nested
from creds_session.system.processes import find_program
from creds_session.system.secret_service import NAME, secret_service
from creds_session.system.terminal import MAX_PASSWORD, feed
from creds_session.unlock.routes import Route, choose

__all__ = ["Route", "Unlocked", "choose", "unlock", "way"]

SERVER_WORDS = ("GNOME_KEYRING_CONTROL", "SSH_AUTH_SOCK")


@dataclass(frozen=True)
class Unlocked:
    """The login keyring is open; ``environment`` is what a new daemon printed for the shell."""

    route: Route
    pid: int
    created: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


def unlock(
    environ: Mapping[str, str],
    ask: Callable[[bool], Secret],
    *,
    create: bool = False,
    timeout: float = 10,
) -> Unlocked:
    """Open the login keyring; ``ask(creating)`` is called once, when a password is needed.

    ``timeout``, in seconds, bounds everything but the person's typing. Raises WrongPassword,
    NoKeyringYet, Unavailable, NotPermitted or InvalidData; then nothing is reported as unlocked.
    """
    bus, keyring = _look(environ, timeout)
    route = choose(bus, keyring, create=create)
    if route is Route.ACTIVATE:
        _activate(bus, timeout)
        bus, keyring = _look(environ, timeout)
        route = choose(bus, keyring, create=create)
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
    return choose(probe_bus(environ, timeout), probe_keyring(environ, connect=False), create=create)


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


def _look(environ: Mapping[str, str], timeout: float) -> tuple[BusFacts, KeyringFacts]:
    return probe_bus(environ, timeout), probe_keyring(environ)


def _activate(facts: BusFacts, timeout: float) -> None:
    with Bus(facts.address or "", timeout) as bus:
        bus.start(NAME, timeout)


def _carry_out(
    route: Route, facts: BusFacts, password: Secret, environ: Mapping[str, str], timeout: float
) -> dict[str, str]:
    if route is Route.NEW_DAEMON:
        return _start_daemon(password, facts.address or "", environ, timeout)
    with Bus(facts.address or "", timeout) as bus:
        service = secret_service(bus)
        if service is None:
            raise Unavailable("the keyring daemon went away while it was being unlocked")
        if route is Route.IN_PLACE:
            service.unlock(service.alias("login"), password)
        else:
            # The daemon makes the file's name from the label: "login" makes login.keyring,
            # which PAM and the alias look for; "Login" would make a stranger.
            service.create("login", password)
    return {}


def _start_daemon(
    password: Secret, address: str, environ: Mapping[str, str], timeout: float
) -> dict[str, str]:
    program = find_program(DAEMON_NAME)
    if program is None:
        raise Unavailable(
            f"{DAEMON_NAME} is not installed",
            hint="install it: apt install gnome-keyring (Debian), dnf install gnome-keyring",
        )
    argv = [program, "--unlock", "--daemonize"]
    runtime = environ.get("XDG_RUNTIME_DIR")
    if runtime and is_nested(environ, address):
        # The folder's own control socket belongs to the daemon of the outer bus.
        argv.append(f"--control-directory={tempfile.mkdtemp(prefix='keyring-', dir=runtime)}")
    environ = {**environ, "DBUS_SESSION_BUS_ADDRESS": address}
    printed = feed(argv, password, environ, timeout)
    pairs = (line.partition("=") for line in printed.splitlines() if "=" in line)
    return {name: value for name, _, value in pairs if name in SERVER_WORDS}


def _proof(facts: BusFacts, route: Route, timeout: float) -> Unlocked:
    """Ask the owner on the bus until it says unlocked, or raise what it says instead.

    ``gnome-keyring-daemon --unlock`` ends with 0 whatever happened, and before it is on the bus.
    """
    deadline = time.monotonic() + timeout
    state, pid = None, 0
    with Bus(facts.address or "", timeout) as bus:
        while time.monotonic() < deadline:
            service = secret_service(bus)
            if service is not None:
                pid = service.owner.pid
                state = service.login_state()
                if state is CollectionState.UNLOCKED:
                    return Unlocked(route, pid)
                if state is CollectionState.LOCKED:
                    break
            time.sleep(0.02)
    if state is CollectionState.LOCKED:
        raise WrongPassword(
            "the keyring did not accept the password"
            if route is Route.NEW_DAEMON
            else f"the keyring daemon (pid {pid}) still says: locked"
        )
    raise Unavailable(f"no keyring daemon served the login keyring within {timeout:g} s")
