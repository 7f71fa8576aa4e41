"""Credentials by service and user name, with the user name itself kept under a key where asked.

Which backend is used stays keyring's own choice and configuration; where it would choose the
Secret Service that is asked without keyring, and the items are the same. Nothing prompts unless
asked to, and a locked keyring is an error at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from creds_session.credentials.access import PATIENT, USUAL, Access, open_items
from creds_session.credentials.backend_choice import Route, choose
from creds_session.credentials.keyring_settings import surroundings
from creds_session.credentials.stores import BusStore, Store
from creds_session.errors import InvalidData, NoService, NoSuchCredential
from creds_session.secret import Secret
from creds_session.system.secret_service.collection import Collection

__all__ = ["Access", "Credential", "delete", "get", "list_credentials", "put"]


class Credential(NamedTuple):
    """A service, a user name and a password that does not show itself."""

    service: str
    username: str
    password: Secret


def get(
    service: str,
    username: str | None = None,
    *,
    username_key: str | None = None,
    access: Access = USUAL,
) -> Credential:
    """Return a credential; the user name by value, or by the key that holds it.

    Raises NoSuchCredential, Ambiguous, CollectionLocked, NoService, TimedOut, Unavailable or
    InvalidData.
    """
    _require_text(service, username, username_key)
    with _store(access) as store:
        name, password = _held(store, service, username, username_key)
    return Credential(service, name, password)


def put(
    service: str,
    username: str | None,
    password: Secret,
    *,
    username_key: str | None = None,
    access: Access = USUAL,
) -> None:
    """Keep a password, and the user name under a key where one is given.

    Without a user name the key must hold one already. The password is stored first: a reader
    never finds a name without its password. Raises as ``get`` does, and InvalidData where what
    is kept under the key looks like a password that the name would replace.
    """
    _require_text(service, username, username_key)
    if username_key is not None and username == username_key:
        raise InvalidData("the key and the user name are the same: one would replace the other")
    _require_keepable(password)
    with _store(access) as store:
        name = _username(store, service, username, username_key)
        _require_name_under(store, service, username_key, name)
        store.put(service, name, password)
        if username is not None and username_key is not None:
            store.put(service, username_key, Secret(username.encode()))


def require_storable(
    service: str,
    username: str | None,
    *,
    username_key: str | None = None,
    access: Access = USUAL,
) -> str:
    """Return the user name for which ``put`` would store a password; changes nothing.

    For who asks a person for that password: raises what ``put`` raises before it stores.
    """
    _require_text(service, username, username_key)
    if username_key is not None and username == username_key:
        raise InvalidData("the key and the user name are the same: one would replace the other")
    with _store(access) as store:
        name = _username(store, service, username, username_key)
        _require_name_under(store, service, username_key, name)
    return name


def delete(
    service: str,
    username: str | None = None,
    *,
    username_key: str | None = None,
    access: Access = USUAL,
) -> None:
    """Remove a password, and the name's own entry where a key is given.

    Raises NoSuchCredential and as ``get`` does.
    """
    _require_text(service, username, username_key)
    with _store(access) as store:
        name, _ = _held(store, service, username, username_key)
        store.delete(service, name)
        if username_key is not None and store.get(service, username_key) is not None:
            store.delete(service, username_key)


def list_credentials(
    service: str | None = None, *, access: Access = PATIENT
) -> list[tuple[str, str]]:
    """Return service and user name of all that ``get`` would find; no password is read.

    A key that holds a user name is itself such a user name. Raises as ``get`` does, and
    Unavailable where keyring's backend cannot list.
    """
    _require_text(service or "")
    with _store(access) as store:
        return store.names(service)


def _require_text(*names: str | None) -> None:
    for name in names:
        if name is not None and "\0" in name:
            raise InvalidData("a service or a user name has a NUL character; none can be kept")
        try:
            (name or "").encode()
        except UnicodeEncodeError:
            raise InvalidData(f"{name!r} is not UTF-8; the keyring keeps text only") from None


def _require_keepable(password: Secret) -> None:
    if b"\0" in password.reveal():
        raise InvalidData(
            "the password has a NUL character",
            hint="programs that read it would stop there; encode it first, as base64",
        )
    try:
        password.reveal().decode()
    except UnicodeDecodeError:
        raise InvalidData("the password is not UTF-8; keyring keeps text only") from None


def _username(store: Store, service: str, username: str | None, key: str | None) -> str:
    if username is not None:
        return username
    if key is None:
        raise InvalidData("a credential needs a user name, or the key that holds it")
    held = store.get(service, key)
    if held is None:
        where = f"service {service!r} under the key {key!r}"
        raise NoSuchCredential(f"no user name is kept for {where}")
    return _text(held, service, key)


def _text(held: Secret, service: str, key: str) -> str:
    try:
        return held.reveal().decode()
    except UnicodeDecodeError:
        raise InvalidData(f"what service {service!r} keeps under {key!r} is no text") from None


def _require_name_under(store: Store, service: str, key: str | None, name: str) -> None:
    """Raise where the key holds what is neither this name nor one that has a password."""
    held = None if key is None else store.get(service, key)
    if held is None or key is None or held == Secret(name.encode()):
        return
    if store.get(service, _text(held, service, key)) is not None:
        return
    problem = f"what service {service!r} keeps under {key!r} is no user name, maybe a password"
    raise InvalidData(problem, hint="it would be replaced: give another key, or delete it first")


def _held(store: Store, service: str, username: str | None, key: str | None) -> tuple[str, Secret]:
    """Return the name and its password; shows no looked-up name, for it may be a password."""
    name = _username(store, service, username, key)
    password = store.get(service, name)
    if password is None:
        by_key = f"the user name kept under the key {key!r}"
        known = by_key if username is None else f"user {username!r}"
        raise NoSuchCredential(f"no password is kept for service {service!r}, {known}")
    return name, password


@contextmanager
def _store(access: Access) -> Iterator[Store]:
    """Give the store that keyring would choose, by the shorter way where there is one."""
    route = choose(surroundings(os.environ))
    items = _items(route, access) if route.is_direct else None
    if items is not None:
        access.tell(route.why)
        try:
            yield BusStore(items, access.tell, _others(route, access))
        finally:
            items.close()
        return
    from creds_session.credentials.keyring_store import keyring_store  # seldom

    access.tell(route.why if not route.is_direct else "through keyring: no Secret Service is here")
    with keyring_store(access, route.collection) as store:
        yield store


def _items(route: Route, access: Access) -> Collection | None:
    """Return the open collection, or None where keyring may know a backend that is elsewhere."""
    try:
        return open_items(access, route.collection)
    except NoService:
        if not route.others:
            raise
        return None


def _others(route: Route, access: Access) -> Callable[[str, str], Secret | None] | None:
    """Return what asks keyring, for a password that is not here, where it would ask others."""
    if not route.others:
        return None

    def ask(service: str, username: str) -> Secret | None:
        from creds_session.credentials.keyring_store import keyring_store

        access.tell(f"through keyring: there may be one of {', '.join(route.others)}")
        with keyring_store(access, route.collection) as store:
            return store.get(service, username)

    return ask
