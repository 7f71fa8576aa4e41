"""Choose the route to an unlocked keyring from the facts, before anything is changed.

A row of the table says: if a daemon owns the bus name or not, if the login and the default keyring
are in these states, and if a daemon listens at the control socket or not, then this route is taken.

owner  login keyring  default keyring    control socket  route
gnome  locked         any                any             IN_PLACE
gnome  not locked     another, locked    any             DEFAULT_IN_PLACE
gnome  unlocked       not locked         any             ALREADY
gnome  absent         another, unlocked  any             ALREADY
gnome  absent         none               any             CREATE_IN_PLACE, only if asked to create
none   a file         any                listens         ACTIVATE, then choose again
none   no file        any                listens         the same, but only if the daemon that PAM
                                                         started waits there, or if asked to create,
                                                         or if another keyring is the default one
none   a file         any                silent          NEW_DAEMON
none   no file        another, a file    silent          START, then choose again
none   no file        none               silent          NEW_DAEMON, only if asked to create

In the first two rows the route is WITHOUT_ASKING if that keyring has no password, or if it is the
default keyring and the login keyring stores a password for it, which is tried. NEW_DAEMON becomes
START if the login keyring has no password. Everything else raises an error that says why.
"""

from __future__ import annotations

import enum

from creds_session.errors import (
    CredsSessionError,
    NoBus,
    NoKeyringYet,
    OtherProvider,
    ProviderHung,
    Unavailable,
)
from creds_session.facts.collection_state import CollectionState, KeyringForm
from creds_session.facts.next_step import NO_BUS, BusState, next_step
from creds_session.facts.session import DAEMON_NAME, BusFacts, KeyringFacts, NameOwner
from creds_session.facts.session_state import (
    SessionState,
    Verdict,
    default_keyring,
    has_other_default,
    judge,
)

__all__ = ["NoBus", "NoKeyringYet", "OtherProvider", "Route", "choose", "ghost"]
DOCTOR = "creds-doctor says why, and what to do"


class Route(enum.Enum):
    """A route to an unlocked keyring; the value describes it for a person."""

    ALREADY = "the keyring is unlocked already"
    WITHOUT_ASKING = "unlock it: it has no password, or the login keyring stores its password"
    IN_PLACE = "unlock the login keyring over D-Bus, in the daemon that serves it"
    DEFAULT_IN_PLACE = "unlock the default keyring over D-Bus, in the daemon that serves it"
    CREATE_IN_PLACE = "create the login keyring over D-Bus, in the daemon that is running"
    ACTIVATE = "initialise the daemon that waits at its control socket"
    START = "start a daemon without a password, then look again"
    NEW_DAEMON = "start a daemon with the password"

    @property
    def needs_password(self) -> bool:
        """Return whether this route needs the password of the keyring."""
        return self not in {Route.ALREADY, Route.WITHOUT_ASKING, Route.ACTIVATE, Route.START}

    @property
    def starts(self) -> bool:
        """Return whether this route only starts a daemon, so that a route is chosen again."""
        return self in {Route.ACTIVATE, Route.START}

    def creates(self, keyring: KeyringFacts) -> bool:
        """Return whether this route creates a keyring that does not exist yet."""
        fresh = self is Route.NEW_DAEMON and not keyring.exists
        return fresh or self is Route.CREATE_IN_PLACE


def choose(bus: BusFacts, keyring: KeyringFacts, *, create: bool) -> Route:
    """Return the route, or raise the reason why there is no route.

    Raises: NoBus, ProviderHung, OtherProvider, NoKeyringYet, or Unavailable (the daemon names a
    keyring that it does not serve, or the state of the keyring is unknown).
    """
    verdict = judge(bus, keyring)
    _require_usable(bus, keyring, verdict)
    is_other = bus.default in {CollectionState.LOCKED, CollectionState.UNLOCKED}
    if keyring.exists is None and bus.login in {None, CollectionState.ABSENT} and not is_other:
        raise Unavailable(
            f"{keyring.path} cannot be read, so it is not known whether there is a login keyring"
        )
    if bus.owner is None:
        return _without_owner(keyring, create=create)
    if not bus.owner.is_gnome_keyring:
        raise _other_provider(bus, bus.owner)
    if bus.login is CollectionState.GHOST:
        raise ghost(bus.owner.pid)
    if bus.login is CollectionState.LOCKED:
        is_plain = keyring.form is KeyringForm.PLAIN
        return Route.WITHOUT_ASKING if is_plain else Route.IN_PLACE
    return _by_default(bus, keyring, verdict, create=create)


