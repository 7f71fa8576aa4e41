"""Look up, store and remove credentials for git, as its credential helper (gitcredentials(7)).

service   git:PROTOCOL://HOST, as in Git Credential Manager, with /PATH if git sends a path
          (credential.useHttpPath, or a protocol other than HTTP)
user      the user name; if git sends no user name, the one that was stored last, which is stored
          under a lookup key
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

LAST_USED = "(last used)"  # the lookup key, which no server uses as a user name
EXPIRY = "password_expiry_utc"
DIGITS = re.compile(r"\s*[0-9]{1,18}", re.ASCII)
EPHEMERAL = "ephemeral"  # git-credential(1): the credential must not be saved


class Description(NamedTuple):
    """Hold what git sends about a credential; unknown attributes are ignored."""

    service: str
    username: str | None
    password: Secret | None
    is_lasting: bool
    expires: int | None = None  # seconds since 1970


def parse_description(content: bytes) -> Description | None:
    """Parse what git sends; return None if it names no host.

    Raises: InvalidData.
    """
    attributes: dict[str, str] = {}
    for line in content.split(b"\n"):
        if not line:
            break
        name, equals, value = line.partition(b"=")
        if not equals:
            raise InvalidData("a line from git has no '='")
        if name.endswith(b"[]"):  # wwwauth[], capability[], state[]
            continue
        try:
            attributes[name.decode()] = value.decode()
        except UnicodeDecodeError:
            raise InvalidData("an attribute from git is not UTF-8") from None
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
    """Return when a password expires, in seconds since 1970, or None if it does not expire.

    As in git (credential.c:credential_read), a text that does not begin with a number, or begins
    with 0, means that the password does not expire.
    """
    digits = DIGITS.match(text)
    return int(digits[0]) or None if digits else None


def get(asked: Description) -> bytes:
    """Return the credential as lines for git, or nothing if no credential is stored.

    Raises: InvalidData, and what ``credentials.get`` raises.
    """
    credential = _stored(asked)
    if credential is None:
        return b""
    username, password = credential.username.encode(), credential.password.reveal()
    if any(character in username + password for character in b"\0\n\r"):
        raise InvalidData(
            f"the credential for {asked.service!r} has several lines or a NUL character, which git"
            " cannot read"
        )
    return b"username=" + username + b"\npassword=" + password + b"\n"


def store(known: Description) -> None:
    """Store a credential that a server accepted, unless the password expires.

    A password that expires is not stored; an older password of that user is removed.

    git calls this after each use, so that a credential that is stored already is not written again.
    An empty password is valid if the user name is a token.

    Raises: InvalidData if an empty password would replace a password that is not empty, as it
    happens in a script with an unset variable. Then nothing was changed.
    """
    if known.username is None or known.password is None:
        return
    if not known.is_lasting:
        if known.expires is not None and known.expires > time.time():  # git ignores expired ones
            _forget_superseded(known)
        return
    if not known.password:
        _require_none_to_lose(known)
    stored = _stored(known._replace(username=None))
    if stored is not None and (stored.username, stored.password) == (
        known.username,
        known.password,
    ):
        return
    if stored is None:
        _forget_last(known.service)
    credentials.put(known.service, known.username, known.password, username_key=LAST_USED)


def _forget_superseded(known: Description) -> None:
    """Remove the stored password if a server has accepted another password that expires.

    The new password is not stored, because it would be used after it has expired. Without this, git
    would be given the older password next time.
    """
    stored = _stored(known)
    if stored is not None and stored.password != known.password:
        erase(known._replace(password=None))


def _require_none_to_lose(known: Description) -> None:
    stored = _stored(known)
    if stored is not None and stored.password:
        raise InvalidData(
            f"git gave an empty password for {known.service!r}, user {known.username!r}; the stored"
            " password was not replaced",
            hint="to store an empty password: creds put --allow-empty SERVICE USER",
        )


def erase(refused: Description) -> None:
    """Remove a credential that a server refused, unless another password is stored by now."""
    stored = _stored(refused)
    if stored is None or refused.password not in {None, stored.password}:
        return
    last = _stored(refused._replace(username=None))
    is_last = last is not None and last.username == stored.username
    key = LAST_USED if is_last else None
    credentials.delete(stored.service, stored.username, username_key=key)


def _forget_last(service: str) -> None:
    """Remove a user name whose password was deleted.

    Otherwise ``put`` would take the user name for a password, and refuse to replace it.
    """
    with suppress(NoSuchCredential):
        credentials.delete(service, LAST_USED)


def _stored(asked: Description) -> credentials.Credential | None:
    key = LAST_USED if asked.username is None else None
    try:
        return credentials.get(asked.service, asked.username, username_key=key)
    except NoSuchCredential:
        return None
