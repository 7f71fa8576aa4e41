"""The store of credentials in the backend that keyring chooses.

keyring is given a Secret Service only if the service answers and the keyring is unlocked: otherwise
keyring waits without a limit, or fails with a misleading message.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from creds_session.credentials.access import Access, open_items
from creds_session.credentials.locked import UNLOCK
from creds_session.credentials.plain_file import require_kept
from creds_session.errors import (
    CollectionLocked,
    CredsSessionError,
    InvalidData,
    TimedOut,
    Unavailable,
)
from creds_session.secret import Secret
from creds_session.system.bus.address import session_bus_address
from creds_session.system.bus.connection import Bus

if TYPE_CHECKING:  # importing keyring takes a tenth of a second
    from keyring.backend import KeyringBackend

Returned = TypeVar("Returned")
BUS_ADDRESS = "DBUS_SESSION_BUS_ADDRESS"
ON_THE_BUS = ("keyring.backends.SecretService", "keyring.backends.libsecret")
NOTHING_ELSE = "keyring.backends.fail"
CHAIN = "keyring.backends.chainer"


class KeyringStore:
    """Store passwords in a backend of keyring.

    ``timeout``, in seconds, limits each call of a backend that uses the session bus, because
    keyring itself waits without a limit. None: no limit, because a person may have to type
    something. ``collection`` is the path of the collection that gnome-keyring stores in a file, or
    empty.
    """

    def __init__(
        self, backend: KeyringBackend, timeout: float | None = None, collection: str = ""
    ) -> None:
        self._backend = backend
        self._timeout = timeout
        self._collection = collection

    def get(self, service: str, username: str) -> Secret | None:
        """Return a password, or None if no password is stored."""
        password = self._in_time(lambda: self._backend.get_password(service, username))
        try:
            return None if password is None else Secret(password.encode())
        except UnicodeEncodeError:
            problem = f"the password of service {service!r} is not text"
            raise InvalidData(problem) from None

    def put(self, service: str, username: str, password: Secret) -> None:
        """Store a password."""
        if self._collection:
            require_kept(self._collection, password)
        text = password.reveal().decode()
        self._in_time(lambda: self._backend.set_password(service, username, text))

    def delete(self, service: str, username: str) -> None:
        """Remove a password."""
        self._in_time(lambda: self._backend.delete_password(service, username))

    def _in_time(self, act: Callable[[], Returned]) -> Returned:
        """Return the result of a call; raise TimedOut if it takes longer than the limit."""
        if self._timeout is None:
            return act()
        from threading import Thread  # keyring has loaded it

        # A call of libdbus or GLib cannot be interrupted, so it runs in a thread that is abandoned
        # if it does not return in time.
        results: list[Returned] = []
        errors: list[Exception] = []

        def work() -> None:
            try:
                results.append(act())
            except Exception as error:  # noqa: BLE001 - raised below, in the thread that waits
                errors.append(error)

        thread = Thread(target=work, daemon=True)
        thread.start()
        thread.join(self._timeout)
        if errors:
            raise errors[0]
        if not results:
            raise TimedOut(f"keyring did not answer within {self._timeout:g} s")
        return results[0]

    def names(self, service: str | None) -> list[tuple[str, str]]:  # noqa: ARG002 - see Store
        """Raise Unavailable, because keyring's interface cannot list credentials."""
        backend = f"{type(self._backend).__module__}.{type(self._backend).__name__}"
        raise Unavailable(f"keyring's backend {backend} cannot list what it stores")


@contextmanager
def keyring_store(access: Access, preferred: str = "") -> Iterator[KeyringStore]:
    """Yield the store in keyring's backend.

    Raises: what ``open_items`` raises, if keyring would use the Secret Service and would wait for
    ever, show a prompt or fail with a misleading message.
    """
    with keyring_at_work(access.timeout) as refusal:
        backend = chosen_backend()
        needs_service, collection = _needs_service(backend), ""
        if needs_service:
            if refusal is not None:
                raise refusal
            collection = _collection(access, preferred)
        yield KeyringStore(backend, access.timeout if needs_service else None, collection)


def _collection(access: Access, preferred: str) -> str:
    """Return the collection's path if gnome-keyring stores it in a file, or an empty text."""
    items = open_items(access, preferred)
    try:
        return items.path if items.is_in_a_file() else ""
    finally:
        items.close()


@contextmanager
def keyring_at_work(timeout: float) -> Iterator[CredsSessionError | None]:
    """Let keyring use this session's bus, and convert its errors to errors of this package.

    Yields the error that keeps the bus from being used, or None.
    """
    with _keyring_errors(), _session_bus(timeout) as refusal:
        yield refusal


def chosen_backend() -> KeyringBackend:
    """Return the backend that keyring chooses.

    Raises: Unavailable if keyring cannot load the backend that its configuration names.
    """
    import keyring  # it takes a tenth of a second

    try:
        return keyring.get_keyring()
    except keyring.errors.KeyringError:
        raise
    except Exception as error:  # any error of the module that the configuration names
        problem = f"keyring cannot load the backend that is configured: {error}"
        raise Unavailable(problem) from error


def _needs_service(backend: KeyringBackend) -> bool:
    """Return whether this backend, or a backend that it chains, uses the Secret Service."""
    module = type(backend).__module__
    if module == CHAIN:
        return any(_needs_service(chained) for chained in getattr(backend, "backends", ()))
    return module in {*ON_THE_BUS, NOTHING_ELSE}


@contextmanager
def _session_bus(timeout: float) -> Iterator[CredsSessionError | None]:
    """Set the session bus in this process's environment for a while; yield the error, if any.

    keyring reads only the environment, and waits without a limit for any program that listens at
    the address. Therefore the variable is set only to a bus of this user that answers.
    """
    before = os.environ.get(BUS_ADDRESS)
    address = session_bus_address(os.environ, os.getuid())
    refusal = None
    try:
        if address is not None:
            Bus(address, timeout).close()
            os.environ[BUS_ADDRESS] = address
    except CredsSessionError as error:
        refusal = error
        os.environ[BUS_ADDRESS] = "disabled:"  # no D-Bus library knows this transport
    try:
        yield refusal
    finally:
        os.environ.pop(BUS_ADDRESS, None)
        if before is not None:
            os.environ[BUS_ADDRESS] = before


@contextmanager
def _keyring_errors() -> Iterator[None]:
    """Convert keyring's errors to errors of this package; keyring's messages hold no secret."""
    from keyring import errors

    try:
        yield
    except errors.KeyringLocked as error:
        raise CollectionLocked(f"the keyring is locked ({error})", hint=UNLOCK) from None
    except (errors.NoKeyringError, errors.InitError) as error:
        raise Unavailable(f"keyring found no usable backend: {error}") from None
    except errors.KeyringError as error:
        raise Unavailable(f"keyring failed: {error}") from None
