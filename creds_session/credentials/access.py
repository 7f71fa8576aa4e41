"""Open the collection where credentials are stored, or raise the reason why it cannot be opened."""

from __future__ import annotations

import os

from creds_session.errors import CollectionLocked, NoService
from creds_session.records import NamedTuple
from creds_session.system.secret_service.collection import Collection
from creds_session.system.secret_service.service import SecretService, secret_service
from creds_session.system.session_bus.connect import connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from creds_session.system.bus.connection import Bus

TIMEOUT = 10.0  # seconds for all answers of the bus
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
        if not service.is_unlocked(path):
            from creds_session.credentials.locked import unlock_or_refuse  # seldom

            is_named = bool(preferred)
            if not unlock_or_refuse(bus, service, path, is_named=is_named, prompt=access.prompt):
                continue
        return Collection(bus, service, path, encrypted=access.encrypted, prompt=access.prompt)
    raise CollectionLocked(
        "another program locks and unlocks the keyring at this moment", hint="try again"
    )


def _service(bus: Bus, timeout: float) -> SecretService:
    service = secret_service(bus)
    if service is None:
        from creds_session.credentials.start import start_service  # seldom

        start_service(bus, timeout)
        service = secret_service(bus)
    if service is None:
        raise NoService("the keyring daemon exited as soon as it was started")
    service.require_own()
    return service
