"""Refuse a secret that a keyring without a password would not return as it was stored."""

from __future__ import annotations

import os

from creds_session.errors import InvalidData
from creds_session.facts.collection_state import KeyringForm, collection_name
from creds_session.facts.plain_keyring import keeps
from creds_session.facts.session_state import rekey_command
from creds_session.probe.keyring_files import form_of, keyring_file
from creds_session.secret import Secret


def require_kept(collection: str, secret: Secret) -> None:
    """Raise InvalidData if the file of this collection would change the secret; store nothing.

    gnome-keyring itself reports no error: it returns the secret unchanged until it reads the file
    again. Then it returns a different secret, or cannot read any secret in the file.
    """
    if keeps(secret.reveal()):
        return
    name = collection_name(collection)
    path = keyring_file(os.environ, name)
    if form_of(path) is not KeyringForm.PLAIN:
        return
    raise InvalidData(
        f"the {name} keyring has no password, and such a keyring cannot store this secret; nothing"
        " was stored",
        hint=f"{path} is a text file without escapes: a line break would make all of it unreadable,"
        " and a backslash, a blank at the beginning or a carriage return at the end would be lost\n"
        f"give the keyring a password, then store again: {rekey_command(name)}",
    )
