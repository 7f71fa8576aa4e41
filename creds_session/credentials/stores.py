"""The store of credentials on the session bus.

The items that are written over the bus are the items that keyring's SecretService backend writes,
byte for byte (keyring/backends/SecretService.py, secretstorage/collection.py:create_item).
"""

from __future__ import annotations

from creds_session.errors import Ambiguous, NoSuchCredential
from creds_session.secret import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from creds_session.system.secret_service.collection import Collection

APPLICATION = "Python keyring library"


class BusStore:
    """Store passwords as items of a collection, with the attributes that keyring uses.

    ``otherwise`` is called for a password that the collection does not have, because keyring would
    ask other backends for it.
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
        secrets = self._items.secrets(paths)
        # Another program may delete an item between the two calls.
        paths = [path for path in paths if path in secrets]
        if not paths:
            return self._otherwise(service, username) if self._otherwise else None
        if len(paths) > 1:
            self._tell(f"{len(paths)} items match; using the one that was changed last")
            self._refuse_chance(paths, secrets)
        return secrets[paths[0]]

    def _refuse_chance(self, paths: Sequence[str], secrets: Mapping[str, Secret]) -> None:
        """Raise Ambiguous if several passwords were changed last, within the same second."""
        if len(set(secrets.values())) == 1:
            return
        when = self._items.modified(paths)
        last = {secrets[path] for path, at in zip(paths, when) if at == max(when)}
        if len(last) > 1:
            raise Ambiguous(
                f"{len(last)} different passwords are stored for this service and user, and they"
                " were changed in the same second",
                hint="store the right one again with creds put, or find and remove the items of"
                " other programs: secret-tool search --all",
            )

    def put(self, service: str, username: str, password: Secret) -> None:
        """Store a password as keyring does."""
        from creds_session.facts.plain_keyring import keeps  # not for `creds get`

        if not keeps(password.reveal()) and self._items.is_in_a_file():
            from creds_session.credentials.plain_file import require_kept  # seldom

            require_kept(self._items.path, password)
        label = f"Password for '{username}' on '{service}'"
        attributes = {**_query(service, username), "application": APPLICATION}
        self._items.create_item(label, attributes, password)

    def delete(self, service: str, username: str) -> None:
        """Remove the item whose password ``get`` returns."""
        paths = self._items.search_items(_query(service, username))
        if not paths:
            raise NoSuchCredential(f"no password is stored for service {service!r}")
        self._items.delete(paths[0])
        if len(paths) > 1:
            self._tell(f"another item matches and is read from now on ({len(paths) - 1} left)")

    def names(self, service: str | None) -> list[tuple[str, str]]:
        """Return the service and the user name of every item that ``get`` can find."""
        if service is None:
            paths = self._items.all_items()
        else:
            paths = self._items.search_items({"service": service})
        pairs = {
            (attributes["service"], attributes["username"])
            for attributes in self._items.attributes(paths)
            if _query("", "").keys() <= attributes.keys()
        }
        return sorted(pairs)


def _query(service: str, username: str) -> dict[str, str]:
    return {"username": username, "service": service}