def _require_usable(bus: BusFacts, keyring: KeyringFacts, verdict: Verdict) -> None:
    """Raise the reason why no route can unlock a keyring, if there is one."""
    if verdict.state is SessionState.HUNG:
        raise ProviderHung(verdict.line, hint=next_step(BusState.HUNG).hint)
    if not bus.answers:
        raise NoBus(bus.reason or NO_BUS, hint=next_step(BusState.NONE).hint)
    if verdict.state is SessionState.GHOST and keyring.form.is_damaged:
        raise Unavailable(verdict.line, hint=DOCTOR)


def _by_default(bus: BusFacts, keyring: KeyringFacts, verdict: Verdict, *, create: bool) -> Route:
    """Return the route if the login keyring is unlocked or does not exist."""
    _, default = default_keyring(bus)
    if default is CollectionState.LOCKED:
        may_open = verdict.state in {SessionState.NO_PASSWORD, SessionState.PASSWORD_KEPT}
        return Route.WITHOUT_ASKING if may_open else Route.DEFAULT_IN_PLACE
    if default is CollectionState.UNLOCKED:
        return Route.ALREADY
    is_absent = bus.login is not CollectionState.UNLOCKED
    is_unserved = verdict.state is SessionState.NO_DEFAULT and not (create and is_absent)
    if default is CollectionState.GHOST or is_unserved:
        raise Unavailable(verdict.line, hint=DOCTOR)
    if bus.login is CollectionState.UNLOCKED or bus.owner is None:
        return Route.ALREADY
    return _with_keyringless_owner(bus.owner, keyring, create=create)


def _other_provider(bus: BusFacts, owner: NameOwner) -> OtherProvider:
    is_open = bus.default is CollectionState.UNLOCKED
    means = "its keyring is unlocked" if is_open else "unlock its keyring in that program"
    return OtherProvider(
        f"another program serves secrets here: {owner.shown}",
        hint=f"{means}; to use gnome-keyring instead, end that program first",
    )


def _with_keyringless_owner(owner: NameOwner, keyring: KeyringFacts, *, create: bool) -> Route:
    if keyring.exists:
        raise Unavailable(
            f"{DAEMON_NAME} (pid {owner.pid}) does not serve {keyring.path}",
            hint=f"the daemon may have started with another HOME; end it: kill {owner.pid}",
        )
    return _creating(Route.CREATE_IN_PLACE, keyring, create=create)


def ghost(pid: int) -> CredsSessionError:
    """Return the error for a login keyring that the daemon names but does not serve."""
    return Unavailable(
        f"{DAEMON_NAME} (pid {pid}) names the login keyring but does not serve it: the keyring"
        " was created while the daemon was running",
        hint="restart the daemon, then unlock: systemctl --user restart gnome-keyring-daemon"
        f" (or: kill {pid}), creds unlock",
    )


def _without_owner(keyring: KeyringFacts, *, create: bool) -> Route:
    is_other = has_other_default(keyring)
    if keyring.control_listens and (keyring.exists or keyring.login_waits or create or is_other):
        return Route.ACTIVATE
    if keyring.exists:
        return Route.START if keyring.form is KeyringForm.PLAIN else Route.NEW_DAEMON
    if is_other:  # a daemon that is given a password would create a login keyring with it
        return Route.START
    return _creating(Route.NEW_DAEMON, keyring, create=create)


def _creating(route: Route, keyring: KeyringFacts, *, create: bool) -> Route:
    if create:
        return route
    raise NoKeyringYet(
        f"there is no login keyring yet ({keyring.path})",
        hint="create one: creds unlock --create (or log in with a password once PAM is set up)",
    )
