"""git's credential helper: what git asks, looked up and kept (gitcredentials(7)).

service   git:PROTOCOL://HOST, and /PATH where git says one (credential.useHttpPath, or a
          protocol other than HTTP): the name that Git Credential Manager gives it
user      the user name; without one git means the one that was stored last, kept under a key
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from creds_session import credentials
from creds_session.errors import InvalidData, NoSuchCredential
from creds_session.secret import Secret

LAST_USED = "(last used)"  # the key; no user name that a server would know
EXPIRY = "password_expiry_utc"
DIGITS = re.compile(r"\s*[0-9]{1,18}", re.ASCII)
EPHEMERAL = "ephemeral"  # git-credential(1): not to be saved


class Description(NamedTuple):
    """What git says of a credential; attributes that are not known here are let be."""

    service: str
    username: str | None
    password: Secret | None
    is_lasting: bool
    expires: int | None = None  # seconds since 1970


def parse(content: bytes) -> Description | None:
    """Return what git says, or None where that names no host. Raises InvalidData."""
    attributes: dict[str, str] = {}
    for line in content.split(b"\n"):
        if not line:
            break
        name, equals, value = line.partition(b"=")
        if not equals:
            raise InvalidData("a line of git's has no '='")
        if name.endswith(b"[]"):  # wwwauth[], capability[], state[]
            continue
        try:
            attributes[name.decode()] = value.decode()
        except UnicodeDecodeError:
            raise InvalidData("an attribute of git's is not UTF-8") from None
    return _description(attributes)


def _description(attributes: Mapping[str, str]) -> Description | None:
    protocol, host = attributes.get("protocol"), attributes.get("host")
    if not protocol or host is None:
        return None
    path = attributes.get("path")
    password, expires = attributes.get("password"), _expiry(attributes.get(EXPIRY, ""))
    return Description(
        f"git:{protocol}://{host}" + (f"/{path}" if path else ""),
        attributes.get("username"),
        None if password is None else Secret(password.encode()),
        is_lasting=expires is None and attributes.get(EPHEMERAL) not in {"1", "true"},
        expires=expires,
    )


def _expiry(text: str) -> int | None:
    """Return when a password ends, or None if it does not.

    As git reads it (credential.c:credential_read): what begins with no number, or with 0, is none.
    """
    digits = DIGITS.match(text)
    return int(digits[0]) or None if digits else None


def get(asked: Description) -> bytes:
    """Return the lines that tell git the credential, or nothing where there is none."""
    found = _found(asked)
    if found is None:
        return b""
    username, password = found.username.encode(), found.password.reveal()
    if any(character in username + password for character in b"\0\n\r"):
        raise InvalidData(f"what is kept for {asked.service!r} is no single line, as git wants it")
    return b"username=" + username + b"\npassword=" + password + b"\n"


def store(known: Description) -> None:
    """Keep a credential that a server accepted, unless it ends by itself.

    One that ends by itself takes the place of an older password of that user, which is removed.

    git says so after each use: what is kept already is not written again. An empty password is
    one if the user name is a token. Raises InvalidData if it would replace one that is not empty,
    as a script does whose variable was not set; then nothing was changed.
    """
    if known.username is None or known.password is None:
        return
    if not known.is_lasting:
        if known.expires is not None and known.expires > time.time():  # else git would not use it
            _forget_superseded(known)
        return
    if not known.password:
        _require_none_to_lose(known)
    kept = _found(known._replace(username=None))
    if kept is not None and (kept.username, kept.password) == (known.username, known.password):
        return
    if kept is None:
        _forget_last(known.service)
    credentials.put(known.service, known.username, known.password, username_key=LAST_USED)


def _forget_superseded(known: Description) -> None:
    """Remove an older password in whose place a server accepted one that ends by itself.

    That one is not stored, for it would be given out after its end; the older one would be given
    out in its place.
    """
    kept = _found(known)
    if kept is not None and kept.password != known.password:
        erase(known._replace(password=None))


def _require_none_to_lose(known: Description) -> None:
    kept = _found(known)
    if kept is not None and kept.password:
        raise InvalidData(
            f"git gave an empty password for {known.service!r}, user {known.username!r}; the stored"
            " password was not replaced",
            hint="to store an empty password: creds put --allow-empty SERVICE USER",
        )


def erase(refused: Description) -> None:
    """Remove what a server refused; a password that is another one stays."""
    kept = _found(refused)
    if kept is None or refused.password not in {None, kept.password}:
        return
    last = _found(refused._replace(username=None))
    is_last = last is not None and last.username == kept.username
    key = LAST_USED if is_last else None
    credentials.delete(kept.service, kept.username, username_key=key)


def _forget_last(service: str) -> None:
    """Remove a name whose password is gone; ``put`` takes it for a password, and would refuse."""
    with suppress(NoSuchCredential):
        credentials.delete(service, LAST_USED)


def _found(asked: Description) -> credentials.Credential | None:
    key = LAST_USED if asked.username is None else None
    try:
        return credentials.get(asked.service, asked.username, username_key=key)
    except NoSuchCredential:
        return None
