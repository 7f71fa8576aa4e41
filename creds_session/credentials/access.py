"""The collection where credentials are kept, reached and open, or the reason why not."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from creds_session.errors import (
    CollectionLocked,
    CredsSessionError,
    NoKeyringYet,
    NoService,
    PromptImpossible,
    ProviderHung,
    Unavailable,
)
from creds_session.facts.collection_state import CollectionState, collection_name
from creds_session.system.bus.connection import Bus, CallFailed
from creds_session.system.secret_service.collection import Collection
from creds_session.system.secret_service.service import (
    NAME,
    NO_OBJECT,
    SecretService,
    secret_service,
)
from creds_session.system.session_bus.connect import connect

if TYPE_CHECKING:
    from creds_session.facts.session_state import Verdict

TIMEOUT = 10.0  # seconds for all answers of the bus
UNLOCK = "unlock it: creds unlock (in Python: creds_session.unlock_keyring)"
CREATE = "create one: creds unlock --create (in Python: unlock_keyring(password, create=True))"
DOCTOR = "creds-doctor says why, and what to do"
MEANS = {
    "keepassxc": "in KeePassXC, open a database that exposes a group to the Secret Service",
    "kwalletd": "create the wallet in KWallet Manager, or open it",
    "ksecretd": "create the wallet in KWallet Manager, or open it",
}


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


def open_items(access: Access, preferred: str = "") -> Collection:
    """Return the open collection; starts the service where D-Bus can. To be closed.

    Raises NoService (no bus, no provider), NotPermitted (another user's provider), Unavailable (a
    ghost), CollectionLocked or, with ``prompt`` alone, PromptImpossible.
    """
    bus = connect(os.environ, access.timeout)
    try:
        return _opened(bus, access, preferred)
    except BaseException:
        bus.close()
        raise


def _opened(bus: Bus, access: Access, preferred: str) -> Collection:
    service = _service(bus, access.timeout)
    path = preferred or service.alias("default")
    state = service.state(path)
    if state is CollectionState.LOCKED and _opens_without_asking(service, path):
        state = CollectionState.UNLOCKED
    if state is CollectionState.LOCKED and access.prompt:
        state = _asked(service, path)
    if state is not CollectionState.UNLOCKED:
        _refuse(bus, path, state, preferred)
    return Collection(bus, service, path, encrypted=access.encrypted, prompt=access.prompt)


def _service(bus: Bus, timeout: float) -> SecretService:
    service = secret_service(bus)
    if service is None:
        _start(bus, timeout)
        service = secret_service(bus)
    if service is None:
        raise NoService("the keyring daemon ended as soon as it was started")
    service.require_own()
    return service


def _start(bus: Bus, timeout: float) -> None:
    from creds_session.probe.keyring import (  # seldom
        hands_over,
        has_keyring,
        probe_keyring,
    )

    if not has_keyring(os.environ):  # a daemon would have nothing to serve
        if not bus.activatable(NAME):
            from creds_session.probe.keyring_program import require_daemon

            require_daemon()
        raise _absent()
    if probe_keyring(os.environ).is_elsewhere:
        from creds_session.system.secret_service.keyring_daemon import initialise

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


def _absent() -> NoKeyringYet:
    return NoKeyringYet("there is no login keyring yet", hint=f"{DOCTOR}; {CREATE}")


def _opens_without_asking(service: SecretService, path: str) -> bool:
    """Open a collection that gnome-keyring opens for every program; tell whether it is open."""
    if not service.is_gnome_keyring():
        return False
    from creds_session.system.secret_service.kept_password import (  # seldom
        unlock_without_asking,
    )

    try:
        return unlock_without_asking(service, path)
    except CallFailed:  # a daemon that knows no such call opens nothing by it
        return False


def _refuse(bus: Bus, path: str, state: CollectionState, preferred: str) -> NoReturn:
    """Raise what keeps the credentials from being read, in the words of ``creds status``."""
    from creds_session.facts.session_state import judge
    from creds_session.probe.keyring import look_at, probe_keyring  # seldom

    facts = look_at(bus, preferred)
    if facts.owner is not None and not facts.owner.is_gnome_keyring:
        raise _of_another(facts.owner.shown, path, state)
    verdict = judge(facts, probe_keyring(os.environ, connect=False))
    if preferred and state is not CollectionState.LOCKED:
        name = collection_name(preferred)
        raise Unavailable(f"there is no keyring {name}", hint="the daemon serves others")
    raise _refusal(verdict)


def _refusal(verdict: Verdict) -> CredsSessionError:
    from creds_session.facts.session_state import SessionState

    if verdict.state is SessionState.NO_KEYRING:
        return NoKeyringYet(verdict.line, hint=f"{DOCTOR}; {CREATE}")
    if verdict.state is SessionState.HUNG:
        return ProviderHung(verdict.line, hint=DOCTOR)
    name = verdict.keyring
    if verdict.state is SessionState.PASSWORD_KEPT:  # it was tried
        older = "the login keyring holds another password for it than its own"
        return CollectionLocked(f"the {name} keyring is locked: {older}", hint=UNLOCK)
    if verdict.state is SessionState.NO_PASSWORD:
        other = "the daemon may have started with another HOME or XDG_DATA_HOME"
        problem = f"the {name} keyring is locked, although its file here has no password"
        return CollectionLocked(f"{problem}: {other}", hint=DOCTOR)
    if verdict.state in {SessionState.LOCKED, SessionState.UNLOCKED}:
        return CollectionLocked(verdict.line, hint=UNLOCK)
    return Unavailable(verdict.line, hint=DOCTOR)


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
