"""Unlock the keyrings that this session uses, and say so only when the bus says so.

These are the login keyring, which a login unlocks, and the default keyring, where programs read and
store. Mostly they are one and the same.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from creds_session.errors import (
    CredsSessionError,
    InvalidData,
    NoBus,
    NotPermitted,
    TimedOut,
    Unavailable,
    WrongPassword,
)
from creds_session.facts.collection_state import CollectionState, collection_name
from creds_session.facts.next_step import NO_BUS
from creds_session.facts.session import MAX_PASSWORD, BusFacts, DaemonRole, KeyringFacts, NameOwner
from creds_session.facts.session_state import LOGIN, default_keyring
from creds_session.probe.keyring import look_at, probe_bus, probe_keyring
from creds_session.secret import Secret
from creds_session.session.unlock.patience import Patience
from creds_session.session.unlock.routes import NoKeyringYet, Route, choose
from creds_session.session.unlock.serving import serves_another_bus, session_bus, start
from creds_session.session.unlock.without_asking import (
    UnlockedWithoutPrompt,
    open_default_too,
    open_without_asking,
)
from creds_session.system.bus.address import with_runtime_directory
from creds_session.system.bus.connection import Bus, Peer
from creds_session.system.processes.keyring_daemons import end, keyring_daemons, program_of
from creds_session.system.secret_service.service import NAME, SecretService, secret_service
from creds_session.system.session_bus.connect import hint

__all__ = ["Opened", "Route", "Unlocked", "Wanted", "choose", "unlock", "way"]

OF_LOCKED = frozenset({Route.WITHOUT_ASKING, Route.IN_PLACE, Route.DEFAULT_IN_PLACE})
SILENCE = 2.0  # seconds without an answer, after which a daemon counts as hung
CLOCK = 2  # seconds; /proc/stat tells the boot, from which starts are reckoned, in whole ones


class Unlocked(NamedTuple):
    """The keyrings are unlocked; ``environment`` is what a new daemon printed for the shell.

    ``beside`` is another daemon of the user's, which listens where PAM hands passwords over.
    ``keyring`` is the name of the keyring that the route is about; ``opened`` names those that were
    opened without a question.
    """

    route: Route
    pid: int
    created: bool = False
    environment: Mapping[str, str] = MappingProxyType({})
    beside: int | None = None
    keyring: str = LOGIN
    opened: UnlockedWithoutPrompt = UnlockedWithoutPrompt()


class PasswordRequest(NamedTuple):
    """Which password is asked for: that of a keyring by its name, or that of a new one."""

    keyring: str = LOGIN
    is_new: bool = False


def unlock(
    environ: Mapping[str, str],
    ask: Callable[[PasswordRequest], Secret],
    *,
    create: bool = False,
    timeout: float = 10,
) -> Unlocked:
    """Unlock the login keyring and the default one; ``ask`` is called once, if it is needed.

    ``timeout``, in seconds, bounds all of it but the person's typing. Raises WrongPassword,
    NoKeyringYet, CollectionLocked (the default keyring has another password), ProviderHung,
    OtherProvider, Unavailable, NotPermitted or InvalidData; then nothing is reported as unlocked.
    """
    environ = with_runtime_directory(environ, os.getuid())
    patience = Patience(timeout)
    with session_bus(environ, timeout) as bus:
        facts, keyring, route = _observe(bus, environ, create=create)
        printed: Mapping[str, str] = {}
        if route.starts:
            printed = start(route, bus, keyring, environ, patience.left)
            facts, keyring, route = _observe(bus, environ, create=create)
            if route.starts:
                raise serves_another_bus(keyring)
        opened = UnlockedWithoutPrompt()
        if facts.owner is not None and route in OF_LOCKED:
            opened = open_without_asking(same_service(bus, facts.owner), keyring)
            is_login = facts.login is CollectionState.LOCKED
            route = Route.IN_PLACE if is_login else Route.DEFAULT_IN_PLACE
        if opened.names:
            facts, keyring, route = _observe(bus, environ, create=create)
        target = _target(route, facts, keyring)
        password = None
        if route.needs_password:
            with patience.held():
                password = require_valid_password(
                    ask(PasswordRequest(target, route.creates(keyring)))
                )
            bus.allow(patience.left)
            printed = _carry_out(route, bus, facts.owner, password, environ) or printed
        elif opened.names:
            route = Route.WITHOUT_ASKING
        pid = _proof(bus, route, target, patience)
        service = secret_service(bus) if _has_other_default(facts, keyring) else None
        if target == LOGIN and service is not None:
            created = route.creates(keyring)
            opened = open_default_too(service, keyring, opened, password, created=created)
        return Unlocked(
            route,
            pid,
            created=route.creates(keyring),
            environment=printed,
            beside=_beside(facts, keyring),
            keyring=target,
            opened=opened,
        )


def _has_other_default(facts: BusFacts, keyring: KeyringFacts) -> bool:
    """Return whether programs may read another keyring than the login keyring, or none."""
    by_file = keyring.default_name not in {None, "", LOGIN}
    return by_file or (bool(facts.default_path) and collection_name(facts.default_path) != LOGIN)


def _target(route: Route, facts: BusFacts, keyring: KeyringFacts) -> str:
    """Return the name of the keyring that the way is about."""
    if route is Route.DEFAULT_IN_PLACE:
        return default_keyring(facts)[0]
    has_login = facts.login in {CollectionState.LOCKED, CollectionState.UNLOCKED}
    is_login = has_login or facts.owner is None or route.creates(keyring)
    return LOGIN if is_login else default_keyring(facts)[0]


def _observe(
    bus: Bus, environ: Mapping[str, str], *, create: bool
) -> tuple[BusFacts, KeyringFacts, Route]:
    facts, keyring = look_at(bus), probe_keyring(environ)
    return facts, keyring, require_route(facts, keyring, create=create)


def planned_route(
    environ: Mapping[str, str], *, create: bool = False, timeout: float = 10
) -> Route:
    """Return the way that ``unlock`` would take now; changes nothing. Raises as it does."""
    keyring = probe_keyring(environ, connect=False)
    return require_route(_answering_bus(environ, timeout), keyring, create=create)


def require_valid_password(password: Secret, *, may_be_empty: bool = False) -> Secret:
    """Return the password; raise InvalidData for one that the daemon would cut or misread."""
    value = password.reveal()
    if b"\0" in value:
        raise InvalidData("the password has a NUL byte; the keyring daemon would cut it there")
    if len(value) > MAX_PASSWORD:
        raise InvalidData(f"the password is longer than {MAX_PASSWORD} bytes")
    if not value and not may_be_empty:
        raise InvalidData(
            "the password is empty", hint="an empty one would keep the secrets unencrypted"
        )
    return password


def probe(environ: Mapping[str, str], timeout: float) -> tuple[BusFacts, KeyringFacts]:
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


def require_route(bus: BusFacts, keyring: KeyringFacts, *, create: bool) -> Route:
    """Return the way, after a look at whose process would be given the password.

    Raises NotPermitted, and what ``choose`` raises.
    """
    require_ours(bus)
    try:
        route = choose(bus, keyring, create=create)
    except NoKeyringYet:
        _require_installed(bus)
        raise
    if route in {Route.NEW_DAEMON, Route.START}:
        _require_installed(bus)  # before anybody is asked for a password
    return route


def require_ours(bus: BusFacts) -> None:
    """Raise NotPermitted if the process that serves secrets is another user's."""
    if bus.owner is not None and bus.owner.uid != os.getuid():
        raise NotPermitted(
            f"the process that serves secrets here (pid {bus.owner.pid}) belongs to user id"
            f" {bus.owner.uid}; no password goes there"
        )


