"""Unlock the keyrings that every program can unlock without a prompt.

gnome-keyring unlocks a keyring for every program if the keyring has no password, or if the unlocked
login keyring stores its password. It would be wrong to report such a keyring as locked.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from creds_session.errors import CollectionLocked, Unavailable, WrongPassword
from creds_session.facts.collection_state import CollectionState, KeyringForm, collection_name
from creds_session.facts.session import KeyringFacts
from creds_session.facts.session_state import LOGIN, form_of
from creds_session.records import NamedTuple
from creds_session.secret import Secret
from creds_session.system.bus.connection import CallFailed
from creds_session.system.secret_service.kept_password import unlock_with_kept_password
from creds_session.system.secret_service.service import NO_OBJECT, SecretService

NO_DEFAULT = "creds-doctor says which keyring should be the default one, and how to set it"


class UnlockedWithoutPrompt(NamedTuple):
    """Hold the names of the keyrings that were unlocked without a prompt of their own.

    ``without_password``: they have no password. ``by_kept_password``: the login keyring stores
    their password. ``by_same_password``: they have the password that was typed for the login
    keyring.
    """

    without_password: tuple[str, ...] = ()
    by_kept_password: tuple[str, ...] = ()
    by_same_password: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all these keyrings."""
        return (*self.without_password, *self.by_kept_password, *self.by_same_password)


def open_without_asking(service: SecretService, keyring: KeyringFacts) -> UnlockedWithoutPrompt:
    """Unlock the login keyring and the default keyring if that needs no password from a person."""
    without_password: list[str] = []
    by_kept_password: list[str] = []
    for path in dict.fromkeys((service.alias("login"), service.alias("default"))):
        if service.state(path) is not CollectionState.LOCKED:
            continue
        name = collection_name(path)
        may_be_empty = form_of(keyring, name) is not KeyringForm.SEALED
        if may_be_empty and _unlocks(SecretService.unlock_without_password, service, path):
            without_password.append(name)
        elif name != LOGIN and _unlocks(unlock_with_kept_password, service, path):
            by_kept_password.append(name)
    return UnlockedWithoutPrompt(tuple(without_password), tuple(by_kept_password))


def open_default_too(
    service: SecretService,
    keyring: KeyringFacts,
    opened: UnlockedWithoutPrompt,
    password: Secret | None,
    *,
    created: bool,
) -> UnlockedWithoutPrompt:
    """Unlock the default keyring after the login keyring was unlocked with this password.

    A login keyring that was just ``created`` becomes the default keyring if there is no default
    keyring.

    Raises: CollectionLocked if the default keyring stays locked, and Unavailable if there is no
    default keyring. Programs read the default keyring, so that they could read no secret.
    """
    path = service.alias("default")
    if path == NO_OBJECT and created:
        path = service.alias("login")
        service.make_default(path)
    if path == NO_OBJECT:
        raise Unavailable(
            "the login keyring is unlocked, but there is no default keyring, which programs read"
            " and write",
            hint=NO_DEFAULT,
        )
    if service.state(path) is not CollectionState.LOCKED:
        return opened
    more, name = open_without_asking(service, keyring), collection_name(path)
    opened = UnlockedWithoutPrompt(
        (*opened.without_password, *more.without_password),
        (*opened.by_kept_password, *more.by_kept_password),
    )
    if name in more.names:
        return opened
    if password is not None and _unlocks_with(service, path, password):
        return opened._replace(by_same_password=(name,))
    raise CollectionLocked(
        f"the login keyring is unlocked, but the default keyring, {name}, is still locked: it has"
        " another password",
        hint="unlock it as well, with its own password: creds unlock",
    )


def _unlocks_with(service: SecretService, path: str, password: Secret) -> bool:
    with suppress(WrongPassword):
        service.unlock(path, password)
    return service.state(path) is CollectionState.UNLOCKED


def _unlocks(act: Callable[[SecretService, str], bool], service: SecretService, path: str) -> bool:
    try:
        return act(service, path)
    except CallFailed:  # this version of the daemon does not have the call
        return False
