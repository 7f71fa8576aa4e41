"""Search, read, create and delete the items of one unlocked collection of the Secret Service."""

from __future__ import annotations

import os

from creds_session.errors import CollectionLocked, NoService, PromptImpossible
from creds_session.secret import Secret
from creds_session.system.bus.connection import Bus, CallFailed
from creds_session.system.secret_service.answers import last_of_two, only
from creds_session.system.secret_service.service import (
    ENDED,
    NO_OBJECT,
    PATH,
    SecretService,
    ServiceEnded,
)
from creds_session.system.secret_service.transfer import EncryptedSession, PlainSession

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

ITEM = "org.freedesktop.Secret.Item"
PROPERTIES = "org.freedesktop.DBus.Properties"
UNFINISHED = "creds-session-unfinished"  # the attribute of an item that no search may find yet
LOCKED = "org.freedesktop.Secret.Error.IsLocked"
GONE = frozenset(
    {
        "org.freedesktop.DBus.Error.UnknownObject",
        "org.freedesktop.DBus.Error.UnknownMethod",
        "org.freedesktop.Secret.Error.NoSuchObject",
    }
)


class Collection:
    """One collection, which another program may lock at any moment.

    Every method raises CollectionLocked if that has happened, and NoService if the daemon has
    ended. ``path`` is the D-Bus object of the collection.
    """

    def __init__(
        self,
        bus: Bus,
        service: SecretService,
        collection: str,
        *,
        encrypted: bool = False,
        prompt: bool = False,
    ) -> None:
        self._bus = bus
        self._service = service
        self.path = collection
        self._encrypted = encrypted
        self._prompt = prompt
        self._opened: PlainSession | EncryptedSession | None = None

    def is_in_a_file(self) -> bool:
        """Return whether gnome-keyring stores the collection, in a file with its name."""
        return self._service.is_gnome_keyring()

    def close(self) -> None:
        """Close the connection, and with it the session."""
        self._bus.close()

    def is_locked(self) -> bool:
        """Return whether the collection is locked now, or is not served any more."""
        return not self._service.is_unlocked(self.path)

    def search_items(self, attributes: Mapping[str, str]) -> list[str]:
        """Return the paths of the items with these attributes, the last changed item first.

        gnome-keyring sorts them (gkm-secret-search.c:on_matched_sort_modified), to the second.
        """
        with _ClearErrors():
            body = dict(attributes)
            paths = only(self._service.call(self.path, "Collection", "SearchItems", "a{ss}", body))
        return [str(path) for path in paths] if isinstance(paths, (list, tuple)) else []

    def all_items(self) -> list[str]:
        """Return the paths of all items. In KeePassXC a search without attributes finds nothing."""
        with _ClearErrors():
            return list(self._service.items(self.path))

    def secrets(self, paths: Sequence[str]) -> dict[str, Secret]:
        """Return the secrets of items by path. An item that was removed is left out.

        In an unlocked collection, KeePassXC still locks each item for a program that the person has
        not allowed yet.
        """
        if not paths:
            return {}
        for _ in range(2):  # gnome-keyring may have been locked and unlocked in the meantime
            try:
                return self._secrets(paths)
            except CollectionLocked:
                self._require_unlocked()
        self._require_prompt()
        if not self._service.unlock_by_prompt(paths):
            raise self._declined()
        return self._secrets(paths)

    def _secrets(self, paths: Sequence[str]) -> dict[str, Secret]:
        with _ClearErrors():
            session = self._session()
            body = (list(paths), session.path)
            answer = only(self._service.call(PATH, "Service", "GetSecrets", "aoo", *body))
            secrets = answer if isinstance(answer, dict) else {}
            if len(secrets) < len(paths):
                self._require_unlocked()  # the items of a locked collection are left out
        return {str(path): session.unwrap(secret) for path, secret in secrets.items()}

    def create_item(self, label: str, attributes: Mapping[str, str], secret: Secret) -> None:
        """Store a secret in the item that has these attributes, or in a new item.

        If the daemon is killed at any moment, its file contains the old secret or the new one. The
        daemon first writes a new item without its secret
        (gkd-secret-objects.c:collection_method_create_item). So a new item gets its attributes
        last: until then, no search finds it.
        """
        existing = self.search_items(attributes)
        if existing:
            self._complete(self._create(label, attributes, secret), existing)
            return
        path, prompt = self._create(label, {UNFINISHED: os.urandom(16).hex()}, secret)
        if path == NO_OBJECT:
            self._service.dismiss(prompt)
            self._complete(self._create(label, attributes, secret))
            return
        # The item is complete now. Give it the attributes by which it is found.
        try:
            with _ClearErrors():
                to = self._service.at(path, PROPERTIES)
                self._bus.call(to, "Set", "ssv", ITEM, "Attributes", ("a{ss}", dict(attributes)))
            is_alone = len(self.search_items(attributes)) == 1
        except CallFailed:  # this provider cannot set attributes
            is_alone = False
        if not is_alone:  # another process may have done the same: replace its item
            self.delete(path)
            self._complete(self._create(label, attributes, secret), self.search_items(attributes))

    def _create(self, label: str, attributes: Mapping[str, str], secret: Secret) -> tuple[str, str]:
        """Create an item, or replace the item with these attributes, in one step.

        Returns the path of the item, or of a prompt that must be answered first.
        """
        properties = {
            f"{ITEM}.Label": ("s", label),
            f"{ITEM}.Attributes": ("a{ss}", dict(attributes)),
        }
        with _ClearErrors():
            wrapped = self._session().wrap(secret)
            body = ("a{sv}(oayays)b", properties, wrapped, True)
            created = self._service.call(self.path, "Collection", "CreateItem", *body)
        return str(created[0]) if created else "", str(last_of_two(created))

    def _complete(self, created: tuple[str, str], replaced: Sequence[str] = ()) -> None:
        """Run the prompt of a service that creates an item only with a prompt.

        KeePassXC shows no window for a new item, nor for an item that this program may use
        (src/fdosecrets/objects/Prompt.cpp, CreateItemPrompt).
        """
        path, prompt = created
        if path != NO_OBJECT:
            return
        shows_nothing = self._service.provider_name().lower().startswith("keepassxc")
        if not shows_nothing or True in self._each(replaced, "Locked"):
            self._require_prompt(prompt)
        if not self._service.run_prompt(prompt):
            raise self._declined()

    def delete(self, path: str) -> None:
        """Remove an item. An item that does not exist any more is not an error."""
        with _ClearErrors():
            try:
                prompt = only(self._service.call(path, "Item", "Delete"))
            except CallFailed as error:
                if error.name in GONE:
                    return
                raise
        if prompt == NO_OBJECT:
            return
        self._require_prompt(str(prompt))
        if not self._service.run_prompt(str(prompt)):
            raise self._declined()

    def attributes(self, paths: Sequence[str]) -> list[Mapping[str, str]]:
        """Return the attributes of items; an empty mapping for an item that does not exist."""
        return [value if isinstance(value, dict) else {} for value in self._each(paths)]

    def modified(self, paths: Sequence[str]) -> list[int]:
        """Return when items were changed last, in seconds; 0 for an item that does not exist."""
        values = self._each(paths, "Modified")
        return [value if isinstance(value, int) else 0 for value in values]

    def _each(self, paths: Sequence[str], name: str = "Attributes") -> list[object]:
        with _ClearErrors():
            to = [self._service.at(path, PROPERTIES) for path in paths]
            answers = self._bus.call_each(to, GONE, "Get", "ss", ITEM, name)
        variants = [answer[0] if answer else None for answer in answers]
        return [last_of_two(pair) if isinstance(pair, tuple) else None for pair in variants]

    def _session(self) -> PlainSession | EncryptedSession:
        if self._opened is None:
            kind = EncryptedSession if self._encrypted else PlainSession
            self._opened = kind(self._service)
        return self._opened

    def _require_prompt(self, prompt: str = NO_OBJECT) -> None:
        """Raise CollectionLocked, and dismiss the prompt, unless prompts may be shown."""
        if self._prompt:
            return
        if prompt != NO_OBJECT:
            self._service.dismiss(prompt)
        raise CollectionLocked(
            f"{self._service.provider_name()} would ask before it lets a program do this",
            hint="allow its own prompt, on its display: --prompt",
        )

    def _declined(self) -> PromptImpossible:
        return PromptImpossible(f"{self._service.provider_name()} was asked, and declined")

    def _require_unlocked(self) -> None:
        if self.is_locked():
            raise _locked_meanwhile()


class _ClearErrors:
    """Raise CollectionLocked or NoService if the keyring was locked or its daemon ended."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, ServiceEnded):
            raise NoService(error.problem, hint=error.hint) from error
        if not isinstance(error, CallFailed):
            return
        if error.name == LOCKED:
            raise _locked_meanwhile() from None
        if error.name in ENDED:
            raise NoService("the keyring daemon ended before it answered") from error


def _locked_meanwhile() -> CollectionLocked:
    return CollectionLocked("the keyring was locked in the meantime", hint="creds unlock")
