"""Credentials through keyring, with the user name itself kept under a key.

The Secret Service is looked at first, so that a locked keyring is an answer and not a prompt
that nobody sees. Which backend is used stays keyring's own choice and configuration.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from creds_session.errors import (
    CollectionLocked,
    CredsSessionError,
    InvalidData,
    NoSuchCredential,
    Unavailable,
)
from creds_session.facts import CollectionState, collection_name
from creds_session.probe.session import has_keyring, probe_keyring
from creds_session.secret import Secret
from creds_session.system.bus import Bus, CallFailed, session_bus_address
from creds_session.system.processes import name_of
from creds_session.system.secret_service import NAME, secret_service

if TYPE_CHECKING:  # importing keyring costs a tenth of a second
    from keyring.backend import KeyringBackend

TIMEOUT = 10.0  # seconds for all answers of the bus
BUS_ADDRESS = "DBUS_SESSION_BUS_ADDRESS"
UNLOCK = "unlock it: creds unlock"
OTHER = "creds unlock opens only the login keyring; creds-doctor says how to make that the default"
ON_THE_BUS = ("keyring.backends.SecretService", "keyring.backends.libsecret")
NOTHING_ELSE = "keyring.backends.fail"
CHAIN = "keyring.backends.chainer"


class Credential(NamedTuple):
    """A service, a user name and a password that does not show itself."""

    service: str
    username: str
    password: Secret


def get(
    service: str, username: str | None = None, *, username_key: str | None = None
) -> Credential:
    """Return a credential; the user name by value, or by the key that holds it.

    Raises NoSuchCredential, CollectionLocked, Unavailable or InvalidData; never prompts.
    """
    with _ready_backend() as backend:
        name, password = _held(backend, service, username, username_key)
    try:
        return Credential(service, name, Secret(password.encode()))
    except UnicodeEncodeError:
        raise InvalidData(f"the password of service {service!r} is not text") from None


def put(
    service: str, username: str | None, password: Secret, *, username_key: str | None = None
) -> None:
    """Keep a password, and the user name under a key where one is given.

    Without a user name the key must hold one already. The password is stored first: a reader
    never finds a name without its password. Raises as ``get`` does, and InvalidData where what
    is kept under the key looks like a password that the name would replace.
    """
    if username_key is not None and username == username_key:
        raise InvalidData("the key and the user name are the same: one would replace the other")
    try:
        text = password.reveal().decode()
    except UnicodeDecodeError:
        raise InvalidData("the password is not UTF-8; keyring keeps text only") from None
    with _ready_backend() as backend:
        name = _username(backend, service, username, username_key)
        _require_name_under(backend, service, username_key, name)
        backend.set_password(service, name, text)
        if username is not None and username_key is not None:
            backend.set_password(service, username_key, username)


def delete(service: str, username: str | None = None, *, username_key: str | None = None) -> None:
    """Remove a password, and the name's own entry where a key is given.

    Raises NoSuchCredential and as ``get`` does.
    """
    with _ready_backend() as backend:
        name, _ = _held(backend, service, username, username_key)
        backend.delete_password(service, name)
        if username_key is not None and backend.get_password(service, username_key) is not None:
            backend.delete_password(service, username_key)


def _username(
    backend: KeyringBackend, service: str, username: str | None, username_key: str | None
) -> str:
    if username is not None:
        return username
    if username_key is None:
        raise InvalidData("a credential needs a user name, or the key that holds it")
    held = backend.get_password(service, username_key)
    if held is None:
        where = f"service {service!r} under the key {username_key!r}"
        raise NoSuchCredential(f"no user name is kept for {where}")
    return str(held)


def _require_name_under(backend: KeyringBackend, service: str, key: str | None, name: str) -> None:
    """Raise where the key holds what is neither this name nor one that has a password."""
    held = None if key is None else backend.get_password(service, key)
    if held is None or held == name or backend.get_password(service, held) is not None:
        return
    problem = f"what service {service!r} keeps under {key!r} is no user name, maybe a password"
    raise InvalidData(problem, hint="it would be replaced: give another key, or delete it first")


def _held(
    backend: KeyringBackend, service: str, username: str | None, key: str | None
) -> tuple[str, str]:
    """Return the name and its password; shows no looked-up name, for it may be a password."""
    name = _username(backend, service, username, key)
    password = backend.get_password(service, name)
    if password is None:
        by_key = f"the user name kept under the key {key!r}"
        known = by_key if username is None else f"user {username!r}"
        raise NoSuchCredential(f"no password is kept for service {service!r}, {known}")
    return name, password


@contextmanager
def _ready_backend() -> Iterator[KeyringBackend]:
    """Give keyring's backend; raise where it would fail with a riddle or show a prompt."""
    import keyring  # noqa: PLC0415 - a tenth of a second, for those who need it

    with _keyring_errors(), _session_bus() as refusal:
        backend = keyring.get_keyring()
        if _needs_service(backend):
            if refusal is not None:
                raise refusal
            require_open_collection()
        yield backend


