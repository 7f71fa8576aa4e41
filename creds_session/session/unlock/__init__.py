"""Unlock the keyrings of this session; report success only after the Secret Service confirms it.

These are the login keyring, which a login unlocks, and the default keyring, which programs read and
write. Usually they are the same keyring.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from creds_session.errors import InvalidData, NoBus, NotPermitted
from creds_session.facts.collection_state import CollectionState, collection_name
from creds_session.facts.next_step import NO_BUS
from creds_session.facts.session import MAX_PASSWORD, BusFacts, KeyringFacts, NameOwner
from creds_session.facts.session_state import LOGIN, default_keyring
from creds_session.probe.keyring import look_at, probe_bus, probe_keyring, service_of
from creds_session.records import NamedTuple
from creds_session.secret import Secret
from creds_session.session.unlock.asked_once import AskedOnce, PasswordRequest
from creds_session.session.unlock.confirmation import confirm_unlocked
from creds_session.session.unlock.patience import Patience
from creds_session.session.unlock.routes import NoKeyringYet, Route, choose
from creds_session.session.unlock.serving import serves_another_bus, session_bus, start
from creds_session.session.unlock.without_asking import (
    UnlockedWithoutPrompt,
    open_default_too,
    open_without_asking,
)
from creds_session.system.bus.address import with_runtime_directory
from creds_session.system.bus.connection import Bus
from creds_session.system.processes.keyring_daemons import program_of
from creds_session.system.secret_service.service import NAME, SecretService, ServiceEnded
from creds_session.system.session_bus.connect import hint

__all__ = [
    "PasswordRequest",
    "Route",
    "Unlocked",
    "UnlockedWithoutPrompt",
    "choose",
    "planned_route",
    "unlock",
]

OF_LOCKED = frozenset({Route.WITHOUT_ASKING, Route.IN_PLACE, Route.DEFAULT_IN_PLACE})


class Unlocked(NamedTuple):
    """Say how the keyrings were unlocked, and which daemon (``pid``) serves them.

    ``created``: the login keyring was created. ``environment`` holds the variables that a new
    daemon printed for the shell. ``beside`` is the pid of another keyring daemon of the user, to
    which PAM would send the password, or None. ``keyring`` is the name of the keyring that was
    unlocked, and ``opened`` names the keyrings that were unlocked without a prompt.
    """

    route: Route
    pid: int
    created: bool = False
    environment: Mapping[str, str] = {}
    beside: int | None = None
    keyring: str = LOGIN
    opened: UnlockedWithoutPrompt = UnlockedWithoutPrompt()


def unlock(
    environ: Mapping[str, str],
    ask: Callable[[PasswordRequest], Secret],
    *,
    create: bool = False,
    timeout: float = 10,
) -> Unlocked:
    """Unlock the login keyring and the default keyring.

    ``ask`` returns the password; it is called once, if a password is needed. ``create``: create the
    login keyring if there is no keyring. ``timeout``, in seconds, limits everything except ``ask``.
    If the daemon ends meanwhile, the same is tried a second time, with the same password.

    Raises: WrongPassword, NoKeyringYet, CollectionLocked (the default keyring has another
    password), ProviderHung, OtherProvider, Unavailable, NotPermitted, CannotWrite or InvalidData.
    """
    environ = with_runtime_directory(environ, os.getuid())
    patience, asked = Patience(timeout), AskedOnce(ask)
    with session_bus(environ, timeout) as bus:
        try:
            return _unlock(bus, environ, asked, patience, create=create)
        except ServiceEnded as ended:
            # A person or an update may have ended that daemon. If the next one ends as well, then
            # something is wrong with it.
            bus.allow(patience.left)
            try:
                return _unlock(bus, environ, asked, patience, create=create)
            except NoBus:  # another bus would need the password once more
                raise ended from None


def _unlock(
    bus: Bus, environ: Mapping[str, str], ask: AskedOnce, patience: Patience, *, create: bool
) -> Unlocked:
    facts, keyring, route = _observe(bus, environ, create=create)
    printed: Mapping[str, str] = {}
    # A daemon that does not serve this bus yet is started first, without a password. Only then is
    # it known which keyrings exist, whether they are locked and what has to be done.
    if route.starts:
        printed = start(route, bus, keyring, environ, patience.left)
        facts, keyring, route = _observe(bus, environ, create=create)
        if route.starts:
            raise serves_another_bus(keyring)
    # Unlock everything that needs no password, so that nobody is asked for a password that
    # gnome-keyring would not check.
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
            password = require_valid_password(ask(PasswordRequest(target, route.creates(keyring))))
        bus.allow(patience.left)
        printed = _carry_out(route, bus, facts.owner, password, environ) or printed
    elif opened.names:
        route = Route.WITHOUT_ASKING
    service = confirm_unlocked(bus, route, target, patience, facts.owner)
    if target == LOGIN and _has_other_default(facts, keyring):
        created = route.creates(keyring)
        opened = open_default_too(service, keyring, opened, password, created=created)
    return Unlocked(
        route,
        service.owner.pid,
        created=route.creates(keyring),
        environment=printed,
        beside=_other_control_daemon(facts, keyring),
        keyring=target,
        opened=opened,
    )


def _has_other_default(facts: BusFacts, keyring: KeyringFacts) -> bool:
    """Return whether programs may read a keyring other than the login keyring, or no keyring."""
    by_file = keyring.default_name not in {None, "", LOGIN}
    return by_file or (bool(facts.default_path) and collection_name(facts.default_path) != LOGIN)


def _target(route: Route, facts: BusFacts, keyring: KeyringFacts) -> str:
    """Return the name of the keyring that the route unlocks or creates."""
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
    """Return the route that ``unlock`` would take now; change nothing.

    ``timeout``, in seconds, limits all answers of the bus. Raises: what ``unlock`` raises before it
    asks for a password.
    """
    keyring = probe_keyring(environ, connect=False)
    return require_route(_answering_bus(environ, timeout), keyring, create=create)


def require_valid_password(password: Secret, *, may_be_empty: bool = False) -> Secret:
    """Return the password if the keyring daemon reads it completely and unchanged.

    Raises: InvalidData for a password that is too long, has a NUL byte, or is empty and may not be
    empty.
    """
    value = password.reveal()
    if b"\0" in value:
        raise InvalidData(
            "the password has a NUL byte, and the keyring daemon reads only what is before it"
        )
    if len(value) > MAX_PASSWORD:
        raise InvalidData(f"the password is longer than {MAX_PASSWORD} bytes")
    if not value and not may_be_empty:
        raise InvalidData(
            "the password is empty",
            hint="gnome-keyring does not encrypt a keyring with an empty password",
        )
    return password


def probe(environ: Mapping[str, str], timeout: float) -> tuple[BusFacts, KeyringFacts]:
    """Return the facts that decide which route is taken.

    This connects to the control socket. If systemd listens at that socket, then it starts the
    keyring daemon.

    Raises: NoBus.
    """
    return _answering_bus(environ, timeout), probe_keyring(environ)


def _answering_bus(environ: Mapping[str, str], timeout: float) -> BusFacts:
    """Return the facts about a session bus that answers.

    Raises: NoBus, whose hint is the next step.
    """
    facts = probe_bus(environ, timeout)
    if facts.answers or facts.owner is not None:
        return facts
    raise NoBus(facts.reason if facts.address else NO_BUS, hint=hint(environ))


def require_route(bus: BusFacts, keyring: KeyringFacts, *, create: bool) -> Route:
    """Return the route, if the password would go to a process of this user.

    Raises: NotPermitted, and what ``choose`` raises.
    """
    require_ours(bus)
    try:
        route = choose(bus, keyring, create=create)
    except NoKeyringYet:
        _require_installed(bus)
        raise
    if route in {Route.NEW_DAEMON, Route.START}:
        _require_installed(bus)  # before anybody is asked for a password
    if route is Route.ACTIVATE:
        from creds_session.probe.control_holder import require_no_other_holder  # seldom

        require_no_other_holder(bus, keyring)
    return route


def require_ours(bus: BusFacts) -> None:
    """Raise NotPermitted if the process that serves secrets belongs to another user."""
    if bus.owner is not None and bus.owner.uid != os.getuid():
        raise NotPermitted(
            f"the process that serves secrets here (pid {bus.owner.pid}) belongs to user id"
            f" {bus.owner.uid}; no password goes there"
        )


def _require_installed(bus: BusFacts) -> None:
    """Raise NoService if no keyring daemon serves this bus and no keyring daemon is installed."""
    if bus.owner is None:
        from creds_session.probe.keyring_program import require_daemon  # seldom

        require_daemon()


def _other_control_daemon(bus: BusFacts, keyring: KeyringFacts) -> int | None:
    """Return the pid of a daemon that owns the control socket but does not serve the bus, or None.

    A second ``gnome-keyring-daemon --unlock`` takes the control socket over
    (gkd-control-server.c:gkd_control_listen removes the socket and binds a new one). Then PAM and
    passwd send passwords to a daemon that serves no program.
    """
    pid = keyring.control_pid
    if bus.owner is None or not pid or pid == bus.owner.pid:
        return None
    listener = NameOwner(pid, os.getuid(), program_of(pid))  # it may be systemd
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
        # The daemon makes the file's name from the label. The label "login" makes login.keyring,
        # which PAM and the alias look for; "Login" would make a file that neither of them finds.
        service.create("login", password)
    return {}


def same_service(bus: Bus, owner: NameOwner) -> SecretService:
    """Return the service of this owner, if the owner is still the same process.

    Raises: ServiceEnded.
    """
    service = service_of(bus, owner)
    if bus.peer(NAME) != service.owner:
        raise ServiceEnded(owner.pid)
    return service
