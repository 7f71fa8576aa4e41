"""Open the login keyring of this session, and say so only when the bus says so."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from creds_session.collection import CollectionState
from creds_session.errors import (
    CredsSessionError,
    InvalidData,
    NotPermitted,
    Unavailable,
    WrongPassword,
)
from creds_session.probe.session import probe_bus, probe_keyring
from creds_session.secret import Secret
from creds_session.session_facts import DAEMON_NAME, BusFacts, DaemonRole, KeyringFacts, NameOwner
from creds_session.system.bus import Bus, Peer, is_nested, with_runtime_directory
from creds_session.system.files import cannot_write
from creds_session.system.processes import end, find_program, keyring_daemons, program_of
from creds_session.system.secret_service import NAME, SecretService, secret_service
from creds_session.system.terminal import MAX_PASSWORD, feed
from creds_session.system.waiting_daemon import initialise
from creds_session.unlock.routes import Route, choose

__all__ = ["Route", "Unlocked", "choose", "unlock", "way"]

SERVER_WORDS = ("GNOME_KEYRING_CONTROL", "SSH_AUTH_SOCK")
CLOCK = 2  # seconds; /proc/stat tells the boot, from which starts are reckoned, in whole ones


class Unlocked(NamedTuple):
    """The login keyring is open; ``environment`` is what a new daemon printed for the shell.

    ``beside`` is another daemon of the user's, which listens where PAM hands passwords over.
    """

    route: Route
    pid: int
    created: bool = False
    environment: Mapping[str, str] = MappingProxyType({})
    beside: int | None = None


class Patience:
    """A limit in seconds on all that is waited for, a person's typing left out."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Return the seconds that are left."""
        return max(self._end - time.monotonic(), 0)

    @property
    def spent(self) -> float:
        """Return the seconds that were waited."""
        return self.seconds - self.left

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let the time stand still."""
        left = self.left
        yield
        self._end = time.monotonic() + left


def unlock(
    environ: Mapping[str, str],
    ask: Callable[[bool], Secret],
    *,
    create: bool = False,
    timeout: float = 10,
) -> Unlocked:
    """Open the login keyring; ``ask(creating)`` is called once, when a password is needed.

    ``timeout``, in seconds, bounds all of it but the person's typing. Raises WrongPassword,
    NoKeyringYet, Unavailable, NotPermitted or InvalidData; then nothing is reported as unlocked.
    """
    environ = with_runtime_directory(environ, os.getuid())
    patience = Patience(timeout)
    bus, keyring = look(environ, patience.left)
    route = chosen(bus, keyring, create=create)
    if route is Route.ACTIVATE:
        _activate(bus, keyring, environ, patience.left)
        bus, keyring = look(environ, patience.left)
        route = chosen(bus, keyring, create=create)
        if route is Route.ACTIVATE:
            raise Unavailable(
                f"a daemon listens at {keyring.control} and does not serve this session's bus",
                hint="it belongs to another bus; work in that session, or in a private one:"
                " env -u XDG_RUNTIME_DIR dbus-run-session -- bash",
            )
    beside = _beside(bus, keyring)
    if not route.needs_password:
        return _proof(bus, route, patience)._replace(beside=beside)
    creating = route.creates(keyring)
    with patience.held():
        password = checked(ask(creating))
    printed = _carry_out(route, bus, password, environ, patience.left)
    opened = _proof(bus, route, patience)
    return opened._replace(created=creating, environment=printed, beside=beside)


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


def _beside(bus: BusFacts, keyring: KeyringFacts) -> int | None:
    """Return the daemon that took the control socket from the one that serves, or None.

    A second ``--unlock`` does so; then PAM and passwd speak to a daemon that serves nobody
    (gkd-control-server.c:gkd_control_listen unlinks the socket and binds it anew).
    """
    pid = keyring.control_pid
    if bus.owner is None or not pid or pid == bus.owner.pid:
        return None
    listener = NameOwner(pid, os.getuid(), program_of(pid))  # else systemd, which made the socket
    return pid if listener.is_gnome_keyring else None


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


def _proof(facts: BusFacts, route: Route, patience: Patience) -> Unlocked:
    """Ask the owner on the bus until it says unlocked and gives a secret, or raise what it says.

    ``gnome-keyring-daemon --unlock`` ends with 0 whatever happened, and before it is on the bus.
    """
    with Bus(facts.address or "", patience.left) as bus:
        while bus.remaining:
            service = secret_service(bus)
            state = service.login_state() if service else None
            if service and state is CollectionState.UNLOCKED and service.reads_one():
                return Unlocked(route, service.owner.pid)
            if service and state is CollectionState.LOCKED:
                raise _still_locked(route, service.owner, patience)
            time.sleep(0.02)
    raise Unavailable(f"no keyring daemon served the login keyring within {patience.seconds:g} s")


def _still_locked(route: Route, owner: Peer, patience: Patience) -> CredsSessionError:
    """Return what it means; end a daemon that was started here, with a wrong password.

    It would remember the refused password, and a desktop's prompt that is answered rightly would
    give it to the keyring (gkd-login.c:unlock_or_create_login,
    gkm-wrap-prompt.c:fix_login_keyring_if_unlock_failed).
    """
    if route is not Route.NEW_DAEMON:
        return Unavailable(f"the keyring daemon (pid {owner.pid}) still says: locked")
    begin = time.time() - patience.spent - CLOCK
    for daemon in keyring_daemons(owner.uid):
        started_here = daemon.role is DaemonRole.BY_HAND and daemon.started > begin
        if daemon.pid == owner.pid and started_here:
            end(daemon)
    return WrongPassword("the keyring did not accept the password")
