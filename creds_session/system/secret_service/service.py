"""The Secret Service and gnome-keyring's own interface beside it, over a Bus.

Specification: https://specifications.freedesktop.org/secret-service-spec/latest/. The second
interface is gnome-keyring's own (daemon/dbus/gkd-secret-service.c): it opens, creates and changes
collections with a password in the message, so no prompt is shown.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress

from jeepney import DBusAddress

from creds_session.errors import (
    NotPermitted,
    PromptImpossible,
    TimedOut,
    Unavailable,
    WrongPassword,
)
from creds_session.facts.collection_state import CollectionState, collection_name
from creds_session.secret import Secret
from creds_session.system.bus.connection import Bus, CallFailed, Peer

NAME = "org.freedesktop.secrets"
PATH = "/org/freedesktop/secrets"
KERNEL_NAME = "gnome-keyring-d"  # the kernel cuts the name of a program at 15 bytes
LOGIN = "/org/freedesktop/secrets/collection/login"
NO_OBJECT = "/"
_DENIED = "org.gnome.keyring.Error.Denied"
_ABSENT = frozenset(
    {
        "org.freedesktop.DBus.Error.UnknownObject",
        "org.freedesktop.DBus.Error.UnknownMethod",
        "org.freedesktop.DBus.Error.UnknownInterface",
        "org.freedesktop.Secret.Error.NoSuchObject",
    }
)


class SecretService:
    """The owner of org.freedesktop.secrets on one bus, called by its unique name.

    The unique name makes sure that every call reaches the process that was looked at, and that
    no call starts another one.
    """

    def __init__(self, bus: Bus, owner: Peer) -> None:
        self._bus = bus
        self.owner = owner

    def require_own(self) -> None:
        """Raise NotPermitted unless the process that serves belongs to this very user.

        Another user can own the name if the bus lets that user in. Everything that sends a
        password, or takes one from an answer, opens a session first, and so asks this first.
        """
        if self.owner.uid != os.getuid():
            raise NotPermitted(
                f"the process that serves secrets here (pid {self.owner.pid}) belongs to user id"
                f" {self.owner.uid}; no password goes there, and none is taken from it",
                hint="log in again, or end that process; creds-doctor shows whose bus this is",
            )

    def at(self, path: str, interface: str) -> DBusAddress:
        """Return the address of an object of its, for calls over the same bus."""
        if self.owner.unique_name not in self._bus.known_to:
            self._bus.known_to.add(self.owner.unique_name)
            self._introduce()
        return DBusAddress(path, self.owner.unique_name, interface)

    def _introduce(self) -> None:
        """Ask what may go unanswered, so that it knows this connection before all that may not.

        gnome-keyring now and then answers the first call of a caller before it has noted him: an
        alias is then nowhere, and a property ends the daemon (docs/decisions/0012).
        """
        service = DBusAddress(PATH, self.owner.unique_name, "org.freedesktop.Secret.Service")
        with suppress(CallFailed):
            self._bus.call(service, "ReadAlias", "s", "default")

    def _property(self, path: str, interface: str, name: str) -> object:
        properties = self.at(path, "org.freedesktop.DBus.Properties")
        asked = f"org.freedesktop.Secret.{interface}"
        variant = only(self._bus.call(properties, "Get", "ss", asked, name))
        return variant[1] if isinstance(variant, tuple) else None

    def _session(self) -> str:
        """Open a session; it is closed with this connection (the specification, Sessions)."""
        self.require_own()
        opened = self._bus.call(self._service(), "OpenSession", "sv", "plain", ("s", ""))
        return str(last_of_two(opened))

    def _service(self) -> DBusAddress:
        return self.at(PATH, "org.freedesktop.Secret.Service")

    def alias(self, name: str) -> str:
        """Return the path of the collection with this alias, or ``/``."""
        return str(only(self._bus.call(self._service(), "ReadAlias", "s", name)))

    def make_default(self, collection: str) -> None:
        """Have the alias ``default``, where programs read and store, lead to this collection."""
        self._bus.call(self._service(), "SetAlias", "so", "default", collection)

    def collections(self) -> tuple[str, ...]:
        """Return the paths of all collections that it serves."""
        paths = self._property(PATH, "Service", "Collections")
        return tuple(str(path) for path in paths) if isinstance(paths, (list, tuple)) else ()

    def items(self, collection: str) -> tuple[str, ...]:
        """Return the paths of all items of a collection."""
        paths = self._property(collection, "Collection", "Items")
        return tuple(str(path) for path in paths) if isinstance(paths, (list, tuple)) else ()

    def control_directory(self) -> str | None:
        """Return the folder of gnome-keyring's control socket (gkd-dbus.c), or None."""
        daemon = self.at("/org/gnome/keyring/daemon", "org.gnome.keyring.Daemon")
        try:
            return str(only(self._bus.call(daemon, "GetControlDirectory")))
        except CallFailed:
            return None

    def state(self, collection: str) -> CollectionState:
        """Return whether a collection is open, as its own property ``Locked`` says.

        A path that the service names and does not serve is a ghost: gnome-keyring never exports a
        login keyring that its control socket created while it was already running.
        """
        if collection == NO_OBJECT:
            return CollectionState.ABSENT
        try:
            locked = self._property(collection, "Collection", "Locked")
        except CallFailed as error:
            if error.name in _ABSENT:
                return CollectionState.GHOST
            raise
        return CollectionState.UNLOCKED if locked is False else CollectionState.LOCKED

    def has_prompts(self) -> bool:
        """Return whether any client has a prompt that has not been completed.

        Each is an object below this path (gkd-secret-prompt.c). The answer is XML.
        """
        prompts = self.at(f"{PATH}/prompt", "org.freedesktop.DBus.Introspectable")
        try:
            (told,) = self._bus.call(prompts, "Introspect")
        except CallFailed:  # the path is no object while it has none below it
            return False
        return "<node name=" in str(told)

    def reads_one(self, collection: str = "") -> bool:
        """Return whether a secret of a collection can be read, the login keyring's by default.

        An empty collection counts as readable. An item that went away meanwhile says nothing: then
        it is False, and the next look decides.
        """
        first = next(iter(self.items(collection or self.alias("login"))), None)
        if first is None:
            return True
        session = self._session()
        try:
            self._bus.call(self.at(first, "org.freedesktop.Secret.Item"), "GetSecret", "o", session)
        except CallFailed:
            return False
        return True

    def named(self, name: str) -> str:
        """Return the path of the collection whose keyring file has this name, or ``/``."""
        found = (path for path in self.collections() if collection_name(path) == name)
        return next(found, NO_OBJECT)

    def unlock(self, collection: str, password: Secret) -> None:
        """Open a collection with its password, without a prompt.

        Raises WrongPassword. An open collection takes any password: look at its state first.
        """
        self._with_passwords("UnlockWithMasterPassword", "o", collection, password)

    def unlock_without_password(self, collection: str) -> bool:
        """Unlock a collection that has no password; return whether it is unlocked now.

        gnome-keyring first tries an empty password and shows nothing (gkd-secret-unlock.c). The
        prompt that it gives otherwise is left alone: it goes with this connection, and Dismiss
        can abort the daemon.
        """
        self._bus.call(self._service(), "Unlock", "ao", [collection])
        return self.state(collection) is CollectionState.UNLOCKED

    def kept_password_item(self, collection: str) -> str | None:
        """Return the login keyring's item with the password of this collection, or None.

        gnome-keyring finds it by this attribute and opens the collection with it
        (gkm-wrap-prompt.c:auto_unlock_keyring_location); nothing is opened here.
        """
        attributes = {"keyring": f"LOCAL:/keyrings/{collection_name(collection)}.keyring"}
        login = self.at(self.alias("login"), "org.freedesktop.Secret.Collection")
        try:
            (paths,) = self._bus.call(login, "SearchItems", "a{ss}", attributes)
        except CallFailed:
            return None
        return str(paths[0]) if isinstance(paths, (list, tuple)) and paths else None

    def unlock_with_kept_password(self, collection: str) -> bool:
        """Unlock a collection whose password the unlocked login keyring has; return whether it did.

        The prompt that does the same inside gnome-keyring would ask on a display if that password
        is an older one, and would remove it.
        """
        item = self.kept_password_item(collection)
        if item is None:
            return False
        session = self._session()
        to = self.at(item, "org.freedesktop.Secret.Item")
        try:
            (found,) = self._bus.call(to, "GetSecret", "o", session)
            value = found[2] if isinstance(found, tuple) else b""
            self.unlock(collection, Secret(bytes(value)))
        except (CallFailed, WrongPassword):
            return False
        return self.state(collection) is CollectionState.UNLOCKED

    def renew_kept_password(self, collection: str, password: Secret) -> bool:
        """Replace the login keyring's password for this collection; return whether that was done.

        It is not if the login keyring is locked.
        """
        item = self.kept_password_item(collection)
        if item is None:
            return False
        to = self.at(item, "org.freedesktop.Secret.Item")
        secret = (self._session(), b"", password.reveal(), "text/plain")
        try:
            self._bus.call(to, "SetSecret", "(oayays)", secret)
        except CallFailed:
            return False
        return True

    def unlock_without_asking(self, collection: str) -> bool:
        """Unlock a collection as any other program would without a question; only gnome-keyring."""
        is_open = self.unlock_without_password(collection)
        return is_open or self.unlock_with_kept_password(collection)

    def unlock_by_prompt(self, paths: Sequence[str]) -> bool:
        """Have the service ask by its own prompt before it opens these; tell whether it did.

        Where no prompt can be shown gnome-keyring says at once that it was dismissed.
        """
        prompt = last_of_two(self._bus.call(self._service(), "Unlock", "ao", list(paths)))
        return prompt == NO_OBJECT or self.answered(str(prompt))

    def answered(self, prompt: str) -> bool:
        """Have a prompt shown; tell whether it was answered, and not dismissed.

        Raises PromptImpossible where nobody answers in time.
        """
        shown, who = self.at(prompt, "org.freedesktop.Secret.Prompt"), self.who()
        try:
            told = self._bus.call_and_await(shown, "Prompt", "Completed", "s", "")
        except TimedOut as error:
            raise PromptImpossible(
                f"nobody answered the prompt of {who}; it may still be shown",
                hint="answer it where that program has its windows; --timeout gives more time",
            ) from error
        last_of_two(told)
        return not told[0]

    def dismiss(self, prompt: str) -> None:
        """Have a prompt that nobody shall see forgotten; one of gnome-keyring's goes by itself.

        gnome-keyring aborts on Dismiss while it shows a prompt, of whichever client
        (gkd-secret-unlock.c:perform_next_unlock); its prompts end with this connection.
        """
        if self.is_gnome_keyring():
            return
        self._bus.call(self.at(prompt, "org.freedesktop.Secret.Prompt"), "Dismiss")

    def is_gnome_keyring(self) -> bool:
        """Return whether gnome-keyring owns the name."""
        return self.who().startswith(KERNEL_NAME)

    def who(self) -> str:
        """Return name and pid of the program that serves, for a person."""
        from creds_session.system.processes.keyring_daemons import program_of  # seldom

        try:
            peer = self._bus.peer(NAME)
        except Unavailable:  # no time is left to ask
            peer = None
        program = program_of(peer.pid) if peer else ""
        return f"{program} (pid {peer.pid})" if peer else "the program that serves secrets here"

    def lock(self, collection: str) -> None:
        """Lock a collection; its state tells whether it is (gkd-secret-lock.c keeps no error)."""
        self._bus.call(self._service(), "Lock", "ao", [collection])

    def change(self, collection: str, old: Secret, new: Secret) -> None:
        """Give a collection a new password, without a prompt; open or locked, it stays so.

        Raises WrongPassword where ``old`` is not its password, an open one's too
        (gkm-secret-collection.c:gkm_secret_collection_real_unlock); then nothing is changed.
        """
        self._with_passwords("ChangeWithMasterPassword", "o", collection, old, new)

    def create(self, label: str, password: Secret) -> None:
        """Create a collection with this label and password, without a prompt."""
        properties = {"org.freedesktop.Secret.Collection.Label": ("s", label)}
        self._with_passwords("CreateWithMasterPassword", "a{sv}", properties, password)

    def _with_passwords(self, method: str, signature: str, what: object, *given: Secret) -> None:
        session = self._session()
        internal = self.at(PATH, "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface")
        signature += "(oayays)" * len(given)
        secrets = [(session, b"", password.reveal(), "text/plain") for password in given]
        try:
            self._bus.call(internal, method, signature, what, *secrets)
        except CallFailed as error:
            if error.name == _DENIED:
                raise WrongPassword("the keyring did not accept the password") from None
            raise Unavailable(f"the keyring daemon refused {method}: {error.problem}") from None


def only(body: Sequence[object]) -> object:
    """Return the one value of an answer. Raises Unavailable for an answer of another shape."""
    if len(body) != 1:
        raise malformed()
    return body[0]


def last_of_two(body: Sequence[object]) -> object:
    """Return the second of two values. Raises Unavailable for an answer of another shape."""
    if len(body) != 2:  # noqa: PLR2004
        raise malformed()
    return body[1]


def malformed() -> Unavailable:
    """Return what to say of an answer that the specification does not know."""
    return Unavailable("the program that serves secrets here gave an answer that means nothing")


def secret_service(bus: Bus) -> SecretService | None:
    """Return the service that owns the name on this bus, or None; starts nothing."""
    owner = bus.peer(NAME)
    return SecretService(bus, owner) if owner else None
