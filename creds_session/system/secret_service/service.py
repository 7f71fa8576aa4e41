"""Call the Secret Service, and the additional interface of gnome-keyring, over a Bus.

Specification: https://specifications.freedesktop.org/secret-service-spec/latest/. The additional
interface (daemon/dbus/gkd-secret-service.c) unlocks, creates and changes collections with a
password that is part of the message, so that no prompt is shown.
"""

from __future__ import annotations

import os

from creds_session.errors import (
    NotPermitted,
    PromptImpossible,
    TimedOut,
    Unavailable,
    WrongPassword,
)
from creds_session.secret import Secret
from creds_session.system.bus.connection import Bus, CallFailed, Peer
from creds_session.system.bus.wire import ObjectAddress
from creds_session.system.secret_service.answers import last_of_two, only

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from creds_session.facts.collection_state import CollectionState

NAME = "org.freedesktop.secrets"
PATH = "/org/freedesktop/secrets"
INTERFACES = "org.freedesktop.Secret"  # how the names of the interfaces begin
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
ENDED = frozenset(
    {
        "org.freedesktop.DBus.Error.NoReply",
        "org.freedesktop.DBus.Error.NameHasNoOwner",
        "org.freedesktop.DBus.Error.ServiceUnknown",
    }
)
"""What the bus answers in place of a process that has left it."""


class ServiceEnded(Unavailable):
    """The process that served secrets has left the bus, as it does when it ends."""

    def __init__(self, pid: int, method: str = "") -> None:
        ended = f"the program that served secrets (pid {pid}) ended"
        problem = f"{ended} before it answered to {method}" if method else ended
        super().__init__(problem, hint="run the command again")


