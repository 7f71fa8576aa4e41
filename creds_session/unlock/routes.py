"""Which way suits these facts: a pure choice, before anything is touched.

owner   collection  control socket  keyring file  way
gnome   unlocked    any             any           ALREADY
gnome   locked      any             any           IN_PLACE
gnome   absent      any             no            CREATE_IN_PLACE, only when asked
none    -           listens         yes           ACTIVATE, then look again
none    -           listens         no            the same where PAM's daemon waits, or to create
none    -           silent          yes           NEW_DAEMON
none    -           silent          no            NEW_DAEMON, only when asked to create

Everything else is a refusal that says why.
"""

from __future__ import annotations

import enum

from creds_session.collection import CollectionState
from creds_session.errors import CollectionLocked, CredsSessionError, NoBus, Unavailable
from creds_session.next_step import NO_BUS, BusState, next_step
from creds_session.session_facts import DAEMON_NAME, BusFacts, KeyringFacts, NameOwner


class Route(enum.Enum):
    """A way to an open keyring."""

    ALREADY = "it is unlocked already"
    IN_PLACE = "unlock it over the bus, on the daemon that serves it"
    CREATE_IN_PLACE = "create it over the bus, on the daemon that runs"
    ACTIVATE = "initialise the daemon that waits at its control socket"
    NEW_DAEMON = "start a daemon with the password"

    @property
    def needs_password(self) -> bool:
        """Tell whether this way needs the password of the keyring."""
        return self not in {Route.ALREADY, Route.ACTIVATE}

    def creates(self, keyring: KeyringFacts) -> bool:
        """Tell whether this way makes a keyring that is not there yet."""
        fresh = self is Route.NEW_DAEMON and not keyring.exists
        return fresh or self is Route.CREATE_IN_PLACE


class Hung(Unavailable):
    """The session bus answers, and the program that serves secrets on it does not."""


class OtherProvider(Unavailable):
    """Another program than gnome-keyring serves secrets here: no password of ours opens it."""


class NoKeyringYet(CollectionLocked):
    """There is no login keyring, and nobody asked to create one."""


def choose(bus: BusFacts, keyring: KeyringFacts, *, create: bool) -> Route:
    """Return the way; raise the refusal that fits where there is none.

    Raises NoBus, Hung, OtherProvider, Unavailable (a ghost) or NoKeyringYet.
    """
    if bus.owner is not None and bus.reason:
        raise Hung(
            f"{_who(bus.owner)} does not answer; the session bus does ({bus.reason})",
            hint=next_step(BusState.HUNG).hint,
        )
    if not bus.answers:
        raise NoBus(bus.reason or NO_BUS, hint=next_step(BusState.NONE).hint)
    if keyring.exists is None and bus.login in {None, CollectionState.ABSENT}:
        raise Unavailable(f"{keyring.path} cannot be looked at, so nothing is known of it")
    if bus.owner is None:
        return _without_owner(keyring, create=create)
    if not bus.owner.is_gnome_keyring:
        raise _other_provider(bus, bus.owner)
    if bus.login is CollectionState.GHOST:
        raise ghost(bus.owner.pid)
    if bus.login is CollectionState.ABSENT:
        return _with_keyringless_owner(bus.owner, keyring, create=create)
    return Route.ALREADY if bus.login is CollectionState.UNLOCKED else Route.IN_PLACE


def _who(owner: NameOwner) -> str:
    """Return the process that serves secrets, in words."""
    name = "the keyring daemon" if owner.is_gnome_keyring else owner.name
    return f"{name} (pid {owner.pid})"


def _other_provider(bus: BusFacts, owner: NameOwner) -> OtherProvider:
    is_open = bus.default is CollectionState.UNLOCKED
    means = "it is open already" if is_open else "open it by its own means"
    return OtherProvider(
        f"another program serves secrets here: {owner.name} (pid {owner.pid})",
        hint=f"{means}; gnome-keyring serves here once that program has ended",
    )


def _with_keyringless_owner(owner: NameOwner, keyring: KeyringFacts, *, create: bool) -> Route:
    if keyring.exists:
        raise Unavailable(
            f"{DAEMON_NAME} (pid {owner.pid}) does not serve {keyring.path}",
            hint=f"it may have started with another HOME; end it: kill {owner.pid}",
        )
    return _creating(Route.CREATE_IN_PLACE, keyring, create=create)


def ghost(pid: int) -> CredsSessionError:
    """Return what to say of a keyring that the daemon names and does not serve."""
    return Unavailable(
        f"{DAEMON_NAME} (pid {pid}) names the login keyring but does not serve it: the keyring"
        " was created while the daemon ran",
        hint="restart the daemon, then unlock: systemctl --user restart gnome-keyring-daemon"
        f" (or: kill {pid}), creds unlock",
    )


def _without_owner(keyring: KeyringFacts, *, create: bool) -> Route:
    if keyring.control_listens and (keyring.exists or keyring.login_waits or create):
        return Route.ACTIVATE
    if keyring.exists:
        return Route.NEW_DAEMON
    return _creating(Route.NEW_DAEMON, keyring, create=create)


def _creating(route: Route, keyring: KeyringFacts, *, create: bool) -> Route:
    if create:
        return route
    raise NoKeyringYet(
        f"there is no login keyring yet ({keyring.path})",
        hint="create one: creds unlock --create (or log in with a password once PAM is set up)",
    )
