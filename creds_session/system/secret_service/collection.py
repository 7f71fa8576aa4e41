"""The items of one open collection of the Secret Service."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from creds_session.errors import CollectionLocked, NoService, PromptImpossible
from creds_session.facts.collection_state import CollectionState
from creds_session.secret import Secret
from creds_session.system.bus.connection import Bus, CallFailed
from creds_session.system.secret_service.service import (
    NO_OBJECT,
    PATH,
    SecretService,
    last_of_two,
    only,
)
from creds_session.system.secret_service.transfer import EncryptedSession, PlainSession

ITEM = "org.freedesktop.Secret.Item"
PROPERTIES = "org.freedesktop.DBus.Properties"
UNFINISHED = "creds-session-unfinished"  # an attribute of an item that is not to be found yet
LOCKED = "org.freedesktop.Secret.Error.IsLocked"
GONE = frozenset(
    {
        "org.freedesktop.DBus.Error.UnknownObject",
        "org.freedesktop.DBus.Error.UnknownMethod",
        "org.freedesktop.Secret.Error.NoSuchObject",
    }
)
ENDED = frozenset(
    {
        "org.freedesktop.DBus.Error.NoReply",
        "org.freedesktop.DBus.Error.NameHasNoOwner",
        "org.freedesktop.DBus.Error.ServiceUnknown",
    }
)


class Items:
    """What is kept in one collection; it may be locked by others at any moment.

    Every method raises CollectionLocked where it was, NoService where the daemon ended meanwhile.
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
        self._collection = self.collection = collection
        self._encrypted = encrypted
        self._prompt = prompt
        self._opened: PlainSession | EncryptedSession | None = None

    def is_in_a_file(self) -> bool:
        """Return whether gnome-keyring keeps the collection, in a file of its name."""
        return self._service.is_gnome_keyring()

    def close(self) -> None:
        """Close the connection, and with it the session."""
        self._bus.close()

    def search(self, attributes: Mapping[str, str]) -> list[str]:
        """Return the paths of the items with these attributes, the last changed first.

        That order is gnome-keyring's (gkm-secret-search.c:on_matched_sort_modified), in seconds.
        """
        with _told():
            to = self._service.at(self._collection, "org.freedesktop.Secret.Collection")
            paths = only(self._bus.call(to, "SearchItems", "a{ss}", dict(attributes)))
        return [str(path) for path in paths] if isinstance(paths, (list, tuple)) else []

    def everything(self) -> list[str]:
        """Return the paths of all items; a search for no attributes finds none in KeePassXC."""
        with _told():
            return list(self._service.items(self._collection))

    def secrets(self, paths: Sequence[str]) -> dict[str, Secret]:
        """Return the secrets of items by path; one that was removed meanwhile is not there.

        KeePassXC locks each item for who has not been let in yet, in an open collection.
        """
        if not paths:
            return {}
        for _ in range(2):  # gnome-keyring may have been locked and opened again meanwhile
            try:
                return self._secrets(paths)
            except CollectionLocked:
                self._require_open()
        self._require_prompt()
        if not self._service.unlock_by_prompt(paths):
            raise self._declined()
        return self._secrets(paths)

    def _secrets(self, paths: Sequence[str]) -> dict[str, Secret]:
        with _told():
            session = self._session()
            to = self._service.at(PATH, "org.freedesktop.Secret.Service")
            found = only(self._bus.call(to, "GetSecrets", "aoo", list(paths), session.path))
            given = found if isinstance(found, dict) else {}
            if len(given) < len(paths):
                self._require_open()  # the items of a locked collection are left out
        return {str(path): session.unwrap(secret) for path, secret in given.items()}

    def keep(self, label: str, attributes: Mapping[str, str], secret: Secret) -> None:
        """Keep a secret in the item that has these attributes, or in a new one.

        Whenever the daemon is killed, the old secret is in its file or the new one. It writes a new
        item without its secret first (gkd-secret-objects.c:collection_method_create_item), so that
        gets its attributes last: nobody finds it before.
        """
        found = self.search(attributes)
        if found:
            self._complete(self._create(label, attributes, secret), found)
            return
        path, prompt = self._create(label, {UNFINISHED: os.urandom(16).hex()}, secret)
        if path == NO_OBJECT:
            self._service.dismiss(prompt)
            self._complete(self._create(label, attributes, secret))
            return
        try:
            with _told():
                to = self._service.at(path, PROPERTIES)
                self._bus.call(to, "Set", "ssv", ITEM, "Attributes", ("a{ss}", dict(attributes)))
            is_alone = len(self.search(attributes)) == 1
        except CallFailed:  # a provider that sets no attributes
            is_alone = False
        if not is_alone:  # or another process was at it too: one of us replaces the other's
            self.delete(path)
            self._complete(self._create(label, attributes, secret), self.search(attributes))

    def _create(self, label: str, attributes: Mapping[str, str], secret: Secret) -> tuple[str, str]:
        """Create an item, or replace the one that has these attributes, in one step for others.

        Return its path, or that of a prompt before which nothing is done.
        """
        properties = {
            f"{ITEM}.Label": ("s", label),
            f"{ITEM}.Attributes": ("a{ss}", dict(attributes)),
        }
        with _told():
            wrapped = self._session().wrap(secret)
            to = self._service.at(self._collection, "org.freedesktop.Secret.Collection")
            body = (properties, wrapped, True)
            created = self._bus.call(to, "CreateItem", "a{sv}(oayays)b", *body)
        return str(created[0]) if created else "", str(last_of_two(created))

    def _complete(self, created: tuple[str, str], replaced: Sequence[str] = ()) -> None:
        """Go through the prompt of a service that creates no item without one.

        KeePassXC shows nothing for a new item, nor for one that this program may use
        (src/fdosecrets/objects/Prompt.cpp, CreateItemPrompt).
        """
        path, prompt = created
        if path != NO_OBJECT:
            return
        shows_nothing = self._service.who().lower().startswith("keepassxc")
        if not shows_nothing or True in self._each(replaced, "Locked"):
            self._require_prompt(prompt)
        if not self._service.answered(prompt):
            raise self._declined()

    def delete(self, path: str) -> None:
        """Remove an item; one that is gone already is no error."""
        with _told():
            try:
                prompt = only(self._bus.call(self._service.at(path, ITEM), "Delete"))
            except CallFailed as error:
                if error.name in GONE:
                    return
                raise
        if prompt == NO_OBJECT:
            return
        self._require_prompt(str(prompt))
        if not self._service.answered(str(prompt)):
            raise self._declined()

    def attributes(self, paths: Sequence[str]) -> list[Mapping[str, str]]:
        """Return the attributes of items; of one that is gone, none."""
        return [value if isinstance(value, dict) else {} for value in self._each(paths)]

    def modified(self, paths: Sequence[str]) -> list[int]:
        """Return when items were changed last, in seconds; of one that is gone, 0."""
        values = self._each(paths, "Modified")
        return [value if isinstance(value, int) else 0 for value in values]

    def _each(self, paths: Sequence[str], name: str = "Attributes") -> list[object]:
        with _told():
            to = [self._service.at(path, PROPERTIES) for path in paths]
            answers = self._bus.call_each(to, GONE, "Get", "ss", ITEM, name)
        variants = [answer[0] if answer else None for answer in answers]
        return [last_of_two(one) if isinstance(one, tuple) else None for one in variants]

    def _session(self) -> PlainSession | EncryptedSession:
        if self._opened is None:
            kind = EncryptedSession if self._encrypted else PlainSession
            self._opened = kind(self._bus, self._service)
        return self._opened

    def _require_prompt(self, prompt: str = NO_OBJECT) -> None:
        """Raise, and forget the prompt, unless prompts may be shown."""
        if self._prompt:
            return
        if prompt != NO_OBJECT:
            self._service.dismiss(prompt)
        raise CollectionLocked(
            f"{self._service.who()} would ask before it lets a program do this",
            hint="let it ask, where it has its windows: --prompt",
        )

    def _declined(self) -> PromptImpossible:
        return PromptImpossible(f"{self._service.who()} was asked, and declined")

    def _require_open(self) -> None:
        if self._service.state(self._collection) is not CollectionState.UNLOCKED:
            raise CollectionLocked("the keyring was locked meanwhile", hint="creds unlock")


@contextmanager
def _told() -> Iterator[None]:
    """Tell apart what became of the keyring while it was asked."""
    try:
        yield
    except CallFailed as error:
        if error.name == LOCKED:
            raise CollectionLocked(
                "the keyring was locked meanwhile", hint="creds unlock"
            ) from None
        if error.name in ENDED:
            raise NoService("the keyring daemon ended before it answered") from error
        raise
