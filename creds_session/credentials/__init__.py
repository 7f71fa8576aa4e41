"""Store, read, delete and list credentials: a service, a user name and a password.

The user name itself can be stored too, under a lookup key.

keyring's own choice and configuration decide which backend is used. If keyring would choose the
Secret Service, then the Secret Service is called without keyring, and the items are the same. No
function shows a prompt unless the caller asks for one. A locked keyring raises an error at once.
"""

from __future__ import annotations

from creds_session.credentials.access import PATIENT, USUAL, Access
from creds_session.credentials.opening import open_store
from creds_session.errors import InvalidData, NoSuchCredential
from creds_session.records import NamedTuple
from creds_session.secret import Secret, require_secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from creds_session.credentials.store import Store

__all__ = ["Access", "Credential", "delete", "get", "list_credentials", "put"]

DELETE_IT = "what is stored under the lookup key may be a password; to delete it: "
SAME_NAME = "the lookup key and the user name are the same: one would replace the other"


class Deleted(NamedTuple):
    """Say what ``delete`` removed: the password, and the entry under the lookup key."""

    password: bool
    user_name: bool


class Credential(NamedTuple):
    """Hold a service, a user name and a password, which is never printed by accident."""

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
    """Return the credential of a service and a user.

    ``username`` is the user name; without it, ``username_key`` is the lookup key under which the
    user name is stored. ``access`` says how the keyring is reached.

    Raises: NoSuchCredential, Ambiguous (several passwords match), CollectionLocked, NotPermitted,
    NoService, TimedOut, Unavailable or InvalidData.
    """
    _require_text(service, username, username_key)
    with open_store(access) as store:
        name, password = _find(store, service, username, username_key)
    return Credential(service, name, password)


def put(
    service: str,
    username: str | None,
    password: Secret,
    *,
    username_key: str | None = None,
    access: Access = USUAL,
) -> None:
    """Store a password, and the user name under a lookup key if a key is given.

    Without ``username``, the lookup key must hold a user name already. The password is stored
    before the user name, so that a reader never finds a user name without a password.

    Raises: TypeError if ``password`` is not a Secret, what ``get`` raises, and InvalidData if the
    entry under the lookup key may be a password, which the user name would replace.
    """
    require_secret(password)
    _require_text(service, username, username_key)
    if username_key is not None and username == username_key:
        raise InvalidData(SAME_NAME)
    _require_storable_password(password)
    with open_store(access) as store:
        name = _username(store, service, username, username_key)
        _require_user_name_under(store, service, username_key, name)
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
    """Return the user name for which ``put`` would store a password; change nothing.

    Call it before a person is asked for the password.

    Raises: what ``put`` raises before it stores.
    """
    _require_text(service, username, username_key)
    if username_key is not None and username == username_key:
        raise InvalidData(SAME_NAME)
    with open_store(access) as store:
        name = _username(store, service, username, username_key)
        _require_user_name_under(store, service, username_key, name)
    return name


def delete(
    service: str,
    username: str | None = None,
    *,
    username_key: str | None = None,
    access: Access = USUAL,
) -> Deleted:
    """Remove a password, and the entry that holds the user name if a lookup key is given.

    With ``username`` as well, the entry under the key is removed only if it holds this user name,
    and it is removed also if the password was deleted before. Without ``username``, an entry under
    the key whose user name has no password is not removed, because it may be a password itself.

    Raises: what ``get`` raises, and NoSuchCredential if there is nothing to remove.
    """
    _require_text(service, username, username_key)
    with open_store(access) as store:
        name = _username(store, service, username, username_key)
        has_password = store.get(service, name) is not None
        has_name = username_key is not None and _holds(store, service, username_key, name)
        if not has_password and (username is None or not has_name):
            from shlex import join  # only for an error

            hint = DELETE_IT + join(("creds", "delete", "--", service, username_key or ""))
            raise _no_password(service, username, username_key, hint)
        if has_password:
            store.delete(service, name)
        if username_key is not None and has_name and _holds(store, service, username_key, name):
            store.delete(service, username_key)
    return Deleted(has_password, has_name)


def _holds(store: Store, service: str, key: str, name: str) -> bool:
    """Return whether the entry under a lookup key holds this user name."""
    return store.get(service, key) == Secret(name.encode())


def list_credentials(
    service: str | None = None, *, access: Access = PATIENT
) -> list[tuple[str, str]]:
    """Return the service and the user name of every credential that ``get`` would find.

    No password is read. ``service`` limits the list to one service. A lookup key is listed like a
    user name.

    Raises: what ``get`` raises, and Unavailable if keyring's backend cannot list.
    """
    _require_text(service or "")
    with open_store(access) as store:
        return store.names(service)


def _require_text(*names: str | None) -> None:
    for name in names:
        if name is not None and "\0" in name:
            raise InvalidData(
                "the service or the user name has a NUL character, which a keyring cannot store"
            )
        try:
            (name or "").encode()
        except UnicodeEncodeError:
            raise InvalidData(f"{name!r} is not UTF-8; the keyring stores text only") from None


def _require_storable_password(password: Secret) -> None:
    if b"\0" in password.reveal():
        raise InvalidData(
            "the password has a NUL character",
            hint="programs that read it would stop there; encode it first, as base64",
        )
    try:
        password.reveal().decode()
    except UnicodeDecodeError:
        raise InvalidData("the password is not UTF-8; the keyring stores text only") from None


def _username(store: Store, service: str, username: str | None, key: str | None) -> str:
    if username is not None:
        return username
    if key is None:
        raise InvalidData("a credential needs a user name, or the lookup key that holds it")
    stored = store.get(service, key)
    if stored is None:
        raise NoSuchCredential(
            f"no user name is stored for service {service!r} under lookup key {key!r}"
        )
    return _text(stored, service, key)


def _text(stored: Secret, service: str, key: str) -> str:
    try:
        return stored.reveal().decode()
    except UnicodeDecodeError:
        raise InvalidData(
            f"the entry of service {service!r} under lookup key {key!r} is not text"
        ) from None


def _require_user_name_under(store: Store, service: str, key: str | None, name: str) -> None:
    """Raise InvalidData if the entry under the lookup key may be a password.

    It is a user name if it is the given name, or if a password is stored for it.
    """
    stored = None if key is None else store.get(service, key)
    if stored is None or key is None or stored == Secret(name.encode()):
        return
    if store.get(service, _text(stored, service, key)) is not None:
        return
    raise InvalidData(
        f"the entry of service {service!r} under lookup key {key!r} is not a user name; it may be a"
        " password, which the user name would replace; nothing was stored",
        hint="use another lookup key, or delete that entry first",
    )


def _find(store: Store, service: str, username: str | None, key: str | None) -> tuple[str, Secret]:
    """Return the user name and its password.

    A user name that was looked up is never printed, because it may be a password.
    """
    name = _username(store, service, username, key)
    password = store.get(service, name)
    if password is None:
        raise _no_password(service, username, key)
    return name, password


def _no_password(
    service: str, username: str | None, key: str | None, hint: str = ""
) -> NoSuchCredential:
    by_key = f"the user name stored under lookup key {key!r}"
    known = by_key if username is None else f"user {username!r}"
    problem = f"no password is stored for service {service!r}, {known}"
    return NoSuchCredential(problem, hint=hint if username is None else "")