class SecretService:
    """The owner of org.freedesktop.secrets on one bus, called by its unique name.

    With the unique name, every call reaches the process that was examined, and no call starts
    another process.
    """

    def __init__(self, bus: Bus, owner: Peer) -> None:
        self._bus = bus
        self.owner = owner

    def require_own(self) -> None:
        """Raise NotPermitted unless the process that serves secrets belongs to this user.

        Another user can own the name if the bus lets that user connect. Every method that sends a
        password, or reads one from an answer, opens a session first, and so calls this first.
        """
        if self.owner.uid != os.getuid():
            raise NotPermitted(
                f"the process that serves secrets here (pid {self.owner.pid}) belongs to user id"
                f" {self.owner.uid}; no password goes there, and none is taken from it",
                hint="log in again, or end that process; creds-doctor shows whose session bus this"
                " is",
            )

    def at(self, path: str, interface: str) -> ObjectAddress:
        """Return the address of one of the service's objects, for calls over the same bus."""
        if self.owner.unique_name not in self._bus.known_to:
            self._bus.known_to.add(self.owner.unique_name)
            self._introduce()
        return ObjectAddress(path, self.owner.unique_name, interface)

    def _introduce(self) -> None:
        """Make a first call whose answer is not needed, so that the daemon knows this connection.

        gnome-keyring sometimes answers the first call of a connection before it has registered the
        connection. An alias then leads nowhere, and a property crashes the daemon
        (docs/decisions/0012).
        """
        service = ObjectAddress(PATH, self.owner.unique_name, f"{INTERFACES}.Service")
        try:
            self._ask(service, "ReadAlias", "s", "default")
        except CallFailed:
            pass  # a call that needs the answer fails too, and says why

    def call(
        self, path: str, interface: str, method: str, signature: str = "", *body: object
    ) -> tuple[object, ...]:
        """Call a method of one of the service's objects; return the body of the answer.

        ``interface`` is the last word of the specification's name, such as ``Collection``. Raises
        ServiceEnded, and what ``Bus.call`` raises.
        """
        return self._ask(self.at(path, f"{INTERFACES}.{interface}"), method, signature, *body)

    def _ask(
        self, to: ObjectAddress, method: str, signature: str = "", *body: object
    ) -> tuple[object, ...]:
        """Call a method. Raises ServiceEnded if the bus says that the process has left it."""
        try:
            return self._bus.call(to, method, signature, *body)
        except CallFailed as error:
            if error.name in ENDED and self._bus.peer(NAME) != self.owner:
                raise ServiceEnded(self.owner.pid, method) from error
            raise

    def _property(self, path: str, interface: str, name: str) -> object:
        properties = self.at(path, "org.freedesktop.DBus.Properties")
        variant = only(self._ask(properties, "Get", "ss", f"{INTERFACES}.{interface}", name))
        return variant[1] if isinstance(variant, tuple) else None

    def open_session(self) -> str:
        """Open a session, and return its path. It ends with this connection.

        See "Sessions" in the specification. Raises NotPermitted for another user's service.
        """
        self.require_own()
        opened = self.call(PATH, "Service", "OpenSession", "sv", "plain", ("s", ""))
        return str(last_of_two(opened))

    def alias(self, name: str) -> str:
        """Return the path of the collection with this alias, or ``/``."""
        return str(only(self.call(PATH, "Service", "ReadAlias", "s", name)))

    def make_default(self, collection: str) -> None:
        """Set the alias ``default``, which programs read and store by, to this collection."""
        self.call(PATH, "Service", "SetAlias", "so", "default", collection)

    def collections(self) -> tuple[str, ...]:
        """Return the paths of all collections of the service."""
        paths = self._property(PATH, "Service", "Collections")
        return tuple(str(path) for path in paths) if isinstance(paths, (list, tuple)) else ()

    def items(self, collection: str) -> tuple[str, ...]:
        """Return the paths of all items of a collection."""
        paths = self._property(collection, "Collection", "Items")
        return tuple(str(path) for path in paths) if isinstance(paths, (list, tuple)) else ()

    def control_directory(self) -> str | None:
        """Return the directory of gnome-keyring's control socket (gkd-dbus.c), or None."""
        daemon = self.at("/org/gnome/keyring/daemon", "org.gnome.keyring.Daemon")
        try:
            return str(only(self._ask(daemon, "GetControlDirectory")))
        except (CallFailed, ServiceEnded):
            return None

    def state(self, collection: str) -> CollectionState:
        """Return whether a collection is locked, by its property ``Locked``.

        A collection that the service names but does not serve is a ghost: gnome-keyring never
        exports a login keyring that its control socket created while the daemon was running.
        """
        from creds_session.facts.collection_state import CollectionState

        if collection == NO_OBJECT:
            return CollectionState.ABSENT
        locked = self._locked(collection)
        if locked is None:
            return CollectionState.GHOST
        return CollectionState.LOCKED if locked else CollectionState.UNLOCKED

    def is_unlocked(self, collection: str) -> bool:
        """Return whether the service has this collection, and it is unlocked."""
        return collection != NO_OBJECT and self._locked(collection) is False

    def _locked(self, collection: str) -> bool | None:
        """Return whether a collection is locked, or None if it is not served."""
        try:
            return self._property(collection, "Collection", "Locked") is not False
        except CallFailed as error:
            if error.name in _ABSENT:
                return None
            raise

    def can_read_an_item(self, collection: str = "") -> bool:
        """Return whether the secret of an item can be read; by default in the login keyring.

        An empty collection counts as readable. Returns False if the item was removed in the
        meantime: that proves nothing, and the caller asks again.
        """
        first = next(iter(self.items(collection or self.alias("login"))), None)
        if first is None:
            return True
        session = self.open_session()
        try:
            self.call(first, "Item", "GetSecret", "o", session)
        except CallFailed:
            return False
        return True

    def named(self, name: str) -> str:
        """Return the path of the collection whose keyring file has this name, or ``/``."""
        from creds_session.facts.collection_state import collection_name

        paths = (path for path in self.collections() if collection_name(path) == name)
        return next(paths, NO_OBJECT)

    def unlock(self, collection: str, password: Secret) -> None:
        """Unlock a collection with its password, without a prompt.

        Raises WrongPassword. An unlocked collection accepts any password: check its state first.
        """
        self._with_passwords("UnlockWithMasterPassword", "o", collection, password)

    def unlock_without_password(self, collection: str) -> bool:
        """Unlock a collection that has no password; return whether it is unlocked now.

        gnome-keyring first tries an empty password and shows nothing (gkd-secret-unlock.c). If it
        returns a prompt, that is left alone: it ends with this connection, and Dismiss can abort
        the daemon.
        """
        self.call(PATH, "Service", "Unlock", "ao", [collection])
        return self.is_unlocked(collection)

    def unlock_by_prompt(self, paths: Sequence[str]) -> bool:
        """Let the service show its own prompt to unlock these; return whether it unlocked them.

        If no prompt can be shown, gnome-keyring says at once that the prompt was dismissed.
        """
        prompt = last_of_two(self.call(PATH, "Service", "Unlock", "ao", list(paths)))
        return prompt == NO_OBJECT or self.run_prompt(str(prompt))

    def run_prompt(self, prompt: str) -> bool:
        """Let the service show a prompt; return whether it was answered and not dismissed.

        Raises PromptImpossible if nobody answers in time.
        """
        to, provider = self.at(prompt, f"{INTERFACES}.Prompt"), self.provider_name()
        try:
            completed = self._bus.call_and_await(to, "Prompt", "Completed", "s", "")
        except TimedOut as error:
            raise PromptImpossible(
                f"nobody answered the prompt of {provider}; it may still be shown",
                hint="answer it on the display of that program; --timeout gives more time",
            ) from error
        last_of_two(completed)
        is_dismissed = completed[0]
        return not is_dismissed

    def dismiss(self, prompt: str) -> None:
        """Dismiss a prompt that shall not be shown, unless the service is gnome-keyring.

        gnome-keyring aborts on Dismiss while it shows a prompt of any client
        (gkd-secret-unlock.c:perform_next_unlock). Its prompts end with this connection.
        """
        if self.is_gnome_keyring():
            return
        self.call(prompt, "Prompt", "Dismiss")

    def is_gnome_keyring(self) -> bool:
        """Return whether gnome-keyring owns the name."""
        from creds_session.facts.session import is_daemon_name  # `get` does not ask this

        return is_daemon_name(self.provider_name().partition(" ")[0])

    def provider_name(self) -> str:
        """Return the name and the pid of the program that serves secrets, for messages."""
        from creds_session.system.processes.keyring_daemons import program_of  # seldom

        try:
            peer = self._bus.peer(NAME)
        except Unavailable:  # no time is left to ask
            peer = None
        program = program_of(peer.pid) if peer else ""
        return f"{program} (pid {peer.pid})" if peer else "the program that serves secrets here"

    def lock(self, collection: str) -> None:
        """Lock a collection. Check its state afterwards: gkd-secret-lock.c reports no error."""
        self.call(PATH, "Service", "Lock", "ao", [collection])

    def change(self, collection: str, old: Secret, new: Secret) -> None:
        """Give a collection a new password, without a prompt. It stays unlocked or locked.

        Raises WrongPassword if ``old`` is not its password, also if it is unlocked
        (gkm-secret-collection.c:gkm_secret_collection_real_unlock); then nothing is changed.
        """
        self._with_passwords("ChangeWithMasterPassword", "o", collection, old, new)

    def create(self, label: str, password: Secret) -> None:
        """Create a collection with this label and password, without a prompt."""
        properties = {f"{INTERFACES}.Collection.Label": ("s", label)}
        self._with_passwords("CreateWithMasterPassword", "a{sv}", properties, password)

    def _with_passwords(
        self, method: str, signature: str, what: object, *passwords: Secret
    ) -> None:
        session = self.open_session()
        internal = self.at(PATH, "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface")
        signature += "(oayays)" * len(passwords)
        secrets = [(session, b"", password.reveal(), "text/plain") for password in passwords]
        try:
            self._ask(internal, method, signature, what, *secrets)
        except CallFailed as error:
            if error.name == _DENIED:
                raise WrongPassword("the keyring did not accept the password") from None
            raise Unavailable(f"the keyring daemon refused {method}: {error.problem}") from None


def secret_service(bus: Bus) -> SecretService | None:
    """Return the service that owns the name on this bus, or None; start no service."""
    owner = bus.peer(NAME)
    return SecretService(bus, owner) if owner else None
