"""Open the login keyring of this session, and say so only when the bus says so."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import NamedTuple

from creds_session.collection import CollectionState
from creds_session.errors import (
    CredsSessionError,
    InvalidData,
    NoBus,
    NotPermitted,
    Unavailable,
    WrongPassword,
)
from creds_session.next_step import FORGET, NO_BUS
from creds_session.probe.session import look_at, probe_bus, probe_keyring
from creds_session.secret import Secret
from creds_session.session_connection import connect, hint
from creds_session.session_facts import (
    MAX_PASSWORD,
    BusFacts,
    DaemonRole,
    KeyringFacts,
    NameOwner,
)
from creds_session.system.bus import Bus, Peer, with_runtime_directory
from creds_session.system.processes import end, keyring_daemons, program_of
from creds_session.system.secret_service import NAME, SecretService, secret_service
from creds_session.unlock.routes import NoKeyringYet, Route, choose

__all__ = ["Route", "Unlocked", "choose", "unlock", "way"]

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
    with _session_bus(environ, timeout) as bus:
        facts, keyring, route = _seen(bus, environ, create=create)
        if route is Route.ACTIVATE:
            _activate(bus, keyring, environ, patience.left)
            facts, keyring, route = _seen(bus, environ, create=create)
            if route is Route.ACTIVATE:
                raise _of_another_bus(keyring)
        beside = _beside(facts, keyring)
        if not route.needs_password:
            return _proof(bus, route, patience)._replace(beside=beside)
        creating = route.creates(keyring)
        with patience.held():
            password = checked(ask(creating))
        bus.allow(patience.left)
        printed = _carry_out(route, bus, facts.owner, password, environ)
        opened = _proof(bus, route, patience)
        return opened._replace(created=creating, environment=printed, beside=beside)


def _of_another_bus(keyring: KeyringFacts) -> CredsSessionError:
    """Return what to say of a daemon that listens and serves another bus."""
    hint = (
        "it belongs to another bus; work in that session, or in a private one:"
        " env -u XDG_RUNTIME_DIR dbus-run-session -- bash"
    )
    if keyring.is_elsewhere:
        hint = f"it belongs to another bus; start one for this bus: {FORGET}; creds unlock"
    problem = f"a daemon listens at {keyring.control} and does not serve this session's bus"
    return Unavailable(problem, hint=hint)


def _session_bus(environ: Mapping[str, str], timeout: float) -> Bus:
    """Return a connection to the bus of this session; raise NoBus if none answers."""
    try:
        return connect(environ, timeout)
    except NoBus:
        raise
    except CredsSessionError as error:
        raise NoBus(error.problem, hint=error.hint) from error


def _seen(
    bus: Bus, environ: Mapping[str, str], *, create: bool
) -> tuple[BusFacts, KeyringFacts, Route]:
    facts, keyring = look_at(bus), probe_keyring(environ)
    return facts, keyring, chosen(facts, keyring, create=create)


def way(environ: Mapping[str, str], *, create: bool = False, timeout: float = 10) -> Route:
    """Return the way that ``unlock`` would take now; changes nothing. Raises as it does."""
    keyring = probe_keyring(environ, connect=False)
    return chosen(_answering_bus(environ, timeout), keyring, create=create)


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
    """Return what decides the way; a socket of systemd's starts the daemon behind it.

    Raises NoBus.
    """
    return _answering_bus(environ, timeout), probe_keyring(environ)


def _answering_bus(environ: Mapping[str, str], timeout: float) -> BusFacts:
    """Return the facts of a session bus that answers. Raises NoBus, with the next step."""
    facts = probe_bus(environ, timeout)
    if facts.answers or facts.owner is not None:
        return facts
    raise NoBus(facts.reason if facts.address else NO_BUS, hint=hint(environ))


def chosen(bus: BusFacts, keyring: KeyringFacts, *, create: bool) -> Route:
    """Return the way, after a look at whose process would be given the password.

    Raises NotPermitted, and what ``choose`` raises.
    """
    if bus.owner is not None and bus.owner.uid != os.getuid():
        raise NotPermitted(
            f"the process that serves secrets here (pid {bus.owner.pid}) belongs to user id"
            f" {bus.owner.uid}; no password goes there"
        )
    try:
        route = choose(bus, keyring, create=create)
    except NoKeyringYet:
        _require_installed(bus)
        raise
    if route is Route.NEW_DAEMON:
        _require_installed(bus)  # before anybody is asked for a password
    return route


def _require_installed(bus: BusFacts) -> None:
    """Raise NoService if no keyring daemon serves, and none is installed that could."""
    if bus.owner is None:
        from creds_session.probe.keyring_program import require_daemon  # noqa: PLC0415 - seldom

        require_daemon()


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


def _activate(bus: Bus, keyring: KeyringFacts, environ: Mapping[str, str], timeout: float) -> None:
    if keyring.is_elsewhere:
        from creds_session.system.waiting_daemon import initialise  # noqa: PLC0415 - seldom

        initialise(bus, environ, timeout)
    else:
        bus.start(NAME)


def _carry_out(
    route: Route,
    bus: Bus,
    owner: NameOwner | None,
    password: Secret,
    environ: Mapping[str, str],
) -> dict[str, str]:
    if owner is None:
        from creds_session.unlock.new_daemon import start_daemon  # noqa: PLC0415 - pexpect is slow

        return start_daemon(password, bus.address, environ, bus.remaining)
    service = same_service(bus, owner)
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


def _proof(bus: Bus, route: Route, patience: Patience) -> Unlocked:
    """Ask the owner on the bus until it says unlocked and gives a secret, or raise what it says.

    ``gnome-keyring-daemon --unlock`` ends with 0 whatever happened, and before it is on the bus.
    """
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
