"""The Secret Service and gnome-keyring's own interface beside it, over a Bus.

Specification: https://specifications.freedesktop.org/secret-service-spec/latest/. The second
interface is daemon/dbus/gkd-internal.c of gnome-keyring: it opens and creates collections with a
password in the message, so no prompt is shown.
"""

from __future__ import annotations

from jeepney import DBusAddress

from creds_session.errors import Unavailable, WrongPassword
from creds_session.facts import CollectionState
from creds_session.secret import Secret
from creds_session.system.bus import Bus, CallFailed, Peer

NAME = "org.freedesktop.secrets"
PATH = "/org/freedesktop/secrets"
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

    def _at(self, path: str, interface: str) -> DBusAddress:
        return DBusAddress(path, self.owner.unique_name, interface)

    def _service(self) -> DBusAddress:
        return self._at(PATH, "org.freedesktop.Secret.Service")

    def alias(self, name: str) -> str:
        """Return the path of the collection with this alias, or ``/``."""
        (path,) = self._bus.call(self._service(), "ReadAlias", "s", name)
        return str(path)

    def state(self, collection: str) -> CollectionState:
        """Return whether a collection is open, as its own property ``Locked`` says.

        A path that the service names and does not serve is a ghost: gnome-keyring never exports a
        login keyring that its control socket created while it was already running.
        """
        if collection == NO_OBJECT:
            return CollectionState.ABSENT
        properties = self._at(collection, "org.freedesktop.DBus.Properties")
        interface = "org.freedesktop.Secret.Collection"
        try:
            (variant,) = self._bus.call(properties, "Get", "ss", interface, "Locked")
        except CallFailed as error:
            if error.name in _ABSENT:
                return CollectionState.GHOST
            raise
        return CollectionState.UNLOCKED if variant == ("b", False) else CollectionState.LOCKED

    def login_state(self) -> CollectionState:
        """Return the state of the login keyring.

        The alias tells a keyring that is not there from one that is named and not served.
        """
        return self.state(self.alias("login"))

    def unlock(self, collection: str, password: Secret) -> None:
        """Open a collection with its password, without a prompt.

        Raises WrongPassword. An open collection takes any password: look at its state first.
        """
        self._with_password("UnlockWithMasterPassword", "o", collection, password)

    def create(self, label: str, password: Secret) -> None:
        """Create a collection with this label and password, without a prompt."""
        properties = {"org.freedesktop.Secret.Collection.Label": ("s", label)}
        self._with_password("CreateWithMasterPassword", "a{sv}", properties, password)

    def _with_password(self, method: str, signature: str, what: object, password: Secret) -> None:
        service = self._service()
        opened = self._bus.call(service, "OpenSession", "sv", "plain", ("s", ""))
        session = str(opened[1])  # closed with this connection (the specification, Sessions)
        internal = self._at(PATH, "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface")
        secret = (session, b"", password.reveal(), "text/plain")
        try:
            self._bus.call(internal, method, f"{signature}(oayays)", what, secret)
        except CallFailed as error:
            if error.name == _DENIED:
                raise WrongPassword("the keyring did not accept the password") from None
            raise Unavailable(f"the keyring daemon refused {method}: {error.problem}") from None


def secret_service(bus: Bus) -> SecretService | None:
    """Return the service that owns the name on this bus, or None; starts nothing."""
    owner = bus.peer(NAME)
    return SecretService(bus, owner) if owner else None
