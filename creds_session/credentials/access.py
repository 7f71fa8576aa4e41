"""Open the collection where credentials are stored, or raise the reason why it cannot be opened."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

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
from creds_session.facts.other_providers import means_to_serve
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
UNLOCK = "unlock it: creds unlock"
CREATE = "create one: creds unlock --create"
DOCTOR = "creds-doctor says why, and what to do"
ATTEMPTS = 3


def _say_nothing(_message: str) -> None:
    pass


class Access(NamedTuple):
    """Say how to reach the keyring.

    ``timeout``: the seconds for all answers of the session bus. ``prompt``: a locked keyring may
    ask for its password in its own window, if there is a display. ``encrypted``: secrets are
    encrypted on the session bus as well. ``tell`` is called with each message about which backend
    is used, and why.
    """

    timeout: float = TIMEOUT
    prompt: bool = False
    encrypted: bool = False
    tell: Callable[[str], None] = _say_nothing


USUAL = Access()
# For the attributes of each item the daemon searches all its items: it looks an object up by its
# class first, and has no index of collections (gkd-secret-objects.c:
# secret_objects_lookup_gck_object_for_path, gkm-manager.c:find_for_attributes).
PATIENT = Access(timeout=60)


def open_items(access: Access, preferred: str = "") -> Collection:
    """Return the unlocked collection; the caller closes it.

    ``preferred`` is the path of a collection, or empty for the default collection. If no program
    serves secrets, D-Bus is asked to start one.

    Raises: NoService (no bus or no provider), NotPermitted (the provider is another user's),
    Unavailable (the daemon names a keyring that it does not serve), CollectionLocked, or
    PromptImpossible if ``access.prompt`` is set.
    """
    bus = connect(os.environ, access.timeout)
    try:
        return _unlocked_items(bus, access, preferred)
    except BaseException:
        bus.close()
        raise


def _unlocked_items(bus: Bus, access: Access, preferred: str) -> Collection:
    service = _service(bus, access.timeout)
    for _ in range(ATTEMPTS):
        path = preferred or service.alias("default")
        state = _unlocked_state(service, path, access)
        if state is CollectionState.UNLOCKED:
            return Collection(bus, service, path, encrypted=access.encrypted, prompt=access.prompt)
        # The reason is read from the bus again. If another program has unlocked the keyring in the
        # meantime, then there is nothing to refuse.
        refusal = _refusal(bus, path, state, preferred)
        if refusal is not None:
            raise refusal
    raise CollectionLocked(
        "another program locks and unlocks the keyring at this moment", hint="try again"
    )


def _unlocked_state(service: SecretService, path: str, access: Access) -> CollectionState | None:
    """Return the collection's state, after it was unlocked as far as ``access`` permits."""
    state = service.state(path)
    if state is CollectionState.LOCKED and _unlocks_without_asking(service, path):
        return CollectionState.UNLOCKED
    if state is CollectionState.LOCKED and access.prompt:
        return _state_after_prompt(service, path)
    return state


def _service(bus: Bus, timeout: float) -> SecretService:
    service = secret_service(bus)
    if service is None:
        _start(bus, timeout)
        service = secret_service(bus)
    if service is None:
        raise NoService("the keyring daemon exited as soon as it was started")
    service.require_own()
    return service


def _start(bus: Bus, timeout: float) -> None:
    from creds_session.facts.session import BusFacts
    from creds_session.probe.control_holder import require_no_other_holder
    from creds_session.probe.keyring import (  # seldom
        hands_over,
        has_keyring,
        probe_keyring,
    )

    if not has_keyring(os.environ):  # a daemon would have no keyring to serve
        if not bus.activatable(NAME):
            from creds_session.probe.keyring_program import require_daemon

            require_daemon()
        raise _absent()
    keyring = probe_keyring(os.environ)
    if keyring.is_elsewhere:
        from creds_session.system.secret_service.keyring_daemon import initialise

        return initialise(bus, os.environ, timeout)
    if not bus.activatable(NAME):
        raise NoService(
            "no program that serves secrets is installed (org.freedesktop.secrets)",
            hint="install one: apt install gnome-keyring (Debian), dnf install gnome-keyring",
        )
    if hands_over(os.environ, bus.address):
        raise CollectionLocked("no keyring daemon serves this session bus yet", hint=UNLOCK)
    require_no_other_holder(BusFacts(bus.address), keyring)
    try:
        bus.start(NAME)
    except CallFailed as error:
        raise NoService(f"the keyring daemon does not start: {error.problem}") from error


def _state_after_prompt(service: SecretService, path: str) -> CollectionState:
    is_answered = service.unlock_by_prompt([path])
    state = service.state(path)
    if state is CollectionState.LOCKED and not is_answered:
        raise PromptImpossible(
            "the keyring is locked, and its prompt was declined or cannot be shown here",
            hint="without a display: creds unlock",
        )
    return state


def _absent() -> NoKeyringYet:
    return NoKeyringYet("there is no login keyring yet", hint=f"{DOCTOR}; {CREATE}")


def _unlocks_without_asking(service: SecretService, path: str) -> bool:
    """Unlock a collection that gnome-keyring unlocks for every program; return whether it did."""
    if not service.is_gnome_keyring():
        return False
    from creds_session.system.secret_service.kept_password import (  # seldom
        unlock_without_asking,
    )

    try:
        return unlock_without_asking(service, path)
    except CallFailed:  # this version of the daemon does not have the call
        return False


def _refusal(
    bus: Bus, path: str, state: CollectionState | None, preferred: str
) -> CredsSessionError | None:
    """Return why credentials cannot be read, in the words of ``creds status``.

    Returns None if the keyring has been unlocked since its state was read.
    """
    from creds_session.facts.session_state import judge
    from creds_session.probe.keyring import look_at, probe_keyring  # seldom

    facts = look_at(bus, preferred)
    if facts.owner is not None and not facts.owner.is_gnome_keyring:
        is_unlocked = facts.default is CollectionState.UNLOCKED
        return None if is_unlocked else _of_another(facts.owner.shown, path, state)
    verdict = judge(facts, probe_keyring(os.environ, connect=False))
    if preferred and state is not CollectionState.LOCKED:
        name = collection_name(preferred)
        return Unavailable(
            f"there is no keyring {name}", hint="the keyring daemon serves other keyrings"
        )
    return _refusal_of_state(verdict)


def _refusal_of_state(verdict: Verdict) -> CredsSessionError | None:
    from creds_session.facts.session_state import SessionState

    if verdict.state is SessionState.UNLOCKED:
        return None
    if verdict.state is SessionState.NO_KEYRING:
        return NoKeyringYet(verdict.line, hint=f"{DOCTOR}; {CREATE}")
    name = verdict.keyring
    if verdict.state is SessionState.PASSWORD_KEPT:  # that password was tried, and refused
        problem = (
            f"the {name} keyring is locked: the password that the login keyring stores for it is"
            " not its password"
        )
        return CollectionLocked(problem, hint=UNLOCK)
    if verdict.state is SessionState.NO_PASSWORD:
        problem = (
            f"the {name} keyring is locked, although its file here has no password: the daemon may"
            " have started with another HOME or XDG_DATA_HOME"
        )
        return CollectionLocked(problem, hint=DOCTOR)
    if verdict.state is SessionState.LOCKED:
        return CollectionLocked(verdict.line, hint=UNLOCK)
    hangs = verdict.state is SessionState.HUNG
    return (ProviderHung if hangs else Unavailable)(verdict.line, hint=DOCTOR)


def _of_another(owner: str, path: str, state: CollectionState | None) -> CredsSessionError:
    """Return why a provider other than gnome-keyring gives no credentials."""
    if state is CollectionState.LOCKED:
        is_kde = owner.startswith(("kwalletd", "ksecretd"))
        once = " (after a login has unlocked KWallet, it needs this once, and shows no window)"
        return CollectionLocked(
            f"the keyring {collection_name(path)}, which {owner} serves, is locked",
            hint=f"unlock it there, or let it ask: --prompt{once if is_kde else ''}",
        )
    if path != NO_OBJECT:
        return Unavailable(
            f"{owner} serves secrets here, but has no keyring {collection_name(path)}"
        )
    return Unavailable(
        f"{owner} serves secrets here, and has no default keyring open to programs",
        hint=means_to_serve(owner)
        or "create a default keyring in that program, or unlock the one that exists",
    )