def _require_installed(bus: BusFacts) -> None:
    """Raise NoService if no keyring daemon serves, and none is installed that could."""
    if bus.owner is None:
        from creds_session.probe.keyring_program import require_daemon  # seldom

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


def _carry_out(
    route: Route,
    bus: Bus,
    owner: NameOwner | None,
    password: Secret,
    environ: Mapping[str, str],
) -> dict[str, str]:
    if owner is None:
        from creds_session.session.unlock.new_daemon import (  # pexpect is slow
            start_daemon,
        )

        return start_daemon(password, bus.address, environ, bus.remaining)
    service = same_service(bus, owner)
    if route in {Route.IN_PLACE, Route.DEFAULT_IN_PLACE}:
        alias = "login" if route is Route.IN_PLACE else "default"
        service.unlock(service.alias(alias), password)
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


def _proof(bus: Bus, route: Route, target: str, patience: Patience) -> int:
    """Ask the owner on the bus until it says unlocked and gives a secret, or raise what it says.

    ``gnome-keyring-daemon --unlock`` ends with 0 whatever happened, and before it is on the bus.
    Returns the pid of the owner. If the time ends while one more answer is awaited, the answers
    before count: that the daemon hangs is said only if it was silent for a while.
    """
    alias, problem = "login" if target == LOGIN else "default", ""
    unserved = f"no keyring daemon served the {target} keyring within {patience.seconds:g} s"
    while left := bus.remaining:
        try:
            service = secret_service(bus)
            path = service.alias(alias) if service else ""
            state = service.state(path) if service else None
            is_unlocked = state is CollectionState.UNLOCKED
            if service and is_unlocked and service.can_read_an_item(path):
                return service.owner.pid
        except TimedOut:
            if not problem or left > SILENCE:
                raise
            break
        if service and state is CollectionState.LOCKED:
            raise _still_locked(route, service.owner, patience)
        problem = unserved
        if service and is_unlocked:
            problem = (
                f"the keyring daemon (pid {service.owner.pid}) says that the {target} keyring is"
                " unlocked, but no secret of it could be read"
            )
        time.sleep(0.02)
    raise Unavailable(problem or unserved)


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
