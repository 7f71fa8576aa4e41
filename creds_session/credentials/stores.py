"""Where passwords are kept by service and user name: over the bus, or through keyring.

What is written over the bus is what keyring's SecretService backend writes, byte for byte
(keyring/backends/SecretService.py, secretstorage/collection.py:create_item).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from creds_session.errors import Ambiguous, InvalidData, NoSuchCredential, TimedOut, Unavailable
from creds_session.secret import Secret
from creds_session.system.secret_service.collection import Collection

if TYPE_CHECKING:  # importing keyring costs a tenth of a second
    from keyring.backend import KeyringBackend

Done = TypeVar("Done")
APPLICATION = "Python keyring library"


class Store(Protocol):
    """Passwords by service and user name."""

    def get(self, service: str, username: str) -> Secret | None:
        """Return a password, or None."""

    def put(self, service: str, username: str, password: Secret) -> None:
        """Keep a password in the place of the one that is there."""

    def delete(self, service: str, username: str) -> None:
        """Remove a password. Raises NoSuchCredential."""

    def names(self, service: str | None) -> list[tuple[str, str]]:
        """Return service and user name of all, or of those of one service."""


class BusStore:
    """The items of a collection, as keyring names them.

    ``otherwise`` is asked for a password that is not there: keyring would go on to other backends.
    """

    def __init__(
        self,
        items: Collection,
        tell: Callable[[str], None],
        otherwise: Callable[[str, str], Secret | None] | None = None,
    ) -> None:
        self._items = items
        self._tell = tell
        self._otherwise = otherwise

    def get(self, service: str, username: str) -> Secret | None:
        """Return the password of the item that was changed last, as keyring does."""
        paths = self._items.search_items(_query(service, username))
        found = self._items.secrets(paths)
        paths = [path for path in paths if path in found]
        if not paths:
            return self._otherwise(service, username) if self._otherwise else None
        if len(paths) > 1:
            self._tell(f"{len(paths)} items match; the one that was changed last is meant")
            self._refuse_chance(paths, found)
        return found[paths[0]]

    def _refuse_chance(self, paths: Sequence[str], found: Mapping[str, Secret]) -> None:
        """Raise Ambiguous where the first of several passwords is first by chance."""
        if len(set(found.values())) == 1:
            return
        when = self._items.modified(paths)
        last = {found[path] for path, at in zip(paths, when) if at == max(when)}
        if len(last) > 1:
            raise Ambiguous(
                f"{len(last)} passwords are kept for this service and user, changed in one second",
                hint="put it again, or remove those of other programs: secret-tool search --all",
            )

    def put(self, service: str, username: str, password: Secret) -> None:
        """Keep a password as keyring does."""
        if self._items.is_in_a_file():
            _require_kept(self._items.path, password)
        label = f"Password for '{username}' on '{service}'"
        attributes = {**_query(service, username), "application": APPLICATION}
        self._items.create_item(label, attributes, password)

    def delete(self, service: str, username: str) -> None:
        """Remove the item that ``get`` reads."""
        paths = self._items.search_items(_query(service, username))
        if not paths:
            raise NoSuchCredential(f"no password is kept for service {service!r}")
        self._items.delete(paths[0])
        if len(paths) > 1:
            self._tell(f"another item matches, and is read from now on ({len(paths) - 1} left)")

    def names(self, service: str | None) -> list[tuple[str, str]]:
        """Return the names by which items can be got."""
        if service is None:
            paths = self._items.all_items()
        else:
            paths = self._items.search_items({"service": service})
        found = self._items.attributes(paths)
        pairs = {
            (one["service"], one["username"])
            for one in found
            if _query("", "").keys() <= one.keys()
        }
        return sorted(pairs)


def _require_kept(collection: str, password: Secret) -> None:
    from creds_session.credentials.plain_file import require_kept  # not `get`

    require_kept(collection, password)


def _query(service: str, username: str) -> dict[str, str]:
    return {"username": username, "service": service}


class KeyringStore:
    """A backend of keyring's; ``timeout``, in seconds, for each call of one that asks the bus.

    keyring itself waits there for ever. None for others: a person may have to type something.
    ``collection`` is the path where gnome-keyring keeps what is put, if it does.
    """

    def __init__(
        self, backend: KeyringBackend, timeout: float | None = None, collection: str = ""
    ) -> None:
        self._backend = backend
        self._timeout = timeout
        self._collection = collection

    def get(self, service: str, username: str) -> Secret | None:
        """Return a password, or None."""
        password = self._in_time(lambda: self._backend.get_password(service, username))
        try:
            return None if password is None else Secret(password.encode())
        except UnicodeEncodeError:
            problem = f"the password of service {service!r} is not text"
            raise InvalidData(problem) from None

    def put(self, service: str, username: str, password: Secret) -> None:
        """Keep a password."""
        if self._collection:
            _require_kept(self._collection, password)
        text = password.reveal().decode()
        self._in_time(lambda: self._backend.set_password(service, username, text))

    def delete(self, service: str, username: str) -> None:
        """Remove a password."""
        self._in_time(lambda: self._backend.delete_password(service, username))

    def _in_time(self, act: Callable[[], Done]) -> Done:
        """Return what a call returns; raise TimedOut where it goes on, in a thread of its own."""
        if self._timeout is None:
            return act()
        from threading import Thread  # keyring has loaded it

        done: list[Done] = []
        failed: list[Exception] = []

        def work() -> None:
            try:
                done.append(act())
            except Exception as error:  # noqa: BLE001 - raised where it is waited for
                failed.append(error)

        thread = Thread(target=work, daemon=True)
        thread.start()
        thread.join(self._timeout)
        if failed:
            raise failed[0]
        if not done:
            raise TimedOut(f"keyring gave no answer within {self._timeout:g} s")
        return done[0]

    def names(self, service: str | None) -> list[tuple[str, str]]:  # noqa: ARG002
        """Raise Unavailable: keyring has no such question."""
        backend = f"{type(self._backend).__module__}.{type(self._backend).__name__}"
        raise Unavailable(f"keyring's backend {backend} cannot list what it keeps")
