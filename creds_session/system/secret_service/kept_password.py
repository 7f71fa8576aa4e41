"""Unlock a keyring with the password for it that the unlocked login keyring contains.

gnome-keyring stores that password when a person lets it, and then unlocks the other keyring with it
for every program that asks (gkm-wrap-prompt.c:auto_unlock_keyring_location).
"""

from __future__ import annotations

from creds_session.errors import WrongPassword
from creds_session.facts.collection_state import CollectionState, collection_name
from creds_session.secret import Secret
from creds_session.system.bus.connection import CallFailed
from creds_session.system.secret_service.service import SecretService


def kept_password_item(service: SecretService, collection: str) -> str | None:
    """Return the login keyring's item with the password of this collection, or None.

    gnome-keyring finds the item by the same attribute. Nothing is unlocked.
    """
    attributes = {"keyring": f"LOCAL:/keyrings/{collection_name(collection)}.keyring"}
    login = service.alias("login")
    try:
        (paths,) = service.call(login, "Collection", "SearchItems", "a{ss}", attributes)
    except CallFailed:
        return None
    return str(paths[0]) if isinstance(paths, (list, tuple)) and paths else None


def unlock_with_kept_password(service: SecretService, collection: str) -> bool:
    """Unlock a collection with the password that the login keyring contains; return whether it did.

    gnome-keyring's own prompt would do the same. But if that password is out of date, the prompt
    would ask on a display and remove the password.
    """
    item = kept_password_item(service, collection)
    if item is None:
        return False
    session = service.open_session()
    try:
        (secret,) = service.call(item, "Item", "GetSecret", "o", session)
        value = secret[2] if isinstance(secret, tuple) else b""
        service.unlock(collection, Secret(bytes(value)))
    except (CallFailed, WrongPassword):
        return False
    return service.state(collection) is CollectionState.UNLOCKED


def renew_kept_password(service: SecretService, collection: str, password: Secret) -> bool:
    """Replace the password for this collection in the login keyring; return whether it did.

    Returns False if there is no such password, or if the login keyring is locked.
    """
    item = kept_password_item(service, collection)
    if item is None:
        return False
    secret = (service.open_session(), b"", password.reveal(), "text/plain")
    try:
        service.call(item, "Item", "SetSecret", "(oayays)", secret)
    except CallFailed:
        return False
    return True


def unlock_without_asking(service: SecretService, collection: str) -> bool:
    """Unlock a collection as gnome-keyring would for any program, without asking a person.

    Returns whether it is unlocked. The service must be gnome-keyring.
    """
    is_unlocked = service.unlock_without_password(collection)
    return is_unlocked or unlock_with_kept_password(service, collection)
