"""Unlock the collection of credentials, or say why its credentials cannot be read."""

from __future__ import annotations

import os

from creds_session.errors import (
    CollectionLocked,
    CredsSessionError,
    NoKeyringYet,
    PromptImpossible,
    ProviderHung,
    Unavailable,
)
from creds_session.facts.collection_state import CollectionState, collection_name
from creds_session.facts.other_providers import means_to_serve
from creds_session.facts.session_state import SessionState, Verdict, judge
from creds_session.probe.keyring import look_at, probe_keyring
from creds_session.system.bus.connection import Bus, CallFailed
from creds_session.system.secret_service.kept_password import unlock_without_asking
from creds_session.system.secret_service.service import NO_OBJECT, SecretService

UNLOCK = "unlock it: creds unlock"
CREATE = "create one: creds unlock --create"
DOCTOR = "creds-doctor says why, and what to do"


def unlock_or_refuse(
    bus: Bus, service: SecretService, path: str, *, is_named: bool, prompt: bool
) -> bool:
    """Unlock a collection if that is possible without a question, or with ``prompt``.

    Returns whether it is unlocked now; if not, the caller looks again. ``is_named``: the collection
    is not the default one. Raises: why credentials cannot be read, in the words of
    ``creds status``.
    """
    state = _unlocked_state(service, path, prompt=prompt)
    if state is CollectionState.UNLOCKED:
        return True
    # The reason is read from the bus again. If another program has unlocked the keyring in the
    # meantime, then there is nothing to refuse.
    error = _refusal(bus, path, state, path if is_named else "")
    if error is not None:
        raise error
    return False


def _unlocked_state(service: SecretService, path: str, *, prompt: bool) -> CollectionState:
    state = service.state(path)
    if state is CollectionState.LOCKED and _unlocks_without_asking(service, path):
        return CollectionState.UNLOCKED
    if state is CollectionState.LOCKED and prompt:
        return _state_after_prompt(service, path)
    return state


def _state_after_prompt(service: SecretService, path: str) -> CollectionState:
    is_answered = service.unlock_by_prompt([path])
    state = service.state(path)
    if state is CollectionState.LOCKED and not is_answered:
        raise PromptImpossible(
            "the keyring is locked, and its prompt was declined or cannot be shown here",
            hint="without a display: creds unlock",
        )
    return state


def _unlocks_without_asking(service: SecretService, path: str) -> bool:
    """Unlock a collection that gnome-keyring unlocks for every program; return whether it did."""
    if not service.is_gnome_keyring():
        return False
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
        f"{owner} serves secrets here, and has no default keyring that programs can use",
        hint=means_to_serve(owner)
        or "create a default keyring in that program, or unlock the one that exists",
    )
