"""The collection where credentials are kept, reached and open, or the reason why not."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

from creds_session.collection import CollectionState, collection_name
from creds_session.errors import (
    CollectionLocked,
    CredsSessionError,
    NoService,
    PromptImpossible,
    Unavailable,
)
from creds_session.session_connection import connect, no_answer_named
from creds_session.system.bus import Bus, CallFailed, Peer
from creds_session.system.items import Items
from creds_session.system.secret_service import NAME, NO_OBJECT, SecretService

TIMEOUT = 10.0  # seconds for all answers of the bus
UNLOCK = "unlock it: creds unlock"
MEANS = {
    "keepassxc": "in KeePassXC, open a database that exposes a group to the Secret Service",
    "kwalletd": "create the wallet in KWallet Manager, or open it",
    "ksecretd": "create the wallet in KWallet Manager, or open it",
}
OTHER = "creds unlock opens only the login keyring; creds-doctor says how to make that the default"


def _nobody(_told: str) -> None:
    pass


class Access(NamedTuple):
    """How to reach the keyring. ``timeout``, in seconds, is for all that is asked of the bus.

    ``prompt``: a locked keyring asks for its password by its own prompt, where there is a display.
    ``encrypted``: secrets are encrypted on the bus. ``tell`` is told which way is gone, and why.
    """

    timeout: float = TIMEOUT
    prompt: bool = False
    encrypted: bool = False
    tell: Callable[[str], None] = _nobody


USUAL = Access()
# For each item's names the daemon goes through all its items: it looks an object up by its class
# first, and has no index of collections (gkd-secret-objects.c:
# secret_objects_lookup_gck_object_for_path, gkm-manager.c:find_for_attributes).
PATIENT = Access(timeout=60)


def open_items(access: Access, preferred: str = "") -> Items:
    """Return the open collection; starts the service where D-Bus can. To be closed.

    Raises NoService (no bus, no provider), Unavailable (a ghost), CollectionLocked or, with
    ``prompt`` alone, PromptImpossible.
    """
    bus = connect(os.environ, access.timeout)
    try:
        with no_answer_named(bus):
            return _opened(bus, access, preferred)
    except BaseException:
        bus.close()
        raise


def _opened(bus: Bus, access: Access, preferred: str) -> Items:
    service = _service(bus, access.timeout)
    path = preferred or service.alias("default")
    state = service.state(path)
    if state is CollectionState.LOCKED and access.prompt:
        state = _asked(service, path)
    if state is not CollectionState.UNLOCKED:
        _refuse(bus, service, path, state)
    return Items(bus, service, path, encrypted=access.encrypted, prompt=access.prompt)


def _service(bus: Bus, timeout: float) -> SecretService:
    owner = bus.owner(NAME)
    if owner is None:
        _start(bus, timeout)
        owner = bus.owner(NAME)
    if owner is None:
        raise NoService("the keyring daemon ended as soon as it was started")
    return SecretService(bus, Peer(owner, 0, 0))  # which process it is asks nobody but an error


def _start(bus: Bus, timeout: float) -> None:
    from creds_session.probe.session import (  # noqa: PLC0415 - seldom
        hands_over,
        has_keyring,
        probe_keyring,
    )

    if not has_keyring(os.environ):  # a daemon would have nothing to serve
        if not bus.activatable(NAME):
            from creds_session.probe.keyring_program import require_daemon  # noqa: PLC0415

            require_daemon()
        raise _absent()
    if probe_keyring(os.environ).is_elsewhere:
        from creds_session.system.waiting_daemon import initialise  # noqa: PLC0415

        return initialise(bus, os.environ, timeout)
    if not bus.activatable(NAME):
        raise NoService(
            "no program that serves secrets is installed (org.freedesktop.secrets)",
            hint="install one: apt install gnome-keyring (Debian), dnf install gnome-keyring",
        )
    if hands_over(os.environ, bus.address):
        raise CollectionLocked("no keyring daemon serves this bus yet", hint=UNLOCK)
    try:
        bus.start(NAME)
    except CallFailed as error:
        raise NoService(f"the keyring daemon does not start: {error.problem}") from error


def _asked(service: SecretService, path: str) -> CollectionState:
    given = service.unlock_by_prompt([path])
    state = service.state(path)
    if state is CollectionState.LOCKED and not given:
        raise PromptImpossible(
            "the keyring is locked, and its prompt was declined or cannot be shown here",
            hint="without a display: creds unlock",
        )
    return state


def _absent() -> CollectionLocked:
    return CollectionLocked(
        "there is no login keyring yet", hint="creds-doctor says why; creds unlock --create"
    )


def _refuse(bus: Bus, service: SecretService, path: str, state: CollectionState) -> None:
    from creds_session.probe.session import owner_of  # noqa: PLC0415 - seldom

    peer = bus.peer(NAME)
    other = owner_of(peer) if peer else None
    if other and not other.is_gnome_keyring:
        raise _of_another(f"{other.name} (pid {other.pid})", path, state)
    if state is CollectionState.ABSENT:
        raise _absent()
    name = collection_name(path)
    is_login = path == service.alias("login")
    if state is CollectionState.LOCKED and is_login:
        raise CollectionLocked("the keyring is locked", hint=UNLOCK)
    if state is CollectionState.LOCKED:
        raise CollectionLocked(f"the default keyring, {name}, is locked", hint=OTHER)
    owner = f"{other.name} (pid {other.pid})" if other else "nobody any more"
    if not is_login:
        raise Unavailable(f"there is no keyring {name}", hint=f"{owner} serves others")
    raise Unavailable(
        f"the login keyring is named but not served by {owner}",
        hint="restart the daemon, then unlock; creds-doctor says how",
    )


def _of_another(owner: str, path: str, state: CollectionState) -> CredsSessionError:
    """Return what it means of a service that is not gnome-keyring's."""
    if state is CollectionState.LOCKED:
        is_kde = owner.startswith(("kwalletd", "ksecretd"))
        once = " (a KWallet that the login opened needs that once, and shows nothing)"
        return CollectionLocked(
            f"{collection_name(path)}, which {owner} serves, is locked",
            hint=f"open it there, or let it ask: --prompt{once if is_kde else ''}",
        )
    if path != NO_OBJECT:
        return Unavailable(f"{owner} serves secrets here, and no keyring {collection_name(path)}")
    means = next((how for name, how in MEANS.items() if owner.startswith(name)), None)
    return Unavailable(
        f"{owner} serves secrets here, and has no default keyring open to programs",
        hint=means or "make a default keyring there, or open the one that is there",
    )