def _needs_service(backend: KeyringBackend) -> bool:
    """Tell whether this backend, or one of its chain, asks the Secret Service."""
    module = type(backend).__module__
    if module == CHAIN:
        return any(_needs_service(one) for one in getattr(backend, "backends", ()))
    return module in {*ON_THE_BUS, NOTHING_ELSE}


@contextmanager
def _session_bus() -> Iterator[CredsSessionError | None]:
    """Let keyring see the session's bus for a while; give why it sees none.

    keyring looks at the environment alone, and waits without a limit for whoever listens there:
    so it is shown only a bus of this user that answers.
    """
    before = os.environ.get(BUS_ADDRESS)
    address = session_bus_address(os.environ, os.getuid())
    refusal = None
    try:
        if address is not None:
            Bus(address, TIMEOUT).close()
            os.environ[BUS_ADDRESS] = address
    except CredsSessionError as error:
        refusal = error
        os.environ[BUS_ADDRESS] = "disabled:"  # no transport that any library knows
    try:
        yield refusal
    finally:
        os.environ.pop(BUS_ADDRESS, None)
        if before is not None:
            os.environ[BUS_ADDRESS] = before


def require_open_collection(timeout: float = TIMEOUT) -> None:
    """Return when the default collection is open; starts the service where D-Bus can.

    Raises Unavailable (no bus, no provider, a ghost) or CollectionLocked; never prompts.
    """
    address = session_bus_address(os.environ, os.getuid())
    if address is None:
        raise Unavailable(
            "this session has no bus, so no keyring can be reached",
            hint="start one: dbus-run-session -- bash; creds-doctor says more",
        )
    with Bus(address, timeout) as bus:
        service = secret_service(bus)
        if service is None:
            if not has_keyring(os.environ):  # a daemon would have nothing to serve
                _require_unlocked(CollectionState.ABSENT, "")
            _start(bus, timeout)
            service = secret_service(bus)
        if service is None:
            raise Unavailable("the keyring daemon ended as soon as it was started")
        path = service.alias("default")
        state = service.state(path)
        is_login = path == service.alias("login")
        owner = f"{name_of(service.owner.pid)} (pid {service.owner.pid})"
    _require_unlocked(state, owner, "" if is_login else collection_name(path))


def _start(bus: Bus, timeout: float) -> None:
    if probe_keyring(os.environ).is_elsewhere:
        from creds_session.system.waiting_daemon import initialise  # noqa: PLC0415

        return initialise(bus, os.environ, timeout)
    if not bus.activatable(NAME):
        raise Unavailable(
            "no program that serves secrets is installed (org.freedesktop.secrets)",
            hint="install one: apt install gnome-keyring (Debian), dnf install gnome-keyring",
        )
    try:
        bus.start(NAME)
    except CallFailed as error:
        raise Unavailable(f"the keyring daemon does not start: {error.problem}") from error


def _require_unlocked(state: CollectionState, owner: str, other: str = "") -> None:
    if state is CollectionState.LOCKED and other:
        raise CollectionLocked(f"the default keyring, {other}, is locked", hint=OTHER)
    if state is CollectionState.LOCKED:
        raise CollectionLocked("the keyring is locked", hint=UNLOCK)
    if state is CollectionState.ABSENT:
        raise CollectionLocked(
            "there is no login keyring yet", hint="creds-doctor says why; creds unlock --create"
        )
    if state is CollectionState.GHOST:
        raise Unavailable(
            f"the login keyring is named but not served by {owner}",
            hint="restart the daemon, then unlock; creds-doctor says how",
        )


@contextmanager
def _keyring_errors() -> Iterator[None]:
    """Turn keyring's errors into ours; a message of keyring's holds no secret."""
    from keyring import errors  # noqa: PLC0415

    try:
        yield
    except errors.KeyringLocked as error:
        raise CollectionLocked(f"the keyring is locked ({error})", hint=UNLOCK) from None
    except (errors.NoKeyringError, errors.InitError) as error:
        raise Unavailable(f"keyring found no usable backend: {error}") from None
    except errors.KeyringError as error:
        raise Unavailable(f"keyring failed: {error}") from None
