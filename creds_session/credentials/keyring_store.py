"""keyring's own choice of a backend, shown only a keyring that answers and is open."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from creds_session.credentials.access import UNLOCK, Access, open_items
from creds_session.credentials.stores import KeyringStore
from creds_session.errors import CollectionLocked, CredsSessionError, Unavailable
from creds_session.system.bus.address import session_bus_address
from creds_session.system.bus.connection import Bus

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

BUS_ADDRESS = "DBUS_SESSION_BUS_ADDRESS"
ON_THE_BUS = ("keyring.backends.SecretService", "keyring.backends.libsecret")
NOTHING_ELSE = "keyring.backends.fail"
CHAIN = "keyring.backends.chainer"


@contextmanager
def keyring_store(access: Access, preferred: str = "") -> Iterator[KeyringStore]:
    """Give keyring's backend; raise where it would fail with a riddle or show a prompt."""
    with keyring_at_work(access.timeout) as refusal:
        backend = chosen_backend()
        needs_service, collection = _needs_service(backend), ""
        if needs_service:
            if refusal is not None:
                raise refusal
            collection = _collection(access, preferred)
        yield KeyringStore(backend, access.timeout if needs_service else None, collection)


def _collection(access: Access, preferred: str) -> str:
    """Return the path of the open collection if gnome-keyring keeps it in a file, else ``""``."""
    items = open_items(access, preferred)
    try:
        return items.path if items.is_in_a_file() else ""
    finally:
        items.close()


@contextmanager
def keyring_at_work(timeout: float) -> Iterator[CredsSessionError | None]:
    """Let keyring see this session's bus, and have its errors be ours."""
    with _keyring_errors(), _session_bus(timeout) as refusal:
        yield refusal


def chosen_backend() -> KeyringBackend:
    """Return the backend that keyring chooses. Raises Unavailable where it cannot load it."""
    import keyring  # a tenth of a second, for those who need it

    try:
        return keyring.get_keyring()
    except keyring.errors.KeyringError:
        raise
    except Exception as error:  # of whatever is named in its configuration
        problem = f"keyring cannot load the backend that is named: {error}"
        raise Unavailable(problem) from error


def _needs_service(backend: KeyringBackend) -> bool:
    """Tell whether this backend, or one of its chain, asks the Secret Service."""
    module = type(backend).__module__
    if module == CHAIN:
        return any(_needs_service(one) for one in getattr(backend, "backends", ()))
    return module in {*ON_THE_BUS, NOTHING_ELSE}


@contextmanager
def _session_bus(timeout: float) -> Iterator[CredsSessionError | None]:
    """Let keyring see the session's bus for a while; give why it sees none.

    keyring looks at the environment alone, and waits without a limit for whoever listens there:
    so it is shown only a bus of this user that answers.
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
        os.environ[BUS_ADDRESS] = "disabled:"  # no transport that any library knows
    try:
        yield refusal
    finally:
        os.environ.pop(BUS_ADDRESS, None)
        if before is not None:
            os.environ[BUS_ADDRESS] = before


@contextmanager
def _keyring_errors() -> Iterator[None]:
    """Turn keyring's errors into ours; a message of keyring's holds no secret."""
    from keyring import errors

    try:
        yield
    except errors.KeyringLocked as error:
        raise CollectionLocked(f"the keyring is locked ({error})", hint=UNLOCK) from None
    except (errors.NoKeyringError, errors.InitError) as error:
        raise Unavailable(f"keyring found no usable backend: {error}") from None
    except errors.KeyringError as error:
        raise Unavailable(f"keyring failed: {error}") from None
